/* SPDX-License-Identifier: Apache-2.0 */
/* Transposes, Reshapes and Casts that come to nothing, or to less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/pass_case.h"

#define CHECK(family, cases) pass_check(&(family), cases, sizeof(cases) / sizeof(cases)[0])

#define TO_LAST "Transpose x {perm=0,2,3,1}"
#define TO_FIRST " {perm=0,3,1,2}"

static void constants(clv_graph *g)
{
    (void)gb_constant(g, "c", (gb_dims){{3}});
    (void)gb_constant(g, "wide", (gb_dims){{1, 4, 1, 1}});
    (void)gb_constant(g, "plane", (gb_dims){{4, 5, 3}});
    (void)gb_constant(g, "tall", (gb_dims){{2, 1, 1, 1}});
}

static const pass_family image = {{{1, 3, 4, 5}}, constants, NULL};

static void test_passes_layout__transposes_cancel_and_merge(void **state)
{
    static const pass_case cases[] = {
        {"e = Exp x; t = Transpose e {perm=0,2,3,1}; u = Transpose t" TO_FIRST "; y = Neg u",
         "Exp Neg", NULL},
        {"e = Exp x; t = Transpose e {perm=0,2,3,1}; y = Transpose t" TO_FIRST, "Exp", NULL},
        {"t = " TO_LAST "; y = Transpose t {perm=0,2,1,3}", "Transpose", NULL},
        {"y = Transpose x {perm=0,1,2,3}; z = Neg y", "Transpose Neg",
         "y z"}, /* between two ends */
        {"e = Exp x; y = Transpose e {perm=0,1,2,3}", "Exp", NULL},
        {"t = " TO_LAST "; y = Transpose t {perm=0,2,1,3}; z = Neg t", "Transpose Transpose Neg",
         "y z"},
        {"t = Transpose x; y = Transpose t", "Transpose", NULL}, /* between two ends */
        {"e = Exp x; t = Transpose e; y = Transpose t", "Exp", NULL},
        {"e = Exp x; t = Transpose e {perm=0,2,3,1}; y = Transpose t" TO_FIRST, "Exp Transpose",
         "y t"},
    };
    (void)state;
    CHECK(image, cases);
}

static void test_passes_layout__transposes_cancel_through_arithmetic(void **state)
{
    static const pass_case cases[] = {
        {"t = " TO_LAST "; r = Relu t; y = Transpose r" TO_FIRST, "Relu", NULL},
        {"t = " TO_LAST "; m = Mul t 2; a = Add c m; r = Sigmoid a; y = Transpose r" TO_FIRST,
         "Mul Add+Sigmoid", NULL},
        {"t = " TO_LAST "; d = Div t wide; y = Transpose d" TO_FIRST, "Div", NULL},
        {"e = Exp x; t = " TO_LAST "; u = Transpose e {perm=0,2,3,1}; a = Add t u; m = Mul a c; "
         "y = Transpose m" TO_FIRST,
         "Exp Add Mul", NULL},
        {"t = " TO_LAST "; m = Mul t t; y = Transpose m" TO_FIRST, "Mul", NULL},
        {"t = " TO_LAST "; r = Relu t; y = Transpose r" TO_FIRST "; z = Neg t",
         "Transpose Relu Neg", "y z"},
        /* a value that is needed, another order, an operator with an axis, shapes that differ */
        {"t = " TO_LAST "; r = Relu t; y = Transpose r" TO_FIRST, NULL, "y r"},
        {"t = " TO_LAST "; r = Relu t; y = Transpose r" TO_FIRST "; z = Neg r", NULL, "y z"},
        {"t = " TO_LAST "; r = Relu t; y = Transpose r {perm=0,2,1,3}", NULL, NULL},
        {"t = " TO_LAST "; s = Softmax t; y = Transpose s" TO_FIRST, NULL, NULL},
        {"t = " TO_LAST "; a = Add t plane; y = Transpose a" TO_FIRST, NULL, NULL},
        {"t = " TO_LAST "; a = Add t tall; y = Transpose a" TO_FIRST, NULL, NULL},
        {"t = " TO_LAST "; g = ReduceMean t; a = Mul t g; y = Transpose a" TO_FIRST, NULL, NULL},
        {"t = " TO_LAST "; u = Transpose x {perm=0,2,3,1}; n = Softmax u; a = Add t n; "
         "y = Transpose a" TO_FIRST,
         "Transpose Softmax Add Transpose", NULL},
    };
    (void)state;
    CHECK(image, cases);
}

static void test_passes_layout__transposes_of_ones_are_reshapes(void **state)
{
    static const pass_family narrow = {{{1, 3, 4, 1}}, NULL, NULL};
    static const pass_case cases[] = {
        {"y = Transpose x {perm=3,1,0,2}", "Reshape", NULL},
        {"y = Transpose x {perm=0,2,1,3}", NULL, NULL},
        {"e = Exp x; t = Transpose e {perm=0,1,3,2}; u = Transpose t {perm=0,1,3,2}; y = Neg u",
         "Exp Neg", NULL},
    };
    (void)state;
    CHECK(narrow, cases);
}

static void shapes(clv_graph *g)
{
    (void)gb_ints(g, "flat", (int64_t[]){-1}, 1);
    (void)gb_ints(g, "rows", (int64_t[]){12, 5}, 2);
    (void)gb_ints(g, "image", (int64_t[]){1, 3, 4, 5}, 4);
    (void)gb_ints(g, "first", (int64_t[]){0}, 1);
}

static void test_passes_layout__reshapes_merge(void **state)
{
    static const pass_family reshaped = {{{1, 3, 4, 5}}, shapes, NULL};
    static const pass_case cases[] = {
        {"a = Reshape x flat; y = Reshape a rows", "Reshape", NULL},
        {"a = Squeeze x first; b = Unsqueeze a first; c = Flatten b; y = Reshape c rows", "Reshape",
         NULL},
        {"e = Exp x; a = Reshape e rows; y = Reshape a image", "Exp", NULL},
        {"a = Reshape x flat; y = Reshape a rows", NULL, "y a"},
        {"a = Reshape x flat; y = Reshape a rows; z = Neg a", NULL, "y z"},
        {"a = Reshape x flat; n = Neg a; y = Reshape n rows", NULL, NULL},
    };
    (void)state;
    CHECK(reshaped, cases);
}

/* Types by the numbers of clv_dtype. */
static void test_passes_layout__casts_merge_where_nothing_is_lost(void **state)
{
    static const struct {
        clv_dtype x, middle, to;
        const char *after;
    } casts[] = {
        {CLV_I32, CLV_F64, CLV_I32, "Cast"},    {CLV_U8, CLV_F32, CLV_F64, "Cast Cast"},
        {CLV_I8, CLV_I32, CLV_U8, "Cast Cast"}, {CLV_BOOL, CLV_I32, CLV_F32, "Cast Cast"},
        {CLV_I64, CLV_F32, CLV_I64, NULL},      {CLV_I32, CLV_F32, CLV_I32, NULL},
        {CLV_I8, CLV_F32, CLV_U8, NULL},        {CLV_I32, CLV_I8, CLV_I32, NULL},
        {CLV_F64, CLV_F32, CLV_F64, "Cast"},    {CLV_I32, CLV_BOOL, CLV_I32, NULL},
        {CLV_I32, CLV_U64, CLV_F32, NULL},
    };
    static const pass_family family = {{{1, 3, 4, 5}}, NULL, NULL};
    char nodes[160];
    (void)state;

    for (size_t i = 0; i < sizeof casts / sizeof casts[0]; i++) {
        (void)snprintf(nodes, sizeof nodes,
                       "a = Cast x {to=%d}; b = Cast a {to=%d}; y = Cast b {to=%d}", casts[i].x,
                       casts[i].middle, casts[i].to);
        pass_case c = {nodes, casts[i].after, NULL};
        pass_check(&family, &c, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_layout__transposes_cancel_and_merge),
        cmocka_unit_test(test_passes_layout__transposes_cancel_through_arithmetic),
        cmocka_unit_test(test_passes_layout__transposes_of_ones_are_reshapes),
        cmocka_unit_test(test_passes_layout__reshapes_merge),
        cmocka_unit_test(test_passes_layout__casts_merge_where_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
