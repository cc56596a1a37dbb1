/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"

clv_status clv_graph_set_quant(clv_graph *graph, uint32_t value, const clv_quant *quant)
{
    clv_quant *copy = clv_arena_alloc(&graph->arena, 1, sizeof *copy);
    if (copy == NULL)
        return CLV_ENOMEM;
    *copy = *quant;
    if (quant->n_scales > 0) {
        float *scales = clv_arena_alloc(&graph->arena, quant->n_scales, sizeof *scales);
        if (scales == NULL)
            return CLV_ENOMEM;
        memcpy(scales, quant->scales, quant->n_scales * sizeof *scales);
        copy->scales = scales;
    }
    graph->values[value].quant = copy;
    return CLV_OK;
}

static clv_status copy_values(clv_graph *copy, const clv_graph *graph)
{
    for (uint32_t v = 0; v < graph->n_values; v++) {
        const clv_value *from = &graph->values[v];
        uint32_t index;
        CLV_TRY(clv_graph_add_value(&index, copy, from->name));
        copy->values[v].tensor = from->tensor;
        copy->values[v].bounded = from->bounded;
        if (from->quant != NULL)
            CLV_TRY(clv_graph_set_quant(copy, v, from->quant));
    }
    return CLV_OK;
}

static clv_status copy_nodes(clv_graph *copy, const clv_graph *graph, clv_error *err)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const clv_node *node = &graph->nodes[i];
        clv_node_desc desc = {node->name,    node->op,        node->inputs, node->n_inputs,
                              node->outputs, node->n_outputs, node->attrs,  node->n_attrs,
                              node->fusion,  node->quantised};
        CLV_TRY(clv_graph_add_node(copy, &desc, err));
        copy->nodes[i].quantised = node->quantised;
    }
    return CLV_OK;
}

static clv_status copy_all(clv_graph *copy, const clv_graph *graph, clv_error *err)
{
    CLV_TRY(copy_values(copy, graph));
    CLV_TRY(copy_nodes(copy, graph, err));
    for (uint32_t i = 0; i < graph->n_inputs; i++)
        CLV_TRY(clv_graph_add_input(copy, graph->inputs[i]));
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        CLV_TRY(clv_graph_add_output(copy, graph->outputs[i]));
    return CLV_OK;
}

clv_status clv_graph_copy(clv_graph **out, const clv_graph *graph, clv_error *err)
{
    clv_graph *copy = NULL;
    clv_status status = clv_graph_create(&copy, graph->name);

    if (status == CLV_OK)
        status = copy_all(copy, graph, err);
    if (status == CLV_ENOMEM)
        (void)clv_fail(err, status, graph->name, "out of memory");
    if (status == CLV_OK)
        *out = copy;
    else
        clv_graph_free(copy);
    return status;
}
