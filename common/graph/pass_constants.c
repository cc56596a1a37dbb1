/* SPDX-License-Identifier: Apache-2.0 */
/* Folding, in two runs. Weights that the model stores in bytes stay so in the first one: the pass
 * qdq, between them, gives them to nodes that compute on bytes. The second folds what is left. */
#include "base/error.h"
#include "graph/fold.h"
#include "graph/infer.h"
#include "graph/pass_qdq.h"

/* Bytes that become real numbers as the network runs. */
static bool dequantises(const clv_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const clv_node *node = &graph->nodes[i];
        if (node->op == CLV_OP_DEQUANTIZE_LINEAR &&
            !clv_value_is_constant(&graph->values[node->inputs[0]]))
            return true;
    }
    return false;
}

/* Second operands of products, and what a Transpose makes those from. */
static void mark_weights(bool *weights, const clv_graph *graph)
{
    for (uint32_t i = graph->n_nodes; i-- > 0;) {
        const clv_node *node = &graph->nodes[i];
        if (clv_qdq_is_product(node->op) && node->n_inputs > 1 && node->inputs[1] != CLV_NO_VALUE)
            weights[node->inputs[1]] = true;
        else if (node->op == CLV_OP_TRANSPOSE && weights[node->outputs[0]])
            weights[node->inputs[0]] = true;
    }
}

/* @param stay  NULL, or n_values: what DequantizeLinear nodes make of constants in bytes isn't
 *              folded where it is set. */
static clv_status sweep(clv_pass *pass, const bool *stay, clv_error *err)
{
    clv_graph *graph = pass->graph;
    size_t folded_bytes = 0;

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const clv_node *node = &graph->nodes[i];
        bool folded = false;
        CLV_TRY(clv_infer_node(graph, node, err));
        bool stays = stay != NULL && node->op == CLV_OP_DEQUANTIZE_LINEAR &&
                     stay[node->outputs[0]] &&
                     clv_dtype_is_byte(clv_node_input(graph, node, 0)->dtype);
        if (pass->evaluate != NULL && !stays)
            CLV_TRY(clv_fold_node(&folded, graph, node, pass->evaluate, &folded_bytes, err));
        pass->dead[i] |= folded;
        pass->changes += folded;
    }
    return CLV_OK;
}

clv_status clv_pass_constants(clv_pass *pass, clv_error *err)
{
    bool *weights = clv_calloc(pass->graph->n_values, sizeof *weights);

    if (weights == NULL)
        return clv_fail(err, CLV_ENOMEM, pass->graph->name, "out of memory");
    if (dequantises(pass->graph))
        mark_weights(weights, pass->graph);
    clv_status status = sweep(pass, weights, err);
    clv_free(weights);
    return status;
}

clv_status clv_pass_remaining_constants(clv_pass *pass, clv_error *err)
{
    return sweep(pass, NULL, err);
}
