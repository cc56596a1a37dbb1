/* SPDX-License-Identifier: Apache-2.0 */
#include "net/wire.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

/* Magic and version of the frame: "CLV1". */
static const uint8_t magic[4] = {'C', 'L', 'V', '1'};

const char *clv_wire_type_name(clv_wire_type type)
{
    switch (type) {
#define CLV_WIRE_CASE(name, value, text)                                                           \
    case CLV_WIRE_##name:                                                                          \
        return #text;
        CLV_WIRE_LIST(CLV_WIRE_CASE)
#undef CLV_WIRE_CASE
    }
    return "unknown";
}

static bool is_type(uint16_t value)
{
    switch (value) {
#define CLV_WIRE_CASE(name, value, text)                                                           \
    case CLV_WIRE_##name:                                                                          \
        return true;
        CLV_WIRE_LIST(CLV_WIRE_CASE)
#undef CLV_WIRE_CASE
    }
    return false;
}

/* 0: it has none. The whole message has a limit as well. */
static size_t payload_limit(clv_wire_type type)
{
    switch (type) {
    case CLV_WIRE_REQUEST:
    case CLV_WIRE_REPLY:
        return CLV_WIRE_MAX_MESSAGE_BYTES;
    case CLV_WIRE_WELCOME:
        return CLV_WIRE_MAX_PROFILE_BYTES;
    case CLV_WIRE_ECHO:
        return CLV_WIRE_MAX_ECHO_BYTES;
    default:
        return 0;
    }
}

static clv_status check_sizes(const clv_wire_prologue *prologue, size_t max_message_bytes,
                              clv_error *err)
{
    const char *name = clv_wire_type_name(prologue->type);
    size_t max_payload_bytes = payload_limit(prologue->type);

    if (prologue->header_bytes > CLV_WIRE_MAX_HEADER_BYTES)
        return clv_fail(err, CLV_ELIMIT, NULL, "a %s with a header of %u bytes; at most %zu", name,
                        prologue->header_bytes, CLV_WIRE_MAX_HEADER_BYTES);
    if (prologue->payload_bytes > 0 && max_payload_bytes == 0)
        return clv_fail(err, CLV_EFORMAT, NULL, "a %s has no payload", name);
    if (prologue->payload_bytes > max_payload_bytes)
        return clv_fail(err, CLV_ELIMIT, NULL, "a %s with a payload of %u bytes; at most %zu", name,
                        prologue->payload_bytes, max_payload_bytes);
    uint64_t bytes =
        (uint64_t)CLV_WIRE_PROLOGUE_BYTES + prologue->header_bytes + prologue->payload_bytes;
    if (bytes > max_message_bytes)
        return clv_fail(err, CLV_ELIMIT, NULL, "a %s of %llu bytes; at most %zu are accepted", name,
                        (unsigned long long)bytes, max_message_bytes);
    return CLV_OK;
}

clv_status clv_wire_parse_prologue(clv_wire_prologue *out,
                                   const uint8_t data[CLV_WIRE_PROLOGUE_BYTES],
                                   size_t max_message_bytes, clv_error *err)
{
    uint16_t type = clv_read_u16(data + 4);
    uint16_t flags = clv_read_u16(data + 6);

    if (memcmp(data, magic, sizeof magic - 1) != 0)
        return clv_fail(err, CLV_EFORMAT, NULL, "not a message of Cleave");
    if (data[3] != magic[3])
        return clv_fail(err, CLV_EVERSION, NULL,
                        "a message of another version of Cleave: update the older side");
    if (!is_type(type) || flags != 0)
        return clv_fail(err, CLV_EVERSION, NULL,
                        "a message of type %u with flags %u, unknown to this version of Cleave",
                        type, flags);

    clv_wire_prologue prologue = {.type = (clv_wire_type)type,
                                  .header_bytes = clv_read_u32(data + 8),
                                  .payload_bytes = clv_read_u32(data + 12)};
    CLV_TRY(check_sizes(&prologue, max_message_bytes, err));
    *out = prologue;
    return CLV_OK;
}

void clv_wire_write_prologue(uint8_t dst[CLV_WIRE_PROLOGUE_BYTES],
                             const clv_wire_prologue *prologue)
{
    memcpy(dst, magic, sizeof magic);
    clv_write_u16(dst + 4, (uint16_t)prologue->type);
    clv_write_u16(dst + 6, 0);
    clv_write_u32(dst + 8, prologue->header_bytes);
    clv_write_u32(dst + 12, prologue->payload_bytes);
}

void clv_wire_resize_payload(uint8_t prologue[CLV_WIRE_PROLOGUE_BYTES], uint32_t payload_bytes)
{
    clv_write_u32(prologue + 12, payload_bytes);
}

size_t clv_wire_body_bytes(const clv_wire_prologue *prologue)
{
    return (size_t)prologue->header_bytes + prologue->payload_bytes;
}
