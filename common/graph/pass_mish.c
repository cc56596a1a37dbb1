/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/pass_match.h"

/* x * Tanh(Softplus(x)) */
static bool match(uint32_t *x_out, const clv_pass *pass, const clv_node *root)
{
    clv_product product;
    uint32_t x, gate;

    if (!clv_match_product_at(&product, pass, root) || product.scale != 1.0)
        return false;
    for (uint32_t turn = 0; turn < 2; turn++) {
        if (!clv_match_gate(&x, &gate, &product, turn) ||
            !clv_match_same_shape(pass->graph, root, x))
            continue;
        const clv_node *tanh = clv_match(pass, gate, CLV_OP_TANH);
        const clv_node *softplus =
            tanh != NULL ? clv_match(pass, tanh->inputs[0], CLV_OP_SOFTPLUS) : NULL;
        if (softplus == NULL || softplus->inputs[0] != x)
            continue;
        *x_out = x;
        return true;
    }
    return false;
}

clv_status clv_pass_mish(clv_pass *pass, clv_error *err)
{
    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        uint32_t x;
        if (!match(&x, pass, &pass->graph->nodes[i]))
            continue;
        clv_node_desc desc = {.op = CLV_OP_MISH, .inputs = &x, .n_inputs = 1};
        CLV_TRY(clv_pass_rewrite(pass, i, &desc, err));
    }
    return CLV_OK;
}
