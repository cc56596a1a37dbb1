/* SPDX-License-Identifier: Apache-2.0 */
#include "net/wire_header.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "wire.pb-c.h"

/* Room for the largest legal header (a welcome with every bundle) with protobuf-c's own needs. */
#define SCRATCH_BYTES ((size_t)32 << 10)

/* --- packing ------------------------------------------------------------------------------ */

/* A header as protobuf-c sees it: everything is borrowed from the clv_wire_header. */
typedef struct packable {
    union {
        ProtobufCMessage base;
        Clv__Pb__Hello hello;
        Clv__Pb__Welcome welcome;
        Clv__Pb__Request request;
        Clv__Pb__Reply reply;
        Clv__Pb__Refusal refusal;
        Clv__Pb__Ping ping;
        Clv__Pb__Echo echo;
        Clv__Pb__Echoed echoed;
    };
    ProtobufCBinaryData bundles[CLV_WIRE_MAX_BUNDLES];
} packable;

/* protobuf-c's structs aren't const-correct; packing doesn't write through them. */
static char *borrow_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

static ProtobufCBinaryData borrow_digest(const clv_digest *digest)
{
    return (ProtobufCBinaryData){sizeof digest->bytes, (uint8_t *)(uintptr_t)digest->bytes};
}

static void view_welcome(packable *out, const clv_wire_welcome *welcome)
{
    assert(welcome->n_bundles <= CLV_WIRE_MAX_BUNDLES);
    clv__pb__welcome__init(&out->welcome);
    out->welcome.protocol = welcome->protocol;
    out->welcome.software = borrow_text(welcome->software);
    for (uint32_t i = 0; i < welcome->n_bundles; i++)
        out->bundles[i] = borrow_digest(&welcome->bundles[i]);
    out->welcome.n_bundles = welcome->n_bundles;
    out->welcome.bundles = out->bundles;
}

static void view_refusal(Clv__Pb__Refusal *out, const clv_wire_refusal *refusal)
{
    clv__pb__refusal__init(out);
    if (refusal->about_frame) {
        out->about_case = CLV__PB__REFUSAL__ABOUT_FRAME;
        out->frame = refusal->frame;
    }
    out->status = (uint32_t)refusal->status;
    out->reason = borrow_text(refusal->reason);
}

static void view_sequence(Clv__Pb__Request *out, const clv_wire_sequence *sequence)
{
    out->keep = sequence->keep;
    if (sequence->is_after) {
        out->after_case = CLV__PB__REQUEST__AFTER_REFERENCE;
        out->reference = sequence->frame;
        out->reference_checksum = sequence->checksum;
    }
}

static const ProtobufCMessage *view(packable *out, const clv_wire_header *header)
{
    switch (header->type) {
    case CLV_WIRE_HELLO:
        clv__pb__hello__init(&out->hello);
        out->hello.protocol = header->hello.protocol;
        out->hello.software = borrow_text(header->hello.software);
        out->hello.device_name = borrow_text(header->hello.device_name);
        out->hello.heartbeat_us = header->hello.heartbeat_us;
        if (header->hello.has_bundle)
            out->hello.bundle = borrow_digest(&header->hello.bundle);
        break;
    case CLV_WIRE_WELCOME:
        view_welcome(out, &header->welcome);
        break;
    case CLV_WIRE_REQUEST:
        clv__pb__request__init(&out->request);
        out->request.frame = header->request.frame;
        out->request.bundle = borrow_digest(&header->request.bundle);
        out->request.cut = header->request.cut;
        out->request.deadline_us = header->request.deadline_us;
        out->request.prefix = header->request.prefix;
        out->request.suffix = header->request.suffix;
        out->request.payload = header->request.payload;
        view_sequence(&out->request, &header->request.sequence);
        break;
    case CLV_WIRE_REPLY:
        clv__pb__reply__init(&out->reply);
        out->reply.frame = header->reply.frame;
        out->reply.decode_us = header->reply.decode_us;
        out->reply.queue_us = header->reply.queue_us;
        out->reply.compute_us = header->reply.compute_us;
        out->reply.load_permille = header->reply.load_permille;
        out->reply.workers = header->reply.workers;
        break;
    case CLV_WIRE_REFUSAL:
        view_refusal(&out->refusal, &header->refusal);
        break;
    case CLV_WIRE_PING:
        clv__pb__ping__init(&out->ping);
        break;
    case CLV_WIRE_ECHO:
        clv__pb__echo__init(&out->echo);
        out->echo.number = header->echo.number;
        break;
    case CLV_WIRE_ECHOED:
        clv__pb__echoed__init(&out->echoed);
        out->echoed.number = header->echo.number;
        out->echoed.load_permille = header->echo.load_permille;
        out->echoed.workers = header->echo.workers;
        break;
    }
    return &out->base;
}

size_t clv_wire_packed_bytes(const clv_wire_header *header)
{
    packable message;
    return protobuf_c_message_get_packed_size(view(&message, header));
}

size_t clv_wire_pack(uint8_t *dst, const clv_wire_header *header)
{
    packable message;
    return protobuf_c_message_pack(view(&message, header), dst);
}

/* --- unpacking ---------------------------------------------------------------------------- */

typedef struct scratch {
    size_t used;
    _Alignas(16) uint8_t bytes[SCRATCH_BYTES];
} scratch;

static void *scratch_alloc(void *context, size_t bytes)
{
    scratch *area = context;
    if (bytes > SCRATCH_BYTES - area->used)
        return NULL;
    void *ptr = area->bytes + area->used;
    area->used += (bytes + 15u) & ~(size_t)15u;
    if (area->used > SCRATCH_BYTES)
        area->used = SCRATCH_BYTES;
    return ptr;
}

static void scratch_free(void *context, void *ptr)
{
    (void)context;
    (void)ptr;
}

static clv_status take_text(char dst[CLV_WIRE_MAX_TEXT], const char *text, const char *what,
                            clv_error *err)
{
    size_t n = strlen(text);
    if (n >= CLV_WIRE_MAX_TEXT)
        return clv_fail(err, CLV_ELIMIT, NULL, "a %s of %zu bytes; at most %u", what, n,
                        CLV_WIRE_MAX_TEXT - 1);
    memcpy(dst, text, n + 1);
    return CLV_OK;
}

static clv_status take_digest(clv_digest *out, const ProtobufCBinaryData *data, clv_error *err)
{
    if (data->len != sizeof out->bytes)
        return clv_fail(err, CLV_EFORMAT, NULL, "the id of a bundle has %zu bytes instead of %u",
                        data->len, CLV_DIGEST_BYTES);
    memcpy(out->bytes, data->data, sizeof out->bytes);
    return CLV_OK;
}

static clv_status take_hello(clv_wire_hello *out, const Clv__Pb__Hello *hello, clv_error *err)
{
    clv_wire_hello taken = {.protocol = hello->protocol, .heartbeat_us = hello->heartbeat_us};
    CLV_TRY(take_text(taken.software, hello->software, "software name", err));
    CLV_TRY(take_text(taken.device_name, hello->device_name, "device name", err));
    taken.has_bundle = hello->bundle.len > 0;
    if (taken.has_bundle)
        CLV_TRY(take_digest(&taken.bundle, &hello->bundle, err));
    *out = taken;
    return CLV_OK;
}

static clv_status take_welcome(clv_wire_welcome *out, const Clv__Pb__Welcome *welcome,
                               clv_error *err)
{
    if (welcome->n_bundles > CLV_WIRE_MAX_BUNDLES)
        return clv_fail(err, CLV_ELIMIT, NULL, "%zu bundles; at most %u", welcome->n_bundles,
                        CLV_WIRE_MAX_BUNDLES);
    clv_wire_welcome taken = {.protocol = welcome->protocol,
                              .n_bundles = (uint32_t)welcome->n_bundles};
    CLV_TRY(take_text(taken.software, welcome->software, "software name", err));
    for (uint32_t i = 0; i < taken.n_bundles; i++)
        CLV_TRY(take_digest(&taken.bundles[i], &welcome->bundles[i], err));
    *out = taken;
    return CLV_OK;
}

static clv_status take_request(clv_wire_request *out, const Clv__Pb__Request *request,
                               clv_error *err)
{
    CLV_TRY(take_digest(&out->bundle, &request->bundle, err));
    out->frame = request->frame;
    out->cut = request->cut;
    out->deadline_us = request->deadline_us;
    out->prefix = request->prefix;
    out->suffix = request->suffix;
    out->payload = request->payload;
    bool is_after = request->after_case == CLV__PB__REQUEST__AFTER_REFERENCE;
    out->sequence = (clv_wire_sequence){.keep = request->keep,
                                        .is_after = is_after,
                                        .frame = is_after ? request->reference : 0,
                                        .checksum = is_after ? request->reference_checksum : 0};
    return CLV_OK;
}

static void take_reply(clv_wire_reply *out, const Clv__Pb__Reply *reply)
{
    *out = (clv_wire_reply){.frame = reply->frame,
                            .decode_us = reply->decode_us,
                            .queue_us = reply->queue_us,
                            .compute_us = reply->compute_us,
                            .load_permille = reply->load_permille,
                            .workers = reply->workers};
}

static void take_echoed(clv_wire_echo *out, const Clv__Pb__Echoed *echoed)
{
    *out = (clv_wire_echo){.number = echoed->number,
                           .load_permille = echoed->load_permille,
                           .workers = echoed->workers};
}

static clv_status take_refusal(clv_wire_refusal *out, const Clv__Pb__Refusal *refusal,
                               clv_error *err)
{
    if (refusal->status == CLV_OK || refusal->status >= CLV_STATUS_COUNT)
        return clv_fail(err, CLV_EFORMAT, NULL, "a refusal with the unknown status %u",
                        refusal->status);
    bool about_frame = refusal->about_case == CLV__PB__REFUSAL__ABOUT_FRAME;
    clv_wire_refusal taken = {.about_frame = about_frame,
                              .frame = about_frame ? refusal->frame : 0,
                              .status = (clv_status)refusal->status};
    CLV_TRY(take_text(taken.reason, refusal->reason, "reason", err));
    *out = taken;
    return CLV_OK;
}

static const ProtobufCMessageDescriptor *descriptor_of(clv_wire_type type)
{
    switch (type) {
#define CLV_WIRE_CASE(name, value, text)                                                           \
    case CLV_WIRE_##name:                                                                          \
        return &clv__pb__##text##__descriptor;
        CLV_WIRE_LIST(CLV_WIRE_CASE)
#undef CLV_WIRE_CASE
    }
    return NULL;
}

static clv_status take(clv_wire_header *out, clv_wire_type type, const ProtobufCMessage *message,
                       clv_error *err)
{
    switch (type) {
    case CLV_WIRE_HELLO:
        return take_hello(&out->hello, (const Clv__Pb__Hello *)message, err);
    case CLV_WIRE_WELCOME:
        return take_welcome(&out->welcome, (const Clv__Pb__Welcome *)message, err);
    case CLV_WIRE_REQUEST:
        return take_request(&out->request, (const Clv__Pb__Request *)message, err);
    case CLV_WIRE_REPLY:
        take_reply(&out->reply, (const Clv__Pb__Reply *)message);
        return CLV_OK;
    case CLV_WIRE_REFUSAL:
        return take_refusal(&out->refusal, (const Clv__Pb__Refusal *)message, err);
    case CLV_WIRE_PING:
        return CLV_OK;
    case CLV_WIRE_ECHO:
        out->echo = (clv_wire_echo){.number = ((const Clv__Pb__Echo *)message)->number};
        return CLV_OK;
    case CLV_WIRE_ECHOED:
        take_echoed(&out->echo, (const Clv__Pb__Echoed *)message);
        return CLV_OK;
    }
    return CLV_EINTERNAL;
}

clv_status clv_wire_unpack(clv_wire_header *out, clv_wire_type type, const uint8_t *data,
                           size_t bytes, clv_error *err)
{
    scratch area;
    area.used = 0;
    ProtobufCAllocator allocator = {scratch_alloc, scratch_free, &area};

    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor_of(type), &allocator, bytes, data);
    if (message == NULL)
        return clv_fail(err, CLV_EFORMAT, NULL, "the header of a %s is malformed",
                        clv_wire_type_name(type));
    CLV_TRY(take(out, type, message, err));
    out->type = type;
    return CLV_OK;
}
