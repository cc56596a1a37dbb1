/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_FOLLOW_H
#define CLV_FOLLOW_H

/** @file follow.h: follows the world, and says for each frame what to do with it.
 *
 *  - The state of the world is estimated from the device's own frames: the link (link_estimate.h),
 *    the server's load (server_load.h: what it says a request took, over its profile, and how busy
 *    it says it is), the device's slowdown, and how large payloads are (payload_estimate.h).
 *  - What the model still misses is learned (residual.h), and candidates that may be better than
 *    they look are tried while that costs little.
 *  - News is made where there is none. The link, and the server's load, are measured by echoes; the
 *    device's speed by running a few nodes while it waits for an answer. And a frame is tried on a
 *    side that hasn't had one for some time, if the choice would be another were that side as in
 *    its profile where nothing newer is known. So it never stays on the device, nor off it, for
 *    lack of news. A trial that didn't pay doubles the time until the next. The same holds for a
 *    codec whose frames follow each other: how small that makes them, only the second tells.
 *  - It changes only for what is better by a margin, so it doesn't flap.
 *
 *  A choice is an index into the plan: changing it is an index change between two frames. Pure: no
 *  clock, no I/O; after create() no allocation. One owner. */

#include "partitioner/link_estimate.h"
#include "partitioner/plan.h"

typedef struct clv_follow clv_follow;

typedef struct clv_follow_options {
    double rtt_us, bytes_per_s; /**< what is believed of the link before any news */
    double margin;              /**< how much better, of 1, a change must be */
    uint32_t ping_frames;       /**< a small echo every so many frames */
    uint32_t probe_frames; /**< a large echo after so many frames that didn't tell the rate; a check
                              of the device after so many that didn't run on it */
    uint32_t trial_frames; /**< a trial at first after so many frames without news */
    const char *following; /**< codec whose frames may be coded after those before; NULL: none.
                                Borrowed for create() */
    double least_payload;  /**< what that may leave of them, of 1 */
} clv_follow_options;

#define CLV_FOLLOW_OPTIONS_INIT                                                                    \
    {                                                                                              \
        20000.0, 1e6, 0.03, 3, 5, 10, NULL, 0.5                                                    \
    }

/** What is to be done with the next frame. */
typedef struct clv_follow_choice {
    uint32_t candidate; /**< of the plan; CLV_PLAN_NONE: it can't be done at all */
    bool within;        /**< the plan's limits, as far as is known */
    bool trial;         /**< for news; the choice for frames after it isn't changed by it */
    bool echo;          /**< send an echo beside the frame, of echo_bytes (0: as small as can be) */
    uint32_t echo_bytes;
    bool check_device;  /**< run some nodes while the answer is waited for; the result is nothing */
    double expected_us; /**< latency */
} clv_follow_choice;

/** What was measured of a frame that was done as candidate @c candidate says. */
typedef struct clv_follow_frame {
    uint32_t candidate;
    double device_us;     /**< preprocessing and nodes */
    double encode_us;     /**< 0 where nothing was shipped, as all below */
    clv_link_sample link; /**< its server_us is not read: */
    double server_us;     /**< decoding and nodes, as the reply says */
    double waited_us;     /**< for its turn at the server, as the reply says */
    double payload_bytes; /**< as it was sent; 0: says nothing of frames to come: the first of
                               several of which the others are coded after one before them */
    bool tells_others;    /**< what the reply says of the server's other work: */
    double others;        /**< requests that aren't ours, for each worker */
} clv_follow_frame;

/** @param plan  Borrowed; outlives it.
 *  @return CLV_OK; CLV_EINVAL: impossible options; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_follow_create(clv_follow **out, const clv_plan *plan,
                                           const clv_follow_options *options);
void clv_follow_free(clv_follow *follow); /* NULL is a no-op */

/** The link is down from the start. @p rtt_us: the greeting's; 0: not measured. */
void clv_follow_link_up(clv_follow *follow, double rtt_us);
void clv_follow_link_down(clv_follow *follow);

/** An echo has come back. @p others as in clv_follow_frame; negative: the server doesn't say. It
 *  counts where no frame has told of late. */
void clv_follow_echoed(clv_follow *follow, const clv_link_sample *sample, double others);

/** Nodes were run that no frame needed. @p slowdown: their time over the profile's. */
void clv_follow_checked(clv_follow *follow, double slowdown);

/** A frame was answered as it was meant to be. Impossible numbers are ignored. */
void clv_follow_answered(clv_follow *follow, const clv_follow_frame *frame);

/** A shipped frame got no answer in time. */
void clv_follow_lost(clv_follow *follow);

/** For the next frame: call it once for each. */
clv_follow_choice clv_follow_next(clv_follow *follow);

/** What is believed. */
clv_world clv_follow_world(const clv_follow *follow);

#endif
