/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_SWEEP_LANE_H
#define CLV_SWEEP_LANE_H

/** @file sweep_lane.h: one row of a codec sweep while it is measured. Pure; one owner. */

#include "tools/codec_sweep.h"
#include "tools/detections.h"

/** What a network says of a picture. */
typedef struct sweep_answer {
    int64_t best;     /* a classifier's class */
    clv_boxes *boxes; /* a detector's; NULL: it is none */
} sweep_answer;

/* A detector's boxes over all pictures: those that count for AP50, those of 0.2 and more, and those
 * of 0.4 and more. */
typedef struct sweep_boxes {
    detection_set all, likely, sure;
} sweep_boxes;

typedef enum sweep_way {
    SWEEP_CODEC,  /* of activation.h */
    SWEEP_EXTRA,  /* the job's */
    SWEEP_CAMERA, /* the file */
    SWEEP_JPEG,
    SWEEP_JPEG_FIT
} sweep_way;

typedef struct sweep_lane {
    codec_sweep_row row;
    sweep_way way;
    clv_codec codec;
    const clv_codec_tables *tables; /* of the cut, or NULL; `rans` uses rung row.point */
    const codec_sweep_extra *extra;
    double elems; /* that cross the cut, uncoded */
    /* measured */
    double *bytes; /* [images] */
    size_t n, agreed, right;
    sweep_boxes found; /* a detector's */
} sweep_lane;

/** What lanes are compared with. */
typedef struct sweep_truth {
    size_t images, labelled;
    bool detector;
    detection_set objects;        /* true boxes; may be empty */
    sweep_boxes found;            /* the float network's */
    const sweep_answer *expected; /* the float network's, of the picture at hand */
} sweep_truth;

/** @return CLV_OK; CLV_ENOMEM. */
CLV_NODISCARD clv_status sweep_lane_init(sweep_lane *lane, size_t images);
void sweep_lane_done(sweep_lane *lane); /* idempotent */

/** Add the boxes of picture @p image. @return CLV_OK; CLV_ENOMEM. */
CLV_NODISCARD clv_status sweep_boxes_add(sweep_boxes *out, size_t image, const clv_boxes *boxes);
void sweep_boxes_done(sweep_boxes *boxes); /* idempotent */

/** Count a message of @p bytes and what came of it.
 *  @param class_output  The output that stands for the picture's class; -1: it isn't known. */
CLV_NODISCARD clv_status sweep_lane_add(sweep_lane *lane, const sweep_truth *truth,
                                        const sweep_answer *answer, double bytes,
                                        int64_t class_output);

/** Fill the row with what all pictures came to. Sorts the bytes. @return CLV_OK; CLV_ENOMEM. */
CLV_NODISCARD clv_status sweep_lane_sum_up(sweep_lane *lane, const sweep_truth *truth);

#endif
