/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/model_facts.h"

#include <stdio.h>

#include "base/error.h"
#include "graph/frontier.h"

static size_t tensor_bytes(const clv_tensor *tensor)
{
    size_t bytes = 0;
    return tensor != NULL && clv_tensor_bytes(&bytes, tensor) == CLV_OK ? bytes : 0;
}

static node_facts facts_of(const clv_graph *graph, const clv_node *node)
{
    node_facts f = {.macs = clv_node_macs(graph, node)};

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const clv_tensor *in = clv_node_input(graph, node, i);
        size_t elems = 0;
        if (in != NULL && in->data != NULL && in->dtype != CLV_I64 &&
            clv_shape_elems(&elems, &in->shape) == CLV_OK)
            f.params += elems;
    }
    for (uint32_t i = 0; i < node->n_outputs; i++)
        f.activation_bytes += tensor_bytes(clv_node_output(graph, node, i));
    return f;
}

static void count_nodes(model_facts *facts, const clv_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        node_facts f = facts_of(graph, &graph->nodes[i]);
        facts->nodes[i] = f;
        facts->total.params += f.params;
        facts->total.macs += f.macs;
        facts->total.activation_bytes += f.activation_bytes;
    }
}

static void count_cuts(model_facts *facts, const clv_graph *graph, const clv_frontiers *frontiers)
{
    size_t smallest = SIZE_MAX;

    for (uint32_t k = 0; k <= graph->n_nodes; k++) {
        clv_frontier frontier = clv_frontiers_at(frontiers, k);
        cut_facts cut = {.tensors = frontier.count};
        for (uint32_t i = 0; i < frontier.count; i++)
            cut.bytes += tensor_bytes(&graph->values[frontier.values[i]].tensor);
        cut.candidate = cut.bytes < smallest || k == graph->n_nodes;
        smallest = cut.bytes < smallest ? cut.bytes : smallest;
        facts->cuts[k] = cut;
    }
}

clv_status model_facts_init(model_facts *out, const clv_graph *graph)
{
    model_facts facts = {0};
    clv_frontiers *frontiers = NULL;

    facts.nodes = clv_calloc(graph->n_nodes + 1, sizeof *facts.nodes);
    facts.cuts = clv_calloc(graph->n_nodes + 1, sizeof *facts.cuts);
    clv_status status = facts.nodes != NULL && facts.cuts != NULL ? CLV_OK : CLV_ENOMEM;
    if (status == CLV_OK)
        status = clv_frontiers_create(&frontiers, graph);
    if (status != CLV_OK) {
        model_facts_done(&facts);
        return status;
    }
    count_nodes(&facts, graph);
    count_cuts(&facts, graph, frontiers);
    clv_frontiers_free(frontiers);
    *out = facts;
    return CLV_OK;
}

void model_facts_done(model_facts *facts)
{
    clv_free(facts->nodes);
    clv_free(facts->cuts);
    *facts = (model_facts){0};
}

/* --- names ---------------------------------------------------------------------------------- */

static const char *const activation_names[CLV_ACT_COUNT] = {
    [CLV_ACT_NONE] = "",
    [CLV_ACT_RELU] = "+Relu",
    [CLV_ACT_CLIP] = "+Clip",
    [CLV_ACT_LEAKY_RELU] = "+LeakyRelu",
    [CLV_ACT_SIGMOID] = "+Sigmoid",
    [CLV_ACT_HARD_SIGMOID] = "+HardSigmoid",
    [CLV_ACT_HARD_SWISH] = "+HardSwish",
    [CLV_ACT_TANH] = "+Tanh",
    [CLV_ACT_ELU] = "+Elu",
    [CLV_ACT_SILU] = "+Swish",
};

char *operator_text(char dst[OPERATOR_TEXT_BYTES], const clv_node *node)
{
    bool residual = node->op == CLV_OP_CONV && node->n_inputs > 3;
    (void)snprintf(dst, OPERATOR_TEXT_BYTES, "%s%s%s", clv_op_describe(node->op)->name,
                   residual ? "+Add" : "", activation_names[node->fusion.activation]);
    return dst;
}
