/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PROTO_GUARD_H
#define CLV_PROTO_GUARD_H

/** @file proto_guard.h: looks over protobuf bytes from outside before protobuf-c unpacks them.
 *
 *  protobuf-c recurses for each nested message, allocates a struct for each two bytes of one and
 *  merges a message that comes twice at quadratic cost, so a small hostile file can exhaust the
 *  stack, the memory or the patience. This walk allocates nothing, takes time linear in the bytes,
 *  and refuses such files. */

#include <protobuf-c/protobuf-c.h>

#include <cleave/status.h>

typedef struct clv_proto_limits {
    unsigned max_depth;    /**< nesting of messages; the outermost is 1 */
    uint64_t max_messages; /**< sub-messages in all */
    /** All other fields: strings, bytes, numbers, and what the descriptor doesn't know (protobuf-c
     *  keeps a copy of that). A packed run of numbers counts once, since it unpacks to at most
     *  eight times its bytes. */
    uint64_t max_items;
} clv_proto_limits;

/** Walk @p data as a message of @p descriptor (at most 64 fields a message). Every field must
 *  have the wire type of its declaration; a message that isn't `repeated` may come once.
 *  @return CLV_OK; CLV_EFORMAT (cut off, a bad tag, type or length), CLV_ELIMIT, with @p err
 *          giving the byte offset. */
CLV_NODISCARD clv_status clv_proto_check(const ProtobufCMessageDescriptor *descriptor,
                                         const uint8_t *data, size_t bytes,
                                         const clv_proto_limits *limits, clv_error *err);

#endif
