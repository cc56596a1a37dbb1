/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PROTO_GUARD_H
#define CLV_PROTO_GUARD_H

/** @file proto_guard.h: looks over protobuf bytes from outside before protobuf-c unpacks them.
 *
 *  protobuf-c recurses for each nested message and allocates a struct for each two bytes of one, so
 *  a small hostile file can exhaust the stack or the memory. This walk allocates nothing. */

#include <protobuf-c/protobuf-c.h>

#include <cleave/status.h>

typedef struct clv_proto_limits {
    unsigned max_depth;       /**< nesting of messages */
    uint64_t max_messages;    /**< sub-messages in all */
    uint64_t max_items;       /**< elements of repeated fields, strings and bytes in all */
} clv_proto_limits;

/** Walk @p data as a message of @p descriptor.
 *  @return CLV_OK; CLV_EFORMAT (cut off, a bad tag or length), CLV_ELIMIT, with @p err giving the
 *          byte offset. */
CLV_NODISCARD clv_status clv_proto_check(const ProtobufCMessageDescriptor *descriptor,
                                         const uint8_t *data, size_t bytes,
                                         const clv_proto_limits *limits, clv_error *err);

#endif
