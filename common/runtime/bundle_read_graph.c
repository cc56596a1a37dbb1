/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/error.h"
#include "graph/infer.h"
#include "graph/quant.h"
#include "runtime/bundle_graph.h"

typedef struct reader {
    clv_graph *graph;
    const clv_weights *weights;
    clv_error *err;
} reader;

static clv_status bad(const reader *r, const char *kind, size_t index, const char *what)
{
    char where[64];
    (void)snprintf(where, sizeof where, "manifest, %s %zu", kind, index);
    return clv_fail(r->err, CLV_EFORMAT, where, "%s", what);
}

/* Type, shape and, for a constant, data within the weights section. NULL: it is good. */
static const char *read_tensor(clv_tensor *out, const reader *r, const Clv__Pb__Tensor *message)
{
    clv_tensor tensor = {.dtype = (clv_dtype)message->dtype};
    size_t bytes;

    if (message->dtype == CLV_NONE || message->dtype >= CLV_DTYPE_COUNT)
        return "no such element type";
    if (message->n_dims > CLV_MAX_RANK)
        return "more than 8 dimensions";
    for (size_t i = 0; i < message->n_dims; i++) {
        if (message->dims[i] > INT64_MAX)
            return "a dimension is too large";
        tensor.shape.dim[i] = (int64_t)message->dims[i];
    }
    tensor.shape.rank = (uint32_t)message->n_dims;
    if (clv_tensor_bytes(&bytes, &tensor) != CLV_OK)
        return "the tensor is too large";
    if (message->constant) {
        if (message->offset % CLV_ALIGN != 0)
            return "the weights' offset is not a multiple of 64";
        if (message->offset > r->weights->bytes || bytes > r->weights->bytes - message->offset)
            return "the weights lie outside of their section";
        tensor.data = (void *)(uintptr_t)(r->weights->data + message->offset); /* read-only */
    }
    *out = tensor;
    return NULL;
}

/* What it says is checked with the whole graph (clv_graph_check()). Scales stay in the message. */
static clv_status read_quant(const clv_quant **out, const reader *r, const Clv__Pb__Quant *message)
{
    clv_quant *quant = clv_arena_alloc(&r->graph->arena, 1, sizeof *quant);
    if (quant == NULL)
        return clv_fail(r->err, CLV_ENOMEM, "manifest", "out of memory");
    *quant = (clv_quant){.scale = message->scale,
                         .zero_point = message->zero_point,
                         .axis = message->axis,
                         .n_scales = (uint32_t)message->n_scales,
                         .scales = message->scales};
    *out = quant;
    return CLV_OK;
}

static clv_status read_values(const reader *r, const Clv__Pb__Graph *message)
{
    for (size_t i = 0; i < message->n_values; i++) {
        const Clv__Pb__Value *value = message->values[i];
        uint32_t index;
        clv_status status = clv_graph_add_value(&index, r->graph, value->name);
        if (status == CLV_ENOMEM)
            return clv_fail(r->err, status, "manifest", "out of memory");
        if (status != CLV_OK)
            return bad(r, "value", i, "its name is taken, or there are too many values");
        clv_tensor tensor;
        const char *fault = value->tensor ? read_tensor(&tensor, r, value->tensor) : NULL;
        if (fault != NULL)
            return bad(r, "value", i, fault);
        if (value->tensor != NULL)
            clv_graph_set_constant(r->graph, index, &tensor);
        if (value->quant != NULL)
            CLV_TRY(read_quant(&r->graph->values[index].quant, r, value->quant));
    }
    return CLV_OK;
}

/* The types of what is stored in bytes; inference keeps them. */
static clv_status read_stored(const reader *r, const Clv__Pb__Graph *message)
{
    for (size_t i = 0; i < message->n_values; i++) {
        uint32_t stored = message->values[i]->stored;
        clv_value *value = &r->graph->values[i];
        if (stored == CLV_NONE)
            continue;
        if (value->producer == CLV_NO_NODE || value->quant == NULL ||
            (stored != CLV_U8 && stored != CLV_I8))
            return bad(r, "value", i, "it can't be stored in that type");
        value->tensor.dtype = (clv_dtype)stored;
    }
    return CLV_OK;
}

static const char *read_attr(clv_attr *out, const reader *r, const Clv__Pb__Attribute *message)
{
    clv_attr attr = {.name = message->name, .type = (clv_attr_type)message->type};

    switch (message->type) {
    case CLV_ATTR_INT:
        attr.v.i = message->i;
        break;
    case CLV_ATTR_FLOAT:
        attr.v.f = message->f;
        break;
    case CLV_ATTR_STRING:
        attr.v.s = message->s;
        break;
    case CLV_ATTR_INTS:
        attr.v.ints = message->ints;
        attr.count = (uint32_t)message->n_ints;
        break;
    case CLV_ATTR_FLOATS:
        attr.v.floats = message->floats;
        attr.count = (uint32_t)message->n_floats;
        break;
    case CLV_ATTR_TENSOR: {
        if (message->tensor == NULL || !message->tensor->constant)
            return "a tensor attribute has no data";
        const char *fault = read_tensor(&attr.v.tensor, r, message->tensor);
        if (fault != NULL)
            return fault;
        break;
    }
    default:
        return "an attribute has no such type";
    }
    *out = attr;
    return NULL;
}

/* Indices are written one higher, so that 0 is "absent". */
static void read_indices(uint32_t *out, const uint32_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = from[i] == 0 ? CLV_NO_VALUE : from[i] - 1;
}

static clv_status read_node(const reader *r, const Clv__Pb__Node *message, size_t index)
{
    clv_graph *graph = r->graph;
    clv_node_desc desc = {.name = message->name,
                          .quantised = message->quantised,
                          .n_inputs = (uint32_t)message->n_inputs,
                          .n_outputs = (uint32_t)message->n_outputs,
                          .n_attrs = (uint32_t)message->n_attributes};
    uint32_t *in = clv_arena_alloc(&graph->arena, message->n_inputs, sizeof *in);
    uint32_t *out = clv_arena_alloc(&graph->arena, message->n_outputs, sizeof *out);
    clv_attr *attrs = clv_arena_alloc(&graph->arena, message->n_attributes, sizeof *attrs);
    if (in == NULL || out == NULL || attrs == NULL)
        return clv_fail(r->err, CLV_ENOMEM, "manifest", "out of memory");

    if (clv_op_find(&desc.op, message->op) != CLV_OK)
        return bad(r, "node", index, "its operator is unknown to this version");
    for (size_t i = 0; i < message->n_attributes; i++) {
        const char *fault = read_attr(&attrs[i], r, message->attributes[i]);
        if (fault != NULL)
            return bad(r, "node", index, fault);
    }
    if (message->fusion != NULL) {
        if (message->fusion->activation >= CLV_ACT_COUNT)
            return bad(r, "node", index, "its activation is unknown to this version");
        desc.fusion = (clv_fusion){(clv_activation)message->fusion->activation,
                                   message->fusion->alpha, message->fusion->beta};
    }
    read_indices(in, message->inputs, message->n_inputs);
    read_indices(out, message->outputs, message->n_outputs);
    desc.inputs = in;
    desc.outputs = out;
    desc.attrs = attrs;
    CLV_TRY(clv_graph_add_node(graph, &desc, r->err));
    for (uint32_t i = 0; i < desc.n_outputs; i++) {
        if (out[i] != CLV_NO_VALUE && graph->values[out[i]].tensor.dtype != CLV_NONE)
            return bad(r, "node", index, "it makes a value whose type is given already");
    }
    return CLV_OK;
}

static clv_status read_ends(const reader *r, const Clv__Pb__Graph *message)
{
    for (size_t i = 0; i < message->n_inputs; i++) {
        uint32_t v = message->inputs[i];
        if (v >= r->graph->n_values || r->graph->values[v].tensor.dtype == CLV_NONE)
            return bad(r, "input", i, "it is no value, or has no type");
        if (clv_graph_add_input(r->graph, v) != CLV_OK)
            return clv_fail(r->err, CLV_ENOMEM, "manifest", "out of memory");
    }
    for (size_t i = 0; i < message->n_outputs; i++) {
        if (message->outputs[i] >= r->graph->n_values)
            return bad(r, "output", i, "it is no value");
        if (clv_graph_add_output(r->graph, message->outputs[i]) != CLV_OK)
            return clv_fail(r->err, CLV_ENOMEM, "manifest", "out of memory");
    }
    return CLV_OK;
}

/* Now that every type is known. */
static clv_status check_stored(const reader *r, const Clv__Pb__Graph *message)
{
    for (size_t i = 0; i < message->n_values; i++) {
        uint32_t stored = message->values[i]->stored;
        const clv_value *value = &r->graph->values[i];
        if (stored != CLV_NONE && value->tensor.dtype != (clv_dtype)stored)
            return bad(r, "value", i, "its node doesn't make it in bytes");
        CLV_TRY(clv_quant_check(value, r->err));
    }
    return CLV_OK;
}

static clv_status read_all(const reader *r, const Clv__Pb__Graph *message)
{
    CLV_TRY(read_values(r, message));
    for (size_t i = 0; i < message->n_nodes; i++)
        CLV_TRY(read_node(r, message->nodes[i], i));
    CLV_TRY(read_stored(r, message));
    CLV_TRY(read_ends(r, message));
    CLV_TRY(clv_graph_check(r->graph, r->err));
    for (uint32_t i = 0; i < r->graph->n_nodes; i++)
        CLV_TRY(clv_infer_node(r->graph, &r->graph->nodes[i], r->err));
    return check_stored(r, message);
}

clv_status clv_bundle_read_graph(clv_graph **out, const Clv__Pb__Graph *message,
                                 const clv_weights *weights, clv_error *err)
{
    reader r = {NULL, weights, err};
    if (clv_graph_create(&r.graph, message->name) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, "manifest", "out of memory");
    clv_status status = read_all(&r, message);
    if (status == CLV_OK)
        *out = r.graph;
    else
        clv_graph_free(r.graph);
    return status;
}
