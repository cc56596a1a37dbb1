/* SPDX-License-Identifier: Apache-2.0 */
/* What passes do to nodes and values. */
#include <string.h>

#include "graph/attr.h"
#include "graph/infer.h"
#include "graph/pass.h"

/* What lies deeper than this under a rewritten node is left to the pass dead-nodes. */
#define MAX_RELEASED 32

uint32_t clv_pass_sole_producer(const clv_pass *pass, uint32_t value)
{
    if (value >= pass->cap_values || pass->uses[value] != 1)
        return CLV_NO_NODE;
    return pass->graph->values[value].producer;
}

/* Redirections lead to values whose own are resolved already, or to what a graph's output renamed:
 * chains are short. */
static uint32_t resolved(const clv_pass *pass, uint32_t value)
{
    while (value < pass->cap_values && pass->instead[value] != value)
        value = pass->instead[value];
    return value;
}

void clv_pass_resolve(clv_pass *pass, clv_node *node)
{
    for (uint32_t i = 0; i < node->n_inputs; i++)
        node->inputs[i] = resolved(pass, node->inputs[i]);
}

/* What made @p in makes the graph's output @p out instead. */
static bool rename_to_output(clv_pass *pass, uint32_t in, uint32_t out)
{
    clv_graph *graph = pass->graph;
    uint32_t producer = graph->values[in].producer;

    if (producer == CLV_NO_NODE || pass->is_output[in])
        return false;
    clv_node *node = &graph->nodes[producer];
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] == in)
            node->outputs[i] = out;
    }
    graph->values[out].producer = producer;
    graph->values[in].producer = CLV_NO_NODE;
    return true;
}

/* One use of @p value is over: what only it needed is dead. */
static void release(clv_pass *pass, uint32_t value, int depth)
{
    value = resolved(pass, value);
    if (value >= pass->cap_values || pass->uses[value] == 0 || --pass->uses[value] > 0)
        return;
    uint32_t producer = pass->graph->values[value].producer;
    if (producer == CLV_NO_NODE || pass->dead[producer] || depth == 0)
        return;
    const clv_node *node = &pass->graph->nodes[producer];
    if (node->n_outputs != 1)
        return;
    pass->dead[producer] = true;
    for (uint32_t i = 0; i < node->n_inputs; i++)
        release(pass, node->inputs[i], depth - 1);
}

bool clv_pass_bypass(clv_pass *pass, uint32_t index, uint32_t value)
{
    const clv_node *node = &pass->graph->nodes[index];
    uint32_t out = node->outputs[0];
    bool keep_name = pass->is_output[out];

    if (value >= pass->cap_values || (keep_name && !rename_to_output(pass, value, out)))
        return false;
    uint32_t kept = keep_name ? out : value, gone = keep_name ? value : out;
    pass->instead[gone] = kept;
    pass->uses[kept] += pass->uses[gone];
    pass->dead[index] = true;
    for (uint32_t i = 0; i < node->n_inputs; i++)
        release(pass, node->inputs[i], MAX_RELEASED);
    pass->changes++;
    return true;
}

clv_status clv_pass_rewrite(clv_pass *pass, uint32_t index, const clv_node_desc *desc,
                            clv_error *err)
{
    clv_graph *graph = pass->graph;
    clv_node *node = &graph->nodes[index];
    uint32_t *old = node->inputs, n_old = node->n_inputs;
    uint32_t *inputs = clv_arena_alloc(&graph->arena, desc->n_inputs, sizeof *inputs);
    clv_attr *attrs = clv_attrs_copy(&graph->arena, desc->attrs, desc->n_attrs);

    if (inputs == NULL || attrs == NULL)
        return clv_fail(err, CLV_ENOMEM, node->name, "out of memory");
    memcpy(inputs, desc->inputs, desc->n_inputs * sizeof *inputs);
    for (uint32_t i = 0; i < desc->n_inputs; i++) {
        if (inputs[i] < pass->cap_values)
            pass->uses[inputs[i]]++;
    }
    node->op = desc->op;
    node->inputs = inputs;
    node->n_inputs = desc->n_inputs;
    node->attrs = attrs;
    node->n_attrs = desc->n_attrs;
    node->fusion = desc->fusion;
    for (uint32_t i = 0; i < n_old; i++)
        release(pass, old[i], MAX_RELEASED);
    pass->changes++;
    return clv_infer_node(graph, node, err);
}

clv_status clv_pass_new_constant(uint32_t *out, clv_graph *graph, const char *stem, clv_dtype dtype,
                                 const clv_shape *shape, clv_error *err)
{
    clv_tensor tensor = {dtype, *shape, NULL};
    size_t bytes;

    CLV_TRY(clv_tensor_bytes(&bytes, &tensor));
    const char *name = clv_graph_fresh_name(graph, stem);
    tensor.data = name ? clv_graph_own_data(graph, bytes) : NULL;
    if (tensor.data == NULL || clv_graph_add_value(out, graph, name) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, stem, "out of memory for a constant of %zu bytes", bytes);
    clv_graph_set_constant(graph, *out, &tensor);
    return CLV_OK;
}
