/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that exporters write as arithmetic. Cases without `after` miss the pattern in one
 * thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/pass_case.h"

#define CHECK(family, cases) pass_check(&(family), cases, sizeof(cases) / sizeof(cases)[0])

static void constants(clv_graph *g)
{
    const gb_dims row = {{8}}, rows = {{8, 8}};
    (void)gb_constant(g, "row", row);
    (void)gb_constant(g, "beta", row);
    (void)gb_constant(g, "rows", rows);
    (void)gb_constant(g, "wide", (gb_dims){{2, 3, 8, 8}});
    (void)gb_ints(g, "last", (int64_t[]){-1}, 1);
    (void)gb_ints(g, "last2", (int64_t[]){2, 3}, 2);
    (void)gb_ints(g, "second", (int64_t[]){1}, 1);
}

static const pass_family image = {{{1, 3, 8, 8}}, constants, NULL};

static void test_passes_patterns__swish(void **state)
{
    static const pass_case cases[] = {
        {"s = Sigmoid x; y = Mul x s", "Swish", NULL},
        {"s = Sigmoid x; y = Mul s x", "Swish", NULL},
        {"t = Mul x 1.702; s = Sigmoid t; y = Mul x s", "Swish", NULL},
        {"a = Abs x; s = Sigmoid a; b = Mul a s; y = Neg b", "Abs Swish Neg", NULL},
        /* another x; a gate that is needed; a scale outside; a gate that broadcasts */
        {"a = Abs x; s = Sigmoid x; y = Mul a s", NULL, NULL},
        {"s = Sigmoid x; y = Mul x s; z = Neg s", NULL, "y z"},
        {"s = Sigmoid x; y = Mul x s", NULL, "y s"},
        {"s = Sigmoid x; t = Mul x s; y = Mul t 2", "Swish Mul", NULL},
        {"s = Sigmoid x; t = Mul s 2; y = Mul x t", NULL, NULL},
        {"t = Mul x row; s = Sigmoid t; y = Mul x s", NULL, NULL},
    };
    (void)state;
    CHECK(image, cases);
}

static void test_passes_patterns__swish_joins_a_convolution(void **state)
{
    clv_graph *g = gb_create();
    (void)state;
    (void)gb_input(g, "x", image.input);
    gb_conv(g, "x", "c");
    gb_lines(g, "s = Sigmoid c; y = Mul c s");
    gb_output(g, "y");
    gb_prepare(g);
    assert_string_equal(gb_describe(g), "Conv+Swish");
    clv_graph_free(g);
}

static void test_passes_patterns__hard_swish(void **state)
{
    static const pass_case cases[] = {
        {"a = Add x 3; c = Clip a 0 6; m = Mul x c; y = Div m 6", "HardSwish", NULL},
        {"a = Add 3 x; c = Clip a 0 6; d = Div c 6; y = Mul d x", "HardSwish", NULL},
        {"a = Add x 3; c = Clip a 0 6; d = Mul c 0.16666667; y = Mul x d", "HardSwish", NULL},
        {"a = Add x 3; c = Clip a 0 6; d = Div x 6; y = Mul d c", "HardSwish", NULL},
        {"h = HardSigmoid x {alpha=0.1666666716337204 beta=0.5}; y = Mul x h", "HardSwish", NULL},
        /* other constants, other x, values that are needed (an Add takes the Clip) */
        {"a = Add x 2; c = Clip a 0 6; m = Mul x c; y = Div m 6", "Add+Clip Mul Div", NULL},
        {"a = Add x 3; c = Clip a 0 5; m = Mul x c; y = Div m 6", "Add+Clip Mul Div", NULL},
        {"a = Add x 3; c = Clip a 0 6; m = Mul x c; y = Div m 5", "Add+Clip Mul Div", NULL},
        {"h = HardSigmoid x {alpha=0.2 beta=0.5}; y = Mul x h", NULL, NULL},
        {"h = HardSigmoid x {alpha=0.1666666716337204 beta=0.4}; y = Mul x h", NULL, NULL},
        {"n = Neg x; a = Add n 3; c = Clip a 0 6; m = Mul x c; y = Div m 6", "Neg Add+Clip Mul Div",
         NULL},
        {"a = Add x 3; c = Clip a 0 6; m = Mul x c; y = Div m 6", NULL, "y a"},
        {"a = Add x 3; c = Clip a 0 6; m = Mul x c; y = Div m 6; z = Neg m", "Add+Clip Mul Div Neg",
         "y z"},
    };
    (void)state;
    CHECK(image, cases);
}

static void test_passes_patterns__mish(void **state)
{
    static const pass_case cases[] = {
        {"s = Softplus x; t = Tanh s; y = Mul x t", "Mish", NULL},
        {"s = Softplus x; t = Tanh s; y = Mul t x", "Mish", NULL},
        {"n = Neg x; s = Softplus n; t = Tanh s; y = Mul x t", NULL, NULL},
        {"s = Softplus x; t = Tanh s; y = Mul x t", NULL, "y t"},
        {"s = Softplus x; t = Tanh s; y = Mul x t; z = Neg s", NULL, "y z"},
        {"s = Softplus x; t = Sigmoid s; y = Mul x t", NULL, NULL},
    };
    (void)state;
    CHECK(image, cases);
}

static void test_passes_patterns__gelu(void **state)
{
    static const pass_case cases[] = {
        /* as PyTorch and as TensorFlow write it, and another order */
        {"d = Div x 1.41421354; e = Erf d; a = Add e 1; m = Mul x a; y = Mul m 0.5", "Gelu", NULL},
        {"d = Mul x 0.70710677; e = Erf d; a = Add 1 e; h = Mul x 0.5; y = Mul h a", "Gelu", NULL},
        {"d = Div x 1.41421354; e = Erf d; a = Add e 1; h = Mul a 0.5; y = Mul x h", "Gelu", NULL},
        {"d = Div x 1.4; e = Erf d; a = Add e 1; m = Mul x a; y = Mul m 0.5", NULL, NULL},
        {"d = Div x 1.41421354; e = Erf d; a = Add e 2; m = Mul x a; y = Mul m 0.5", NULL, NULL},
        {"d = Div x 1.41421354; e = Erf d; a = Add e 1; m = Mul x a; y = Mul m 0.4", NULL, NULL},
        {"d = Div x 1.41421354; e = Erf d; a = Add e 1; m = Mul x a; y = Mul m 0.5", NULL, "y e"},
        {"d = Div x 1.41421354; e = Erf d; a = Add e 1; m = Mul x a; y = Mul m 0.5; z = Neg a",
         NULL, "y z"},
        {"n = Abs x; d = Div n 1.41421354; e = Erf d; a = Add e 1; m = Mul x a; y = Mul m 0.5",
         NULL, NULL},
    };
    (void)state;
    CHECK(image, cases);
}

static void test_passes_patterns__gelu_by_tanh(void **state)
{
    static const pass_case cases[] = {
        {"p = Pow x 3; c = Mul p 0.044715; i = Add x c; u = Mul i 0.797884583; t = Tanh u; "
         "a = Add t 1; h = Mul x 0.5; y = Mul h a",
         "Gelu", NULL},
        {"q = Mul x x; p = Mul q x; c = Mul 0.044715 p; i = Add c x; u = Mul 0.797884583 i; "
         "t = Tanh u; a = Add 1 t; m = Mul x a; y = Mul 0.5 m",
         "Gelu", NULL},
        {"c = Mul x 0.044715; q = Mul c x; o = Add q 1; s = Mul x 0.797884583; u = Mul s o; "
         "t = Tanh u; a = Add 1 t; m = Mul x a; y = Mul 0.5 m",
         "Gelu", NULL},
        {"p = Pow x 2; c = Mul p 0.044715; i = Add x c; u = Mul i 0.797884583; t = Tanh u; "
         "a = Add t 1; h = Mul x 0.5; y = Mul h a",
         NULL, NULL},
        {"q = Mul x x; c = Mul q 0.044715; i = Add x c; u = Mul i 0.797884583; t = Tanh u; "
         "a = Add t 1; h = Mul x 0.5; y = Mul h a",
         NULL, NULL},
        {"p = Pow x 3; c = Mul p 0.04; i = Add x c; u = Mul i 0.797884583; t = Tanh u; "
         "a = Add t 1; h = Mul x 0.5; y = Mul h a",
         NULL, NULL},
        {"p = Pow x 3; c = Mul p 0.044715; i = Add x c; u = Mul i 0.8; t = Tanh u; "
         "a = Add t 1; h = Mul x 0.5; y = Mul h a",
         NULL, NULL},
        {"p = Pow x 3; c = Mul p 0.044715; i = Add x c; u = Mul i 0.797884583; t = Tanh u; "
         "a = Add t 1; h = Mul x 0.5; y = Mul h a",
         NULL, "y u"},
    };
    (void)state;
    CHECK(image, cases);
}

static void test_passes_patterns__layer_norm(void **state)
{
    static const pass_case cases[] = {
        {"m = ReduceMean x last; d = Sub x m; q = Pow d 2; v = ReduceMean q last; e = Add v 1e-5; "
         "s = Sqrt e; y = Div d s",
         "LayerNormalization", NULL},
        {"m = ReduceMean x last; d = Sub x m; q = Pow d 2; v = ReduceMean q last; e = Add v 1e-5; "
         "s = Sqrt e; n = Div d s; w = Mul n row; y = Add w beta",
         "LayerNormalization", NULL},
        {"m = ReduceMean x last2; d = Sub x m; q = Mul d d; v = ReduceMean q last2; "
         "e = Add 1e-3 v; s = Sqrt e; r = Reciprocal s; n = Mul r d; y = Mul rows n",
         "LayerNormalization", NULL},
        /* two Subs are one after cse */
        {"m = ReduceMean x last; d = Sub x m; b = Sub x m; q = Pow b 2; v = ReduceMean q last; "
         "e = Add v 1e-5; s = Sqrt e; y = Div d s",
         "LayerNormalization", NULL},
        /* a scale for something else; a bias before the scale */
        {"m = ReduceMean x last; d = Sub x m; q = Pow d 2; v = ReduceMean q last; e = Add v 1e-5; "
         "s = Sqrt e; n = Div d s; y = Mul n rows",
         "LayerNormalization Mul", NULL},
        {"m = ReduceMean x last; d = Sub x m; q = Pow d 2; v = ReduceMean q last; e = Add v 1e-5; "
         "s = Sqrt e; n = Div d s; b = Add n beta; y = Mul b row",
         "LayerNormalization Mul", NULL},
        {"m = ReduceMean x last; d = Sub x m; q = Pow d 2; v = ReduceMean q last; e = Add v 1e-5; "
         "s = Sqrt e; n = Div d s; y = Mul n row",
         "LayerNormalization Mul", "y n"},
        /* another axis, two axes that differ, another power, another x, values that are needed */
        {"m = ReduceMean x second; d = Sub x m; q = Pow d 2; v = ReduceMean q second; "
         "e = Add v 1e-5; s = Sqrt e; y = Div d s",
         NULL, NULL},
        {"m = ReduceMean x last; d = Sub x m; q = Pow d 2; v = ReduceMean q last2; "
         "e = Add v 1e-5; s = Sqrt e; y = Div d s",
         NULL, NULL},
        {"m = ReduceMean x last; d = Sub x m; q = Pow d 4; v = ReduceMean q last; e = Add v 1e-5; "
         "s = Sqrt e; y = Div d s",
         NULL, NULL},
        {"a = Abs x; m = ReduceMean a last; d = Sub x m; q = Pow d 2; v = ReduceMean q last; "
         "e = Add v 1e-5; s = Sqrt e; y = Div d s",
         NULL, NULL},
        {"m = ReduceMean x last; d = Sub x m; q = Pow d 2; v = ReduceMean q last; e = Add v 1e-5; "
         "s = Sqrt e; y = Div d s",
         NULL, "y v"},
        {"m = ReduceMean x last; d = Sub x m; q = Pow d 2; v = ReduceMean q last; e = Add v 1e-5; "
         "s = Sqrt e; y = Div d s; z = Neg d",
         NULL, "y z"},
        {"m = ReduceMean x last; d = Sub x m; q = Pow d 2; v = ReduceMean q last; e = Add v 1e-5; "
         "s = Sqrt e; y = Div s d",
         NULL, NULL},
    };
    (void)state;
    CHECK(image, cases);
}

static void shuffle_shapes(clv_graph *g)
{
    (void)gb_ints(g, "grouped", (int64_t[]){2, 4, 3, 5, 2}, 5);
    (void)gb_ints(g, "flat", (int64_t[]){2, 4, 3, -1}, 4);
    (void)gb_ints(g, "back", (int64_t[]){2, 12, 5, 2}, 4);
    (void)gb_ints(g, "other", (int64_t[]){2, 12, 2, 5}, 4);
    (void)gb_ints(g, "halves", (int64_t[]){4, 4, 3, 5}, 4);
    (void)gb_ints(g, "batches", (int64_t[]){4, 2, 3, 5, 2}, 5);
    (void)gb_ints(g, "pairs", (int64_t[]){12, 2, 10}, 3);
    (void)gb_ints(g, "fives", (int64_t[]){24, 2, 5}, 3);
    (void)gb_ints(g, "parts", (int64_t[]){2, 2, 6, 5, 2}, 5);
    (void)gb_ints(g, "thirds", (int64_t[]){3, 2, 4, 5, 2}, 5);
    const int64_t numbers[] = {0, 1};
    for (int i = 0; i < 2; i++) { /* of no dimensions */
        uint32_t v = gb_ints(g, i == 0 ? "first" : "second", &numbers[i], 1);
        g->values[v].tensor.shape.rank = 0;
    }
    (void)gb_ints(g, "one", (int64_t[]){1}, 1);
}

static const pass_family groups = {{{2, 12, 5, 2}}, shuffle_shapes, NULL};

static void test_passes_patterns__channel_shuffle(void **state)
{
    static const pass_case cases[] = {
        {"a = Reshape x grouped; b = Transpose a {perm=0,2,1,3,4}; y = Reshape b back",
         "ChannelShuffle", NULL},
        {"a = Reshape x flat; b = Transpose a {perm=0,2,1,3}; y = Reshape b back", "ChannelShuffle",
         NULL},
        {"a = Reshape x grouped; b = Transpose a {perm=0,1,2,4,3}; y = Reshape b back", NULL, NULL},
        {"a = Reshape x grouped; b = Transpose a {perm=0,2,1,4,3}; y = Reshape b back", NULL, NULL},
        {"a = Reshape x halves; b = Transpose a {perm=0,2,1,3}; y = Reshape b back", NULL, NULL},
        {"a = Reshape x batches; b = Transpose a {perm=0,2,1,3,4}; y = Reshape b back", NULL, NULL},
        {"a = Reshape x grouped; b = Transpose a {perm=0,2,1,3,4}; y = Reshape b other", NULL,
         NULL},
        {"a = Reshape x grouped; b = Transpose a {perm=0,2,1,3,4}; y = Reshape b back", NULL,
         "y b"},
        {"a = Reshape x grouped; b = Transpose a {perm=0,2,1,3,4}; y = Reshape b back; z = Neg a",
         NULL, "y z"},
    };
    (void)state;
    CHECK(groups, cases);
}

static void test_passes_patterns__parts_of_a_channel_shuffle(void **state)
{
    static const pass_case cases[] = {
        {"a = Reshape x pairs; b = Transpose a {perm=1,0,2}; c = Reshape b parts; "
         "y = Gather c first {axis=0}; z = Gather c second {axis=0}",
         "Slice Slice", "y z"},
        {"a = Reshape x pairs; b = Transpose a {perm=1,0,2}; c = Reshape b parts; "
         "y = Gather c first {axis=1}",
         NULL, NULL},
        {"a = Reshape x pairs; b = Transpose a {perm=1,0,2}; c = Reshape b parts; "
         "y = Gather c one {axis=0}",
         NULL, NULL},
        {"a = Reshape x fives; b = Transpose a {perm=1,0,2}; c = Reshape b parts; "
         "y = Gather c first {axis=0}",
         NULL, NULL},
        {"a = Reshape x pairs; b = Transpose a {perm=0,2,1}; c = Reshape b parts; "
         "y = Gather c first {axis=0}",
         NULL, NULL},
        {"a = Reshape x pairs; b = Transpose a {perm=1,0,2}; c = Reshape b thirds; "
         "y = Gather c first {axis=0}",
         NULL, NULL},
        {"a = Reshape x pairs; b = Transpose a {perm=1,0,2}; c = Reshape b parts; "
         "y = Gather c first {axis=0}",
         NULL, "y b"},
    };
    (void)state;
    CHECK(groups, cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_patterns__swish),
        cmocka_unit_test(test_passes_patterns__swish_joins_a_convolution),
        cmocka_unit_test(test_passes_patterns__hard_swish),
        cmocka_unit_test(test_passes_patterns__mish),
        cmocka_unit_test(test_passes_patterns__gelu),
        cmocka_unit_test(test_passes_patterns__gelu_by_tanh),
        cmocka_unit_test(test_passes_patterns__layer_norm),
        cmocka_unit_test(test_passes_patterns__channel_shuffle),
        cmocka_unit_test(test_passes_patterns__parts_of_a_channel_shuffle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
