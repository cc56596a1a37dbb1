/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes that depend on data: what is marked as bounded, and how large it can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "graph/prepare.h"
#include "kernel/ref/ref.h"
#include "support/graph_builder.h"

/* x [4, 5] float32, its NonZero `where` [2, <= 20], and an int64 `number` [1] that comes with the
 * data. */
static clv_graph *start(void)
{
    clv_graph *g = gb_create();
    (void)gb_input(g, "x", (gb_dims){{4, 5}});
    (void)gb_input(g, "given", (gb_dims){{1}});
    (void)gb_node(g, CLV_OP_CAST, "given", "number");
    gb_attr_int(g, "to", CLV_I64);
    (void)gb_node(g, CLV_OP_NON_ZERO, "x", "where");
    return g;
}

static void expect(const clv_graph *g, const char *name, bool bounded, clv_shape shape)
{
    char text[96];
    const clv_value *value = &g->values[clv_graph_find_value(g, name)];
    if (!clv_shape_equal(&value->tensor.shape, &shape) || value->bounded != bounded)
        fail_msg("%s is %s%s", name, value->bounded ? "at most " : "",
                 clv_shape_format(text, sizeof text, &value->tensor.shape));
}

static void prepare(clv_graph *g, const char *output)
{
    gb_output(g, "where");
    gb_output(g, output);
    gb_prepare(g);
}

static void test_infer_bounds__what_data_decides_is_bounded(void **state)
{
    clv_graph *g = start();
    (void)state;

    (void)gb_input(g, "boxes", (gb_dims){{2, 9, 4}});
    (void)gb_input(g, "scores", (gb_dims){{2, 3, 9}});
    (void)gb_ints(g, "four", (int64_t[]){4}, 1);
    (void)gb_ints(g, "many", (int64_t[]){1000}, 1);
    (void)gb_node(g, CLV_OP_NON_MAX_SUPPRESSION, "boxes scores four", "best_four");
    (void)gb_node(g, CLV_OP_NON_MAX_SUPPRESSION, "boxes scores many", "best");
    (void)gb_node(g, CLV_OP_NON_MAX_SUPPRESSION, "boxes scores number", "best_given");
    (void)gb_node(g, CLV_OP_UNIQUE, "x", "kinds - which");
    (void)gb_node(g, CLV_OP_CAST, "given", "flag");
    gb_attr_int(g, "to", CLV_BOOL);
    (void)gb_node(g, CLV_OP_COMPRESS, "x flag", "rows");
    gb_attr_int(g, "axis", 1);
    (void)gb_node(g, CLV_OP_SLICE, "x four number", "slice");
    (void)gb_node(g, CLV_OP_TOP_K, "x number", "top order");
    prepare(g, "best_four");
    expect(g, "where", true, (clv_shape){2, {2, 20}});
    expect(g, "best_four", true, (clv_shape){2, {24, 3}});
    expect(g, "best", true, (clv_shape){2, {54, 3}});
    expect(g, "best_given", true, (clv_shape){2, {54, 3}});
    expect(g, "kinds", true, (clv_shape){1, {20}});
    expect(g, "which", true, (clv_shape){1, {20}});
    expect(g, "rows", true, (clv_shape){2, {4, 1}});
    expect(g, "slice", true, (clv_shape){2, {4, 5}});
    expect(g, "top", true, (clv_shape){2, {4, 5}});
    expect(g, "order", true, (clv_shape){2, {4, 5}});
    expect(g, "number", false, (clv_shape){1, {1}});
    clv_graph_free(g);
}

static void test_infer_bounds__a_bound_is_inherited(void **state)
{
    clv_graph *g = start();
    (void)state;

    (void)gb_node(g, CLV_OP_TRANSPOSE, "where", "pairs");
    (void)gb_node(g, CLV_OP_GATHER_ND, "x pairs", "found");
    (void)gb_node(g, CLV_OP_RELU, "found", "relu");
    (void)gb_node(g, CLV_OP_SHAPE, "found", "shape");
    (void)gb_node(g, CLV_OP_SIZE, "pairs", "size");
    (void)gb_node(g, CLV_OP_GATHER, "x shape", "of_shape");
    prepare(g, "of_shape");
    expect(g, "pairs", true, (clv_shape){2, {20, 2}});
    expect(g, "found", true, (clv_shape){1, {20}});
    expect(g, "relu", true, (clv_shape){1, {20}});
    expect(g, "shape", false, (clv_shape){1, {1}});
    expect(g, "size", false, (clv_shape){0, {0}});
    expect(g, "of_shape", false, (clv_shape){2, {1, 5}});
    assert_null(g->values[clv_graph_find_value(g, "shape")].tensor.data); /* not folded */
    clv_graph_free(g);
}

static void test_infer_bounds__constants_have_their_true_shape(void **state)
{
    clv_graph *g = start();
    (void)state;

    (void)gb_floats(g, "k", (float[]){0, 3, 0, 1}, 4);
    (void)gb_node(g, CLV_OP_NON_ZERO, "k", "of_k");
    (void)gb_node(g, CLV_OP_GATHER, "x of_k", "picked");
    prepare(g, "picked");
    expect(g, "of_k", false, (clv_shape){2, {1, 2}});
    expect(g, "picked", false, (clv_shape){3, {1, 2, 5}});
    clv_graph_free(g);
}

/* Where a smaller input may give more, the bound has room for that. */
static void test_infer_bounds__bounds_hold_for_every_smaller_shape(void **state)
{
    clv_graph *g = start();
    (void)state;

    (void)gb_ints(g, "one", (int64_t[]){1}, 1);
    (void)gb_ints(g, "two", (int64_t[]){2}, 1);
    (void)gb_ints(g, "last_five", (int64_t[]){-5}, 1);
    (void)gb_ints(g, "six", (int64_t[]){6}, 1);
    (void)gb_ints(g, "minus_two", (int64_t[]){-2}, 1);
    (void)gb_ints(g, "rows", (int64_t[]){-1, 3}, 2);
    (void)gb_node(g, CLV_OP_SLICE, "where one six one", "front");
    (void)gb_node(g, CLV_OP_SLICE, "where last_five two one", "between");
    (void)gb_node(g, CLV_OP_SLICE, "where last_five six one two", "odd");
    (void)gb_node(g, CLV_OP_SLICE, "where six last_five one minus_two", "backwards");
    (void)gb_node(g, CLV_OP_SPLIT, "where", "a b c");
    gb_attr_int(g, "axis", 1);
    (void)gb_node(g, CLV_OP_RESHAPE, "where rows", "threes");
    prepare(g, "front");
    expect(g, "front", true, (clv_shape){2, {2, 5}});
    expect(g, "between", true, (clv_shape){2, {2, 20}});
    expect(g, "odd", true, (clv_shape){2, {2, 10}});
    expect(g, "backwards", true, (clv_shape){2, {2, 10}});
    expect(g, "a", true, (clv_shape){2, {2, 7}});
    expect(g, "c", true, (clv_shape){2, {2, 7}});
    expect(g, "threes", true, (clv_shape){2, {13, 3}});
    clv_graph_free(g);
}

static void test_infer_bounds__without_a_bound_it_is_refused(void **state)
{
    static const struct {
        clv_op op;
        const char *inputs, *words;
    } cases[] = {
        {CLV_OP_RESHAPE, "x number", "must be constant"},
        {CLV_OP_EXPAND, "x number", "must be constant"},
        {CLV_OP_TILE, "x number", "constant"},
        {CLV_OP_CONSTANT_OF_SHAPE, "number", "must be constant"},
        {CLV_OP_RANGE, "number number number", "constant"},
        {CLV_OP_SQUEEZE, "where", "axes must be named"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clv_graph *g = start();
        clv_error err = CLV_ERROR_INIT;
        (void)gb_node(g, cases[i].op, cases[i].inputs, "y");
        gb_output(g, "y");
        assert_int_equal(clv_graph_prepare(g, &(clv_prepare_options){.evaluate = clv_ref_evaluate},
                                           NULL, NULL, &err),
                         CLV_EUNSUPPORTED);
        if (strstr(err.message, cases[i].words) == NULL)
            fail_msg("%s: %s", clv_op_describe(cases[i].op)->name, err.message);
        clv_graph_free(g);
    }
}

/* Equal bounds don't make a Reshape an identity, nor an addition one without broadcasting. */
static void test_infer_bounds__passes_do_not_take_a_bound_for_the_shape(void **state)
{
    clv_graph *g = start();
    (void)state;

    (void)gb_ints(g, "same", (int64_t[]){2, -1}, 2);
    (void)gb_ints(g, "map", (int64_t[]){1, 1, 2, -1}, 4);
    (void)gb_constant(g, "w", (gb_dims){{1, 1, 1, 1}});
    (void)gb_node(g, CLV_OP_CAST, "where", "numbers");
    gb_attr_int(g, "to", CLV_F32);
    (void)gb_node(g, CLV_OP_RESHAPE, "numbers same", "again");
    (void)gb_node(g, CLV_OP_RESHAPE, "again map", "image");
    (void)gb_node(g, CLV_OP_CONV, "image w", "conv");
    (void)gb_node(g, CLV_OP_ADD, "conv image", "y");
    prepare(g, "y");
    assert_string_equal(gb_describe(g), "NonZero Cast Reshape Reshape Conv Add");
    clv_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_infer_bounds__what_data_decides_is_bounded),
        cmocka_unit_test(test_infer_bounds__a_bound_is_inherited),
        cmocka_unit_test(test_infer_bounds__constants_have_their_true_shape),
        cmocka_unit_test(test_infer_bounds__bounds_hold_for_every_smaller_shape),
        cmocka_unit_test(test_infer_bounds__without_a_bound_it_is_refused),
        cmocka_unit_test(test_infer_bounds__passes_do_not_take_a_bound_for_the_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
