/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PLANE_CONTEXT_H
#define CLV_PLANE_CONTEXT_H

/** @file plane_context.h: which table of its group a symbol is coded with. For the coder, for who
 *  makes tables, and for encoders that want to know what a symbol would cost.
 *
 *  Two sums choose it. One of the neighbours' positions says what symbol to expect; one of their
 *  deviations, and of what other planes had at this place, says how far from that it may be. */

#include "codec/plane_coder.h"

/** Of a place before any plane is known; at most CLV_PLANE_LANES * 7 afterwards. */
#define CLV_PLANE_FIRST_ACTIVITY 16u

static inline unsigned clv_plane_position(uint8_t c)
{
    return c & 15u;
}

static inline unsigned clv_plane_deviation(uint8_t c)
{
    return c >> 4 & 7u;
}

/** Both sums, that of positions and 256 times that of deviations, by the classes of the neighbours,
 *  outside of the plane those of the symbol group->outside, and the activity of the place. */
static inline unsigned clv_plane_sums(uint8_t left, uint8_t up, uint8_t up_left, uint8_t up_right,
                                      unsigned activity)
{
    unsigned mean = 5 * clv_plane_position(left) + 4 * clv_plane_position(up) + 15 -
                    clv_plane_position(up_left) + clv_plane_position(up_right);
    unsigned spread = 2 * clv_plane_deviation(left) + 2 * clv_plane_deviation(up) +
                      clv_plane_deviation(up_left) + clv_plane_deviation(up_right) + activity;
    return mean + (spread << 8);
}

/** Which of the group's tables high[] that is. */
static inline unsigned clv_plane_context(const clv_plane_group *group, unsigned sums)
{
    return (unsigned)group->mean_of[sums & 255u] + group->spread_of[sums >> 8 & 127u];
}

/** What the next planes see at a place: half of what these saw, half the sum of these planes'
 *  deviations there, for CLV_PLANE_LANES planes that aren't empty at a time. */
static inline uint8_t clv_plane_activity(unsigned before, unsigned deviations)
{
    return (uint8_t)((before + deviations + 1) / 2);
}

#endif
