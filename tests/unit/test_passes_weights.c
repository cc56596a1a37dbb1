/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic and padding that move into the weights and windows beside them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/pass_case.h"

#define CHECK(family, cases) pass_check(&(family), cases, sizeof(cases) / sizeof(cases)[0])

static void norm_constants(clv_graph *g, uint32_t n)
{
    const float var[] = {0.25f, 4.0f, 1.0f, 2.0f};
    (void)gb_constant(g, "scale", (gb_dims){{n}});
    (void)gb_constant(g, "shift", (gb_dims){{n}});
    (void)gb_constant(g, "mean", (gb_dims){{n}});
    (void)gb_floats(g, "var", var, n);
}

/* Convolutions of 4 channels to 4: w of 3x3, g in two groups, t and tg for ConvTranspose. */
static void image_constants(clv_graph *g)
{
    (void)gb_constant(g, "w", (gb_dims){{4, 4, 3, 3}});
    (void)gb_constant(g, "g", (gb_dims){{4, 2, 3, 3}});
    (void)gb_constant(g, "tg", (gb_dims){{4, 2, 3, 3}});
    (void)gb_constant(g, "b", (gb_dims){{4}});
    (void)gb_constant(g, "c", (gb_dims){{1, 4, 1, 1}});
    (void)gb_constant(g, "d", (gb_dims){{4, 1, 1}});
    (void)gb_constant(g, "column", (gb_dims){{1, 1, 8, 1}});
    (void)gb_constant(g, "row", (gb_dims){{8}});
    (void)gb_constant(g, "full", (gb_dims){{1, 4, 8, 8}});
    (void)gb_floats(g, "wide", (float[]){1.0f}, 1);
    g->values[clv_graph_find_value(g, "wide")].tensor.shape =
        (clv_shape){.rank = 5, .dim = {1, 1, 1, 1, 1}};
    norm_constants(g, 4);
}

static const pass_family image = {{{1, 4, 8, 8}}, image_constants, NULL};

static void test_passes_weights__arithmetic_behind_a_convolution(void **state)
{
    static const pass_case cases[] = {
        {"a = Conv x w; y = Mul a c", "Conv", NULL},
        {"a = Conv x w b; y = Mul d a", "Conv", NULL},
        {"a = Conv x w b; y = Add a c", "Conv", NULL},
        {"a = Conv x g b {group=2}; y = Sub a c", "Conv", NULL},
        {"a = Conv x w b; y = Sub c a", "Conv", NULL},
        {"a = Conv x w b; y = Div a 3", "Conv", NULL},
        {"a = Conv x w; m = Mul a c; n = Add m 0.5; y = Relu n", "Conv+Relu", NULL},
        {"a = Conv x w; b1 = Mul a c; n = BatchNormalization b1 scale shift mean var; y = Mul n 2",
         "Conv", NULL},
        /* another axis, a shape that grows, a quotient, infinity, a value that is needed */
        {"a = Conv x w {pads=1,1,1,1}; y = Mul a column", NULL, NULL},
        {"a = Conv x w {pads=1,1,1,1}; y = Add a row", NULL, NULL},
        {"a = Conv x w {pads=1,1,1,1}; y = Mul a full", NULL, NULL},
        {"a = Conv x w; y = Mul a wide", NULL, NULL},
        {"a = Conv x w; y = Div c a", NULL, NULL},
        {"a = Conv x w; y = Mul a c", NULL, "y a"},
        {"a = Conv x w; y = Mul a c; z = Neg a", NULL, "y z"},
        {"a = Conv x w; s = Sigmoid a; y = Mul s c", "Conv+Sigmoid Mul", NULL},
        {"a = MaxPool x {kernel_shape=3,3}; y = Mul a c", NULL, NULL},
    };
    (void)state;
    CHECK(image, cases);
}

static void test_passes_weights__infinite_factors_stay(void **state)
{
    clv_graph *g = gb_create();
    (void)state;
    (void)gb_input(g, "x", image.input);
    image_constants(g);
    gb_lines(g, "a = Conv x w; y = Div a 0");
    gb_output(g, "y");
    gb_prepare(g);
    assert_string_equal(gb_describe(g), "Conv Div");
    clv_graph_free(g);
}

static void test_passes_weights__behind_a_transposed_convolution(void **state)
{
    static const pass_case cases[] = {
        {"a = ConvTranspose x w; y = Mul a c", "ConvTranspose", NULL},
        {"a = ConvTranspose x tg b {group=2 strides=2,2}; m = Mul a c; y = Add m d",
         "ConvTranspose", NULL},
        {"a = ConvTranspose x tg {group=2}; y = BatchNormalization a scale shift mean var",
         "ConvTranspose", NULL},
        {"a = ConvTranspose x w; y = BatchNormalization a scale shift mean var", NULL, "y a"},
    };
    (void)state;
    CHECK(image, cases);
}

static void test_passes_weights__before_a_convolution(void **state)
{
    static const pass_case cases[] = {
        {"m = Mul x c; y = Conv m w {pads=1,1,1,1}", "Conv", NULL},
        {"m = Div x 3; y = Conv m g b {group=2 pads=1,1,1,1}", "Conv", NULL},
        {"m = Sub x c; n = Mul m 0.1; y = Conv n g {group=2}", "Conv", NULL},
        {"n = BatchNormalization x scale shift mean var; y = Conv n w b", "Conv", NULL},
        /* a shift would have to reach into the padding */
        {"m = Add x c; y = Conv m w {pads=1,1,1,1}", NULL, NULL},
        {"m = Sub x c; n = Mul m 0.1; y = Conv n w {pads=0,0,0,1}", "Sub Conv", NULL},
        {"n = BatchNormalization x scale shift mean var; y = Conv n w {auto_pad=SAME_UPPER}", NULL,
         NULL},
        {"m = Mul x column; y = Conv m w", NULL, NULL},
        {"m = Mul x c; y = Conv m w", NULL, "y m"},
        {"m = Mul x c; y = Conv m w; z = Neg m", NULL, "y z"},
        {"m = Mul x c; y = ConvTranspose m w", NULL, NULL},
    };
    (void)state;
    CHECK(image, cases);
}

static void matrix_constants(clv_graph *g)
{
    (void)gb_constant(g, "w", (gb_dims){{6, 3}});
    (void)gb_constant(g, "wt", (gb_dims){{3, 6}});
    (void)gb_constant(g, "b", (gb_dims){{3}});
    (void)gb_constant(g, "b2", (gb_dims){{1, 3}});
    (void)gb_constant(g, "column", (gb_dims){{5, 1}});
    norm_constants(g, 3);
}

static void test_passes_weights__behind_matrices(void **state)
{
    static const pass_family matrices = {{{5, 6}}, matrix_constants, NULL};
    static const pass_family batched = {{{2, 5, 6}}, matrix_constants, NULL};
    static const pass_case cases[] = {
        {"a = Gemm x w b; y = Mul a b2", "Gemm", NULL},
        {"a = Gemm x wt {transB=1 alpha=0.5}; y = Add a b", "Gemm", NULL},
        {"a = Gemm x w b; y = BatchNormalization a scale shift mean var", "Gemm", NULL},
        {"a = MatMul x w; m = Mul a 0.5; y = Add m b", "Gemm", NULL},
        {"a = MatMul x w; y = Mul a b", "MatMul", NULL},
        {"a = Gemm x w b {beta=0.5}; y = Mul a b", NULL, NULL},
        {"a = Gemm x w b2; y = Mul a b", NULL, NULL},
        {"a = Gemm x w; y = Mul a column", NULL, NULL},
    };
    static const pass_case in_batches[] = {
        {"a = MatMul x w; y = Mul a b", "MatMul", NULL},
        {"a = MatMul x w; y = Add a b", NULL, NULL}, /* a MatMul has no bias */
    };
    (void)state;
    CHECK(matrices, cases);
    CHECK(batched, in_batches);
}

static void pad_constants(clv_graph *g)
{
    (void)gb_constant(g, "w", (gb_dims){{4, 4, 3, 3}});
    (void)gb_ints(g, "one", (int64_t[]){0, 0, 1, 1, 0, 0, 1, 1}, 8);
    (void)gb_ints(g, "end", (int64_t[]){0, 0, 0, 0, 0, 0, 1, 1}, 8);
    (void)gb_ints(g, "much", (int64_t[]){0, 0, 3, 3, 0, 0, 3, 3}, 8);
    (void)gb_ints(g, "crop", (int64_t[]){0, 0, -1, 1, 0, 0, 1, 1}, 8);
    (void)gb_ints(g, "channels", (int64_t[]){0, 1, 0, 0, 0, -1, 0, 0}, 8);
    (void)gb_scalar(g, "low", -INFINITY);
}

static const pass_family padded = {{{1, 4, 8, 8}}, pad_constants, NULL};

static void test_passes_weights__pad_before_a_convolution(void **state)
{
    static const pass_case cases[] = {
        {"p = Pad x one; y = Conv p w", "Conv", NULL},
        {"p = Pad x end 0; y = Conv p w {strides=2,2 pads=1,0,0,1}", "Conv", NULL},
        {"p = Pad x one; y = Conv p w {auto_pad=VALID}", "Conv", NULL},
        {"p = Pad x one 1; y = Conv p w", NULL, NULL},
        {"p = Pad x one {mode=edge}; y = Conv p w", NULL, NULL},
        {"p = Pad x crop; y = Conv p w", NULL, NULL},
        {"p = Pad x channels; y = Conv p w", NULL, NULL},
        {"p = Pad x much; y = Conv p w", NULL, NULL},
        {"p = Pad x one; y = Conv p w", NULL, "y p"},
        {"p = Pad x one; y = Conv p w; z = Neg p", NULL, "y z"},
    };
    (void)state;
    CHECK(padded, cases);
}

static void test_passes_weights__pad_before_pooling(void **state)
{
    static const pass_case cases[] = {
        {"p = Pad x one; y = AveragePool p {kernel_shape=3,3}", "AveragePool", NULL},
        {"p = Pad x end; y = AveragePool p {kernel_shape=3,3 pads=1,1,0,0 count_include_pad=1}",
         "AveragePool", NULL},
        {"p = Pad x one low; y = MaxPool p {kernel_shape=3,3 strides=2,2}", "MaxPool", NULL},
        {"r = Relu x; p = Pad r one; y = MaxPool p {kernel_shape=3,3 strides=2,2}", "Relu MaxPool",
         NULL},
        {"r = Clip x 0 6; p = Pad r end; y = MaxPool p {kernel_shape=2,2}", "Clip MaxPool", NULL},
        /* its own padding doesn't count; a window of more than there is; 0 would win */
        {"p = Pad x end; y = AveragePool p {kernel_shape=3,3 pads=1,1,0,0}", NULL, NULL},
        {"p = Pad x one; y = AveragePool p {kernel_shape=3,3 strides=2,2 ceil_mode=1}", NULL, NULL},
        {"p = Pad x one 1; y = AveragePool p {kernel_shape=3,3}", NULL, NULL},
        {"p = Pad x one; y = MaxPool p {kernel_shape=3,3}", NULL, NULL},
        {"r = Clip x -1 6; p = Pad r one; y = MaxPool p {kernel_shape=3,3}", NULL, NULL},
        {"r = Relu x; p = Pad r one; y = MaxPool p {kernel_shape=3,3 dilations=2,2}", NULL, NULL},
        {"r = Relu x; p = Pad r much; y = MaxPool p {kernel_shape=3,3}", NULL, NULL},
        {"p = Pad x one low; y = MaxPool p {kernel_shape=3,3}", NULL, "y p"},
    };
    (void)state;
    CHECK(padded, cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_weights__arithmetic_behind_a_convolution),
        cmocka_unit_test(test_passes_weights__infinite_factors_stay),
        cmocka_unit_test(test_passes_weights__behind_a_transposed_convolution),
        cmocka_unit_test(test_passes_weights__before_a_convolution),
        cmocka_unit_test(test_passes_weights__behind_matrices),
        cmocka_unit_test(test_passes_weights__pad_before_a_convolution),
        cmocka_unit_test(test_passes_weights__pad_before_pooling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
