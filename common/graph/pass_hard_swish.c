/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/params.h"
#include "graph/pass_match.h"

/* What max(0, min(6, x + 3)) is made from, or CLV_NO_VALUE. */
static uint32_t relu6_of_x_plus_3(const clv_pass *pass, uint32_t value)
{
    const clv_node *clip = clv_match(pass, value, CLV_OP_CLIP);
    float low, high;

    if (clip == NULL || clv_clip_params_of(&low, &high, pass->graph, clip, NULL) != CLV_OK ||
        low != 0.0f || high != 6.0f)
        return CLV_NO_VALUE;
    return clv_match_with(pass, clip->inputs[0], CLV_OP_ADD, 3.0);
}

/* What max(0, min(1, x / 6 + 1/2)) is made from, or CLV_NO_VALUE. */
static uint32_t hard_sigmoid_of(const clv_pass *pass, uint32_t value)
{
    const clv_node *node = clv_match(pass, value, CLV_OP_HARD_SIGMOID);
    bool same = node != NULL &&
                clv_match_near((double)clv_node_attr_float(node, "alpha", 0.2f), 1.0 / 6.0) &&
                clv_node_attr_float(node, "beta", 0.5f) == 0.5f;
    return same ? node->inputs[0] : CLV_NO_VALUE;
}

/* x * Clip(x + 3, 0, 6) / 6 in any order, or x * HardSigmoid(x) with 1/6 and 1/2. */
static bool match(uint32_t *x_out, const clv_pass *pass, const clv_node *root)
{
    clv_product product;
    uint32_t x, gate;

    if (!clv_match_product_at(&product, pass, root))
        return false;
    for (uint32_t turn = 0; turn < 2; turn++) {
        if (!clv_match_gate(&x, &gate, &product, turn) ||
            !clv_match_same_shape(pass->graph, root, x))
            continue;
        bool sixth = clv_match_near(product.scale, 1.0 / 6.0);
        if ((sixth && relu6_of_x_plus_3(pass, gate) == x) ||
            (product.scale == 1.0 && hard_sigmoid_of(pass, gate) == x)) {
            *x_out = x;
            return true;
        }
    }
    return false;
}

clv_status clv_pass_hard_swish(clv_pass *pass, clv_error *err)
{
    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        uint32_t x;
        if (!match(&x, pass, &pass->graph->nodes[i]))
            continue;
        clv_node_desc desc = {.op = CLV_OP_HARD_SWISH, .inputs = &x, .n_inputs = 1};
        CLV_TRY(clv_pass_rewrite(pass, i, &desc, err));
    }
    return CLV_OK;
}
