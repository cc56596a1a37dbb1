/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CODEC_LADDER_H
#define CLV_CODEC_LADDER_H

/** @file codec_ladder.h: the operating points of a network's cuts (runtime/cut_ladder.h), from fine
 *  to coarse, each with what it costs and what it spares of the network's answers.
 *
 *  Points are designed on every second sample, 0, 2, ..., and measured on the others by running the
 *  rest of the network, so that the figures are of samples that the design hasn't seen. Of fewer
 *  than eight samples all are used for both. Answers are compared with the float network's.
 *
 *  A point is made for each float32 tensor [1, channels, ...] that crosses, with a metric of its
 *  own; a rung takes the same relative step in all of them, and other tensors travel as they are.
 *  Where int8 runs in front of the cut, what it leaves in bytes is designed for in the same way,
 *  and the first rung is lossless. */

#include "compress/codec_design.h"
#include "compress/cut_probe.h"
#include "runtime/cut_ladder.h"

/** Sums over samples and boxes. */
typedef struct clv_box_errors {
    double box, score; /**< absolute errors; of a box the mean of its four sides' */
    size_t boxes;      /**< that both have: in box */
    size_t scores;     /**< that either has: in score */
} clv_box_errors;

typedef struct clv_ladder_options {
    clv_samples samples;
    const clv_graph *plain; /**< the float network. Designs are for it, answers are compared with it
                                 and, with keeps_float, it runs behind every cut */
    const clv_graph *int8;  /**< its other form, or NULL */
    bool keeps_float;       /**< ladders with plain in front of the cut, too */
    const clv_backend *backend; /**< NULL: the best one */
    unsigned threads;
    clv_watcher watcher;
    /** Add what @p now has of the boxes of @p then, both outputs of the network for one sample.
     *  NULL: it is no detector. */
    clv_status (*compare_boxes)(void *context, clv_box_errors *sum, const clv_tensor *then,
                                const clv_tensor *now, uint32_t n_outputs, clv_error *err);
    void *context;
} clv_ladder_options;

/** Cuts that are worth a ladder. */
#define CLV_LADDER_MAX_CUTS 12u

typedef struct clv_codec_ladders {
    clv_cut_ladder *items; /**< by cut; of a cut, float first */
    uint32_t count;
    size_t designed_on, measured_on; /**< samples */
    /* private */
    clv_point **points;
    uint32_t n_points, room;
    clv_arena memory;
} clv_codec_ladders; /* all zero is empty */

/** The cuts that ship fewer bytes, uncoded, than every cut before them, but for cut 0 (pictures
 *  have codecs of their own) and the last one. Of more than CLV_LADDER_MAX_CUTS those stay that
 *  save most in a row.
 *  @param cuts  Room for CLV_LADDER_MAX_CUTS.
 *  @return CLV_OK; CLV_ENOMEM, CLV_ELIMIT. */
CLV_NODISCARD clv_status clv_ladder_cuts(uint32_t *cuts, uint32_t *n_out, const clv_graph *graph);

/** Design and measure ladders for @p cuts. A cut at which nothing crosses that a point can be made
 *  for gets none.
 *  @param out  For clv_codec_ladders_done() in any case.
 *  @return CLV_OK; CLV_EINVAL (no samples, no such cut); CLV_ELIMIT (too much memory); CLV_ENOMEM;
 *          errors of designing and running. */
CLV_NODISCARD clv_status clv_codec_ladders_make(clv_codec_ladders *out,
                                                const clv_ladder_options *options,
                                                const uint32_t *cuts, uint32_t n_cuts,
                                                clv_error *err);
void clv_codec_ladders_done(clv_codec_ladders *ladders); /* idempotent */

#endif
