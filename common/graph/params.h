/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PARAMS_H
#define CLV_PARAMS_H

/** @file params.h: a node's attributes as numbers, decoded and checked once for shape rules,
 *  reference kernels and oneDNN alike. Nodes must have typed, shaped inputs. */

#include "graph/graph.h"

#define CLV_MAX_SPATIAL 3u
#define CLV_MAX_DET 32 /**< rows of the matrices that Det takes */

/** A sliding window over 1 to 3 spatial dimensions (Conv, MaxPool, AveragePool). */
typedef struct clv_window {
    uint32_t n; /**< spatial dimensions */
    int64_t kernel[CLV_MAX_SPATIAL];
    int64_t stride[CLV_MAX_SPATIAL];
    int64_t dilation[CLV_MAX_SPATIAL];  /**< 1 is dense */
    int64_t pad_begin[CLV_MAX_SPATIAL]; /**< auto_pad is resolved */
    int64_t pad_end[CLV_MAX_SPATIAL];   /**< as written, without what ceil_mode adds */
    int64_t out[CLV_MAX_SPATIAL];       /**< output extent */
} clv_window;

/** Conv: x [n, groups * ci, spatial...], w [co, ci, kernel...], bias [co] or absent,
 *  residual of the output's shape or absent. ConvTranspose: w [groups * ci, co / groups, kernel...]
 *  and the window goes over the output. */
typedef struct clv_conv_params {
    clv_window window;
    int64_t groups;
    int64_t out_channels;
    bool has_bias;
    bool has_residual;
} clv_conv_params;

typedef struct clv_pool_params {
    clv_window window;
    bool count_include_pad; /**< AveragePool: padding counts in the divisor */
    bool column_major;      /**< MaxPool: how Indices count within a channel */
} clv_pool_params;

typedef struct clv_gemm_params {
    float alpha, beta;
    bool trans_a, trans_b;
    int64_t m, n, k;
} clv_gemm_params;

/** Slice, per axis of the input: elements begin, begin + step, ... (count of them). */
typedef struct clv_slice_params {
    int64_t begin[CLV_MAX_RANK];
    int64_t step[CLV_MAX_RANK];
    int64_t count[CLV_MAX_RANK];
    int64_t most[CLV_MAX_RANK]; /**< the largest count if the input may also be smaller */
} clv_slice_params;

/** Which input has the weights and the bias of Conv, ConvInteger and QLinearConv. */
static inline uint32_t clv_conv_weights_input(clv_op op)
{
    return op == CLV_OP_QLINEAR_CONV ? 3 : 1;
}

static inline uint32_t clv_conv_bias_input(clv_op op)
{
    return op == CLV_OP_QLINEAR_CONV ? 8 : op == CLV_OP_CONV_INTEGER ? CLV_MANY : 2;
}

/** @return CLV_OK; CLV_ESHAPE or CLV_EFORMAT (with @p err) for what doesn't fit. */
CLV_NODISCARD clv_status clv_conv_params_of(clv_conv_params *out, const clv_graph *graph,
                                            const clv_node *node, clv_error *err);
CLV_NODISCARD clv_status clv_conv_transpose_params_of(clv_conv_params *out, const clv_graph *graph,
                                                      const clv_node *node, clv_error *err);
CLV_NODISCARD clv_status clv_pool_params_of(clv_pool_params *out, const clv_graph *graph,
                                            const clv_node *node, clv_error *err);
CLV_NODISCARD clv_status clv_max_unpool_params_of(clv_window *out, const clv_graph *graph,
                                                  const clv_node *node, clv_error *err);
CLV_NODISCARD clv_status clv_gemm_params_of(clv_gemm_params *out, const clv_graph *graph,
                                            const clv_node *node, clv_error *err);
CLV_NODISCARD clv_status clv_slice_params_of(clv_slice_params *out, const clv_graph *graph,
                                             const clv_node *node, clv_error *err);

/** Clip's bounds: -INFINITY / INFINITY where absent. CLV_EUNSUPPORTED when not constant. */
CLV_NODISCARD clv_status clv_clip_params_of(float *min_out, float *max_out, const clv_graph *graph,
                                            const clv_node *node, clv_error *err);

/** The padding of Pad, per axis. CLV_EUNSUPPORTED when not constant. */
CLV_NODISCARD clv_status clv_pad_params_of(int64_t begin[CLV_MAX_RANK], int64_t end[CLV_MAX_RANK],
                                           const clv_graph *graph, const clv_node *node,
                                           clv_error *err);

/** Axes of a reduction as a bit mask over the input's rank (all of them where none is named). */
CLV_NODISCARD clv_status clv_reduce_axes_of(uint32_t *mask_out, const clv_graph *graph,
                                            const clv_node *node, clv_error *err);

/** The same for MeanVarianceNormalization: 0, 2 and 3 where none is named. */
CLV_NODISCARD clv_status clv_mvn_axes_of(uint32_t *mask_out, const clv_graph *graph,
                                         const clv_node *node, clv_error *err);

/** An axis attribute in [-rank, rank) as one in [0, rank). */
CLV_NODISCARD clv_status clv_axis_of(uint32_t *out, int64_t axis, uint32_t rank,
                                     const clv_node *node, clv_error *err);

/** Element @p i of a tensor that has it, as a number. NAN for float16. As an integer it is cut off
 *  towards zero and saturated; NAN is INT64_MIN. */
double clv_element_number(const clv_tensor *tensor, size_t i);
int64_t clv_element_int(const clv_tensor *tensor, size_t i);

/** The number that a tensor of one element holds.
 *  @return CLV_OK; CLV_EUNSUPPORTED when it has no data; CLV_ESHAPE when it is no single number. */
CLV_NODISCARD clv_status clv_tensor_read_int(int64_t *out, const clv_tensor *tensor);
CLV_NODISCARD clv_status clv_tensor_read_number(double *out, const clv_tensor *tensor);

/** The fused activation that the operator of @p node would be (Relu, Clip, ...).
 *  @return false when it is no activation, or its bounds aren't constant. */
bool clv_activation_of(clv_fusion *out, const clv_graph *graph, const clv_node *node);

#endif
