/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_WIRE_H
#define CLV_WIRE_H

/** @file wire.h: the frame around every message: a fixed prologue, a protobuf header, a payload
 *  that protobuf never touches. Pure; hostile input is expected. docs/wire-protocol.md. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cleave/status.h>

#define CLV_WIRE_PROTOCOL 1u
#define CLV_WIRE_PROLOGUE_BYTES 16u
#define CLV_WIRE_MAX_HEADER_BYTES ((size_t)8 << 10)
#define CLV_WIRE_MAX_MESSAGE_BYTES ((size_t)64 << 20)
#define CLV_WIRE_MAX_PROFILE_BYTES ((size_t)256 << 10) /**< payload of a welcome */

#define CLV_WIRE_MAX_ECHO_BYTES ((size_t)64 << 10) /**< payload of an echo */

/** X(NAME, value, name): every type of message. */
#define CLV_WIRE_LIST(X)                                                                           \
    X(HELLO, 1, hello)                                                                             \
    X(WELCOME, 2, welcome)                                                                         \
    X(REQUEST, 3, request)                                                                         \
    X(REPLY, 4, reply)                                                                             \
    X(REFUSAL, 5, refusal)                                                                         \
    X(PING, 6, ping)                                                                               \
    X(ECHO, 7, echo)                                                                               \
    X(ECHOED, 8, echoed)

typedef enum clv_wire_type {
#define CLV_WIRE_ENUM(name, value, text) CLV_WIRE_##name = value,
    CLV_WIRE_LIST(CLV_WIRE_ENUM)
#undef CLV_WIRE_ENUM
} clv_wire_type;

/** What the payload of a request is. The numbers are part of the protocol. */
typedef enum clv_wire_payload {
    CLV_PAYLOAD_TENSORS = 0, /**< of the cut (codec/activation.h) */
    CLV_PAYLOAD_IMAGE = 1,   /**< cut 0: a JPEG or PNG; the server brings it to the input's size */
    CLV_PAYLOAD_FITTED = 2   /**< cut 0: the same of exactly the input's size */
} clv_wire_payload;
/** How a request lies in a sequence of frames (docs/wire-protocol.md). */
typedef struct clv_wire_sequence {
    bool keep;         /**< a later frame may be coded after this one */
    bool is_after;     /**< the payload is coded after an earlier frame: */
    uint64_t frame;    /**< that one; */
    uint32_t checksum; /**< of its symbols */
} clv_wire_sequence;

/** What a message begins with. */
typedef struct clv_wire_prologue {
    clv_wire_type type;
    uint32_t header_bytes;
    uint32_t payload_bytes; /**< 0 unless it is a request, a reply, a welcome or an echo */
} clv_wire_prologue;

/** "request"; "unknown" for a value that is no type. */
const char *clv_wire_type_name(clv_wire_type type);

/** Check the prologue of a message of at most @p max_message_bytes in all.
 *  @return CLV_OK; CLV_EFORMAT, CLV_EVERSION, CLV_ELIMIT with @p err. */
CLV_NODISCARD clv_status clv_wire_parse_prologue(clv_wire_prologue *out,
                                                 const uint8_t data[CLV_WIRE_PROLOGUE_BYTES],
                                                 size_t max_message_bytes, clv_error *err);

void clv_wire_write_prologue(uint8_t dst[CLV_WIRE_PROLOGUE_BYTES],
                             const clv_wire_prologue *prologue);

/** Change the payload's size in a prologue that was written. */
void clv_wire_resize_payload(uint8_t prologue[CLV_WIRE_PROLOGUE_BYTES], uint32_t payload_bytes);

/** Bytes that follow the prologue: header and payload. */
size_t clv_wire_body_bytes(const clv_wire_prologue *prologue);

#endif
