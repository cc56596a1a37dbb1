/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/prepare.h"

#include <stdio.h>
#include <string.h>

#include "graph/pass.h"

static const struct {
    const char *name;
    clv_pass_fn *run;
} passes[] = {
    {"constants", clv_pass_constants},
    {"identity", clv_pass_identity},
    {"dead-nodes", clv_pass_dead_nodes},
    {"cse", clv_pass_cse},
    {"cast", clv_pass_cast},
    {"transpose", clv_pass_transpose},
    {"channel-shuffle", clv_pass_channel_shuffle},
    {"reshape", clv_pass_reshape},
    {"hard-swish", clv_pass_hard_swish},
    {"swish", clv_pass_swish},
    {"mish", clv_pass_mish},
    {"gelu", clv_pass_gelu},
    {"layer-norm", clv_pass_layer_norm},
    {"dead-nodes", clv_pass_dead_nodes},
    {"affine", clv_pass_affine},
    {"batch-norm", clv_pass_batch_norm},
    {"affine", clv_pass_affine},
    {"pad", clv_pass_pad},
    {"fusion", clv_pass_fusion},
    {"qdq", clv_pass_qdq},
    {"dead-nodes", clv_pass_dead_nodes},
    {"constants", clv_pass_remaining_constants},
};
#define N_PASSES (sizeof passes / sizeof passes[0])
_Static_assert(N_PASSES <= CLV_MAX_PASSES, "reports have room for all");

static void redirect(clv_pass *pass)
{
    clv_graph *graph = pass->graph;

    for (uint32_t i = 0; i < graph->n_nodes; i++)
        clv_pass_resolve(pass, &graph->nodes[i]);
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
    pass.is_output = clv_calloc(graph->n_values, sizeof *pass.is_output);
    if (pass.dead == NULL || pass.instead == NULL || pass.uses == NULL || pass.is_output == NULL) {
        status = clv_fail(err, CLV_ENOMEM, graph->name, "out of memory");
        goto done;
    }
    for (uint32_t i = 0; i < graph->n_values; i++)
        pass.instead[i] = i;
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        pass.is_output[graph->outputs[i]] = true;
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
    clv_free(pass.is_output);
    return status;
}

static bool is_skipped(const clv_prepare_options *options, const char *name)
{
    for (size_t i = 0; i < options->n_skip; i++) {
        if (strcmp(options->skip[i], name) == 0)
            return true;
    }
    return false;
}

/* "constants, identity, ...", each once. */
static void list_names(char *dst, size_t cap)
{
    size_t used = 0;

    for (size_t i = 0; i < N_PASSES; i++) {
        bool again = false;
        for (size_t j = 0; j < i; j++)
            again |= strcmp(passes[j].name, passes[i].name) == 0;
        if (!again && used < cap)
            used +=
                (size_t)snprintf(dst + used, cap - used, "%s%s", i > 0 ? ", " : "", passes[i].name);
    }
}

static clv_status check_names(const clv_prepare_options *options, clv_error *err)
{
    char names[256];

    for (size_t i = 0; i < options->n_skip; i++) {
        bool found = false;
        for (size_t j = 0; j < N_PASSES; j++)
            found |= strcmp(passes[j].name, options->skip[i]) == 0;
        if (found)
            continue;
        list_names(names, sizeof names);
        return clv_fail(err, CLV_EINVAL, options->skip[i], "no such pass; there are %s", names);
    }
    return CLV_OK;
}

clv_status clv_graph_prepare(clv_graph *graph, const clv_prepare_options *options,
                             clv_pass_report *reports, uint32_t *n_reports, clv_error *err)
{
    CLV_TRY(check_names(options, err));
    CLV_TRY(clv_graph_check(graph, err));
    for (size_t i = 0; i < N_PASSES; i++) {
        bool skip = is_skipped(options, passes[i].name);
        uint32_t changes = 0;
        if (!skip || passes[i].run == clv_pass_constants)
            CLV_TRY(run_pass(graph, passes[i].run, skip ? NULL : options->evaluate, &changes, err));
        if (reports != NULL)
            reports[i] = (clv_pass_report){passes[i].name, changes, graph->n_nodes, skip};
    }
    if (n_reports != NULL)
        *n_reports = N_PASSES;
    clv_graph_release_unused(graph);
    return clv_graph_check(graph, err);
}
