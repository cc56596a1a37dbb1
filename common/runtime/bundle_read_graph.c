/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/error.h"
#include "graph/infer.h"
#include "graph/quant.h"
#include "runtime/bundle.h"
#include "runtime/bundle_graph.h"
#include "runtime/weight_store.h"

typedef struct reader {
    clv_graph *graph;
    const clv_weights *weights;
    clv_error *err;
    size_t packed_bytes, unpacked_bytes; /* of the packed constants so far */
} reader;

static clv_status bad(const reader *r, const char *kind, size_t index, const char *what)
{
    char where[64];
    (void)snprintf(where, sizeof where, "manifest, %s %zu", kind, index);
    return clv_fail(r->err, CLV_EFORMAT, where, "%s", what);
}

/* Type and shape. NULL: it is good. */
static const char *read_type(clv_tensor *out, size_t *bytes_out, const Clv__Pb__Tensor *message)
{
    clv_tensor tensor = {.dtype = (clv_dtype)message->dtype};

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
    if (clv_tensor_bytes(bytes_out, &tensor) != CLV_OK)
        return "the tensor is too large";
    *out = tensor;
    return NULL;
}

/* Where the @p bytes of a constant are. NULL: inside of the weights section. */
static const char *find_weights(const uint8_t **out, const reader *r,
                                const Clv__Pb__Tensor *message, size_t bytes)
{
    if (message->offset % CLV_ALIGN != 0)
        return "the weights' offset is not a multiple of 64";
    if (message->offset > r->weights->bytes || bytes > r->weights->bytes - message->offset)
        return "the weights lie outside of their section";
    *out = r->weights->data + message->offset;
    return NULL;
}

/* Type, shape and, for a constant, data. NULL: it is good. */
static const char *read_tensor(clv_tensor *out, const reader *r, const Clv__Pb__Tensor *message)
{
    clv_tensor tensor;
    const uint8_t *data;
    size_t bytes;

    const char *fault = read_type(&tensor, &bytes, message);
    if (fault != NULL)
        return fault;
    if (message->form != CLV_WEIGHT_FLOAT32 || message->scales != 0 || message->scale_run != 0)
        return "it can't be packed";
    if (message->constant) {
        fault = find_weights(&data, r, message, bytes);
        if (fault != NULL)
            return fault;
        tensor.data = (void *)(uintptr_t)data; /* read-only */
    }
    *out = tensor;
    return NULL;
}

/* Where a packed tensor is, and how it is packed. What all of them take is bounded, so that no
 * small file asks for much memory by one place that many values share. NULL: it is good. */
static const char *read_packed(clv_packed_weights *out, clv_tensor *tensor_out, reader *r,
                               const Clv__Pb__Tensor *message)
{
    clv_packed_weights packed = {
        .packing = {(clv_weight_form)message->form, message->scales, message->scale_run}};
    clv_tensor tensor;
    size_t bytes;

    const char *fault = read_type(&tensor, &bytes, message);
    if (fault != NULL)
        return fault;
    if (!message->constant || tensor.dtype != CLV_F32)
        return "only float32 constants can be packed";
    if (message->form >= CLV_WEIGHT_FORM_COUNT)
        return "its weights have a form that is unknown to this version";
    if (clv_shape_elems(&packed.n, &tensor.shape) != CLV_OK ||
        clv_weight_bytes(&packed.n_bytes, &packed.packing, packed.n) != CLV_OK)
        return "there is no such packing";
    fault = find_weights(&packed.bytes, r, message, packed.n_bytes);
    if (fault != NULL)
        return fault;
    if (packed.n_bytes > r->weights->bytes - r->packed_bytes)
        return "the packed weights overlap";
    if (bytes > CLV_BUNDLE_MAX_BYTES - r->unpacked_bytes)
        return "the unpacked weights are too large";
    r->packed_bytes += packed.n_bytes;
    r->unpacked_bytes += bytes;
    *out = packed;
    *tensor_out = tensor;
    return NULL;
}

/* A constant whose numbers the graph's store makes when they are needed. */
static clv_status read_packed_value(reader *r, const Clv__Pb__Tensor *message, uint32_t value)
{
    clv_packed_weights packed;
    clv_tensor tensor;
    float *data;

    const char *fault = read_packed(&packed, &tensor, r, message);
    if (fault != NULL)
        return bad(r, "value", value, fault);
    if ((r->graph->packed == NULL && clv_weight_store_create(&r->graph->packed) != CLV_OK) ||
        clv_weight_store_add(&data, r->graph->packed, value, &packed) != CLV_OK)
        return clv_fail(r->err, CLV_ENOMEM, "manifest", "out of memory");
    tensor.data = data;
    clv_graph_set_constant(r->graph, value, &tensor);
    return CLV_OK;
}

/* Before inference, which reads the constants that shapes follow from. */
static clv_status check_packed(const reader *r)
{
    const clv_graph *graph = r->graph;

    if (graph->packed == NULL)
        return CLV_OK;
    bool *allowed = clv_calloc(graph->n_values, sizeof *allowed);
    if (allowed == NULL)
        return clv_fail(r->err, CLV_ENOMEM, "manifest", "out of memory");
    clv_status status = CLV_OK;
    clv_weight_find(allowed, graph);
    for (uint32_t v = 0; v < graph->n_values && status == CLV_OK; v++) {
        if (!allowed[v] && clv_weight_store_find(graph->packed, v) != NULL)
            status = bad(r, "value", v, "it is packed, and something else than weights");
    }
    clv_free(allowed);
    return status;
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

/* What a value is that no node makes. */
static clv_status read_given(reader *r, const Clv__Pb__Tensor *message, uint32_t value)
{
    clv_tensor tensor;

    if (message->form != CLV_WEIGHT_FLOAT32)
        return read_packed_value(r, message, value);
    const char *fault = read_tensor(&tensor, r, message);
    if (fault != NULL)
        return bad(r, "value", value, fault);
    clv_graph_set_constant(r->graph, value, &tensor);
    return CLV_OK;
}

static clv_status read_values(reader *r, const Clv__Pb__Graph *message)
{
    for (size_t i = 0; i < message->n_values; i++) {
        const Clv__Pb__Value *value = message->values[i];
        uint32_t index;
        clv_status status = clv_graph_add_value(&index, r->graph, value->name);
        if (status == CLV_ENOMEM)
            return clv_fail(r->err, status, "manifest", "out of memory");
        if (status != CLV_OK)
            return bad(r, "value", i, "its name is taken, or there are too many values");
        if (value->tensor != NULL)
            CLV_TRY(read_given(r, value->tensor, index));
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

static clv_status read_all(reader *r, const Clv__Pb__Graph *message)
{
    CLV_TRY(read_values(r, message));
    for (size_t i = 0; i < message->n_nodes; i++)
        CLV_TRY(read_node(r, message->nodes[i], i));
    CLV_TRY(read_stored(r, message));
    CLV_TRY(read_ends(r, message));
    CLV_TRY(clv_graph_check(r->graph, r->err));
    CLV_TRY(check_packed(r));
    for (uint32_t i = 0; i < r->graph->n_nodes; i++)
        CLV_TRY(clv_infer_node(r->graph, &r->graph->nodes[i], r->err));
    return check_stored(r, message);
}

void clv_bundle_free_graph(clv_graph *graph)
{
    if (graph != NULL)
        clv_weight_store_free(graph->packed);
    clv_graph_free(graph);
}

clv_status clv_bundle_read_graph(clv_graph **out, const Clv__Pb__Graph *message,
                                 const clv_weights *weights, clv_error *err)
{
    reader r = {.weights = weights, .err = err};
    if (clv_graph_create(&r.graph, message->name) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, "manifest", "out of memory");
    clv_status status = read_all(&r, message);
    if (status == CLV_OK)
        *out = r.graph;
    else
        clv_bundle_free_graph(r.graph);
    return status;
}
