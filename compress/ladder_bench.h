/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_LADDER_BENCH_H
#define CLV_LADDER_BENCH_H

/** @file ladder_bench.h: what the candidates for a ladder's rungs cost and spare, measured. */

#include "compress/codec_ladder.h"

/** The float network's outputs on the samples that are measured on. */
typedef struct clv_answers {
    const clv_samples *samples;
    size_t first, step, count;
    uint32_t n_outputs;
    clv_tensor *tensors; /**< [count, n_outputs] */
    bool classifier;     /**< the first output is a list of class scores */
    clv_arena memory;
} clv_answers; /* all zero is empty */

/** Run @p options->plain on every @p step-th sample from @p first on.
 *  @param out  For clv_answers_done() in any case. */
CLV_NODISCARD clv_status clv_answers_make(clv_answers *out, const clv_ladder_options *options,
                                          size_t first, size_t step, clv_error *err);
void clv_answers_done(clv_answers *answers); /* idempotent */

/** Measure every rung of @p ladder, whose points are set, in place.
 *  @param error  [n_rungs]: energy of the outputs' error over theirs, the worst one's. */
CLV_NODISCARD clv_status clv_ladder_measure(clv_rung *rungs, double *error,
                                            const clv_cut_ladder *ladder, clv_cut_probe *probe,
                                            const clv_answers *answers,
                                            const clv_ladder_options *options, clv_error *err);

#endif
