/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TINY_LADDERS_H
#define CLV_TINY_LADDERS_H

/** @file tiny_ladders.h: operating points for cuts of the tiny model, designed on inputs of its
 *  own. Figures are made up. What goes wrong fails the test. */

#include "support/tiny_forms.h"

#define TINY_LADDER_RUNGS 3u

/** A fine, a middle and a coarse rung for both forms at every cut but the last two. In int8 the
 *  first one is lossless. The first tensor of a frontier of several travels as it is. */
typedef struct tiny_ladders {
    clv_cut_ladder *ladders;
    uint32_t n_ladders;
    clv_point **points; /* of all of them */
    uint32_t n_points;
    clv_arena memory;
} tiny_ladders;

/** Put the ladders into forms->model, too. */
void tiny_ladders_init(tiny_ladders *ladders, tiny_forms *forms);

/** One split, through the codec by rung @p rung, in this process.
 *  @return bytes of the payload. */
size_t tiny_ladders_run(tiny_split_result *result, const tiny_ladders *ladders,
                        const tiny_forms *forms, const tiny_split *split, uint32_t rung,
                        uint64_t input_seed);
void tiny_ladders_done(tiny_ladders *ladders);

#endif
