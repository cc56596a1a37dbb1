/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "graph/params.h"

bool clv_activation_of(clv_fusion *out, const clv_graph *graph, const clv_node *node)
{
    clv_fusion f = {CLV_ACT_NONE, 0.0f, 0.0f};

    switch (node->op) {
    case CLV_OP_RELU:
        f.activation = CLV_ACT_RELU;
        break;
    case CLV_OP_CLIP:
        f.activation = CLV_ACT_CLIP;
        if (clv_clip_params_of(&f.alpha, &f.beta, graph, node, NULL) != CLV_OK)
            return false;
        break;
    case CLV_OP_LEAKY_RELU:
        f.activation = CLV_ACT_LEAKY_RELU;
        f.alpha = clv_node_attr_float(node, "alpha", 0.01f);
        break;
    case CLV_OP_SIGMOID:
        f.activation = CLV_ACT_SIGMOID;
        break;
    case CLV_OP_HARD_SIGMOID:
        f.activation = CLV_ACT_HARD_SIGMOID;
        f.alpha = clv_node_attr_float(node, "alpha", 0.2f);
        f.beta = clv_node_attr_float(node, "beta", 0.5f);
        break;
    case CLV_OP_HARD_SWISH:
        f.activation = CLV_ACT_HARD_SWISH;
        break;
    case CLV_OP_TANH:
        f.activation = CLV_ACT_TANH;
        break;
    case CLV_OP_ELU:
        f.activation = CLV_ACT_ELU;
        f.alpha = clv_node_attr_float(node, "alpha", 1.0f);
        break;
    case CLV_OP_SWISH:
        f.activation = CLV_ACT_SILU;
        f.alpha = clv_node_attr_float(node, "alpha", 1.0f);
        break;
    default:
        return false;
    }
    const clv_tensor *x = clv_node_input(graph, node, 0);
    if (x == NULL || x->dtype != CLV_F32)
        return false;
    *out = f;
    return true;
}
