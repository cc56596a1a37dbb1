/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BOX_JUDGE_H
#define CLV_BOX_JUDGE_H

/** @file box_judge.h: how far a detector's boxes are from the float network's, for the ladders of
 *  its cuts (compress/codec_ladder.h). One thread. */

#include "compress/codec_ladder.h"
#include "tools/detector.h"

typedef struct box_judge box_judge;

/** @return CLV_OK; CLV_EINVAL with @p err naming the flag; CLV_ENOMEM. */
CLV_NODISCARD clv_status box_judge_create(box_judge **out, const detector_settings *settings,
                                          const clv_input_spec *input, clv_error *err);
void box_judge_free(box_judge *judge); /* NULL is a no-op */

/** clv_ladder_options.compare_boxes; @p context is the judge. Boxes are pairs where they are of one
 *  class and overlap by half or more, the best-scored first. The error of a pair is the mean
 *  difference of their sides, in parts of the input's width and height, and that of their scores; a
 *  box that has no other errs by its score. Boxes under --score count only as the other one of a
 *  pair: a score that falls a little is no lost box. */
clv_status box_judge_compare(void *context, clv_box_errors *sum, const clv_tensor *then,
                             const clv_tensor *now, uint32_t n_outputs, clv_error *err);

#endif
