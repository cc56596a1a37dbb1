/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "runtime/topk.h"

static clv_tensor vector(float *data, int64_t n)
{
    return (clv_tensor){.dtype = CLV_F32, .shape = {2, {1, n}}, .data = data};
}

static void test_topk__applies_to_one_wide_dimension_of_floats(void **state)
{
    static const struct {
        clv_dtype dtype;
        clv_shape shape;
        bool applies;
    } cases[] = {
        {CLV_F32, {1, {10}}, true},          {CLV_F32, {2, {1, 10}}, true},
        {CLV_F32, {4, {1, 10, 1, 1}}, true}, {CLV_F32, {2, {10, 1}}, true},
        {CLV_F32, {2, {2, 10}}, false},      {CLV_F32, {0, {0}}, false},
        {CLV_F32, {1, {1}}, false},          {CLV_F32, {1, {0}}, false},
        {CLV_I64, {1, {10}}, false},         {CLV_F32, {3, {1, 0, 10}}, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clv_tensor t = {.dtype = cases[i].dtype, .shape = cases[i].shape};
        assert_int_equal(clv_topk_applies(&t), cases[i].applies);
    }
}

static void test_topk__best_first_and_of_equal_ones_the_lower(void **state)
{
    float data[] = {1.0f, 5.0f, -3.0f, 5.0f, 4.0f, 1.0f};
    const uint32_t order[] = {1, 3, 4, 0, 5, 2};
    clv_tensor t = vector(data, 6);
    clv_top top[8];
    (void)state;

    for (uint32_t k = 0; k <= 8; k++) {
        uint32_t n = clv_topk(top, k, &t);
        assert_int_equal(n, k < 6 ? k : 6);
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(top[i].index, order[i]);
            assert_float_equal(top[i].score, data[order[i]], 0.0f);
        }
    }
}

static void test_topk__confidence_is_the_softmax_of_scores(void **state)
{
    float data[] = {1000.0f, 1000.0f + logf(3.0f), -1e30f};
    clv_tensor t = vector(data, 3);
    clv_top top[3];
    (void)state;

    assert_int_equal(clv_topk(top, 3, &t), 3);
    assert_float_equal(top[0].confidence, 0.75f, 1e-4f);
    assert_float_equal(top[1].confidence, 0.25f, 1e-4f);
    assert_float_equal(top[2].confidence, 0.0f, 0.0f);
}

static void test_topk__a_distribution_is_taken_as_it_is(void **state)
{
    float data[] = {0.2f, 0.7f, 0.1f};
    clv_tensor t = vector(data, 3);
    clv_top top[3];
    (void)state;

    assert_int_equal(clv_topk(top, 3, &t), 3);
    for (int i = 0; i < 3; i++)
        assert_float_equal(top[i].confidence, top[i].score, 0.0f);
    data[1] = 0.9f; /* the sum is 1.2: scores */
    assert_int_equal(clv_topk(top, 3, &t), 3);
    assert_true(top[0].confidence < 0.6f);
    data[1] = 1.0f; /* the sum is 1, but nothing is below 0 in a distribution */
    data[2] = -0.2f;
    assert_int_equal(clv_topk(top, 3, &t), 3);
    assert_true(top[0].confidence < 0.9f);
}

static void test_topk__nan_is_the_worst(void **state)
{
    float data[] = {NAN, -5.0f, NAN, 2.0f};
    clv_tensor t = vector(data, 4);
    clv_top top[4];
    (void)state;

    assert_int_equal(clv_topk(top, 4, &t), 4);
    assert_int_equal(top[0].index, 3);
    assert_int_equal(top[1].index, 1);
    assert_int_equal(top[2].index, 0);
    assert_int_equal(top[3].index, 2);
    assert_float_equal(top[0].confidence + top[1].confidence, 1.0f, 1e-6f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topk__applies_to_one_wide_dimension_of_floats),
        cmocka_unit_test(test_topk__best_first_and_of_equal_ones_the_lower),
        cmocka_unit_test(test_topk__confidence_is_the_softmax_of_scores),
        cmocka_unit_test(test_topk__a_distribution_is_taken_as_it_is),
        cmocka_unit_test(test_topk__nan_is_the_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
