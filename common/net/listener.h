/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_LISTENER_H
#define CLV_LISTENER_H

/** @file listener.h: the server's end: greets devices, checks who they are, hands requests on.
 *  docs/wire-protocol.md, docs/security.md.
 *
 *  Only requests of devices that have proved their name reach the callback. Requests may be
 * answered in any order, from any thread, later; a request may be answered from inside
 * on_request(). An answer to a device that has gone is dropped.
 *
 *  Threads: the callbacks come on the listener's threads, several at once. */

#include "base/digest.h"
#include "net/identity.h"
#include "net/link.h"
#include "net/wire.h"

typedef struct clv_listener clv_listener;
typedef struct clv_incoming clv_incoming; /**< one request, owned by whoever holds it */

typedef struct clv_listener_options {
    const char *url;              /**< "tls+tcp://0.0.0.0:7447"; port 0 picks one */
    const clv_identity *identity; /**< outlives the listener */
    size_t max_message_bytes;     /**< 0, or at most: CLV_WIRE_MAX_MESSAGE_BYTES */
    /** Short. Takes @p request over: answer or refuse it, once. */
    void (*on_request)(void *context, clv_incoming *request);
    /** What happened to a device, for the log; may be NULL. @p device is its name, or its address
     *  when it has proved none; @p what is "connected", "refused", "left"; @p error says why, with
     *  the address as its location, and is NULL when all is well. */
    void (*on_device)(void *context, const char *device, const char *what, const clv_error *error);
    /** How busy the owner is, for echoes: requests over workers, in thousandths. Short; may be
     *  NULL. @return its workers; 0: it doesn't say. */
    uint32_t (*load)(void *context, uint32_t *permille_out);
    void *context;
    /** Frees what the owner has put at clv_incoming_session(); may be NULL. On any thread. */
    void (*free_session)(void *session);
} clv_listener_options;

/** Listen. @return CLV_OK; CLV_EINVAL (url, sizes), CLV_EAUTH (not a server's certificate), CLV_EIO
 *  (the port is taken ...), CLV_ENOMEM, CLV_EINTERNAL with @p err. */
CLV_NODISCARD clv_status clv_listener_create(clv_listener **out,
                                             const clv_listener_options *options, clv_error *err);

/** Close everything and wait for the callbacks to end; not from one of them. Requests that are
 *  still held stay valid until they are answered; the answers are dropped. NULL is a no-op. */
void clv_listener_free(clv_listener *listener);

/** The port that it listens on. */
uint16_t clv_listener_port(const clv_listener *listener);

/** The bundles that greetings name from now on; copied. @return CLV_OK; CLV_ELIMIT: over 128. */
CLV_NODISCARD clv_status clv_listener_set_bundles(clv_listener *listener, const clv_digest *ids,
                                                  uint32_t n_ids);

/** A profile of a bundle, packed (profiler/profile_bytes.h), for the greeting of devices that run
 *  it. Opaque here. */
typedef struct clv_listener_profile {
    clv_digest bundle;
    const uint8_t *data;
    size_t bytes; /**< more than CLV_WIRE_MAX_PROFILE_BYTES: it isn't sent */
} clv_listener_profile;

/** The profiles that greetings carry from now on, instead of those before; copied.
 *  @return CLV_OK; CLV_ELIMIT: over 128; CLV_ENOMEM: those before stay. */
CLV_NODISCARD clv_status clv_listener_set_profiles(clv_listener *listener,
                                                   const clv_listener_profile *profiles,
                                                   uint32_t n_profiles);

/* --- a request ---------------------------------------------------------------------------- */

/* All of these are borrowed until the request is answered or refused. */
const char *clv_incoming_device(const clv_incoming *request);
const clv_link_request *clv_incoming_header(const clv_incoming *request);
const uint8_t *clv_incoming_payload(const clv_incoming *request, size_t *bytes_out);

/** Where the owner keeps something for the request's connection: NULL until it does. Change it only
 *  in on_request(), which comes on one thread at a time for each connection. It is freed when the
 *  connection has ended and its last request is answered. */
void **clv_incoming_session(clv_incoming *request);

/** When the last byte of it came (clv_clock_now_us()). */
uint64_t clv_incoming_arrived_us(const clv_incoming *request);

/** Answer: reserve room for the payload, write it, send. clv_incoming_send() takes the request
 *  over. The request's own payload stays readable until then.
 *  @return CLV_OK; CLV_ELIMIT, CLV_ENOMEM: the request is still the caller's, to refuse. */
CLV_NODISCARD clv_status clv_incoming_reserve(clv_incoming *request, uint8_t **payload_out,
                                              size_t payload_cap);
void clv_incoming_send(clv_incoming *request, size_t payload_bytes, const clv_server_times *times);

/** Refuse, with a reason that the device's operator reads. Takes the request over. */
void clv_incoming_refuse(clv_incoming *request, clv_status status, const char *reason);

#endif
