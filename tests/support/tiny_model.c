/* SPDX-License-Identifier: Apache-2.0 */
#include "support/tiny_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "graph/prepare.h"
#include "kernel/ref/ref.h"

#define N_CLASSES 5

/* splitmix64, as floats in [-1, 1) */
static float next_float(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (float)((z ^ (z >> 31)) >> 40) / (float)(1 << 23) - 1.0f;
}

static void fill(float *data, size_t n, uint64_t *random)
{
    for (size_t i = 0; i < n; i++)
        data[i] = next_float(random);
}

static uint32_t add_value(clv_graph *graph, const char *name)
{
    uint32_t value;
    assert_int_equal(clv_graph_add_value(&value, graph, name), CLV_OK);
    return value;
}

static uint32_t add_constant(clv_graph *graph, const char *name, clv_shape shape, uint64_t *random)
{
    clv_tensor tensor = {CLV_F32, shape, NULL};
    size_t elems;
    assert_int_equal(clv_shape_elems(&elems, &shape), CLV_OK);
    tensor.data = clv_graph_own_data(graph, elems * sizeof(float));
    assert_non_null(tensor.data);
    fill(tensor.data, elems, random);
    uint32_t value = add_value(graph, name);
    clv_graph_set_constant(graph, value, &tensor);
    return value;
}

static uint32_t add_node(clv_graph *graph, const char *name, clv_op op, const uint32_t *inputs,
                         uint32_t n_inputs, const clv_attr *attrs, uint32_t n_attrs)
{
    clv_error err = CLV_ERROR_INIT;
    uint32_t output = add_value(graph, name);
    clv_node_desc desc = {.name = name,
                          .op = op,
                          .inputs = inputs,
                          .n_inputs = n_inputs,
                          .outputs = &output,
                          .n_outputs = 1,
                          .attrs = attrs,
                          .n_attrs = n_attrs};
    if (clv_graph_add_node(graph, &desc, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    return output;
}

static uint32_t add_conv(clv_graph *graph, const char *name, uint32_t input, int64_t channels,
                         uint64_t *random)
{
    static const int64_t pads[] = {1, 1, 1, 1};
    const clv_attr attr = {.name = "pads", .type = CLV_ATTR_INTS, .count = 4, .v.ints = pads};
    char weights[64], bias[64];
    (void)snprintf(weights, sizeof weights, "%s.weights", name);
    (void)snprintf(bias, sizeof bias, "%s.bias", name);
    uint32_t inputs[] = {
        input, add_constant(graph, weights, (clv_shape){4, {channels, channels, 3, 3}}, random),
        add_constant(graph, bias, (clv_shape){1, {channels}}, random)};
    return add_node(graph, name, CLV_OP_CONV, inputs, 3, &attr, 1);
}

clv_graph *tiny_model_create(const tiny_model_options *options)
{
    uint64_t random = options->seed;
    int64_t channels = options->channels, size = options->size;
    clv_error err = CLV_ERROR_INIT;
    clv_graph *graph;

    assert_int_equal(clv_graph_create(&graph, "tiny"), CLV_OK);
    uint32_t x = add_value(graph, "x");
    graph->values[x].tensor = (clv_tensor){CLV_F32, {4, {1, channels, size, size}}, NULL};
    assert_int_equal(clv_graph_add_input(graph, x), CLV_OK);

    uint32_t first = add_conv(graph, "first", x, channels, &random);
    uint32_t relu = add_node(graph, "relu", CLV_OP_RELU, &first, 1, NULL, 0);
    uint32_t second = add_conv(graph, "second", relu, channels, &random);
    uint32_t squashed = add_node(graph, "squashed", CLV_OP_TANH, &second, 1, NULL, 0);
    uint32_t sum = add_node(graph, "sum", CLV_OP_ADD, (uint32_t[]){relu, squashed}, 2, NULL, 0);
    uint32_t pooled = add_node(graph, "pooled", CLV_OP_GLOBAL_AVERAGE_POOL, &sum, 1, NULL, 0);
    uint32_t flat = add_node(graph, "flat", CLV_OP_FLATTEN, &pooled, 1, NULL, 0);
    uint32_t weights =
        add_constant(graph, "classes.weights", (clv_shape){2, {channels, N_CLASSES}}, &random);
    uint32_t classes =
        add_node(graph, "classes", CLV_OP_GEMM, (uint32_t[]){flat, weights}, 2, NULL, 0);
    assert_int_equal(clv_graph_add_output(graph, classes), CLV_OK);
    assert_int_equal(clv_graph_add_output(graph, pooled), CLV_OK);

    if (clv_graph_prepare(graph, &(clv_prepare_options){.evaluate = clv_ref_evaluate}, NULL, NULL,
                          &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    return graph;
}

clv_digest tiny_model_write(const char *path, const tiny_model_options *options)
{
    char temporary[512];
    clv_error err = CLV_ERROR_INIT;
    clv_digest id;
    clv_model model = {.graph = tiny_model_create(options)};

    (void)snprintf(temporary, sizeof temporary, "%s.part", path);
    if (clv_bundle_write(temporary, &model, NULL, &id, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(rename(temporary, path), 0);
    clv_graph_free(model.graph);
    return id;
}

float *tiny_model_input(const tiny_model_options *options, uint64_t seed)
{
    size_t elems = (size_t)options->channels * options->size * options->size;
    float *data = clv_calloc(elems, sizeof *data);
    assert_non_null(data);
    fill(data, elems, &seed);
    return data;
}
