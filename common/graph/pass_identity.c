/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/pass.h"
#include "graph/pass_match.h"

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

/* Input 1 (or 0, where the order is free) that leaves the other one as it is, bit for bit but for
 * the sign of a zero in x + 0. */
static uint32_t input_behind_neutral(const clv_graph *graph, const clv_node *node)
{
    bool commutes = node->op == CLV_OP_ADD || node->op == CLV_OP_MUL;
    double neutral = node->op == CLV_OP_ADD || node->op == CLV_OP_SUB ? 0.0 : 1.0;

    if (node->fusion.activation != CLV_ACT_NONE)
        return CLV_NO_VALUE;
    for (uint32_t i = 0; i < (commutes ? 2u : 1u); i++) {
        const clv_tensor *x = clv_node_input(graph, node, i);
        const clv_tensor *y = clv_node_output(graph, node, 0);
        if (x->dtype == y->dtype && clv_shape_equal(&x->shape, &y->shape) &&
            clv_match_all_equal(clv_node_input(graph, node, 1 - i), neutral))
            return node->inputs[i];
    }
    return CLV_NO_VALUE;
}

/* What output 0 is the same as, or CLV_NO_VALUE. */
static uint32_t same_as(const clv_pass *pass, const clv_node *node)
{
    switch (node->op) {
    case CLV_OP_ADD:
    case CLV_OP_SUB:
    case CLV_OP_MUL:
    case CLV_OP_DIV:
    case CLV_OP_POW:
        return input_behind_neutral(pass->graph, node);
    default:
        return is_identity(pass, node) ? node->inputs[0] : CLV_NO_VALUE;
    }
}

clv_status clv_pass_identity(clv_pass *pass, clv_error *err)
{
    clv_graph *graph = pass->graph;
    (void)err;

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        clv_pass_resolve(pass, &graph->nodes[i]);
        uint32_t value = same_as(pass, &graph->nodes[i]);
        if (value != CLV_NO_VALUE)
            (void)clv_pass_bypass(pass, i, value);
    }
    return CLV_OK;
}
