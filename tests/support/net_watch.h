/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_NET_WATCH_H
#define CLV_NET_WATCH_H

/** @file net_watch.h: what links and listeners tell, written down, and waited for without sleeping.
 *  What doesn't come within a generous time fails the test. */

#include <pthread.h>
#include <stdbool.h>

#include "net/link.h"
#include "net/listener.h"

#define NET_WATCH_MAX_FRAMES 256u
#define NET_WATCH_MAX_TOLD 256u

/** What became of a frame. */
typedef struct net_answer {
    unsigned replies, refusals;
    size_t payload_bytes;
    uint64_t sum; /**< of the payload: net_watch_sum() */
    clv_server_times times;
    clv_error error;
} net_answer;

/** A line of the server's log. */
typedef struct net_told {
    char device[80], what[16];
    clv_error error; /**< code CLV_OK: none was given */
} net_told;

typedef struct net_watch {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned events[CLV_LINK_ECHOED + 1];  /**< how often each came */
    clv_error errors[CLV_LINK_ECHOED + 1]; /**< the last one of each */
    uint64_t last_echo;                    /**< its number */
    clv_server_times echo_times;           /**< what it said */
    bool up;
    unsigned misfits; /**< events that can't come: an answer while down, up twice ... */
    char server_name[80];
    uint32_t n_bundles;
    clv_digest bundles[2];
    size_t profile_bytes; /**< of the last greeting */
    uint64_t profile_sum; /**< net_watch_sum() of it */
    net_answer answers[NET_WATCH_MAX_FRAMES];
    unsigned n_answers;
    net_told told[NET_WATCH_MAX_TOLD];
    unsigned n_told;
} net_watch;

void net_watch_init(net_watch *watch);
void net_watch_done(net_watch *watch);

/** Callbacks for clv_link_options and clv_listener_options; the context is the watch. */
void net_watch_on_link(void *watch, const clv_link_event *event);
void net_watch_on_device(void *watch, const char *device, const char *what, const clv_error *error);

/** Wait until an event came @p count times in all. */
void net_watch_await(net_watch *watch, clv_link_event_type type, unsigned count);
void net_watch_await_answers(net_watch *watch, unsigned count);

/** Wait for a line of the server's log that has @p words in its error; "" for a line without one,
 * NULL for any line.
 *  @return A copy. */
net_told net_watch_await_told(net_watch *watch, const char *what, const char *words);
/** Lines with @p what so far. */
unsigned net_watch_count_told(net_watch *watch, const char *what);

uint64_t net_watch_sum(const uint8_t *data, size_t bytes);

#endif
