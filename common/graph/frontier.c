/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/frontier.h"

#include <string.h>

/* A net of 1,000 nodes has a few thousand; only a hostile graph of long lives has more. */
#define MAX_ENTRIES ((size_t)1 << 26)

struct clv_frontiers {
    uint32_t *starts; /* n_nodes + 2: the run of cut k is values[starts[k] .. starts[k + 1]) */
    uint32_t *values;
};

/* A value is in the frontier of the cuts first .. last. */
typedef struct span {
    uint32_t first, last;
    bool travels;
} span;

static void extend(span *s, uint32_t cut)
{
    s->travels = true;
    if (cut > s->last)
        s->last = cut;
}

/* Made by node p: there from cut p + 1 on. Last used by node u: needed up to cut u. An output is
 * needed to the end. An input that nobody uses still belongs to cut 0: the caller gives it. */
static void find_spans(const clv_graph *graph, span *spans)
{
    for (uint32_t v = 0; v < graph->n_values; v++) {
        uint32_t producer = graph->values[v].producer;
        spans[v].first = producer == CLV_NO_NODE ? 0 : producer + 1;
    }
    for (uint32_t i = 0; i < graph->n_inputs; i++)
        extend(&spans[graph->inputs[i]], 0);
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const clv_node *node = &graph->nodes[i];
        for (uint32_t j = 0; j < node->n_inputs; j++) {
            if (node->inputs[j] != CLV_NO_VALUE)
                extend(&spans[node->inputs[j]], i);
        }
    }
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        extend(&spans[graph->outputs[i]], graph->n_nodes);
    for (uint32_t v = 0; v < graph->n_values; v++) {
        if (clv_value_is_constant(&graph->values[v]) || spans[v].last < spans[v].first)
            spans[v].travels = false;
    }
}

static clv_status fill(clv_frontiers *f, const clv_graph *graph, const span *spans)
{
    size_t total = 0;

    for (uint32_t v = 0; v < graph->n_values; v++) {
        if (!spans[v].travels)
            continue;
        total += spans[v].last - spans[v].first + 1;
        for (uint32_t cut = spans[v].first; cut <= spans[v].last; cut++)
            f->starts[cut + 1]++;
    }
    if (total > MAX_ENTRIES)
        return CLV_ELIMIT;
    f->values = clv_calloc(total, sizeof *f->values);
    uint32_t *next = clv_calloc((size_t)graph->n_nodes + 2, sizeof *next);
    if (f->values == NULL || next == NULL) {
        clv_free(next);
        return CLV_ENOMEM;
    }
    for (uint32_t cut = 0; cut <= graph->n_nodes; cut++)
        f->starts[cut + 1] += f->starts[cut];
    memcpy(next, f->starts, ((size_t)graph->n_nodes + 2) * sizeof *next);
    for (uint32_t v = 0; v < graph->n_values; v++) {
        for (uint32_t cut = spans[v].first; spans[v].travels && cut <= spans[v].last; cut++)
            f->values[next[cut]++] = v;
    }
    clv_free(next);
    return CLV_OK;
}

clv_status clv_frontiers_create(clv_frontiers **out, const clv_graph *graph)
{
    clv_status status = CLV_ENOMEM;
    span *spans = clv_calloc(graph->n_values, sizeof *spans);
    clv_frontiers *f = clv_calloc(1, sizeof *f);
    if (spans == NULL || f == NULL)
        goto done;
    f->starts = clv_calloc((size_t)graph->n_nodes + 2, sizeof *f->starts);
    if (f->starts == NULL)
        goto done;
    find_spans(graph, spans);
    status = fill(f, graph, spans);
    if (status != CLV_OK)
        goto done;
    *out = f;
    f = NULL;
done:
    clv_frontiers_free(f);
    clv_free(spans);
    return status;
}

clv_frontier clv_frontiers_at(const clv_frontiers *frontiers, uint32_t cut)
{
    uint32_t start = frontiers->starts[cut];
    return (clv_frontier){frontiers->values + start, frontiers->starts[cut + 1] - start};
}

void clv_frontiers_free(clv_frontiers *frontiers)
{
    if (frontiers == NULL)
        return;
    clv_free(frontiers->starts);
    clv_free(frontiers->values);
    clv_free(frontiers);
}
