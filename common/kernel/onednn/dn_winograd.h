/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_WINOGRAD_H
#define CLV_DN_WINOGRAD_H

/** @file dn_winograd.h: 3x3 convolution of bytes by Winograd's F(2x2, 3x3) in whole numbers: four
 *  outputs take 16 products of a window of 4x4 with weights that are transformed once, instead of
 * 36 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016).
 *
 *  The transform of weights has halves; it is taken twice along each side, so sums are four times
 *  what they should be, exactly: transformed bytes and weights stay in 16 bits (4 * 255, 9 * 128)
 *  and sums wrap round in 32 without harm as long as the last ones fit. Without VNNI, products of
 * 16 bits are as many an instruction as exact ones of bytes. */

#include "kernel/onednn/dn_dense.h"

/** Whether @p d (its extents) can be done this way, and is worth it. */
bool clv_winograd_suits(const clv_dense *d);

/** Set strip (rows of tiles here) and strip_elems. */
void clv_winograd_plan(clv_dense *d);

/** The rest as in dn_dense.h. */
size_t clv_winograd_n_weights(const clv_dense *d);
void clv_winograd_pack(int16_t *out, const clv_dense *d, const int8_t *data, size_t step,
                       size_t step_each);
void clv_winograd_avx2(const clv_dense *d, const void *x, void *y, const void *residual,
                       int16_t *scratch, size_t piece);

/* --- what planning and running share ------------------------------------------------------- */

#define CLV_WINOGRAD_SIDE 4u /**< of a window; tiles of the output have 2 */
#define CLV_WINOGRAD_AREA 16u

/** Where the parts of a piece's scratch memory begin, in 16-bit numbers. */
typedef struct clv_winograd_scratch {
    size_t tiles_h, tiles_w; /**< of an image */
    size_t columns;          /**< that windows reach */
    size_t blank;            /**< a row of bytes of the zero point */
    size_t rows;             /**< [4, columns, channels]: transformed downwards */
    size_t windows;          /**< [16, tile of the strip, channels] */
    size_t sums;             /**< [16, tile of the strip, channel of a panel], 32 bits each */
    size_t n;                /**< all */
} clv_winograd_scratch;
clv_winograd_scratch clv_winograd_scratch_of(const clv_dense *d, size_t strip);

#endif
