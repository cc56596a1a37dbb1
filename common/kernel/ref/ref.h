/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_REF_H
#define CLV_REF_H

/** @file ref.h: the plain C backend's kernels, for the passes and for other backends' tests.
 *
 *  A kernel is a function of one node and its tensors; all layouts are plain. It decodes the
 *  node's parameters itself (graph/params.h), so it has no state. */

#include "kernel/backend.h"

/** A clv_evaluate_fn (graph/prepare.h) that runs any node. CLV_EUNSUPPORTED for types without a
 *  kernel, CLV_ESHAPE for an index that is out of range. */
clv_status clv_ref_evaluate(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                            clv_tensor *outputs);

/** y = activation(x), in place, over @p n floats. */
void clv_ref_activate(float *data, size_t n, const clv_fusion *fusion);

#endif
