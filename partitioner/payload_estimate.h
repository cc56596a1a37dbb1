/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PAYLOAD_ESTIMATE_H
#define CLV_PAYLOAD_ESTIMATE_H

/** @file payload_estimate.h: by how much the payloads of a plan's candidates are larger or smaller
 *  than their profile says. Profiles know frames coded alone, of other scenes, or made up; a fixed
 *  camera's frames travel as differences and take half of that. Each frame that is sent tells. A
 *  candidate's factor is that of its codec, which follows the scene quickly, times its own, which
 *  follows slowly: what one candidate has learned of the scene is known of all with its codec.
 *  Pure; after create() no allocation. One owner. */

#include "partitioner/plan.h"

typedef struct clv_payload_estimate clv_payload_estimate;

/** @param plan   Borrowed; outlives it.
 *  @param codec  Whose frames may follow each other, and how small that may make them: over 0 and
 *                at most 1. NULL: none. Borrowed for the call. @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_payload_estimate_create(clv_payload_estimate **out,
                                                     const clv_plan *plan, const char *codec,
                                                     double least);
void clv_payload_estimate_free(clv_payload_estimate *estimate); /* NULL is a no-op */

/** A frame was sent by @p candidate, which ships. @p bytes of payload; impossible ones are ignored.
 *  @return whether that was a surprise. */
bool clv_payload_estimate_sent(clv_payload_estimate *estimate, uint32_t candidate, double bytes);

/** As clv_world.payload_factors: borrowed, good until the estimate is freed. */
const double *clv_payload_estimate_factors(const clv_payload_estimate *estimate);

/** The same, where frames that may follow each other are as small as they may be. */
const double *clv_payload_estimate_hope(clv_payload_estimate *estimate);

/** Whether frames of the candidate may follow each other. */
bool clv_payload_estimate_may_follow(const clv_payload_estimate *estimate, uint32_t candidate);

#endif
