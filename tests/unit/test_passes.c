/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/graph_builder.h"

static const gb_dims image = {{1, 3, 8, 8}};

static void expect(clv_graph *g, const char *text)
{
    gb_prepare(g);
    assert_string_equal(gb_describe(g), text);
    clv_graph_free(g);
}

static clv_graph *start(void)
{
    clv_graph *g = gb_create();
    (void)gb_input(g, "x", image);
    return g;
}

static void test_passes__activation_joins_the_convolution(void **state)
{
    (void)state;
    clv_graph *g = start();
    gb_conv(g, "x", "c");
    (void)gb_node(g, CLV_OP_RELU, "c", "y");
    gb_output(g, "y");
    expect(g, "Conv+Relu");
}

static void test_passes__activation_of_a_shared_value_stays(void **state)
{
    (void)state;
    clv_graph *g = start();
    gb_conv(g, "x", "c");
    (void)gb_node(g, CLV_OP_RELU, "c", "y");
    gb_output(g, "y");
    gb_output(g, "c");
    expect(g, "Conv Relu");
}

static void test_passes__residual_and_activation_join_the_later_convolution(void **state)
{
    (void)state;
    clv_graph *g = start();
    gb_conv(g, "x", "a");
    gb_conv(g, "a", "b");
    (void)gb_node(g, CLV_OP_ADD, "a b", "s");
    (void)gb_node(g, CLV_OP_RELU, "s", "y");
    gb_output(g, "y");
    expect(g, "Conv Conv+Add+Relu");
}

static void test_passes__residual_made_after_the_convolution_moves_it_down(void **state)
{
    (void)state;
    clv_graph *g = start();
    gb_conv(g, "x", "a");
    (void)gb_node(g, CLV_OP_EXP, "x", "e");
    (void)gb_node(g, CLV_OP_ADD, "a e", "y");
    gb_output(g, "y");
    expect(g, "Exp Conv+Add");
}

static void test_passes__sum_of_activated_convolutions_stays_an_add(void **state)
{
    (void)state;
    clv_graph *g = start();
    gb_conv(g, "x", "a");
    (void)gb_node(g, CLV_OP_RELU, "a", "r");
    gb_conv(g, "x", "b");
    (void)gb_node(g, CLV_OP_RELU, "b", "q");
    (void)gb_node(g, CLV_OP_ADD, "r q", "s");
    (void)gb_node(g, CLV_OP_RELU, "s", "y");
    gb_output(g, "y");
    expect(g, "Conv+Relu Conv+Relu Add+Relu");
}

static void test_passes__bias_by_broadcast_is_no_residual(void **state)
{
    (void)state;
    clv_graph *g = start();
    gb_conv(g, "x", "a");
    (void)gb_constant(g, "bias", (gb_dims){{3, 1, 1}});
    (void)gb_node(g, CLV_OP_ADD, "a bias", "y");
    gb_output(g, "y");
    expect(g, "Conv"); /* the convolution has it as its bias */
}

static void test_passes__identity_disappears_and_outputs_keep_their_names(void **state)
{
    (void)state;
    clv_graph *g = start();
    (void)gb_node(g, CLV_OP_EXP, "x", "a");
    (void)gb_node(g, CLV_OP_IDENTITY, "a", "b");
    (void)gb_node(g, CLV_OP_DROPOUT, "b", "c");
    (void)gb_node(g, CLV_OP_SQRT, "c", "d");
    (void)gb_node(g, CLV_OP_IDENTITY, "d", "y");
    gb_output(g, "y");
    gb_prepare(g);
    assert_string_equal(gb_describe(g), "Exp Sqrt");
    assert_string_equal(g->values[g->outputs[0]].name, "y");
    clv_graph_free(g);
}

static void test_passes__identity_between_ends_of_the_graph_stays(void **state)
{
    (void)state;
    clv_graph *g = start();
    (void)gb_node(g, CLV_OP_IDENTITY, "x", "y");
    gb_output(g, "y");
    expect(g, "Identity");
}

static void test_passes__two_names_of_one_output_both_stay(void **state)
{
    (void)state;
    clv_graph *g = start();
    (void)gb_node(g, CLV_OP_EXP, "x", "a");
    (void)gb_node(g, CLV_OP_IDENTITY, "a", "y");
    (void)gb_node(g, CLV_OP_IDENTITY, "a", "z");
    gb_output(g, "y");
    gb_output(g, "z");
    gb_prepare(g);
    assert_string_equal(gb_describe(g), "Exp Identity");
    assert_string_equal(g->values[g->outputs[0]].name, "y");
    assert_string_equal(g->values[g->outputs[1]].name, "z");
    clv_graph_free(g);
}

static void test_passes__dead_nodes_go(void **state)
{
    (void)state;
    clv_graph *g = start();
    (void)gb_node(g, CLV_OP_EXP, "x", "dead");
    (void)gb_node(g, CLV_OP_SQRT, "dead", "deader");
    (void)gb_node(g, CLV_OP_SIGMOID, "x", "y");
    gb_output(g, "y");
    expect(g, "Sigmoid");
}

/* Shape -> Gather -> Concat -> Reshape, as exporters write a flatten. */
static void test_passes__shape_arithmetic_folds_away(void **state)
{
    (void)state;
    clv_graph *g = start();
    (void)gb_ints(g, "zero", (int64_t[]){0}, 1);
    (void)gb_ints(g, "rest", (int64_t[]){-1}, 1);
    (void)gb_node(g, CLV_OP_SHAPE, "x", "s");
    (void)gb_node(g, CLV_OP_GATHER, "s zero", "n");
    (void)gb_node(g, CLV_OP_CONCAT, "n rest", "target");
    gb_attr_int(g, "axis", 0);
    (void)gb_node(g, CLV_OP_RESHAPE, "x target", "y");
    gb_output(g, "y");
    gb_prepare(g);
    assert_string_equal(gb_describe(g), "Reshape");
    const clv_shape *shape = &g->values[g->outputs[0]].tensor.shape;
    assert_int_equal(shape->rank, 2);
    assert_int_equal(shape->dim[1], 192);
    clv_graph_free(g);
}

static clv_graph *normalised(void)
{
    clv_graph *g = start();
    gb_conv(g, "x", "c");
    (void)gb_floats(g, "scale", (float[]){1.5f, -0.5f, 2.0f}, 3);
    (void)gb_floats(g, "shift", (float[]){0.1f, 0.2f, -0.3f}, 3);
    (void)gb_floats(g, "mean", (float[]){0.4f, -0.4f, 0.0f}, 3);
    (void)gb_floats(g, "var", (float[]){0.25f, 4.0f, 1.0f}, 3);
    (void)gb_node(g, CLV_OP_BATCH_NORMALIZATION, "c scale shift mean var", "n");
    (void)gb_node(g, CLV_OP_RELU, "n", "y");
    return g;
}

static void test_passes__batch_norm_folds_without_changing_the_answer(void **state)
{
    (void)state;
    float input[192];
    size_t n = 0, m = 0;
    for (int i = 0; i < 192; i++)
        input[i] = (float)(i % 17) / 8.0f - 1.0f;

    clv_graph *folded = normalised();
    gb_output(folded, "y");
    gb_prepare(folded);
    assert_string_equal(gb_describe(folded), "Conv+Relu");
    clv_graph *kept = normalised(); /* "c" is an output: nothing can be folded into it */
    gb_output(kept, "y");
    gb_output(kept, "c");
    gb_prepare(kept);
    assert_string_equal(gb_describe(kept), "Conv BatchNormalization Relu");

    float *a = gb_run(folded, "ref", input, &n), *b = gb_run(kept, "ref", input, &m);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++)
        assert_true(fabsf(a[i] - b[i]) < 1e-5f);
    clv_free(a);
    clv_free(b);
    clv_graph_free(folded);
    clv_graph_free(kept);
}

static void test_passes__unused_constants_are_freed(void **state)
{
    (void)state;
    clv_graph *g = normalised();
    gb_output(g, "y");
    gb_prepare(g);
    assert_null(g->values[clv_graph_find_value(g, "scale")].tensor.data);
    assert_null(g->values[clv_graph_find_value(g, "w_c")].tensor.data);
    clv_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes__activation_joins_the_convolution),
        cmocka_unit_test(test_passes__activation_of_a_shared_value_stays),
        cmocka_unit_test(test_passes__residual_and_activation_join_the_later_convolution),
        cmocka_unit_test(test_passes__residual_made_after_the_convolution_moves_it_down),
        cmocka_unit_test(test_passes__sum_of_activated_convolutions_stays_an_add),
        cmocka_unit_test(test_passes__bias_by_broadcast_is_no_residual),
        cmocka_unit_test(test_passes__identity_disappears_and_outputs_keep_their_names),
        cmocka_unit_test(test_passes__identity_between_ends_of_the_graph_stays),
        cmocka_unit_test(test_passes__two_names_of_one_output_both_stay),
        cmocka_unit_test(test_passes__dead_nodes_go),
        cmocka_unit_test(test_passes__shape_arithmetic_folds_away),
        cmocka_unit_test(test_passes__batch_norm_folds_without_changing_the_answer),
        cmocka_unit_test(test_passes__unused_constants_are_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
