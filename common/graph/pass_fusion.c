/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "graph/params.h"
#include "graph/pass.h"

/* A convolution that can still take a residual: y = conv(x) + residual. */
static bool takes_residual(const clv_graph *graph, const clv_node *node)
{
    return node->op == CLV_OP_CONV && node->fusion.activation == CLV_ACT_NONE &&
           clv_node_input(graph, node, 3) == NULL &&
           clv_node_output(graph, node, 0)->dtype == CLV_F32;
}

/* The input (0 or 1) of @p add that is a convolution to fuse with: the one made last, so that the
 * convolution moves down past as little as possible. 2: neither. */
static uint32_t choose_conv(const clv_pass *pass, const clv_node *add)
{
    const clv_graph *graph = pass->graph;
    const clv_shape *shape = &clv_node_output(graph, add, 0)->shape;
    uint32_t best = 2, best_producer = 0;

    for (uint32_t i = 0; i < 2; i++) {
        if (!clv_shape_equal(&clv_node_input(graph, add, i)->shape, shape) ||
            clv_value_is_constant(&graph->values[add->inputs[1 - i]]) ||
            clv_node_input_is_bounded(graph, add, i))
            return 2; /* broadcast, or perhaps so, or a bias in disguise */
        uint32_t producer = clv_pass_sole_producer(pass, add->inputs[i]);
        if (producer != CLV_NO_NODE && takes_residual(graph, &graph->nodes[producer]) &&
            (best == 2 || producer > best_producer)) {
            best = i;
            best_producer = producer;
        }
    }
    return best;
}

/* The convolution takes the place of the Add: its residual may be made after it. */
static clv_status fuse_residual(clv_pass *pass, uint32_t add_index, clv_error *err)
{
    clv_graph *graph = pass->graph;
    clv_node *add = &graph->nodes[add_index];
    uint32_t which = choose_conv(pass, add);
    if (which == 2)
        return CLV_OK;

    uint32_t conv_index = graph->values[add->inputs[which]].producer;
    clv_node conv = graph->nodes[conv_index];
    uint32_t *inputs = clv_arena_alloc(&graph->arena, 4, sizeof *inputs);
    if (inputs == NULL)
        return clv_fail(err, CLV_ENOMEM, conv.name, "out of memory");
    memcpy(inputs,
           (uint32_t[]){conv.inputs[0], conv.inputs[1],
                        conv.n_inputs > 2 ? conv.inputs[2] : CLV_NO_VALUE, add->inputs[1 - which]},
           4 * sizeof *inputs);
    conv.inputs = inputs;
    conv.n_inputs = 4;
    conv.outputs = add->outputs;
    graph->nodes[add_index] = conv;
    pass->dead[conv_index] = true;
    pass->changes++;
    return CLV_OK;
}

static bool takes_activation(const clv_graph *graph, const clv_node *node)
{
    return (node->op == CLV_OP_CONV || node->op == CLV_OP_ADD) &&
           node->fusion.activation == CLV_ACT_NONE &&
           clv_node_output(graph, node, 0)->dtype == CLV_F32;
}

/* The node before the activation makes what the activation made. */
static void fuse_activation(clv_pass *pass, uint32_t index)
{
    clv_graph *graph = pass->graph;
    const clv_node *node = &graph->nodes[index];
    clv_fusion fusion;

    uint32_t producer = clv_pass_sole_producer(pass, node->inputs[0]);
    if (producer == CLV_NO_NODE || !takes_activation(graph, &graph->nodes[producer]) ||
        !clv_activation_of(&fusion, graph, node))
        return;
    clv_node *before = &graph->nodes[producer];
    before->fusion = fusion;
    before->outputs[0] = node->outputs[0];
    graph->values[before->outputs[0]].producer = producer;
    pass->dead[index] = true;
    pass->changes++;
}

clv_status clv_pass_fusion(clv_pass *pass, clv_error *err)
{
    for (uint32_t i = 0; i < pass->graph->n_nodes; i++) {
        if (pass->graph->nodes[i].op == CLV_OP_ADD)
            CLV_TRY(fuse_residual(pass, i, err));
        else if (pass->graph->nodes[i].n_inputs > 0 &&
                 pass->graph->nodes[i].inputs[0] != CLV_NO_VALUE)
            fuse_activation(pass, i);
    }
    return CLV_OK;
}
