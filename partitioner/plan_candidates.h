/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PLAN_CANDIDATES_H
#define CLV_PLAN_CANDIDATES_H

/** @file plan_candidates.h: private to plan.c: all candidates of two profiles. */

#include "partitioner/plan.h"

#define CLV_PLAN_MAX_CANDIDATES 4000000u

typedef struct clv_plan_candidates {
    clv_plan_candidate *items;
    uint32_t count, cap;
    uint32_t considered; /**< those that limits excluded included */
} clv_plan_candidates;

/** Every candidate that keeps the limits that don't depend on the world. @p out is to be freed with
 *  clv_free(out->items) in any case. @return CLV_OK, CLV_EINVAL, CLV_ELIMIT, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_plan_candidates_collect(clv_plan_candidates *out,
                                                     const clv_profile *device,
                                                     const clv_profile *server,
                                                     const clv_plan_options *options,
                                                     clv_error *err);

/** Keep those that no other is at least as good as in everything, in order of cut.
 *  @param macs_count  Whether a MAC costs something besides its time.
 *  @param by_codec    What ships is compared only with its own codec, and with what doesn't. */
void clv_plan_candidates_drop_dominated(clv_plan_candidates *candidates, bool macs_count,
                                        bool by_codec);

#endif
