/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_WIRE_HEADER_H
#define CLV_WIRE_HEADER_H

/** @file wire_header.h: the headers of the messages as plain structs, to and from protobuf
 *  (proto/wire.proto). Nothing is allocated: protobuf-c unpacks into a scratch area on the stack,
 *  so a hostile header can cost no more than that. Pure. */

#include <stdbool.h>

#include "base/digest.h"
#include "net/wire.h"

#define CLV_WIRE_MAX_TEXT 256u
#define CLV_WIRE_MAX_BUNDLES 128u

typedef struct clv_wire_hello {
    uint32_t protocol;
    char software[CLV_WIRE_MAX_TEXT];
    char device_name[CLV_WIRE_MAX_TEXT];
    uint64_t heartbeat_us;
    bool has_bundle; /**< the device says which bundle it runs */
    clv_digest bundle;
} clv_wire_hello;

typedef struct clv_wire_welcome {
    uint32_t protocol;
    char software[CLV_WIRE_MAX_TEXT];
    uint32_t n_bundles;
    clv_digest bundles[CLV_WIRE_MAX_BUNDLES];
} clv_wire_welcome;

typedef struct clv_wire_request {
    uint64_t frame;
    clv_digest bundle;
    uint32_t cut;
    uint64_t deadline_us;
    uint32_t prefix, suffix; /**< precisions; who answers checks them */
    uint32_t payload;        /**< clv_wire_payload; who answers checks it */
    clv_wire_sequence sequence;
} clv_wire_request;

typedef struct clv_wire_reply {
    uint64_t frame;
    uint64_t decode_us, queue_us, compute_us;
    uint32_t load_permille; /**< requests at the server over its workers */
    uint32_t workers;       /**< that it has; 0: it doesn't say */
} clv_wire_reply;

typedef struct clv_wire_refusal {
    bool about_frame; /**< false: the connection is refused */
    uint64_t frame;
    clv_status status;
    char reason[CLV_WIRE_MAX_TEXT];
} clv_wire_refusal;

/** Of an echo, and of what answers it. */
typedef struct clv_wire_echo {
    uint64_t number;
    uint32_t load_permille, workers; /**< ECHOED: as in a reply; workers 0: it doesn't say */
} clv_wire_echo;

/** A header of any type; a ping has none of these. */
typedef struct clv_wire_header {
    clv_wire_type type;
    union {
        clv_wire_hello hello;
        clv_wire_welcome welcome;
        clv_wire_request request;
        clv_wire_reply reply;
        clv_wire_refusal refusal;
        clv_wire_echo echo; /**< ECHO, ECHOED */
    };
} clv_wire_header;

/** Bytes that clv_wire_pack() will write: at most CLV_WIRE_MAX_HEADER_BYTES. */
size_t clv_wire_packed_bytes(const clv_wire_header *header);

/** Write the header; there is room for clv_wire_packed_bytes().
 *  @return The bytes written. */
size_t clv_wire_pack(uint8_t *dst, const clv_wire_header *header);

/** Read a header of @p type. @return CLV_OK; CLV_EFORMAT, CLV_ELIMIT with @p err. */
CLV_NODISCARD clv_status clv_wire_unpack(clv_wire_header *out, clv_wire_type type,
                                         const uint8_t *data, size_t bytes, clv_error *err);

#endif
