/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_REF_H
#define CLV_REF_H

/** @file ref.h: the plain C backend's kernels, for the passes and for other backends' tests.
 *
 *  A kernel is a function of one node and its tensors; all layouts are plain. It decodes the
 *  node's parameters itself (graph/params.h), so it has no state. */

#include "kernel/backend.h"

/** A clv_evaluate_fn (graph/prepare.h) that runs any node but quantised ones. CLV_EUNSUPPORTED
 *  for those and for types without a kernel, CLV_ESHAPE for an index that is out of range. */
clv_status clv_ref_evaluate(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                            clv_tensor *outputs);

/** The same in memory that the caller has set up: outputs[n_outputs].data is scratch memory, of the
 *  bytes that compiling the node asked for. Nothing is allocated, types were checked then. Shapes
 *  are the true ones, in @p graph as well; an output whose shape depends on data (NonZero) comes
 *  with a bound of it, and memory for that, and leaves with its true shape. */
clv_status clv_ref_run(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                       clv_tensor *outputs);

/** y = activation(x), in place, over @p n floats. */
void clv_ref_activate(float *data, size_t n, const clv_fusion *fusion);

#endif
