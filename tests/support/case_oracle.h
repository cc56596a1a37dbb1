/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CASE_ORACLE_H
#define CLV_CASE_ORACLE_H

/** @file case_oracle.h: what operators give, as slowly and plainly as it can be written, in double
 *  precision: independent of the kernels and of the code that decodes their parameters. */

#include "support/case_node.h"

/** A window over one to three spatial dimensions, with what Conv and the pools add to it. */
typedef struct window_spec {
    uint32_t n; /**< spatial dimensions */
    int64_t batch, channels, in[3];
    int64_t kernel[3], stride[3], dilation[3];
    int64_t pads[6];                   /**< as ONNX has them: all beginnings, then all ends */
    bool ceil_mode, count_include_pad; /* pools */
    int64_t groups, out_channels;      /* Conv */
    bool bias, residual;
} window_spec;

/** @param w, bias, residual  As in ONNX; bias and residual may be NULL. */
void oracle_conv(float *y, const window_spec *spec, const float *x, const float *w,
                 const float *bias, const float *residual, const clv_fusion *fusion);
/** @param out  Spatial extents of the output. */
void oracle_pool(float *y, const window_spec *spec, const int64_t *out, bool is_max,
                 const float *x);

double oracle_activate(const clv_fusion *fusion, double x);

/** Where element @p flat of a tensor of shape @p out comes from in one of shape @p in that is
 *  broadcast to it. */
size_t oracle_broadcast_index(size_t flat, const clv_shape *out, const clv_shape *in);

/** y = alpha * op(a) * op(b) + beta * c; @p c (may be NULL) is broadcast to y. */
typedef struct gemm_spec {
    int64_t m, n, k;
    bool trans_a, trans_b;
    float alpha, beta;
} gemm_spec;
void oracle_gemm(float *y, const gemm_spec *spec, const float *a, const float *b,
                 const clv_tensor *c);

#endif
