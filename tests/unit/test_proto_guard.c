/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/proto_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/onnx_builder.h"

static const clv_proto_limits wide = {16, 1000, 1000};

/* Fields of ModelProto that the bytes below use: 1 ir_version (a number), 2 producer_name (a
 * string), 7 graph (a message); of GraphProto: 5 initializer (repeated messages), 15 (repeated
 * bytes); of TensorProto: 1 dims, 4 float_data (repeated numbers). */

static clv_status check(const char *bytes, size_t n, clv_error *err)
{
    return clv_proto_check(&clv__onnx__model_proto__descriptor, (const uint8_t *)bytes, n, &wide,
                           err);
}

static void expect(clv_status status, const char *bytes, size_t n, const char *where,
                   const char *what)
{
    clv_error err = CLV_ERROR_INIT;
    assert_int_equal(check(bytes, n, &err), status);
    assert_string_equal(err.location, where);
    assert_non_null(strstr(err.message, what));
    assert_int_equal(err.code, status);
}

#define EXPECT_OK(bytes) assert_int_equal(check(bytes, sizeof bytes - 1, NULL), CLV_OK)
#define EXPECT_BAD(bytes, where, what) expect(CLV_EFORMAT, bytes, sizeof bytes - 1, where, what)

static void test_proto_guard__accepts_messages(void **state)
{
    (void)state;
    EXPECT_OK("");
    EXPECT_OK("\x08\x07\x12\x02hi");
    EXPECT_OK("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"); /* -1 */
    EXPECT_OK("\x3a\x00");
    EXPECT_OK("\x3a\x06\x2a\x00\x2a\x00\x2a\x00"); /* repeated messages */
}

static void test_proto_guard__skips_unknown_fields(void **state)
{
    (void)state;
    EXPECT_OK("\xf0\x07\x05"                             /* 126, varint */
              "\xf1\x07\x01\x02\x03\x04\x05\x06\x07\x08" /* 126, 64 bits */
              "\xf2\x07\x03\xff\xff\xff"                 /* 126, bytes that are no message */
              "\xf5\x07\x01\x02\x03\x04");               /* 126, 32 bits */
}

static void test_proto_guard__accepts_packed_and_unpacked_numbers(void **state)
{
    (void)state;
    EXPECT_OK("\x3a\x06\x2a\x04\x08\x01\x08\x02");         /* dims: 1, 2 */
    EXPECT_OK("\x3a\x06\x2a\x04\x0a\x02\x01\x02");         /* dims: [1, 2] */
    EXPECT_OK("\x3a\x08\x2a\x06\x22\x04\x00\x00\x80\x3f"); /* float_data: [1] */
    EXPECT_OK("\x3a\x07\x2a\x05\x25\x00\x00\x80\x3f");     /* float_data: 1 */
}

static void test_proto_guard__refuses_what_is_cut_off(void **state)
{
    (void)state;
    EXPECT_BAD("\x08", "byte 1", "cut off");
    EXPECT_BAD("\x08\x80", "byte 1", "cut off");
    EXPECT_BAD("\xf0", "byte 0", "cut off");
    EXPECT_BAD("\x12", "byte 1", "cut off");
    EXPECT_BAD("\x12\x03hi", "byte 1", "beyond the end");
    EXPECT_BAD("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "byte 1", "beyond the end");
    EXPECT_BAD("\xf1\x07\x01\x02\x03\x04\x05\x06\x07", "byte 2", "beyond the end");
    EXPECT_BAD("\xf5\x07\x01\x02\x03", "byte 2", "beyond the end");
    EXPECT_BAD("\x3a\x02\x2a\x01\x00", "byte 3",
               "beyond the end"); /* ends in its parent's sibling */
    EXPECT_BAD("\x3a\x05\x2a\x03\x22\x01\x00", "byte 6", "packed numbers are cut off");
    EXPECT_BAD("\x3a\x05\x2a\x03\x0a\x01\x80", "byte 6", "a number is cut off");
}

static void test_proto_guard__refuses_impossible_tags(void **state)
{
    (void)state;
    EXPECT_BAD("\x00\x01", "byte 0", "impossible number");
    EXPECT_BAD("\x08\x01\x07\x01", "byte 2", "impossible number");
    EXPECT_BAD("\x80\x80\x80\x80\x10\x01", "byte 0", "impossible number");
    EXPECT_BAD("\x0b\x0c", "byte 1", "wire type"); /* a group */
    EXPECT_BAD("\x0c", "byte 1", "wire type");
    EXPECT_BAD("\x0e\x01", "byte 1", "wire type");
    EXPECT_BAD("\x0f\x01", "byte 1", "wire type");
}

static void test_proto_guard__refuses_numbers_over_64_bits(void **state)
{
    (void)state;
    EXPECT_BAD("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "byte 1", "64 bits");
    EXPECT_BAD("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "byte 1", "64 bits");
}

static void test_proto_guard__refuses_other_wire_types_than_declared(void **state)
{
    (void)state;
    EXPECT_BAD("\x0d\x01\x02\x03\x04", "byte 1", "another wire type"); /* ir_version, 32 bits */
    EXPECT_BAD("\x0a\x01\x01", "byte 2", "another wire type");         /* packed, not repeated */
    EXPECT_BAD("\x10\x01", "byte 1", "another wire type");             /* producer_name, varint */
    EXPECT_BAD("\x38\x01", "byte 1", "wire type of a number");         /* graph, varint */
    EXPECT_BAD("\x3a\x05\x7d\x00\x00\x00\x00", "byte 3", "another wire type"); /* repeated bytes */
}

static void test_proto_guard__refuses_a_single_message_twice(void **state)
{
    (void)state;
    EXPECT_BAD("\x3a\x00\x3a\x00", "byte 2", "comes twice");
    EXPECT_OK("\x08\x01\x08\x02"); /* a number twice costs nothing: the last one counts */
}

static clv_status check_limited(const clv_proto_limits *limits, const char *bytes, size_t n)
{
    return clv_proto_check(&clv__onnx__model_proto__descriptor, (const uint8_t *)bytes, n, limits,
                           NULL);
}

static void test_proto_guard__limits_depth(void **state)
{
    static const char bytes[] = "\x3a\x02\x2a\x00"; /* model, graph, tensor */
    (void)state;
    assert_int_equal(check_limited(&(clv_proto_limits){3, 9, 9}, bytes, 4), CLV_OK);
    assert_int_equal(check_limited(&(clv_proto_limits){2, 9, 9}, bytes, 4), CLV_ELIMIT);
}

static void test_proto_guard__limits_messages(void **state)
{
    static const char bytes[] = "\x3a\x04\x2a\x00\x2a\x00";
    (void)state;
    assert_int_equal(check_limited(&(clv_proto_limits){9, 3, 0}, bytes, 6), CLV_OK);
    assert_int_equal(check_limited(&(clv_proto_limits){9, 2, 0}, bytes, 6), CLV_ELIMIT);
}

static void test_proto_guard__limits_items_known_or_not(void **state)
{
    static const char bytes[] = "\x08\x01\x12\x00\xf0\x07\x05"; /* a number, a string, unknown */
    static const char packed[] = "\x3a\x07\x2a\x05\x0a\x03\x01\x02\x03";
    (void)state;
    assert_int_equal(check_limited(&(clv_proto_limits){9, 0, 3}, bytes, 7), CLV_OK);
    assert_int_equal(check_limited(&(clv_proto_limits){9, 0, 2}, bytes, 7), CLV_ELIMIT);
    assert_int_equal(check_limited(&(clv_proto_limits){9, 2, 1}, packed, 9), CLV_OK);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* What the walk lets through is what protobuf-c reads: it sees the same fields. */
static void test_proto_guard__agrees_with_protobuf_c(void **state)
{
    onnx_builder b;
    size_t n, accepted = 0;
    uint32_t seed = 1;
    uint8_t copy[512];
    (void)state;

    onnx_builder_init(&b, 13);
    onnx_input(&b, "x", ONNX_FLOAT, 2, (int64_t[]){ONNX_OPEN, 3});
    onnx_attr_ints(&b, onnx_node(&b, "Transpose", "x", "y"), "perm", 2, (int64_t[]){1, 0});
    onnx_initializer_ints(&b, "k", 3, (int64_t[]){1, 2, 3});
    onnx_output(&b, "y", ONNX_FLOAT, 2, (int64_t[]){3, ONNX_OPEN});
    const uint8_t *bytes = onnx_pack(&b, &n);
    assert_true(n < sizeof copy);

    for (unsigned round = 0; round < 20000; round++) {
        memcpy(copy, bytes, n);
        for (unsigned flips = 1 + round % 4; flips > 0; flips--) {
            uint32_t bit = next_random(&seed) % (uint32_t)(n * 8);
            copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        if (clv_proto_check(&clv__onnx__model_proto__descriptor, copy, n, &wide, NULL) != CLV_OK)
            continue;
        Clv__Onnx__ModelProto *model = clv__onnx__model_proto__unpack(NULL, n, copy);
        assert_non_null(model);
        clv__onnx__model_proto__free_unpacked(model, NULL);
        accepted++;
    }
    assert_true(accepted > 1000);
    onnx_builder_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proto_guard__accepts_messages),
        cmocka_unit_test(test_proto_guard__skips_unknown_fields),
        cmocka_unit_test(test_proto_guard__accepts_packed_and_unpacked_numbers),
        cmocka_unit_test(test_proto_guard__refuses_what_is_cut_off),
        cmocka_unit_test(test_proto_guard__refuses_impossible_tags),
        cmocka_unit_test(test_proto_guard__refuses_numbers_over_64_bits),
        cmocka_unit_test(test_proto_guard__refuses_other_wire_types_than_declared),
        cmocka_unit_test(test_proto_guard__refuses_a_single_message_twice),
        cmocka_unit_test(test_proto_guard__limits_depth),
        cmocka_unit_test(test_proto_guard__limits_messages),
        cmocka_unit_test(test_proto_guard__limits_items_known_or_not),
        cmocka_unit_test(test_proto_guard__agrees_with_protobuf_c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
