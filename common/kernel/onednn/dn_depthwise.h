/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_DEPTHWISE_H
#define CLV_DN_DEPTHWISE_H

/** @file dn_depthwise.h: depthwise convolution of bytes, channels last, by code of our own:
 * oneDNN's is less than half as fast. Sums are exact in 32 bits on every machine, for any weights.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/onednn/dn_curve.h"

#define CLV_DEPTHWISE_LANES 16u   /**< channels that vector code takes at a time */
#define CLV_DEPTHWISE_MAX_ROWS 8u /**< of a kernel */

/** One depthwise convolution over two spatial dimensions (one is the other with height 1). */
typedef struct clv_depthwise {
    size_t batch, channels, h, w, out_h, out_w;
    size_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w;
    uint8_t flip;       /**< 0x80 where the source is int8: bytes come as x XOR flip */
    uint8_t zero;       /**< the source's zero point, flipped: what padding counts as */
    uint8_t out_flip;   /**< the same for the output: y is stored as y XOR out_flip */
    uint8_t low, high;  /**< the activation's bounds of y */
    clv_dn_curve curve; /**< or none */
    const float *scale; /**< y = round(curve(scale[c] * sum + bias[c])), the sum being of flipped */
    const float *bias;  /**< bytes; less than 2^31 in magnitude */
    const int8_t *weights; /**< [kernel_h, kernel_w, channels] */
    const uint8_t *blank;  /**< channels bytes that are zero (above) before they are flipped */
    const int16_t *pairs;  /**< clv_depthwise_pack()'s; NULL: plain C */
    unsigned threads;
} clv_depthwise;

/** Output rows [from, to) of all images together, in plain C. */
void clv_depthwise_plain(const clv_depthwise *d, const uint8_t *x, uint8_t *y, size_t from,
                         size_t to);

/** The same by AVX2 (clv_cpu_has_avx2()), for at least CLV_DEPTHWISE_LANES channels and at most
 *  CLV_DEPTHWISE_MAX_ROWS rows of a kernel.
 *  @param from, to  In units of clv_depthwise_avx2_rows() rows of one image. */
void clv_depthwise_avx2(const clv_depthwise *d, const uint8_t *x, uint8_t *y, size_t from,
                        size_t to);

/** Output rows that are made at a time. */
size_t clv_depthwise_avx2_rows(const clv_depthwise *d);

/** Weights as clv_depthwise_avx2() takes them. @return elements; @p out NULL only counts. */
size_t clv_depthwise_avx2_pack(int16_t *out, const clv_depthwise *d);

#endif
