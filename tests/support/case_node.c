/* SPDX-License-Identifier: Apache-2.0 */
#include "support/case_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "graph/infer.h"

static case_draw_fn *draw_other;

static void *must_alloc(size_t bytes)
{
    void *data = clv_alloc_aligned(bytes);
    assert_non_null(data);
    return data;
}

node_case *case_create(clv_op op, const char *name, ...)
{
    node_case *c = must_alloc(sizeof *c);
    va_list args;

    va_start(args, name);
    (void)vsnprintf(c->name, sizeof c->name, name, args);
    va_end(args);
    c->op = op;
    c->n_outputs = 1;
    c->tolerance = 1e-5;
    c->slack = 1e-3;
    return c;
}

void case_free(node_case *c)
{
    if (c == NULL)
        return;
    for (uint32_t i = 0; i < CASE_MAX_INPUTS; i++)
        clv_free(c->inputs[i].data);
    for (uint32_t i = 0; i < CASE_MAX_OUTPUTS; i++)
        clv_free(c->expected[i].data);
    for (uint32_t i = 0; i < CASE_MAX_OUTPUTS; i++)
        clv_free(c->steps[i]);
    clv_free(c->bytes);
    clv_graph_free(c->graph);
    clv_free(c);
}

static clv_attr *add_attr(node_case *c, const char *name, clv_attr_type type, uint32_t count)
{
    assert_true(c->n_attrs < CASE_MAX_ATTRS);
    clv_attr *attr = &c->attrs[c->n_attrs++];
    *attr = (clv_attr){.name = name, .type = type, .count = count};
    return attr;
}

void case_int(node_case *c, const char *name, int64_t value)
{
    add_attr(c, name, CLV_ATTR_INT, 1)->v.i = value;
}

void case_float(node_case *c, const char *name, float value)
{
    add_attr(c, name, CLV_ATTR_FLOAT, 1)->v.f = value;
}

void case_string(node_case *c, const char *name, const char *value)
{
    add_attr(c, name, CLV_ATTR_STRING, 1)->v.s = value;
}

void case_ints(node_case *c, const char *name, const int64_t *values, uint32_t n)
{
    add_attr(c, name, CLV_ATTR_INTS, n)->v.ints = values;
}

void case_floats(node_case *c, const char *name, const float *values, uint32_t n)
{
    add_attr(c, name, CLV_ATTR_FLOATS, n)->v.floats = values;
}

size_t case_extent(const clv_shape *shape, uint32_t from, uint32_t to)
{
    size_t n = 1;
    for (uint32_t i = from; i < to; i++)
        n *= (size_t)shape->dim[i];
    return n;
}

size_t case_elems(const clv_tensor *tensor)
{
    return case_extent(&tensor->shape, 0, tensor->shape.rank);
}

void *case_input(node_case *c, clv_dtype dtype, clv_shape shape, const void *data)
{
    size_t bytes = 0;

    assert_true(c->n_inputs < CASE_MAX_INPUTS);
    clv_tensor *input = &c->inputs[c->n_inputs++];
    *input = (clv_tensor){dtype, shape, NULL};
    assert_int_equal(clv_tensor_bytes(&bytes, input), CLV_OK);
    input->data = must_alloc(bytes);
    if (data != NULL)
        memcpy(input->data, data, bytes);
    return input->data;
}

void case_absent_input(node_case *c)
{
    assert_true(c->n_inputs < CASE_MAX_INPUTS);
    c->n_inputs++;
}

float *case_random_input(node_case *c, clv_shape shape, float range, uint64_t *seed)
{
    float *data = case_input(c, CLV_F32, shape, NULL);
    size_t n = case_elems(&c->inputs[c->n_inputs - 1]);
    for (size_t i = 0; i < n; i++)
        data[i] = case_random_float(seed, range);
    if (draw_other != NULL)
        draw_other(c, c->n_inputs - 1, range, seed);
    return data;
}

void case_draw_with(case_draw_fn *draw)
{
    draw_other = draw;
}

void case_make_constant(node_case *c)
{
    c->constant[c->n_inputs - 1] = true;
}

void case_const_ints(node_case *c, const int64_t *values, uint32_t n)
{
    case_input(c, CLV_I64, CASE_SHAPE(n), values);
    case_make_constant(c);
}

static clv_status add_input_value(uint32_t *out, node_case *c, uint32_t i)
{
    char name[16];
    clv_tensor tensor = c->inputs[i];
    size_t bytes;

    *out = CLV_NO_VALUE;
    if (tensor.dtype == CLV_NONE)
        return CLV_OK;
    (void)snprintf(name, sizeof name, "in%u", i);
    CLV_TRY(clv_graph_add_value(out, c->graph, name));
    tensor.data = NULL;
    if (c->constant[i]) {
        CLV_TRY(clv_tensor_bytes(&bytes, &tensor));
        tensor.data = clv_graph_own_data(c->graph, bytes);
        if (tensor.data == NULL)
            return CLV_ENOMEM;
        memcpy(tensor.data, c->inputs[i].data, bytes);
    }
    if (c->stored_as_float[i])
        tensor.dtype = CLV_F32;
    clv_graph_set_constant(c->graph, *out, &tensor);
    c->graph->values[*out].quant = c->in_quant[i];
    return CLV_OK;
}

/* An output in bytes has its type before inference. */
static clv_status add_output_value(uint32_t *out, node_case *c, uint32_t i)
{
    char name[16];

    (void)snprintf(name, sizeof name, "out%u", i);
    CLV_TRY(clv_graph_add_value(out, c->graph, name));
    if (c->out_quant[i] != NULL) {
        c->graph->values[*out].quant = c->out_quant[i];
        c->graph->values[*out].tensor.dtype = c->expected[i].dtype;
    }
    return CLV_OK;
}

static bool is_quantised(const node_case *c)
{
    for (uint32_t i = 0; i < CASE_MAX_INPUTS; i++) {
        if (c->in_quant[i] != NULL)
            return true;
    }
    return c->out_quant[0] != NULL;
}

static clv_status build_graph(node_case *c, const clv_attr *attrs, clv_error *err)
{
    uint32_t inputs[CASE_MAX_INPUTS], outputs[CASE_MAX_OUTPUTS];

    CLV_TRY(clv_graph_create(&c->graph, c->name));
    for (uint32_t i = 0; i < c->n_inputs; i++)
        CLV_TRY(add_input_value(&inputs[i], c, i));
    for (uint32_t i = 0; i < c->n_outputs; i++)
        CLV_TRY(add_output_value(&outputs[i], c, i));
    clv_node_desc desc = {c->name,      c->op, inputs,     c->n_inputs, outputs,
                          c->n_outputs, attrs, c->n_attrs, c->fusion,   false};
    CLV_TRY(clv_graph_add_node(c->graph, &desc, err));
    c->graph->nodes[0].quantised = is_quantised(c);
    return clv_infer_node(c->graph, case_node(c), err);
}

/* The case's own attributes may be gone by now. */
clv_status case_rebuild(node_case *c, clv_error *err)
{
    clv_graph *old = c->graph;

    clv_status status = build_graph(c, old->nodes[0].attrs, err);
    clv_graph_free(old);
    return status;
}

clv_status case_build(node_case *c, clv_error *err)
{
    CLV_TRY(build_graph(c, c->attrs, err));
    for (uint32_t i = 0; i < c->n_outputs; i++) {
        size_t bytes;
        c->expected[i] = *clv_node_output(c->graph, case_node(c), i);
        CLV_TRY(clv_tensor_bytes(&bytes, &c->expected[i]));
        c->expected[i].data = must_alloc(bytes);
    }
    return CLV_OK;
}

void case_must_build(node_case *c)
{
    clv_error err = CLV_ERROR_INIT;
    if (case_build(c, &err) != CLV_OK)
        fail_msg("%s: %s: %s", c->name, err.location, err.message);
}

uint64_t case_random(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t case_random_between(uint64_t *seed, int64_t low, int64_t high)
{
    return low + (int64_t)(case_random(seed) % (uint64_t)(high - low + 1));
}

float case_random_float(uint64_t *seed, float range)
{
    return range * ((float)(case_random(seed) >> 40) * 0x1p-23f - 1.0f);
}
