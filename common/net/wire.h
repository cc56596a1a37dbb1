/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_WIRE_H
#define CLV_WIRE_H

/** @file wire.h: the frame around every message: a fixed prologue, a protobuf header, a payload
 *  that protobuf never touches. Pure; hostile input is expected. docs/wire-protocol.md. */

#include <stddef.h>
#include <stdint.h>

#include <cleave/status.h>

#define CLV_WIRE_PROTOCOL 1u
#define CLV_WIRE_PROLOGUE_BYTES 12u
#define CLV_WIRE_MAX_HEADER_BYTES ((size_t)64 << 10)
#define CLV_WIRE_MAX_MESSAGE_BYTES ((size_t)64 << 20)

/** X(NAME, value, protobuf message) */
#define CLV_WIRE_LIST(X)                                                                           \
    X(HELLO, 1, hello)                                                                             \
    X(CHALLENGE, 2, challenge)                                                                     \
    X(PROOF, 3, proof)                                                                             \
    X(WELCOME, 4, welcome)                                                                         \
    X(REQUEST, 5, request)                                                                         \
    X(REPLY, 6, reply)                                                                             \
    X(REFUSAL, 7, refusal)                                                                         \
    X(PING, 8, ping)                                                                               \
    X(PONG, 9, ping)

typedef enum clv_wire_type {
#define CLV_WIRE_ENUM(name, value, message) CLV_WIRE_##name = value,
    CLV_WIRE_LIST(CLV_WIRE_ENUM)
#undef CLV_WIRE_ENUM
} clv_wire_type;

/** A message taken apart; everything is borrowed from its bytes. */
typedef struct clv_wire_view {
    clv_wire_type type;
    const uint8_t *header;
    size_t header_bytes;
    const uint8_t *payload;
    size_t payload_bytes;
} clv_wire_view;

/** @return CLV_OK; CLV_EFORMAT, CLV_EVERSION, CLV_ELIMIT with @p err. */
CLV_NODISCARD clv_status clv_wire_parse(clv_wire_view *out, const uint8_t *data, size_t bytes,
                                        clv_error *err);

/** Write the prologue for a header of @p header_bytes. */
void clv_wire_write_prologue(uint8_t dst[CLV_WIRE_PROLOGUE_BYTES], clv_wire_type type,
                             uint32_t header_bytes);

#endif
