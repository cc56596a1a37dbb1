/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_SERVER_LOAD_H
#define CLV_SERVER_LOAD_H

/** @file server_load.h: how much longer a server takes than its profile says, and how long a
 *  request waits for its turn there.
 *
 *  Our own frames tell both, as the server measures them. A server also says, with replies and
 *  echoes, how many requests of others it has for each worker (L): that is news where no frame
 *  brings any. Both are taken to follow from it:
 *
 *      factor = base + slope x L                 waiting = each x (L - 1/2) where L >= 1, else 0
 *
 *  (with L - 1 for each worker waiting, and those that run half done). What frames say at less
 *  than half a request a worker is the base, what they say above it the slope; what they waited is
 *  `each`. Until a frame has waited, a request of others takes as long as a whole one of ours.
 *  Pure; one owner. */

#include <stdbool.h>

#define CLV_SERVER_LOAD_UNKNOWN (-1.0) /**< the server doesn't say how busy it is */

typedef struct clv_server_load {
    double factor;    /**< the server's time over its profile's; 1: as in it */
    double waited_us; /**< for a request's turn */
    /* private */
    double base, slope, each_us, whole_us;
} clv_server_load;

/** @param whole_us  What the whole network takes there, by the profile. */
void clv_server_load_init(clv_server_load *load, double whole_us);

/** A frame was answered. @param factor  Its time over the profile's; 0: it has none.
 *  @param others  L; CLV_SERVER_LOAD_UNKNOWN. @return whether the factor was a surprise. */
bool clv_server_load_measured(clv_server_load *load, double factor, double waited_us,
                              double others);

/** The server has said how busy it is, and no frame tells. */
void clv_server_load_told(clv_server_load *load, double others);

/** The least that may be true where nothing newer is known than that L: the profile, and the work
 *  of others (UNKNOWN: none). @param[out] waited_us_out  Likewise. */
double clv_server_load_hope(double *waited_us_out, const clv_server_load *load, double others);

/** No sample is beyond this factor, or under one over it. */
#define CLV_SERVER_LOAD_MAX_FACTOR 1e4

#endif
