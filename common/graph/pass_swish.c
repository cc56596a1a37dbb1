/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/pass_match.h"

/* x * Sigmoid(alpha * x): SiLU with alpha 1, and what approximates Gelu with 1.702. */
static bool match(uint32_t *x_out, float *alpha_out, const clv_pass *pass, const clv_node *root)
{
    clv_product product, inner;
    uint32_t x, gate;

    if (!clv_match_product_at(&product, pass, root) || product.scale != 1.0)
        return false;
    for (uint32_t turn = 0; turn < 2; turn++) {
        if (!clv_match_gate(&x, &gate, &product, turn) ||
            !clv_match_same_shape(pass->graph, root, x))
            continue;
        const clv_node *sigmoid = clv_match(pass, gate, CLV_OP_SIGMOID);
        if (sigmoid == NULL || !clv_match_product(&inner, pass, sigmoid->inputs[0]) ||
            inner.n != 1 || inner.factors[0] != x)
            continue;
        *x_out = x;
        *alpha_out = (float)inner.scale;
        return true;
    }
    return false;
}

clv_status clv_pass_swish(clv_pass *pass, clv_error *err)
{
    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        clv_attr alpha = {.name = "alpha", .type = CLV_ATTR_FLOAT};
        uint32_t x;
        if (!match(&x, &alpha.v.f, pass, &pass->graph->nodes[i]))
            continue;
        clv_node_desc desc = {
            .op = CLV_OP_SWISH, .inputs = &x, .n_inputs = 1, .attrs = &alpha, .n_attrs = 1};
        CLV_TRY(clv_pass_rewrite(pass, i, &desc, err));
    }
    return CLV_OK;
}
