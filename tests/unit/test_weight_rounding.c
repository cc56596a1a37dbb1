/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "compress/input_moments.h"
#include "compress/stored_weights.h"
#include "compress/weight_rounding.h"
#include "support/graph_builder.h"

#define DEPTH 24
#define CHANNELS 6
#define VECTORS 400

static float next_number(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / (float)(1u << 23) - 1.0f;
}

/* --- moments -------------------------------------------------------------------------------- */

static clv_status read_numbers(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    uint32_t state = (uint32_t)index * 7919u + 17u;
    size_t n = 0;
    (void)context;
    (void)err;
    (void)!clv_shape_elems(&n, &inputs[0].shape);
    for (size_t i = 0; i < n; i++)
        ((float *)inputs[0].data)[i] = next_number(&state);
    return CLV_OK;
}

static clv_moments *collect(clv_arena *memory, const clv_graph *g, size_t samples)
{
    clv_simulator *simulator;
    clv_quant_plan plan = {0};
    clv_moments *moments = NULL;
    const clv_samples numbers = {samples, NULL, read_numbers};
    assert_int_equal(clv_quant_plan_make(&plan, g, NULL), CLV_OK);
    assert_int_equal(clv_simulator_create(&simulator, g, NULL, 1, NULL), CLV_OK);
    assert_int_equal(clv_moments_collect(&moments, memory, g, &plan, simulator, &numbers,
                                         (clv_sample_range){0, 1, 0}, NULL, NULL),
                     CLV_OK);
    clv_simulator_free(simulator);
    clv_quant_plan_done(&plan);
    return moments;
}

/* Tap (y, x) of channel @p c at output (oy, ox) of a 3x3 kernel, stride 2, padding 1, over 8x8. */
static double tap_of(const float *data, int c, int tap, int oy, int ox)
{
    int y = oy * 2 - 1 + tap / 3, x = ox * 2 - 1 + tap % 3;
    return y < 0 || x < 0 || y >= 8 || x >= 8 ? 0.0 : (double)data[(c * 8 + y) * 8 + x];
}

/* Channels 2g and 2g + 1 are group g's: 18 weights. */
static double expected_moment(const float *data, int group, int i, int j)
{
    double sum = 0.0;
    for (int at = 0; at < 16; at++)
        sum += tap_of(data, 2 * group + i / 9, i % 9, at / 4, at % 4) *
               tap_of(data, 2 * group + j / 9, j % 9, at / 4, at % 4);
    return sum;
}

static void test_weight_rounding__moments_of_a_convolution_are_those_of_its_patches(void **state)
{
    (void)state;
    clv_graph *g = gb_create();
    clv_arena memory = {0};
    float data[4 * 8 * 8];
    clv_tensor t = {CLV_F32, {4, {1, 4, 8, 8}}, data};
    (void)gb_input(g, "x", (gb_dims){{1, 4, 8, 8}});
    (void)gb_constant(g, "w", (gb_dims){{6, 2, 3, 3}});
    (void)gb_node(g, CLV_OP_CONV, "x w", "y");
    gb_attr_int(g, "group", 2);
    gb_attr_ints(g, "strides", (int64_t[]){2, 2}, 2);
    gb_attr_ints(g, "pads", (int64_t[]){1, 1, 1, 1}, 4);
    gb_output(g, "y");
    gb_prepare(g);
    const clv_moments *m = collect(&memory, g, 1);
    (void)!read_numbers(NULL, 0, &t, NULL);
    assert_int_equal(m->groups, 2);
    assert_int_equal(m->depth, 18);
    assert_int_equal(m->n_blocks, 1);
    assert_int_equal(m->count, 16);
    for (int group = 0; group < 2; group++) {
        for (int i = 0; i < 18; i++) {
            for (int j = 0; j <= i; j++)
                assert_true(fabs(expected_moment(data, group, i, j) -
                                 (double)m->blocks[group][i * 18 + j]) < 1e-4);
        }
    }
    clv_arena_done(&memory);
    clv_graph_free(g);
}

/* Every row of a matrix product counts, and what is deep is divided. */
static void test_weight_rounding__deep_products_have_several_blocks(void **state)
{
    (void)state;
    clv_graph *g = gb_create();
    clv_arena memory = {0};
    (void)gb_input(g, "x", (gb_dims){{3, 1500}});
    (void)gb_constant(g, "w", (gb_dims){{1500, 4}});
    (void)gb_node(g, CLV_OP_MATMUL, "x w", "y");
    gb_output(g, "y");
    gb_prepare(g);
    const clv_moments *m = collect(&memory, g, 2);
    assert_int_equal(m->n_blocks, 2);
    assert_int_equal(clv_moments_block_size(m, 0) + clv_moments_block_size(m, 1), 1500);
    assert_int_equal(m->count, 6);
    float *x = clv_calloc(3 * 1500, sizeof *x);
    double expected = 0.0;
    for (size_t sample = 0; sample < 2; sample++) {
        clv_tensor t = {CLV_F32, {2, {3, 1500}}, x};
        (void)!read_numbers(NULL, sample, &t, NULL);
        for (size_t row = 0; row < 3; row++)
            expected += (double)x[row * 1500 + 751] * (double)x[row * 1500 + 750];
    }
    assert_true(fabs(expected - (double)m->blocks[1][1 * 750 + 0]) < 1e-4);
    clv_free(x);
    clv_arena_done(&memory);
    clv_graph_free(g);
}

/* --- rounding ------------------------------------------------------------------------------- */

typedef struct product {
    float weights[CHANNELS * DEPTH], moments[DEPTH * DEPTH], scales[CHANNELS];
    int8_t bytes[CHANNELS * DEPTH];
    float *blocks[1];
    clv_tensor tensor;
    clv_moments m;
    clv_int8_weights rounded;
} product;

static float factor_of(int i)
{
    return i == 5 ? 0.8f : 2.0f + (float)(i % 5);
}

/* Inputs that share most of what they are, as neighbours in a picture do, or share nothing. */
static void make_product(product *p, uint32_t axis, int32_t limit, bool related)
{
    uint32_t state = 99;
    const clv_weight_options options = {CLV_WEIGHT_MINMAX, limit};
    memset(p, 0, sizeof *p);
    for (int i = 0; i < CHANNELS * DEPTH; i++)
        p->weights[i] = next_number(&state);
    for (int k = 0; k < VECTORS; k++) {
        float x[DEPTH], common = next_number(&state);
        for (int i = 0; i < DEPTH; i++)
            x[i] = related ? factor_of(i) * (common + 0.3f * next_number(&state)) : 0.0f;
        if (!related)
            x[k % DEPTH] = 1.0f + (float)(k % DEPTH);
        for (int i = 0; i < DEPTH; i++) {
            for (int j = 0; j <= i; j++)
                p->moments[i * DEPTH + j] += x[i] * x[j];
        }
    }
    p->blocks[0] = p->moments;
    p->tensor = axis == 0 ? (clv_tensor){CLV_F32, {2, {CHANNELS, DEPTH}}, p->weights}
                          : (clv_tensor){CLV_F32, {2, {DEPTH, CHANNELS}}, p->weights};
    p->m = (clv_moments){1, DEPTH, DEPTH, 1, p->blocks, VECTORS};
    p->rounded = (clv_int8_weights){p->bytes, p->scales, axis, CHANNELS};
    clv_quantise_weights(p->bytes, p->scales, &p->tensor, axis, &options);
}

static size_t at(const product *p, int o, int i)
{
    return p->rounded.axis == 0 ? (size_t)(o * DEPTH + i) : (size_t)(i * CHANNELS + o);
}

/* What the rounding of channel @p o does to the sum of squares of its output. */
static double output_error(const product *p, int o)
{
    double e[DEPTH], sum = 0.0;
    for (int i = 0; i < DEPTH; i++)
        e[i] =
            (double)p->bytes[at(p, o, i)] * (double)p->scales[o] - (double)p->weights[at(p, o, i)];
    for (int i = 0; i < DEPTH; i++) {
        for (int j = 0; j < DEPTH; j++)
            sum += e[i] * e[j] * (double)p->moments[i > j ? i * DEPTH + j : j * DEPTH + i];
    }
    return sum;
}

static void test_weight_rounding__outputs_move_less_than_by_the_nearest(void **state)
{
    (void)state;
    for (uint32_t axis = 0; axis < 2; axis++) {
        for (int32_t limit = 63; limit <= 127; limit += 64) {
            double before = 0.0, after = 0.0;
            product p;
            make_product(&p, axis, limit, true);
            for (int o = 0; o < CHANNELS; o++)
                before += output_error(&p, o);
            assert_int_equal(clv_round_weights(&p.rounded, &p.tensor, &p.m, limit), CLV_OK);
            for (int o = 0; o < CHANNELS; o++)
                after += output_error(&p, o);
            assert_true(after < 0.3 * before);
            for (int i = 0; i < CHANNELS * DEPTH; i++)
                assert_true(p.bytes[i] >= -limit && p.bytes[i] <= limit);
        }
    }
}

static void test_weight_rounding__unrelated_inputs_leave_the_nearest(void **state)
{
    (void)state;
    product p;
    int8_t before[CHANNELS * DEPTH];
    make_product(&p, 0, 127, false);
    memcpy(before, p.bytes, sizeof before);
    assert_int_equal(clv_round_weights(&p.rounded, &p.tensor, &p.m, 127), CLV_OK);
    assert_memory_equal(before, p.bytes, sizeof before);
    memset(p.moments, 0, sizeof p.moments); /* nothing was ever seen */
    assert_int_equal(clv_round_weights(&p.rounded, &p.tensor, &p.m, 127), CLV_OK);
    assert_memory_equal(before, p.bytes, sizeof before);
}

/* Even where the others would like to move it most: its input counts least. */
static void test_weight_rounding__the_largest_weight_keeps_its_byte(void **state)
{
    (void)state;
    const clv_weight_options options = {CLV_WEIGHT_MINMAX, 127};
    product p;
    make_product(&p, 0, 127, true);
    for (int o = 0; o < CHANNELS; o++)
        p.weights[o * DEPTH + 5] = o % 2 == 0 ? 1.5f : -1.5f;
    clv_quantise_weights(p.bytes, p.scales, &p.tensor, 0, &options);
    assert_int_equal(clv_round_weights(&p.rounded, &p.tensor, &p.m, 127), CLV_OK);
    for (int o = 0; o < CHANNELS; o++)
        assert_int_equal(p.bytes[o * DEPTH + 5], o % 2 == 0 ? 127 : -127);
}

/* --- stored --------------------------------------------------------------------------------- */

/* What float nodes get is what a bundle gives back once it has packed that. */
static void test_weight_rounding__packing_keeps_what_was_rounded(void **state)
{
    (void)state;
    clv_graph *g = gb_create();
    clv_arena memory = {0};
    clv_quant_plan plan = {0};
    clv_int8_weights *weights;
    const float *const *stored, *const *again;
    const clv_weight_options options = {CLV_WEIGHT_MINMAX, 127};
    (void)gb_input(g, "x", (gb_dims){{1, 8, 8, 8}});
    (void)gb_constant(g, "w", (gb_dims){{8, 8, 3, 3}});
    (void)gb_node(g, CLV_OP_CONV, "x w", "y");
    gb_output(g, "y");
    gb_prepare(g);
    const clv_moments *m = collect(&memory, g, 4);
    assert_int_equal(clv_quant_plan_make(&plan, g, NULL), CLV_OK);
    assert_int_equal(clv_int8_weights_make(&weights, &memory, g, &plan, &options), CLV_OK);
    uint32_t w = g->nodes[0].inputs[1];
    clv_tensor *tensor = &g->values[w].tensor;
    assert_int_equal(clv_round_weights(&weights[0], tensor, &m[0], 127), CLV_OK);
    assert_int_equal(clv_stored_weights_make(&stored, &memory, g, CLV_WEIGHT_INT8, weights),
                     CLV_OK);
    const int8_t *bytes = weights[0].bytes;
    const float *plain = tensor->data;
    size_t moved = 0;
    for (size_t i = 0; i < 8 * 72; i++) {
        float scale = weights[0].scales[i / 72];
        assert_true(stored[w][i] == scale * (float)bytes[i]);
        moved += fabsf(stored[w][i] - plain[i]) > 0.5001f * scale;
    }
    assert_true(moved > 8 * 72 / 50); /* they aren't the nearest */
    weights[0].bytes = NULL;          /* now as packing alone does it */
    memcpy(tensor->data, stored[w], 8 * 72 * sizeof(float));
    assert_int_equal(clv_stored_weights_make(&again, &memory, g, CLV_WEIGHT_INT8, weights), CLV_OK);
    for (size_t i = 0; i < 8 * 72; i++)
        assert_true(fabsf(again[w][i] - stored[w][i]) < 1e-6f * fabsf(stored[w][i]) + 1e-12f);
    clv_quant_plan_done(&plan);
    clv_arena_done(&memory);
    clv_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weight_rounding__moments_of_a_convolution_are_those_of_its_patches),
        cmocka_unit_test(test_weight_rounding__deep_products_have_several_blocks),
        cmocka_unit_test(test_weight_rounding__outputs_move_less_than_by_the_nearest),
        cmocka_unit_test(test_weight_rounding__unrelated_inputs_leave_the_nearest),
        cmocka_unit_test(test_weight_rounding__the_largest_weight_keeps_its_byte),
        cmocka_unit_test(test_weight_rounding__packing_keeps_what_was_rounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
