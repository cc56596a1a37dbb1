/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_DENSE_H
#define CLV_DN_DENSE_H

/** @file dn_dense.h: convolution of bytes over all channels, channels last, by AVX2 code of our
 * own. Sums are exact for any weights: where a machine has no instructions for sums of products of
 *  bytes (VNNI), oneDNN's overflow for weights past 64, and are no faster.
 *
 *  The source, less its zero point, is widened to 16 bits a strip of rows at a time, with its
 *  padding (which is 0 then) around it. A window is a few runs of neighbouring numbers there. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/onednn/dn_curve.h"

#define CLV_DENSE_PANEL 16u /**< output channels that are made at a time */

/** How a tensor's numbers are stored. */
typedef enum clv_dense_type {
    CLV_DENSE_NONE, /**< there is none */
    CLV_DENSE_U8,
    CLV_DENSE_I8,
    CLV_DENSE_F32
} clv_dense_type;

/** y = clamp(curve(scale[c] * sum + bias[c] + residual_scale * residual), low, high). */
typedef struct clv_dense {
    size_t batch, channels, h, w, out_h, out_w, out_channels;
    size_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
    size_t padded_w;               /**< columns that windows reach */
    clv_dense_type x, y, residual; /**< x: bytes */
    int32_t zero;                  /**< the source's zero point */
    float low, high, residual_scale;
    clv_dn_curve curve;        /**< or none */
    const float *scale, *bias; /**< for whole panels */
    const int16_t *weights;    /**< clv_dense_pack()'s */
    const size_t *runs;        /**< n_runs: where each begins, from a window's first number */
    size_t n_runs, run;        /**< run: numbers of one, in pairs */
    size_t strip;              /**< output rows that are made at a time */
    size_t pieces;             /**< threads at most */
    size_t strip_elems;        /**< of one piece's scratch memory */
    size_t winograd;           /**< 0, or: by dn_winograd.h, which weights, strip and strip_elems
                                    are for, in tiles of so many columns */
} clv_dense;

/** Fill in what follows from the extents: padded_w, n_runs, run, strip, strip_elems.
 *  @return false for sizes that could wrap. */
bool clv_dense_plan(clv_dense *d);

/** @p out has clv_dense_n_runs elements. */
void clv_dense_fill_runs(size_t *out, const clv_dense *d);

/** Elements of the packed weights. */
size_t clv_dense_n_weights(const clv_dense *d);

/** Pack weight [o, c, ky, kx], which is at data[o * step + ((c * kernel_h + ky) * kernel_w + kx) *
 *  step_each]. @p out is zero. */
void clv_dense_pack(int16_t *out, const clv_dense *d, const int8_t *data, size_t step,
                    size_t step_each);

/** Piece @p piece of the convolution. @p scratch is strip_elems numbers, the piece's own. */
void clv_dense_avx2(const clv_dense *d, const void *x, void *y, const void *residual,
                    int16_t *scratch, size_t piece);

#endif
