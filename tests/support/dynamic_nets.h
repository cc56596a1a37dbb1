/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DYNAMIC_NETS_H
#define CLV_DYNAMIC_NETS_H

/** @file dynamic_nets.h: two small networks whose shapes depend on data, and inputs by which they
 *  find nothing, something, or as much as is possible. Prepared; running out of memory aborts. */

#include "graph/graph.h"

/** x [1, 1, 6, 6] -> conv -> sigmoid -> > 0.5 -> NonZero, and what can be done with the positions.
 *  Outputs: scores [n] in descending order, positions [n, 4], their number in pairs [2n, 2], the
 *  first half of the scores [n / 2], the shape of the positions [2] and the sum of all. */
clv_graph *dynamic_points_create(void);

/** x [1, 6, 4, 4] -> conv -> boxes and scores of two classes -> NonMaxSuppression -> rows of box,
 *  class and score [n, 6], n at most 10. */
clv_graph *dynamic_detector_create(void);

typedef enum dynamic_find { DYNAMIC_NOTHING, DYNAMIC_SOME, DYNAMIC_ALL } dynamic_find;

/** Fill the input of either network. @return how many of the scores will be positive. */
uint32_t dynamic_input(float *data, const clv_graph *graph, dynamic_find find);

#endif
