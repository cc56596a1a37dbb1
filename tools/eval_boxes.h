/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_EVAL_BOXES_H
#define CLV_EVAL_BOXES_H

/** @file eval_boxes.h: a detector over a folder of pictures with known boxes. */

#include "tools/detections.h"
#include "tools/detector.h"

typedef struct eval_boxes_job {
    const char *data;  /* the pictures' folder */
    const char *boxes; /* the folder of their boxes (box_files.h) */
    size_t limit;      /* only so many pictures */
    detector_settings decode;
} eval_boxes_job;

typedef struct eval_boxes_result {
    size_t images, objects, boxes; /* pictures; boxes that are true, and that were found */
    detection_precision precision;
    uint64_t run_us, total_us, payload_bytes; /* of all pictures */
} eval_boxes_result;

/** Run @p s over the pictures, with progress on stderr, until a signal.
 *  @return CLV_OK, or what failed with @p err. */
CLV_NODISCARD clv_status eval_boxes(eval_boxes_result *out, session *s, const eval_boxes_job *job,
                                    clv_error *err);

#endif
