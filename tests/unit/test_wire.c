/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "net/wire.h"
#include "net/wire_header.h"

#define MAX CLV_WIRE_MAX_MESSAGE_BYTES

/* --- the prologue ------------------------------------------------------------------------- */

static void put_prologue(uint8_t dst[CLV_WIRE_PROLOGUE_BYTES], uint16_t type, uint32_t header,
                         uint32_t payload)
{
    memcpy(dst, "CLV1", 4);
    clv_write_u16(dst + 4, type);
    clv_write_u16(dst + 6, 0);
    clv_write_u32(dst + 8, header);
    clv_write_u32(dst + 12, payload);
}

static clv_status parse(const uint8_t *data, size_t max)
{
    clv_wire_prologue prologue;
    clv_error err = CLV_ERROR_INIT;
    clv_status status = clv_wire_parse_prologue(&prologue, data, max, &err);
    assert_int_equal(status != CLV_OK, err.message[0] != '\0');
    return status;
}

static void test_wire__prologue_is_laid_out_as_documented(void **state)
{
    static const uint8_t golden[CLV_WIRE_PROLOGUE_BYTES] = {'C', 'L', 'V', '1', 3, 0, 0, 0,
                                                            10,  1,   0,   0,   4, 3, 2, 0};
    clv_wire_prologue prologue = {CLV_WIRE_REQUEST, 266, 0x20304};
    uint8_t bytes[CLV_WIRE_PROLOGUE_BYTES];
    (void)state;

    clv_wire_write_prologue(bytes, &prologue);
    assert_memory_equal(bytes, golden, sizeof golden);

    clv_wire_prologue parsed = {CLV_WIRE_PING, 0, 0};
    assert_int_equal(clv_wire_parse_prologue(&parsed, golden, MAX, NULL), CLV_OK);
    assert_int_equal(parsed.type, CLV_WIRE_REQUEST);
    assert_int_equal(parsed.header_bytes, 266);
    assert_int_equal(parsed.payload_bytes, 0x20304);
    assert_int_equal(clv_wire_body_bytes(&parsed), 266 + 0x20304);

    clv_wire_resize_payload(bytes, 5);
    assert_int_equal(clv_read_u32(bytes + 12), 5);
}

static void test_wire__refuses_what_is_no_message(void **state)
{
    uint8_t bytes[CLV_WIRE_PROLOGUE_BYTES];
    (void)state;
    put_prologue(bytes, CLV_WIRE_PING, 0, 0);
    assert_int_equal(parse(bytes, MAX), CLV_OK);
    for (size_t i = 0; i < 4; i++) {
        put_prologue(bytes, CLV_WIRE_PING, 0, 0);
        bytes[i] ^= 1;
        assert_int_equal(parse(bytes, MAX), i < 3 ? CLV_EFORMAT : CLV_EVERSION);
    }
    memcpy(bytes, "GET / HTTP/1.1\r\n", sizeof bytes);
    assert_int_equal(parse(bytes, MAX), CLV_EFORMAT);
}

static void test_wire__refuses_unknown_types_and_flags(void **state)
{
    uint8_t bytes[CLV_WIRE_PROLOGUE_BYTES];
    (void)state;
    for (uint32_t type = 0; type < 0x10000; type += type < 16 ? 1 : 251) {
        put_prologue(bytes, (uint16_t)type, 0, 0);
        assert_int_equal(parse(bytes, MAX), type >= 1 && type <= 8 ? CLV_OK : CLV_EVERSION);
    }
    for (unsigned bit = 0; bit < 16; bit++) {
        put_prologue(bytes, CLV_WIRE_PING, 0, 0);
        clv_write_u16(bytes + 6, (uint16_t)(1u << bit));
        assert_int_equal(parse(bytes, MAX), CLV_EVERSION);
    }
}

static void test_wire__caps_header_and_message(void **state)
{
    uint8_t bytes[CLV_WIRE_PROLOGUE_BYTES];
    uint32_t max_payload = (uint32_t)(MAX - CLV_WIRE_PROLOGUE_BYTES - 10);
    (void)state;

    put_prologue(bytes, CLV_WIRE_HELLO, CLV_WIRE_MAX_HEADER_BYTES, 0);
    assert_int_equal(parse(bytes, MAX), CLV_OK);
    put_prologue(bytes, CLV_WIRE_HELLO, CLV_WIRE_MAX_HEADER_BYTES + 1, 0);
    assert_int_equal(parse(bytes, MAX), CLV_ELIMIT);
    put_prologue(bytes, CLV_WIRE_REQUEST, UINT32_MAX, UINT32_MAX);
    assert_int_equal(parse(bytes, MAX), CLV_ELIMIT);

    put_prologue(bytes, CLV_WIRE_REQUEST, 10, max_payload);
    assert_int_equal(parse(bytes, MAX), CLV_OK);
    put_prologue(bytes, CLV_WIRE_REQUEST, 10, max_payload + 1);
    assert_int_equal(parse(bytes, MAX), CLV_ELIMIT);
    put_prologue(bytes, CLV_WIRE_REPLY, 0, UINT32_MAX);
    assert_int_equal(parse(bytes, MAX), CLV_ELIMIT);
    put_prologue(bytes, CLV_WIRE_REQUEST, 10, 1000);
    assert_int_equal(parse(bytes, 1025), CLV_ELIMIT);
    assert_int_equal(parse(bytes, 1026), CLV_OK);
}

static void test_wire__only_some_types_have_payload(void **state)
{
    uint8_t bytes[CLV_WIRE_PROLOGUE_BYTES];
    (void)state;
    for (uint16_t type = 1; type <= 8; type++) {
        bool may = type == CLV_WIRE_REQUEST || type == CLV_WIRE_REPLY || type == CLV_WIRE_WELCOME ||
                   type == CLV_WIRE_ECHO;
        put_prologue(bytes, type, 0, 1);
        assert_int_equal(parse(bytes, MAX), may ? CLV_OK : CLV_EFORMAT);
    }
    put_prologue(bytes, CLV_WIRE_WELCOME, 0, CLV_WIRE_MAX_PROFILE_BYTES); /* a profile */
    assert_int_equal(parse(bytes, MAX), CLV_OK);
    put_prologue(bytes, CLV_WIRE_WELCOME, 0, CLV_WIRE_MAX_PROFILE_BYTES + 1);
    assert_int_equal(parse(bytes, MAX), CLV_ELIMIT);
    put_prologue(bytes, CLV_WIRE_ECHO, 0, CLV_WIRE_MAX_ECHO_BYTES);
    assert_int_equal(parse(bytes, MAX), CLV_OK);
    put_prologue(bytes, CLV_WIRE_ECHO, 0, CLV_WIRE_MAX_ECHO_BYTES + 1);
    assert_int_equal(parse(bytes, MAX), CLV_ELIMIT);
}

static void test_wire__leaves_the_output_alone_on_failure(void **state)
{
    uint8_t bytes[CLV_WIRE_PROLOGUE_BYTES];
    clv_wire_prologue prologue = {CLV_WIRE_PING, 1, 2};
    (void)state;
    put_prologue(bytes, 99, 3, 4);
    assert_int_equal(clv_wire_parse_prologue(&prologue, bytes, MAX, NULL), CLV_EVERSION);
    assert_int_equal(prologue.type, CLV_WIRE_PING);
    assert_int_equal(prologue.header_bytes, 1);
}

/* --- headers ------------------------------------------------------------------------------ */

static uint8_t packed[CLV_WIRE_MAX_HEADER_BYTES];

static size_t pack(const clv_wire_header *header)
{
    size_t bytes = clv_wire_packed_bytes(header);
    assert_in_range(bytes, 0, sizeof packed);
    memset(packed, 0xee, sizeof packed);
    assert_int_equal(clv_wire_pack(packed, header), bytes);
    return bytes;
}

static void pass(clv_wire_header *out, const clv_wire_header *in)
{
    clv_error err = CLV_ERROR_INIT;
    size_t bytes = pack(in);
    memset(out, 0x55, sizeof *out);
    if (clv_wire_unpack(out, in->type, packed, bytes, &err) != CLV_OK)
        fail_msg("%s", err.message);
    assert_int_equal(out->type, in->type);
}

static void test_wire__hello_passes(void **state)
{
    clv_wire_header out, in = {.type = CLV_WIRE_HELLO};
    (void)state;
    in.hello = (clv_wire_hello){.protocol = 1, .heartbeat_us = 500000};
    (void)snprintf(in.hello.software, sizeof in.hello.software, "cleave 9.9.9");
    memset(in.hello.device_name, 'n', CLV_WIRE_MAX_TEXT - 1); /* the longest */
    pass(&out, &in);
    assert_int_equal(out.hello.protocol, 1);
    assert_int_equal(out.hello.heartbeat_us, 500000);
    assert_string_equal(out.hello.software, in.hello.software);
    assert_string_equal(out.hello.device_name, in.hello.device_name);
    assert_false(out.hello.has_bundle);
    in.hello.has_bundle = true;
    memset(in.hello.bundle.bytes, 0xfe, sizeof in.hello.bundle.bytes);
    pass(&out, &in);
    assert_true(out.hello.has_bundle);
    assert_memory_equal(&out.hello.bundle, &in.hello.bundle, sizeof in.hello.bundle);
}

static void test_wire__welcome_passes_with_none_and_all_bundles(void **state)
{
    static clv_wire_header out, in;
    (void)state;
    in.type = CLV_WIRE_WELCOME;
    in.welcome.protocol = 1;
    memset(in.welcome.software, 's', CLV_WIRE_MAX_TEXT - 1);
    memset(in.welcome.bundles, 0xab, sizeof in.welcome.bundles);
    for (uint32_t n = 0; n <= CLV_WIRE_MAX_BUNDLES; n += CLV_WIRE_MAX_BUNDLES / 2) {
        in.welcome.n_bundles = n;
        pass(&out, &in);
        assert_int_equal(out.welcome.n_bundles, n);
        assert_memory_equal(out.welcome.bundles, in.welcome.bundles, n * sizeof(clv_digest));
        assert_string_equal(out.welcome.software, in.welcome.software);
    }
}

static void test_wire__request_passes(void **state)
{
    clv_wire_header out, in = {.type = CLV_WIRE_REQUEST};
    (void)state;
    in.request =
        (clv_wire_request){.frame = UINT64_MAX, .cut = UINT32_MAX, .deadline_us = UINT64_MAX - 1};
    memset(in.request.bundle.bytes, 0xff, sizeof in.request.bundle.bytes);
    pass(&out, &in);
    assert_true(out.request.frame == UINT64_MAX && out.request.cut == UINT32_MAX);
    assert_true(out.request.deadline_us == UINT64_MAX - 1);
    assert_memory_equal(&out.request.bundle, &in.request.bundle, sizeof in.request.bundle);
    in.request.sequence = (clv_wire_sequence){true, true, UINT64_MAX, UINT32_MAX};
    pass(&out, &in);
    assert_true(out.request.sequence.keep && out.request.sequence.is_after);
    assert_true(out.request.sequence.frame == UINT64_MAX);
    assert_true(out.request.sequence.checksum == UINT32_MAX);
    in.request.sequence = (clv_wire_sequence){false, true, 0, 0}; /* the first frame is one, too */
    pass(&out, &in);
    assert_true(out.request.sequence.is_after && !out.request.sequence.keep);
    in.request = (clv_wire_request){.frame = 0};
    pass(&out, &in);
    assert_int_equal(out.request.frame, 0);
    assert_false(out.request.sequence.is_after || out.request.sequence.keep);
}

static void test_wire__echoes_pass(void **state)
{
    clv_wire_header out, in = {.type = CLV_WIRE_ECHO, .echo = {UINT64_MAX, 0, 0}};
    (void)state;
    pass(&out, &in);
    assert_true(out.echo.number == UINT64_MAX);
    in = (clv_wire_header){.type = CLV_WIRE_ECHOED, .echo = {7, UINT32_MAX, 8}};
    pass(&out, &in);
    assert_int_equal(out.echo.number, 7);
    assert_true(out.echo.load_permille == UINT32_MAX);
    assert_int_equal(out.echo.workers, 8);
}

static void test_wire__reply_and_ping_pass(void **state)
{
    clv_wire_header out, in = {.type = CLV_WIRE_REPLY};
    (void)state;
    in.reply = (clv_wire_reply){1, 2, UINT64_MAX, 4, UINT32_MAX, 6};
    pass(&out, &in);
    assert_int_equal(out.reply.frame, 1);
    assert_int_equal(out.reply.decode_us, 2);
    assert_true(out.reply.queue_us == UINT64_MAX);
    assert_int_equal(out.reply.compute_us, 4);
    assert_true(out.reply.load_permille == UINT32_MAX);
    assert_int_equal(out.reply.workers, 6);
    in.type = CLV_WIRE_PING;
    assert_int_equal(pack(&in), 0);
    pass(&out, &in);
}

static void test_wire__refusal_is_about_a_frame_or_the_connection(void **state)
{
    clv_wire_header out, in = {.type = CLV_WIRE_REFUSAL};
    (void)state;
    in.refusal = (clv_wire_refusal){.about_frame = true, .frame = 0, .status = CLV_EAGAIN};
    (void)snprintf(in.refusal.reason, sizeof in.refusal.reason, "full");
    pass(&out, &in);
    assert_true(out.refusal.about_frame);
    assert_int_equal(out.refusal.frame, 0);
    assert_int_equal(out.refusal.status, CLV_EAGAIN);
    assert_string_equal(out.refusal.reason, "full");
    in.refusal.about_frame = false;
    pass(&out, &in);
    assert_false(out.refusal.about_frame);
}

static void check_malformed(clv_wire_type type, const char *bytes, size_t n, clv_status code)
{
    clv_wire_header out = {.type = CLV_WIRE_PING};
    clv_error err = CLV_ERROR_INIT;
    assert_int_equal(clv_wire_unpack(&out, type, (const uint8_t *)bytes, n, &err), code);
    assert_true(err.message[0] != '\0');
    assert_int_equal(out.type, CLV_WIRE_PING);
}

#define MALFORMED(type, text, code) check_malformed(type, text, sizeof text - 1, code)

static void test_wire__refuses_malformed_headers(void **state)
{
    char refusal[] = "\x10\x00";
    (void)state;
    MALFORMED(CLV_WIRE_HELLO, "\x08", CLV_EFORMAT); /* a tag without its value */
    MALFORMED(CLV_WIRE_HELLO,
              "\x12\x05"
              "abc",
              CLV_EFORMAT);                                             /* a text that is cut off */
    MALFORMED(CLV_WIRE_HELLO, "\x12\xff\xff\xff\xff\x0f", CLV_EFORMAT); /* ... of 4 GiB */
    MALFORMED(CLV_WIRE_HELLO, "\xff\xff\xff\xff\xff\xff\xff", CLV_EFORMAT);
    MALFORMED(CLV_WIRE_HELLO,
              "\x2a\x03"
              "abc",
              CLV_EFORMAT);                       /* a short bundle */
    MALFORMED(CLV_WIRE_REQUEST, "", CLV_EFORMAT); /* no bundle */
    MALFORMED(CLV_WIRE_REQUEST,
              "\x12\x03"
              "abc",
              CLV_EFORMAT); /* a short one */
    MALFORMED(CLV_WIRE_WELCOME,
              "\x1a\x01"
              "a",
              CLV_EFORMAT);
    MALFORMED(CLV_WIRE_REFUSAL, "", CLV_EFORMAT); /* status "success" */
    for (int status = CLV_OK; status <= CLV_STATUS_COUNT; status++) {
        clv_wire_header out;
        bool known = status > CLV_OK && status < CLV_STATUS_COUNT;
        refusal[1] = (char)status;
        assert_int_equal(clv_wire_unpack(&out, CLV_WIRE_REFUSAL, (const uint8_t *)refusal, 2, NULL),
                         known ? CLV_OK : CLV_EFORMAT);
    }
}

static void test_wire__refuses_texts_that_are_too_long(void **state)
{
    uint8_t hello[3 + CLV_WIRE_MAX_TEXT] = {0x1a, 0x80, 0x02}; /* device_name of 256 bytes */
    clv_wire_header out;
    clv_error err = CLV_ERROR_INIT;
    (void)state;
    memset(hello + 3, 'n', CLV_WIRE_MAX_TEXT);
    assert_int_equal(clv_wire_unpack(&out, CLV_WIRE_HELLO, hello, sizeof hello, &err), CLV_ELIMIT);
    assert_non_null(strstr(err.message, "device name"));
}

static void test_wire__bounds_what_a_header_can_cost(void **state)
{
    clv_wire_header out;
    clv_error err = CLV_ERROR_INIT;
    (void)state;
    /* 4096 empty bundles; then 4096 fields that nobody knows. */
    for (size_t i = 0; i < sizeof packed; i += 2)
        memcpy(packed + i, "\x1a\x00", 2);
    assert_int_equal(clv_wire_unpack(&out, CLV_WIRE_WELCOME, packed, sizeof packed, &err),
                     CLV_EFORMAT);
    for (size_t i = 0; i < sizeof packed; i += 2)
        memcpy(packed + i, "\x7a\x00", 2);
    assert_int_equal(clv_wire_unpack(&out, CLV_WIRE_PING, packed, sizeof packed, &err),
                     CLV_EFORMAT);
    /* One bundle over the limit. */
    for (size_t i = 0; i < CLV_WIRE_MAX_BUNDLES + 1; i++)
        memcpy(packed + i * 2, "\x1a\x00", 2);
    assert_int_equal(
        clv_wire_unpack(&out, CLV_WIRE_WELCOME, packed, (CLV_WIRE_MAX_BUNDLES + 1) * 2, &err),
        CLV_ELIMIT);
}

static void test_wire__ignores_fields_of_later_versions(void **state)
{
    clv_wire_header out;
    (void)state;
    const char ping[] = "\x78\x05\x7a\x03"
                        "abc";
    assert_int_equal(
        clv_wire_unpack(&out, CLV_WIRE_PING, (const uint8_t *)ping, sizeof ping - 1, NULL), CLV_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire__prologue_is_laid_out_as_documented),
        cmocka_unit_test(test_wire__refuses_what_is_no_message),
        cmocka_unit_test(test_wire__refuses_unknown_types_and_flags),
        cmocka_unit_test(test_wire__caps_header_and_message),
        cmocka_unit_test(test_wire__only_some_types_have_payload),
        cmocka_unit_test(test_wire__leaves_the_output_alone_on_failure),
        cmocka_unit_test(test_wire__hello_passes),
        cmocka_unit_test(test_wire__welcome_passes_with_none_and_all_bundles),
        cmocka_unit_test(test_wire__request_passes),
        cmocka_unit_test(test_wire__echoes_pass),
        cmocka_unit_test(test_wire__reply_and_ping_pass),
        cmocka_unit_test(test_wire__refusal_is_about_a_frame_or_the_connection),
        cmocka_unit_test(test_wire__refuses_malformed_headers),
        cmocka_unit_test(test_wire__refuses_texts_that_are_too_long),
        cmocka_unit_test(test_wire__bounds_what_a_header_can_cost),
        cmocka_unit_test(test_wire__ignores_fields_of_later_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
