/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_QUANT_SEARCH_H
#define CLV_QUANT_SEARCH_H

/** @file quant_search.h: which nodes go back to float. Pure: it is told how good an assignment is.
 *
 *  Nodes are ordered by what they cost for what they save. The shortest beginning of that order
 *  that is good enough in float is found by halving; then the nodes of it that save most are tried
 *  in int8 again, one by one. */

#include <stdbool.h>
#include <stdint.h>

#include <cleave/status.h>

typedef struct clv_search_node {
    uint32_t node;
    double cost; /**< of accuracy, in int8; any unit */
    double gain; /**< of time, in int8; any unit, > 0 */
} clv_search_node;

/** Measure an assignment: keep_float[node] for every node of the graph.
 *  @param[out] good  Whether it is within the limit. */
typedef clv_status (*clv_search_measure_fn)(void *context, const bool *keep_float, bool *good);

/** @param keep_float  In: all false, which is known not to be good. Out: the assignment.
 *  @param nodes       Reordered.
 *  @param returns     How many nodes may be tried in int8 again.
 *  @return CLV_OK; errors of measure(). */
CLV_NODISCARD clv_status clv_quant_search(bool *keep_float, clv_search_node *nodes, uint32_t n,
                                          uint32_t returns, clv_search_measure_fn measure,
                                          void *context);

#endif
