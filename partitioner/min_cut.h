/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_MIN_CUT_H
#define CLV_MIN_CUT_H

/** @file min_cut.h: minimum cut of a small network, by push-relabel (A. Goldberg and R. Tarjan, "A
 *  New Approach to the Maximum-Flow Problem", 1988) with FIFO order, global relabelling and the
 *  gap heuristic. Only the cut is computed: excess that can't reach the sink stays where it is.
 *
 *  Capacities are doubles: the cut is exact where they and their sums are integers below 2^53, and
 *  otherwise as good as rounding allows. It always ends: each push empties its vertex or its arc.
 *  One owner; memory is kept from one network to the next. */

#include <stdbool.h>
#include <stdint.h>

#include <cleave/status.h>

typedef struct clv_min_cut clv_min_cut;

#define CLV_MIN_CUT_SOURCE 0u
#define CLV_MIN_CUT_SINK 1u

/** Room for networks of up to @p max_vertices, source and sink included, and @p max_arcs.
 *  @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_min_cut_create(clv_min_cut **out, uint32_t max_vertices,
                                            uint32_t max_arcs);
void clv_min_cut_free(clv_min_cut *cut); /* NULL is a no-op */

/** Start over with the source and the sink alone. */
void clv_min_cut_reset(clv_min_cut *cut);

/** @return the new vertex. There is room, or it is our bug. */
uint32_t clv_min_cut_vertex(clv_min_cut *cut);

/** An arc, and one the other way; INFINITY: it can't be cut. What leaves the source is finite. */
void clv_min_cut_arc(clv_min_cut *cut, uint32_t from, uint32_t to, double capacity,
                     double back_capacity);

/** Find the minimum cut with the most vertices on the source's side. */
void clv_min_cut_solve(clv_min_cut *cut);

/** Of the last solve. */
bool clv_min_cut_with_source(const clv_min_cut *cut, uint32_t vertex);

#endif
