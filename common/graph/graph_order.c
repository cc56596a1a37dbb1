/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"

/* Where each node comes to stand; CLV_NO_NODE: nowhere. */
static clv_status find_places(uint32_t *place, const clv_graph *graph, const uint32_t *order)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        place[i] = CLV_NO_NODE;
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        if (order[i] >= graph->n_nodes || place[order[i]] != CLV_NO_NODE)
            return CLV_EINVAL;
        place[order[i]] = i;
    }
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        for (uint32_t j = 0; j < graph->nodes[i].n_inputs; j++) {
            uint32_t v = graph->nodes[i].inputs[j];
            uint32_t producer = v == CLV_NO_VALUE ? CLV_NO_NODE : graph->values[v].producer;
            if (producer != CLV_NO_NODE && place[producer] >= place[i])
                return CLV_EINVAL;
        }
    }
    return CLV_OK;
}

clv_status clv_graph_reorder(clv_graph *graph, const uint32_t *order)
{
    clv_status status = CLV_ENOMEM;
    uint32_t *place = clv_calloc((size_t)graph->n_nodes + 1, sizeof *place);
    clv_node *nodes = clv_calloc((size_t)graph->n_nodes + 1, sizeof *nodes);
    if (place == NULL || nodes == NULL)
        goto done;
    status = find_places(place, graph, order);
    if (status != CLV_OK)
        goto done;
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        nodes[i] = graph->nodes[order[i]];
    memcpy(graph->nodes, nodes, graph->n_nodes * sizeof *nodes);
    for (uint32_t v = 0; v < graph->n_values; v++) {
        uint32_t *producer = &graph->values[v].producer;
        *producer = *producer == CLV_NO_NODE ? CLV_NO_NODE : place[*producer];
    }
done:
    clv_free(place);
    clv_free(nodes);
    return status;
}
