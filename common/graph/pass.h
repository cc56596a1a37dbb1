/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PASS_H
#define CLV_PASS_H

/** @file pass.h: private to preparation: the passes and what they share.
 *
 *  A pass goes over the nodes once, in order. It rewrites nodes where they stand, marks nodes as
 *  dead and redirects values; dead nodes go and redirections are applied at its end, all at once,
 *  so a pass stays linear in the size of the graph. What it rewrites keeps its outputs, so the
 *  graph's outputs keep their names. */

#include "base/error.h"
#include "graph/graph.h"
#include "graph/prepare.h"

/** One run of one pass. */
typedef struct clv_pass {
    clv_graph *graph;
    clv_evaluate_fn evaluate; /**< NULL: constants stay unfolded */
    bool *dead;               /**< n_nodes: removed at the end */
    uint32_t *instead;        /**< n_values: what users read from now on (itself at first) */
    uint32_t *uses;           /**< n_values: uses, kept by the functions below */
    bool *is_output;          /**< n_values: one of the graph's */
    size_t new_bytes;         /**< weights made so far */
    uint32_t changes;
    uint32_t cap_values; /**< the arrays' size; values added by the pass lie behind it */
} clv_pass;

typedef clv_status clv_pass_fn(clv_pass *pass, clv_error *err);

/** Types, shapes and constants, in one sweep: shape arithmetic folds away as it is met. Weights in
 *  bytes of a quantised model are left to the pass qdq and to the second sweep, behind it. */
clv_pass_fn clv_pass_constants, clv_pass_remaining_constants;
/** Nodes that do nothing: Identity, Dropout, x + 0, x * 1, Reshapes to the same shape. */
clv_pass_fn clv_pass_identity;
/** Nodes that no output needs. */
clv_pass_fn clv_pass_dead_nodes;
/** Nodes that compute what one before them did, and constants that are equal. */
clv_pass_fn clv_pass_cse;
/** Casts of casts. */
clv_pass_fn clv_pass_cast;
/** Transposes that cancel, merge or move nothing. */
clv_pass_fn clv_pass_transpose;
/** Reshapes of reshapes. */
clv_pass_fn clv_pass_reshape;
/** Reshape, Transpose, Reshape as ChannelShuffle. */
clv_pass_fn clv_pass_channel_shuffle;
/** x * f(x) as exporters write it: HardSwish, Swish (SiLU), Mish. */
clv_pass_fn clv_pass_hard_swish, clv_pass_swish, clv_pass_mish;
/** Gelu, exact or by tanh. */
clv_pass_fn clv_pass_gelu;
/** LayerNormalization from its arithmetic. */
clv_pass_fn clv_pass_layer_norm;
/** BatchNormalization, and Mul, Add, Sub, Div by constants, into the weights beside them. */
clv_pass_fn clv_pass_batch_norm, clv_pass_affine;
/** Pad into the convolution or pooling behind it. */
clv_pass_fn clv_pass_pad;
/** Residual sums and activations into the convolution (or Add) before them. */
clv_pass_fn clv_pass_fusion;

/** Operators between DequantizeLinear and QuantizeLinear, and QLinear ones, as nodes that compute
 * on bytes. */
clv_pass_fn clv_pass_qdq;

/** The node that makes @p value when this is its only use and it is not an output of the graph;
 *  CLV_NO_NODE otherwise. */
uint32_t clv_pass_sole_producer(const clv_pass *pass, uint32_t value);

/** Let @p node read what its inputs were redirected to in this run: what passes that look at more
 *  than one node do first with each. */
void clv_pass_resolve(clv_pass *pass, clv_node *node);

/** Remove node @p index: everybody reads @p value instead of its output 0. A graph's output keeps
 *  its name, by renaming @p value; where that can't be (it is another of the graph's outputs, an
 *  input or a constant) the node stays.
 *  @return whether it went. */
bool clv_pass_bypass(clv_pass *pass, uint32_t index, uint32_t value);

/** Make node @p index another one: its output 0 stays, types and shapes are inferred again, and
 *  what only the old inputs needed is dead.
 *  @param desc  op, inputs and attributes; names and outputs are kept. */
CLV_NODISCARD clv_status clv_pass_rewrite(clv_pass *pass, uint32_t index, const clv_node_desc *desc,
                                          clv_error *err);

/** A new constant of the graph, named after @p stem, with memory for its data.
 *  @param[out] out  Its value; its tensor's data is zeroed. */
CLV_NODISCARD clv_status clv_pass_new_constant(uint32_t *out, clv_graph *graph, const char *stem,
                                               clv_dtype dtype, const clv_shape *shape,
                                               clv_error *err);

#endif
