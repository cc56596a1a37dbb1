/* SPDX-License-Identifier: Apache-2.0 */
/* Which cuts are worth a ladder. */
#include <string.h>

#include "compress/codec_ladder.h"
#include "graph/frontier.h"

typedef struct stair {
    uint32_t cut;
    size_t bytes;
} stair;

static size_t bytes_at(const clv_graph *graph, const clv_frontiers *frontiers, uint32_t cut)
{
    clv_frontier frontier = clv_frontiers_at(frontiers, cut);
    size_t all = 0;

    for (uint32_t i = 0; i < frontier.count; i++) {
        size_t bytes = 0;
        if (clv_tensor_bytes(&bytes, &graph->values[frontier.values[i]].tensor) == CLV_OK)
            all += bytes;
    }
    return all;
}

/* The one that saves least over the one before it goes; the first one stays. */
static uint32_t least_step(const stair *stairs, uint32_t n)
{
    uint32_t worst = 1;

    for (uint32_t i = 1; i < n; i++) {
        double own = (double)stairs[i].bytes / (double)stairs[i - 1].bytes;
        double most = (double)stairs[worst].bytes / (double)stairs[worst - 1].bytes;
        worst = own > most ? i : worst;
    }
    return worst;
}

clv_status clv_ladder_cuts(uint32_t *cuts, uint32_t *n_out, const clv_graph *graph)
{
    clv_frontiers *frontiers = NULL;
    uint32_t n = 0;

    stair *stairs = clv_calloc(graph->n_nodes + 1u, sizeof *stairs);
    clv_status status = stairs != NULL ? clv_frontiers_create(&frontiers, graph) : CLV_ENOMEM;
    if (status != CLV_OK) {
        clv_free(stairs);
        return status;
    }
    size_t least = bytes_at(graph, frontiers, 0);
    for (uint32_t cut = 1; cut < graph->n_nodes; cut++) {
        size_t bytes = bytes_at(graph, frontiers, cut);
        if (bytes > 0 && bytes < least)
            stairs[n++] = (stair){cut, least = bytes};
    }
    while (n > CLV_LADDER_MAX_CUTS) {
        uint32_t worst = least_step(stairs, n--);
        memmove(&stairs[worst], &stairs[worst + 1], (n - worst) * sizeof *stairs);
    }
    for (uint32_t i = 0; i < n; i++)
        cuts[i] = stairs[i].cut;
    *n_out = n;
    clv_frontiers_free(frontiers);
    clv_free(stairs);
    return CLV_OK;
}
