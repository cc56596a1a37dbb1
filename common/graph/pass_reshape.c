/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "graph/pass_reshape.h"

static bool reshapes(const clv_node *node)
{
    return node->op == CLV_OP_RESHAPE || node->op == CLV_OP_FLATTEN || node->op == CLV_OP_SQUEEZE ||
           node->op == CLV_OP_UNSQUEEZE;
}

clv_status clv_pass_make_reshape(clv_pass *pass, uint32_t index, uint32_t x, clv_error *err)
{
    clv_graph *graph = pass->graph;
    const clv_node *node = &graph->nodes[index];
    clv_shape shape = clv_node_output(graph, node, 0)->shape;
    clv_shape vector = {.rank = 1, .dim = {shape.rank}};
    const clv_attr allow_zero = {.name = "allowzero", .type = CLV_ATTR_INT, .v.i = 1};
    uint32_t target;

    CLV_TRY(clv_pass_new_constant(&target, graph, node->name, CLV_I64, &vector, err));
    memcpy(graph->values[target].tensor.data, shape.dim, shape.rank * sizeof shape.dim[0]);
    clv_node_desc desc = {.op = CLV_OP_RESHAPE,
                          .inputs = (const uint32_t[]){x, target},
                          .n_inputs = 2,
                          .attrs = &allow_zero,
                          .n_attrs = 1};
    return clv_pass_rewrite(pass, index, &desc, err);
}

clv_status clv_pass_reshape(clv_pass *pass, clv_error *err)
{
    clv_graph *graph = pass->graph;

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        clv_node *node = &graph->nodes[i];
        clv_pass_resolve(pass, node);
        if (!reshapes(node))
            continue;
        uint32_t producer = clv_pass_sole_producer(pass, node->inputs[0]);
        if (producer == CLV_NO_NODE || !reshapes(&graph->nodes[producer]))
            continue;
        uint32_t x = graph->nodes[producer].inputs[0];
        const clv_shape *shape = &clv_node_output(graph, node, 0)->shape;
        if (graph->values[x].bounded ||
            (clv_shape_equal(&graph->values[x].tensor.shape, shape) && clv_pass_bypass(pass, i, x)))
            continue;
        CLV_TRY(clv_pass_make_reshape(pass, i, x, err));
    }
    return CLV_OK;
}
