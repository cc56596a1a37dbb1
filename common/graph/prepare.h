/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PREPARE_H
#define CLV_PREPARE_H

/** @file prepare.h: from an imported graph to one that backends compile: the passes, in order. */

#include "graph/graph.h"

/** Compute one node whose inputs are all constant (or that needs only shapes). The passes need a
 *  kernel for that and kernels lie above this layer, so the caller gives one
 *  (clv_ref_evaluate() of kernel/ref/ref.h).
 *  @param inputs   n_inputs tensors; data NULL where absent.
 *  @param outputs  n_outputs tensors, typed and shaped, with memory.
 *  @return CLV_OK; CLV_EUNSUPPORTED leaves the node as it is. */
typedef clv_status (*clv_evaluate_fn)(const clv_graph *graph, const clv_node *node,
                                      const clv_tensor *inputs, clv_tensor *outputs);

/** What a pass did, for `cleave inspect` and the tests. */
typedef struct clv_pass_report {
    const char *name;
    uint32_t changes;
    uint32_t nodes_after;
} clv_pass_report;

#define CLV_MAX_PASSES 16u

/** Infer types and shapes, fold constants, then run every pass.
 *  @param evaluate     As above.
 *  @param reports      NULL, or room for CLV_MAX_PASSES.
 *  @param n_reports    NULL, or how many were filled.
 *  @return CLV_OK; errors of clv_infer_node(); CLV_ENOMEM. On failure the graph may be changed
 *          in part and is only good for clv_graph_free(). */
CLV_NODISCARD clv_status clv_graph_prepare(clv_graph *graph, clv_evaluate_fn evaluate,
                                           clv_pass_report *reports, uint32_t *n_reports,
                                           clv_error *err);

#endif
