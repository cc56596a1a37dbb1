/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PLANE_CHOICE_H
#define CLV_PLANE_CHOICE_H

/** @file plane_choice.h: which symbols an encoder takes for numbers. The nearest symbol isn't the
 *  best one: the next one towards zero may be so much cheaper, where it is coded, that it is worth
 *  its larger error. Of error^2 + price * bits, errors in steps, the less is taken, symbol by
 *  symbol in the order of coding, with the table that the symbols chosen before choose
 *  (rate-distortion optimised quantisation). Decoders don't know of it. Pure. */

#include "codec/plane_coder.h"

#define CLV_CHOICE_REACH 15u /**< numbers beyond are rounded to nearest */

/** Of a group, by context and symbol: how large a number must be to stay that. 2 KiB. */
typedef struct clv_plane_choice {
    /** Of n = symbol - zero: [n + CLV_CHOICE_REACH]; numbers under |n| - 1 + least / 64 go one
     *  nearer to zero. 0: none does. */
    uint8_t least[CLV_PLANE_CONTEXTS][2 * CLV_CHOICE_REACH + 2];
} clv_plane_choice;

/** @param centre  Of clv_point_quantiser, [levels].
 *  @param price   Squared steps that a bit may cost; 0: all numbers are rounded to nearest. */
void clv_plane_choice_make(clv_plane_choice *out, const clv_plane_group *group,
                           const int8_t *centre, double price);

/** The symbols nearest to @p n numbers, in steps, and for clv_planes_choose() how far each is from
 *  the symbol before. A NaN becomes any. */
void clv_plane_nearest(uint8_t *symbols, uint8_t *parts, const float *numbers, size_t n,
                       const clv_plane_group *group);

/** From the nearest symbols of all planes to those that are worth their bits.
 *  @param symbols  In: of clv_plane_nearest(). [planes * rows * cols], as @p parts.
 *  @param choices  Of every group.
 *  @param scratch  clv_plane_scratch_bytes(), of any alignment. */
void clv_planes_choose(uint8_t *symbols, const uint8_t *parts, const clv_plane_model *model,
                       const clv_plane_choice *choices, uint8_t *scratch);

#endif
