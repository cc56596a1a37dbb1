/* SPDX-License-Identifier: Apache-2.0 */
/* Common subexpressions, nodes that do nothing, and passes that are left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graph/prepare.h"
#include "kernel/ref/ref.h"
#include "support/pass_case.h"

#define CHECK(family, cases) pass_check(&(family), cases, sizeof(cases) / sizeof(cases)[0])

static void constants(clv_graph *g)
{
    const float numbers[] = {0.5f, 1.0f, -2.0f}, ones[] = {1.0f, 1.0f, 1.0f};
    const float nearly[] = {1.0f, 1.0f, 1.0000001f}, zeros[] = {0.0f, 0.0f, 0.0f};
    (void)gb_floats(g, "a", numbers, 3);
    (void)gb_floats(g, "a2", numbers, 3);
    (void)gb_floats(g, "ones", ones, 3);
    (void)gb_floats(g, "nearly", nearly, 3);
    (void)gb_floats(g, "zeros", zeros, 3);
}

static const pass_family matrix = {{{4, 3}}, constants, NULL};

static void test_passes_sharing__equal_nodes_are_one(void **state)
{
    static const pass_case cases[] = {
        {"e = Exp x; f = Exp x; y = Sub e f", "Exp Sub", NULL},
        {"e = Exp x; f = Exp x; g = Neg e; h = Neg f; y = Mul g h", "Exp Neg Mul", NULL},
        {"e = Exp x; s = Add x e; t = Add e x; y = Mul s t", "Exp Add Mul", NULL},
        {"s = Mul x a; t = Mul a2 x; y = Sub s t", "Mul Sub", NULL},
        {"s = Softmax x {axis=1}; t = Softmax x {axis=1}; y = Sub s t", "Softmax Sub", NULL},
        {"f = Neg x; e = Exp x; y = Exp x; z = Add f e", "Neg Exp Add", "y z"},
        /* another operator, attribute, order, input, constant; two names of outputs */
        {"s = Softmax x {axis=1}; t = Softmax x {axis=0}; y = Sub s t", NULL, NULL},
        {"e = Exp x; s = Sub x e; t = Sub e x; y = Mul s t", NULL, NULL},
        {"e = Exp x; f = Abs x; y = Sub e f", NULL, NULL},
        {"s = Mul x a; t = Mul x nearly; y = Sub s t", NULL, NULL},
        {"s = LeakyRelu x {alpha=0.1}; t = LeakyRelu x {alpha=0.2}; y = Sub s t", NULL, NULL},
        {"s = LeakyRelu x {alpha=0.01}; t = LeakyRelu x; y = Sub s t", NULL, NULL},
        {"y = Exp x; z = Exp x", NULL, "y z"},
    };
    (void)state;
    CHECK(matrix, cases);
}

static void test_passes_sharing__equal_constants_are_stored_once(void **state)
{
    clv_graph *g = gb_create();
    (void)state;
    (void)gb_input(g, "x", matrix.input);
    constants(g);
    gb_lines(g, "s = Mul x a; t = Add s a2; y = Exp t");
    gb_output(g, "y");
    gb_prepare(g);
    assert_int_equal(g->nodes[0].inputs[1], g->nodes[1].inputs[1]);
    assert_null(g->values[clv_graph_find_value(g, "a2")].tensor.data);
    clv_graph_free(g);
}

static void test_passes_sharing__neutral_constants_do_nothing(void **state)
{
    static const pass_case cases[] = {
        {"e = Exp x; y = Add e 0", "Exp", NULL},
        {"e = Exp x; s = Mul ones e; t = Div s 1; u = Sub t zeros; v = Pow u 1; y = Neg v",
         "Exp Neg", NULL},
        {"e = Exp x; y = Mul e nearly", NULL, NULL},
        {"e = Exp x; y = Sub 0 e", NULL, NULL},
        {"e = Exp x; y = Div 1 e", NULL, NULL},
        {"e = Exp x; y = Add e 1", NULL, NULL},
        {"e = Exp x; y = Add e 0", NULL, "y e"}, /* both names are asked for */
        {"y = Add x 0", NULL, NULL},             /* between two ends */
    };
    (void)state;
    CHECK(matrix, cases);
}

static void test_passes_sharing__a_neutral_constant_may_make_the_result_larger(void **state)
{
    clv_graph *g = gb_create();
    (void)state;
    (void)gb_input(g, "x", (gb_dims){{1, 3}});
    (void)gb_floats(g, "ones", (float[]){1.0f, 1.0f}, 2);
    g->values[clv_graph_find_value(g, "ones")].tensor.shape = (clv_shape){.rank = 2, .dim = {2, 1}};
    gb_lines(g, "e = Exp x; y = Mul e ones");
    gb_output(g, "y");
    gb_prepare(g);
    assert_string_equal(gb_describe(g), "Exp Mul");
    clv_graph_free(g);
}

/* --- leaving passes out ------------------------------------------------------------------------
 */

static void test_passes_sharing__a_pass_that_is_left_out_does_nothing(void **state)
{
    static const char nodes[] = "e = Add x a; f = Add x a; s = Sigmoid f; m = Mul f s; "
                                "i = Identity m; k = Add i m; r = Relu k; d = Exp x; y = Sub e r";
    static const char *const passes[][2] = {
        {NULL, "Add Swish Add+Relu Sub"},      {"identity", "Add Swish Identity Add+Relu Sub"},
        {"cse", "Add Add+Swish Add+Relu Sub"}, {"swish", "Add Sigmoid Mul Add+Relu Sub"},
        {"fusion", "Add Swish Add Relu Sub"},  {"dead-nodes", "Add Swish Add+Relu Exp Sub"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        const pass_family family = {matrix.input, constants, passes[i][0]};
        const pass_case c = {nodes, passes[i][1], NULL};
        pass_check(&family, &c, 1);
    }
}

static clv_graph *shape_arithmetic(void)
{
    clv_graph *g = gb_create();
    (void)gb_input(g, "x", matrix.input);
    (void)gb_ints(g, "two", (int64_t[]){2, 6}, 2);
    gb_lines(g, "s = Shape x; t = Reshape x two; y = Neg t");
    gb_output(g, "y");
    gb_output(g, "s");
    return g;
}

static void test_passes_sharing__without_constants_shapes_are_still_known(void **state)
{
    const char *skip = "constants";
    clv_prepare_options options = {clv_ref_evaluate, &skip, 1};
    clv_pass_report reports[CLV_MAX_PASSES];
    clv_error err = CLV_ERROR_INIT;
    clv_graph *g = shape_arithmetic();
    uint32_t n;
    (void)state;

    assert_int_equal(clv_graph_prepare(g, &options, reports, &n, &err), CLV_OK);
    assert_string_equal(gb_describe(g), "Shape Reshape Neg");
    assert_int_equal(g->values[g->outputs[0]].tensor.shape.dim[1], 6);
    assert_string_equal(reports[0].name, "constants");
    assert_true(reports[0].skipped);
    assert_int_equal(reports[0].changes, 0);
    assert_false(reports[1].skipped);
    assert_int_equal(reports[n - 1].nodes_after, 3);
    clv_graph_free(g);
}

static void test_passes_sharing__a_pass_that_does_not_exist_is_refused(void **state)
{
    const char *skip[] = {"cse", "cze"};
    clv_prepare_options options = {clv_ref_evaluate, skip, 2};
    clv_error err = CLV_ERROR_INIT;
    clv_graph *g = shape_arithmetic();
    (void)state;

    assert_int_equal(clv_graph_prepare(g, &options, NULL, NULL, &err), CLV_EINVAL);
    assert_string_equal(err.location, "cze");
    assert_non_null(strstr(err.message, "constants, identity, dead-nodes, cse, "));
    assert_non_null(strstr(err.message, "fusion"));
    clv_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_sharing__equal_nodes_are_one),
        cmocka_unit_test(test_passes_sharing__equal_constants_are_stored_once),
        cmocka_unit_test(test_passes_sharing__neutral_constants_do_nothing),
        cmocka_unit_test(test_passes_sharing__a_neutral_constant_may_make_the_result_larger),
        cmocka_unit_test(test_passes_sharing__a_pass_that_is_left_out_does_nothing),
        cmocka_unit_test(test_passes_sharing__without_constants_shapes_are_still_known),
        cmocka_unit_test(test_passes_sharing__a_pass_that_does_not_exist_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
