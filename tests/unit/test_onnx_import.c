/* SPDX-License-Identifier: Apache-2.0 */
#include "onnx/onnx_import.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/onnx_builder.h"

static const int64_t dims_2x3[] = {2, 3};

/* x [2, 3] -> Relu -> y */
static void init_relu(onnx_builder *b, int64_t opset)
{
    onnx_builder_init(b, opset);
    onnx_input(b, "x", ONNX_FLOAT, 2, dims_2x3);
    (void)onnx_node(b, "Relu", "x", "y");
    onnx_output(b, "y", ONNX_FLOAT, 2, dims_2x3);
}

static void test_onnx_import__imports_a_graph(void **state)
{
    onnx_builder b;
    clv_graph *graph;
    (void)state;

    init_relu(&b, 13);
    graph = onnx_import_good(&b, NULL, NULL);
    assert_string_equal(graph->name, "test");
    assert_int_equal(graph->n_nodes, 1);
    assert_int_equal(graph->nodes[0].op, CLV_OP_RELU);
    assert_string_equal(graph->nodes[0].name, "Relu:y");
    assert_int_equal(graph->n_inputs, 1);
    const clv_value *x = &graph->values[graph->inputs[0]];
    assert_string_equal(x->name, "x");
    assert_int_equal(x->tensor.dtype, CLV_F32);
    assert_true(clv_shape_equal(&x->tensor.shape, &(clv_shape){2, {2, 3}}));
    assert_int_equal(graph->n_outputs, 1);
    assert_string_equal(graph->values[graph->outputs[0]].name, "y");
    assert_int_equal(graph->values[graph->outputs[0]].tensor.dtype, CLV_NONE);
    clv_graph_free(graph);
}

static void test_onnx_import__keeps_names_and_attributes(void **state)
{
    onnx_builder b;
    clv_graph *graph;
    (void)state;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "x", ONNX_FLOAT, 4, (int64_t[]){1, 1, 8, 8});
    Clv__Onnx__NodeProto *node = onnx_node(&b, "AveragePool", "x", "y");
    node->name = onnx_text(&b, "pool");
    onnx_attr_ints(&b, node, "kernel_shape", 2, (int64_t[]){3, 2});
    onnx_attr_string(&b, node, "auto_pad", "SAME_UPPER");
    onnx_attr_int(&b, node, "ceil_mode", 1);
    onnx_attr_float(&b, node, "alpha", 0.5f);
    onnx_output(&b, "y", ONNX_FLOAT, 0, NULL);
    graph = onnx_import_good(&b, NULL, NULL);

    const clv_node *made = &graph->nodes[0];
    assert_string_equal(made->name, "pool");
    const clv_attr *kernel = clv_node_attr(made, "kernel_shape", CLV_ATTR_INTS);
    assert_non_null(kernel);
    assert_int_equal(kernel->count, 2);
    assert_int_equal(kernel->v.ints[0], 3);
    assert_int_equal(kernel->v.ints[1], 2);
    assert_string_equal(clv_node_attr_string(made, "auto_pad", ""), "SAME_UPPER");
    assert_int_equal(clv_node_attr_int(made, "ceil_mode", 0), 1);
    assert_true(clv_node_attr_float(made, "alpha", 0) == 0.5f);
    clv_graph_free(graph);
}

/* Files of the oldest writers don't say an attribute's type. */
static void test_onnx_import__finds_the_type_of_untyped_attributes(void **state)
{
    onnx_builder b;
    clv_graph *graph;
    (void)state;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "x", ONNX_FLOAT, 2, dims_2x3);
    Clv__Onnx__NodeProto *node = onnx_node(&b, "Transpose", "x", "y");
    onnx_attr_ints(&b, node, "perm", 2, (int64_t[]){1, 0});
    node->attribute[0]->has_type = false;
    node->attribute[0]->type = 0;
    onnx_output(&b, "y", ONNX_FLOAT, 0, NULL);
    graph = onnx_import_good(&b, NULL, NULL);
    assert_non_null(clv_node_attr(&graph->nodes[0], "perm", CLV_ATTR_INTS));
    clv_graph_free(graph);
}

static void test_onnx_import__refuses_attributes_that_make_no_sense(void **state)
{
    onnx_builder b;
    (void)state;

    init_relu(&b, 13);
    onnx_attr_int(&b, b.graph->node[0], "a", 1);
    onnx_attr_int(&b, b.graph->node[0], "a", 2);
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "node 'Relu:y' (Relu)", "'a' comes twice");

    init_relu(&b, 13);
    onnx_attr_int(&b, b.graph->node[0], "body", 1);
    b.graph->node[0]->attribute[0]->type = 5; /* a graph */
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "Relu:y", "'body' has a type (5)");

    init_relu(&b, 13);
    onnx_attr_tensor(&b, b.graph->node[0], "t", NULL);
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "Relu:y", "'t' has a type (4)");

    init_relu(&b, 13);
    for (unsigned i = 0; i < 65; i++)
        onnx_attr_int(&b, b.graph->node[0], "a", 1);
    onnx_import_bad(&b, NULL, NULL, CLV_ELIMIT, "Relu:y", "65 attributes");
}

static void test_onnx_import__takes_opsets_7_to_21_and_what_has_not_changed_since(void **state)
{
    onnx_builder b;
    clv_graph *graph;
    (void)state;

    for (int64_t opset = 7; opset <= 21; opset++) {
        init_relu(&b, opset);
        graph = onnx_import_good(&b, NULL, NULL);
        clv_graph_free(graph);
    }
    init_relu(&b, 6); /* Relu has not changed since */
    graph = onnx_import_good(&b, NULL, NULL);
    clv_graph_free(graph);
    init_relu(&b, 5);
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "", "opset 5 is not supported, 7 to 21 are");
    init_relu(&b, -1);
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "", "opset -1 is not supported");
    init_relu(&b, 22);
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "", "opset 22");
    init_relu(&b, 13);
    b.model.n_opset_import = 0;
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "", "doesn't say which opset");
    init_relu(&b, 13);
    onnx_opset(&b, "ai.onnx", 14);
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "", "twice: 13 and 14");
    init_relu(&b, 13);
    for (unsigned i = 0; i < 64; i++)
        onnx_opset(&b, "other", 1);
    onnx_import_bad(&b, NULL, NULL, CLV_ELIMIT, "", "65 opsets");
}

static void test_onnx_import__knows_the_standard_domain_by_both_names(void **state)
{
    onnx_builder b;
    clv_graph *graph;
    (void)state;

    init_relu(&b, 13);
    onnx_opset(&b, "ai.onnx", 13);
    onnx_opset(&b, "ai.onnx.ml", 3);
    b.graph->node[0]->domain = onnx_text(&b, "ai.onnx");
    graph = onnx_import_good(&b, NULL, NULL);
    clv_graph_free(graph);
}

static void test_onnx_import__names_all_unsupported_operators(void **state)
{
    onnx_builder b;
    (void)state;

    init_relu(&b, 11);
    onnx_opset(&b, "com.example", 3);
    (void)onnx_node(&b, "TfIdfVectorizer", "x", "a");
    (void)onnx_node(&b, "TfIdfVectorizer", "x", "b");
    onnx_node(&b, "Relu", "x", "c")->domain = onnx_text(&b, "com.example");
    onnx_node(&b, "Constant", "", "d")->domain = onnx_text(&b, "else");
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "",
                    "3 operators are not supported: TfIdfVectorizer (opset 11, node "
                    "'TfIdfVectorizer:a', 2 times), com.example.Relu (opset 3, node 'Relu:c'), "
                    "else.Constant (opset 0, node 'Constant:d')");

    init_relu(&b, 11);
    (void)onnx_node(&b, "StringNormalizer", "x", "a");
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "",
                    "1 operator is not supported: StringNormalizer");

    init_relu(&b, 11); /* an operator of the passes alone */
    (void)onnx_node(&b, "ChannelShuffle", "x", "a");
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "",
                    "1 operator is not supported: ChannelShuffle");
}

static void test_onnx_import__cuts_a_long_list_of_operators(void **state)
{
    onnx_builder b;
    char names[100][16];
    (void)state;

    init_relu(&b, 11);
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(names[i], sizeof names[i], "Odd%02u", i);
        (void)onnx_node(&b, names[i], "x", names[i]);
    }
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "",
                    "100 operators are not supported: Odd00 ");

    init_relu(&b, 11);
    for (unsigned i = 0; i < 100; i++)
        (void)onnx_node(&b, names[i], "x", names[i]);
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "", " more");
}

static void test_onnx_import__refuses_what_is_no_model(void **state)
{
    onnx_builder b;
    clv_graph *graph;
    clv_error err = CLV_ERROR_INIT;
    (void)state;

    assert_int_equal(clv_onnx_import_memory(&graph, "", 0, NULL, NULL, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "no graph"));
    assert_int_equal(clv_onnx_import_memory(&graph, "GIF89a", 6, NULL, NULL, &err), CLV_EFORMAT);
    assert_string_equal(err.location, "byte 1");
    init_relu(&b, 13);
    b.model.has_ir_version = false;
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "", "no IR version");
}

static void test_onnx_import__skips_what_it_doesnt_read(void **state)
{
    static const uint8_t training[] = {0xa2, 0x01, 0x02, 0xff, 0xff}; /* field 20, no message */
    onnx_builder b;
    clv_graph *graph;
    uint8_t both[512];
    size_t n;
    (void)state;

    init_relu(&b, 13);
    const uint8_t *bytes = onnx_pack(&b, &n);
    assert_true(sizeof training + n <= sizeof both);
    memcpy(both, training, sizeof training);
    memcpy(both + sizeof training, bytes, n);
    assert_int_equal(clv_onnx_import_memory(&graph, both, sizeof training + n, NULL, NULL, NULL),
                     CLV_OK);
    clv_graph_free(graph);
    onnx_builder_done(&b);
}

static void test_onnx_import__sorts_nodes(void **state)
{
    onnx_builder b;
    clv_graph *graph;
    (void)state;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "x", ONNX_FLOAT, 2, dims_2x3);
    (void)onnx_node(&b, "Add", "p,q", "y");
    (void)onnx_node(&b, "Relu", "p", "q");
    (void)onnx_node(&b, "Tanh", "x", "z");
    (void)onnx_node(&b, "Sigmoid", "x", "p");
    onnx_output(&b, "y", ONNX_FLOAT, 2, dims_2x3);
    onnx_output(&b, "z", ONNX_FLOAT, 2, dims_2x3);
    graph = onnx_import_good(&b, NULL, NULL);
    static const clv_op expected[] = {CLV_OP_SIGMOID, CLV_OP_RELU, CLV_OP_ADD, CLV_OP_TANH};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(graph->nodes[i].op, expected[i]);
    clv_graph_free(graph);
}

static void test_onnx_import__keeps_the_order_of_a_sorted_file(void **state)
{
    onnx_builder b;
    clv_graph *graph;
    (void)state;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "x", ONNX_FLOAT, 2, dims_2x3);
    (void)onnx_node(&b, "Tanh", "x", "unused");
    (void)onnx_node(&b, "Sigmoid", "x", "p");
    (void)onnx_node(&b, "Relu", "x", "q");
    (void)onnx_node(&b, "Add", "q,p", "y");
    onnx_output(&b, "y", ONNX_FLOAT, 2, dims_2x3);
    graph = onnx_import_good(&b, NULL, NULL);
    static const clv_op expected[] = {CLV_OP_TANH, CLV_OP_SIGMOID, CLV_OP_RELU, CLV_OP_ADD};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(graph->nodes[i].op, expected[i]);
    clv_graph_free(graph);
}

static void test_onnx_import__names_a_cycle(void **state)
{
    onnx_builder b;
    (void)state;

    init_relu(&b, 13);
    (void)onnx_node(&b, "Add", "x,c", "a");
    onnx_node(&b, "Relu", "a", "b")->name = onnx_text(&b, "second");
    (void)onnx_node(&b, "Tanh", "b", "c");
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "", "'Add:a' <- 'Tanh:c' <- 'second' <- 'Add:a'");

    init_relu(&b, 13); /* what only leads to the cycle is not in it */
    (void)onnx_node(&b, "Relu", "a", "z");
    (void)onnx_node(&b, "Add", "x,c", "a");
    (void)onnx_node(&b, "Tanh", "a", "c");
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "", "makes: 'Add:a' <- 'Tanh:c' <- 'Add:a'");

    init_relu(&b, 13);
    (void)onnx_node(&b, "Add", "x,a", "a");
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "", "'Add:a' <- 'Add:a'");
}

static void test_onnx_import__takes_a_long_chain_in_any_order(void **state)
{
    enum { N = 200 };
    onnx_builder b;
    clv_graph *graph;
    char names[N + 1][8];
    (void)state;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "v0", ONNX_FLOAT, 2, dims_2x3);
    for (unsigned i = 0; i <= N; i++)
        (void)snprintf(names[i], sizeof names[i], "v%u", i);
    for (unsigned i = N; i > 0; i--)
        (void)onnx_node(&b, "Relu", names[i - 1], names[i]);
    onnx_output(&b, names[N], ONNX_FLOAT, 2, dims_2x3);
    graph = onnx_import_good(&b, NULL, NULL);
    assert_int_equal(graph->n_nodes, N);
    clv_graph_free(graph);
}

static void test_onnx_import__refuses_names_that_dont_add_up(void **state)
{
    onnx_builder b;
    (void)state;

    init_relu(&b, 13);
    (void)onnx_node(&b, "Tanh", "x", "y");
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "Tanh:y", "another node makes 'y', too");

    init_relu(&b, 13);
    (void)onnx_node(&b, "Split", "x", "p,p");
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "Split:p", "another node makes 'p', too");

    init_relu(&b, 13);
    (void)onnx_node(&b, "Tanh", "y", "x");
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "", "cycle");

    init_relu(&b, 13);
    onnx_input(&b, "x", ONNX_FLOAT, 2, dims_2x3);
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "input 'x'", "is taken");

    init_relu(&b, 13);
    onnx_initializer_ints(&b, "y", 1, (int64_t[]){1});
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "node 'Relu:y'", "'y' is taken");

    init_relu(&b, 13);
    onnx_initializer_ints(&b, "k", 1, (int64_t[]){1});
    onnx_initializer_ints(&b, "k", 1, (int64_t[]){1});
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "initializer 'k'", "is taken");

    init_relu(&b, 13);
    (void)onnx_node(&b, "Add", "x,nowhere", "z");
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "node 'Add:z' (Add)", "'nowhere', which nothing");

    init_relu(&b, 13);
    onnx_output(&b, "nowhere", ONNX_FLOAT, 2, dims_2x3);
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "output 'nowhere'",
                    "nothing in the model makes it");

    init_relu(&b, 13);
    onnx_output(&b, "y", ONNX_FLOAT, 2, dims_2x3);
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "output 'y'", "twice");

    init_relu(&b, 13);
    onnx_input(&b, "", ONNX_FLOAT, 2, dims_2x3);
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "input ''", "no name");

    init_relu(&b, 13);
    b.graph->n_output = 0;
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "test", "no outputs");
}

static void test_onnx_import__refuses_a_wrong_number_of_inputs(void **state)
{
    onnx_builder b;
    (void)state;

    init_relu(&b, 13);
    (void)onnx_node(&b, "Add", "x", "z");
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "Add:z", "takes 2 to 2 inputs");

    init_relu(&b, 13);
    (void)onnx_node(&b, "Add", "x,", "z");
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "Add:z", "takes 2 to 2 inputs");

    init_relu(&b, 13);
    (void)onnx_node(&b, "Add", ",x", "z");
    onnx_import_bad(&b, NULL, NULL, CLV_EFORMAT, "Add:z", "input 0 of Add is missing");
}

static void test_onnx_import__refuses_sparse_initializers(void **state)
{
    onnx_builder b;
    ProtobufCBinaryData none = {0, NULL};
    (void)state;

    init_relu(&b, 13);
    b.graph->n_sparse_initializer = 1;
    b.graph->sparse_initializer = &none;
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "", "sparse");
}

static void test_onnx_import__reports_a_missing_file(void **state)
{
    clv_graph *graph;
    clv_error err = CLV_ERROR_INIT;
    (void)state;

    assert_int_equal(clv_onnx_import(&graph, "/nonexistent/m.onnx", NULL, &err), CLV_ENOENT);
    assert_string_equal(err.location, "/nonexistent/m.onnx");
}

/* A model that uses most of the importer. */
static void init_rich(onnx_builder *b)
{
    static const float raw[] = {1, 2, 3};

    onnx_builder_init(b, 9);
    onnx_input(b, "x", ONNX_FLOAT, 2, dims_2x3);
    Clv__Onnx__TensorProto *value = onnx_tensor(b, "", ONNX_FLOAT, 1, (int64_t[]){3}, raw, 12);
    onnx_attr_tensor(b, onnx_node(b, "Constant", "", "k"), "value", value);
    (void)onnx_initializer(b, "w", ONNX_FLOAT, 1, (int64_t[]){3}, raw, sizeof raw);
    (void)onnx_node(b, "Softmax", "s", "y");
    (void)onnx_node(b, "Sum", "x,w,k", "s");
    onnx_attr_ints(b, onnx_node(b, "Unsqueeze", "y", "z"), "axes", 1, (int64_t[]){0});
    onnx_attr_string(b, b->graph->node[3], "note", "text");
    onnx_output(b, "z", ONNX_FLOAT, 0, NULL);
}

static void test_onnx_import__survives_running_out_of_memory(void **state)
{
    onnx_builder b;
    clv_graph *graph = NULL;
    clv_error err = CLV_ERROR_INIT;
    size_t n;
    clv_status status = CLV_ENOMEM;
    (void)state;

    init_rich(&b);
    const uint8_t *bytes = onnx_pack(&b, &n);
    unsigned failures = 0;
    for (; status != CLV_OK; failures++) {
        clv_memory_fail_after(failures + 1);
        status = clv_onnx_import_memory(&graph, bytes, n, NULL, NULL, &err);
        clv_memory_fail_after(0);
        assert_true(status == CLV_OK || status == CLV_ENOMEM);
    }
    assert_true(failures > 50);
    clv_graph_free(graph);
    onnx_builder_done(&b);
}

static void test_onnx_import__survives_truncation_and_flipped_bits(void **state)
{
    onnx_builder b;
    clv_graph *graph;
    uint8_t copy[2048];
    size_t n;
    (void)state;

    init_rich(&b);
    const uint8_t *bytes = onnx_pack(&b, &n);
    assert_true(n < sizeof copy);
    for (size_t cut = 0; cut < n; cut++) {
        if (clv_onnx_import_memory(&graph, bytes, cut, NULL, NULL, NULL) == CLV_OK)
            clv_graph_free(graph);
    }
    for (size_t bit = 0; bit < n * 8; bit++) {
        memcpy(copy, bytes, n);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (clv_onnx_import_memory(&graph, copy, n, NULL, NULL, NULL) == CLV_OK)
            clv_graph_free(graph);
    }
    onnx_builder_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx_import__imports_a_graph),
        cmocka_unit_test(test_onnx_import__keeps_names_and_attributes),
        cmocka_unit_test(test_onnx_import__finds_the_type_of_untyped_attributes),
        cmocka_unit_test(test_onnx_import__refuses_attributes_that_make_no_sense),
        cmocka_unit_test(test_onnx_import__takes_opsets_7_to_21_and_what_has_not_changed_since),
        cmocka_unit_test(test_onnx_import__knows_the_standard_domain_by_both_names),
        cmocka_unit_test(test_onnx_import__names_all_unsupported_operators),
        cmocka_unit_test(test_onnx_import__cuts_a_long_list_of_operators),
        cmocka_unit_test(test_onnx_import__refuses_what_is_no_model),
        cmocka_unit_test(test_onnx_import__skips_what_it_doesnt_read),
        cmocka_unit_test(test_onnx_import__sorts_nodes),
        cmocka_unit_test(test_onnx_import__keeps_the_order_of_a_sorted_file),
        cmocka_unit_test(test_onnx_import__names_a_cycle),
        cmocka_unit_test(test_onnx_import__takes_a_long_chain_in_any_order),
        cmocka_unit_test(test_onnx_import__refuses_names_that_dont_add_up),
        cmocka_unit_test(test_onnx_import__refuses_a_wrong_number_of_inputs),
        cmocka_unit_test(test_onnx_import__refuses_sparse_initializers),
        cmocka_unit_test(test_onnx_import__reports_a_missing_file),
        cmocka_unit_test(test_onnx_import__survives_running_out_of_memory),
        cmocka_unit_test(test_onnx_import__survives_truncation_and_flipped_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
