/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DETECTIONS_H
#define CLV_DETECTIONS_H

/** @file detections.h: how good the boxes of many pictures are: average precision against the
 *  truth, and the difference of two detectors. Pure; one owner of each set. */

#include "decode/decode.h"

/** A box on picture @c image, any number. Scores of the truth are ignored. */
typedef struct detection {
    uint32_t image;
    clv_box box;
} detection;

/** All zero is empty. */
typedef struct detection_set {
    detection *items;
    size_t count, room;
} detection_set;

/** @return CLV_OK; CLV_ENOMEM, and nothing was added. */
CLV_NODISCARD clv_status detection_set_add(detection_set *set, uint32_t image, const clv_box *boxes,
                                           size_t n);
void detection_set_done(detection_set *set); /* idempotent */

typedef struct detection_precision {
    double ap50; /* mean of the classes that the truth has; NaN when it is empty */
    uint32_t classes;
} detection_precision;

/** AP50 as COCO computes it: a box is right when it overlaps a box of its class and picture, not
 *  taken by a better-scored one, by an IoU of 0.5 or more (the one that it overlaps most); for each
 *  class the mean, over recalls of 0, 0.01 .. 1, of the best precision at that recall or higher.
 *  Crowds and areas are not treated apart. @return CLV_OK; CLV_ENOMEM. */
CLV_NODISCARD clv_status detection_ap50(detection_precision *out, const detection_set *truth,
                                        const detection_set *found);

typedef struct detection_difference {
    size_t matched, only_a, only_b;
    double box_error; /* mean |difference| of a matched pair's coordinates, pixels; NaN: no pair */
    double score_error; /* mean |difference| of their scores */
} detection_difference;

/** What differs between two sets over the same pictures. Pairs are made as for the precision, the
 *  best-scored of @p a first. @return CLV_OK; CLV_ENOMEM. */
CLV_NODISCARD clv_status detection_compare(detection_difference *out, const detection_set *a,
                                           const detection_set *b);

#endif
