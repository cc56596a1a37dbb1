/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_LINK_H
#define CLV_LINK_H

/** @file link.h: the device's end: one mutually authenticated connection to a server, dialled
 *  again for ever in the background, several requests in flight. docs/wire-protocol.md.
 *
 *  A request is sent at most once. When the connection dies, every unanswered request is simply
 *  gone: the owner hears CLV_LINK_DOWN and decides (edge/agent). So a frame never runs twice by
 *  the link's doing. A dead peer is found by heartbeats within link_timeout_us.
 *
 *  After an outage the next attempt comes within a third of redial_us of the network's return; the
 *  link is up after the round trips of TCP, TLS and the greeting (four in all). A server that
 *  isn't running is asked every redial_us at most, one that refuses this device every 8 redial_us.
 *
 *  Threads: send from any thread; events come on the link's threads, one at a time, and the
 *  callback must be short and must not call clv_link_free(); it may send. Note a request as sent
 *  before you send it: its answer, or the link's end, may be told before clv_link_send() returns.
 */

#include "base/digest.h"
#include "net/identity.h"
#include "net/wire.h"

typedef struct clv_link clv_link;

typedef enum clv_link_event_type {
    CLV_LINK_UP,      /**< greeted and proved; requests may be sent */
    CLV_LINK_DOWN,    /**< was up and is not any more; `error` says why */
    CLV_LINK_FAILED,  /**< an attempt to connect failed; `error` says why; it goes on trying */
    CLV_LINK_REPLY,   /**< an answer */
    CLV_LINK_REFUSED, /**< the server refused a request */
    CLV_LINK_ECHOED   /**< an echo has come back */
} clv_link_event_type;

/** What the server measured for one request, in microseconds, and how busy it was. */
typedef struct clv_server_times {
    uint64_t decode_us, queue_us, compute_us;
    uint32_t load_permille; /**< requests that waited or ran, this one too, over its workers; over
                                 1000 some wait */
    uint32_t workers;       /**< 0: it doesn't say how many */
} clv_server_times;

/** Everything is borrowed for the callback. */
typedef struct clv_link_event {
    clv_link_event_type type;
    const clv_error *error; /**< DOWN, FAILED, REFUSED */
    uint64_t frame;         /**< REPLY, REFUSED; ECHOED: the echo's number */
    const uint8_t *payload; /**< REPLY: outputs (activation format) */
    size_t payload_bytes;
    clv_server_times server;   /**< REPLY; ECHOED: load_permille and workers alone */
    const clv_digest *bundles; /**< UP: what the server answers for */
    uint32_t n_bundles;
    const uint8_t *profile;  /**< UP: the server's of the bundle that was asked for, packed */
    size_t profile_bytes;    /**< UP; 0: it sent none */
    const char *server_name; /**< UP */
} clv_link_event;

typedef struct clv_link_options {
    const char *url;              /**< "tls+tcp://host:port" */
    const char *server_name;      /**< name in the server's certificate; NULL: the URL's host */
    const clv_identity *identity; /**< outlives the link */
    const char *device_name;      /**< NULL: the certificate's name */
    const clv_digest *bundle;     /**< whose profile the server is asked for; copied; NULL: none */
    uint64_t redial_us;           /**< longest pause between attempts; 0: 800 ms */
    uint64_t link_timeout_us;     /**< silence after which a connection, or an attempt to make one,
                                       counts as dead, 100 ms to 60 s; 0: 2 s */
    void (*on_event)(void *context, const clv_link_event *event);
    void *context;
} clv_link_options;

/** Start dialling. @return CLV_OK; CLV_EINVAL (url), CLV_ENOMEM, CLV_EINTERNAL with @p err. */
CLV_NODISCARD clv_status clv_link_create(clv_link **out, const clv_link_options *options,
                                         clv_error *err);

/** Close, wait for the callbacks to end, free. NULL is a no-op. */
void clv_link_free(clv_link *link);

/** Requests that may be unanswered at once on a connection. */
#define CLV_LINK_MAX_IN_FLIGHT 64u

typedef struct clv_link_request {
    uint64_t frame;
    const clv_digest *bundle;
    uint32_t cut;
    uint64_t deadline_us; /**< time left; 0: none */
    uint32_t prefix,
        suffix;       /**< precisions (clv_precision) of the device's part and the server's */
    uint32_t payload; /**< clv_wire_payload */
    clv_wire_sequence sequence;
} clv_link_request;

/** A message that is being made: the payload is written straight into it. */
typedef struct clv_link_message clv_link_message;

/** Start a message with room for @p payload_cap bytes of payload at *payload_out.
 *  @return CLV_OK, CLV_ELIMIT, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_link_message_create(clv_link_message **out, uint8_t **payload_out,
                                                 const clv_link_request *request,
                                                 size_t payload_cap);

/** Send the message with its first @p payload_bytes of payload, and take it over in every case.
 *  @param[out] wire_bytes_out  Bytes of the whole message; may be NULL.
 *  @return CLV_OK: handed to the connection; CLV_ECLOSED: not up; CLV_EAGAIN:
 *          CLV_LINK_MAX_IN_FLIGHT are unanswered, or 64 MiB wait to be sent. */
CLV_NODISCARD clv_status clv_link_send(clv_link *link, clv_link_message *message,
                                       size_t payload_bytes, size_t *wire_bytes_out);
void clv_link_message_free(clv_link_message *message); /* one that isn't sent */

/** Echoes that may be on their way at once. */
#define CLV_LINK_MAX_ECHOES 4u

/** Send an echo with @p payload_bytes of no meaning; the server answers it at once. Only for
 *  servers that know echoes: those that sent a profile.
 *  @return CLV_OK: handed to the connection; CLV_ECLOSED: not up; CLV_EAGAIN: CLV_LINK_MAX_ECHOES
 *          are on their way; CLV_ELIMIT: over CLV_WIRE_MAX_ECHO_BYTES; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_link_echo(clv_link *link, uint64_t number, size_t payload_bytes);

#endif
