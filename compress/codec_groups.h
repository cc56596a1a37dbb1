/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CODEC_GROUPS_H
#define CLV_CODEC_GROUPS_H

/** @file codec_groups.h: planes of symbols sorted into groups, each with the tables that code its
 *  planes in the fewest bits. Pure; deterministic. */

#include "codec/plane_coder.h"

/** Symbols of [planes, count, rows, cols]: what each plane was on every image. They are numbers
 *  around 0, before a group's zero symbol is added. */
typedef struct clv_plane_samples {
    const int16_t *data;
    uint32_t planes, rows, cols;
    size_t count;
    /** Not NULL: symbols are bytes, this one is the zero; numbers are -zero .. 255 - zero. Else
     *  numbers are -15..15. */
    const uint8_t *byte_zero;
} clv_plane_samples;

/** @param[out] groups    Room for @p most.
 *  @param[out] group_of  [planes].
 *  @param[out] bits      [planes]: what all samples of a plane cost.
 *  @param[out] n_out     Groups used.
 *  @param contexts       Whether neighbours matter.
 *  @return CLV_OK; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_codec_group(clv_plane_group *groups, uint8_t *group_of, double *bits,
                                         uint32_t *n_out, const clv_plane_samples *samples,
                                         uint32_t most, bool contexts);

#endif
