/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_WINOGRAD_H
#define CLV_DN_WINOGRAD_H

/** @file dn_winograd.h: 3x3 convolution of bytes in whole numbers by Winograd's F(2x4, 3x3) or
 *  F(2x2, 3x3): 8 outputs take 24 products instead of 72, or 4 take 16 instead of 36, of a window
 *  and weights that are transformed (Lavin and Gray, "Fast Algorithms for Convolutional Neural
 *  Networks", 2016). Where there is no VNNI, that many fewer instructions: exact sums of bytes then
 *  take as many as sums of 16 bits.
 *
 *  All is exact. The transforms of weights are multiplied by the denominators that they have, 2
 *  downwards and 2 or 24 across, so that sums are 4 or 48 times what they should be. Transformed
 *  windows (at most 510 * 2 or 510 * 10) and weights (128 * 9 or 128 * 3 * 24) stay in 16 bits;
 *  sums may wrap round in 32 bits on their way, as long as 4 or (a third is taken modulo 2^32) 16
 *  times the true ones fit. */

#include "kernel/onednn/dn_dense.h"

/** Whether @p d (its extents) can be done this way, and is faster so. */
bool clv_winograd_suits(const clv_dense *d);

/** Set winograd, strip (in rows of tiles) and strip_elems. */
void clv_winograd_plan(clv_dense *d);

size_t clv_winograd_n_weights(const clv_dense *d);

/** As clv_dense_pack() and clv_dense_avx2(). */
void clv_winograd_pack(int16_t *out, const clv_dense *d, const int8_t *data, size_t step,
                       size_t step_each);
void clv_winograd_avx2(const clv_dense *d, const void *x, void *y, const void *residual,
                       int16_t *scratch, size_t piece);

/* --- what planning and running share ------------------------------------------------------- */

#define CLV_WINOGRAD_ROWS 4u /**< of a window; tiles of the output have 2 */

/** Extents, and where the parts of a piece's scratch memory begin, in 16-bit numbers. */
typedef struct clv_winograd_scratch {
    size_t tiles_h, tiles_w; /**< of an image */
    size_t columns;          /**< that windows reach */
    size_t area;             /**< of a window */
    size_t blank;            /**< a row of bytes of the zero point */
    size_t rows;             /**< [4, columns, channels]: transformed downwards */
    size_t windows;          /**< [area, tile of the strip, channels] */
    size_t sums;             /**< [area, tile of the strip, channel of a panel], 32 bits each */
    size_t n;                /**< all */
} clv_winograd_scratch;
clv_winograd_scratch clv_winograd_scratch_of(const clv_dense *d, size_t strip);

#endif
