/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAB_PIPE_H
#define LAB_PIPE_H

/** @file lab_pipe.h: one direction of a link that is slow, far or bad: which packet leaves when.
 *
 *  A packet passes three places. It waits in a queue with a limit; the queue drains at the set
 * rate, by a token bucket of one packet's depth, so that a burst leaves spaced as on a wire; then
 * it travels for `delay_us`, give or take the jitter. What is lost is lost at the far end: the
 * sender sees no failure, and an outage swallows what was on its way.
 *
 *  Pure: a function of what was offered, the settings and the time; the same seed gives the same
 *  fates. Packets are numbers of slots here: their bytes are the caller's. No allocation. */
#include <stdbool.h>
#include <stdint.h>

#define LAB_PIPE_SLOTS 8192u /* packets inside at once; a power of two */

typedef struct lab_impairment {
    double rate_mbit;   /**< 10^6 bits a second of IP packets; 0: no limit */
    uint32_t delay_us;  /**< one way */
    uint32_t jitter_us; /**< added to the delay: within [-jitter, jitter], new every 10 ms */
    uint32_t queue_us;  /**< what may wait, as time at the set rate; never under LAB_QUEUE_LEAST */
    double loss;        /**< of packets, 0..1, each for itself */
    double reorder;     /**< of packets, 0..1, that are overtaken: LAB_REORDER_US later */
    bool outage;        /**< nothing arrives */
} lab_impairment;

#define LAB_IMPAIRMENT_INIT                                                                        \
    {                                                                                              \
        .queue_us = 200000                                                                         \
    }
#define LAB_QUEUE_LEAST 32000u /* bytes: about 20 packets */
#define LAB_REORDER_US 4000u
#define LAB_JITTER_HOLD_US 10000u

typedef struct lab_pipe_counts {
    uint64_t offered, offered_bytes;
    uint64_t delivered, delivered_bytes;
    uint64_t full, lost, cut; /* dropped: by the queue, by loss, by an outage */
} lab_pipe_counts;

typedef struct lab_packet {
    uint32_t slot, bytes;
    uint64_t at_us; /* queue: when it was offered; way: when it arrives */
} lab_packet;

typedef struct lab_pipe {
    lab_impairment now;
    lab_pipe_counts counts;
    uint64_t random;
    uint64_t free_ns;   /* when the wire has sent what it has */
    uint64_t last_us;   /* arrival of the last packet that keeps its order */
    uint64_t redraw_us; /* when the jitter is drawn again */
    int64_t jitter_us;  /* as drawn */
    uint64_t queued;    /* bytes that wait */
    lab_packet queue[LAB_PIPE_SLOTS];
    lab_packet way[LAB_PIPE_SLOTS]; /* by arrival */
    uint32_t queue_from, queue_count, way_from, way_count;
    uint32_t free_slots[LAB_PIPE_SLOTS];
    uint32_t n_free;
} lab_pipe;

void lab_pipe_init(lab_pipe *pipe, uint64_t seed);

/** From @p now_us on; what was sent before keeps its time of arrival. */
void lab_pipe_set(lab_pipe *pipe, const lab_impairment *impairment, uint64_t now_us);

/** A packet comes in. False: the queue is full, it is dropped. Else its bytes belong into slot
 *  @p slot_out until lab_pipe_take() has named that slot. Time must not go back. */
bool lab_pipe_offer(lab_pipe *pipe, uint32_t *slot_out, uint32_t bytes, uint64_t now_us);

/** The next packet that has arrived by @p now_us: write slot @p slot_out out before the next
 *  offer. False: none has. */
bool lab_pipe_take(lab_pipe *pipe, uint32_t *slot_out, uint32_t *bytes_out, uint64_t now_us);

/** When to call lab_pipe_take() again; UINT64_MAX: only after an offer. */
uint64_t lab_pipe_due_us(const lab_pipe *pipe);

#endif
