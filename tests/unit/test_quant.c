/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/error.h"
#include "graph/infer.h"
#include "graph/quant.h"
#include "kernel/ref/ref.h"

static const float good_scales[] = {0.5f, 0.25f};

/* x [1, 3, 4, 4] -> Conv with weights [2, 3, 3, 3] -> y -> Relu -> z, all in bytes. */
typedef struct net {
    clv_graph *graph;
    clv_value *x, *w, *y, *z;
    clv_node *conv, *relu;
    clv_quant act, weights;
} net;

static uint32_t add(net *n, const char *name, clv_dtype dtype, clv_shape shape, void *data)
{
    uint32_t value = 0;
    assert_int_equal(clv_graph_add_value(&value, n->graph, name), CLV_OK);
    clv_graph_set_constant(n->graph, value, &(clv_tensor){dtype, shape, data});
    return value;
}

static void add_node(net *n, clv_op op, const uint32_t *in, uint32_t n_in, uint32_t out)
{
    const clv_node_desc desc = {.name = clv_op_describe(op)->name,
                                .op = op,
                                .inputs = in,
                                .n_inputs = n_in,
                                .outputs = &out,
                                .n_outputs = 1};
    assert_int_equal(clv_graph_add_node(n->graph, &desc, NULL), CLV_OK);
}

static void build(net *n)
{
    clv_shape none = {0};
    *n = (net){.act = {.scale = 0.5f, .zero_point = 7},
               .weights = {.axis = 0, .n_scales = 2, .scales = good_scales}};
    assert_int_equal(clv_graph_create(&n->graph, "net"), CLV_OK);
    uint32_t x = add(n, "x", CLV_U8, (clv_shape){4, {1, 3, 4, 4}}, NULL);
    uint32_t w =
        add(n, "w", CLV_I8, (clv_shape){4, {2, 3, 3, 3}}, clv_graph_own_data(n->graph, 54));
    uint32_t y = add(n, "y", CLV_I8, none, NULL), z = add(n, "z", CLV_U8, none, NULL);
    add_node(n, CLV_OP_CONV, (const uint32_t[]){x, w}, 2, y);
    add_node(n, CLV_OP_RELU, &y, 1, z);
    assert_int_equal(clv_graph_add_input(n->graph, x), CLV_OK);
    assert_int_equal(clv_graph_add_output(n->graph, z), CLV_OK);
    n->x = &n->graph->values[x];
    n->w = &n->graph->values[w];
    n->y = &n->graph->values[y];
    n->z = &n->graph->values[z];
    n->conv = &n->graph->nodes[0];
    n->relu = &n->graph->nodes[1];
    n->conv->quantised = n->relu->quantised = true;
    n->x->quant = n->y->quant = n->z->quant = &n->act;
    n->w->quant = &n->weights;
}

static void expect_sanity(const net *n, clv_status want)
{
    clv_error err = CLV_ERROR_INIT;
    assert_int_equal(clv_graph_check(n->graph, &err), want);
    if (want != CLV_OK)
        assert_true(err.message[0] != '\0');
}

static void test_quant__a_graph_in_bytes_is_sane_and_keeps_its_types(void **state)
{
    net n;
    (void)state;

    build(&n);
    n.act.zero_point = 0; /* of uint8 and of int8 */
    expect_sanity(&n, CLV_OK);
    assert_int_equal(clv_infer_node(n.graph, n.conv, NULL), CLV_OK);
    assert_int_equal(clv_infer_node(n.graph, n.relu, NULL), CLV_OK);
    assert_int_equal(n.y->tensor.dtype, CLV_I8);
    assert_int_equal(n.z->tensor.dtype, CLV_U8);
    assert_true(clv_shape_equal(&n.z->tensor.shape, &(clv_shape){4, {1, 2, 2, 2}}));
    clv_graph_free(n.graph);
}

static void test_quant__an_output_without_bytes_is_float32(void **state)
{
    net n;
    (void)state;

    build(&n);
    n.y->tensor.dtype = CLV_NONE;
    assert_int_equal(clv_infer_node(n.graph, n.conv, NULL), CLV_OK);
    assert_int_equal(n.y->tensor.dtype, CLV_F32);
    assert_null(clv_node_output_quant(n.graph, n.conv, 0));
    assert_int_equal(clv_node_input_type(n.graph, n.relu, 0), CLV_U8); /* it has a quant */
    n.y->quant = NULL;
    assert_int_equal(clv_node_input_type(n.graph, n.relu, 0), CLV_F32);
    clv_graph_free(n.graph);
}

static void test_quant__other_nodes_take_bytes_as_float32(void **state)
{
    net n;
    (void)state;

    build(&n);
    assert_ptr_equal(clv_node_input_quant(n.graph, n.conv, 0), &n.act);
    assert_ptr_equal(clv_node_input_quant(n.graph, n.conv, 1), &n.weights);
    assert_null(clv_node_input_quant(n.graph, n.conv, 2));
    assert_int_equal(clv_node_number_type(n.graph, n.conv, 0), CLV_F32);
    n.conv->quantised = false;
    assert_null(clv_node_input_quant(n.graph, n.conv, 0));
    assert_int_equal(clv_node_input_type(n.graph, n.conv, 0), CLV_F32);
    assert_int_equal(clv_node_number_type(n.graph, n.conv, 0), CLV_F32);
    assert_int_equal(clv_node_input_type(n.graph, n.conv, 1), CLV_I8); /* constants stay */
    n.relu->quantised = false;
    n.conv->quantised = true;
    n.z->tensor.dtype = CLV_NONE;
    assert_int_equal(clv_infer_node(n.graph, n.conv, NULL), CLV_OK);
    assert_int_equal(clv_infer_node(n.graph, n.relu, NULL), CLV_OK);
    assert_int_equal(n.z->tensor.dtype, CLV_F32);
    clv_graph_free(n.graph);
}

static void test_quant__scales_are_finite_and_positive(void **state)
{
    const float bad[] = {0.0f, -1.0f, INFINITY, NAN};
    float scales[2] = {0.5f, 0.5f};
    net n;
    (void)state;

    build(&n);
    for (size_t i = 0; i < 4; i++) {
        n.act.scale = bad[i];
        expect_sanity(&n, CLV_EFORMAT);
        n.act.scale = 0.5f;
        scales[1] = bad[i];
        n.weights.scales = scales;
        expect_sanity(&n, CLV_EFORMAT);
        n.weights.scales = good_scales;
    }
    n.act.zero_point = 0;
    expect_sanity(&n, CLV_OK);
    clv_graph_free(n.graph);
}

static void test_quant__zero_points_are_in_the_range_of_the_type(void **state)
{
    net n;
    (void)state;

    build(&n);
    n.y->quant = NULL;
    for (int32_t zero = -200; zero <= 400; zero++) {
        n.act.zero_point = zero;
        n.x->tensor.dtype = n.z->tensor.dtype = CLV_U8;
        expect_sanity(&n, zero >= 0 && zero <= 255 ? CLV_OK : CLV_EFORMAT);
        n.x->tensor.dtype = n.z->tensor.dtype = CLV_I8;
        expect_sanity(&n, zero >= -128 && zero <= 127 ? CLV_OK : CLV_EFORMAT);
    }
    n.act.zero_point = 0;
    n.weights.zero_point = 1; /* none beside scales */
    expect_sanity(&n, CLV_EFORMAT);
    clv_graph_free(n.graph);
}

static void test_quant__scales_fit_the_axis_of_a_constant(void **state)
{
    net n;
    (void)state;

    build(&n);
    n.act.zero_point = 0;
    n.weights.axis = 1; /* of 3 */
    expect_sanity(&n, CLV_EFORMAT);
    n.weights.axis = 4;
    expect_sanity(&n, CLV_EFORMAT);
    n.weights.axis = 0;
    n.weights.scales = NULL;
    expect_sanity(&n, CLV_EFORMAT);
    n.weights.scales = good_scales;
    expect_sanity(&n, CLV_OK);
    clv_quant of_input = {.axis = 0, .n_scales = 1, .scales = good_scales};
    n.x->quant = &of_input; /* no constant */
    expect_sanity(&n, CLV_EFORMAT);
    n.x->quant = NULL;
    n.x->tensor.dtype = CLV_I64;
    expect_sanity(&n, CLV_OK);
    n.x->quant = &n.act;
    expect_sanity(&n, CLV_EFORMAT);
    clv_graph_free(n.graph);
}

static void test_quant__operators_without_a_quantised_form_are_refused(void **state)
{
    clv_error err = CLV_ERROR_INIT;
    net n;
    (void)state;

    build(&n);
    n.act.zero_point = 0;
    n.relu->op = CLV_OP_SHAPE;
    expect_sanity(&n, CLV_EFORMAT);
    assert_int_equal(clv_infer_node(n.graph, n.relu, &err), CLV_EFORMAT);
    n.relu->quantised = false;
    expect_sanity(&n, CLV_OK);
    clv_graph_free(n.graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quant__a_graph_in_bytes_is_sane_and_keeps_its_types),
        cmocka_unit_test(test_quant__an_output_without_bytes_is_float32),
        cmocka_unit_test(test_quant__other_nodes_take_bytes_as_float32),
        cmocka_unit_test(test_quant__scales_are_finite_and_positive),
        cmocka_unit_test(test_quant__zero_points_are_in_the_range_of_the_type),
        cmocka_unit_test(test_quant__scales_fit_the_axis_of_a_constant),
        cmocka_unit_test(test_quant__operators_without_a_quantised_form_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
