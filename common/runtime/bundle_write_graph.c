/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "runtime/bundle_graph.h"
#include "runtime/weight_store.h"

/* What the writing of one graph needs. */
typedef struct writer {
    clv_arena *arena;
    clv_weight_list *weights;
    const clv_graph *graph;
    uint32_t *numbers; /* n_values: number in the message, or CLV_NO_VALUE for unused ones */
    clv_weight_packing *packings; /* n_values: wanted for those that aren't packed yet */
    uint64_t *offsets;            /* n_values: of constants; NOT_PLACED before */
    size_t first_item;            /* of this graph in the list */
} writer;

#define NOT_PLACED UINT64_MAX

/* Messages point to names and arrays of the graph; protobuf-c only reads them. */
static char *unconst(const char *text)
{
    return (char *)(uintptr_t)text;
}

void clv_weight_list_done(clv_weight_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        clv_free(list->items[i].own);
    clv_free(list->items);
    *list = (clv_weight_list){0};
}

/* Takes item->own over in every case. */
static clv_status append_item(uint64_t *offset_out, clv_weight_list *list, clv_weight_item *item)
{
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 64;
        clv_weight_item *items = clv_realloc_array(list->items, cap, sizeof *items);
        if (items == NULL) {
            clv_free(item->own);
            return CLV_ENOMEM;
        }
        list->items = items;
        list->cap = cap;
    }
    item->offset = *offset_out = list->bytes;
    list->items[list->count++] = *item;
    list->bytes += (item->bytes + CLV_ALIGN - 1) / CLV_ALIGN * CLV_ALIGN;
    return CLV_OK;
}

clv_status clv_weight_list_add(uint64_t *offset_out, clv_weight_list *list, uint8_t *own,
                               size_t bytes)
{
    clv_weight_item item = {.data = own, .bytes = bytes, .own = own};
    return append_item(offset_out, list, &item);
}

/* The same bytes in the list, from item @p first on, or NULL. */
static const clv_weight_item *find_item(const clv_weight_list *list, size_t first, size_t end,
                                        const void *source, size_t bytes)
{
    for (size_t i = first; i < end; i++) {
        if (list->items[i].source == source && list->items[i].bytes == bytes)
            return &list->items[i];
    }
    return NULL;
}

/* Plain: one copy of what several values share. */
static clv_status add_weights(uint64_t *offset_out, clv_weight_list *list, const clv_tensor *tensor)
{
    clv_weight_item item = {.data = tensor->data, .source = tensor->data};

    CLV_TRY(clv_tensor_bytes(&item.bytes, tensor));
    const clv_weight_item *same = find_item(list, 0, list->count, item.source, item.bytes);
    if (same == NULL)
        return append_item(offset_out, list, &item);
    *offset_out = same->offset;
    return CLV_OK;
}

/* Packed, as the value's packing says. Shared with other graphs only: a reader demands that the
 * packed weights of a graph lie side by side (bundle_read_graph.c). */
static clv_status add_packed(uint64_t *offset_out, const writer *w, const clv_tensor *tensor,
                             const clv_weight_packing *packing)
{
    clv_weight_item item = {.source = tensor->data};
    size_t n;

    CLV_TRY(clv_shape_elems(&n, &tensor->shape));
    CLV_TRY(clv_weight_bytes(&item.bytes, packing, n));
    const clv_weight_item *same = find_item(w->weights, 0, w->first_item, item.source, item.bytes);
    if (same != NULL) {
        *offset_out = same->offset;
        return CLV_OK;
    }
    item.data = item.own = clv_calloc(item.bytes, 1);
    clv_status status =
        item.own != NULL ? clv_weight_pack(item.own, packing, tensor->data, n) : CLV_ENOMEM;
    if (status != CLV_OK) {
        clv_free(item.own);
        return status;
    }
    return append_item(offset_out, w->weights, &item);
}

static clv_status place_constant(const writer *w, uint32_t v)
{
    const clv_value *value = &w->graph->values[v];
    const clv_packed_weights *packed = clv_weight_store_find(w->graph->packed, v);

    if (!clv_value_is_constant(value) || w->offsets[v] != NOT_PLACED)
        return CLV_OK;
    if (packed != NULL) { /* read from a bundle: as it is */
        clv_weight_item item = {
            .data = packed->bytes, .bytes = packed->n_bytes, .source = packed->bytes};
        w->packings[v] = packed->packing;
        return append_item(&w->offsets[v], w->weights, &item);
    }
    if (w->packings[v].form != CLV_WEIGHT_FLOAT32)
        return add_packed(&w->offsets[v], w, &value->tensor, &w->packings[v]);
    return add_weights(&w->offsets[v], w->weights, &value->tensor);
}

/* In the order of the nodes that read them first; then what is only an output. */
static clv_status place_constants(writer *w)
{
    const clv_graph *graph = w->graph;

    for (uint32_t v = 0; v < graph->n_values; v++)
        w->offsets[v] = NOT_PLACED;
    CLV_TRY(clv_weight_choose(w->packings, graph, w->weights->form));
    w->first_item = w->weights->count;
    for (uint32_t k = 0; k < graph->n_nodes; k++) {
        const clv_node *node = &graph->nodes[k];
        uint64_t offset;
        for (uint32_t i = 0; i < node->n_inputs; i++) {
            if (node->inputs[i] != CLV_NO_VALUE)
                CLV_TRY(place_constant(w, node->inputs[i]));
        }
        for (uint32_t i = 0; i < node->n_attrs; i++) { /* write_attr() finds them */
            if (node->attrs[i].type == CLV_ATTR_TENSOR)
                CLV_TRY(add_weights(&offset, w->weights, &node->attrs[i].v.tensor));
        }
    }
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        CLV_TRY(place_constant(w, graph->outputs[i]));
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

static void write_place(Clv__Pb__Tensor *message, const writer *w, uint32_t value)
{
    message->offset = w->offsets[value];
    message->form = w->packings[value].form;
    message->scales = w->packings[value].n_scales;
    message->scale_run = w->packings[value].run;
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
    if (value->producer == CLV_NO_NODE) {
        CLV_TRY(write_tensor(&m->tensor, w, &value->tensor));
        if (m->tensor->constant)
            write_place(m->tensor, w, (uint32_t)(value - w->graph->values));
    } else if (value->quant != NULL && value->tensor.dtype != CLV_F32)
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
        CLV_TRY(add_weights(&m->tensor->offset, w->weights, &attr->v.tensor));
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
    CLV_TRY(place_constants(w));
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
    writer w = {.arena = arena, .weights = weights, .graph = graph};
    Clv__Pb__Graph *message = clv_arena_alloc(arena, 1, sizeof *message);
    clv_status status = CLV_ENOMEM;

    w.numbers = clv_calloc(graph->n_values, sizeof *w.numbers);
    w.packings = clv_calloc(graph->n_values, sizeof *w.packings);
    w.offsets = clv_calloc(graph->n_values, sizeof *w.offsets);
    if (message != NULL && w.numbers != NULL && w.packings != NULL && w.offsets != NULL) {
        clv__pb__graph__init(message);
        status = write_all(message, &w);
    }
    clv_free(w.offsets);
    clv_free(w.packings);
    clv_free(w.numbers);
    if (status == CLV_OK)
        *out = message;
    return status;
}
