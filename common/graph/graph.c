/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "graph/attr.h"
#include "graph/name_table.h"

/* Constant data that the graph owns. Freed with it, or when no node uses the value any more. */
typedef struct clv_blob {
    struct clv_blob *next;
    void *data;
} clv_blob;

clv_status clv_graph_create(clv_graph **out, const char *name)
{
    clv_graph *graph = clv_calloc(1, sizeof *graph);
    if (graph == NULL)
        return CLV_ENOMEM;
    graph->name = clv_arena_strndup(&graph->arena, name, strlen(name));
    if (graph->name == NULL || clv_name_table_create(&graph->names) != CLV_OK) {
        clv_graph_free(graph);
        return CLV_ENOMEM;
    }
    *out = graph;
    return CLV_OK;
}

void clv_graph_free(clv_graph *graph)
{
    if (graph == NULL)
        return;
    while (graph->blobs != NULL) {
        clv_blob *next = graph->blobs->next;
        clv_free(graph->blobs->data);
        clv_free(graph->blobs);
        graph->blobs = next;
    }
    clv_name_table_free(graph->names);
    clv_free(graph->values);
    clv_free(graph->nodes);
    clv_free(graph->inputs);
    clv_free(graph->outputs);
    clv_arena_done(&graph->arena);
    clv_free(graph);
}

/* Make room for one more element of an array that grows by doubling. */
static clv_status reserve_one(void **array, uint32_t *cap, uint32_t used, size_t size)
{
    if (used < *cap)
        return CLV_OK;
    uint32_t target = *cap ? *cap * 2 : 16;
    void *grown = clv_realloc_array(*array, target, size);
    if (grown == NULL)
        return CLV_ENOMEM;
    *array = grown;
    *cap = target;
    return CLV_OK;
}

clv_status clv_graph_add_value(uint32_t *out, clv_graph *graph, const char *name)
{
    if (graph->n_values >= CLV_GRAPH_MAX_VALUES)
        return CLV_ELIMIT;
    if (clv_graph_find_value(graph, name) != CLV_NO_VALUE)
        return CLV_EFORMAT;
    CLV_TRY(reserve_one((void **)&graph->values, &graph->cap_values, graph->n_values,
                        sizeof *graph->values));
    char *copy = clv_arena_strndup(&graph->arena, name, strlen(name));
    if (copy == NULL)
        return CLV_ENOMEM;
    CLV_TRY(clv_name_table_add(graph->names, copy, graph->n_values));
    graph->values[graph->n_values] = (clv_value){.name = copy, .producer = CLV_NO_NODE};
    *out = graph->n_values++;
    return CLV_OK;
}

uint32_t clv_graph_find_value(const clv_graph *graph, const char *name)
{
    return clv_name_table_find(graph->names, name);
}

const char *clv_graph_fresh_name(clv_graph *graph, const char *stem)
{
    size_t cap = strlen(stem) + 16;
    char *name = clv_arena_alloc(&graph->arena, cap, 1);
    if (name == NULL)
        return NULL;
    (void)snprintf(name, cap, "%s", stem);
    while (clv_graph_find_value(graph, name) != CLV_NO_VALUE)
        (void)snprintf(name, cap, "%s.%u", stem, ++graph->n_fresh);
    return name;
}

void *clv_graph_own_data(clv_graph *graph, size_t bytes)
{
    clv_blob *blob = clv_calloc(1, sizeof *blob);
    if (blob == NULL)
        return NULL;
    blob->data = clv_alloc_aligned(bytes);
    if (blob->data == NULL) {
        clv_free(blob);
        return NULL;
    }
    blob->next = graph->blobs;
    graph->blobs = blob;
    return blob->data;
}

void clv_graph_set_constant(clv_graph *graph, uint32_t value, const clv_tensor *tensor)
{
    graph->values[value].tensor = *tensor;
    graph->values[value].bounded = false;
}

static int compare_pointers(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (void *const *)a;
    uintptr_t y = (uintptr_t) * (void *const *)b;
    return (x > y) - (x < y);
}

/* The data of constants in use, sorted; constants that nobody uses lose theirs. */
static size_t collect_used_data(clv_graph *graph, const uint32_t *uses, void **used)
{
    size_t n = 0;

    for (uint32_t v = 0; v < graph->n_values; v++) {
        if (uses[v] == 0)
            graph->values[v].tensor.data = NULL;
        else if (clv_value_is_constant(&graph->values[v]))
            used[n++] = graph->values[v].tensor.data;
    }
    qsort(used, n, sizeof *used, compare_pointers);
    return n;
}

void clv_graph_release_unused(clv_graph *graph)
{
    uint32_t *uses = clv_calloc(graph->n_values, sizeof *uses);
    void **used = clv_calloc(graph->n_values, sizeof *used);
    if (uses == NULL || used == NULL)
        goto done; /* nothing is lost but memory */

    clv_graph_count_uses(graph, uses);
    size_t n_used = collect_used_data(graph, uses, used);
    for (clv_blob **link = &graph->blobs; *link != NULL;) {
        clv_blob *blob = *link;
        if (bsearch(&blob->data, used, n_used, sizeof *used, compare_pointers) != NULL) {
            link = &blob->next;
            continue;
        }
        *link = blob->next;
        clv_free(blob->data);
        clv_free(blob);
    }
done:
    clv_free(used);
    clv_free(uses);
}

static uint32_t *copy_indices(clv_graph *graph, const uint32_t *indices, uint32_t n)
{
    uint32_t *copy = clv_arena_alloc(&graph->arena, n, sizeof *copy);
    if (copy != NULL && n > 0)
        memcpy(copy, indices, n * sizeof *copy);
    return copy;
}

static clv_status check_arity(const clv_node_desc *desc, clv_error *err)
{
    const clv_op_info *info = clv_op_describe(desc->op);

    if (desc->n_inputs < info->min_inputs || desc->n_inputs > info->max_inputs)
        return clv_fail(err, CLV_EFORMAT, desc->name, "%s takes %u to %u inputs, not %u",
                        info->name, info->min_inputs, info->max_inputs, desc->n_inputs);
    if (desc->n_outputs < info->min_outputs || desc->n_outputs > info->max_outputs)
        return clv_fail(err, CLV_EFORMAT, desc->name, "%s makes %u to %u outputs, not %u",
                        info->name, info->min_outputs, info->max_outputs, desc->n_outputs);
    return CLV_OK;
}

static clv_status check_indices(const clv_graph *graph, const clv_node_desc *desc, clv_error *err)
{
    const clv_op_info *info = clv_op_describe(desc->op);

    for (uint32_t i = 0; i < desc->n_inputs; i++) {
        bool absent = desc->inputs[i] == CLV_NO_VALUE;
        if (absent ? i < info->min_inputs : desc->inputs[i] >= graph->n_values)
            return clv_fail(err, CLV_EFORMAT, desc->name, "input %u of %s is missing", i,
                            info->name);
    }
    for (uint32_t i = 0; i < desc->n_outputs; i++) {
        uint32_t v = desc->outputs[i];
        if (v == CLV_NO_VALUE && i >= info->min_outputs)
            continue;
        if (v >= graph->n_values)
            return clv_fail(err, CLV_EFORMAT, desc->name, "output %u of %s is missing", i,
                            info->name);
        if (graph->values[v].producer != CLV_NO_NODE || clv_value_is_constant(&graph->values[v]))
            return clv_fail(err, CLV_EFORMAT, desc->name, "'%s' is made twice",
                            graph->values[v].name);
    }
    return CLV_OK;
}

clv_status clv_graph_add_node(clv_graph *graph, const clv_node_desc *desc, clv_error *err)
{
    if (graph->n_nodes >= CLV_GRAPH_MAX_NODES)
        return clv_fail(err, CLV_ELIMIT, desc->name, "more than %u nodes", CLV_GRAPH_MAX_NODES);
    CLV_TRY(check_arity(desc, err));
    CLV_TRY(check_indices(graph, desc, err));

    clv_node node = {
        .name = clv_arena_strndup(&graph->arena, desc->name, strlen(desc->name)),
        .op = desc->op,
        .n_inputs = desc->n_inputs,
        .n_outputs = desc->n_outputs,
        .n_attrs = desc->n_attrs,
        .inputs = copy_indices(graph, desc->inputs, desc->n_inputs),
        .outputs = copy_indices(graph, desc->outputs, desc->n_outputs),
        .attrs = clv_attrs_copy(&graph->arena, desc->attrs, desc->n_attrs),
        .fusion = desc->fusion,
        .quantised = desc->quantised,
    };
    if (node.name == NULL || node.inputs == NULL || node.outputs == NULL || node.attrs == NULL ||
        reserve_one((void **)&graph->nodes, &graph->cap_nodes, graph->n_nodes,
                    sizeof *graph->nodes) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, desc->name, "out of memory");
    for (uint32_t i = 0; i < node.n_outputs; i++) {
        if (node.outputs[i] != CLV_NO_VALUE)
            graph->values[node.outputs[i]].producer = graph->n_nodes;
    }
    graph->nodes[graph->n_nodes++] = node;
    return CLV_OK;
}

void clv_graph_remove_last_node(clv_graph *graph)
{
    const clv_node *node = &graph->nodes[--graph->n_nodes];

    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] != CLV_NO_VALUE)
            graph->values[node->outputs[i]].producer = CLV_NO_NODE;
    }
}

clv_status clv_graph_add_input(clv_graph *graph, uint32_t value)
{
    CLV_TRY(reserve_one((void **)&graph->inputs, &graph->cap_inputs, graph->n_inputs,
                        sizeof *graph->inputs));
    graph->inputs[graph->n_inputs++] = value;
    return CLV_OK;
}

clv_status clv_graph_add_output(clv_graph *graph, uint32_t value)
{
    CLV_TRY(reserve_one((void **)&graph->outputs, &graph->cap_outputs, graph->n_outputs,
                        sizeof *graph->outputs));
    graph->outputs[graph->n_outputs++] = value;
    return CLV_OK;
}

const clv_tensor *clv_node_input(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    if (i >= node->n_inputs || node->inputs[i] == CLV_NO_VALUE)
        return NULL;
    return &graph->values[node->inputs[i]].tensor;
}

const clv_tensor *clv_node_output(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    if (i >= node->n_outputs || node->outputs[i] == CLV_NO_VALUE)
        return NULL;
    return &graph->values[node->outputs[i]].tensor;
}

void clv_graph_count_uses(const clv_graph *graph, uint32_t *counts)
{
    memset(counts, 0, graph->n_values * sizeof *counts);
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const clv_node *node = &graph->nodes[i];
        for (uint32_t j = 0; j < node->n_inputs; j++) {
            if (node->inputs[j] != CLV_NO_VALUE)
                counts[node->inputs[j]]++;
        }
    }
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        counts[graph->outputs[i]]++;
}

char *clv_node_describe(char *dst, size_t cap, const clv_node *node)
{
    (void)snprintf(dst, cap, "node '%.120s' (%s)", node->name, clv_op_describe(node->op)->name);
    return dst;
}
