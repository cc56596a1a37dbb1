/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cut_ladder.h"

#include <math.h>

const clv_cut_ladder *clv_cut_ladder_find(const clv_cut_ladder *ladders, uint32_t n_ladders,
                                          uint32_t cut, clv_precision prefix)
{
    for (uint32_t i = 0; i < n_ladders; i++) {
        if (ladders[i].cut == cut && ladders[i].prefix == prefix)
            return &ladders[i];
    }
    return NULL;
}

clv_codec_tables clv_cut_ladder_tables(const clv_cut_ladder *ladder, uint32_t use, void *scratch)
{
    if (ladder == NULL)
        return (clv_codec_tables){0};
    return (clv_codec_tables){.points = ladder->rungs[0].points,
                              .n_points = ladder->n_rungs,
                              .n_tensors = ladder->n_tensors,
                              .use = use,
                              .scratch = scratch,
                              .scratch_bytes = ladder->scratch_bytes};
}

static bool serves(const clv_rung *rung, double min_agreement, double min_snr_db)
{
    return (isnan(rung->agreement) || rung->agreement >= min_agreement) &&
           rung->snr_db >= min_snr_db;
}

uint32_t clv_cut_ladder_pick(const clv_cut_ladder *ladder, double min_agreement, double min_snr_db)
{
    uint32_t best = CLV_NO_RUNG;

    for (uint32_t i = 0; i < ladder->n_rungs; i++) {
        if (serves(&ladder->rungs[i], min_agreement, min_snr_db) &&
            (best == CLV_NO_RUNG || ladder->rungs[i].bytes_mean < ladder->rungs[best].bytes_mean))
            best = i;
    }
    return best;
}
