/* SPDX-License-Identifier: Apache-2.0 */
/* If, Loop and Scan: what of them is left in the graph, and what it computes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/graph_builder.h"
#include "support/onnx_run.h"

static const int64_t dims_3[] = {3};
static const float x123[] = {1.0f, -2.0f, 3.0f};

static void add_output(onnx_builder *b, const char *name)
{
    onnx_output(b, name, ONNX_FLOAT, 0, NULL);
}

static void init(onnx_builder *b)
{
    onnx_builder_init(b, 17);
    onnx_input(b, "x", ONNX_FLOAT, 1, dims_3);
}

static void scalar(onnx_builder *b, const char *name, int type, const void *raw, size_t bytes)
{
    (void)onnx_initializer(b, name, type, 0, NULL, raw, bytes);
}

static void bool_scalar(onnx_builder *b, const char *name, bool value)
{
    scalar(b, name, ONNX_BOOL, &(uint8_t){value}, 1);
}

static void int_scalar(onnx_builder *b, const char *name, int64_t value)
{
    scalar(b, name, ONNX_INT64, &value, sizeof value);
}

static void float_scalar(onnx_builder *b, const char *name, float value)
{
    scalar(b, name, ONNX_FLOAT, &value, sizeof value);
}

/* A body of one node. */
static Clv__Onnx__GraphProto *body_of(onnx_builder *b, const char *op, const char *inputs,
                                      const char *output)
{
    Clv__Onnx__GraphProto *outer = onnx_body_begin(b);
    (void)onnx_node(b, op, inputs, output);
    add_output(b, output);
    return onnx_body_end(b, outer);
}

/* If(condition) with these two branches. */
static Clv__Onnx__NodeProto *add_if(onnx_builder *b, const char *condition, const char *outputs,
                                    Clv__Onnx__GraphProto *yes, Clv__Onnx__GraphProto *no)
{
    Clv__Onnx__NodeProto *node = onnx_node(b, "If", condition, outputs);
    onnx_attr_graph(b, node, "else_branch", no);
    onnx_attr_graph(b, node, "then_branch", yes);
    return node;
}

/* Run with the input x and expect three floats. */
static void expect(onnx_builder *b, const char *operators, float y0, float y1, float y2)
{
    const void *const inputs[] = {x123};
    float y[3];
    clv_graph *graph = onnx_run(b, inputs, y, sizeof y);

    assert_string_equal(gb_describe(graph), operators);
    assert_true(y[0] == y0 && y[1] == y1 && y[2] == y2);
    clv_graph_free(graph);
}

/* --- If --- */

static void test_onnx_control__takes_one_branch_on_a_constant(void **state)
{
    onnx_builder b;
    (void)state;

    for (int i = 0; i < 2; i++) {
        init(&b);
        bool_scalar(&b, "c", i == 0);
        (void)add_if(&b, "c", "y", body_of(&b, "Neg", "x", "a"), body_of(&b, "Relu", "x", "b"));
        add_output(&b, "y");
        if (i == 0)
            expect(&b, "Neg", -1.0f, 2.0f, -3.0f);
        else
            expect(&b, "Relu", 1.0f, 0.0f, 3.0f);
    }
}

/* Size(x) == 3: known once shapes are. */
static void init_size_if(onnx_builder *b)
{
    init(b);
    int_scalar(b, "three", 3);
    (void)onnx_node(b, "Size", "x", "n");
    (void)onnx_node(b, "Equal", "n,three", "c");
    (void)add_if(b, "c", "y", body_of(b, "Neg", "x", "a"), body_of(b, "Relu", "x", "b"));
    add_output(b, "y");
}

static void test_onnx_control__folds_the_way_to_a_condition(void **state)
{
    onnx_builder b;
    (void)state;

    init_size_if(&b);
    expect(&b, "Neg", -1.0f, 2.0f, -3.0f);
    init_size_if(&b); /* what was folded isn't left for the passes */
    clv_graph *graph = onnx_import_good(&b, NULL, &onnx_evaluates);
    assert_string_equal(gb_describe(graph), "Neg Identity");
    clv_graph_free(graph);
}

static void test_onnx_control__asks_nothing_of_a_branch_that_isnt_taken(void **state)
{
    static const char *const bad[][2] = {{"Reshape", "x,nowhere"}, {"StringNormalizer", "x"}};
    onnx_builder b;
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        init(&b);
        bool_scalar(&b, "c", true);
        (void)add_if(&b, "c", "y", body_of(&b, "Neg", "x", "a"),
                     body_of(&b, bad[i][0], bad[i][1], "b"));
        add_output(&b, "y");
        expect(&b, "Neg", -1.0f, 2.0f, -3.0f);
    }
    init(&b);
    bool_scalar(&b, "c", false);
    (void)add_if(&b, "c", "y", body_of(&b, "Neg", "x", "a"),
                 body_of(&b, "StringNormalizer", "x", "b"));
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EUNSUPPORTED, "",
                    "1 operator is not supported: StringNormalizer");
}

static void init_data_if(onnx_builder *b, const char *then_op, const char *else_op)
{
    init(b);
    float_scalar(b, "zero", 0.0f);
    (void)onnx_node(b, "ReduceMax", "x", "max");
    onnx_attr_int(b, b->graph->node[0], "keepdims", 0);
    (void)onnx_node(b, "Greater", "max,zero", "c");
    (void)add_if(b, "c", "y", body_of(b, then_op, "x", "a"), body_of(b, else_op, "x", "b"));
    add_output(b, "y");
}

static void test_onnx_control__chooses_where_the_condition_is_data(void **state)
{
    static const char *const operators = "ReduceMax Greater Neg Relu Where";
    static const float negative[] = {-1.0f, -2.0f, -3.0f};
    const void *const inputs[] = {negative};
    onnx_builder b;
    float y[3];
    (void)state;

    init_data_if(&b, "Neg", "Relu");
    expect(&b, operators, -1.0f, 2.0f, -3.0f);
    init_data_if(&b, "Neg", "Relu");
    clv_graph *graph = onnx_run(&b, inputs, y, sizeof y);
    assert_true(y[0] == 0.0f && y[1] == 0.0f && y[2] == 0.0f);
    clv_graph_free(graph);

    init_data_if(&b, "Neg", "Size");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EUNSUPPORTED, "node 'If:y' (If)",
                    "'a', float32 3, and 'b', int64");
    init_data_if(&b, "Neg", "Size"); /* what nobody reads needn't be chosen */
    b.graph->output[0]->name = onnx_text(&b, "max");
    assert_string_equal(onnx_operators(&b), "ReduceMax");
}

/* A condition of shape [1] must not give its dimension to scalars that it chooses between. */
static void test_onnx_control__keeps_shapes_when_it_chooses(void **state)
{
    const void *const inputs[] = {x123, (const uint8_t[]){1}};
    onnx_builder b;
    float y;
    (void)state;

    init(&b);
    onnx_input(&b, "c", ONNX_BOOL, 1, (int64_t[]){1});
    float_scalar(&b, "p", 4.0f);
    float_scalar(&b, "q", 5.0f);
    (void)add_if(&b, "c", "y", body_of(&b, "Identity", "p", "a"),
                 body_of(&b, "Identity", "q", "b"));
    add_output(&b, "y");
    clv_graph *graph = onnx_run(&b, inputs, &y, sizeof y);
    assert_true(y == 4.0f);
    assert_int_equal(graph->values[graph->outputs[0]].tensor.shape.rank, 0);
    clv_graph_free(graph);
}

/* The inner branch reads a name of the model, one of the outer branch, and one that hides a name.
 */
static void test_onnx_control__sees_names_from_the_inside_out(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    bool_scalar(&b, "c", true);
    float_scalar(&b, "hidden", 100.0f);
    Clv__Onnx__GraphProto *model = onnx_body_begin(&b), *middle;
    float_scalar(&b, "hidden", 10.0f);
    (void)onnx_node(&b, "Neg", "x", "n");
    middle = onnx_body_begin(&b);
    (void)onnx_node(&b, "Add", "n,hidden", "s");
    (void)onnx_node(&b, "Mul", "s,x", "t");
    add_output(&b, "t");
    Clv__Onnx__GraphProto *inner = onnx_body_end(&b, middle);
    (void)add_if(&b, "c", "t", inner, body_of(&b, "Relu", "x", "t"));
    add_output(&b, "t");
    Clv__Onnx__GraphProto *outer = onnx_body_end(&b, model);
    (void)add_if(&b, "c", "t", outer, body_of(&b, "Relu", "x", "t"));
    (void)onnx_node(&b, "Sub", "t,hidden", "y");
    add_output(&b, "y");
    expect(&b, "Neg Add Mul Sub", -91.0f, -124.0f, -79.0f);
}

static void test_onnx_control__sorts_by_what_bodies_read(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    bool_scalar(&b, "c", true);
    (void)add_if(&b, "c", "y", body_of(&b, "Neg", "r", "a"), body_of(&b, "Relu", "x", "b"));
    (void)onnx_node(&b, "Relu", "x", "r");
    add_output(&b, "y");
    expect(&b, "Relu Neg", -1.0f, 0.0f, -3.0f);

    init(&b);
    bool_scalar(&b, "c", true);
    (void)add_if(&b, "c", "y", body_of(&b, "Neg", "r", "a"), body_of(&b, "Relu", "x", "b"));
    (void)onnx_node(&b, "Relu", "y", "r");
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EFORMAT, "", "form a cycle");
}

/* MaxPool's indices are dropped where nobody reads them; here a body does. */
static void test_onnx_control__keeps_outputs_that_a_body_reads(void **state)
{
    const void *const inputs[] = {x123};
    int64_t indices[2];
    onnx_builder b;
    (void)state;

    onnx_builder_init(&b, 17);
    onnx_input(&b, "x", ONNX_FLOAT, 3, (int64_t[]){1, 1, 3});
    bool_scalar(&b, "c", true);
    Clv__Onnx__NodeProto *pool = onnx_node(&b, "MaxPool", "x", "p,i");
    onnx_attr_ints(&b, pool, "kernel_shape", 1, (int64_t[]){2});
    (void)add_if(&b, "c", "y", body_of(&b, "Neg", "i", "a"), body_of(&b, "Neg", "i", "b"));
    add_output(&b, "y");
    clv_graph *graph = onnx_run(&b, inputs, indices, sizeof indices);
    assert_true(indices[0] == 0 && indices[1] == -2);
    clv_graph_free(graph);
}

/* @p depth Ifs in one another. */
static void add_nested(onnx_builder *b, unsigned depth)
{
    if (depth == 0) {
        (void)onnx_node(b, "Neg", "x", "y");
        return;
    }
    Clv__Onnx__GraphProto *outer = onnx_body_begin(b);
    add_nested(b, depth - 1);
    add_output(b, "y");
    Clv__Onnx__GraphProto *body = onnx_body_end(b, outer);
    (void)add_if(b, "c", "y", body, body_of(b, "Relu", "x", "y"));
}

static void test_onnx_control__limits_how_deep_bodies_lie(void **state)
{
    onnx_builder b;
    (void)state;

    for (unsigned depth = 8; depth <= 12; depth++) {
        init(&b);
        bool_scalar(&b, "c", true);
        add_nested(&b, depth);
        add_output(&b, "y");
        if (depth == 8)
            expect(&b, "Neg", -1.0f, 2.0f, -3.0f);
        else
            onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_ELIMIT, "",
                            depth == 9 ? "bodies lie more than 8 deep" : "deep");
    }
}

static void test_onnx_control__needs_literal_conditions_without_kernels(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    bool_scalar(&b, "c", false);
    (void)add_if(&b, "c", "y", body_of(&b, "Neg", "x", "a"), body_of(&b, "Relu", "x", "b"));
    add_output(&b, "y");
    clv_graph *graph = onnx_import_good(&b, NULL, NULL);
    assert_int_equal(graph->nodes[0].op, CLV_OP_RELU);
    clv_graph_free(graph);

    init(&b);
    bool_scalar(&b, "f", false);
    (void)onnx_node(&b, "Not", "f", "c");
    (void)add_if(&b, "c", "y", body_of(&b, "Neg", "x", "a"), body_of(&b, "Relu", "x", "b"));
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "node 'If:y' (If)", "no constant");
}

static void test_onnx_control__refuses_an_if_that_makes_no_sense(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    bool_scalar(&b, "c", true);
    (void)onnx_node(&b, "If", "c", "y");
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EFORMAT, "If:y", "no graph 'then_branch'");

    init(&b);
    bool_scalar(&b, "c", true);
    (void)add_if(&b, "c", "y,z", body_of(&b, "Neg", "x", "a"), body_of(&b, "Relu", "x", "b"));
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EFORMAT, "If:y",
                    "has 0 inputs and 1 outputs; the node needs 0 and 2");

    init(&b);
    (void)add_if(&b, "x", "y", body_of(&b, "Neg", "x", "a"), body_of(&b, "Relu", "x", "b"));
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EFORMAT, "If:y", "isn't one bool");

    init(&b);
    bool_scalar(&b, "c", true);
    (void)add_if(&b, "c", "y", body_of(&b, "Neg", "q", "a"), body_of(&b, "Relu", "x", "b"));
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EFORMAT, "Neg:a", "reads 'q', which nothing");

    init(&b);
    bool_scalar(&b, "c", true);
    Clv__Onnx__GraphProto *yes = body_of(&b, "Neg", "x", "a");
    yes->output[0]->name = onnx_text(&b, "q");
    (void)add_if(&b, "c", "y", yes, body_of(&b, "Relu", "x", "b"));
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EFORMAT, "If:y", "gives out 'q', which nothing");

    init(&b);
    bool_scalar(&b, "c", true);
    yes = body_of(&b, "Neg", "x", "a");
    yes->output[0]->type->tensor_type = NULL;
    yes->output[0]->type->has_sequence_type = true;
    (void)add_if(&b, "c", "y", yes, body_of(&b, "Relu", "x", "b"));
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EUNSUPPORTED, "If:y",
                    "'a' in its body is no tensor");
}

/* What is made inside of a body isn't there outside. */
static void test_onnx_control__hides_names_of_bodies(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    bool_scalar(&b, "c", true);
    (void)add_if(&b, "c", "y", body_of(&b, "Neg", "x", "a"), body_of(&b, "Relu", "x", "b"));
    (void)onnx_node(&b, "Add", "y,a", "z");
    add_output(&b, "z");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EFORMAT, "Add:z", "reads 'a', which nothing");
}

/* --- Loop --- */

/* The body of a loop: goes on while `test` says; y doubles, and what it was is scanned.
 * Names: i, go, acc -> test, next, seen. */
static Clv__Onnx__GraphProto *doubling_body(onnx_builder *b, const char *test)
{
    Clv__Onnx__GraphProto *outer = onnx_body_begin(b);
    onnx_input(b, "i", ONNX_INT64, 0, NULL);
    onnx_input(b, "go", ONNX_BOOL, 0, NULL);
    onnx_input(b, "acc", ONNX_FLOAT, 1, dims_3);
    if (strcmp(test, "always") == 0) {
        (void)onnx_node(b, "Identity", "go", "test");
    } else if (strcmp(test, "below two") == 0) { /* i < 1: two iterations */
        int_scalar(b, "one", 1);
        (void)onnx_node(b, "Less", "i,one", "test");
    } else { /* while the maximum is below 10 */
        float_scalar(b, "ten", 10.0f);
        onnx_attr_int(b, onnx_node(b, "ReduceMax", "next", "max"), "keepdims", 0);
        (void)onnx_node(b, "Less", "max,ten", "test");
    }
    (void)onnx_node(b, "Add", "acc,acc", "next");
    (void)onnx_node(b, "Relu", "acc", "seen");
    add_output(b, "test");
    add_output(b, "next");
    add_output(b, "seen");
    return onnx_body_end(b, outer);
}

static Clv__Onnx__NodeProto *add_loop(onnx_builder *b, const char *inputs, const char *outputs,
                                      Clv__Onnx__GraphProto *body)
{
    Clv__Onnx__NodeProto *node = onnx_node(b, "Loop", inputs, outputs);
    onnx_attr_graph(b, node, "body", body);
    return node;
}

static void test_onnx_control__unrolls_a_loop(void **state)
{
    static const char *const operators[] = {"", "Add", "Add Add", "Add Add Add"};
    onnx_builder b;
    (void)state;

    for (int64_t count = 1; count <= 3; count++) {
        init(&b);
        int_scalar(&b, "m", count);
        bool_scalar(&b, "c", true);
        (void)add_loop(&b, count == 2 ? "m,,x" : "m,c,x", "y,s", doubling_body(&b, "always"));
        add_output(&b, "y");
        float f = (float)(1 << count);
        expect(&b, operators[count], f, -2.0f * f, 3.0f * f);
    }
}

static void test_onnx_control__makes_no_iteration(void **state)
{
    const void *const inputs[] = {x123};
    onnx_builder b;
    float y[3];
    (void)state;

    for (int i = 0; i < 2; i++) {
        init(&b);
        int_scalar(&b, "m", i == 0 ? 0 : 5);
        bool_scalar(&b, "c", i == 0);
        (void)add_loop(&b, "m,c,x", "y,s", doubling_body(&b, "always"));
        (void)onnx_node(&b, "Neg", "y", "z");
        add_output(&b, "z");
        expect(&b, "Neg", -1.0f, 2.0f, -3.0f);

        init(&b); /* what it scans has no elements, and the shape that the body makes */
        int_scalar(&b, "m", i == 0 ? 0 : 5);
        bool_scalar(&b, "c", i == 0);
        (void)add_loop(&b, "m,c,x", "y,s", doubling_body(&b, "always"));
        add_output(&b, "s");
        clv_graph *graph = onnx_run(&b, inputs, y, 0);
        assert_true(clv_shape_equal(&graph->values[graph->outputs[0]].tensor.shape,
                                    &(clv_shape){2, {0, 3}}));
        assert_int_equal(graph->n_nodes, 0);
        clv_graph_free(graph);
    }
}

static void test_onnx_control__stops_at_a_condition_that_is_known(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    int_scalar(&b, "m", INT64_MAX);
    (void)add_loop(&b, "m,,x", "y,s", doubling_body(&b, "below two"));
    add_output(&b, "y");
    expect(&b, "Add Add", 4.0f, -8.0f, 12.0f);
}

static void test_onnx_control__scans(void **state)
{
    static const float want[] = {1.0f, 0.0f, 3.0f, 2.0f, 0.0f, 6.0f};
    const void *const inputs[] = {x123};
    onnx_builder b;
    float s[6];
    (void)state;

    init(&b);
    int_scalar(&b, "m", 2);
    (void)add_loop(&b, "m,,x", "y,s", doubling_body(&b, "always"));
    add_output(&b, "s");
    clv_graph *graph = onnx_run(&b, inputs, s, sizeof s);
    assert_memory_equal(s, want, sizeof want);
    assert_true(
        clv_shape_equal(&graph->values[graph->outputs[0]].tensor.shape, &(clv_shape){2, {2, 3}}));
    clv_graph_free(graph);
}

/* 3 -> 6 -> 12: the third iteration isn't made, though it is computed. */
static void test_onnx_control__carries_on_while_data_says_so(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    int_scalar(&b, "m", 3);
    (void)add_loop(&b, "m,,x", "y,", doubling_body(&b, "below ten"));
    add_output(&b, "y");
    expect(&b, "Add ReduceMax Less Add ReduceMax Less Where And Add Where", 4.0f, -8.0f, 12.0f);
}

/* The rows that were scanned before the loop ended, and no other, are summed up. */
static void test_onnx_control__scans_while_data_says_so(void **state)
{
    const void *const inputs[] = {x123};
    onnx_builder b;
    float y[3];
    (void)state;

    init(&b);
    int_scalar(&b, "m", 4);
    onnx_initializer_ints(&b, "axes", 1, (int64_t[]){0});
    (void)add_loop(&b, "m,,x", "y,s", doubling_body(&b, "below ten"));
    onnx_attr_int(&b, onnx_node(&b, "ReduceSum", "s,axes", "sum"), "keepdims", 0);
    add_output(&b, "sum");
    clv_graph *graph = onnx_run(&b, inputs, y, sizeof y);
    assert_true(y[0] == 3.0f && y[1] == 0.0f && y[2] == 9.0f);
    clv_graph_free(graph);
}

/* Which of x are positive is data, and so is how many: no condition, and no shape to choose. */
static void test_onnx_control__refuses_to_choose_what_has_no_fixed_shape(void **state)
{
    onnx_builder b;
    (void)state;

    for (int i = 0; i < 2; i++) {
        init(&b);
        onnx_input(&b, "c", ONNX_BOOL, 1, (int64_t[]){1});
        float_scalar(&b, "zero", 0.0f);
        (void)onnx_node(&b, "Greater", "x,zero", "p");
        (void)onnx_node(&b, "Compress", i == 0 ? "x,p" : "c,c", "q");
        (void)add_if(&b, i == 0 ? "c" : "q", "y", body_of(&b, "Neg", i == 0 ? "q" : "x", "a"),
                     body_of(&b, "Relu", "x", "b"));
        add_output(&b, "y");
        onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EUNSUPPORTED, "If:y",
                        i == 0 ? "must have one fixed type and shape"
                               : "its condition's shape depends on data");
    }
}

static void test_onnx_control__refuses_loops_without_a_limit(void **state)
{
    onnx_builder b;
    (void)state;

    for (int i = 0; i < 2; i++) {
        init(&b);
        int_scalar(&b, "m", INT64_MAX);
        (void)add_loop(&b, i == 0 ? ",,x" : "m,,x", "y,s", doubling_body(&b, "below ten"));
        add_output(&b, "y");
        onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EUNSUPPORTED, "Loop:y",
                        "depends on data and no trip count limits it");
    }
    init(&b);
    onnx_input(&b, "m", ONNX_INT64, 0, NULL);
    (void)add_loop(&b, "m,,x", "y,s", doubling_body(&b, "always"));
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EUNSUPPORTED, "Loop:y",
                    "its trip count depends on data");

    init(&b);
    (void)add_loop(&b, ",,x", "y,s", doubling_body(&b, "always"));
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_ELIMIT, "", "come to too many nodes");
}

static void test_onnx_control__refuses_a_loop_that_makes_no_sense(void **state)
{
    onnx_builder b;
    (void)state;

    init(&b);
    int_scalar(&b, "m", 2);
    (void)add_loop(&b, "m,,x,x", "y,s", doubling_body(&b, "always"));
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EFORMAT, "Loop:y", "its body has 3 and 3");

    init(&b);
    (void)add_loop(&b, "x,,x", "y,s", doubling_body(&b, "always"));
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EUNSUPPORTED, "Loop:y", "trip count");

    init(&b);
    int_scalar(&b, "m", 2);
    (void)add_loop(&b, "m,,", "y,s", doubling_body(&b, "always"));
    add_output(&b, "y");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_EUNSUPPORTED, "Loop:y", "absent at first");
}

/* A loop in a loop: a body's constants are made once, however often it is entered. */
static void test_onnx_control__unrolls_loops_in_loops(void **state)
{
    const void *const inputs[] = {x123};
    onnx_builder b;
    float y[3];
    uint32_t constants = 0;
    (void)state;

    init(&b);
    int_scalar(&b, "m", 3);
    Clv__Onnx__GraphProto *model = onnx_body_begin(&b), *outer;
    onnx_input(&b, "i", ONNX_INT64, 0, NULL);
    onnx_input(&b, "go", ONNX_BOOL, 0, NULL);
    onnx_input(&b, "a", ONNX_FLOAT, 1, dims_3);
    outer = onnx_body_begin(&b);
    onnx_input(&b, "j", ONNX_INT64, 0, NULL);
    onnx_input(&b, "go", ONNX_BOOL, 0, NULL);
    onnx_input(&b, "a", ONNX_FLOAT, 1, dims_3);
    (void)onnx_initializer(&b, "w", ONNX_FLOAT, 1, dims_3, x123, sizeof x123);
    (void)onnx_node(&b, "Add", "a,w", "a2");
    add_output(&b, "go");
    add_output(&b, "a2");
    Clv__Onnx__GraphProto *inner = onnx_body_end(&b, outer);
    (void)add_loop(&b, "m,go,a", "a3", inner);
    add_output(&b, "go");
    add_output(&b, "a3");
    (void)add_loop(&b, "m,,x", "y", onnx_body_end(&b, model));
    add_output(&b, "y");
    clv_graph *graph = onnx_run(&b, inputs, y, sizeof y);
    assert_true(y[0] == 10.0f && y[1] == -20.0f && y[2] == 30.0f);
    assert_int_equal(graph->n_nodes, 9);
    for (uint32_t i = 0; i < graph->n_values; i++)
        constants += clv_value_is_constant(&graph->values[i]);
    assert_int_equal(constants, 1);
    clv_graph_free(graph);
}

/* Small files: an endless loop that leaves no node, and 100^3 iterations. */
static void test_onnx_control__limits_what_loops_come_to(void **state)
{
    Clv__Onnx__GraphProto *outer[3];
    onnx_builder b;
    (void)state;

    init(&b);
    outer[0] = onnx_body_begin(&b);
    onnx_input(&b, "i", ONNX_INT64, 0, NULL);
    onnx_input(&b, "go", ONNX_BOOL, 0, NULL);
    (void)onnx_node(&b, "Identity", "go", "still");
    add_output(&b, "still");
    add_output(&b, "i");
    (void)add_loop(&b, ",", "s", onnx_body_end(&b, outer[0]));
    add_output(&b, "s");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_ELIMIT, "Loop:s",
                    "loops, branches and calls come to too many nodes");

    init(&b);
    int_scalar(&b, "m", 100);
    for (int i = 0; i < 3; i++) {
        outer[i] = onnx_body_begin(&b);
        onnx_input(&b, "i", ONNX_INT64, 0, NULL);
        onnx_input(&b, "go", ONNX_BOOL, 0, NULL);
        onnx_input(&b, "a", ONNX_FLOAT, 1, dims_3);
    }
    (void)onnx_node(&b, "Neg", "a", "r");
    for (int i = 3; i-- > 0;) {
        add_output(&b, "go");
        add_output(&b, "r");
        (void)add_loop(&b, i == 0 ? "m,,x" : "m,,a", "r", onnx_body_end(&b, outer[i]));
    }
    add_output(&b, "r");
    onnx_import_bad(&b, NULL, &onnx_evaluates, CLV_ELIMIT, "", "come to too many nodes");
}

/* --- Scan --- */

/* Running sums of the rows, and the rows as they are. Names: sum, row -> next, copy. */
static Clv__Onnx__GraphProto *summing_body(onnx_builder *b)
{
    Clv__Onnx__GraphProto *outer = onnx_body_begin(b);
    onnx_input(b, "sum", ONNX_FLOAT, 1, (int64_t[]){2});
    onnx_input(b, "row", ONNX_FLOAT, 1, (int64_t[]){2});
    (void)onnx_node(b, "Add", "sum,row", "next");
    (void)onnx_node(b, "Neg", "next", "copy");
    add_output(b, "next");
    add_output(b, "copy");
    return onnx_body_end(b, outer);
}

static void run_scan(int64_t axis, int64_t reversed, int64_t out_axis, const float *want)
{
    static const float x[] = {1.0f, 2.0f, 3.0f, 4.0f}, zeros[] = {0.0f, 0.0f};
    const void *const inputs[] = {x};
    onnx_builder b;
    float y[4];

    onnx_builder_init(&b, 17);
    onnx_input(&b, "x", ONNX_FLOAT, 2, (int64_t[]){2, 2});
    (void)onnx_initializer(&b, "zero", ONNX_FLOAT, 1, (int64_t[]){2}, zeros, sizeof zeros);
    Clv__Onnx__NodeProto *node = onnx_node(&b, "Scan", "zero,x", "last,all");
    onnx_attr_graph(&b, node, "body", summing_body(&b));
    onnx_attr_int(&b, node, "num_scan_inputs", 1);
    onnx_attr_ints(&b, node, "scan_input_axes", 1, &axis);
    onnx_attr_ints(&b, node, "scan_input_directions", 1, &reversed);
    onnx_attr_ints(&b, node, "scan_output_axes", 1, &out_axis);
    onnx_attr_ints(&b, node, "scan_output_directions", 1, &reversed);
    add_output(&b, "all");
    clv_graph *graph = onnx_run(&b, inputs, y, sizeof y);
    assert_memory_equal(y, want, sizeof y);
    clv_graph_free(graph);
}

static void test_onnx_control__scans_along_axes_both_ways(void **state)
{
    (void)state;
    run_scan(0, 0, 0, (const float[]){-1.0f, -2.0f, -4.0f, -6.0f});
    run_scan(1, 0, 0, (const float[]){-1.0f, -3.0f, -3.0f, -7.0f});
    run_scan(-2, 1, 0, (const float[]){-4.0f, -6.0f, -3.0f, -4.0f});
    run_scan(0, 0, -1, (const float[]){-1.0f, -4.0f, -2.0f, -6.0f});
}

static void test_onnx_control__refuses_a_scan_that_makes_no_sense(void **state)
{
    static const int64_t axes[] = {0, 2};
    onnx_builder b;
    (void)state;

    for (int i = 0; i < 4; i++) {
        onnx_builder_init(&b, 17);
        onnx_input(&b, "x", ONNX_FLOAT, 2, (int64_t[]){i == 2 ? 0 : 2, 2});
        onnx_input(&b, "z", ONNX_FLOAT, 1, (int64_t[]){2});
        clv_onnx_shape shapes[] = {{"x", {2, {i == 2 ? 0 : 2, 2}}}};
        clv_onnx_options options = onnx_evaluates;
        options.shapes = shapes;
        options.n_shapes = 1;
        Clv__Onnx__NodeProto *node = onnx_node(&b, "Scan", "z,x", "last,all");
        onnx_attr_graph(&b, node, "body", summing_body(&b));
        onnx_attr_int(&b, node, "num_scan_inputs", i == 0 ? 3 : 1);
        onnx_attr_ints(&b, node, "scan_input_axes", i == 1 ? 2 : 1, i == 3 ? &axes[1] : axes);
        add_output(&b, "all");
        static const struct {
            clv_status status;
            const char *what;
        } want[] = {{CLV_EFORMAT, "num_scan_inputs is missing or wrong"},
                    {CLV_EFORMAT, "scan_input_axes has 2 elements, not 1"},
                    {CLV_EUNSUPPORTED, "scans nothing"},
                    {CLV_ESHAPE, "'x' has no dimension 2"}};
        onnx_import_bad(&b, NULL, &options, want[i].status, "Scan:last", want[i].what);
    }
}

/* --- anything at all --- */

/* One of each. */
static void init_rich(onnx_builder *b)
{
    init(b);
    int_scalar(b, "m", 2);
    bool_scalar(b, "c", true);
    (void)add_loop(b, "m,c,x", "y,s", doubling_body(b, "below ten"));
    (void)add_if(b, "c", "z", body_of(b, "Neg", "y", "a"), body_of(b, "Relu", "x", "b"));
    add_output(b, "z");
}

static void test_onnx_control__survives_running_out_of_memory(void **state)
{
    onnx_builder b;
    clv_graph *graph = NULL;
    clv_status status = CLV_ENOMEM;
    unsigned failures = 0;
    size_t n;
    (void)state;

    init_rich(&b);
    const uint8_t *bytes = onnx_pack(&b, &n);
    for (; status != CLV_OK; failures++) {
        clv_memory_fail_after(failures + 1);
        status = clv_onnx_import_memory(&graph, bytes, n, NULL, &onnx_evaluates, NULL);
        clv_memory_fail_after(0);
        assert_true(status == CLV_OK || status == CLV_ENOMEM);
    }
    assert_true(failures > 100);
    clv_graph_free(graph);
    onnx_builder_done(&b);
}

static void test_onnx_control__survives_flipped_bits(void **state)
{
    onnx_builder b;
    clv_graph *graph;
    uint8_t copy[4096];
    clv_error err;
    size_t n;
    (void)state;

    init_rich(&b);
    const uint8_t *bytes = onnx_pack(&b, &n);
    assert_true(n < sizeof copy);
    for (size_t bit = 0; bit < n * 8; bit++) {
        memcpy(copy, bytes, n);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        err = (clv_error)CLV_ERROR_INIT;
        clv_status status = clv_onnx_import_memory(&graph, copy, n, NULL, &onnx_evaluates, &err);
        assert_int_equal(status, err.code);
        if (status == CLV_OK)
            clv_graph_free(graph);
    }
    onnx_builder_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx_control__takes_one_branch_on_a_constant),
        cmocka_unit_test(test_onnx_control__folds_the_way_to_a_condition),
        cmocka_unit_test(test_onnx_control__asks_nothing_of_a_branch_that_isnt_taken),
        cmocka_unit_test(test_onnx_control__chooses_where_the_condition_is_data),
        cmocka_unit_test(test_onnx_control__keeps_shapes_when_it_chooses),
        cmocka_unit_test(test_onnx_control__sees_names_from_the_inside_out),
        cmocka_unit_test(test_onnx_control__sorts_by_what_bodies_read),
        cmocka_unit_test(test_onnx_control__keeps_outputs_that_a_body_reads),
        cmocka_unit_test(test_onnx_control__limits_how_deep_bodies_lie),
        cmocka_unit_test(test_onnx_control__needs_literal_conditions_without_kernels),
        cmocka_unit_test(test_onnx_control__refuses_an_if_that_makes_no_sense),
        cmocka_unit_test(test_onnx_control__hides_names_of_bodies),
        cmocka_unit_test(test_onnx_control__unrolls_a_loop),
        cmocka_unit_test(test_onnx_control__makes_no_iteration),
        cmocka_unit_test(test_onnx_control__stops_at_a_condition_that_is_known),
        cmocka_unit_test(test_onnx_control__scans),
        cmocka_unit_test(test_onnx_control__carries_on_while_data_says_so),
        cmocka_unit_test(test_onnx_control__scans_while_data_says_so),
        cmocka_unit_test(test_onnx_control__refuses_to_choose_what_has_no_fixed_shape),
        cmocka_unit_test(test_onnx_control__refuses_loops_without_a_limit),
        cmocka_unit_test(test_onnx_control__refuses_a_loop_that_makes_no_sense),
        cmocka_unit_test(test_onnx_control__unrolls_loops_in_loops),
        cmocka_unit_test(test_onnx_control__limits_what_loops_come_to),
        cmocka_unit_test(test_onnx_control__scans_along_axes_both_ways),
        cmocka_unit_test(test_onnx_control__refuses_a_scan_that_makes_no_sense),
        cmocka_unit_test(test_onnx_control__survives_running_out_of_memory),
        cmocka_unit_test(test_onnx_control__survives_flipped_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
