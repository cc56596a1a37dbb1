/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_INFER_RULES_H
#define CLV_INFER_RULES_H

/** @file infer_rules.h: private to inference: one rule for each kind of operator (op.h). */

#include "base/error.h"
#include "graph/infer.h"
#include "graph/params.h"

typedef clv_status clv_infer_rule(clv_graph *graph, const clv_node *node, clv_error *err);

clv_infer_rule infer_broadcast, infer_cast, infer_concat, infer_conv, infer_dropout, infer_expand,
    infer_fill, infer_flatten, infer_gather, infer_gemm, infer_global_pool, infer_matmul, infer_pad,
    infer_pool, infer_reduce, infer_reshape, infer_same, infer_shape, infer_slice, infer_split,
    infer_squeeze, infer_transpose, infer_unsqueeze;

/** Fail in the name of @p node. */
clv_status clv_infer_fail(clv_error *err, const clv_node *node, clv_status code, const char *what);

/** Set output @p i, when it is present, after checking that the shape is a possible one. */
clv_status clv_infer_set(clv_graph *graph, const clv_node *node, uint32_t i, clv_dtype dtype,
                         const clv_shape *shape, clv_error *err);

/** The integers of a constant input, CLV_EUNSUPPORTED (with words) where it isn't constant. */
clv_status clv_infer_ints(int64_t *out, uint32_t *n_out, const clv_graph *graph,
                          const clv_node *node, uint32_t input, clv_error *err);

/** Bring two shapes together as ONNX broadcasting does. @return CLV_OK, CLV_ESHAPE. */
clv_status clv_shape_broadcast(clv_shape *out, const clv_shape *a, const clv_shape *b);

#endif
