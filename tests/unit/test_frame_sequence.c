/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/frame_sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

#define BYTES 64u

/* What a slot has of a frame: all symbols are its number. */
static clv_symbols make_symbols(uint64_t frame, uint32_t point)
{
    clv_symbols s = {.data = clv_alloc_aligned(BYTES), .cap = BYTES, .bytes = BYTES, .held = BYTES};
    assert_non_null(s.data);
    memset(s.data, (int)frame, BYTES);
    s.point = point;
    return s;
}

static void answer(clv_frame_sequence *q, uint64_t frame, uint32_t cut, uint32_t point)
{
    clv_symbols s = make_symbols(frame, point);
    clv_frame_sequence_answered(q, frame, cut, false, &s);
    assert_non_null(s.data); /* the slot has memory in any case */
    assert_int_equal(s.cap, BYTES);
    clv_free(s.data);
}

static void expect_frame(clv_frame_sequence *q, uint64_t frame, uint32_t cut, uint32_t point)
{
    const clv_sequence_frame *f = clv_frame_sequence_take(q, cut, point);
    assert_non_null(f);
    assert_int_equal(f->frame, frame);
    assert_int_equal(f->symbols.data[BYTES - 1], frame);
    assert_true(clv_symbols_whole(&f->symbols));
}

static void test_frame_sequence__the_newest_answered_frame_is_followed(void **state)
{
    clv_frame_sequence q;

    (void)state;
    assert_int_equal(clv_frame_sequence_init(&q, BYTES), CLV_OK);
    assert_null(clv_frame_sequence_take(&q, 3, 0));
    answer(&q, 1, 3, 0);
    expect_frame(&q, 1, 3, 0);
    answer(&q, 4, 3, 0);
    answer(&q, 2, 3, 0); /* answers come in any order */
    expect_frame(&q, 4, 3, 0);
    answer(&q, 3, 3, 0);
    expect_frame(&q, 4, 3, 0); /* and again, while nothing is newer */
    answer(&q, 5, 3, 0);
    answer(&q, 6, 3, 0);
    expect_frame(&q, 6, 3, 0);
    clv_frame_sequence_done(&q);
    clv_frame_sequence_done(&q);
}

static void test_frame_sequence__what_is_taken_stays_until_the_next_one_is(void **state)
{
    clv_frame_sequence q;

    (void)state;
    assert_int_equal(clv_frame_sequence_init(&q, BYTES), CLV_OK);
    answer(&q, 1, 3, 0);
    const clv_sequence_frame *f = clv_frame_sequence_take(&q, 3, 0);
    for (uint64_t frame = 2; frame < 9; frame++)
        answer(&q, frame, 3, 0);
    clv_frame_sequence_missed(&q);
    clv_frame_sequence_forget(&q);
    for (size_t i = 0; i < BYTES; i++)
        assert_int_equal(f->symbols.data[i], 1);
    clv_frame_sequence_done(&q);
}

static void test_frame_sequence__other_cuts_points_and_halves_are_none(void **state)
{
    clv_frame_sequence q;

    (void)state;
    assert_int_equal(clv_frame_sequence_init(&q, BYTES), CLV_OK);
    answer(&q, 1, 3, 2);
    assert_null(clv_frame_sequence_take(&q, 4, 2));
    assert_null(clv_frame_sequence_take(&q, 3, 1));
    expect_frame(&q, 1, 3, 2);
    clv_symbols half = make_symbols(2, 2);
    half.held--;
    clv_frame_sequence_answered(&q, 2, 3, false, &half);
    expect_frame(&q, 1, 3, 2);
    clv_free(half.data);
    clv_frame_sequence_done(&q);

    assert_int_equal(clv_frame_sequence_init(&q, 0), CLV_OK); /* frames alone */
    answer(&q, 1, 3, 2);
    assert_null(clv_frame_sequence_take(&q, 3, 2));
    clv_frame_sequence_done(&q);
}

/* A server that holds nothing is soon asked no more, until the connection is another one. */
static void test_frame_sequence__goes_without_where_references_are_missed(void **state)
{
    clv_frame_sequence q;
    uint64_t frame = 1;

    (void)state;
    assert_int_equal(clv_frame_sequence_init(&q, BYTES), CLV_OK);
    for (uint32_t i = 0; i < CLV_FRAME_SEQUENCE_MISSES; i++, frame++) {
        answer(&q, frame, 3, 0);
        expect_frame(&q, frame, 3, 0);
        clv_frame_sequence_missed(&q);
        assert_null(clv_frame_sequence_take(&q, 3, 0));
    }
    answer(&q, frame++, 3, 0);
    assert_null(clv_frame_sequence_take(&q, 3, 0));
    clv_frame_sequence_forget(&q);
    assert_null(clv_frame_sequence_take(&q, 3, 0)); /* nothing is held on the new one */
    answer(&q, frame, 3, 0);
    expect_frame(&q, frame++, 3, 0);
    /* One that is answered in between shows that it does hold some. */
    for (uint32_t i = 0; i < 3 * CLV_FRAME_SEQUENCE_MISSES; i++, frame++) {
        clv_symbols s = make_symbols(frame, 0);
        clv_frame_sequence_missed(&q);
        clv_frame_sequence_answered(&q, frame, 3, true, &s);
        expect_frame(&q, frame, 3, 0);
        clv_free(s.data);
    }
    clv_frame_sequence_done(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_sequence__the_newest_answered_frame_is_followed),
        cmocka_unit_test(test_frame_sequence__what_is_taken_stays_until_the_next_one_is),
        cmocka_unit_test(test_frame_sequence__other_cuts_points_and_halves_are_none),
        cmocka_unit_test(test_frame_sequence__goes_without_where_references_are_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
