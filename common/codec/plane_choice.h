/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PLANE_CHOICE_H
#define CLV_PLANE_CHOICE_H

/** @file plane_choice.h: which symbols an encoder takes for numbers. The nearest symbol is not the
 *  best one: one towards zero may be so much cheaper, where it is coded, that it is worth its
 *  larger error. Of error^2 + price * bits, errors in steps, the least is taken, symbol by symbol
 *  in the order of coding, with the context that the neighbours make that were chosen before
 *  (rate-distortion optimised quantisation). Decoders don't know of it. Pure. */

#include "codec/plane_coder.h"

#define CLV_CHOICE_REACH 15u /**< numbers beyond are rounded to nearest */

/** Of a group: how large a number must be to stay in a symbol, by context and symbol. 1216 bytes */
typedef struct clv_plane_choice {
    /** In 128ths of a step, of symbol zero + n: [n + CLV_CHOICE_REACH]; less goes one nearer to
     *  zero. */
    int16_t least[CLV_PLANE_CONTEXTS][2 * CLV_CHOICE_REACH + 2];
} clv_plane_choice;

/** @param centre  Of clv_point_quantiser, [levels].
 *  @param price   Squared steps that a bit may cost, >= 0. */
void clv_plane_choice_make(clv_plane_choice *out, const clv_plane_group *group,
                           const int8_t *centre, double price);

/** Symbols for the numbers of a plane, in steps; a NaN becomes any.
 *  @param line  Scratch memory, cols + 2. */
void clv_plane_choose(uint8_t *symbols, const float *numbers, uint32_t rows, uint32_t cols,
                      const clv_plane_group *group, const clv_plane_choice *choice, uint8_t *line);

#endif
