/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "graph/graph.h"
#include "graph/quant.h"

static clv_status check_node(const clv_graph *graph, uint32_t index, clv_error *err)
{
    const clv_node *node = &graph->nodes[index];

    if (node->quantised && !clv_op_can_be_quantised(node->op))
        return clv_fail(err, CLV_EFORMAT, node->name, "%s has no quantised form",
                        clv_op_describe(node->op)->name);
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] == CLV_NO_VALUE)
            continue;
        if (node->inputs[i] >= graph->n_values)
            return clv_fail(err, CLV_EFORMAT, node->name, "input %u does not exist", i);
        uint32_t producer = graph->values[node->inputs[i]].producer;
        if (producer != CLV_NO_NODE && producer >= index)
            return clv_fail(err, CLV_EFORMAT, node->name, "'%s' is used before it is made",
                            graph->values[node->inputs[i]].name);
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        uint32_t v = node->outputs[i];
        if (v != CLV_NO_VALUE && (v >= graph->n_values || graph->values[v].producer != index))
            return clv_fail(err, CLV_EFORMAT, node->name, "output %u belongs to another node", i);
    }
    return CLV_OK;
}

/* Every value that a node or the caller reads comes from somewhere. */
static clv_status check_source(const clv_graph *graph, const bool *is_input, uint32_t value,
                               const char *where, clv_error *err)
{
    const clv_value *v = &graph->values[value];
    if (v->producer == CLV_NO_NODE && !clv_value_is_constant(v) && !is_input[value])
        return clv_fail(err, CLV_EFORMAT, where,
                        "'%s' is made by no node and is neither an input nor a constant", v->name);
    return CLV_OK;
}

static clv_status check_with_inputs(const clv_graph *graph, bool *is_input, clv_error *err)
{
    for (uint32_t i = 0; i < graph->n_values; i++)
        CLV_TRY(clv_quant_check(&graph->values[i], err));
    for (uint32_t i = 0; i < graph->n_inputs; i++) {
        uint32_t v = graph->inputs[i];
        if (v >= graph->n_values || is_input[v] || clv_value_is_constant(&graph->values[v]) ||
            graph->values[v].producer != CLV_NO_NODE)
            return clv_fail(err, CLV_EFORMAT, graph->name, "input %u is not a free value", i);
        is_input[v] = true;
    }
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const clv_node *node = &graph->nodes[i];
        CLV_TRY(check_node(graph, i, err));
        for (uint32_t j = 0; j < node->n_inputs; j++) {
            if (node->inputs[j] != CLV_NO_VALUE)
                CLV_TRY(check_source(graph, is_input, node->inputs[j], node->name, err));
        }
    }
    if (graph->n_outputs == 0)
        return clv_fail(err, CLV_EFORMAT, graph->name, "the graph has no outputs");
    for (uint32_t i = 0; i < graph->n_outputs; i++) {
        if (graph->outputs[i] >= graph->n_values)
            return clv_fail(err, CLV_EFORMAT, graph->name, "output %u does not exist", i);
        CLV_TRY(check_source(graph, is_input, graph->outputs[i], "outputs", err));
    }
    return CLV_OK;
}

clv_status clv_graph_check(const clv_graph *graph, clv_error *err)
{
    bool *is_input = clv_calloc(graph->n_values, sizeof *is_input);
    if (is_input == NULL)
        return clv_fail(err, CLV_ENOMEM, graph->name, "out of memory");
    clv_status status = check_with_inputs(graph, is_input, err);
    clv_free(is_input);
    return status;
}
