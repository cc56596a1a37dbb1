/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CUT_LADDER_H
#define CLV_CUT_LADDER_H

/** @file cut_ladder.h: the operating points of a cut, from fine to coarse, with what each costs and
 *  spares: measured when the bundle was built (compress/codec_ladder.h), stored in it
 *  (docs/bundle-format.md), read by whoever encodes, decodes or plans. Immutable. */

#include "codec/activation.h"
#include "runtime/precision.h"

/** What one point does to the network, over the calibration images. */
typedef struct clv_rung {
    /** [n_tensors of the frontier]; NULL: that tensor travels as it is. Parsed when the bundle was
     *  opened. The rungs' arrays lie one behind another, as clv_codec_tables wants them. */
    const clv_point *const *points;
    double bytes_mean, bytes_p95; /**< of a payload */
    double agreement;   /**< part of samples whose best class is the float network's; NAN: none */
    double snr_db;      /**< of the outputs, the worst one's */
    double box_error;   /**< detectors: mean absolute error, in parts of the image; NAN: none */
    double score_error; /**< detectors: mean absolute error; NAN: none */
} clv_rung;

typedef struct clv_cut_ladder {
    uint32_t cut;
    clv_precision prefix; /**< what runs in front of the cut: it says the frontier's types */
    uint32_t n_tensors;   /**< of the frontier */
    uint32_t n_rungs;     /**< 1..CLV_LADDER_MAX_RUNGS; most bytes first */
    const clv_rung *rungs;
    size_t scratch_bytes; /**< the most that any of its points asks for */
} clv_cut_ladder;

/** What encodes by rung @p use of @p ladder, and decodes by any. @p scratch, of at least the
 *  ladder's scratch_bytes, is the caller's. A @p ladder of NULL has no points. */
clv_codec_tables clv_cut_ladder_tables(const clv_cut_ladder *ladder, uint32_t use, void *scratch);

#define CLV_LADDER_MAX_RUNGS 16u
#define CLV_NO_RUNG UINT32_MAX

/** The ladder of (@p cut, @p prefix), or NULL. */
const clv_cut_ladder *clv_cut_ladder_find(const clv_cut_ladder *ladders, uint32_t n_ladders,
                                          uint32_t cut, clv_precision prefix);

/** The rung of fewest mean bytes whose agreement is at least @p min_agreement, where there is a
 *  class to agree on, and whose outputs' signal-to-noise ratio is at least @p min_snr_db.
 *  @param min_snr_db  -INFINITY: any.
 *  @return its index; CLV_NO_RUNG: no rung does. */
uint32_t clv_cut_ladder_pick(const clv_cut_ladder *ladder, double min_agreement, double min_snr_db);

#endif
