/* SPDX-License-Identifier: Apache-2.0 */
/* What a split costs: bytes at some cuts of real networks on photographs, and how often the answer
 * stays the float network's, for operating points of our codec beside a plain quantiser with an
 * ideal entropy coder; and our entropy coder's size and speed beside zstd's
 * and lz4's on the same symbols. Points are designed on images that nothing is measured on.
 * Usage: see `usage`. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "bench/coder_race.h"
#include "bench/plain_scheme.h"
#include "graph/prepare.h"
#include "kernel/ref/ref.h"
#include "onnx/onnx_import.h"

#define HEAD_BYTES 8.0 /* of a payload with one tensor: header, tag, point, length */

static const char usage[] =
    "bench_codec OUT.json MODEL.onnx PRESET CUT[,CUT...] FIT:DESIGN_DIR FIT:DIR...\n"
    "  CUT: CxHxW.N, the Nth cut (from 0) where one tensor of that shape crosses; list: show "
    "them\n";

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

static void report(bench_state *b, const char *cut, const char *codec, double knob, const result *r)
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
        bench_die("point", &err);
    *bytes_out = bytes.size;
    clv_buffer_done(&bytes);
    clv_point_free(point);
    return parsed;
}

static result measure(bench_crossing *c, const clv_features *on, const int64_t *answers,
                      const clv_design_options *o)
{
    clv_point *point;
    result r = {0};
    size_t elems = (size_t)on->channels * on->rows * on->cols, same = 0, bytes;

    if (clv_codec_design(&point, &c->design, o) != CLV_OK)
        abort();
    point = through_bytes(point, &r.point_bytes);
    r.planes = point->planes;
    uint8_t *coded = bench_room(clv_point_bound(point), 1);
    void *scratch = bench_room(clv_point_scratch_bytes(point), 1);
    float *back = bench_room(elems, sizeof *back);
    double *all = bench_room(on->count, sizeof *all);
    for (size_t i = 0; i < on->count; i++) {
        if (clv_point_encode(&bytes, point, on->data + i * elems, scratch, coded,
                             clv_point_bound(point)) != CLV_OK ||
            clv_point_decode(back, point, scratch, coded, bytes) != CLV_OK)
            abort();
        all[i] = (double)bytes + HEAD_BYTES;
        bench_load_crossing(c, back);
        bench_suffix(c);
        same += bench_answer_of(c) == answers[i];
        r.distance += bench_distance_to(c, i) / (double)on->count;
    }
    sum_up(&r, all, on->count, elems, same);
    clv_free(coded);
    clv_free(scratch);
    clv_free(back);
    clv_free(all);
    clv_point_free(point);
    return r;
}

static result measure_plain(bench_crossing *c, unsigned levels)
{
    const clv_features *on = &c->seen;
    size_t elems = (size_t)on->channels * on->rows * on->cols, same = 0;
    bench_plain p = bench_plain_make(&c->design, levels);
    result r = {0};
    float *back = bench_room(elems, sizeof *back);
    double *all = bench_room(on->count, sizeof *all);

    for (size_t i = 0; i < on->count; i++) {
        memcpy(back, on->data + i * elems, elems * sizeof *back);
        all[i] = bench_plain_through(&p, back) / 8;
        bench_load_crossing(c, back);
        bench_suffix(c);
        same += bench_answer_of(c) == c->answers[i];
        r.distance += bench_distance_to(c, i) / (double)on->count;
    }
    sum_up(&r, all, on->count, elems, same);
    bench_plain_done(&p);
    clv_free(back);
    clv_free(all);
    return r;
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

static void measure_cut(bench_state *b, uint32_t cut, const char *name);

/* @p wanted: "list", or names divided by commas. */
static void measure_cuts(bench_state *b, const char *wanted)
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

static void measure_points(bench_state *b, bench_crossing *c)
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

static void measure_cut(bench_state *b, uint32_t cut, const char *name)
{
    bench_crossing c = {.name = name};
    clv_error err = CLV_ERROR_INIT;

    bench_cross(&c, b, cut);
    bench_race(b, &c, 16);
    bench_race(b, &c, 8);
    c.metric = bench_room((size_t)c.seen.channels * c.seen.channels, sizeof *c.metric);
    if (clv_cut_probe_metric(c.metric, &c.probe, 0, &b->design.samples, 64, NULL, &err) != CLV_OK)
        bench_die("metric", &err);
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
    bench_state b = {0};

    if (argc < 7 || argc > 6 + BENCH_MAX_SETS) {
        (void)fputs(usage, stderr);
        return 2;
    }
    b.model = strrchr(argv[2], '/') ? strrchr(argv[2], '/') + 1 : argv[2];
    if (clv_onnx_import(&b.graph, argv[2], &import, &err) != CLV_OK ||
        clv_graph_prepare(b.graph, &prepare, NULL, NULL, &err) != CLV_OK ||
        clv_input_spec_preset(&b.spec, argv[3]) != CLV_OK ||
        clv_input_spec_fit_shape(&b.spec, &b.graph->values[b.graph->inputs[0]].tensor, &err) !=
            CLV_OK)
        bench_die(argv[2], &err);
    bench_open_set(&b.design, argv[5], b.spec);
    for (int i = 6; i < argc; i++)
        bench_open_set(&b.sets[b.n_sets++], argv[i], b.spec);
    bench_report_open(&b.report, "codec", "./dev bench codec");
    measure_cuts(&b, argv[4]);
    clv_graph_free(b.graph);
    return bench_report_close(&b.report, argv[1]);
}
