/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "graph/quant.h"
#include "runtime/program_compile.h"

/* Where a value is on its way to a kernel. */
typedef struct delivery {
    clv_compiler *c;
    uint32_t index; /* of the node */
    uint32_t value;
    clv_place at;
    clv_dtype dtype;
} delivery;

/* One copy, to @p layout and @p dtype, of which one differs from what is there. */
static clv_status move_to(delivery *d, const clv_layout *layout, clv_dtype dtype, uint32_t into)
{
    clv_program *p = d->c->program;
    clv_step *step = &p->steps[d->index];
    const clv_value *value = &p->graph->values[d->value];
    clv_tensor tensor = {dtype, value->tensor.shape, NULL};
    clv_place to = {into, clv_layout_canonical(layout, &tensor.shape)};

    if (into == NO_BUFFER) {
        size_t bytes;
        if (clv_layout_bytes(&bytes, &to.layout, &tensor) != CLV_OK)
            return clv_fail(d->c->err, CLV_ELIMIT, value->name, "the tensor is too large");
        CLV_TRY(clv_compile_add_buffer(&to.buffer, d->c, bytes, d->index, d->index));
    }
    step->moves[step->n_moves++] = (clv_move){d->value, d->at, to, d->dtype, dtype};
    d->at = to;
    d->dtype = dtype;
    return CLV_OK;
}

static bool is_padded(const clv_layout *layout, const clv_tensor *tensor)
{
    size_t with, without;
    return clv_layout_bytes(&with, layout, tensor) == CLV_OK &&
           clv_tensor_bytes(&without, tensor) == CLV_OK && with != without;
}

clv_status clv_compile_input(clv_compiler *c, uint32_t index, uint32_t i, const clv_layout *layout,
                             uint32_t into)
{
    clv_program *p = c->program;
    const clv_node *node = &p->graph->nodes[index];
    uint32_t value = node->inputs[i];
    const clv_tensor *tensor = &p->graph->values[value].tensor;
    clv_dtype wanted = clv_node_input_type(p->graph, node, i);
    clv_layout plain = clv_layout_plain();
    delivery d = {c, index, value, p->places[value], tensor->dtype};

    if (d.at.buffer == NO_BUFFER) /* a constant, which lies as it is written */
        d.at.layout = plain;
    if (wanted != d.dtype) {
        if (is_padded(&d.at.layout, tensor)) /* padding is zeros, whatever the type */
            CLV_TRY(move_to(&d, &plain, d.dtype, NO_BUFFER));
        bool last = clv_layout_equal(&d.at.layout, layout, &tensor->shape);
        CLV_TRY(move_to(&d, &d.at.layout, wanted, last ? into : NO_BUFFER));
    }
    if (!clv_layout_equal(&d.at.layout, layout, &tensor->shape) ||
        (into != NO_BUFFER && d.at.buffer != into))
        CLV_TRY(move_to(&d, layout, wanted, into));
    p->steps[index].input_buffers[i] = d.at.buffer;
    return CLV_OK;
}

clv_status clv_compile_float_view(clv_compiler *c)
{
    clv_program *p = c->program;
    const clv_graph *graph = p->graph;
    bool any = false;

    p->as_float = *graph;
    for (uint32_t v = 0; v < graph->n_values; v++) {
        const clv_value *value = &graph->values[v];
        clv_tensor widest = {CLV_F32, value->tensor.shape, NULL};
        size_t bytes;
        if (value->quant == NULL || clv_value_is_constant(value))
            continue;
        CLV_TRY(clv_tensor_bytes(&bytes, &widest));
        if (bytes > p->memory.scratch_bytes) /* loading and storing convert there */
            p->memory.scratch_bytes = bytes;
        any |= value->tensor.dtype != CLV_F32;
    }
    if (!any)
        return CLV_OK;
    clv_value *values = clv_arena_alloc(&p->arena, graph->n_values, sizeof *values);
    if (values == NULL)
        return clv_fail(c->err, CLV_ENOMEM, graph->name, "out of memory");
    memcpy(values, graph->values, graph->n_values * sizeof *values);
    for (uint32_t v = 0; v < graph->n_values; v++) {
        if (values[v].quant != NULL && !clv_value_is_constant(&values[v]))
            values[v].tensor.dtype = CLV_F32;
    }
    p->as_float.values = values;
    return CLV_OK;
}
