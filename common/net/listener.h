/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_LISTENER_H
#define CLV_LISTENER_H

/** @file listener.h: the server's end: greets devices, checks who they are, hands requests on.
 *
 *  Only requests of devices that have proved their name reach the callback. Requests may be answered
 *  in any order, from any thread, later. */

#include "base/digest.h"
#include "net/identity.h"
#include "net/link.h"

typedef struct clv_listener clv_listener;
typedef struct clv_incoming clv_incoming; /**< one request, owned by whoever holds it */

typedef struct clv_listener_options {
    const char *url; /**< "tls+tcp://0.0.0.0:7447"; port 0 picks one */
    const clv_identity *identity; /**< outlives the listener */
    size_t max_message_bytes; /**< 0: CLV_WIRE_MAX_MESSAGE_BYTES */
    /** Called on nng's thread; short. Takes @p request over: answer or refuse it, once. */
    void (*on_request)(void *context, clv_incoming *request);
    /** What happened to a device, for the log; may be NULL. On nng's thread. @p error NULL: good. */
    void (*on_device)(void *context, const char *device, const char *what, const clv_error *error);
    void *context;
} clv_listener_options;

CLV_NODISCARD clv_status clv_listener_create(clv_listener **out,
                                             const clv_listener_options *options, clv_error *err);
void clv_listener_free(clv_listener *listener); /* answers still held are dropped; NULL is fine */

/** The port that it listens on. */
uint16_t clv_listener_port(const clv_listener *listener);

/** The bundles that greetings name from now on; copied. */
CLV_NODISCARD clv_status clv_listener_set_bundles(clv_listener *listener, const clv_digest *ids,
                                                  uint32_t n_ids);

/* --- a request ---------------------------------------------------------------------------- */

const char *clv_incoming_device(const clv_incoming *request);
const clv_link_request *clv_incoming_header(const clv_incoming *request);
const uint8_t *clv_incoming_payload(const clv_incoming *request, size_t *bytes_out);
uint64_t clv_incoming_arrived_us(const clv_incoming *request);

/** Answer: reserve room for the payload, write it, send. clv_incoming_send() takes the request
 *  over. */
CLV_NODISCARD clv_status clv_incoming_reserve(clv_incoming *request, uint8_t **payload_out,
                                              size_t payload_cap);
void clv_incoming_send(clv_incoming *request, size_t payload_bytes, const clv_server_times *times);

/** Refuse, with a reason that the device's operator reads. Takes the request over. */
void clv_incoming_refuse(clv_incoming *request, clv_status status, const char *reason);

#endif
