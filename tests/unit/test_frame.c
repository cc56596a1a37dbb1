/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "net/frame.h"

static const clv_wire_header reply = {
    .type = CLV_WIRE_REPLY,
    .reply = {.frame = 300, .decode_us = 1, .queue_us = 2, .compute_us = 3}};

static void check_message(const clv_frame *frame, size_t payload_bytes)
{
    clv_wire_prologue prologue;
    clv_wire_header header;
    const uint8_t *data = clv_frame_data(frame);

    assert_int_equal(clv_wire_parse_prologue(&prologue, data, CLV_WIRE_MAX_MESSAGE_BYTES, NULL),
                     CLV_OK);
    assert_int_equal(prologue.type, CLV_WIRE_REPLY);
    assert_int_equal(prologue.payload_bytes, payload_bytes);
    assert_int_equal(frame->bytes, CLV_WIRE_PROLOGUE_BYTES + clv_wire_body_bytes(&prologue));
    assert_int_equal(clv_wire_unpack(&header, prologue.type, data + CLV_WIRE_PROLOGUE_BYTES,
                                     prologue.header_bytes, NULL),
                     CLV_OK);
    assert_int_equal(header.reply.frame, 300);
    for (size_t i = 0; i < payload_bytes; i++)
        assert_int_equal(data[frame->bytes - payload_bytes + i], (uint8_t)i);
}

static void test_frame__puts_the_header_right_before_the_payload(void **state)
{
    clv_frame_pool pool = CLV_FRAME_POOL_INIT;
    (void)state;
    clv_frame *frame = clv_frame_take(&pool, 64, 1000);
    for (size_t i = 0; i < 1000; i++)
        clv_frame_payload(frame)[i] = (uint8_t)i;
    clv_frame_seal(frame, &reply, 1000);
    check_message(frame, 1000);
    clv_frame_resize(frame, 10);
    check_message(frame, 10);
    clv_frame_resize(frame, 0);
    check_message(frame, 0);
    clv_frame_give_back(frame);
    clv_frame_pool_done(&pool);
}

static void test_frame__makes_messages_without_payload(void **state)
{
    clv_frame_pool pool = CLV_FRAME_POOL_INIT;
    (void)state;
    clv_frame *frame = clv_frame_of(&pool, &reply);
    check_message(frame, 0);
    clv_frame_give_back(frame);
    clv_frame_pool_done(&pool);
}

static void test_frame__stops_allocating_after_warm_up(void **state)
{
    clv_frame_pool pool = CLV_FRAME_POOL_INIT;
    clv_frame *frames[8];
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        if (round == 1)
            clv_memory_fail_after(1); /* from now on every allocation fails */
        for (unsigned i = 0; i < 8; i++) {
            frames[i] = clv_frame_take(&pool, 64, 500000);
            assert_non_null(frames[i]);
            memset(clv_frame_payload(frames[i]), 1, 500000);
        }
        for (unsigned i = 0; i < 8; i++)
            clv_frame_give_back(frames[i]);
    }
    clv_memory_fail_after(0);
    clv_frame_pool_done(&pool);
}

/* A burst of large messages, then small ones: the pool has what they need, and no more. */
static void test_frame__gives_back_what_the_last_messages_did_not_need(void **state)
{
    clv_frame_pool pool = CLV_FRAME_POOL_INIT;
    clv_frame *frames[4];
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_non_null(frames[i] = clv_frame_take(&pool, 64, 4 << 20));
    for (unsigned i = 0; i < 4; i++)
        clv_frame_give_back(frames[i]);
    assert_true(pool.idle_bytes >= 4u * (4u << 20));
    for (unsigned n = 0; n < 100; n++) {
        for (unsigned i = 0; i < 2; i++)
            assert_non_null(frames[i] = clv_frame_take(&pool, 64, 20000));
        clv_frame_give_back(frames[0]);
        clv_frame_give_back(frames[1]);
    }
    assert_int_equal(pool.n_idle, 2);
    assert_true(pool.idle_bytes < 50000);
    clv_frame_pool_done(&pool);
}

/* Messages of two sizes by turns, as at a cut that changes: both stay. */
static void test_frame__keeps_what_is_needed_now_and_then(void **state)
{
    clv_frame_pool pool = CLV_FRAME_POOL_INIT;
    (void)state;
    for (unsigned n = 0; n < 300; n++) {
        if (n == 50)
            clv_memory_fail_after(1); /* from now on every allocation fails */
        clv_frame *frame = clv_frame_take(&pool, 64, n % 40 == 0 ? 4 << 20 : 20000);
        assert_non_null(frame);
        clv_frame_give_back(frame);
    }
    clv_memory_fail_after(0);
    assert_int_equal(pool.n_idle, 2);
    clv_frame_pool_done(&pool);
}

static void test_frame__keeps_neither_many_nor_huge_frames(void **state)
{
    clv_frame_pool pool = CLV_FRAME_POOL_INIT;
    clv_frame *frames[100];
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_non_null(frames[i] = clv_frame_take(&pool, 64, 10));
    for (unsigned i = 0; i < 100; i++)
        clv_frame_give_back(frames[i]);
    assert_int_equal(pool.n_idle, 64);
    clv_frame_pool_done(&pool);
    for (unsigned i = 0; i < 10; i++)
        assert_non_null(frames[i] = clv_frame_take(&pool, 64, 10 << 20));
    for (unsigned i = 0; i < 10; i++)
        clv_frame_give_back(frames[i]);
    assert_int_equal(pool.n_idle, 3); /* 32 MiB */
    clv_frame_give_back(clv_frame_take(&pool, 64, 10 << 20));
    assert_int_equal(pool.n_idle, 3);
    clv_frame_pool_done(&pool);
    assert_int_equal(pool.idle_bytes, 0);
}

static void test_frame__says_when_memory_or_limit_ends(void **state)
{
    clv_frame_pool pool = CLV_FRAME_POOL_INIT;
    (void)state;
    for (uint64_t n = 1; n <= 2; n++) {
        clv_memory_fail_after(n);
        assert_null(clv_frame_take(&pool, 64, 10));
        clv_memory_fail_after(0);
    }
    assert_null(clv_frame_take(&pool, 64, CLV_WIRE_MAX_MESSAGE_BYTES - 64));
    assert_null(clv_frame_take(&pool, 64, SIZE_MAX));
    clv_frame_give_back(NULL);
    clv_frame_pool_done(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame__puts_the_header_right_before_the_payload),
        cmocka_unit_test(test_frame__makes_messages_without_payload),
        cmocka_unit_test(test_frame__stops_allocating_after_warm_up),
        cmocka_unit_test(test_frame__gives_back_what_the_last_messages_did_not_need),
        cmocka_unit_test(test_frame__keeps_what_is_needed_now_and_then),
        cmocka_unit_test(test_frame__keeps_neither_many_nor_huge_frames),
        cmocka_unit_test(test_frame__says_when_memory_or_limit_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
