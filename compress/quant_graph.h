/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_QUANT_GRAPH_H
#define CLV_QUANT_GRAPH_H

/** @file quant_graph.h: puts plan, ranges, weights and biases together into a quantised graph. */

#include "compress/calibrate.h"
#include "compress/quant_plan.h"
#include "compress/quant_weights.h"
#include "compress/range.h"

/** The int8 weights of one product. */
typedef struct clv_int8_weights {
    int8_t *bytes; /**< NULL: the node is none */
    float *scales;
    uint32_t axis, n_scales;
} clv_int8_weights;

/** Weights of all products of a plan, by node; they are quantised once, whatever is chosen later.
 */
CLV_NODISCARD clv_status clv_int8_weights_make(clv_int8_weights **out, clv_arena *memory,
                                               const clv_graph *graph, const clv_quant_plan *plan,
                                               const clv_weight_options *options);

/** The quant of each ranged value of @p plan, one for a group: from the histograms of the group's
 *  sources. @p quants has n_values elements; scale 0 where there is none. */
CLV_NODISCARD clv_status clv_quants_of_plan(clv_quant *quants, const clv_quant_plan *plan,
                                            const clv_calibration *calibration,
                                            clv_range_method method);

/** A copy of @p graph as @p plan says; @p graph lends it the constants that stay.
 *  @param bias  n_nodes: NULL, or the bias that a node has instead of its own (which it has: as
 * many floats). NULL: all as they are.
 *  @param stored  n_values: NULL, or the weights that a node in float has instead of its own. */
CLV_NODISCARD clv_status clv_quant_graph_make(clv_graph **out, const clv_graph *graph,
                                              const clv_quant_plan *plan, const clv_quant *quants,
                                              const clv_int8_weights *weights,
                                              const float *const *bias, const float *const *stored,
                                              clv_error *err);

#endif
