/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/params.h"

/* Elements of a shape that inference has already checked. */
static uint64_t elems(const clv_tensor *tensor)
{
    size_t n = 0;
    return tensor != NULL && clv_shape_elems(&n, &tensor->shape) == CLV_OK ? n : 0;
}

uint64_t clv_node_macs(const clv_graph *graph, const clv_node *node)
{
    const clv_tensor *a = clv_node_input(graph, node, 0);
    const clv_tensor *b = clv_node_input(graph, node, 1);
    uint64_t out = elems(clv_node_output(graph, node, 0));

    switch (node->op) {
    case CLV_OP_CONV: /* each output element sums over one filter */
    case CLV_OP_CONV_INTEGER:
    case CLV_OP_QLINEAR_CONV:
        b = clv_node_input(graph, node, clv_conv_weights_input(node->op));
        return b->shape.dim[0] > 0 ? out * (elems(b) / (uint64_t)b->shape.dim[0]) : 0;
    case CLV_OP_CONV_TRANSPOSE: /* each input element goes through all filters of its channel */
        return b->shape.dim[0] > 0 ? elems(a) * (elems(b) / (uint64_t)b->shape.dim[0]) : 0;
    case CLV_OP_GEMM: {
        bool trans = clv_node_attr_int(node, "transA", 0) != 0;
        return out * (uint64_t)a->shape.dim[trans ? 0 : 1];
    }
    case CLV_OP_MATMUL:
    case CLV_OP_MATMUL_INTEGER:
    case CLV_OP_QLINEAR_MATMUL:
        return out * (uint64_t)a->shape.dim[a->shape.rank - 1];
    case CLV_OP_RNN:
    case CLV_OP_GRU:
    case CLV_OP_LSTM: /* every step of every sequence goes through all weights */
        return a->shape.dim[2] > 0 ? elems(a) / (uint64_t)a->shape.dim[2] *
                                         (elems(b) + elems(clv_node_input(graph, node, 2)))
                                   : 0;
    default:
        return 0;
    }
}
