/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_INFER_RULES_H
#define CLV_INFER_RULES_H

/** @file infer_rules.h: private to inference: one rule for each kind of operator (op.h). */

#include "base/error.h"
#include "graph/infer.h"
#include "graph/params.h"
#include "graph/params_quantize.h"

typedef clv_status clv_infer_rule(clv_graph *graph, const clv_node *node, clv_error *err);

clv_infer_rule infer_along_axis, infer_arg, infer_broadcast, infer_cast, infer_cast_like,
    infer_compare, infer_concat, infer_conv, infer_cum_sum, infer_det, infer_dropout, infer_einsum,
    infer_expand, infer_fill, infer_flatten, infer_gather, infer_gemm, infer_global_pool,
    infer_group_norm, infer_instance_norm, infer_layer_norm, infer_loss, infer_matmul,
    infer_mean_variance, infer_pad, infer_pool, infer_pow, infer_predicate, infer_reduce,
    infer_reshape, infer_same, infer_shape, infer_slice, infer_split, infer_squeeze, infer_top_k,
    infer_transpose, infer_unsqueeze, infer_variadic, infer_where;

clv_infer_rule infer_conv_integer, infer_conv_transpose, infer_dequantize, infer_dynamic_quantize,
    infer_matmul_integer, infer_max_pool, infer_max_unpool, infer_qlinear_conv,
    infer_qlinear_matmul, infer_quantize, infer_rnn;

clv_infer_rule infer_affine_grid, infer_center_crop_pad, infer_channel_shuffle, infer_col2im,
    infer_compress, infer_depth_to_space, infer_dft, infer_eye_like, infer_gather_elements,
    infer_gather_nd, infer_grid_sample, infer_mel, infer_nms, infer_non_zero, infer_one_hot,
    infer_range, infer_resize, infer_reverse_sequence, infer_roi_align, infer_scatter_elements,
    infer_scatter_nd, infer_signal_window, infer_size, infer_space_to_depth, infer_stft, infer_tile,
    infer_trilu, infer_unique;

/** Fail in the name of @p node. */
clv_status clv_infer_fail(clv_error *err, const clv_node *node, clv_status code, const char *what);

/** Set output @p i, when it is present, after checking that the shape is a possible one. */
clv_status clv_infer_set(clv_graph *graph, const clv_node *node, uint32_t i, clv_dtype dtype,
                         const clv_shape *shape, clv_error *err);

/** The same, where @p shape is the largest one that is possible: marks the output as bounded. */
clv_status clv_infer_set_bound(clv_graph *graph, const clv_node *node, uint32_t i, clv_dtype dtype,
                               const clv_shape *shape, clv_error *err);

/** The integers of a constant input, CLV_EUNSUPPORTED (with words) where it isn't constant. */
clv_status clv_infer_ints(int64_t *out, uint32_t *n_out, const clv_graph *graph,
                          const clv_node *node, uint32_t input, clv_error *err);

/** Check that scale and zero point have types that fit their data, all 8 bits wide. */
clv_status clv_infer_quantised_types(const clv_graph *graph, const clv_node *node,
                                     const clv_quantised *q, clv_error *err);

/** The same, and that there is one for all, or one for each of @p channels (nullable). */
clv_status clv_infer_quantised(const clv_graph *graph, const clv_node *node, const clv_quantised *q,
                               const int64_t *channels, clv_error *err);

/** Bring two shapes together as ONNX broadcasting does. @return CLV_OK, CLV_ESHAPE. */
clv_status clv_shape_broadcast(clv_shape *out, const clv_shape *a, const clv_shape *b);

#endif
