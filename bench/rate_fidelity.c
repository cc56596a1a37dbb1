/* SPDX-License-Identifier: Apache-2.0 */
/* `cleave eval --codec-sweep` of a bundle with operating points, and the plain scheme beside them:
 * rows for bench_rate_page, and a plot. The plain scheme's tables come from the same design images
 * as the points; its bytes are a perfect coder's, and a message around them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/error.h"
#include "base/file.h"
#include "bench/crossing.h"
#include "bench/plain_scheme.h"
#include "tools/codec_sweep.h"
#include "tools/tool.h"

#define PAYLOAD_HEAD_BYTES 8.0 /* with one tensor: header, tag, point, length */
#define MAX_EXTRAS 128u

static const unsigned levels[] = {16, 12, 8, 6, 4};

#define N_LEVELS (sizeof levels / sizeof levels[0])

typedef struct settings {
    tool_model_settings model;
    const char *design, *data, *labels, *boxes;
    uint64_t design_images, label_offset, limit;
    detector_settings decode;
} settings;

static const clv_option options[] = {
    {"design", NULL, CLV_OPTION_STRING, offsetof(settings, design), 0, 0, "DIR",
     "images for the plain scheme's tables: those of the points"},
    {"design-images", NULL, CLV_OPTION_UINT, offsetof(settings, design_images), 1, 10000, "N",
     "at most so many of them"},
    {"data", NULL, CLV_OPTION_STRING, offsetof(settings, data), 0, 0, "DIR", "as of cleave eval"},
    {"labels", NULL, CLV_OPTION_STRING, offsetof(settings, labels), 0, 0, "CSV", "likewise"},
    {"label-offset", NULL, CLV_OPTION_UINT, offsetof(settings, label_offset), 0, 1000, "N",
     "likewise"},
    {"limit", NULL, CLV_OPTION_UINT, offsetof(settings, limit), 1, UINT32_MAX, "N", "likewise"},
    {"boxes", NULL, CLV_OPTION_STRING, offsetof(settings, boxes), 0, 0, "DIR", "likewise"},
    DETECTOR_OPTIONS(settings, "likewise"),
    TOOL_IMAGE_OPTIONS(settings),
    TOOL_COMPILE_OPTIONS(settings),
};

static const clv_option_set set = {"bench_rate",
                                   "OUT.json OUT.svg TITLE MODEL.clv",
                                   "Rate and fidelity of a bundle's cuts, the plain scheme's too.",
                                   NULL,
                                   options,
                                   sizeof options / sizeof options[0]};

/* --- the plain scheme ----------------------------------------------------------------------- */

typedef struct plain_lanes {
    codec_sweep_extra extras[MAX_EXTRAS];
    bench_plain schemes[MAX_EXTRAS];
    size_t n;
} plain_lanes;

static clv_status through(void *context, clv_tensor *tensors, uint32_t n, double *payload_bytes)
{
    (void)n; /* one: see add_plain() */
    *payload_bytes = bench_plain_through(context, tensors[0].data) / 8 + PAYLOAD_HEAD_BYTES;
    return CLV_OK;
}

/* What crosses on the design images. */
static clv_features cross(clv_cut_probe *probe, const clv_samples *samples)
{
    clv_error err = CLV_ERROR_INIT;
    const clv_tensor *t = &probe->frontier.tensors[0];
    const int64_t *dim = t->shape.dim;
    size_t elems = 0;

    if (clv_shape_elems(&elems, &t->shape) != CLV_OK)
        abort();
    float *x = bench_room(samples->count * elems, sizeof *x);
    for (size_t i = 0; i < samples->count; i++) {
        if (clv_cut_probe_prefix(probe, samples, i, &err) != CLV_OK)
            bench_die("prefix", &err);
        memcpy(x + i * elems, t->data, elems * sizeof *x);
    }
    return (clv_features){x, samples->count, (uint32_t)dim[1], (uint32_t)dim[2], (uint32_t)dim[3]};
}

static void add_plain(plain_lanes *lanes, const clv_graph *graph, uint32_t cut,
                      const clv_samples *samples)
{
    clv_error err = CLV_ERROR_INIT;
    clv_cut_probe probe = {0};

    if (clv_cut_probe_init(&probe, graph, cut, NULL, 1, &err) != CLV_OK)
        bench_die("cut", &err);
    const clv_tensor *t = &probe.frontier.tensors[0];
    if (probe.frontier.count == 1 && t->dtype == CLV_F32 && t->shape.rank == 4) {
        clv_features features = cross(&probe, samples);
        for (size_t i = 0; i < N_LEVELS && lanes->n < MAX_EXTRAS; i++) {
            bench_plain *scheme = &lanes->schemes[lanes->n];
            *scheme = bench_plain_make(&features, levels[i]);
            lanes->extras[lanes->n++] =
                (codec_sweep_extra){cut, "plain", levels[i], through, scheme};
        }
        clv_free((void *)(uintptr_t)features.data);
    }
    clv_cut_probe_done(&probe);
}

static void add_plains(plain_lanes *lanes, const settings *s, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    clv_calibration_images *images;
    clv_calibration_images_found found;
    tool_model model;

    if (tool_model_open(&model, path, &s->model, &err) != CLV_OK ||
        clv_calibration_images_open(&images, &found, s->design, &model.model.input,
                                    s->design_images, NULL, &err) != CLV_OK)
        bench_die(path, &err);
    clv_samples samples = clv_calibration_images_samples(images);
    for (uint32_t i = 0; i < model.model.n_ladders; i++) {
        if (model.model.ladders[i].prefix == CLV_PRECISION_FLOAT)
            add_plain(lanes, model.model.graph, model.model.ladders[i].cut, &samples);
    }
    clv_calibration_images_free(images);
    tool_model_done(&model);
}

/* --- results -------------------------------------------------------------------------------- */

/* Rows of the plain scheme's symbols behind tables of the measured images themselves. */
static void add_bounds(json_t *rows, const codec_sweep_result *r, const plain_lanes *lanes)
{
    size_t lane = 0; /* both are by cut, then as they were added */

    for (size_t i = 0; i < r->n_rows && lane < lanes->n; i++) {
        if (strcmp(r->rows[i].codec, "plain") != 0)
            continue;
        json_t *row = json_deep_copy(json_array_get(rows, i));
        double bytes = r->rows[i].bytes_mean - bench_plain_slack(&lanes->schemes[lane++]) / 8;
        (void)json_object_set_new(row, "codec", json_string("plain-bound"));
        (void)json_object_set_new(row, "bytes_mean", json_real(bytes));
        (void)json_object_set_new(row, "bytes_p95", json_null());
        (void)json_object_set_new(
            row, "bits_per_element",
            json_real(r->rows[i].bits_per_element * bytes / r->rows[i].bytes_mean));
        (void)json_array_append_new(rows, row);
    }
}

static clv_status write_json(const codec_sweep_result *r, const plain_lanes *lanes,
                             const char *const *words, clv_error *err)
{
    const char *path = words[0], *svg = words[1], *title = words[2];
    json_t *rows = codec_sweep_json(r);
    add_bounds(rows, r, lanes);
    json_t *root = json_pack("{s:s, s:s, s:I, s:I, s:b, s:o}", "title", title, "svg", svg, "images",
                             (json_int_t)r->images, "labelled", (json_int_t)r->labelled, "detector",
                             r->detector, "rows", rows);
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(1)) : NULL;
    clv_status status = text != NULL ? clv_file_write(path, text, strlen(text), 0644, err)
                                     : clv_fail(err, CLV_ENOMEM, path, "out of memory");
    free(text);
    json_decref(root);
    return status;
}

static clv_status write_svg(const codec_sweep_result *r, const char *path, const char *title,
                            clv_error *err)
{
    clv_buffer svg;

    clv_buffer_init(&svg, (size_t)16 << 20);
    clv_status status = codec_sweep_plot(&svg, r, title);
    if (status == CLV_OK)
        status = clv_file_write(path, svg.data, svg.size, 0644, err);
    clv_buffer_done(&svg);
    return status;
}

/* @p words: as the set says. */
static clv_status run(const settings *s, const char *const *words, clv_error *err)
{
    const sweep_sources sources = {NULL, 0, s->data, s->labels, (size_t)s->limit};
    plain_lanes *lanes = bench_room(1, sizeof *lanes);
    codec_sweep_result result = {0};
    sweep_images images;
    codec_sweep_job job = {.path = words[3],
                           .model = &s->model,
                           .images = &images,
                           .label_offset = (int64_t)s->label_offset,
                           .boxes = s->boxes,
                           .decode = s->decode,
                           .only_cut = SPLIT_RUN_WHOLE,
                           .extras = lanes->extras};

    tool_hold_signals();
    clv_status status = sweep_images_list(&images, &sources, err);
    if (status == CLV_OK) {
        add_plains(lanes, s, words[3]);
        job.n_extras = lanes->n;
        status = codec_sweep(&result, &job, set.program, err);
    }
    if (status == CLV_OK)
        status = codec_sweep_print(&result, words[2], err);
    if (status == CLV_OK)
        status = write_svg(&result, words[1], words[2], err);
    if (status == CLV_OK)
        status = write_json(&result, lanes, words, err);
    codec_sweep_done(&result);
    sweep_images_done(&images);
    for (size_t i = 0; i < lanes->n; i++)
        bench_plain_done(&lanes->schemes[i]);
    clv_free(lanes);
    return status;
}

int main(int argc, char **argv)
{
    settings s = {.model = TOOL_MODEL_SETTINGS_INIT,
                  .decode = DETECTOR_SETTINGS_INIT,
                  .design_images = 64,
                  .limit = UINT32_MAX};
    clv_error err = CLV_ERROR_INIT;
    clv_parsed parsed;
    int code;

    s.decode.score = 0.01;
    if (tool_parse(&parsed, &s, &set, 4, argc, argv, &code)) {
        code = s.design == NULL || s.data == NULL
                   ? tool_usage(set.program, "--design and --data are needed")
               : run(&s, parsed.positional.items, &err) == CLV_OK ? TOOL_OK
                                                                  : tool_fail(set.program, &err);
    }
    clv_parsed_done(&parsed);
    return tool_end(code);
}
