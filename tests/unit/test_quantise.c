/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/quantise.h"
#include "support/case_node.h"

static void expect_u8(const clv_quant *quant, const float *x, const uint8_t *want, size_t n)
{
    uint8_t got[32];

    assert_true(n <= sizeof got);
    clv_quantise_f32(got, x, n, quant, CLV_U8);
    for (size_t i = 0; i < n; i++) {
        if (got[i] != want[i])
            fail_msg("%g becomes %u, not %u", (double)x[i], got[i], want[i]);
    }
}

static void test_quantise__ties_go_to_even(void **state)
{
    const clv_quant quant = {.scale = 0.5f, .zero_point = 10};
    const float x[] = {0.25f, 0.75f, 1.25f, -0.25f, -0.75f, -1.25f, 0.24999f, 0.25001f};
    const uint8_t want[] = {10, 12, 12, 10, 8, 8, 10, 11};
    (void)state;

    expect_u8(&quant, x, want, 8);
}

static void test_quantise__an_odd_zero_point_does_not_move_ties(void **state)
{
    const clv_quant quant = {.scale = 1.0f, .zero_point = 3};
    const float x[] = {0.5f, 1.5f, -0.5f, -1.5f, 2.5f};
    const uint8_t want[] = {3, 5, 3, 1, 5};
    (void)state;

    expect_u8(&quant, x, want, 5);
}

static void test_quantise__saturates(void **state)
{
    const clv_quant quant = {.scale = 0.1f, .zero_point = 128};
    const float x[] = {1e30f, -1e30f, INFINITY, -INFINITY, 12.7f, 12.75f, 100.0f, -12.8f, -12.9f};
    const uint8_t want[] = {255, 0, 255, 0, 255, 255, 255, 0, 0};
    int8_t got[2];
    (void)state;

    expect_u8(&quant, x, want, 9);
    const clv_quant signed_quant = {.scale = 1e-30f, .zero_point = -128};
    clv_quantise_f32(got, (const float[]){1.0f, -1.0f}, 2, &signed_quant, CLV_I8);
    assert_int_equal(got[0], 127);
    assert_int_equal(got[1], -128);
}

static void test_quantise__a_nan_is_the_zero_point(void **state)
{
    const int32_t zero_points[] = {0, 3, 255};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        const clv_quant quant = {.scale = 0.25f, .zero_point = zero_points[i]};
        expect_u8(&quant, (const float[]){NAN, -NAN},
                  (const uint8_t[2]){(uint8_t)zero_points[i], (uint8_t)zero_points[i]}, 2);
    }
}

/* Bytes come back as they were, whatever the scale: half a step is far more than the rounding. */
static void test_quantise__all_bytes_survive_the_way_there_and_back(void **state)
{
    uint8_t bytes[256], back[256];
    float real[256];
    uint64_t seed = 1;
    (void)state;

    for (uint32_t i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    for (int round = 0; round < 2000; round++) {
        clv_dtype dtype = round % 2 == 0 ? CLV_U8 : CLV_I8;
        clv_quant quant = {.scale =
                               ldexpf(1.5f + case_random_float(&seed, 0.5f), round % 200 - 100),
                           .zero_point = (int32_t)case_random_between(&seed, 0, 255) -
                                         (dtype == CLV_I8 ? 128 : 0)};
        clv_dequantise_f32(real, bytes, 256, &quant, dtype);
        memset(back, 0, sizeof back);
        clv_quantise_f32(back, real, 256, &quant, dtype);
        assert_memory_equal(bytes, back, 256);
    }
}

static void test_quantise__real_numbers_are_scale_times_distance(void **state)
{
    const clv_quant quant = {.scale = 0.5f, .zero_point = -3};
    const int8_t bytes[] = {-128, -3, 0, 127};
    const float want[] = {-62.5f, 0.0f, 1.5f, 65.0f};
    float got[4];
    (void)state;

    clv_dequantise_f32(got, bytes, 4, &quant, CLV_I8);
    assert_memory_equal(got, want, sizeof want);
}

static void test_quantise__a_tensor_may_have_a_scale_for_each_channel(void **state)
{
    const float scales[] = {1.0f, 0.5f, 4.0f};
    int8_t bytes[] = {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6};
    const float want[] = {1, 2, 1.5f, 2, 20, 24, -1, -2, -1.5f, -2, -20, -24};
    const clv_tensor tensor = {CLV_I8, {.rank = 3, .dim = {2, 3, 2}}, bytes};
    const clv_quant quant = {.axis = 1, .n_scales = 3, .scales = scales};
    float got[12];
    (void)state;

    clv_dequantise_tensor(got, &tensor, &quant);
    assert_memory_equal(got, want, sizeof want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantise__ties_go_to_even),
        cmocka_unit_test(test_quantise__an_odd_zero_point_does_not_move_ties),
        cmocka_unit_test(test_quantise__saturates),
        cmocka_unit_test(test_quantise__a_nan_is_the_zero_point),
        cmocka_unit_test(test_quantise__all_bytes_survive_the_way_there_and_back),
        cmocka_unit_test(test_quantise__real_numbers_are_scale_times_distance),
        cmocka_unit_test(test_quantise__a_tensor_may_have_a_scale_for_each_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
