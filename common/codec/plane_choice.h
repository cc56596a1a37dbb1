/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PLANE_CHOICE_H
#define CLV_PLANE_CHOICE_H

/** @file plane_choice.h: which symbols an encoder takes for numbers. The nearest symbol isn't the
 *  best one: one towards zero may be so much cheaper, where it is coded, that it is worth its
 *  larger error. Of error^2 + price * bits, errors in steps, the least is taken, symbol by symbol
 *  in the order of coding, with the table that the symbols chosen before choose (rate-distortion
 *  optimised quantisation). Decoders don't know of it. Pure. */

#include "codec/plane_coder.h"

#define CLV_CHOICE_REACH 15u /**< numbers beyond are rounded to nearest */

/** Of a group, by context and symbol: how large a number must be to stay that. 2 KiB. */
typedef struct clv_plane_choice {
    /** Of n = symbol - zero: [n + CLV_CHOICE_REACH]; numbers under |n| - 1 + least / 64 go one
     *  nearer to zero. */
    uint8_t least[CLV_PLANE_CONTEXTS][2 * CLV_CHOICE_REACH + 2];
} clv_plane_choice;

/** @param centre  Of clv_point_quantiser, [levels].
 *  @param price   Squared steps that a bit may cost, >= 0. */
void clv_plane_choice_make(clv_plane_choice *out, const clv_plane_group *group,
                           const int8_t *centre, double price);

/** What the planes chosen so far say of every place, for the next one's contexts. */
typedef struct clv_plane_places {
    uint32_t rows, cols;
    uint8_t *activity; /**< [rows * cols]; plane_context.h */
    uint8_t *sums;     /**< likewise: deviations of the planes since the activity was found */
    uint8_t *line;     /**< [cols + 2]: classes of the row above, with one more on each side */
    uint32_t count;    /**< planes in sums */
} clv_plane_places;

size_t clv_plane_places_bytes(uint32_t rows, uint32_t cols);

/** @param scratch  clv_plane_places_bytes(), of any alignment. */
void clv_plane_places_begin(clv_plane_places *out, uint32_t rows, uint32_t cols, uint8_t *scratch);

/** Symbols for the numbers of the next plane, in steps; a NaN becomes any. */
void clv_plane_choose(uint8_t *symbols, const float *numbers, clv_plane_places *places,
                      const clv_plane_group *group, const clv_plane_choice *choice);

#endif
