/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/prepare.h"

#include <string.h>

#include "graph/pass.h"

static const struct {
    const char *name;
    clv_pass_fn *run;
} passes[] = {
    {"constants", clv_pass_constants},   {"identity", clv_pass_identity},
    {"dead-nodes", clv_pass_dead_nodes}, {"batch-norm", clv_pass_batch_norm},
    {"fusion", clv_pass_fusion},         {"dead-nodes", clv_pass_dead_nodes},
};
_Static_assert(sizeof passes / sizeof passes[0] <= CLV_MAX_PASSES, "reports have room for all");

uint32_t clv_pass_sole_producer(const clv_pass *pass, uint32_t value)
{
    if (value >= pass->cap_values || pass->uses[value] != 1)
        return CLV_NO_NODE;
    return pass->graph->values[value].producer;
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

/* Follow chains of redirections to their end. */
static uint32_t resolve(const clv_pass *pass, uint32_t value)
{
    while (value != CLV_NO_VALUE && value < pass->cap_values && pass->instead[value] != value)
        value = pass->instead[value];
    return value;
}

static void redirect(clv_pass *pass)
{
    clv_graph *graph = pass->graph;

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        clv_node *node = &graph->nodes[i];
        for (uint32_t j = 0; j < node->n_inputs; j++)
            node->inputs[j] = resolve(pass, node->inputs[j]);
    }
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        graph->outputs[i] = resolve(pass, graph->outputs[i]);
}

/* Close the gaps that dead nodes leave and number the producers again. */
static void compact(clv_pass *pass)
{
    clv_graph *graph = pass->graph;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < graph->n_values; i++)
        graph->values[i].producer = CLV_NO_NODE;
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        if (pass->dead[i])
            continue;
        clv_node *node = &graph->nodes[kept];
        *node = graph->nodes[i];
        for (uint32_t j = 0; j < node->n_outputs; j++) {
            if (node->outputs[j] != CLV_NO_VALUE)
                graph->values[node->outputs[j]].producer = kept;
        }
        kept++;
    }
    graph->n_nodes = kept;
}

static clv_status run_pass(clv_graph *graph, clv_pass_fn *run, clv_evaluate_fn evaluate,
                           uint32_t *changes_out, clv_error *err)
{
    clv_status status = CLV_ENOMEM;
    clv_pass pass = {.graph = graph, .evaluate = evaluate, .cap_values = graph->n_values};
    pass.dead = clv_calloc(graph->n_nodes, sizeof *pass.dead);
    pass.instead = clv_calloc(graph->n_values, sizeof *pass.instead);
    pass.uses = clv_calloc(graph->n_values, sizeof *pass.uses);
    if (pass.dead == NULL || pass.instead == NULL || pass.uses == NULL) {
        status = clv_fail(err, CLV_ENOMEM, graph->name, "out of memory");
        goto done;
    }
    for (uint32_t i = 0; i < graph->n_values; i++)
        pass.instead[i] = i;
    clv_graph_count_uses(graph, pass.uses);
    status = run(&pass, err);
    if (status != CLV_OK)
        goto done;
    redirect(&pass);
    compact(&pass);
    *changes_out = pass.changes;
done:
    clv_free(pass.dead);
    clv_free(pass.instead);
    clv_free(pass.uses);
    return status;
}

clv_status clv_graph_prepare(clv_graph *graph, clv_evaluate_fn evaluate, clv_pass_report *reports,
                             uint32_t *n_reports, clv_error *err)
{
    const uint32_t n = (uint32_t)(sizeof passes / sizeof passes[0]);

    CLV_TRY(clv_graph_check(graph, err));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t changes = 0;
        CLV_TRY(run_pass(graph, passes[i].run, evaluate, &changes, err));
        if (reports != NULL)
            reports[i] = (clv_pass_report){passes[i].name, changes, graph->n_nodes};
    }
    if (n_reports != NULL)
        *n_reports = n;
    clv_graph_release_unused(graph);
    return clv_graph_check(graph, err);
}
