/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/weight_form.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/weight_store.h"
#include "support/graph_builder.h"

#define N 1024u

/* Numbers that look like weights: most are small. The same each time. */
static void fill(float *out, size_t n)
{
    uint32_t state = 12345;
    for (size_t i = 0; i < n; i++) {
        float sum = 0;
        for (int j = 0; j < 4; j++) {
            state = state * 1664525u + 1013904223u;
            sum += (float)(state >> 8) / 8388608.0f - 1.0f;
        }
        out[i] = sum * 0.05f;
    }
}

static void there_and_back(float *out, const clv_weight_packing *packing, const float *x, size_t n)
{
    uint8_t packed[8192];
    size_t bytes;
    assert_int_equal(clv_weight_bytes(&bytes, packing, n), CLV_OK);
    assert_true(bytes <= sizeof packed);
    assert_int_equal(clv_weight_pack(packed, packing, x, n), CLV_OK);
    clv_weight_unpack(out, packing, packed, n);
}

static void test_weight_form__every_float16_comes_back(void **state)
{
    (void)state;
    const clv_weight_packing half = {.form = CLV_WEIGHT_FLOAT16};
    for (uint32_t h = 0; h < 65536; h++) {
        uint8_t bytes[2] = {(uint8_t)h, (uint8_t)(h >> 8)}, again[2];
        float number;
        if ((h >> 10 & 31u) == 31)
            continue; /* infinities and what is no number aren't packed */
        clv_weight_unpack(&number, &half, bytes, 1);
        assert_int_equal(clv_weight_pack(again, &half, &number, 1), CLV_OK);
        assert_memory_equal(bytes, again, 2);
    }
}

static void test_weight_form__float16_rounds_to_nearest_even(void **state)
{
    (void)state;
    const clv_weight_packing half = {.form = CLV_WEIGHT_FLOAT16};
    const float x[] = {1 + 0x1p-11f, 1 + 0x3p-11f, 1 + 0x1.8p-11f, 0x1p-25f, 0x1.8p-24f, -65504, 0};
    const float want[] = {1, 1 + 0x2p-10f, 1 + 0x1p-10f, 0, 0x2p-24f, -65504, 0};
    float y[7];
    there_and_back(y, &half, x, 7);
    for (int i = 0; i < 7; i++)
        assert_true(y[i] >= want[i] && y[i] <= want[i]);
}

/* Channels in rows, and in columns. */
static void test_weight_form__int8_is_off_by_half_a_step_of_its_channel(void **state)
{
    (void)state;
    const clv_weight_packing ways[] = {{CLV_WEIGHT_INT8, 8, N / 8}, {CLV_WEIGHT_INT8, 8, 1}};
    float x[N], y[N], peaks[8];
    for (int w = 0; w < 2; w++) {
        fill(x, N);
        for (size_t i = 0; i < N; i++)
            x[i] *= (float)(i / ways[w].run % 8); /* channel 0 is all zero */
        memset(peaks, 0, sizeof peaks);
        for (size_t i = 0; i < N; i++)
            peaks[i / ways[w].run % 8] = fmaxf(peaks[i / ways[w].run % 8], fabsf(x[i]));
        there_and_back(y, &ways[w], x, N);
        for (size_t i = 0; i < N; i++)
            assert_true(fabsf(x[i] - y[i]) <= peaks[i / ways[w].run % 8] / 127 * 0.5001f);
    }
}

static double square_error(const float *x, const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
    return sum;
}

static void test_weight_form__int4_beats_sixteen_even_steps(void **state)
{
    (void)state;
    const clv_weight_packing groups = {CLV_WEIGHT_INT4, N / 32, 32};
    float x[N], y[N], even[N];
    fill(x, N);
    for (size_t i = 0; i < N; i += 32) {
        float peak = 0;
        for (size_t j = i; j < i + 32; j++)
            peak = fmaxf(peak, fabsf(x[j]));
        for (size_t j = i; j < i + 32; j++)
            even[j] = nearbyintf(x[j] / peak * 7) * peak / 7;
    }
    there_and_back(y, &groups, x, N);
    assert_true(square_error(x, y, N) < 0.9 * square_error(x, even, N));
}

/* The sum of a group's errors is below the rounding of one weight. */
static void test_weight_form__int4_errors_cancel_out(void **state)
{
    (void)state;
    const clv_weight_packing ways[] = {{CLV_WEIGHT_INT4, N / 32, 32}, {CLV_WEIGHT_INT4, 32, 1}};
    float x[N], y[N];
    fill(x, N);
    for (int w = 0; w < 2; w++) {
        double sums[32] = {0};
        there_and_back(y, &ways[w], x, N);
        for (size_t i = 0; i < N; i++)
            sums[i / ways[w].run % 32] += (double)y[i] - (double)x[i];
        for (int k = 0; k < 32; k++)
            assert_true(fabs(sums[k]) < 0.013); /* half a step: 0.2 / 15 on average */
    }
}

static void test_weight_form__int4_holds_an_odd_count_and_zeros(void **state)
{
    (void)state;
    const clv_weight_packing odd = {CLV_WEIGHT_INT4, 2, 32}; /* 32 and 31 */
    float x[63] = {0}, y[63];
    there_and_back(y, &odd, x, 63);
    for (int i = 0; i < 63; i++)
        assert_true(fabsf(y[i]) <= 0);
    x[62] = -3;
    there_and_back(y, &odd, x, 63);
    assert_true(fabsf(y[62] + 3) < 0.01f);
}

static void test_weight_form__what_is_no_packing_is_refused(void **state)
{
    (void)state;
    static const clv_weight_packing none[] = {
        {CLV_WEIGHT_FLOAT16, 1, 0},       {CLV_WEIGHT_FLOAT16, 0, 1},
        {CLV_WEIGHT_INT8, 0, 1},          {CLV_WEIGHT_INT8, 1, 0},
        {CLV_WEIGHT_INT8, N + 1, 1},      {CLV_WEIGHT_INT8, 1, N + 1},
        {CLV_WEIGHT_INT4, UINT32_MAX, 1}, {CLV_WEIGHT_INT4, 1, UINT64_MAX},
        {CLV_WEIGHT_FORM_COUNT, 1, 1}};
    size_t bytes = 7;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(clv_weight_bytes(&bytes, &none[i], N), CLV_EFORMAT);
    assert_int_equal(clv_weight_bytes(&bytes, &(clv_weight_packing){CLV_WEIGHT_INT8, 1, 1}, 0),
                     CLV_EFORMAT);
    assert_int_equal(
        clv_weight_bytes(&bytes, &(clv_weight_packing){.form = CLV_WEIGHT_FLOAT16}, SIZE_MAX),
        CLV_EFORMAT);
    assert_int_equal(bytes, 7);
}

static void test_weight_form__names_are_found(void **state)
{
    (void)state;
    clv_weight_form form = CLV_WEIGHT_FLOAT32;
    assert_int_equal(clv_weight_form_find(&form, "int4"), CLV_OK);
    assert_int_equal(form, CLV_WEIGHT_INT4);
    assert_int_equal(clv_weight_form_find(&form, "int2"), CLV_ENOENT);
    assert_string_equal(clv_weight_form_name((clv_weight_form)77), "invalid");
}

/* Large weights are packed; small ones, those that something else reads, and infinite ones not. */
static void test_weight_form__only_weights_are_chosen(void **state)
{
    (void)state;
    clv_graph *g = gb_create();
    clv_weight_packing p[16];
    (void)gb_input(g, "x", (gb_dims){{1, 32}});
    uint32_t fc = gb_constant(g, "fc", (gb_dims){{32, 16}});
    uint32_t small = gb_constant(g, "small", (gb_dims){{16, 8}});
    uint32_t wide = gb_constant(g, "wide", (gb_dims){{8, 64}});
    uint32_t shared = gb_constant(g, "shared", (gb_dims){{64, 64}});
    uint32_t endless = gb_constant(g, "endless", (gb_dims){{64, 64}});
    (void)gb_node(g, CLV_OP_GEMM, "x fc", "a");
    (void)gb_node(g, CLV_OP_MATMUL, "a small", "b");
    (void)gb_node(g, CLV_OP_MATMUL, "b wide", "c");
    (void)gb_node(g, CLV_OP_MATMUL, "c shared", "d");
    (void)gb_node(g, CLV_OP_ADD, "d shared", "e");
    (void)gb_node(g, CLV_OP_MATMUL, "e endless", "y");
    gb_output(g, "y");
    ((float *)g->values[endless].tensor.data)[9] = INFINITY;

    assert_int_equal(clv_weight_choose(p, g, CLV_WEIGHT_INT8), CLV_OK);
    assert_int_equal(p[fc].form, CLV_WEIGHT_INT8);
    assert_int_equal(p[fc].n_scales, 16);
    assert_int_equal(p[fc].run, 1);
    assert_int_equal(p[wide].n_scales, 64);
    assert_int_equal(p[small].form, CLV_WEIGHT_FLOAT32);
    assert_int_equal(p[shared].form, CLV_WEIGHT_FLOAT32);
    assert_int_equal(p[endless].form, CLV_WEIGHT_FLOAT32);
    assert_int_equal(clv_weight_choose(p, g, CLV_WEIGHT_FLOAT32), CLV_OK);
    assert_int_equal(p[fc].form, CLV_WEIGHT_FLOAT32);
    clv_graph_free(g);
}

/* --- the store ---------------------------------------------------------------------------- */

static size_t resident_pages(float *data, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;
    unsigned char pages[64] = {0};
    assert_true((bytes + page - 1) / page <= sizeof pages);
    assert_int_equal(mincore(data, bytes, pages), 0);
    for (size_t i = 0; i < sizeof pages; i++)
        n += pages[i] & 1u;
    return n;
}

static void test_weight_store__numbers_are_there_while_they_are_held(void **state)
{
    (void)state;
    static uint8_t packed[16384 + 4];
    const clv_packed_weights weights = {{CLV_WEIGHT_INT8, 1, 16384}, packed, sizeof packed, 16384};
    const float one = 1;
    clv_weight_store *store;
    float *data;
    memcpy(packed, &one, 4);
    memset(packed + 4, 5, 16384);
    assert_int_equal(clv_weight_store_create(&store), CLV_OK);
    assert_int_equal(clv_weight_store_add(&data, store, 3, &weights), CLV_OK);
    assert_null(clv_weight_store_find(store, 2));
    assert_non_null(clv_weight_store_find(store, 3));
    assert_null(clv_weight_store_find(NULL, 3));
    assert_int_equal(resident_pages(data, 16384 * 4), 0);

    clv_weight_store_hold(store, 3);
    clv_weight_store_hold(store, 3);
    clv_weight_store_hold(store, 2); /* plain: nothing to do */
    clv_weight_store_release(store, 3);
    assert_true(data[16383] >= 5 && data[16383] <= 5);
    assert_true(resident_pages(data, 16384 * 4) > 0);
    clv_weight_store_release(store, 3);
    assert_int_equal(resident_pages(data, 16384 * 4), 0);
    clv_weight_store_hold(store, 3);
    assert_true(data[0] >= 5 && data[0] <= 5);
    clv_weight_store_free(store);
    clv_weight_store_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weight_form__every_float16_comes_back),
        cmocka_unit_test(test_weight_form__float16_rounds_to_nearest_even),
        cmocka_unit_test(test_weight_form__int8_is_off_by_half_a_step_of_its_channel),
        cmocka_unit_test(test_weight_form__int4_beats_sixteen_even_steps),
        cmocka_unit_test(test_weight_form__int4_errors_cancel_out),
        cmocka_unit_test(test_weight_form__int4_holds_an_odd_count_and_zeros),
        cmocka_unit_test(test_weight_form__what_is_no_packing_is_refused),
        cmocka_unit_test(test_weight_form__names_are_found),
        cmocka_unit_test(test_weight_form__only_weights_are_chosen),
        cmocka_unit_test(test_weight_store__numbers_are_there_while_they_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
