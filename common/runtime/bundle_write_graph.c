/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "runtime/bundle_graph.h"

/* What the writing of one graph needs. */
typedef struct writer {
    clv_arena *arena;
    clv_weight_list *weights;
    const clv_graph *graph;
    uint32_t *numbers; /* n_values: number in the message, or CLV_NO_VALUE for unused ones */
} writer;

/* Messages point to names and arrays of the graph; protobuf-c only reads them. */
static char *unconst(const char *text)
{
    return (char *)(uintptr_t)text;
}

static clv_status add_weights(uint64_t *offset_out, clv_weight_list *list, const clv_tensor *tensor)
{
    size_t bytes;

    for (size_t i = 0; i < list->count; i++) { /* one copy of what several values share */
        if (list->tensors[i].data == tensor->data) {
            *offset_out = list->offsets[i];
            return CLV_OK;
        }
    }
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 64;
        clv_tensor *tensors = clv_realloc_array(list->tensors, cap, sizeof *tensors);
        if (tensors == NULL)
            return CLV_ENOMEM;
        list->tensors = tensors;
        uint64_t *offsets = clv_realloc_array(list->offsets, cap, sizeof *offsets);
        if (offsets == NULL)
            return CLV_ENOMEM;
        list->offsets = offsets;
        list->cap = cap;
    }
    CLV_TRY(clv_tensor_bytes(&bytes, tensor));
    list->tensors[list->count] = *tensor;
    list->offsets[list->count++] = *offset_out = list->bytes;
    list->bytes += (bytes + CLV_ALIGN - 1) / CLV_ALIGN * CLV_ALIGN;
    return CLV_OK;
}

static clv_status write_tensor(Clv__Pb__Tensor **out, const writer *w, const clv_tensor *tensor)
{
    Clv__Pb__Tensor *message = clv_arena_alloc(w->arena, 1, sizeof *message);
    uint64_t *dims = clv_arena_alloc(w->arena, tensor->shape.rank, sizeof *dims);
    if (message == NULL || dims == NULL)
        return CLV_ENOMEM;
    clv__pb__tensor__init(message);
    for (uint32_t i = 0; i < tensor->shape.rank; i++)
        dims[i] = (uint64_t)tensor->shape.dim[i];
    message->dtype = tensor->dtype;
    message->dims = dims;
    message->n_dims = tensor->shape.rank;
    message->constant = tensor->data != NULL;
    if (message->constant)
        CLV_TRY(add_weights(&message->offset, w->weights, tensor));
    *out = message;
    return CLV_OK;
}

/* Number the values that something refers to. */
static uint32_t number_values(writer *w)
{
    const clv_graph *graph = w->graph;
    uint32_t count = 0;

    memset(w->numbers, 0, graph->n_values * sizeof *w->numbers);
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const clv_node *node = &graph->nodes[i];
        for (uint32_t j = 0; j < node->n_inputs; j++) {
            if (node->inputs[j] != CLV_NO_VALUE)
                w->numbers[node->inputs[j]] = 1;
        }
        for (uint32_t j = 0; j < node->n_outputs; j++) {
            if (node->outputs[j] != CLV_NO_VALUE)
                w->numbers[node->outputs[j]] = 1;
        }
    }
    for (uint32_t i = 0; i < graph->n_inputs; i++)
        w->numbers[graph->inputs[i]] = 1;
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        w->numbers[graph->outputs[i]] = 1;
    for (uint32_t v = 0; v < graph->n_values; v++)
        w->numbers[v] = w->numbers[v] ? count++ : CLV_NO_VALUE;
    return count;
}

static clv_status write_quant(Clv__Pb__Quant **out, const writer *w, const clv_quant *quant)
{
    Clv__Pb__Quant *m = clv_arena_alloc(w->arena, 1, sizeof *m);
    if (m == NULL)
        return CLV_ENOMEM;
    clv__pb__quant__init(m);
    m->scale = quant->scale;
    m->zero_point = quant->zero_point;
    m->axis = quant->axis;
    m->scales = (float *)(uintptr_t)quant->scales;
    m->n_scales = quant->n_scales;
    *out = m;
    return CLV_OK;
}

static clv_status write_value(Clv__Pb__Value **out, const writer *w, const clv_value *value)
{
    Clv__Pb__Value *m = clv_arena_alloc(w->arena, 1, sizeof *m);
    if (m == NULL)
        return CLV_ENOMEM;
    clv__pb__value__init(m);
    m->name = unconst(value->name);
    if (value->quant != NULL)
        CLV_TRY(write_quant(&m->quant, w, value->quant));
    if (value->producer == CLV_NO_NODE)
        CLV_TRY(write_tensor(&m->tensor, w, &value->tensor));
    else if (value->quant != NULL && value->tensor.dtype != CLV_F32)
        m->stored = value->tensor.dtype;
    *out = m;
    return CLV_OK;
}

static clv_status write_values(Clv__Pb__Graph *message, writer *w)
{
    message->n_values = number_values(w);
    message->values = clv_arena_alloc(w->arena, message->n_values, sizeof *message->values);
    if (message->values == NULL)
        return CLV_ENOMEM;
    for (uint32_t v = 0; v < w->graph->n_values; v++) {
        if (w->numbers[v] != CLV_NO_VALUE)
            CLV_TRY(write_value(&message->values[w->numbers[v]], w, &w->graph->values[v]));
    }
    return CLV_OK;
}

static clv_status write_attr(Clv__Pb__Attribute **out, const writer *w, const clv_attr *attr)
{
    Clv__Pb__Attribute *m = clv_arena_alloc(w->arena, 1, sizeof *m);
    if (m == NULL)
        return CLV_ENOMEM;
    clv__pb__attribute__init(m);
    m->name = unconst(attr->name);
    m->type = attr->type;
    switch (attr->type) {
    case CLV_ATTR_INT:
        m->i = attr->v.i;
        break;
    case CLV_ATTR_FLOAT:
        m->f = attr->v.f;
        break;
    case CLV_ATTR_STRING:
        m->s = unconst(attr->v.s);
        break;
    case CLV_ATTR_INTS:
        m->ints = (int64_t *)(uintptr_t)attr->v.ints;
        m->n_ints = attr->count;
        break;
    case CLV_ATTR_FLOATS:
        m->floats = (float *)(uintptr_t)attr->v.floats;
        m->n_floats = attr->count;
        break;
    case CLV_ATTR_TENSOR:
        CLV_TRY(write_tensor(&m->tensor, w, &attr->v.tensor));
        break;
    }
    *out = m;
    return CLV_OK;
}

static uint32_t *write_indices(const writer *w, const uint32_t *values, uint32_t n, uint32_t add)
{
    uint32_t *out = clv_arena_alloc(w->arena, n, sizeof *out);
    for (uint32_t i = 0; out != NULL && i < n; i++)
        out[i] = values[i] == CLV_NO_VALUE ? 0 : w->numbers[values[i]] + add;
    return out;
}

static clv_status write_node(Clv__Pb__Node **out, const writer *w, const clv_node *node)
{
    Clv__Pb__Node *m = clv_arena_alloc(w->arena, 1, sizeof *m);
    if (m == NULL)
        return CLV_ENOMEM;
    clv__pb__node__init(m);
    m->name = unconst(node->name);
    m->op = unconst(clv_op_describe(node->op)->name);
    m->quantised = node->quantised;
    m->n_inputs = node->n_inputs;
    m->inputs = write_indices(w, node->inputs, node->n_inputs, 1);
    m->n_outputs = node->n_outputs;
    m->outputs = write_indices(w, node->outputs, node->n_outputs, 1);
    m->n_attributes = node->n_attrs;
    m->attributes = clv_arena_alloc(w->arena, node->n_attrs, sizeof *m->attributes);
    if (m->inputs == NULL || m->outputs == NULL || m->attributes == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < node->n_attrs; i++)
        CLV_TRY(write_attr(&m->attributes[i], w, &node->attrs[i]));
    if (node->fusion.activation != CLV_ACT_NONE) {
        m->fusion = clv_arena_alloc(w->arena, 1, sizeof *m->fusion);
        if (m->fusion == NULL)
            return CLV_ENOMEM;
        clv__pb__fusion__init(m->fusion);
        m->fusion->activation = node->fusion.activation;
        m->fusion->alpha = node->fusion.alpha;
        m->fusion->beta = node->fusion.beta;
    }
    *out = m;
    return CLV_OK;
}

static clv_status write_all(Clv__Pb__Graph *message, writer *w)
{
    const clv_graph *graph = w->graph;

    message->name = unconst(graph->name);
    CLV_TRY(write_values(message, w));
    message->n_nodes = graph->n_nodes;
    message->nodes = clv_arena_alloc(w->arena, graph->n_nodes, sizeof *message->nodes);
    message->n_inputs = graph->n_inputs;
    message->inputs = write_indices(w, graph->inputs, graph->n_inputs, 0);
    message->n_outputs = graph->n_outputs;
    message->outputs = write_indices(w, graph->outputs, graph->n_outputs, 0);
    if (message->nodes == NULL || message->inputs == NULL || message->outputs == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        CLV_TRY(write_node(&message->nodes[i], w, &graph->nodes[i]));
    return CLV_OK;
}

clv_status clv_bundle_write_graph(Clv__Pb__Graph **out, clv_arena *arena, clv_weight_list *weights,
                                  const clv_graph *graph)
{
    writer w = {arena, weights, graph, clv_calloc(graph->n_values, sizeof *w.numbers)};
    Clv__Pb__Graph *message = clv_arena_alloc(arena, 1, sizeof *message);
    clv_status status = CLV_ENOMEM;

    if (message != NULL && w.numbers != NULL) {
        clv__pb__graph__init(message);
        status = write_all(message, &w);
    }
    clv_free(w.numbers);
    if (status == CLV_OK)
        *out = message;
    return status;
}
