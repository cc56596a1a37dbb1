/* SPDX-License-Identifier: Apache-2.0 */
#include "support/tiny_ladders.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compress/codec_design.h"

#define SAMPLES 8u
#define MAX_POINTS 512u

static void *need(tiny_ladders *l, size_t count, size_t size)
{
    void *memory = clv_arena_alloc(&l->memory, count, size);
    assert_non_null(memory);
    return memory;
}

/* What tensor @p which of the frontier is on some inputs, as floats; and as bytes if it is. */
static clv_features look(tiny_ladders *l, uint8_t *bytes, const tiny_forms *forms,
                         const tiny_split *split, uint32_t which)
{
    clv_features f = {.count = SAMPLES};
    float *x = NULL;

    for (uint32_t i = 0; i < SAMPLES; i++) {
        tiny_split_result r = {0};
        size_t n;
        tiny_forms_run(&r, forms, split, 100 + i);
        const clv_tensor *t = &r.frontier.tensors[which];
        assert_int_equal(clv_shape_elems(&n, &t->shape), CLV_OK);
        if (x == NULL)
            x = need(l, SAMPLES * n, sizeof *x);
        for (size_t e = 0; e < n; e++)
            x[i * n + e] = t->dtype == CLV_U8 ? (float)((const uint8_t *)t->data)[e]
                                              : ((const float *)t->data)[e];
        if (t->dtype == CLV_U8)
            memcpy(bytes + i * n, t->data, n);
        f.channels = (uint32_t)t->shape.dim[1];
        f.rows = t->shape.rank > 2 ? (uint32_t)t->shape.dim[2] : 1;
        f.cols = (uint32_t)(n / f.channels / f.rows);
        tiny_split_result_done(&r);
    }
    f.data = x;
    return f;
}

static clv_point *design(const clv_features *f, const uint8_t *bytes, bool is_bytes, uint32_t rung)
{
    static const double steps[TINY_LADDER_RUNGS] = {0.02, 0.1, 0.3};
    clv_design_options o = CLV_DESIGN_OPTIONS_INIT;
    clv_point *point = NULL;

    o.groups = 2;
    o.step = steps[rung];
    o.bytes = is_bytes;
    if (is_bytes && rung == 0)
        assert_int_equal(
            clv_codec_design_lossless(&point, bytes, f->count, f->channels, f->rows, f->cols, 2),
            CLV_OK);
    else
        assert_int_equal(clv_codec_design(&point, f, &o), CLV_OK);
    return point;
}

static void add_points(tiny_ladders *l, clv_cut_ladder *ladder, const clv_point **points,
                       const tiny_forms *forms, uint32_t which)
{
    static uint8_t bytes[1 << 16];
    tiny_split split = {ladder->prefix, CLV_PRECISION_FLOAT, ladder->cut};
    const clv_graph *graph = forms->graphs[ladder->prefix];
    clv_frontier frontier =
        clv_frontiers_at(clv_program_frontiers(forms->programs[ladder->prefix]), ladder->cut);
    bool is_bytes = graph->values[frontier.values[which]].tensor.dtype == CLV_U8;
    clv_features f = look(l, bytes, forms, &split, which);

    for (uint32_t r = 0; r < TINY_LADDER_RUNGS; r++) {
        clv_point *point = design(&f, bytes, is_bytes, r);
        size_t scratch = clv_point_scratch_bytes(point);
        assert_true(l->n_points < MAX_POINTS);
        l->points[l->n_points++] = point;
        points[r * ladder->n_tensors + which] = point;
        ladder->scratch_bytes = scratch > ladder->scratch_bytes ? scratch : ladder->scratch_bytes;
    }
}

static void add_ladder(tiny_ladders *l, const tiny_forms *forms, clv_precision prefix, uint32_t cut)
{
    clv_cut_ladder *ladder = &l->ladders[l->n_ladders++];
    uint32_t n = clv_frontiers_at(clv_program_frontiers(forms->programs[prefix]), cut).count;
    clv_rung *rungs = need(l, TINY_LADDER_RUNGS, sizeof *rungs);
    const clv_point **points = need(l, (size_t)TINY_LADDER_RUNGS * n, sizeof(const clv_point *));

    *ladder = (clv_cut_ladder){
        .cut = cut, .prefix = prefix, .n_tensors = n, .n_rungs = TINY_LADDER_RUNGS, .rungs = rungs};
    for (uint32_t i = n > 1 ? 1 : 0; i < n; i++)
        add_points(l, ladder, points, forms, i);
    for (uint32_t r = 0; r < TINY_LADDER_RUNGS; r++)
        rungs[r] = (clv_rung){.points = points + (size_t)r * n,
                              .bytes_mean = 1000 - 300.0 * r - cut,
                              .bytes_p95 = 1100 - 300.0 * r,
                              .agreement = 1 - 0.02 * r,
                              .snr_db = 40 - 10.0 * r,
                              .box_error = r == 1 ? 0.01 : (double)NAN,
                              .score_error = r == 1 ? 0.02 : (double)NAN};
}

void tiny_ladders_init(tiny_ladders *l, tiny_forms *forms)
{
    uint32_t n_cuts = forms->original->n_nodes - 1;

    *l = (tiny_ladders){0};
    l->ladders = need(l, 2 * (size_t)n_cuts, sizeof *l->ladders);
    l->points = need(l, MAX_POINTS, sizeof(clv_point *));
    for (uint32_t cut = 0; cut < n_cuts; cut++) {
        add_ladder(l, forms, CLV_PRECISION_FLOAT, cut);
        add_ladder(l, forms, CLV_PRECISION_INT8, cut);
    }
    forms->model.ladders = l->ladders;
    forms->model.n_ladders = l->n_ladders;
}

size_t tiny_ladders_run(tiny_split_result *result, const tiny_ladders *l, const tiny_forms *forms,
                        const tiny_split *split, uint32_t rung, uint64_t input_seed)
{
    const clv_cut_ladder *ladder =
        clv_cut_ladder_find(l->ladders, l->n_ladders, split->cut, split->prefix);
    const clv_tensor_set *set = &result->frontier;
    size_t bound, bytes;

    assert_non_null(ladder);
    tiny_forms_run(result, forms, split, input_seed);
    assert_int_equal(clv_activation_bound(&bound, set->tensors, set->planned, set->count), CLV_OK);
    uint8_t *payload = clv_calloc(bound, 1);
    void *scratch = clv_alloc_aligned(ladder->scratch_bytes + 1);
    clv_codec_tables tables = clv_cut_ladder_tables(ladder, rung, scratch);
    assert_int_equal(clv_activation_encode_by(&bytes, CLV_CODEC_RANS, &tables, set->tensors,
                                              set->planned, set->count, payload, bound),
                     CLV_OK);
    assert_int_equal(clv_activation_decode_by(set->tensors, set->planned, set->count, &tables,
                                              payload, bytes, NULL),
                     CLV_OK);
    clv_free(payload);
    clv_free(scratch);
    tiny_forms_finish(result, forms, split);
    return bytes;
}

void tiny_ladders_done(tiny_ladders *l)
{
    for (uint32_t i = 0; i < l->n_points; i++)
        clv_point_free(l->points[i]);
    clv_arena_done(&l->memory);
    *l = (tiny_ladders){0};
}
