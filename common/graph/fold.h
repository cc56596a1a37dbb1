/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_FOLD_H
#define CLV_FOLD_H

/** @file fold.h: a node whose result is known when the model is built becomes constants. */

#include "graph/prepare.h"

/** Where all that @p node reads is constant (or it reads shapes alone), compute it and give its
 *  outputs their data; the node itself is then the caller's to remove. Types and shapes must be
 *  there (infer.h).
 *  @param[out] folded_out  Whether it was; false also where @p evaluate has no kernel for it.
 *  @param folded_bytes     What folding has made so far, 0 at first; it has a limit.
 *  @return CLV_OK; CLV_ELIMIT, CLV_ENOMEM; what @p evaluate fails with. */
CLV_NODISCARD clv_status clv_fold_node(bool *folded_out, clv_graph *graph, const clv_node *node,
                                       clv_evaluate_fn evaluate, size_t *folded_bytes,
                                       clv_error *err);

#endif
