/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CODEC_DESIGN_H
#define CLV_CODEC_DESIGN_H

/** @file codec_design.h: makes an operating point of the activation codec (codec/tensor_point.h)
 *  from what a frontier tensor was on calibration images. Pure.
 *
 *  What is kept small is the error at the network's OUTPUT: a metric says how much it moves with
 *  each pair of channels (codec_metric.h). With a transform, channels are turned so that they are
 *  uncorrelated and errors weigh the same in each (the Karhunen-Loeve transform under the metric);
 *  then one step for all is best, and what moves less than a step is dropped. Without, a channel's
 *  step is by its weight. Numbers are rounded with a dead zone, come back as means, planes of like
 *  statistics share tables, and the way back is fitted by least squares, so that planes also tell
 *  of those that were dropped. */

#include "codec/tensor_point.h"

/** Numbers of [count, channels, rows, cols], all finite. */
typedef struct clv_features {
    const float *data;
    size_t count;
    uint32_t channels, rows, cols;
} clv_features;

typedef struct clv_design_options {
    /** [channels, channels], symmetric, positive: the output's error for a unit of error of pairs
     *  of channels at one place. NULL: all channels weigh the same. */
    const double *metric;
    bool transform;
    double step;      /**< in units of the output's error over all planes: 1 is very coarse */
    bool contexts;    /**< neighbours matter; false: fast mode */
    uint32_t groups;  /**< most groups of planes, 1..CLV_PLANE_MAX_GROUPS */
    uint8_t rounding; /**< of clv_point_quantiser */
    bool wide;        /**< up to 256 levels, for fine steps: dearer for coarse ones */
    bool bytes;       /**< the numbers are those of a uint8 tensor */
    double price;     /**< squared steps that a bit may cost; planes that save less are dropped */
} clv_design_options;

#define CLV_DESIGN_OPTIONS_INIT                                                                    \
    {                                                                                              \
        NULL, true, 0.1, true, 16, 88, false, false, 0.1                                           \
    }

/** @return CLV_OK; CLV_EINVAL (no features, a step that isn't positive); CLV_ELIMIT (more channels
 *          than a point takes, or with a transform more than 1024); CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_codec_design(clv_point **out, const clv_features *features,
                                          const clv_design_options *options);

/** A lossless point for bytes: [count, channels, rows, cols]. */
CLV_NODISCARD clv_status clv_codec_design_lossless(clv_point **out, const uint8_t *data,
                                                   size_t count, uint32_t channels, uint32_t rows,
                                                   uint32_t cols, uint32_t groups);

#endif
