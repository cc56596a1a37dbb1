/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CHANNEL_H
#define CLV_CHANNEL_H

/** @file channel.h: one connection: a TCP stream of nng, a TLS session, whole messages. Both ends
 *  use it. Private to common/net.
 *
 *  Threads: callbacks come on nng's threads, one at a time for each channel, with no lock held;
 *  they may send. Send from any thread. Stop and free from one thread, never from a callback. */

#include <nng/nng.h>

#include "net/frame.h"
#include "net/tls.h"

typedef struct clv_channel clv_channel;

typedef struct clv_channel_options {
    const clv_tls_config *tls; /**< outlives the channel */
    const char *server_name;   /**< device: the name to ask for; server: NULL */
    size_t max_message_bytes;
    /** TLS is done and the peer's name is proved. */
    void (*on_ready)(void *owner);
    /** A message begins. Say where its header and payload go (clv_wire_body_bytes() of room; may be
     *  NULL for none), or false with *err: the channel ends. */
    bool (*on_prologue)(void *owner, const clv_wire_prologue *prologue, uint8_t **body_out,
                        clv_error *err);
    /** It is there: *header, and the payload in the body that on_prologue() gave. */
    void (*on_message)(void *owner, const clv_wire_header *header, const uint8_t *payload,
                       size_t payload_bytes);
    /** It failed or was closed by the peer, once; nothing comes after it. What was sent before
     *  still goes out until clv_channel_stop(). */
    void (*on_end)(void *owner, const clv_error *why);
    void *owner;
} clv_channel_options;

/** @param stream  A connected TCP stream, taken over in every case.
 *  @return CLV_OK; CLV_EINVAL, CLV_ENOMEM with @p err. */
CLV_NODISCARD clv_status clv_channel_create(clv_channel **out, const clv_channel_options *options,
                                            nng_stream *stream, clv_error *err);

/** Begin: callbacks may come from now on. */
void clv_channel_start(clv_channel *channel);

/** Queue a sealed frame, and take it over in every case.
 *  @return CLV_OK; CLV_ECLOSED; CLV_EAGAIN: too much is queued, the peer doesn't read. */
CLV_NODISCARD clv_status clv_channel_send(clv_channel *channel, clv_frame *frame);

/** Say goodbye, close, wait for callbacks to end. Idempotent. */
void clv_channel_stop(clv_channel *channel);
void clv_channel_free(clv_channel *channel); /* stops it; NULL is a no-op */

/** What a channel has been doing. */
typedef struct clv_channel_state {
    uint64_t heard_us; /**< when bytes came last; its start, if none did */
    uint64_t sent_us;  /**< when bytes went out last */
    bool heard_any;
    bool sending;      /**< some of what was queued is still here */
    bool disconnected; /**< the stream is dead: nothing can be sent any more */
} clv_channel_state;

clv_channel_state clv_channel_look(clv_channel *channel);

/** As clv_tls_peer_name(). Borrowed; stable after on_ready(). */
const char *clv_channel_peer_name(const clv_channel *channel);

#endif
