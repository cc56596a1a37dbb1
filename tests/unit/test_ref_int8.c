/* SPDX-License-Identifier: Apache-2.0 */
/* What the families of test_backends are too small for: sums beyond 32 bits, and the last bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/quantise.h"
#include "support/case_run.h"

#define LONG_SUM 70000 /* of products of 255 and 255: over 2^32 */

static void expect_floats(node_case *c, const float *want, size_t n)
{
    case_must_build(c);
    assert_int_equal(case_elems(&c->expected[0]), n);
    memcpy(c->expected[0].data, want, n * sizeof *want);
    c->tolerance = 0.0; /* the very same bits */
    assert_true(case_check(&clv_backend_ref, c, false, 1));
    case_free(c);
}

/* An input of bytes that are all @p value. */
static void fill_input(node_case *c, clv_dtype dtype, clv_shape shape, int value,
                       const clv_quant *quant)
{
    void *data = case_input(c, dtype, shape, NULL);
    memset(data, value, case_elems(&c->inputs[c->n_inputs - 1]));
    c->in_quant[c->n_inputs - 1] = quant;
}

static void test_ref_int8__long_sums_of_a_matrix_product_are_exact(void **state)
{
    const clv_quant low = {.scale = 1.0f, .zero_point = 0};
    const clv_quant high = {.scale = 1.0f, .zero_point = 255};
    const float sum = (float)(LONG_SUM * INT64_C(65025));
    (void)state;

    for (int transposed = 0; transposed < 2; transposed++) {
        node_case *c = case_create(CLV_OP_GEMM, "a long sum, transB %d", transposed);
        case_int(c, "transB", transposed);
        fill_input(c, CLV_U8, CASE_SHAPE(1, LONG_SUM), 255, &low);
        fill_input(c, CLV_U8, transposed ? CASE_SHAPE(2, LONG_SUM) : CASE_SHAPE(LONG_SUM, 2), 0,
                   &high);
        expect_floats(c, (const float[]){-sum, -sum}, 2);
    }
}

static void test_ref_int8__long_sums_of_a_convolution_are_exact(void **state)
{
    const clv_quant x = {.scale = 1.0f, .zero_point = 0}, w = {.scale = 0.5f, .zero_point = 0};
    const float sum = (float)(-LONG_SUM * INT64_C(255) * 128) * 0.5f;
    (void)state;

    node_case *c = case_create(CLV_OP_CONV, "a long sum");
    fill_input(c, CLV_U8, CASE_SHAPE(1, LONG_SUM, 1, 1), 255, &x);
    fill_input(c, CLV_I8, CASE_SHAPE(1, LONG_SUM, 1, 1), -128, &w);
    expect_floats(c, &sum, 1);
    c = case_create(CLV_OP_CONV_TRANSPOSE, "a long sum");
    fill_input(c, CLV_U8, CASE_SHAPE(1, LONG_SUM, 1, 1), 255, &x);
    fill_input(c, CLV_I8, CASE_SHAPE(LONG_SUM, 1, 1, 1), -128, &w);
    expect_floats(c, &sum, 1);
}

/* ((sum * multiplier) + bias) + residual, each rounded to float32. */
static void test_ref_int8__a_convolution_rounds_in_this_order(void **state)
{
    const clv_quant x = {.scale = 0.1f, .zero_point = 3}, w = {.scale = 0.3f, .zero_point = 0};
    const clv_quant added = {.scale = 0.7f, .zero_point = 128};
    const int8_t weights[] = {127, -3};
    const float bias = 0.01f;
    uint64_t seed = 9;
    float want[64];
    uint8_t bytes[128], residual[64];
    (void)state;

    for (size_t i = 0; i < 128; i++)
        bytes[i] = (uint8_t)case_random(&seed);
    for (size_t i = 0; i < 64; i++) {
        residual[i] = (uint8_t)case_random(&seed);
        int32_t sum = (bytes[i] - 3) * 127 + (bytes[64 + i] - 3) * -3;
        const float multiplier = 0.1f * 0.3f;
        float real = (float)sum * multiplier;
        real = real + bias;
        want[i] = real + 0.7f * (float)(residual[i] - 128);
    }
    node_case *c = case_create(CLV_OP_CONV, "order of rounding");
    case_input(c, CLV_U8, CASE_SHAPE(1, 2, 8, 8), bytes);
    case_input(c, CLV_I8, CASE_SHAPE(1, 2, 1, 1), weights);
    case_make_constant(c);
    case_input(c, CLV_F32, CASE_SHAPE(1), &bias);
    case_make_constant(c);
    case_input(c, CLV_U8, CASE_SHAPE(1, 1, 8, 8), residual);
    c->in_quant[0] = &x;
    c->in_quant[1] = &w;
    c->in_quant[3] = &added;
    expect_floats(c, want, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ref_int8__long_sums_of_a_matrix_product_are_exact),
        cmocka_unit_test(test_ref_int8__long_sums_of_a_convolution_are_exact),
        cmocka_unit_test(test_ref_int8__a_convolution_rounds_in_this_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
