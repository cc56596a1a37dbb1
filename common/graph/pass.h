/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PASS_H
#define CLV_PASS_H

/** @file pass.h: private to preparation: the passes and what they share.
 *
 *  A pass marks nodes as dead and redirects values; clv_pass_finish() applies both at once, so a
 *  pass stays linear in the size of the graph. */

#include "base/error.h"
#include "graph/graph.h"
#include "graph/prepare.h"

/** One run of one pass. */
typedef struct clv_pass {
    clv_graph *graph;
    clv_evaluate_fn evaluate;
    bool *dead;        /**< n_nodes: removed at the end */
    uint32_t *instead; /**< n_values: what users of the value read from now on (itself at first) */
    uint32_t *uses;    /**< n_values: uses at the start of the pass */
    uint32_t changes;
    uint32_t cap_values; /**< the arrays' size; values added by the pass lie behind it */
} clv_pass;

typedef clv_status clv_pass_fn(clv_pass *pass, clv_error *err);

/** Types, shapes and constants, in one sweep: shape arithmetic folds away as it is met. */
clv_pass_fn clv_pass_constants;
/** Identity, Dropout, casts to the same type and Reshapes to the same shape. */
clv_pass_fn clv_pass_identity;
/** BatchNormalization into the convolution before it. */
clv_pass_fn clv_pass_batch_norm;
/** Residual sums and activations into the convolution (or Add) before them. */
clv_pass_fn clv_pass_fusion;
/** Nodes that no output needs. */
clv_pass_fn clv_pass_dead_nodes;

/** Remove a node, whose output everybody reads from @p value instead. When the output is one of
 *  the graph's, the graph's names stay: see pass_identity.c. */
static inline void clv_pass_bypass(clv_pass *pass, uint32_t node, uint32_t output, uint32_t value)
{
    pass->dead[node] = true;
    pass->instead[output] = value;
    pass->changes++;
}

/** The node that makes @p value when this is its only use and it is not an output of the graph;
 *  CLV_NO_NODE otherwise. */
uint32_t clv_pass_sole_producer(const clv_pass *pass, uint32_t value);

/** A new constant of the graph, named after @p stem, with memory for its data.
 *  @param[out] out  Its value; its tensor's data is zeroed. */
CLV_NODISCARD clv_status clv_pass_new_constant(uint32_t *out, clv_graph *graph, const char *stem,
                                               clv_dtype dtype, const clv_shape *shape,
                                               clv_error *err);

#endif
