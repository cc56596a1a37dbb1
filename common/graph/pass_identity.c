/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/pass.h"

/* Whether output 0 is input 0, byte for byte, in type and shape, and no other output is used. */
static bool is_identity(const clv_pass *pass, const clv_node *node)
{
    const clv_tensor *x = clv_node_input(pass->graph, node, 0);
    const clv_tensor *y = clv_node_output(pass->graph, node, 0);

    switch (node->op) {
    case CLV_OP_IDENTITY:
        return true;
    case CLV_OP_DROPOUT: /* at inference it does nothing, unless somebody wants its mask */
        return node->n_outputs < 2 || node->outputs[1] == CLV_NO_VALUE ||
               pass->uses[node->outputs[1]] == 0;
    case CLV_OP_CAST:
        return x->dtype == y->dtype;
    case CLV_OP_RESHAPE:
    case CLV_OP_FLATTEN:
    case CLV_OP_SQUEEZE:
    case CLV_OP_EXPAND: /* equal bounds say nothing of the true shapes */
        return clv_shape_equal(&x->shape, &y->shape) &&
               !clv_node_input_is_bounded(pass->graph, node, 0);
    default:
        return false;
    }
}

static bool is_graph_output(const clv_graph *graph, uint32_t value)
{
    for (uint32_t i = 0; i < graph->n_outputs; i++) {
        if (graph->outputs[i] == value)
            return true;
    }
    return false;
}

/* A graph's output keeps its name: what made the input makes the output instead. Not possible
 * where the input is itself an output, comes from the caller, or is a constant. */
static void bypass_to_output(clv_pass *pass, uint32_t index, uint32_t in, uint32_t out)
{
    clv_graph *graph = pass->graph;
    uint32_t producer = graph->values[in].producer;

    if (producer == CLV_NO_NODE || is_graph_output(graph, in))
        return;
    clv_node *node = &graph->nodes[producer];
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] == in)
            node->outputs[i] = out;
    }
    graph->values[out].producer = producer;
    graph->values[in].producer = CLV_NO_NODE;
    clv_pass_bypass(pass, index, in, out);
}

clv_status clv_pass_identity(clv_pass *pass, clv_error *err)
{
    clv_graph *graph = pass->graph;
    (void)err;

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const clv_node *node = &graph->nodes[i];
        if (!is_identity(pass, node))
            continue;
        uint32_t in = node->inputs[0], out = node->outputs[0];
        while (pass->instead[in] != in)
            in = pass->instead[in];
        if (is_graph_output(graph, out))
            bypass_to_output(pass, i, in, out);
        else
            clv_pass_bypass(pass, i, out, in);
    }
    return CLV_OK;
}
