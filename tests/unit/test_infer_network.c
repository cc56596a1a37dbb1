/* SPDX-License-Identifier: Apache-2.0 */
/* What inference refuses of convolutions, pools, matrix products and recurrent networks, so that
 * kernels never see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "support/case_literal.h"

typedef struct refusal {
    clv_status status;
    const char *what; /* of the message */
    literal line;
} refusal;

#define Y                                                                                          \
    {                                                                                              \
        "y"                                                                                        \
    }
#define X123 "f 1x2x3: 1 2 3 4 5 6"
#define BYTES "u 1x1x3: 1 2 3"

/* clang-format off */
static const refusal windows[] = {
    {CLV_ESHAPE, "spatial dimensions", {CLV_OP_CONV_TRANSPOSE, "rank", {"f 1x1: 1", "f 1x1: 1"}, {0}, Y}},
    {CLV_ESHAPE, "different ranks", {CLV_OP_CONV_TRANSPOSE, "ranks", {X123, "f 2x1x1x1: 1 1"}, {0}, Y}},
    {CLV_ESHAPE, "do not agree", {CLV_OP_CONV_TRANSPOSE, "channels", {X123, "f 1x1x1: 1"}, {0}, Y}},
    {CLV_ESHAPE, "do not agree", {CLV_OP_CONV_TRANSPOSE, "groups", {X123, "f 2x1x1: 1 1"}, {"group=3"}, Y}},
    {CLV_ESHAPE, "do not agree", {CLV_OP_CONV_TRANSPOSE, "too many groups", {X123, "f 2x1x1: 1 1"}, {"group=9223372036854775807"}, Y}},
    {CLV_ESHAPE, "the bias", {CLV_OP_CONV_TRANSPOSE, "bias", {X123, "f 2x1x1: 1 1", "f 2: 1 2"}, {0}, Y}},
    {CLV_ESHAPE, "extent of the output", {CLV_OP_CONV_TRANSPOSE, "all is padding", {X123, "f 2x1x1: 1 1"}, {"pads=2,1"}, Y}},
    {CLV_ESHAPE, "out of range", {CLV_OP_CONV_TRANSPOSE, "a negative extent", {X123, "f 2x1x1: 1 1"}, {"output_padding=-1"}, Y}},
    {CLV_ESHAPE, "extent of the output", {CLV_OP_CONV_TRANSPOSE, "far too large", {X123, "f 2x1x1: 1 1"}, {"strides=2147483648"}, Y}},
    {CLV_ELIMIT, "too large", {CLV_OP_CONV_TRANSPOSE, "too large", {"f 1x1x2x2: 1 2 3 4", "f 1x1x1x1: 1"}, {"strides=2000000000,2000000000"}, Y}},
    {CLV_ESHAPE, "wrong number", {CLV_OP_CONV_TRANSPOSE, "too many dimensions", {X123, "f 2x1x1: 1 1"}, {"output_shape=3,3"}, Y}},
    {CLV_EFORMAT, "kernel_shape is missing", {CLV_OP_LP_POOL, "no kernel", {X123}, {0}, Y}},
    {CLV_ESHAPE, "no spatial", {CLV_OP_GLOBAL_LP_POOL, "a matrix", {"f 1x1: 1"}, {0}, Y}},
    {CLV_ESHAPE, "p must be", {CLV_OP_LP_POOL, "no norm", {X123}, {"kernel_shape=1", "p=0"}, Y}},
    {CLV_ESHAPE, "p must be", {CLV_OP_GLOBAL_LP_POOL, "no norm", {X123}, {"p=-1"}, Y}},
    {CLV_ESHAPE, "index per element", {CLV_OP_MAX_UNPOOL, "indices", {X123, "i 1x1x3: 0 1 2"}, {"kernel_shape=1"}, Y}},
    {CLV_ESHAPE, "index per element", {CLV_OP_MAX_UNPOOL, "no int64", {X123, X123}, {"kernel_shape=1"}, Y}},
    {CLV_EUNSUPPORTED, "must be constant", {CLV_OP_MAX_UNPOOL, "a shape that isn't known", {X123, "i 1x2x3: 0 1 2 3 4 5", "i 3: 1 2 3"}, {"kernel_shape=1"}, Y}},
    {CLV_ESHAPE, "other samples", {CLV_OP_MAX_UNPOOL, "other channels", {X123, "i 1x2x3: 0 1 2 3 4 5", "I 3: 1 3 3"}, {"kernel_shape=1"}, Y}},
};

static const refusal integers[] = {
    {CLV_EUNSUPPORTED, "(u)int8", {CLV_OP_CONV_INTEGER, "floats", {X123, "u 1x2x1: 1 1"}, {0}, Y}},
    {CLV_EUNSUPPORTED, "(u)int8", {CLV_OP_CONV_INTEGER, "float weights", {BYTES, "f 1x1x1: 1"}, {0}, Y}},
    {CLV_EFORMAT, "another type", {CLV_OP_CONV_INTEGER, "zero point", {BYTES, "u 1x1x1: 1", "c : 1"}, {0}, Y}},
    {CLV_ESHAPE, "per channel", {CLV_OP_CONV_INTEGER, "zero points", {BYTES, "u 1x1x1: 1", "u 2: 1 1"}, {0}, Y}},
    {CLV_ESHAPE, "per channel", {CLV_OP_CONV_INTEGER, "of weights", {BYTES, "u 1x1x1: 1", "u : 1", "u 2: 1 1"}, {0}, Y}},
    {CLV_EUNSUPPORTED, "float32", {CLV_OP_QLINEAR_CONV, "scale", {BYTES, "i : 1", "u : 1", "u 1x1x1: 1", "f : 1", "u : 1", "f : 1", "u : 1"}, {0}, Y}},
    {CLV_EUNSUPPORTED, "(u)int8", {CLV_OP_QLINEAR_CONV, "result", {BYTES, "f : 1", "u : 1", "u 1x1x1: 1", "f : 1", "u : 1", "f : 1", "i : 1"}, {0}, Y}},
    {CLV_ESHAPE, "per channel", {CLV_OP_QLINEAR_CONV, "scales of the result", {BYTES, "f : 1", "u : 1", "u 1x1x1: 1", "f : 1", "u : 1", "f 2: 1 1", "u : 1"}, {0}, Y}},
    {CLV_EFORMAT, "int32", {CLV_OP_QLINEAR_CONV, "bias", {BYTES, "f : 1", "u : 1", "u 1x1x1: 1", "f : 1", "u : 1", "f : 1", "u : 1", "f 1: 1"}, {0}, Y}},
    {CLV_ESHAPE, "inner dimensions", {CLV_OP_MATMUL_INTEGER, "inner", {"u 1x2: 1 2", "u 1x2: 1 2"}, {0}, Y}},
    {CLV_ESHAPE, "doesn't fit", {CLV_OP_MATMUL_INTEGER, "rows", {"u 2x1: 1 2", "u 1x2: 1 2", "u 3: 1 2 3"}, {0}, Y}},
    {CLV_ESHAPE, "doesn't fit", {CLV_OP_MATMUL_INTEGER, "along the sum", {"u 1x2: 1 2", "u 2x1: 1 2", "u 1x2: 1 2"}, {0}, Y}},
    {CLV_ESHAPE, "doesn't fit", {CLV_OP_MATMUL_INTEGER, "columns", {"u 2x1: 1 2", "u 1x2: 1 2", "u : 1", "u 2x1: 1 2"}, {0}, Y}},
    {CLV_EUNSUPPORTED, "(u)int8", {CLV_OP_MATMUL_INTEGER, "int64", {"i 1: 1", "i 1: 1"}, {0}, Y}},
    {CLV_ESHAPE, "doesn't fit", {CLV_OP_QLINEAR_MATMUL, "scales of a vector", {"u 1: 1", "f : 1", "u : 1", "u 2x1x2: 1 2 3 4", "f : 1", "u : 1", "f 2: 1 1", "u : 1"}, {0}, Y}},
    {CLV_EFORMAT, "different types", {CLV_OP_MATMUL, "types", {"f 1: 1", "i 1: 1"}, {0}, Y}},
    {CLV_ESHAPE, "axis", {CLV_OP_QUANTIZE_LINEAR, "axis", {"f 2: 1 2", "f 2: 1 2"}, {0}, Y}},
    {CLV_ESHAPE, "each element", {CLV_OP_QUANTIZE_LINEAR, "scales", {"f 2x2: 1 2 3 4", "f 3: 1 2 3"}, {0}, Y}},
    {CLV_ESHAPE, "different shapes", {CLV_OP_QUANTIZE_LINEAR, "zero points", {"f 2x2: 1 2 3 4", "f 2: 1 2", "u : 1"}, {0}, Y}},
    {CLV_ESHAPE, "each block", {CLV_OP_QUANTIZE_LINEAR, "blocks", {"f 1x4: 1 2 3 4", "f 1x2: 1 2"}, {"block_size=1"}, Y}},
    {CLV_ESHAPE, "block_size", {CLV_OP_QUANTIZE_LINEAR, "a negative block", {"f 1x4: 1 2 3 4", "f 1x2: 1 2"}, {"block_size=-2"}, Y}},
    {CLV_ESHAPE, "another shape", {CLV_OP_QUANTIZE_LINEAR, "blocks of something else", {"f 1x4: 1 2 3 4", "f 2x2: 1 2 3 4"}, {"block_size=2"}, Y}},
    {CLV_EUNSUPPORTED, "8 or 16", {CLV_OP_QUANTIZE_LINEAR, "int64", {"f : 1", "f : 1", "i : 1"}, {0}, Y}},
    {CLV_EUNSUPPORTED, "8 or 16", {CLV_OP_QUANTIZE_LINEAR, "no such type", {"f : 1", "f : 1"}, {"output_dtype=-1"}, Y}},
    {CLV_EFORMAT, "than asked", {CLV_OP_QUANTIZE_LINEAR, "two types", {"f : 1", "f : 1", "u : 1"}, {"output_dtype=5"}, Y}},
    {CLV_EUNSUPPORTED, "no such type", {CLV_OP_QUANTIZE_LINEAR, "int64 scale", {"f : 1", "i : 1"}, {0}, Y}},
    {CLV_EUNSUPPORTED, "no quantised type", {CLV_OP_DEQUANTIZE_LINEAR, "floats", {"f : 1", "f : 1"}, {0}, Y}},
    {CLV_EFORMAT, "another type", {CLV_OP_DEQUANTIZE_LINEAR, "zero point", {"c : 1", "f : 1", "u : 1"}, {0}, Y}},
    {CLV_EUNSUPPORTED, "float32", {CLV_OP_DEQUANTIZE_LINEAR, "scale", {"c : 1", "i : 1"}, {0}, Y}},
    {CLV_EUNSUPPORTED, "float32", {CLV_OP_DYNAMIC_QUANTIZE_LINEAR, "int64", {"i : 1"}, {0}, {"y", "s", "z"}}},
};

#define STEPS "f 2x1x1: 1 2"
#define ONE "f 1x1x1: 1"
static const refusal recurrent[] = {
    {CLV_ESHAPE, "rank 3", {CLV_OP_RNN, "rank", {"f 2: 1 2", ONE, ONE}, {0}, Y}},
    {CLV_ESHAPE, "hidden_size", {CLV_OP_RNN, "hidden_size", {STEPS, ONE, ONE}, {"hidden_size=2"}, Y}},
    {CLV_ESHAPE, "do not fit", {CLV_OP_RNN, "weights", {STEPS, "f 1x2x1: 1 2", ONE}, {0}, Y}},
    {CLV_ESHAPE, "do not fit", {CLV_OP_GRU, "gates", {STEPS, ONE, ONE}, {0}, Y}},
    {CLV_ESHAPE, "do not fit", {CLV_OP_RNN, "directions", {STEPS, ONE, ONE}, {"direction:bidirectional"}, Y}},
    {CLV_EFORMAT, "direction", {CLV_OP_RNN, "no direction", {STEPS, ONE, ONE}, {"direction:up"}, Y}},
    {CLV_ESHAPE, "do not fit", {CLV_OP_RNN, "bias", {STEPS, ONE, ONE, "f 1x1: 1"}, {0}, Y}},
    {CLV_ESHAPE, "do not fit", {CLV_OP_RNN, "lengths", {STEPS, ONE, ONE, "-", "w 2: 1 1"}, {0}, Y}},
    {CLV_EUNSUPPORTED, "int32", {CLV_OP_RNN, "int64 lengths", {STEPS, ONE, ONE, "-", "i 1: 1"}, {0}, Y}},
    {CLV_EUNSUPPORTED, "float32", {CLV_OP_RNN, "int64", {"i 2x1x1: 1 2", ONE, ONE}, {0}, Y}},
    {CLV_ESHAPE, "do not fit", {CLV_OP_RNN, "first state", {STEPS, ONE, ONE, "-", "-", "f 1x2x1: 1 2"}, {0}, Y}},
    {CLV_EFORMAT, "clip", {CLV_OP_RNN, "clip", {STEPS, ONE, ONE}, {"clip~-1"}, Y}},
    {CLV_EFORMAT, "clip", {CLV_OP_RNN, "clip", {STEPS, ONE, ONE}, {"clip~nan"}, Y}},
    {CLV_EUNSUPPORTED, "not a known one", {CLV_OP_RNN, "activation", {STEPS, ONE, ONE}, {"activations:Tan"}, Y}},
    {CLV_EUNSUPPORTED, "missing", {CLV_OP_GRU, "one activation", {STEPS, "f 1x3x1: 1 2 3", "f 1x3x1: 1 2 3"}, {"activations:Tanh"}, Y}},
    {CLV_EFORMAT, "too many", {CLV_OP_RNN, "two activations", {STEPS, ONE, ONE}, {"activations:Tanh,Tanh"}, Y}},
};
/* clang-format on */

static void expect_refusals(const refusal *refusals, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const refusal *r = &refusals[i];
        clv_error err = CLV_ERROR_INIT;
        clv_status status = literal_infer(&r->line, &err);
        if (status != r->status || strstr(err.message, r->what) == NULL)
            fail_msg("%s, %s: %s: %s", clv_op_describe(r->line.op)->name, r->line.name,
                     clv_status_text(status), err.message);
    }
}

static void test_infer_network__refuses_windows_that_dont_fit(void **state)
{
    (void)state;
    expect_refusals(windows, sizeof windows / sizeof windows[0]);
}

static void test_infer_network__refuses_quantised_tensors_that_dont_fit(void **state)
{
    (void)state;
    expect_refusals(integers, sizeof integers / sizeof integers[0]);
}

static void test_infer_network__refuses_recurrent_networks_that_dont_fit(void **state)
{
    (void)state;
    expect_refusals(recurrent, sizeof recurrent / sizeof recurrent[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_infer_network__refuses_windows_that_dont_fit),
        cmocka_unit_test(test_infer_network__refuses_quantised_tensors_that_dont_fit),
        cmocka_unit_test(test_infer_network__refuses_recurrent_networks_that_dont_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
