/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_REF_H
#define CLV_REF_H

/** @file ref.h: the plain C backend, and how its kernels are found.
 *
 *  A kernel is a function of one node and its tensors; all layouts are plain. It decodes the
 *  node's parameters itself (graph/params.h), so it has no state. */

#include "kernel/backend.h"

/** Compute @p node. Inputs and outputs are typed, shaped and have memory (absent: data NULL). */
typedef clv_status (*clv_ref_fn)(const clv_graph *graph, const clv_node *node,
                                 const clv_tensor *inputs, clv_tensor *outputs);

/** The kernel for @p op, or NULL. Which types it takes it says itself: CLV_EUNSUPPORTED. */
clv_ref_fn clv_ref_find(clv_op op);

/** A clv_evaluate_fn (graph/prepare.h) that runs any node. */
clv_status clv_ref_evaluate(const clv_graph *graph, const clv_node *node,
                            const clv_tensor *inputs, clv_tensor *outputs);

/** y = activation(x), in place, over @p n floats. */
void clv_ref_activate(float *data, size_t n, const clv_fusion *fusion);

#endif
