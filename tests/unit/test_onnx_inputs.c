/* SPDX-License-Identifier: Apache-2.0 */
/* Graph inputs: types, shapes, and what fills the dimensions that a model leaves open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "onnx/onnx_import.h"
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

static void test_onnx_inputs__treats_initializers_among_inputs_as_constants(void **state)
{
    static const float raw[] = {1, 2, 3};
    onnx_builder b;
    clv_graph *graph;
    (void)state;

    init_relu(&b, 8);
    onnx_input(&b, "w", ONNX_FLOAT, 1, (int64_t[]){3});
    (void)onnx_initializer(&b, "w", ONNX_FLOAT, 1, (int64_t[]){3}, raw, sizeof raw);
    (void)onnx_node(&b, "Add", "y,w", "z");
    onnx_output(&b, "z", ONNX_FLOAT, 2, dims_2x3);
    graph = onnx_import_good(&b, NULL, NULL);
    assert_int_equal(graph->n_inputs, 1);
    uint32_t w = clv_graph_find_value(graph, "w");
    assert_true(clv_value_is_constant(&graph->values[w]));
    assert_memory_equal(graph->values[w].tensor.data, raw, sizeof raw);
    clv_graph_free(graph);
}

/* Import x with @p dims; the model leaves some open. @return its shape. */
static clv_shape shape_with(const clv_onnx_options *options, size_t rank, const int64_t *dims)
{
    onnx_builder b;
    clv_graph *graph;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "x", ONNX_FLOAT, rank, dims);
    (void)onnx_node(&b, "Relu", "x", "y");
    onnx_output(&b, "y", ONNX_FLOAT, rank, dims);
    graph = onnx_import_good(&b, NULL, options);
    clv_shape shape = graph->values[graph->inputs[0]].tensor.shape;
    clv_graph_free(graph);
    return shape;
}

static void test_onnx_inputs__asks_for_open_dimensions_behind_the_first(void **state)
{
    static const int64_t open[] = {1, 3, ONNX_OPEN, 8};
    onnx_builder b;
    (void)state;

    init_relu(&b, 13);
    onnx_input(&b, "image", ONNX_FLOAT, 4, open);
    onnx_import_bad(&b, NULL, NULL, CLV_ESHAPE, "input 'image'", "dimension 2 of 4 open");
}

static void test_onnx_inputs__fills_open_dimensions(void **state)
{
    static const int64_t open[] = {ONNX_OPEN, 3, 5, 7};
    const clv_onnx_shape given = {"x", {4, {2, 3, 8, 9}}};
    const clv_onnx_options batch = {.batch = 5},
                           override = {.shapes = &given, .n_shapes = 1, .batch = 5};
    (void)state;

    clv_shape shape = shape_with(NULL, 4, open);
    assert_true(clv_shape_equal(&shape, &(clv_shape){4, {1, 3, 5, 7}}));
    shape = shape_with(&batch, 4, open);
    assert_true(clv_shape_equal(&shape, &(clv_shape){4, {5, 3, 5, 7}}));
    shape = shape_with(&override, 4, open);
    assert_true(clv_shape_equal(&shape, &given.shape));
    shape = shape_with(&override, 4, (int64_t[]){1, 3, 7, 7}); /* fixed ones, too */
    assert_true(clv_shape_equal(&shape, &given.shape));
    shape = shape_with(&override, 4, (int64_t[]){-1, 3, ONNX_OPEN, 0}); /* open ones behind it */
    assert_true(clv_shape_equal(&shape, &given.shape));
    shape = shape_with(&batch, 0, NULL);
    assert_int_equal(shape.rank, 0);
}

static void test_onnx_inputs__refuses_bad_options(void **state)
{
    onnx_builder b;
    clv_onnx_shape twice[] = {{"x", {2, {2, 3}}}, {"x", {2, {2, 3}}}};
    clv_onnx_shape one = {"z", {2, {2, 3}}};
    clv_onnx_options options = {.shapes = &one, .n_shapes = 1, .batch = 1};
    (void)state;

    init_relu(&b, 13);
    onnx_input(&b, "x2", ONNX_FLOAT, 2, dims_2x3);
    onnx_import_bad(&b, NULL, &options, CLV_EINVAL, "", "no input 'z'; its inputs are 'x', 'x2'");
    one = (clv_onnx_shape){"x", {3, {2, 3, 4}}};
    init_relu(&b, 13);
    onnx_import_bad(&b, NULL, &options, CLV_EINVAL, "input 'x'", "3 dimensions; the model's has 2");
    one = (clv_onnx_shape){"x", {2, {2, -1}}};
    init_relu(&b, 13);
    onnx_import_bad(&b, NULL, &options, CLV_EINVAL, "x", "none negative");
    one = (clv_onnx_shape){"x", {9, {0}}};
    init_relu(&b, 13);
    onnx_import_bad(&b, NULL, &options, CLV_EINVAL, "x", "up to 8 dimensions");
    one = (clv_onnx_shape){"x", {2, {INT64_MAX, 2}}};
    init_relu(&b, 13);
    onnx_import_bad(&b, NULL, &options, CLV_ELIMIT, "input 'x'", "too large");
    options = (clv_onnx_options){.shapes = twice, .n_shapes = 2, .batch = 1};
    init_relu(&b, 13);
    onnx_import_bad(&b, NULL, &options, CLV_EINVAL, "x", "twice");
    options = (clv_onnx_options){.shapes = NULL, .n_shapes = 0, .batch = 0};
    init_relu(&b, 13);
    onnx_import_bad(&b, NULL, &options, CLV_EINVAL, "batch", "0 is not a positive number");
}

static void test_onnx_inputs__refuses_inputs_it_cant_describe(void **state)
{
    onnx_builder b;
    (void)state;

    init_relu(&b, 13);
    b.graph->input[0]->type->tensor_type->shape = NULL;
    onnx_import_bad(&b, NULL, NULL, CLV_ESHAPE, "input 'x'", "no shape: give one");
    init_relu(&b, 13);
    b.graph->input[0]->type->tensor_type = NULL;
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "input 'x'", "not a tensor");
    init_relu(&b, 13);
    b.graph->input[0]->type = NULL;
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "input 'x'", "not a tensor");
    init_relu(&b, 13);
    b.graph->input[0]->type->tensor_type->elem_type = ONNX_BFLOAT16;
    onnx_import_bad(&b, NULL, NULL, CLV_EUNSUPPORTED, "input 'x'", "bfloat16");
    onnx_builder_init(&b, 13);
    onnx_input(&b, "x", ONNX_FLOAT, 9, (int64_t[9]){1});
    onnx_import_bad(&b, NULL, NULL, CLV_ELIMIT, "input 'x'", "9 dimensions");
}

static void test_onnx_inputs__gives_a_shapeless_input_the_users_shape(void **state)
{
    const clv_onnx_shape given = {"x", {1, {7}}};
    const clv_onnx_options options = {.shapes = &given, .n_shapes = 1, .batch = 1};
    onnx_builder b;
    clv_graph *graph;
    (void)state;

    init_relu(&b, 13);
    b.graph->input[0]->type->tensor_type->shape = NULL;
    graph = onnx_import_good(&b, NULL, &options);
    assert_true(clv_shape_equal(&graph->values[graph->inputs[0]].tensor.shape, &given.shape));
    clv_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx_inputs__treats_initializers_among_inputs_as_constants),
        cmocka_unit_test(test_onnx_inputs__asks_for_open_dimensions_behind_the_first),
        cmocka_unit_test(test_onnx_inputs__fills_open_dimensions),
        cmocka_unit_test(test_onnx_inputs__refuses_bad_options),
        cmocka_unit_test(test_onnx_inputs__refuses_inputs_it_cant_describe),
        cmocka_unit_test(test_onnx_inputs__gives_a_shapeless_input_the_users_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
