/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "graph/pass.h"

/* What is looked at for one key before it counts as new: keeps the pass linear in any graph. */
#define MAX_PROBES 64u

/* Indices of nodes or values by a hash of their content; open addressing. */
typedef struct table {
    uint32_t *index; /* UINT32_MAX: free */
    uint64_t *hash;
    size_t mask;
} table;

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t hash_bytes(uint64_t h, const void *data, size_t n)
{
    const unsigned char *bytes = data;
    uint64_t word = 0;
    size_t i = 0;

    for (; i + sizeof word <= n; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        h = mix(h, word);
    }
    word = 0;
    if (i < n)
        memcpy(&word, bytes + i, n - i);
    return mix(mix(h, word), n);
}

static clv_status table_init(table *t, uint32_t n, const char *name, clv_error *err)
{
    size_t size = 64;
    while (size < 2 * (size_t)n)
        size *= 2;
    *t = (table){clv_calloc(size, sizeof *t->index), clv_calloc(size, sizeof *t->hash), size - 1};
    if (t->index == NULL || t->hash == NULL)
        return clv_fail(err, CLV_ENOMEM, name, "out of memory");
    memset(t->index, 0xff, size * sizeof *t->index);
    return CLV_OK;
}

static void table_done(table *t)
{
    clv_free(t->index);
    clv_free(t->hash);
}

typedef bool same_fn(const clv_graph *graph, uint32_t a, uint32_t b);

/* The one entered before that is the same as @p index, which is entered otherwise. */
static uint32_t find_or_enter(table *t, const clv_graph *graph, uint32_t index, uint64_t hash,
                              same_fn *same)
{
    size_t at = hash & t->mask;
    for (uint32_t probe = 0; probe < MAX_PROBES; probe++, at = (at + 1) & t->mask) {
        if (t->index[at] == UINT32_MAX) {
            t->index[at] = index;
            t->hash[at] = hash;
            return index;
        }
        if (t->hash[at] == hash && same(graph, t->index[at], index))
            return t->index[at];
    }
    return index;
}

/* --- constants ----------------------------------------------------------------------------- */

static bool same_tensor(const clv_tensor *a, const clv_tensor *b)
{
    size_t bytes;
    return a->dtype == b->dtype && clv_shape_equal(&a->shape, &b->shape) &&
           clv_tensor_bytes(&bytes, a) == CLV_OK &&
           (a->data == b->data || memcmp(a->data, b->data, bytes) == 0);
}

static bool same_constant(const clv_graph *graph, uint32_t a, uint32_t b)
{
    return graph->values[a].quant == graph->values[b].quant &&
           same_tensor(&graph->values[a].tensor, &graph->values[b].tensor);
}

static uint64_t hash_tensor(const clv_tensor *tensor)
{
    size_t bytes;
    uint64_t h = mix(tensor->dtype, tensor->shape.rank);

    for (uint32_t i = 0; i < tensor->shape.rank; i++)
        h = mix(h, (uint64_t)tensor->shape.dim[i]);
    return clv_tensor_bytes(&bytes, tensor) == CLV_OK ? hash_bytes(h, tensor->data, bytes) : h;
}

static void merge_constants(clv_pass *pass, table *t)
{
    clv_graph *graph = pass->graph;

    for (uint32_t v = 0; v < pass->cap_values; v++) {
        const clv_tensor *tensor = &graph->values[v].tensor;
        if (tensor->data == NULL || pass->uses[v] == 0 || pass->is_output[v])
            continue;
        uint32_t first = find_or_enter(t, graph, v, hash_tensor(tensor), same_constant);
        if (first == v)
            continue;
        pass->instead[v] = first;
        pass->uses[first] += pass->uses[v];
        pass->changes++;
    }
}

/* --- nodes --------------------------------------------------------------------------------- */

/* Input 0 and 1 may change places without changing a bit of the result. */
static bool commutes(const clv_node *node)
{
    switch (node->op) {
    case CLV_OP_ADD:
    case CLV_OP_AND:
    case CLV_OP_EQUAL:
    case CLV_OP_MUL:
    case CLV_OP_OR:
    case CLV_OP_XOR:
        return true;
    default:
        return false;
    }
}

static bool same_inputs(const clv_node *a, const clv_node *b)
{
    if (commutes(a) && a->inputs[0] == b->inputs[1] && a->inputs[1] == b->inputs[0])
        return true;
    return memcmp(a->inputs, b->inputs, a->n_inputs * sizeof *a->inputs) == 0;
}

static bool same_attr(const clv_attr *a, const clv_attr *b)
{
    switch (a->type) {
    case CLV_ATTR_INT:
        return a->v.i == b->v.i;
    case CLV_ATTR_FLOAT:
        return memcmp(&a->v.f, &b->v.f, sizeof a->v.f) == 0;
    case CLV_ATTR_STRING:
        return strcmp(a->v.s, b->v.s) == 0;
    case CLV_ATTR_INTS:
        return a->count == b->count &&
               memcmp(a->v.ints, b->v.ints, a->count * sizeof *a->v.ints) == 0;
    case CLV_ATTR_FLOATS:
        return a->count == b->count &&
               memcmp(a->v.floats, b->v.floats, a->count * sizeof *a->v.floats) == 0;
    case CLV_ATTR_TENSOR:
        return same_tensor(&a->v.tensor, &b->v.tensor);
    }
    return false;
}

static bool same_attrs(const clv_node *a, const clv_node *b)
{
    for (uint32_t i = 0; i < a->n_attrs; i++) {
        const clv_attr *other = clv_node_attr(b, a->attrs[i].name, a->attrs[i].type);
        if (other == NULL || !same_attr(&a->attrs[i], other))
            return false;
    }
    return true;
}

static bool same_fusion(const clv_fusion *a, const clv_fusion *b)
{
    return a->activation == b->activation && memcmp(&a->alpha, &b->alpha, sizeof a->alpha) == 0 &&
           memcmp(&a->beta, &b->beta, sizeof a->beta) == 0;
}

static bool same_node(const clv_graph *graph, uint32_t i, uint32_t j)
{
    const clv_node *a = &graph->nodes[i], *b = &graph->nodes[j];

    if (a->op != b->op || a->n_inputs != b->n_inputs || a->n_outputs != b->n_outputs ||
        a->n_attrs != b->n_attrs || a->quantised != b->quantised)
        return false;
    for (uint32_t k = 0; k < a->n_outputs; k++) {
        if ((a->outputs[k] == CLV_NO_VALUE) != (b->outputs[k] == CLV_NO_VALUE))
            return false;
    }
    return same_fusion(&a->fusion, &b->fusion) && same_inputs(a, b) && same_attrs(a, b);
}

/* The attributes' order doesn't matter, so their hashes are added up. Whether one holds the bytes
 * that another one does is left to same_attr() but for what tells most nodes apart. */
static uint64_t hash_node(const clv_node *node)
{
    uint64_t h = mix(node->op, node->n_inputs), attrs = 0;

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        if (i == 0 && commutes(node)) /* the sum has no order */
            h = mix(h, (uint64_t)node->inputs[0] + node->inputs[1]);
        else if (i > 1 || !commutes(node))
            h = mix(h, node->inputs[i]);
    }
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        const clv_attr *attr = &node->attrs[i];
        uint64_t one = hash_bytes(attr->type, attr->name, strlen(attr->name));
        if (attr->type == CLV_ATTR_INT)
            one = mix(one, (uint64_t)attr->v.i);
        if (attr->type == CLV_ATTR_INTS)
            one = hash_bytes(one, attr->v.ints, attr->count * sizeof *attr->v.ints);
        attrs += one;
    }
    return mix(h, attrs);
}

static bool has_graph_output(const clv_pass *pass, const clv_node *node)
{
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] != CLV_NO_VALUE && pass->is_output[node->outputs[i]])
            return true;
    }
    return false;
}

/* Everybody reads the outputs of node @p first instead of those of node @p index. */
static void merge_node(clv_pass *pass, uint32_t index, uint32_t first)
{
    const clv_node *node = &pass->graph->nodes[index], *kept = &pass->graph->nodes[first];

    if (node->n_outputs == 1) {
        (void)clv_pass_bypass(pass, index, kept->outputs[0]);
        return;
    }
    if (has_graph_output(pass, node))
        return;
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] == CLV_NO_VALUE)
            continue;
        pass->instead[node->outputs[i]] = kept->outputs[i];
        pass->uses[kept->outputs[i]] += pass->uses[node->outputs[i]];
    }
    pass->dead[index] = true;
    pass->changes++;
}

clv_status clv_pass_cse(clv_pass *pass, clv_error *err)
{
    clv_graph *graph = pass->graph;
    table constants = {0}, nodes = {0};

    clv_status status = table_init(&constants, graph->n_values, graph->name, err);
    if (status == CLV_OK)
        status = table_init(&nodes, graph->n_nodes, graph->name, err);
    if (status != CLV_OK)
        goto done;
    merge_constants(pass, &constants);
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        clv_node *node = &graph->nodes[i];
        clv_pass_resolve(pass, node);
        if (node->n_outputs == 0)
            continue;
        uint32_t first = find_or_enter(&nodes, graph, i, hash_node(node), same_node);
        if (first != i && !pass->dead[first])
            merge_node(pass, i, first);
    }
done:
    table_done(&constants);
    table_done(&nodes);
    return status;
}
