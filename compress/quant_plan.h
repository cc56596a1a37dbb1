/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_QUANT_PLAN_H
#define CLV_QUANT_PLAN_H

/** @file quant_plan.h: which nodes compute on bytes, which values are stored in bytes, and which
 *  values share a quant. Pure: shapes and operators only.
 *
 *  Products (Conv, Gemm, MatMul with constant weights) are what int8 is for. Between them,
 *  element-wise operators, pools and operators that only move numbers stay in bytes; outside of
 *  such a chain they stay float, because conversions would cost more than they gain. What only
 *  moves numbers gives its output the quant of its input, and a Concat's inputs that nobody else
 *  reads take that of its output, so that bytes are moved as they are. A value that only float
 *  nodes read is float32, whoever makes it: the last product writes float. */

#include "graph/graph.h"

typedef enum clv_quant_role {
    CLV_ROLE_FLOAT,   /**< has no int8 form, or none that pays */
    CLV_ROLE_PRODUCT, /**< sums of products with constant weights */
    CLV_ROLE_VALUES,  /**< element by element, averages */
    CLV_ROLE_MOVE     /**< the numbers of the output are numbers of the inputs (or 0) */
} clv_quant_role;

/** What node @p index may be. @p uses is of clv_graph_count_uses().
 *  @param[out] why  Static: what keeps it float. Set for CLV_ROLE_FLOAT. */
clv_quant_role clv_quant_role_of(const char **why, const clv_graph *graph, uint32_t index,
                                 const uint32_t *uses);

/** Whether input @p i of a node with a role other than FLOAT carries the numbers that it computes
 *  on (not weights, shapes, axes), and isn't constant. */
bool clv_quant_is_data(const clv_graph *graph, const clv_node *node, uint32_t i);

typedef struct clv_quant_plan {
    uint32_t n_nodes, n_values;
    clv_quant_role *roles; /**< n_nodes */
    const char **why;      /**< n_nodes: why it stays float, or NULL */
    bool *quantised;       /**< n_nodes */
    bool *bytes;           /**< n_values: stored as uint8 */
    bool *ranged;          /**< n_values: has a quant: stored in bytes, or read in bytes */
    bool *source;          /**< n_values: its numbers count for the range of its group; others are
                                moved copies of those */
    uint32_t *group;       /**< n_values: the same number for all values that share a quant */
    uint32_t *uses;        /**< n_values */
} clv_quant_plan;

/** @param keep_float  n_nodes: true keeps the node float whatever it is. NULL: none.
 *  @param[out] plan   All zero at first, or an earlier plan of the same graph. For
 *                     clv_quant_plan_done() in any case.
 *  @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_quant_plan_make(clv_quant_plan *plan, const clv_graph *graph,
                                             const bool *keep_float);
void clv_quant_plan_done(clv_quant_plan *plan); /* idempotent */

/** The dimension of a product's weights (its input 1) that counts output channels. */
uint32_t clv_quant_weights_axis(const clv_graph *graph, const clv_node *node);

#endif
