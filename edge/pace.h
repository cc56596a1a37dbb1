/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PACE_H
#define CLV_PACE_H

/** @file pace.h: how fast the device is now, against its profile: other programs on its cores and
 *  heat make it slower. Pure: told what ran and how long it took. */

#include <stdbool.h>
#include <stdint.h>

/** Of runs that are profiled as shorter than this nothing is learnt: clocks are too coarse. */
#define CLV_PACE_MIN_NS 50000u

typedef struct clv_pace {
    const uint64_t *until_ns; /**< [n_nodes + 1]: the profile's time of nodes [0, k) */
    uint64_t frames;          /**< that were measured */
    uint32_t last_permille; /**< measured over profiled time of the last of them; 1000: the same */
    uint32_t mean_permille; /**< of late: exponentially weighted by 1/4. 0: there was none */
    /* private */
    uint64_t measured_ns, profiled_ns; /* of the frame that runs */
} clv_pace;

/** @param until_ns  Borrowed; NULL: there is no profile, and nothing is learnt. */
void clv_pace_init(clv_pace *pace, const uint64_t *until_ns);

/** Nodes [from, to) of a frame ran in @p us. Its first node begins it anew: runs that were given up
 *  don't count.
 *  @param last  It needs no more nodes. */
void clv_pace_ran(clv_pace *pace, uint32_t from, uint32_t to, uint64_t us, bool last);

#endif
