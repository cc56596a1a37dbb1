/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of older opsets: each becomes the form of opset 21, and means what it meant. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "graph/prepare.h"
#include "kernel/ref/ref.h"
#include "onnx/onnx_import.h"
#include "support/onnx_builder.h"

/* A model of one node from x [2, 3, 4, 1] to y; more inputs and attributes are the test's. */
static Clv__Onnx__NodeProto *init_node(onnx_builder *b, int64_t opset, const char *op,
                                       const char *inputs, const char *outputs)
{
    onnx_builder_init(b, opset);
    onnx_input(b, "x", ONNX_FLOAT, 4, (int64_t[]){2, 3, 4, 1});
    Clv__Onnx__NodeProto *node = onnx_node(b, op, inputs, outputs);
    node->name = onnx_text(b, "n");
    return node;
}

static void add_output(onnx_builder *b)
{
    if (b->graph->n_output == 0)
        onnx_output(b, "y", ONNX_FLOAT, 0, NULL);
}

static clv_graph *import_good(onnx_builder *b)
{
    add_output(b);
    return onnx_import_good(b, NULL, NULL);
}

static void expect_bad(clv_status status, onnx_builder *b, const char *what)
{
    add_output(b);
    onnx_import_bad(b, NULL, NULL, status, "n", what);
}

/* Input @p i of node 0 is these integers, and the node has no attribute of the old name. */
static void expect_ints(const clv_graph *graph, uint32_t i, const char *old_name, uint32_t count,
                        const int64_t *expected)
{
    const clv_node *node = &graph->nodes[0];
    const clv_tensor *tensor = clv_node_input(graph, node, i);
    assert_non_null(tensor);
    assert_int_equal(tensor->dtype, CLV_I64);
    assert_true(clv_shape_equal(&tensor->shape, &(clv_shape){1, {count}}));
    assert_memory_equal(tensor->data, expected, count * sizeof *expected);
    assert_null(clv_node_attr(node, old_name, CLV_ATTR_INTS));
}

static void test_onnx_upgrade__turns_axes_into_an_input(void **state)
{
    static const struct {
        const char *op;
        int64_t last_old;
    } cases[] = {{"Squeeze", 12}, {"Unsqueeze", 12}, {"ReduceMean", 17}};
    onnx_builder b;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Clv__Onnx__NodeProto *node = init_node(&b, cases[i].last_old, cases[i].op, "x", "y");
        onnx_attr_ints(&b, node, "axes", 2, (int64_t[]){3, 0});
        onnx_attr_int(&b, node, "keepdims", 0);
        clv_graph *graph = import_good(&b);
        expect_ints(graph, 1, "axes", 2, (int64_t[]){3, 0});
        assert_int_equal(clv_node_attr_int(&graph->nodes[0], "keepdims", 1), 0);
        clv_graph_free(graph);

        (void)init_node(&b, cases[i].last_old + 1, cases[i].op, "x,axes", "y");
        onnx_initializer_ints(&b, "axes", 1, (int64_t[]){3});
        graph = import_good(&b);
        expect_ints(graph, 1, "axes", 1, (int64_t[]){3});
        clv_graph_free(graph);
    }
}

/* Squeeze: all of size 1; ReduceMean: all. An empty list said the same. */
static void test_onnx_upgrade__leaves_absent_axes_absent(void **state)
{
    static const char *const ops[] = {"Squeeze", "ReduceMean"};
    onnx_builder b;
    (void)state;

    for (unsigned i = 0; i < 4; i++) {
        Clv__Onnx__NodeProto *node = init_node(&b, 11, ops[i % 2], "x", "y");
        if (i >= 2)
            onnx_attr_ints(&b, node, "axes", 0, NULL);
        clv_graph *graph = import_good(&b);
        assert_int_equal(graph->nodes[0].n_inputs, 1);
        assert_int_equal(graph->nodes[0].n_attrs, 0);
        clv_graph_free(graph);
    }
}

static void test_onnx_upgrade__turns_splits_into_an_input(void **state)
{
    onnx_builder b;
    (void)state;

    onnx_attr_ints(&b, init_node(&b, 12, "Split", "x", "y,z"), "split", 2, (int64_t[]){1, 2});
    clv_graph *graph = import_good(&b);
    expect_ints(graph, 1, "split", 2, (int64_t[]){1, 2});
    assert_int_equal(graph->nodes[0].n_outputs, 2);
    clv_graph_free(graph);

    onnx_attr_int(&b, init_node(&b, 18, "Split", "x", "y,z"), "num_outputs", 2);
    clv_graph_free(import_good(&b));
    onnx_attr_int(&b, init_node(&b, 18, "Split", "x", "y,z"), "num_outputs", 3);
    expect_bad(CLV_EUNSUPPORTED, &b, "num_outputs");
}

static void test_onnx_upgrade__turns_slices_into_inputs(void **state)
{
    onnx_builder b;
    (void)state;

    Clv__Onnx__NodeProto *node = init_node(&b, 9, "Slice", "x", "y");
    onnx_attr_ints(&b, node, "axes", 1, (int64_t[]){2});
    onnx_attr_ints(&b, node, "ends", 1, (int64_t[]){INT64_MAX});
    onnx_attr_ints(&b, node, "starts", 1, (int64_t[]){-1});
    clv_graph *graph = import_good(&b);
    expect_ints(graph, 1, "starts", 1, (int64_t[]){-1});
    expect_ints(graph, 2, "ends", 1, (int64_t[]){INT64_MAX});
    expect_ints(graph, 3, "axes", 1, (int64_t[]){2});
    clv_graph_free(graph);

    node = init_node(&b, 9, "Slice", "x", "y");
    onnx_attr_ints(&b, node, "ends", 1, (int64_t[]){1});
    expect_bad(CLV_EFORMAT, &b, "input 1 of Slice is missing");
}

static void expect_float(const clv_graph *graph, uint32_t i, float expected)
{
    const clv_tensor *tensor = clv_node_input(graph, &graph->nodes[0], i);
    assert_non_null(tensor);
    assert_int_equal(tensor->dtype, CLV_F32);
    assert_int_equal(tensor->shape.rank, 0);
    assert_true(*(const float *)tensor->data == expected);
}

static void test_onnx_upgrade__turns_pads_into_inputs(void **state)
{
    static const int64_t pads[] = {0, 0, 1, 2, 0, 0, 3, 4};
    onnx_builder b;
    (void)state;

    Clv__Onnx__NodeProto *node = init_node(&b, 10, "Pad", "x", "y");
    onnx_attr_ints(&b, node, "pads", 8, pads);
    onnx_attr_float(&b, node, "value", 0.5f);
    onnx_attr_string(&b, node, "mode", "constant");
    clv_graph *graph = import_good(&b);
    expect_ints(graph, 1, "pads", 8, pads);
    expect_float(graph, 2, 0.5f);
    assert_int_equal(graph->nodes[0].n_attrs, 1);
    clv_graph_free(graph);
}

static void test_onnx_upgrade__turns_clip_bounds_into_inputs(void **state)
{
    onnx_builder b;
    (void)state;

    Clv__Onnx__NodeProto *node = init_node(&b, 10, "Clip", "x", "y");
    onnx_attr_float(&b, node, "max", 6);
    onnx_attr_float(&b, node, "min", -1);
    clv_graph *graph = import_good(&b);
    expect_float(graph, 1, -1);
    expect_float(graph, 2, 6);
    clv_graph_free(graph);

    onnx_attr_float(&b, init_node(&b, 10, "Clip", "x", "y"), "max", 6);
    graph = import_good(&b);
    assert_int_equal(graph->nodes[0].inputs[1], CLV_NO_VALUE);
    expect_float(graph, 2, 6);
    clv_graph_free(graph);

    (void)init_node(&b, 10, "Clip", "x,x", "y");
    expect_bad(CLV_EFORMAT, &b, "takes one input in opset 10, not 2");
    onnx_attr_int(&b, init_node(&b, 10, "Clip", "x", "y"), "max", 6);
    expect_bad(CLV_EFORMAT, &b, "'max' has a wrong type");
}

/* The names that the importer makes up are not those of the model. */
static void test_onnx_upgrade__finds_free_names(void **state)
{
    onnx_builder b;
    (void)state;

    for (unsigned i = 0; i < 2; i++) {
        onnx_builder_init(&b, 11);
        onnx_input(&b, "x", ONNX_FLOAT, 2, (int64_t[]){2, 3});
        for (unsigned k = 0; k < 2; k++) {
            Clv__Onnx__NodeProto *node = onnx_node(&b, "Unsqueeze", "x", k == 0 ? "y" : "z");
            node->name = onnx_text(&b, "n");
            onnx_attr_ints(&b, node, "axes", 1, (int64_t[]){k});
        }
        (void)onnx_node(&b, "Relu", "z", i == 0 ? "n/axes" : "n/axes.1");
        clv_graph *graph = import_good(&b);
        expect_ints(graph, 1, "axes", 1, (int64_t[]){0});
        const clv_tensor *second = clv_node_input(graph, &graph->nodes[1], 1);
        assert_int_equal(*(const int64_t *)second->data, 1);
        clv_graph_free(graph);
    }
}

static void test_onnx_upgrade__casts_to_the_graphs_types(void **state)
{
    onnx_builder b;
    (void)state;

    Clv__Onnx__NodeProto *node = init_node(&b, 19, "Cast", "x", "y");
    onnx_attr_int(&b, node, "to", ONNX_INT64);
    onnx_attr_int(&b, node, "saturate", 1);
    clv_graph *graph = import_good(&b);
    assert_int_equal(clv_node_attr_int(&graph->nodes[0], "to", 0), CLV_I64);
    assert_int_equal(graph->nodes[0].n_attrs, 1);
    clv_graph_free(graph);

    onnx_attr_int(&b, init_node(&b, 13, "Cast", "x", "y"), "to", ONNX_STRING);
    expect_bad(CLV_EUNSUPPORTED, &b, "string");
    (void)init_node(&b, 13, "Cast", "x", "y");
    expect_bad(CLV_EFORMAT, &b, "'to' is missing");
}

static void add_statistics(onnx_builder *b)
{
    static const float ones[] = {1, 1, 1};
    static const char *const names[] = {"scale", "bias", "mean", "var"};
    for (unsigned i = 0; i < 4; i++)
        (void)onnx_initializer(b, names[i], ONNX_FLOAT, 1, (int64_t[]){3}, ones, sizeof ones);
}

#define STATISTICS "x,scale,bias,mean,var"

static void test_onnx_upgrade__takes_batch_normalization_at_inference(void **state)
{
    onnx_builder b;
    (void)state;

    Clv__Onnx__NodeProto *node =
        init_node(&b, 7, "BatchNormalization", STATISTICS, "y,mean2,var2,a,b");
    add_statistics(&b);
    onnx_attr_float(&b, node, "epsilon", 0.25f);
    onnx_attr_float(&b, node, "momentum", 0.9f);
    onnx_attr_int(&b, node, "spatial", 1);
    clv_graph *graph = import_good(&b);
    assert_int_equal(graph->nodes[0].n_outputs, 1);
    assert_int_equal(graph->nodes[0].n_attrs, 1);
    assert_true(clv_node_attr_float(&graph->nodes[0], "epsilon", 0) == 0.25f);
    clv_graph_free(graph);
}

static void test_onnx_upgrade__refuses_batch_normalization_in_training(void **state)
{
    onnx_builder b;
    (void)state;

    onnx_attr_int(&b, init_node(&b, 14, "BatchNormalization", STATISTICS, "y"), "training_mode", 1);
    add_statistics(&b);
    expect_bad(CLV_EUNSUPPORTED, &b, "training is not supported");
    onnx_attr_int(&b, init_node(&b, 7, "BatchNormalization", STATISTICS, "y"), "spatial", 0);
    add_statistics(&b);
    expect_bad(CLV_EUNSUPPORTED, &b, "spatial = 0");
    (void)init_node(&b, 9, "BatchNormalization", STATISTICS, "y,mean2");
    add_statistics(&b);
    (void)onnx_node(&b, "Relu", "mean2", "z");
    expect_bad(CLV_EUNSUPPORTED, &b, "its output 'mean2' (number 2) is not supported");
}

static void test_onnx_upgrade__leaves_out_optional_outputs_that_nobody_reads(void **state)
{
    onnx_builder b;
    (void)state;

    for (uint32_t read = 0; read < 2; read++) {
        Clv__Onnx__NodeProto *node = init_node(&b, 9, "MaxPool", "x", "y,indices");
        onnx_attr_ints(&b, node, "kernel_shape", 2, (int64_t[]){1, 1});
        onnx_output(&b, read ? "indices" : "y", read ? ONNX_INT64 : ONNX_FLOAT, 0, NULL);
        clv_graph *graph = import_good(&b);
        assert_int_equal(graph->nodes[0].n_outputs, 1 + read);
        clv_graph_free(graph);
    }
}

/* Lists of strings become one string. */
static void test_onnx_upgrade__reads_the_activations_of_a_network(void **state)
{
    onnx_builder b;
    (void)state;

    Clv__Onnx__NodeProto *node = init_node(&b, 14, "LSTM", "s,w,r", "y");
    onnx_attr_strings(&b, node, "activations", "Sigmoid,Tanh,Relu");
    onnx_input(&b, "s", ONNX_FLOAT, 3, (int64_t[]){5, 1, 2});
    onnx_input(&b, "w", ONNX_FLOAT, 3, (int64_t[]){1, 12, 2});
    onnx_input(&b, "r", ONNX_FLOAT, 3, (int64_t[]){1, 12, 3});
    clv_graph *graph = import_good(&b);
    assert_string_equal(clv_node_attr_string(&graph->nodes[0], "activations", ""),
                        "Sigmoid,Tanh,Relu");
    assert_int_equal(clv_graph_prepare(graph, &(clv_prepare_options){.evaluate = clv_ref_evaluate},
                                       NULL, NULL, NULL),
                     CLV_OK);
    assert_true(clv_shape_equal(&clv_node_output(graph, &graph->nodes[0], 0)->shape,
                                &(clv_shape){4, {5, 1, 1, 3}}));
    clv_graph_free(graph);
}

static void test_onnx_upgrade__quantises_to_the_graphs_types(void **state)
{
    static const struct {
        int64_t type;
        clv_dtype expected;
    } cases[] = {{0, CLV_U8}, {ONNX_INT8, CLV_I8}, {ONNX_INT16, CLV_I16}};
    static const float scale = 0.5f;
    onnx_builder b;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Clv__Onnx__NodeProto *node = init_node(&b, 21, "QuantizeLinear", "x,scale", "y");
        onnx_attr_int(&b, node, "output_dtype", cases[i].type);
        onnx_attr_int(&b, node, "saturate", 1);
        (void)onnx_initializer(&b, "scale", ONNX_FLOAT, 0, NULL, &scale, sizeof scale);
        clv_graph *graph = import_good(&b);
        assert_int_equal(clv_graph_prepare(graph,
                                           &(clv_prepare_options){.evaluate = clv_ref_evaluate},
                                           NULL, NULL, NULL),
                         CLV_OK);
        assert_int_equal(clv_node_output(graph, &graph->nodes[0], 0)->dtype, cases[i].expected);
        clv_graph_free(graph);
    }
    Clv__Onnx__NodeProto *node = init_node(&b, 21, "QuantizeLinear", "x,scale", "y");
    onnx_attr_int(&b, node, "output_dtype", ONNX_BFLOAT16);
    (void)onnx_initializer(&b, "scale", ONNX_FLOAT, 0, NULL, &scale, sizeof scale);
    expect_bad(CLV_EUNSUPPORTED, &b, "bfloat16");
}

static void test_onnx_upgrade__strips_dropout(void **state)
{
    static const float ratio = 0.5f;
    onnx_builder b;
    (void)state;

    onnx_attr_float(&b, init_node(&b, 10, "Dropout", "x", "y,mask"), "ratio", 0.3f);
    clv_graph *graph = import_good(&b);
    assert_int_equal(graph->nodes[0].n_inputs, 1);
    assert_int_equal(graph->nodes[0].n_attrs, 0);
    clv_graph_free(graph);

    onnx_attr_int(&b, init_node(&b, 13, "Dropout", "x,ratio,training", "y"), "seed", 1);
    (void)onnx_initializer(&b, "ratio", ONNX_FLOAT, 0, NULL, &ratio, sizeof ratio);
    (void)onnx_initializer(&b, "training", ONNX_BOOL, 0, NULL, "\0", 1);
    graph = import_good(&b);
    assert_int_equal(graph->nodes[0].n_inputs, 3); /* whether it trains is for the graph to say */
    assert_int_equal(graph->nodes[0].n_attrs, 0);
    clv_graph_free(graph);

    (void)init_node(&b, 13, "Dropout", "x,,,x", "y");
    expect_bad(CLV_EFORMAT, &b, "takes 1 to 3 inputs, not 4");
}

static void test_onnx_upgrade__refuses_broadcasting_of_opset_6(void **state)
{
    onnx_builder b;
    (void)state;

    onnx_attr_int(&b, init_node(&b, 7, "Mul", "x,x", "y"), "broadcast", 1);
    expect_bad(CLV_EUNSUPPORTED, &b, "before opset 7");
    onnx_attr_int(&b, init_node(&b, 7, "Add", "x,x", "y"), "axis", 1);
    expect_bad(CLV_EUNSUPPORTED, &b, "before opset 7");
    onnx_attr_int(&b, init_node(&b, 7, "Add", "x,x", "y"), "broadcast", 0);
    clv_graph_free(import_good(&b));
}

/* The graph's Conv has a fourth input, which is no input of ONNX's. */
static void test_onnx_upgrade__refuses_a_residual_from_outside(void **state)
{
    onnx_builder b;
    (void)state;
    (void)init_node(&b, 13, "Conv", "x,x,x,x", "y");
    expect_bad(CLV_EFORMAT, &b, "takes 2 or 3 inputs, not 4");
}

/* --- what it computes --- */

enum { N_ELEMS = 24 };

/* Run the model on x = 0, 1/8, 2/8, ...; y has as many elements as x. */
static void run(float y[N_ELEMS], clv_graph *graph)
{
    float x[N_ELEMS];
    clv_tensor inputs[4], output;
    clv_error err = CLV_ERROR_INIT;

    if (clv_graph_prepare(graph, &(clv_prepare_options){.evaluate = clv_ref_evaluate}, NULL, NULL,
                          &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    for (unsigned i = 0; i < N_ELEMS; i++)
        x[i] = (float)i / 8;
    graph->values[graph->inputs[0]].tensor.data = x;
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const clv_node *node = &graph->nodes[i];
        size_t bytes;
        for (uint32_t j = 0; j < node->n_inputs; j++)
            inputs[j] = *clv_node_input(graph, node, j);
        output = *clv_node_output(graph, node, 0);
        assert_int_equal(clv_tensor_bytes(&bytes, &output), CLV_OK);
        output.data = clv_graph_own_data(graph, bytes);
        assert_int_equal(clv_ref_evaluate(graph, node, inputs, &output), CLV_OK);
        graph->values[node->outputs[0]].tensor.data = output.data;
    }
    const clv_tensor *made = &graph->values[graph->outputs[0]].tensor;
    assert_true(clv_shape_equal(&made->shape, &graph->values[graph->inputs[0]].tensor.shape));
    memcpy(y, made->data, N_ELEMS * sizeof *y);
    clv_graph_free(graph);
}

/* Softmax of runs of @p n elements each: x rises by 1/8 from one to the next. */
static void expect_softmax(clv_graph *graph, unsigned n)
{
    float y[N_ELEMS];
    double sum = 0;

    run(y, graph);
    for (unsigned i = 0; i < n; i++)
        sum += exp(i / 8.0);
    for (unsigned i = 0; i < N_ELEMS; i++)
        assert_true(fabs(y[i] - exp(i % n / 8.0) / sum) < 1e-5);
}

/* Before opset 13, all dimensions from the axis on count as one. x is [2, 3, 4, 1]. */
static void test_onnx_upgrade__softmax_spans_all_dimensions_behind_its_axis(void **state)
{
    static const struct {
        int64_t axis;
        unsigned run;
    } cases[] = {{1, 12}, {2, 4}, {0, 24}, {-3, 12}, {-2, 4}};
    onnx_builder b;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        onnx_attr_int(&b, init_node(&b, 11, "Softmax", "x", "y"), "axis", cases[i].axis);
        expect_softmax(import_good(&b), cases[i].run);
    }
    (void)init_node(&b, 7, "Softmax", "x", "y"); /* axis 1 */
    expect_softmax(import_good(&b), 12);
    onnx_attr_int(&b, init_node(&b, 13, "Softmax", "x", "y"), "axis", 2);
    expect_softmax(import_good(&b), 4);
}

/* Only the last axis, or one with nothing but ones behind it, needs no other nodes. */
static void test_onnx_upgrade__softmax_stays_one_node_where_it_can(void **state)
{
    onnx_builder b;
    (void)state;

    for (int64_t axis = -4; axis < 4; axis++) {
        onnx_attr_int(&b, init_node(&b, 12, "Softmax", "x", "y"), "axis", axis);
        clv_graph *graph = import_good(&b);
        bool plain = axis >= 2 || axis == -1 || axis == -2;
        assert_int_equal(graph->n_nodes, plain ? 1 : 4);
        if (plain)
            assert_int_equal(clv_node_attr_int(&graph->nodes[0], "axis", 9), axis);
        clv_graph_free(graph);
    }
    onnx_attr_int(&b, init_node(&b, 13, "Softmax", "x", "y"), "axis", 1);
    clv_graph *modern = import_good(&b);
    assert_int_equal(modern->n_nodes, 1);
    clv_graph_free(modern);
    /* The shape of what a node makes is known where the model tells it. */
    for (unsigned told = 0; told < 2; told++) {
        (void)init_node(&b, 12, "Softmax", "r", "y");
        (void)onnx_node(&b, "Relu", "x", "r");
        if (told)
            onnx_value_info(&b, "r", ONNX_FLOAT, 2, (int64_t[]){ONNX_OPEN, ONNX_OPEN});
        clv_graph *graph = import_good(&b);
        assert_int_equal(graph->n_nodes, told ? 2 : 5);
        clv_graph_free(graph);
    }
}

/* What the model says of sizes doesn't hold where the user gives others. */
static void test_onnx_upgrade__softmax_distrusts_sizes_when_shapes_are_given(void **state)
{
    const clv_onnx_shape given = {"x", {4, {2, 3, 2, 2}}};
    const clv_onnx_options options = {.shapes = &given, .n_shapes = 1, .batch = 1};
    onnx_builder b;
    clv_graph *graph;
    size_t n;
    (void)state;

    onnx_attr_int(&b, init_node(&b, 11, "Softmax", "x", "y"), "axis", 2);
    onnx_output(&b, "y", ONNX_FLOAT, 4, (int64_t[]){2, 3, 4, 1});
    const uint8_t *bytes = onnx_pack(&b, &n);
    assert_int_equal(clv_onnx_import_memory(&graph, bytes, n, NULL, &options, NULL), CLV_OK);
    onnx_builder_done(&b);
    expect_softmax(graph, 4);
}

static void test_onnx_upgrade__turns_sum_into_adds(void **state)
{
    float y[N_ELEMS];
    onnx_builder b;
    (void)state;

    static const char *const inputs[] = {"x", "x,x", "x,x,x", "x,x,x,x,x"};
    static const uint32_t times[] = {1, 2, 3, 5};
    for (unsigned i = 0; i < 4; i++) {
        (void)init_node(&b, 8, "Sum", inputs[i], "y");
        clv_graph *graph = import_good(&b);
        assert_int_equal(graph->n_nodes, times[i] > 1 ? times[i] - 1 : 1);
        assert_int_equal(graph->nodes[0].op, times[i] > 1 ? CLV_OP_ADD : CLV_OP_IDENTITY);
        if (times[i] == 1) {
            clv_graph_free(graph);
            continue;
        }
        run(y, graph);
        for (unsigned k = 0; k < N_ELEMS; k++)
            assert_true(y[k] == (float)(times[i] * k) / 8);
    }
    (void)init_node(&b, 8, "Sum", "", "y");
    expect_bad(CLV_EFORMAT, &b, "takes 2 to 2 inputs, not 0");
    (void)init_node(&b, 8, "Add", "x,x,x", "y"); /* only Sum may have three */
    expect_bad(CLV_EFORMAT, &b, "takes 2 to 2 inputs, not 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx_upgrade__turns_axes_into_an_input),
        cmocka_unit_test(test_onnx_upgrade__leaves_absent_axes_absent),
        cmocka_unit_test(test_onnx_upgrade__turns_splits_into_an_input),
        cmocka_unit_test(test_onnx_upgrade__turns_slices_into_inputs),
        cmocka_unit_test(test_onnx_upgrade__turns_pads_into_inputs),
        cmocka_unit_test(test_onnx_upgrade__turns_clip_bounds_into_inputs),
        cmocka_unit_test(test_onnx_upgrade__finds_free_names),
        cmocka_unit_test(test_onnx_upgrade__casts_to_the_graphs_types),
        cmocka_unit_test(test_onnx_upgrade__takes_batch_normalization_at_inference),
        cmocka_unit_test(test_onnx_upgrade__refuses_batch_normalization_in_training),
        cmocka_unit_test(test_onnx_upgrade__leaves_out_optional_outputs_that_nobody_reads),
        cmocka_unit_test(test_onnx_upgrade__reads_the_activations_of_a_network),
        cmocka_unit_test(test_onnx_upgrade__quantises_to_the_graphs_types),
        cmocka_unit_test(test_onnx_upgrade__strips_dropout),
        cmocka_unit_test(test_onnx_upgrade__refuses_broadcasting_of_opset_6),
        cmocka_unit_test(test_onnx_upgrade__refuses_a_residual_from_outside),
        cmocka_unit_test(test_onnx_upgrade__softmax_spans_all_dimensions_behind_its_axis),
        cmocka_unit_test(test_onnx_upgrade__softmax_stays_one_node_where_it_can),
        cmocka_unit_test(test_onnx_upgrade__softmax_distrusts_sizes_when_shapes_are_given),
        cmocka_unit_test(test_onnx_upgrade__turns_sum_into_adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
