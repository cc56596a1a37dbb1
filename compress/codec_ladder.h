/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CODEC_LADDER_H
#define CLV_CODEC_LADDER_H

/** @file codec_ladder.h: operating points of one cut, from fine to coarse, each with what it costs
 *  and what it spares of the network's answers, measured by running the rest of the network. */

#include "compress/codec_design.h"
#include "compress/cut_probe.h"
#include "runtime/cut_ladder.h"

typedef struct clv_codec_rung {
    clv_point *point; /**< owned by the ladder */
    bool transform;
    double step;                  /**< clv_design_options */
    double bytes_mean, bytes_p95; /**< of the tensor: over the samples */
    double agreement;             /**< part of samples with the same best class; else 1 */
    double error;                 /**< energy of the outputs' error over theirs, the worst one's */
} clv_codec_rung;

typedef struct clv_codec_ladder {
    clv_codec_rung rungs[CLV_LADDER_MAX_RUNGS]; /**< most bytes first */
    uint32_t count;
} clv_codec_ladder; /* all zero is empty */

/** Design points for the one float32 tensor [1, channels, ...] that crosses @p probe's cut, with
 *  and without a transform, and measure them on @p samples, which they are designed on. Points
 *  that another one beats in bytes and in error are left out.
 *  @param out  For clv_codec_ladder_done() in any case.
 *  @return CLV_OK; CLV_EINVAL (not one such tensor, no samples); CLV_ELIMIT (too much memory);
 *          errors of designing and running. */
CLV_NODISCARD clv_status clv_codec_ladder_make(clv_codec_ladder *out, clv_cut_probe *probe,
                                               const clv_samples *samples,
                                               const clv_watcher *watcher, clv_error *err);
void clv_codec_ladder_done(clv_codec_ladder *ladder); /* idempotent */

/** The rung of fewest bytes whose agreement is at least @p min_agreement; NULL: none is. */
const clv_codec_rung *clv_codec_ladder_pick(const clv_codec_ladder *ladder, double min_agreement);

#endif
