/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_FRONTIER_H
#define CLV_FRONTIER_H

/** @file frontier.h: what travels at each cut.
 *
 *  The frontier of cut k is every value made before node k (graph inputs included, constants
 *  not) that node k or a later one uses, or that is a graph output. In order of value index. At
 *  cut 0 it is the inputs, at cut n_nodes the outputs. Immutable; threads may share it. */

#include "graph/graph.h"

typedef struct clv_frontiers clv_frontiers;

/** A run of value indices, borrowed from the clv_frontiers. */
typedef struct clv_frontier {
    const uint32_t *values;
    uint32_t count;
} clv_frontier;

/** All frontiers of a checked @p graph, cuts 0 .. n_nodes. @return CLV_OK, CLV_ENOMEM,
 *  CLV_ELIMIT (over 2^26 entries in all). */
CLV_NODISCARD clv_status clv_frontiers_create(clv_frontiers **out, const clv_graph *graph);
clv_frontier clv_frontiers_at(const clv_frontiers *frontiers, uint32_t cut);
void clv_frontiers_free(clv_frontiers *frontiers);

#endif
