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

typedef struct clv_prepare_options {
    clv_evaluate_fn evaluate;
    /** Names of passes to leave out, to see what they do: each one's every run. "constants" infers
     *  types and shapes all the same and only folds nothing, which graphs with arithmetic on shapes
     *  don't survive. */
    const char *const *skip;
    size_t n_skip;
} clv_prepare_options;

/** What one run of a pass did, for `cleave inspect` and the tests. */
typedef struct clv_pass_report {
    const char *name;
    uint32_t changes;
    uint32_t nodes_after;
    bool skipped;
} clv_pass_report;

#define CLV_MAX_PASSES 32u /**< runs; a pass may run several times */

/** Infer types and shapes, fold constants, then run every pass.
 *  @param reports      NULL, or room for CLV_MAX_PASSES.
 *  @param n_reports    NULL, or how many were filled.
 *  @return CLV_OK; CLV_EINVAL for a name in `skip` that no pass has (@p err lists them); errors of
 *          clv_infer_node(); CLV_ENOMEM. On failure the graph may be changed in part and is only
 *          good for clv_graph_free(). */
CLV_NODISCARD clv_status clv_graph_prepare(clv_graph *graph, const clv_prepare_options *options,
                                           clv_pass_report *reports, uint32_t *n_reports,
                                           clv_error *err);

#endif
