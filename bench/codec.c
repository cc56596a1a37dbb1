/* SPDX-License-Identifier: Apache-2.0 */
/* What a split costs: bytes at some cuts of real networks on photographs, and how often the answer
 * stays the float network's, for operating points of our codec beside a plain quantiser with an
 * ideal entropy coder, and JPEG of the input; and our entropy coder's size and speed beside zstd's
 * and lz4's on the same symbols. Points are designed on images that nothing is measured on.
 * Usage: see `usage`. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "bench/codec_rivals.h"
#include "bench/report.h"
#include "compress/calibration_images.h"
#include "compress/codec_design.h"
#include "compress/codec_groups.h"
#include "compress/cut_probe.h"
#include "graph/prepare.h"
#include "kernel/ref/ref.h"
#include "media/image.h"
#include "onnx/onnx_import.h"
#include "runtime/topk.h"

#define MAX_SETS 8
#define MAX_LEVELS 16
#define HEAD_BYTES 8.0 /* of a payload with one tensor: header, tag, point, length */

static const char usage[] =
    "bench_codec OUT.json MODEL.onnx PRESET CUT[,CUT...] FIT:DESIGN_DIR FIT:DIR...\n"
    "  CUT: CxHxW.N, the Nth cut (from 0) where one tensor of that shape crosses; list: show "
    "them\n";

static void die(const char *what, const clv_error *err)
{
    (void)fprintf(stderr, "bench_codec: %s: %s: %s\n", what, err->location, err->message);
    exit(1);
}

static void *room(size_t count, size_t size)
{
    void *memory = clv_calloc(count + 1, size);
    if (memory == NULL)
        abort();
    return memory;
}

typedef struct image_set {
    clv_calibration_images *images;
    clv_samples samples;
} image_set;

typedef struct bench {
    clv_graph *graph;
    clv_input_spec spec;
    image_set design;
    image_set sets[MAX_SETS];
    int n_sets;
    bench_report report;
    const char *model;
    bool jpeg_done;
} bench;

/* What crossed one cut. */
typedef struct crossing {
    clv_cut_probe probe;
    clv_features design, seen;
    int64_t *answers; /* of the float network on what was seen */
    double *metric;
    float *roots; /* [seen, MAX_CLASSES] of the probabilities */
    size_t classes;
    const char *name;
} crossing;

/* --- images ---------------------------------------------------------------------------------- */

static void open_set(image_set *set, const char *text, clv_input_spec spec)
{
    clv_error err = CLV_ERROR_INIT;
    clv_calibration_images_found found;
    const char *colon = strchr(text, ':');
    char fit[16];

    if (colon == NULL || (size_t)(colon - text) >= sizeof fit) {
        (void)fputs(usage, stderr);
        exit(2);
    }
    (void)snprintf(fit, sizeof fit, "%.*s", (int)(colon - text), text);
    clv_input_texts texts = {.fit = fit};
    if (clv_input_spec_override(&spec, &texts, &err) != CLV_OK ||
        clv_calibration_images_open(&set->images, &found, colon + 1, &spec, 1000, NULL, &err) !=
            CLV_OK)
        die(text, &err);
    set->samples = clv_calibration_images_samples(set->images);
}

static size_t n_seen(const bench *b)
{
    size_t n = 0;
    for (int i = 0; i < b->n_sets; i++)
        n += b->sets[i].samples.count;
    return n;
}

/* The set and the number in it of image @p i of all. */
static const clv_samples *locate(const bench *b, size_t *i)
{
    int s = 0;
    for (; *i >= b->sets[s].samples.count; s++)
        *i -= b->sets[s].samples.count;
    return &b->sets[s].samples;
}

static int64_t answer_of(const crossing *c)
{
    clv_top top;
    (void)clv_topk(&top, 1, &c->probe.outputs.tensors[0]);
    return top.index;
}

/* Square roots of the answer's probabilities. */
static void roots_of(const crossing *c, float *out)
{
    const clv_tensor *t = &c->probe.outputs.tensors[0];
    size_t n = 0;
    double sum = 0, most = -INFINITY, least = INFINITY;

    if (clv_shape_elems(&n, &t->shape) != CLV_OK)
        abort();
    for (size_t i = 0; i < n; i++) {
        out[i] = ((const float *)t->data)[i];
        sum += out[i];
        most = fmax(most, out[i]);
        least = fmin(least, out[i]);
    }
    bool are_scores = least < 0 || fabs(sum - 1) > 1e-3;
    sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += out[i] = are_scores ? (float)exp(out[i] - most) : out[i];
    for (size_t i = 0; i < n; i++)
        out[i] = sqrtf(out[i] / (float)sum);
}

#define MAX_CLASSES 1001

static double distance_to(const crossing *c, size_t i)
{
    float now[MAX_CLASSES];
    double sum = 0;
    roots_of(c, now);
    for (size_t k = 0; k < MAX_CLASSES; k++) {
        double e = k < c->classes ? now[k] - c->roots[i * MAX_CLASSES + k] : 0;
        sum += e * e;
    }
    return sum;
}

static void load_crossing(crossing *c, const float *x)
{
    size_t n = (size_t)c->seen.channels * c->seen.rows * c->seen.cols;
    memcpy(c->probe.frontier.tensors[0].data, x, n * sizeof *x);
}

static void suffix(crossing *c)
{
    clv_error err = CLV_ERROR_INIT;
    if (clv_cut_probe_suffix(&c->probe, &err) != CLV_OK)
        die("suffix", &err);
}

/* Run all images to the cut, and on to their answers. */
static void cross(crossing *c, const bench *b, uint32_t cut)
{
    clv_error err = CLV_ERROR_INIT;
    size_t count[2] = {b->design.samples.count, n_seen(b)}, elems = 0;

    if (clv_cut_probe_init(&c->probe, b->graph, cut, NULL, 1, &err) != CLV_OK)
        die("cut", &err);
    const clv_tensor *t = &c->probe.frontier.tensors[0];
    if (clv_shape_elems(&elems, &t->shape) != CLV_OK)
        abort();
    clv_features like = {NULL, 0, (uint32_t)t->shape.dim[1], (uint32_t)t->shape.dim[2],
                         (uint32_t)t->shape.dim[3]};
    c->answers = room(count[1], sizeof *c->answers);
    c->roots = room(count[1] * MAX_CLASSES, sizeof *c->roots);
    if (clv_shape_elems(&c->classes, &c->probe.outputs.tensors[0].shape) != CLV_OK)
        abort();
    for (int kind = 0; kind < 2; kind++) {
        float *x = room(count[kind] * elems, sizeof *x);
        for (size_t i = 0; i < count[kind]; i++) {
            size_t k = i;
            const clv_samples *from = kind == 0 ? &b->design.samples : locate(b, &k);
            if (clv_cut_probe_prefix(&c->probe, from, k, &err) != CLV_OK)
                die("prefix", &err);
            memcpy(x + i * elems, t->data, elems * sizeof *x);
            if (kind == 1) {
                suffix(c);
                c->answers[i] = answer_of(c);
                roots_of(c, c->roots + i * MAX_CLASSES);
            }
        }
        like.data = x;
        like.count = count[kind];
        *(kind == 0 ? &c->design : &c->seen) = like;
    }
}

/* --- results --------------------------------------------------------------------------------- */

typedef struct result {
    double bytes_mean, bytes_p95, bits, agreement;
    double distance; /* Hellinger's, squared, of the probabilities: mean */
    size_t point_bytes, planes;
} result;

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void sum_up(result *r, double *bytes, size_t n, size_t elems, size_t same)
{
    for (size_t i = 0; i < n; i++)
        r->bytes_mean += bytes[i] / (double)n;
    qsort(bytes, n, sizeof *bytes, compare_doubles);
    r->bytes_p95 = bytes[n * 95 / 100];
    r->bits = 8 * r->bytes_mean / (double)elems;
    r->agreement = (double)same / (double)n;
}

static void report(bench *b, const char *cut, const char *codec, double knob, const result *r)
{
    (void)printf("%-18.18s %-13s %-14s %8.4g  %6.3f bits  %8.0f bytes  p95 %8.0f  %6.2f%% H %.4f "
                 "(%zu planes, "
                 "tables %zu)\n",
                 b->model, cut, codec, knob, r->bits, r->bytes_mean, r->bytes_p95,
                 100 * r->agreement, r->distance, r->planes, r->point_bytes);
    (void)fflush(stdout);
    bench_report_row(&b->report, json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:I}", "model",
                                           b->model, "cut", cut, "codec", codec, "point", knob,
                                           "bits_per_element", r->bits, "bytes_mean", r->bytes_mean,
                                           "bytes_p95", r->bytes_p95, "agreement", r->agreement,
                                           "table_bytes", (json_int_t)r->point_bytes));
}

/* --- our codec ------------------------------------------------------------------------------- */

static clv_point *through_bytes(clv_point *point, size_t *bytes_out)
{
    clv_error err = CLV_ERROR_INIT;
    clv_buffer bytes;
    clv_point *parsed;

    clv_buffer_init(&bytes, CLV_POINT_MAX_BYTES);
    if (clv_point_write(&bytes, point) != CLV_OK ||
        clv_point_parse(&parsed, bytes.data, bytes.size, &err) != CLV_OK)
        die("point", &err);
    *bytes_out = bytes.size;
    clv_buffer_done(&bytes);
    clv_point_free(point);
    return parsed;
}

static result measure(crossing *c, const clv_features *on, const int64_t *answers,
                      const clv_design_options *o)
{
    clv_point *point;
    result r = {0};
    size_t elems = (size_t)on->channels * on->rows * on->cols, same = 0, bytes;

    if (clv_codec_design(&point, &c->design, o) != CLV_OK)
        abort();
    point = through_bytes(point, &r.point_bytes);
    r.planes = point->planes;
    uint8_t *coded = room(clv_point_bound(point), 1);
    void *scratch = room(clv_point_scratch_bytes(point), 1);
    float *back = room(elems, sizeof *back);
    double *all = room(on->count, sizeof *all);
    for (size_t i = 0; i < on->count; i++) {
        if (clv_point_encode(&bytes, point, on->data + i * elems, scratch, coded,
                             clv_point_bound(point)) != CLV_OK ||
            clv_point_decode(back, point, scratch, coded, bytes) != CLV_OK)
            abort();
        all[i] = (double)bytes + HEAD_BYTES;
        load_crossing(c, back);
        suffix(c);
        same += answer_of(c) == answers[i];
        r.distance += distance_to(c, i) / (double)on->count;
    }
    sum_up(&r, all, on->count, elems, same);
    clv_free(coded);
    clv_free(scratch);
    clv_free(back);
    clv_free(all);
    clv_point_free(point);
    return r;
}

/* --- the plain scheme ------------------------------------------------------------------------ */

/* Uniform per channel between percentiles, centroids, a static table for each channel and 5-way
 * neighbour context; its size is the cross-entropy, as if the coder were perfect. */
typedef struct plain {
    unsigned levels;
    uint32_t channels, rows, cols;
    float *low, *step, *centroids; /* [channels], [channels], [channels, levels] */
    uint8_t *mode;                 /* [channels] */
    double *bits;                  /* [channels, 5, levels] */
} plain;

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static unsigned plain_symbol(const plain *p, uint32_t c, float x)
{
    float q = p->step[c] > 0 ? (x - p->low[c]) / p->step[c] + 0.5f : 0;
    q = q > 0 ? q : 0;
    return q < (float)p->levels ? (unsigned)q : p->levels - 1;
}

static unsigned plain_context(const plain *p, uint32_t c, const uint8_t *s, uint32_t y, uint32_t x)
{
    int mode = p->mode[c], left = x > 0 ? s[-1] : mode, up = y > 0 ? s[-(int)p->cols] : mode;
    int away = abs(left - mode) + abs(up - mode);
    return away < 4 ? (unsigned)away : 4;
}

static void plain_symbols(const plain *p, uint8_t *s, uint32_t c, const float *x)
{
    for (size_t i = 0; i < (size_t)p->rows * p->cols; i++)
        s[i] = (uint8_t)plain_symbol(p, c, x[i]);
}

static void plain_channel(plain *p, const clv_features *f, uint32_t c, float *all, uint8_t *s)
{
    size_t n = (size_t)p->rows * p->cols, total = n * f->count;
    double sums[MAX_LEVELS] = {0}, seen[MAX_LEVELS] = {0}, counts[5][MAX_LEVELS] = {{0}};

    for (size_t i = 0; i < f->count; i++)
        memcpy(all + i * n, f->data + (i * p->channels + c) * n, n * sizeof *all);
    qsort(all, total, sizeof *all, compare_floats);
    p->low[c] = all[total / 1000];
    p->step[c] = (all[total - 1 - total / 1000] - p->low[c]) / (float)(p->levels - 1);
    for (size_t i = 0; i < total; i++) {
        unsigned q = plain_symbol(p, c, all[i]);
        sums[q] += all[i];
        seen[q]++;
    }
    for (unsigned q = 0; q < p->levels; q++) {
        p->centroids[c * p->levels + q] =
            seen[q] > 0 ? (float)(sums[q] / seen[q]) : p->low[c] + (float)q * p->step[c];
        p->mode[c] = seen[q] > seen[p->mode[c]] ? (uint8_t)q : p->mode[c];
    }
    for (size_t i = 0; i < f->count; i++) {
        plain_symbols(p, s, c, f->data + (i * p->channels + c) * n);
        for (size_t k = 0; k < n; k++)
            counts[plain_context(p, c, s + k, (uint32_t)k / p->cols, (uint32_t)k % p->cols)]
                  [s[k]]++;
    }
    for (unsigned x = 0; x < 5; x++) {
        double sum = 0;
        for (unsigned q = 0; q < p->levels; q++)
            sum += counts[x][q] += 0.5;
        for (unsigned q = 0; q < p->levels; q++)
            p->bits[(c * 5 + x) * p->levels + q] = -log2(counts[x][q] / sum);
    }
}

static plain plain_make(const clv_features *f, unsigned levels)
{
    plain p = {.levels = levels, .channels = f->channels, .rows = f->rows, .cols = f->cols};
    size_t n = (size_t)p.rows * p.cols;

    p.low = room(p.channels, sizeof *p.low);
    p.step = room(p.channels, sizeof *p.step);
    p.mode = room(p.channels, 1);
    p.centroids = room(p.channels * levels, sizeof *p.centroids);
    p.bits = room(p.channels * 5 * levels, sizeof *p.bits);
    float *sorted = room(n * f->count, sizeof *sorted);
    uint8_t *s = room(n, 1);
    for (uint32_t k = 0; k < p.channels; k++)
        plain_channel(&p, f, k, sorted, s);
    clv_free(sorted);
    clv_free(s);
    return p;
}

static void plain_done(plain *p)
{
    clv_free(p->low);
    clv_free(p->step);
    clv_free(p->mode);
    clv_free(p->centroids);
    clv_free(p->bits);
}

static result measure_plain(crossing *c, unsigned levels)
{
    const clv_features *on = &c->seen;
    uint32_t channels = on->channels;
    size_t n = (size_t)on->rows * on->cols, elems = channels * n, same = 0;
    plain p = plain_make(&c->design, levels);
    result r = {0};
    float *back = room(elems, sizeof *back);
    uint8_t *s = room(n, 1);
    double *all = room(on->count, sizeof *all);
    for (size_t i = 0; i < on->count; i++) {
        for (uint32_t k = 0; k < channels; k++) {
            plain_symbols(&p, s, k, on->data + i * elems + k * n);
            for (size_t at = 0; at < n; at++) {
                unsigned x =
                    plain_context(&p, k, s + at, (uint32_t)at / p.cols, (uint32_t)at % p.cols);
                all[i] += p.bits[(k * 5 + x) * levels + s[at]] / 8;
                back[k * n + at] = p.centroids[k * levels + s[at]];
            }
        }
        load_crossing(c, back);
        suffix(c);
        same += answer_of(c) == c->answers[i];
        r.distance += distance_to(c, i) / (double)on->count;
    }
    sum_up(&r, all, on->count, elems, same);
    plain_done(&p);
    clv_free(back);
    clv_free(s);
    clv_free(all);
    return r;
}

/* --- the entropy coder beside others, on the plain scheme's symbols ------------------------------
 */

/* Symbols of every image: [count, channels, rows, cols]. */
static uint8_t *all_symbols(const plain *p, const clv_features *f)
{
    size_t n = (size_t)f->rows * f->cols;
    uint8_t *out = room(f->count * f->channels * n, 1);
    for (size_t i = 0; i < f->count * f->channels; i++)
        plain_symbols(p, out + i * n, (uint32_t)(i % f->channels), f->data + i * n);
    return out;
}

typedef struct coder {
    clv_plane_group *groups;
    uint8_t *group_of;
    clv_plane_model model;
} coder;

/* Tables from symbols of the images for design. Numbers are around the middle of the levels, or
 * from 0 up where no channel is negative. */
static void make_coder(coder *k, const plain *p, const clv_features *design, bool contexts)
{
    size_t n = (size_t)p->rows * p->cols, all = design->count * n;
    uint8_t *symbols = all_symbols(p, design);
    int16_t *numbers = room(p->channels * all, sizeof *numbers);
    double *bits = room(p->channels, sizeof *bits);
    clv_plane_samples samples = {numbers, p->channels, p->rows, p->cols, design->count, NULL};
    float least = 0;
    uint32_t used;

    for (uint32_t c = 0; c < p->channels; c++)
        least = fminf(least, p->low[c]);
    int middle = least < 0 ? (int)p->levels / 2 : 0;
    for (size_t i = 0; i < design->count * p->channels; i++) {
        size_t image = i / p->channels, c = i % p->channels;
        for (size_t at = 0; at < n; at++)
            numbers[c * all + image * n + at] = (int16_t)(symbols[i * n + at] - middle);
    }
    k->group_of = room(p->channels, 1);
    k->groups = clv_alloc_aligned(CLV_PLANE_MAX_GROUPS * sizeof *k->groups);
    if (k->groups == NULL)
        abort();
    if (clv_codec_group(k->groups, k->group_of, bits, &used, &samples, CLV_PLANE_MAX_GROUPS,
                        contexts) != CLV_OK)
        abort();
    k->model = (clv_plane_model){p->channels, p->rows, p->cols, k->group_of, k->groups, used};
    for (uint32_t g = 0; g < used; g++) { /* every level, seen or not */
        if (k->groups[g].levels != p->levels || k->groups[g].zero != middle)
            (void)fprintf(stderr, "bench_codec: group %u lacks levels\n", g);
    }
    clv_free(symbols);
    clv_free(numbers);
    clv_free(bits);
}

static bench_speed race(const coder *k, const bench_symbols *s, unsigned rounds)
{
    size_t cap = s->each + 256;
    bench_speed best = {0};
    uint8_t *scratch = room(clv_plane_scratch_bytes(&k->model), 1), *back = room(s->each, 1);
    uint8_t *coded = room(s->messages * cap, 1);
    size_t *bytes = room(s->messages, sizeof *bytes);

    for (unsigned round = 0; round < rounds; round++) {
        uint64_t start = bench_cpu_us();
        for (size_t i = 0; i < s->messages; i++) {
            if (clv_planes_encode(&bytes[i], &k->model, s->data + i * s->each, scratch,
                                  coded + i * cap, cap) != CLV_OK)
                abort();
        }
        uint64_t middle = bench_cpu_us();
        for (size_t i = 0; i < s->messages; i++) {
            if (clv_planes_decode(back, &k->model, scratch, coded + i * cap, bytes[i]) != CLV_OK)
                abort();
        }
        uint64_t end = bench_cpu_us();
        double all = (double)(s->messages * s->each) * 1e6;
        best.encode = fmax(best.encode, all / (double)(middle - start + 1));
        best.decode = fmax(best.decode, all / (double)(end - middle + 1));
    }
    for (size_t i = 0; i < s->messages; i++)
        best.bytes += (double)bytes[i];
    clv_free(scratch);
    clv_free(back);
    clv_free(coded);
    clv_free(bytes);
    return best;
}

static void report_speed(bench *b, const crossing *c, unsigned levels, const char *who,
                         const bench_speed *s, double symbols)
{
    (void)printf(
        "%-18.18s %-13s %2u levels %-9s %6.3f bits  encode %6.0f  decode %6.0f M symbols/s\n",
        b->model, c->name, levels, who, 8 * s->bytes / symbols, s->encode / 1e6, s->decode / 1e6);
    bench_report_row(&b->report, json_pack("{s:s, s:s, s:i, s:s, s:f, s:f, s:f}", "model", b->model,
                                           "cut", c->name, "levels", (int)levels, "coder", who,
                                           "bits_per_symbol", 8 * s->bytes / symbols,
                                           "encode_per_s", s->encode, "decode_per_s", s->decode));
}

static void measure_coders(bench *b, crossing *c, unsigned levels)
{
    static const char *const names[] = {"rans", "rans fast", "zstd -1", "zstd -19", "lz4"};
    plain p = plain_make(&c->design, levels);
    uint8_t *symbols = all_symbols(&p, &c->seen);
    bench_symbols s = {symbols, c->seen.count, (size_t)p.channels * p.rows * p.cols};
    bench_speed speeds[5];

    for (int fast = 0; fast < 2; fast++) {
        coder k;
        make_coder(&k, &p, &c->design, !fast);
        speeds[fast] = race(&k, &s, 40);
        clv_free(k.group_of);
        clv_free(k.groups);
    }
    speeds[2] = bench_zstd(&s, 1, 20);
    speeds[3] = bench_zstd(&s, 19, 1);
    speeds[4] = bench_lz4(&s, 20);
    for (int i = 0; i < 5; i++)
        report_speed(b, c, levels, names[i], &speeds[i], (double)(s.messages * s.each));
    char name[96];
    (void)snprintf(name, sizeof name, "%s, %u levels: bytes against zstd -19", c->name, levels);
    bench_report_at_most(&b->report, name, speeds[0].bytes / speeds[3].bytes, 0.85);
    (void)snprintf(name, sizeof name, "%s, %u levels: 100 M/s over the slower direction", c->name,
                   levels);
    bench_report_at_most(&b->report, name, 1e8 / fmin(speeds[0].encode, speeds[0].decode), 1);
    (void)snprintf(name, sizeof name, "%s, %u levels: 300 M/s over the fast mode's", c->name,
                   levels);
    bench_report_at_most(&b->report, name, 3e8 / fmin(speeds[1].encode, speeds[1].decode), 1);
    clv_free(symbols);
    plain_done(&p);
}

/* --- JPEG of the input -------------------------------------------------------------------------
 */

/* The input tensor that @p context is. */
static clv_status take_input(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    size_t bytes;
    (void)index;
    (void)err;
    CLV_TRY(clv_tensor_bytes(&bytes, &inputs[0]));
    memcpy(inputs[0].data, context, bytes);
    return CLV_OK;
}

static void measure_jpeg(bench *b, crossing *c, int quality)
{
    clv_error err = CLV_ERROR_INIT;
    size_t pixels = (size_t)b->spec.width * b->spec.height, count = n_seen(b), same = 0;
    uint8_t *rgb = room(3 * pixels, 1);
    double *bytes = room(count, sizeof *bytes);
    float *normal = room(3 * pixels, sizeof *normal);
    result r = {0};

    for (size_t i = 0; i < count; i++) {
        size_t k = i;
        const clv_samples *from = locate(b, &k);
        clv_tensor input = {CLV_F32, c->probe.inputs.tensors[0].shape, normal};
        if (from->read(from->context, k, &input, &err) != CLV_OK)
            die("image", &err);
        for (size_t at = 0; at < pixels; at++) {
            for (size_t ch = 0; ch < 3; ch++)
                rgb[3 * at + ch] =
                    (uint8_t)lrintf(normal[ch * pixels + at] * b->spec.std[ch] + b->spec.mean[ch]);
        }
        bytes[i] = (double)bench_jpeg(rgb, b->spec.width, b->spec.height, quality);
        clv_image_normalise(normal, rgb, &b->spec);
        clv_samples one = {1, normal, take_input};
        if (clv_cut_probe_prefix(&c->probe, &one, 0, &err) != CLV_OK)
            die("prefix", &err);
        suffix(c);
        same += answer_of(c) == c->answers[i];
        r.distance += distance_to(c, i) / (double)count;
    }
    sum_up(&r, bytes, count, 3 * pixels, same);
    report(b, "input", "jpeg", quality, &r);
    clv_free(rgb);
    clv_free(bytes);
    clv_free(normal);
}

/* --- the cuts -------------------------------------------------------------------------------- */

/* Whether one float tensor of 4 dimensions crosses cut @p k, which no cut before it had. */
static bool is_new_single(const clv_graph *g, const clv_frontiers *f, uint32_t k)
{
    clv_frontier at = clv_frontiers_at(f, k);
    if (at.count != 1 || k == 0 || k == g->n_nodes)
        return false;
    clv_frontier before = clv_frontiers_at(f, k - 1);
    const clv_tensor *t = &g->values[at.values[0]].tensor;
    return t->dtype == CLV_F32 && t->shape.rank == 4 && t->shape.dim[2] > 1 &&
           (before.count != 1 || before.values[0] != at.values[0]);
}

static void measure_cut(bench *b, uint32_t cut, const char *name);

/* @p wanted: "list", or names divided by commas. */
static void measure_cuts(bench *b, const char *wanted)
{
    clv_frontiers *f;

    if (clv_frontiers_create(&f, b->graph) != CLV_OK)
        abort();
    for (uint32_t k = 1; k < b->graph->n_nodes; k++) {
        char name[64], shape[48];
        unsigned nth = 0;
        if (!is_new_single(b->graph, f, k))
            continue;
        const clv_value *v = &b->graph->values[clv_frontiers_at(f, k).values[0]];
        const int64_t *dim = v->tensor.shape.dim;
        (void)snprintf(shape, sizeof shape, "%dx%dx%d", (int)dim[1], (int)dim[2], (int)dim[3]);
        for (uint32_t i = 1; i < k; i++)
            nth += is_new_single(b->graph, f, i) &&
                   clv_shape_equal(&b->graph->values[clv_frontiers_at(f, i).values[0]].tensor.shape,
                                   &v->tensor.shape);
        (void)snprintf(name, sizeof name, "%s.%u", shape, nth);
        if (strcmp(wanted, "list") == 0)
            (void)printf("cut %u: %s (%s)\n", k, name, v->name);
        const char *at = strstr(wanted, name);
        if (at != NULL && (at == wanted || at[-1] == ',') && strchr(",", at[strlen(name)]) != NULL)
            measure_cut(b, k, name);
    }
    clv_frontiers_free(f);
}

/* @return bytes at which an agreement of @p goal is reached, on the line between two points. */
static double bytes_at(const result *r, size_t n, double goal)
{
    double best = NAN;
    for (size_t i = 0; i + 1 < n; i++) { /* coarser ones follow */
        if (r[i].agreement < goal || r[i + 1].agreement >= goal)
            continue;
        double share = (r[i].agreement - goal) / (r[i].agreement - r[i + 1].agreement);
        best = r[i].bytes_mean + share * (r[i + 1].bytes_mean - r[i].bytes_mean);
    }
    return best;
}

static void measure_points(bench *b, crossing *c)
{
    static const unsigned levels[] = {16, 12, 8, 6, 4};
    static const double steps[2][6] = {{0.04, 0.055, 0.07, 0.085, 0.1, 0.13},
                                       {0.3, 0.5, 0.7, 1.0, 1.4, 1.9}};
    result flat[5], ours[2][6];

    for (size_t i = 0; i < 5; i++) {
        flat[i] = measure_plain(c, levels[i]);
        report(b, c->name, "plain", levels[i], &flat[i]);
    }
    for (int turned = 1; turned >= 0; turned--) {
        for (size_t i = 0; i < 6; i++) {
            clv_design_options o = CLV_DESIGN_OPTIONS_INIT;
            o.metric = c->metric;
            o.transform = turned;
            o.step = steps[!turned][i];
            ours[turned][i] = measure(c, &c->seen, c->answers, &o);
            report(b, c->name, turned ? "rans transform" : "rans channels", o.step,
                   &ours[turned][i]);
        }
    }
    double reached = bytes_at(ours[1], 6, 0.97), other = bytes_at(ours[0], 6, 0.97);
    char name[96];
    (void)snprintf(name, sizeof name, "%.30s, %s: bytes at 97%% against the plain scheme", b->model,
                   c->name);
    bench_report_at_most(&b->report, name, fmin(reached, other) / bytes_at(flat, 5, 0.97), 0.75);
}

static void measure_cut(bench *b, uint32_t cut, const char *name)
{
    crossing c = {.name = name};
    clv_error err = CLV_ERROR_INIT;

    cross(&c, b, cut);
    for (int quality = 85; quality > 0 && !b->jpeg_done; quality -= quality == 85 ? 25 : 20)
        measure_jpeg(b, &c, quality);
    b->jpeg_done = true;
    measure_coders(b, &c, 16);
    measure_coders(b, &c, 8);
    c.metric = room((size_t)c.seen.channels * c.seen.channels, sizeof *c.metric);
    if (clv_cut_probe_metric(c.metric, &c.probe, 0, &b->design.samples, 64, NULL, &err) != CLV_OK)
        die("metric", &err);
    measure_points(b, &c);
    clv_cut_probe_done(&c.probe);
    clv_free(c.metric);
    clv_free(c.answers);
    clv_free(c.roots);
}

int main(int argc, char **argv)
{
    clv_error err = CLV_ERROR_INIT;
    clv_onnx_options import = CLV_ONNX_OPTIONS_INIT;
    const clv_prepare_options prepare = {.evaluate = clv_ref_evaluate};
    bench b = {0};

    if (argc < 7 || argc > 6 + MAX_SETS) {
        (void)fputs(usage, stderr);
        return 2;
    }
    b.model = strrchr(argv[2], '/') ? strrchr(argv[2], '/') + 1 : argv[2];
    if (clv_onnx_import(&b.graph, argv[2], &import, &err) != CLV_OK ||
        clv_graph_prepare(b.graph, &prepare, NULL, NULL, &err) != CLV_OK ||
        clv_input_spec_preset(&b.spec, argv[3]) != CLV_OK ||
        clv_input_spec_fit_shape(&b.spec, &b.graph->values[b.graph->inputs[0]].tensor, &err) !=
            CLV_OK)
        die(argv[2], &err);
    open_set(&b.design, argv[5], b.spec);
    for (int i = 6; i < argc; i++)
        open_set(&b.sets[b.n_sets++], argv[i], b.spec);
    bench_report_open(&b.report, "codec", "./dev bench codec");
    measure_cuts(&b, argv[4]);
    clv_graph_free(b.graph);
    return bench_report_close(&b.report, argv[1]);
}
