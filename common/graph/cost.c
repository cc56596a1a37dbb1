/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/graph.h"

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
        return b->shape.dim[0] > 0 ? out * (elems(b) / (uint64_t)b->shape.dim[0]) : 0;
    case CLV_OP_GEMM: {
        bool trans = clv_node_attr_int(node, "transA", 0) != 0;
        return out * (uint64_t)a->shape.dim[trans ? 0 : 1];
    }
    case CLV_OP_MATMUL:
        return out * (uint64_t)a->shape.dim[a->shape.rank - 1];
    default:
        return 0;
    }
}
