/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/quant_plan.h"

#include <string.h>

#include "base/memory.h"

static bool allocate(clv_quant_plan *p, const clv_graph *graph)
{
    p->n_nodes = graph->n_nodes;
    p->n_values = graph->n_values;
    p->roles = clv_calloc(p->n_nodes, sizeof *p->roles);
    p->why = clv_calloc(p->n_nodes, sizeof *p->why);
    p->quantised = clv_calloc(p->n_nodes, sizeof *p->quantised);
    p->bytes = clv_calloc(p->n_values, sizeof *p->bytes);
    p->ranged = clv_calloc(p->n_values, sizeof *p->ranged);
    p->source = clv_calloc(p->n_values, sizeof *p->source);
    p->group = clv_calloc(p->n_values, sizeof *p->group);
    p->uses = clv_calloc(p->n_values, sizeof *p->uses);
    return p->roles != NULL && p->why != NULL && p->quantised != NULL && p->bytes != NULL &&
           p->ranged != NULL && p->source != NULL && p->group != NULL && p->uses != NULL;
}

void clv_quant_plan_done(clv_quant_plan *p)
{
    clv_free(p->roles);
    clv_free(p->why);
    clv_free(p->quantised);
    clv_free(p->bytes);
    clv_free(p->ranged);
    clv_free(p->source);
    clv_free(p->group);
    clv_free(p->uses);
    *p = (clv_quant_plan){0};
}

static bool is_graph_output(const clv_graph *graph, uint32_t value)
{
    for (uint32_t i = 0; i < graph->n_outputs; i++) {
        if (graph->outputs[i] == value)
            return true;
    }
    return false;
}

/* A node with several outputs, one of which is the graph's, which stays float32. */
static bool splits_off_an_output(const clv_graph *graph, const clv_node *node)
{
    for (uint32_t i = 0; i < node->n_outputs && node->n_outputs > 1; i++) {
        if (is_graph_output(graph, node->outputs[i]))
            return true;
    }
    return false;
}

static void find_roles(clv_quant_plan *p, const clv_graph *graph, const bool *keep_float)
{
    for (uint32_t k = 0; k < p->n_nodes; k++) {
        p->roles[k] = clv_quant_role_of(&p->why[k], graph, k, p->uses);
        if (p->roles[k] != CLV_ROLE_FLOAT && splits_off_an_output(graph, &graph->nodes[k])) {
            p->roles[k] = CLV_ROLE_FLOAT;
            p->why[k] = "one of its outputs is the network's";
        }
        if (p->roles[k] != CLV_ROLE_FLOAT && keep_float != NULL && keep_float[k]) {
            p->roles[k] = CLV_ROLE_FLOAT;
            p->why[k] = "it costs too much agreement";
        }
    }
}

/* Values that a product would read in bytes, at once or behind a chain of cheap nodes. */
static void find_wanted(bool *wanted, const clv_quant_plan *p, const clv_graph *graph)
{
    for (uint32_t k = p->n_nodes; k-- > 0;) {
        const clv_node *node = &graph->nodes[k];
        bool takes = p->roles[k] == CLV_ROLE_PRODUCT;
        for (uint32_t i = 0; i < node->n_outputs && p->roles[k] != CLV_ROLE_FLOAT; i++)
            takes = takes || (node->outputs[i] != CLV_NO_VALUE && wanted[node->outputs[i]]);
        for (uint32_t i = 0; i < node->n_inputs && takes; i++) {
            if (clv_quant_is_data(graph, node, i))
                wanted[node->inputs[i]] = true;
        }
    }
}

/* Products, and the cheap nodes between them. */
static void choose_nodes(clv_quant_plan *p, const clv_graph *graph, const bool *wanted)
{
    for (uint32_t k = 0; k < p->n_nodes; k++) {
        const clv_node *node = &graph->nodes[k];
        bool behind = false, before = false;
        if (p->roles[k] == CLV_ROLE_FLOAT)
            continue;
        for (uint32_t i = 0; i < node->n_inputs; i++) {
            if (clv_quant_is_data(graph, node, i)) {
                uint32_t producer = graph->values[node->inputs[i]].producer;
                behind = behind || (producer != CLV_NO_NODE && p->quantised[producer]);
            }
        }
        for (uint32_t i = 0; i < node->n_outputs; i++)
            before = before || (node->outputs[i] != CLV_NO_VALUE && wanted[node->outputs[i]]);
        p->quantised[k] = p->roles[k] == CLV_ROLE_PRODUCT || (behind && before);
        if (!p->quantised[k])
            p->why[k] = "it doesn't lie between nodes in int8";
    }
}

static void find_bytes(clv_quant_plan *p, const clv_graph *graph)
{
    for (uint32_t k = 0; k < p->n_nodes; k++) {
        const clv_node *node = &graph->nodes[k];
        for (uint32_t i = 0; i < node->n_inputs && p->quantised[k]; i++) {
            if (clv_quant_is_data(graph, node, i))
                p->ranged[node->inputs[i]] = true;
        }
    }
    for (uint32_t k = 0; k < p->n_nodes; k++) { /* the parts of a Split are alike */
        const clv_node *node = &graph->nodes[k];
        for (uint32_t i = 0; i < node->n_outputs && p->quantised[k] && node->n_outputs > 1; i++) {
            if (node->outputs[i] != CLV_NO_VALUE)
                p->ranged[node->outputs[i]] = true;
        }
    }
    for (uint32_t v = 0; v < p->n_values; v++) {
        uint32_t producer = graph->values[v].producer;
        p->bytes[v] = p->ranged[v] && producer != CLV_NO_NODE && p->quantised[producer];
    }
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        p->bytes[graph->outputs[i]] = false; /* people read it */
}

/* --- groups --------------------------------------------------------------------------------- */

static uint32_t root(const clv_quant_plan *p, uint32_t v)
{
    while (p->group[v] != v)
        v = p->group[v];
    return v;
}

static void join(clv_quant_plan *p, uint32_t a, uint32_t b)
{
    a = root(p, a);
    b = root(p, b);
    p->group[a > b ? a : b] = a > b ? b : a;
}

/* A Concat's input that somebody else reads as well keeps its own quant and is rescaled. */
static bool shares(const clv_quant_plan *p, const clv_graph *graph, const clv_node *node,
                   uint32_t i)
{
    return clv_quant_is_data(graph, node, i) &&
           (node->op != CLV_OP_CONCAT || p->uses[node->inputs[i]] == 1);
}

static void find_groups(clv_quant_plan *p, const clv_graph *graph)
{
    for (uint32_t v = 0; v < p->n_values; v++) {
        p->group[v] = v;
        p->source[v] = true;
    }
    for (uint32_t k = 0; k < p->n_nodes; k++) {
        const clv_node *node = &graph->nodes[k];
        bool all_share = true;
        if (p->roles[k] != CLV_ROLE_MOVE || !p->quantised[k])
            continue;
        for (uint32_t i = 0; i < node->n_inputs; i++) {
            if (shares(p, graph, node, i))
                join(p, node->inputs[i], node->outputs[0]);
            else if (node->op == CLV_OP_CONCAT)
                all_share = false; /* constants and rescaled inputs come in */
        }
        for (uint32_t i = 0; i < node->n_outputs; i++) {
            if (node->outputs[i] == CLV_NO_VALUE)
                continue;
            join(p, node->outputs[0], node->outputs[i]);
            p->source[node->outputs[i]] = !all_share;
        }
    }
    for (uint32_t v = 0; v < p->n_values; v++)
        p->group[v] = root(p, v);
}

clv_status clv_quant_plan_make(clv_quant_plan *plan, const clv_graph *graph, const bool *keep_float)
{
    bool *wanted = clv_calloc(graph->n_values, sizeof *wanted);

    clv_quant_plan_done(plan);
    if (wanted == NULL || !allocate(plan, graph)) {
        clv_free(wanted);
        return CLV_ENOMEM;
    }
    clv_graph_count_uses(graph, plan->uses);
    find_roles(plan, graph, keep_float);
    find_wanted(wanted, plan, graph);
    choose_nodes(plan, graph, wanted);
    find_bytes(plan, graph);
    find_groups(plan, graph);
    clv_free(wanted);
    return CLV_OK;
}
