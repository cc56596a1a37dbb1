/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/proto_guard.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

#define WIRE_VARINT 0u
#define WIRE_64BIT 1u
#define WIRE_LENGTH 2u
#define WIRE_32BIT 5u

typedef struct walk {
    const uint8_t *data;
    const clv_proto_limits *limits;
    uint64_t messages;
    uint64_t items;
    clv_error *err;
} walk;

/* A run of the bytes: [at, end). */
typedef struct span {
    size_t at;
    size_t end;
} span;

static clv_status fail(const walk *w, clv_status status, size_t offset, const char *what)
{
    char where[40];
    (void)snprintf(where, sizeof where, "byte %zu", offset);
    return clv_fail(w->err, status, where, "%s", what);
}

static clv_status read_varint(uint64_t *out, const walk *w, span *in)
{
    uint64_t value = 0;
    size_t start = in->at;

    for (unsigned shift = 0; in->at < in->end; shift += 7) {
        uint8_t byte = w->data[in->at++];
        if (shift == 63 && byte > 1)
            return fail(w, CLV_EFORMAT, start, "a number has more than 64 bits");
        value |= (uint64_t)(byte & 0x7fu) << shift;
        if (byte < 0x80) {
            *out = value;
            return CLV_OK;
        }
    }
    return fail(w, CLV_EFORMAT, start, "a number is cut off");
}

/* The bytes of a field's value, behind its tag; @p in moves behind them. */
static clv_status read_value(span *out, const walk *w, unsigned wire, span *in)
{
    uint64_t bytes;
    size_t start = in->at;

    switch (wire) {
    case WIRE_VARINT:
        CLV_TRY(read_varint(&bytes, w, in));
        *out = (span){start, in->at};
        return CLV_OK;
    case WIRE_64BIT:
        bytes = 8;
        break;
    case WIRE_32BIT:
        bytes = 4;
        break;
    case WIRE_LENGTH:
        CLV_TRY(read_varint(&bytes, w, in));
        break;
    default: /* groups, which nothing has written for a decade, and the two that don't exist */
        return fail(w, CLV_EFORMAT, start, "a field has a wire type that is not supported");
    }
    if (bytes > in->end - in->at)
        return fail(w, CLV_EFORMAT, start, "a field reaches beyond the end of its message");
    *out = (span){in->at, in->at + (size_t)bytes};
    in->at = out->end;
    return CLV_OK;
}

static unsigned wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_32BIT;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_64BIT;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_LENGTH;
    default:
        return WIRE_VARINT;
    }
}

/* A repeated number may be packed into one run whatever the declaration says. */
static clv_status check_packed(const walk *w, unsigned wire, span run)
{
    size_t width = wire == WIRE_32BIT ? 4 : 8;
    uint64_t ignored;

    if (wire != WIRE_VARINT && (run.end - run.at) % width != 0)
        return fail(w, CLV_EFORMAT, run.at, "packed numbers are cut off");
    while (wire == WIRE_VARINT && run.at < run.end)
        CLV_TRY(read_varint(&ignored, w, &run));
    return CLV_OK;
}

static clv_status check_scalar(walk *w, const ProtobufCFieldDescriptor *field, unsigned wire,
                               span value)
{
    if (++w->items > w->limits->max_items)
        return fail(w, CLV_ELIMIT, value.at, "the message has too many fields");
    if (field == NULL)
        return CLV_OK;
    unsigned declared = wire_type_of(field->type);
    if (wire == declared)
        return CLV_OK;
    if (wire == WIRE_LENGTH && field->label == PROTOBUF_C_LABEL_REPEATED)
        return check_packed(w, declared, value);
    return fail(w, CLV_EFORMAT, value.at, "a field has another wire type than it is declared with");
}

static clv_status check_message(walk *w, const ProtobufCMessageDescriptor *descriptor, span in,
                                unsigned depth);

static clv_status check_child(walk *w, const ProtobufCFieldDescriptor *field, unsigned wire,
                              span value, unsigned depth)
{
    if (wire != WIRE_LENGTH)
        return fail(w, CLV_EFORMAT, value.at, "a message has the wire type of a number");
    if (++w->messages > w->limits->max_messages)
        return fail(w, CLV_ELIMIT, value.at, "too many messages lie in the message");
    if (depth >= w->limits->max_depth)
        return fail(w, CLV_ELIMIT, value.at, "messages are nested too deeply");
    return check_message(w, field->descriptor, value, depth + 1);
}

static clv_status check_message(walk *w, const ProtobufCMessageDescriptor *descriptor, span in,
                                unsigned depth)
{
    uint64_t seen = 0; /* single sub-messages that have come, by index in the descriptor */
    assert(descriptor->n_fields <= 64);

    while (in.at < in.end) {
        size_t start = in.at;
        uint64_t tag = 0;
        span value;
        CLV_TRY(read_varint(&tag, w, &in));
        if (tag > UINT32_MAX || tag >> 3 == 0)
            return fail(w, CLV_EFORMAT, start, "a field has an impossible number");
        unsigned wire = (unsigned)(tag & 7);
        CLV_TRY(read_value(&value, w, wire, &in));

        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(tag >> 3));
        if (field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE) {
            CLV_TRY(check_scalar(w, field, wire, value));
            continue;
        }
        uint64_t bit = UINT64_C(1) << (field - descriptor->fields);
        if (field->label != PROTOBUF_C_LABEL_REPEATED && (seen & bit) != 0)
            return fail(w, CLV_EFORMAT, start, "a message that may come once comes twice");
        seen |= bit;
        CLV_TRY(check_child(w, field, wire, value, depth));
    }
    return CLV_OK;
}

clv_status clv_proto_check(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                           size_t bytes, const clv_proto_limits *limits, clv_error *err)
{
    walk w = {.data = data, .limits = limits, .err = err};
    return check_message(&w, descriptor, (span){0, bytes}, 1);
}
