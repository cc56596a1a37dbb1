/* SPDX-License-Identifier: Apache-2.0 */
/* What a video costs: bytes at a cut of a real network when each frame is coded after the one
 * before it, beside frames alone, and how often the answer stays the float network's: on the frames
 * of a fixed camera, and on a photograph that is panned over quickly. Points are designed on other
 * images. Usage: see `usage`. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "bench/codec_rivals.h"
#include "bench/report.h"
#include "compress/calibration_images.h"
#include "compress/codec_design.h"
#include "compress/cut_probe.h"
#include "graph/prepare.h"
#include "kernel/ref/ref.h"
#include "media/image.h"
#include "net/wire.h"
#include "net/wire_header.h"
#include "onnx/onnx_import.h"
#include "runtime/topk.h"

#define PAYLOAD_HEAD_BYTES 8u /* with one tensor: header, tag, point, length */
#define PAN_FRAMES 32u
#define PAN_PARTS 16u /* a step is this part of the input's width */
#define PROBED_IMAGES 32u
#define MAX_STEPS 32u

static const char usage[] =
    "bench_codec_temporal OUT.json MODEL.onnx PRESET CUT STEP[,STEP...] DESIGN_DIR VIDEO_DIR "
    "PHOTO\n"
    "  CUT: CxHxW.N, the Nth cut (from 0) where one tensor of that shape crosses\n"
    "  STEP: of points with a transform (clv_design_options); -STEP: without\n";

static void die(const char *what, const clv_error *err)
{
    (void)fprintf(stderr, "bench_codec_temporal: %s: %s: %s\n", what, err->location, err->message);
    exit(1);
}

static void *room(size_t count, size_t size)
{
    void *memory = clv_calloc(count + 1, size);
    if (memory == NULL)
        abort();
    return memory;
}

/* What crosses the cut, and the float network's answers. */
typedef struct scene {
    const char *name;
    clv_features features;
    int64_t *answers;
    float *outputs; /* [count, classes] */
} scene;

typedef struct bench {
    clv_graph *graph;
    clv_input_spec spec;
    clv_cut_probe probe;
    size_t classes;
    scene design, video, pan;
    double *metric;
    bench_report report;
    const char *model, *cut;
} bench;

/* --- frames ---------------------------------------------------------------------------------- */

/* A photograph of the input's height and some more of its width, seen through a window that moves
 * to and fro. */
typedef struct panned {
    clv_image photo;
    const clv_input_spec *spec;
    uint8_t *window;
} panned;

static clv_status read_window(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    panned *p = context;
    size_t width = p->spec->width, height = p->spec->height;
    size_t span = p->photo.width - width, at = index * (width / PAN_PARTS) % (2 * span);

    (void)err;
    at = at > span ? 2 * span - at : at;
    for (size_t y = 0; y < height; y++)
        memcpy(p->window + y * 3 * width, p->photo.rgb.data + (y * p->photo.width + at) * 3,
               3 * width);
    clv_image_normalise(inputs[0].data, p->window, p->spec);
    return CLV_OK;
}

static clv_samples open_pan(panned *p, const bench *b, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    clv_image whole;

    clv_image_init(&whole);
    clv_image_init(&p->photo);
    p->spec = &b->spec;
    p->window = room((size_t)b->spec.width * b->spec.height, 3);
    if (clv_image_load(&whole, path, &err) != CLV_OK)
        die(path, &err);
    uint32_t width = (uint32_t)((uint64_t)whole.width * b->spec.height / whole.height);
    uint32_t least = b->spec.width + b->spec.width / 4;
    if (clv_image_resize(&p->photo, &whole, width > least ? width : least, b->spec.height) !=
        CLV_OK)
        abort();
    clv_image_done(&whole);
    return (clv_samples){PAN_FRAMES, p, read_window};
}

static clv_samples open_folder(const bench *b, const char *folder)
{
    clv_error err = CLV_ERROR_INIT;
    clv_calibration_images *images;
    clv_calibration_images_found found;

    if (clv_calibration_images_open(&images, &found, folder, &b->spec, 1000, NULL, &err) != CLV_OK)
        die(folder, &err);
    return clv_calibration_images_samples(images); /* open until the end */
}

static int64_t run_suffix(bench *b)
{
    clv_error err = CLV_ERROR_INIT;
    clv_top top;

    if (clv_cut_probe_suffix(&b->probe, &err) != CLV_OK)
        die("suffix", &err);
    (void)clv_topk(&top, 1, &b->probe.outputs.tensors[0]);
    return top.index;
}

/* Run all frames to the cut and on to their answers. */
static scene cross(bench *b, const char *name, const clv_samples *samples)
{
    clv_error err = CLV_ERROR_INIT;
    const clv_tensor *t = &b->probe.frontier.tensors[0];
    size_t elems = 0;

    if (clv_shape_elems(&elems, &t->shape) != CLV_OK)
        abort();
    float *x = room(samples->count * elems, sizeof *x);
    scene s = {.name = name,
               .features = {x, samples->count, (uint32_t)t->shape.dim[1], (uint32_t)t->shape.dim[2],
                            (uint32_t)t->shape.dim[3]},
               .answers = room(samples->count, sizeof *s.answers),
               .outputs = room(samples->count * b->classes, sizeof *s.outputs)};
    for (size_t i = 0; i < samples->count; i++) {
        if (clv_cut_probe_prefix(&b->probe, samples, i, &err) != CLV_OK)
            die("prefix", &err);
        memcpy(x + i * elems, t->data, elems * sizeof *x);
        s.answers[i] = run_suffix(b);
        memcpy(s.outputs + i * b->classes, b->probe.outputs.tensors[0].data,
               b->classes * sizeof(float));
    }
    return s;
}

/* --- a sequence of messages ------------------------------------------------------------------- */

typedef struct result {
    double bytes;     /* of a message but the first one's: mean */
    double agreement; /* of all frames */
    double snr_db;    /* of the outputs */
    double encode_us, decode_us;
} result;

/* Bytes in front of a payload. */
static size_t head_bytes(size_t frame, bool is_video, bool is_after)
{
    clv_wire_header header = {.type = CLV_WIRE_REQUEST};

    header.request.frame = 1000 + frame; /* of a camera that has run for a minute */
    header.request.cut = 20;
    header.request.deadline_us = 100000;
    header.request.sequence = (clv_wire_sequence){is_video, is_after, 999 + frame, 0x89abcdefu};
    return CLV_WIRE_PROLOGUE_BYTES + clv_wire_packed_bytes(&header) + PAYLOAD_HEAD_BYTES;
}

typedef struct ends {
    const clv_point *point;
    uint8_t *symbols[2]; /* by frame: even, odd */
    uint8_t *coded;
    size_t cap;
    void *scratch;
    float *back;
} ends;

static void ends_init(ends *e, const clv_point *point)
{
    e->point = point;
    e->cap = (size_t)point->channels * point->rows * point->cols * sizeof(float);
    e->coded = room(e->cap, 1);
    e->back = room(e->cap, 1);
    e->scratch = room(clv_point_scratch_bytes(point), 1);
    for (int i = 0; i < 2; i++)
        e->symbols[i] = room(clv_point_symbols(point), 1);
}

static void ends_done(ends *e)
{
    clv_free(e->coded);
    clv_free(e->back);
    clv_free(e->scratch);
    clv_free(e->symbols[0]);
    clv_free(e->symbols[1]);
}

/* Frame @p i there and back. @return bytes of the message. */
static size_t pass(ends *e, result *r, const float *x, size_t i, bool is_video)
{
    const uint8_t *before = is_video && i > 0 ? e->symbols[(i + 1) % 2] : NULL;
    clv_point_frames sender = {before, e->symbols[i % 2]}, receiver = {before, NULL};
    size_t bytes;

    uint64_t start = bench_cpu_us();
    if (clv_point_encode_frame(&bytes, e->point, &sender, x, e->scratch, e->coded, e->cap) !=
        CLV_OK)
        abort();
    uint64_t middle = bench_cpu_us();
    if (clv_point_decode_frame(e->back, e->point, &receiver, e->scratch, e->coded, bytes) != CLV_OK)
        abort();
    r->encode_us += (double)(middle - start);
    r->decode_us += (double)(bench_cpu_us() - middle);
    return bytes + head_bytes(i, is_video, before != NULL);
}

static result measure(bench *b, const scene *s, const clv_point *point, bool is_video)
{
    size_t n = (size_t)s->features.channels * s->features.rows * s->features.cols;
    double error = 0, energy = 0, count = (double)s->features.count;
    result r = {0};
    ends e;

    ends_init(&e, point);
    for (size_t i = 0; i < s->features.count; i++) {
        size_t bytes = pass(&e, &r, s->features.data + i * n, i, is_video);
        r.bytes += i > 0 ? (double)bytes / (count - 1) : 0;
        memcpy(b->probe.frontier.tensors[0].data, e.back, n * sizeof *e.back);
        r.agreement += run_suffix(b) == s->answers[i] ? 1 / count : 0;
        const float *now = b->probe.outputs.tensors[0].data;
        for (size_t k = 0; k < b->classes; k++) {
            double wanted = s->outputs[i * b->classes + k], off = now[k] - wanted;
            error += off * off;
            energy += wanted * wanted;
        }
    }
    r.snr_db = 10 * log10(energy / error);
    r.encode_us /= count;
    r.decode_us /= count;
    ends_done(&e);
    return r;
}

static void report(bench *b, const scene *s, double step, const char *mode, const result *r)
{
    (void)printf("%-18.18s %-12s %-6s step %6.3g  %-10s %6.0f bytes  %6.2f%%  %5.1f dB  encode "
                 "%5.0f us  decode %5.0f us\n",
                 b->model, b->cut, s->name, step, mode, r->bytes, 100 * r->agreement, r->snr_db,
                 r->encode_us, r->decode_us);
    (void)fflush(stdout);
    bench_report_row(&b->report,
                     json_pack("{s:s, s:s, s:s, s:f, s:s, s:f, s:f, s:f, s:f, s:f}", "model",
                               b->model, "cut", b->cut, "scene", s->name, "point", step, "mode",
                               mode, "bytes_mean", r->bytes, "agreement", r->agreement, "snr_db",
                               r->snr_db, "encode_us", r->encode_us, "decode_us", r->decode_us));
}

/* Of the points that agree often enough the fewest bytes. */
static double bytes_at(const result *r, size_t n, double agreement)
{
    double best = NAN;
    for (size_t i = 0; i < n; i++) {
        if (r[i].agreement >= agreement)
            best = fmin(best, r[i].bytes); /* of a NAN and a number: the number */
    }
    return best;
}

static clv_point *design(const bench *b, double step)
{
    clv_design_options o = CLV_DESIGN_OPTIONS_INIT;
    clv_point *point;

    o.metric = b->metric;
    o.transform = step > 0;
    o.step = fabs(step);
    if (clv_codec_design(&point, &b->design.features, &o) != CLV_OK)
        abort();
    return point;
}

static void measure_steps(bench *b, char *steps)
{
    result alone[MAX_STEPS], after[MAX_STEPS];
    double most = 0;
    size_t n = 0;
    char name[128];

    for (char *at = steps; *at != '\0' && n < MAX_STEPS; at += strspn(at, ","), n++) {
        double step = strtod(at, &at);
        clv_point *point = design(b, step);
        alone[n] = measure(b, &b->video, point, false);
        after[n] = measure(b, &b->video, point, true);
        report(b, &b->video, step, "alone", &alone[n]);
        report(b, &b->video, step, "after", &after[n]);
        result pan_alone = measure(b, &b->pan, point, false);
        result pan_after = measure(b, &b->pan, point, true);
        report(b, &b->pan, step, "alone", &pan_alone);
        report(b, &b->pan, step, "after", &pan_after);
        most = fmax(most, pan_after.bytes / pan_alone.bytes);
        clv_point_free(point);
    }
    (void)snprintf(name, sizeof name, "%.20s, %s, fixed camera: bytes at 95%% against frames alone",
                   b->model, b->cut);
    bench_report_at_most(&b->report, name, bytes_at(after, n, 0.95) / bytes_at(alone, n, 0.95),
                         0.5);
    (void)snprintf(name, sizeof name, "%.20s, %s, fast pan: bytes against frames alone", b->model,
                   b->cut);
    bench_report_at_most(&b->report, name, most, 1.02);
}

/* --- the cut ---------------------------------------------------------------------------------- */

static bool is_named(const clv_graph *g, const clv_frontiers *f, uint32_t k, const char *shape)
{
    clv_frontier at = clv_frontiers_at(f, k);
    char name[48];

    if (at.count != 1 || (k > 0 && clv_frontiers_at(f, k - 1).count == 1 &&
                          clv_frontiers_at(f, k - 1).values[0] == at.values[0]))
        return false;
    const clv_tensor *t = &g->values[at.values[0]].tensor;
    if (t->dtype != CLV_F32 || t->shape.rank != 4)
        return false;
    (void)snprintf(name, sizeof name, "%dx%dx%d", (int)t->shape.dim[1], (int)t->shape.dim[2],
                   (int)t->shape.dim[3]);
    return strcmp(name, shape) == 0;
}

static uint32_t find_cut(const clv_graph *g, const char *name)
{
    clv_frontiers *f;
    char shape[48];
    const char *dot = strchr(name, '.');
    long nth = dot != NULL ? strtol(dot + 1, NULL, 10) : 0;
    uint32_t found = 0;

    (void)snprintf(shape, sizeof shape, "%.*s",
                   dot != NULL ? (int)(dot - name) : (int)sizeof shape - 1, name);
    if (clv_frontiers_create(&f, g) != CLV_OK)
        abort();
    for (uint32_t k = 1; k < g->n_nodes && found == 0; k++) {
        if (is_named(g, f, k, shape) && nth-- == 0)
            found = k;
    }
    clv_frontiers_free(f);
    return found;
}

static void open_model(bench *b, char **argv)
{
    clv_error err = CLV_ERROR_INIT;
    clv_onnx_options import = CLV_ONNX_OPTIONS_INIT;
    const clv_prepare_options prepare = {.evaluate = clv_ref_evaluate};

    b->model = strrchr(argv[2], '/') ? strrchr(argv[2], '/') + 1 : argv[2];
    b->cut = argv[4];
    if (clv_onnx_import(&b->graph, argv[2], &import, &err) != CLV_OK ||
        clv_graph_prepare(b->graph, &prepare, NULL, NULL, &err) != CLV_OK ||
        clv_input_spec_preset(&b->spec, argv[3]) != CLV_OK ||
        clv_input_spec_fit_shape(&b->spec, &b->graph->values[b->graph->inputs[0]].tensor, &err) !=
            CLV_OK)
        die(argv[2], &err);
    uint32_t cut = find_cut(b->graph, b->cut);
    if (cut == 0 || clv_cut_probe_init(&b->probe, b->graph, cut, NULL, 1, &err) != CLV_OK)
        die(b->cut, &err);
    if (clv_shape_elems(&b->classes, &b->probe.outputs.tensors[0].shape) != CLV_OK)
        abort();
}

int main(int argc, char **argv)
{
    clv_error err = CLV_ERROR_INIT;
    bench b = {0};
    panned pan;

    if (argc != 9) {
        (void)fputs(usage, stderr);
        return 2;
    }
    open_model(&b, argv);
    clv_samples design = open_folder(&b, argv[6]), video = open_folder(&b, argv[7]);
    clv_samples panned_over = open_pan(&pan, &b, argv[8]);
    b.design = cross(&b, "design", &design);
    b.video = cross(&b, "camera", &video);
    b.pan = cross(&b, "pan", &panned_over);
    b.metric =
        room((size_t)b.design.features.channels * b.design.features.channels, sizeof *b.metric);
    if (clv_cut_probe_metric(b.metric, &b.probe, 0, &design, PROBED_IMAGES, NULL, &err) != CLV_OK)
        die("metric", &err);
    bench_report_open(&b.report, "codec-temporal", "./dev bench codec");
    measure_steps(&b, argv[5]);
    return bench_report_close(&b.report, argv[1]);
}
