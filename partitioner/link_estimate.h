/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_LINK_ESTIMATE_H
#define CLV_LINK_ESTIMATE_H

/** @file link_estimate.h: round trip and rate of a link from what was sent over it anyway.
 *
 *  As BBR does (N. Cardwell et al., "BBR: Congestion-Based Congestion Control", 2016) each is a
 *  filter over its last samples: the least round trip, because queues only add to it, and the
 *  greatest delivery rate, because whatever sends too little only takes from it. The rate of a
 *  message counts from when the one before it had left the device, so the queue that a device makes
 *  itself isn't taken for a slow link. Pure: times come in. */

#include <stdbool.h>
#include <stdint.h>

#define CLV_LINK_RTT_SAMPLES 3u
#define CLV_LINK_RATE_SAMPLES 3u

/** A message and its answer. Times by the device's clock, in microseconds. */
typedef struct clv_link_sample {
    uint64_t sent_us;     /**< when the first byte was given to the link */
    uint64_t answered_us; /**< when the whole answer was there */
    double server_us;     /**< in between at the server, waiting included, as it says itself */
    double bytes;         /**< both ways */
    bool alone;           /**< nothing else of ours was on its way when it was sent */
} clv_link_sample;

typedef struct clv_link_estimate {
    double rtt_us;      /**< of an empty message; 0: unknown */
    double bytes_per_s; /**< 0: unknown */
    /* private */
    double rtts[CLV_LINK_RTT_SAMPLES], rates[CLV_LINK_RATE_SAMPLES];
    uint32_t n_rtts, n_rates;
    double left_us; /* when the last message had left the device */
} clv_link_estimate;

/** @param rtt_us, bytes_per_s  What is believed until there is news; 0: nothing. */
void clv_link_estimate_init(clv_link_estimate *link, double rtt_us, double bytes_per_s);

/** Small messages tell the round trip, large ones the rate. Samples that can't be are ignored. */
void clv_link_estimate_add(clv_link_estimate *link, const clv_link_sample *sample);

/** No answer came in time: the rate is at most half of what was believed. */
void clv_link_estimate_lost(clv_link_estimate *link);

#endif
