/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_LISTENER_PARTS_H
#define CLV_LISTENER_PARTS_H

/** @file listener_parts.h: the inside of a clv_listener: listener.c (accepting, watching),
 *  peer.c (one device's connection), incoming.c (one request). Private to common/net.
 *
 *  Locks: the listener's is taken before a channel's; callbacks of the owner run with none held.
 *  A listener lives as long as its owner or one of its peers; a peer as long as the listener's list
 *  or a request of it holds it. */

#include "net/channel.h"
#include "net/gate.h"
#include "net/listener.h"
#include "net/x509.h"

#define CLV_PEER_MAX_ADDRESS 64u

/** A device's connection. */
typedef struct clv_peer {
    struct clv_peer *next, *previous; /**< in the listener's list */
    clv_listener *listener;
    clv_channel *channel;
    char address[CLV_PEER_MAX_ADDRESS];

    /* The receiving callbacks' own. */
    uint8_t control[CLV_WIRE_MAX_HEADER_BYTES]; /**< the body of anything but a request */
    clv_frame *body;                            /**< the body of the request that is coming in */
    void *session; /**< the owner's; changed where requests are taken */

    /* Under the listener's lock. */
    unsigned refs;
    clv_gate_phase phase;
    uint64_t since_us;
    uint64_t heartbeat_us;
    bool was_up;
    bool timed_out;
    clv_error why; /**< it leaves; CLV_OK: it hasn't said */
    uint32_t in_flight;
    char name[CLV_X509_MAX_NAME + 1]; /**< proved; empty before */
} clv_peer;

struct clv_incoming {
    struct clv_incoming *next; /* in the listener's store */
    clv_peer *peer;
    char device[CLV_X509_MAX_NAME + 1];
    clv_link_request header;
    clv_digest bundle; /* that the header points to */
    clv_frame *body;
    const uint8_t *payload;
    size_t payload_bytes;
    uint64_t arrived_us;
    clv_frame *reply;
};

struct clv_listener {
    clv_listener_options options;
    clv_tls_config *tls;
    nng_stream_listener *stream;
    nng_aio *accept;
    uint16_t port;
    clv_frame_pool frames;
    pthread_t keeper;
    bool keeper_runs;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    unsigned refs;
    bool stop;
    bool news;          /* the keeper has something to look at now */
    bool accept_paused; /* it failed; the keeper tries again */
    clv_peer *first, *last;
    clv_incoming *idle; /* requests' memory, to be used again */
    unsigned n_idle;
    uint32_t n_bundles;
    clv_digest bundles[CLV_WIRE_MAX_BUNDLES];
    uint32_t n_profiles;
    clv_listener_profile *profiles; /* one block with their bytes behind */
};

/* --- listener.c --- */
void clv_listener_lock(clv_listener *listener);
void clv_listener_unlock(clv_listener *listener);
void clv_listener_wake_keeper(clv_listener *listener); /* with the lock held */
/** Give one reference back; the last one frees what is left. Without the lock. */
void clv_listener_release(clv_listener *listener);

/* --- peer.c --- */
/** A connection for @p stream, which is taken over in every case; NULL when out of memory. It is
 *  not in the list yet. */
clv_peer *clv_peer_create(clv_listener *listener, nng_stream *stream);
void clv_peer_ping(clv_peer *peer);
/** Tell the owner of the listener. @p why may be NULL. */
void clv_peer_tell(clv_peer *peer, const char *what, const clv_error *why);
/** The device has broken a rule: tell it which, and take nothing more of it. */
void clv_peer_refuse(clv_peer *peer, const clv_error *why);
/** Give one reference back. Without the lock, not from the channel's callbacks if it is the last.
 */
void clv_peer_release(clv_peer *peer);

/* --- incoming.c --- */
/** Make a request of the peer's body and hand it to the owner. */
void clv_incoming_hand_on(clv_peer *peer, const clv_wire_request *request, const uint8_t *payload,
                          size_t payload_bytes);
void clv_incoming_free_idle(clv_listener *listener);

#endif
