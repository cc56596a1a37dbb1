/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/link_core.h"

#define REDIAL 800000u
#define TIMEOUT 2000000u
#define HEARTBEAT (TIMEOUT / 4)
#define START 1000000000u

static clv_link_core core;
static uint64_t now;

static int set_up(void **state)
{
    (void)state;
    now = START;
    clv_link_core_init(&core, REDIAL, TIMEOUT, 42, now);
    return 0;
}

static unsigned happen(clv_link_happening what)
{
    clv_link_input input = {.what = what, .now_us = now, .heard_us = now, .sent_us = now};
    return clv_link_core_step(&core, &input);
}

/* Time passes for a connection that heard and sent these long ago. */
static unsigned pass(uint64_t heard_ago, uint64_t sent_ago, bool sending)
{
    clv_link_input input = {.what = CLV_LINK_TIME_PASSED,
                            .now_us = now,
                            .heard_us = now - heard_ago,
                            .sent_us = now - sent_ago,
                            .sending = sending};
    return clv_link_core_step(&core, &input);
}

/* Sleep until the core wants to wake. */
static unsigned wake(void)
{
    assert_true(core.wake_us >= now);
    now = core.wake_us;
    return happen(CLV_LINK_TIME_PASSED);
}

static void come_up(void)
{
    while (core.phase == CLV_LINK_SEEKING) {
        if (wake() == CLV_LINK_DO_DIAL)
            assert_int_equal(happen(CLV_LINK_CONNECTED),
                             CLV_LINK_DO_DROP_DIALS | CLV_LINK_DO_GREET);
    }
    assert_int_equal(happen(CLV_LINK_WELCOMED), CLV_LINK_SAY_UP);
    assert_int_equal(core.phase, CLV_LINK_GREETED);
}

static void test_link_core__dials_at_once_and_comes_up(void **state)
{
    (void)state;
    assert_int_equal(core.wake_us, START);
    assert_int_equal(happen(CLV_LINK_TIME_PASSED), CLV_LINK_DO_DIAL);
    assert_int_equal(happen(CLV_LINK_CONNECTED), CLV_LINK_DO_DROP_DIALS | CLV_LINK_DO_GREET);
    assert_int_equal(core.phase, CLV_LINK_GREETING);
    assert_int_equal(happen(CLV_LINK_WELCOMED), CLV_LINK_SAY_UP);
    assert_int_equal(core.phase, CLV_LINK_GREETED);
}

static void test_link_core__does_nothing_before_its_time(void **state)
{
    (void)state;
    (void)happen(CLV_LINK_TIME_PASSED);
    for (unsigned i = 0; i < 3; i++) {
        now = core.wake_us - 1;
        assert_int_equal(happen(CLV_LINK_TIME_PASSED), 0);
    }
    now++;
    assert_int_equal(happen(CLV_LINK_TIME_PASSED), CLV_LINK_DO_DIAL);
}

static void test_link_core__unanswered_dials_do_not_hold_up_the_next(void **state)
{
    uint64_t longest = 0;
    (void)state;
    (void)happen(CLV_LINK_TIME_PASSED);
    for (unsigned i = 0; i < 200; i++) {
        uint64_t before = now;
        assert_int_equal(wake(), CLV_LINK_DO_DIAL);
        assert_true(now - before <= REDIAL / 3);
        longest = now - before > longest ? now - before : longest;
        if (core.dials > CLV_LINK_MAX_DIALS / 2)
            (void)happen(CLV_LINK_UNANSWERED);
    }
    assert_true(longest > REDIAL / 4); /* it did back off to its cap */
}

static void test_link_core__has_a_bounded_number_of_dials(void **state)
{
    unsigned dials = 0;
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        dials += wake() == CLV_LINK_DO_DIAL;
    assert_int_equal(dials, CLV_LINK_MAX_DIALS);
    (void)happen(CLV_LINK_UNANSWERED);
    assert_int_equal(wake(), CLV_LINK_DO_DIAL);
}

static void test_link_core__tells_unanswered_dials_once_in_a_timeout(void **state)
{
    (void)state;
    unsigned told = 0;
    uint64_t end = START + 10 * TIMEOUT;
    while (now < end) {
        (void)wake();
        told += happen(CLV_LINK_UNANSWERED) == CLV_LINK_SAY_FAILED;
    }
    assert_in_range(told, 9, 11);
}

static void test_link_core__waits_longer_where_nobody_listens(void **state)
{
    uint64_t longest = 0;
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(wake(), CLV_LINK_DO_DIAL);
        uint64_t before = now;
        assert_int_equal(happen(CLV_LINK_TURNED_AWAY), CLV_LINK_SAY_FAILED);
        uint64_t pause = core.wake_us - before;
        assert_true(pause <= REDIAL);
        if (i > 5)
            assert_true(pause >= REDIAL / 4);
        longest = pause > longest ? pause : longest;
    }
    assert_true(longest > REDIAL * 9 / 10);
}

static void test_link_core__waits_long_after_a_refusal(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(wake(), CLV_LINK_DO_DIAL);
        (void)happen(CLV_LINK_CONNECTED);
        assert_int_equal(happen(CLV_LINK_REJECTED), CLV_LINK_DO_CLOSE | CLV_LINK_SAY_FAILED);
        assert_true(core.wake_us - now <= 8 * REDIAL);
        if (i > 5)
            assert_true(core.wake_us - now >= 2 * REDIAL);
    }
}

static void test_link_core__gives_up_a_silent_greeting(void **state)
{
    uint64_t patience = TIMEOUT;
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(wake(), CLV_LINK_DO_DIAL);
        (void)happen(CLV_LINK_CONNECTED);
        assert_int_equal(core.wake_us, now + patience);
        now += patience - 1;
        assert_int_equal(pass(patience - 1, 0, false), 0);
        now++;
        assert_int_equal(pass(patience, 0, false), CLV_LINK_DO_CLOSE | CLV_LINK_SAY_FAILED);
        assert_int_equal(core.phase, CLV_LINK_SEEKING);
        patience = patience < 8 * TIMEOUT ? patience * 2 : patience; /* a server under load */
    }
    come_up();
    (void)happen(CLV_LINK_LOST);
    assert_int_equal(wake(), CLV_LINK_DO_DIAL);
    (void)happen(CLV_LINK_CONNECTED);
    assert_int_equal(core.wake_us, now + TIMEOUT); /* short again */
}

static void test_link_core__a_greeting_that_goes_on_is_left_alone(void **state)
{
    (void)state;
    (void)wake();
    (void)happen(CLV_LINK_CONNECTED);
    for (unsigned i = 0; i < 10; i++) {
        now += TIMEOUT / 2;
        assert_int_equal(pass(TIMEOUT / 2, 0, false), 0);
        assert_int_equal(core.wake_us, now + TIMEOUT / 2);
    }
}

static void test_link_core__a_lost_greeting_is_told_and_tried_again(void **state)
{
    (void)state;
    (void)wake();
    (void)happen(CLV_LINK_CONNECTED);
    assert_int_equal(happen(CLV_LINK_LOST), CLV_LINK_DO_CLOSE | CLV_LINK_SAY_FAILED);
    assert_int_equal(wake(), CLV_LINK_DO_DIAL);
}

static void test_link_core__sends_heartbeats_when_idle(void **state)
{
    (void)state;
    come_up();
    assert_int_equal(core.wake_us, now + HEARTBEAT);
    now += HEARTBEAT;
    assert_int_equal(pass(0, HEARTBEAT, false), CLV_LINK_DO_PING);
    assert_int_equal(core.wake_us, now + HEARTBEAT);
    now += HEARTBEAT;
    assert_int_equal(pass(0, HEARTBEAT - 1, false), 0); /* something else was sent */
    assert_int_equal(core.wake_us, now + 1);
    now += 1;
    assert_int_equal(pass(0, 10 * HEARTBEAT, true), 0); /* a long message is on its way */
    assert_int_equal(core.wake_us, now + HEARTBEAT);
}

static void test_link_core__counts_silence_as_the_end(void **state)
{
    (void)state;
    come_up();
    now += TIMEOUT;
    assert_int_equal(pass(TIMEOUT - 1, 0, true), 0);
    assert_int_equal(core.wake_us, now + 1);
    now++;
    assert_int_equal(pass(TIMEOUT, 0, true), CLV_LINK_DO_CLOSE | CLV_LINK_SAY_DOWN);
    assert_int_equal(core.phase, CLV_LINK_SEEKING);
}

static void test_link_core__dials_soon_after_a_link_that_worked(void **state)
{
    (void)state;
    come_up();
    now += 10 * TIMEOUT;
    assert_int_equal(happen(CLV_LINK_LOST), CLV_LINK_DO_CLOSE | CLV_LINK_SAY_DOWN);
    assert_true(core.wake_us - now <= 50000);
    assert_int_equal(wake(), CLV_LINK_DO_DIAL);
}

static void test_link_core__backs_off_from_a_link_that_ends_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        come_up();
        now += 1000;
        assert_int_equal(happen(CLV_LINK_REJECTED), CLV_LINK_DO_CLOSE | CLV_LINK_SAY_DOWN);
    }
    assert_true(core.wake_us - now >= REDIAL / 4);
}

static void test_link_core__ignores_news_of_what_is_over(void **state)
{
    static const clv_link_happening late[] = {CLV_LINK_WELCOMED, CLV_LINK_REJECTED, CLV_LINK_LOST};
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(happen(late[i]), 0);
    assert_int_equal(wake(), CLV_LINK_DO_DIAL);
    (void)happen(CLV_LINK_CONNECTED);
    assert_int_equal(happen(CLV_LINK_CONNECTED), 0);
    assert_int_equal(happen(CLV_LINK_UNANSWERED), 0);
    assert_int_equal(happen(CLV_LINK_TURNED_AWAY), 0);
    assert_int_equal(happen(CLV_LINK_WELCOMED), CLV_LINK_SAY_UP);
    assert_int_equal(happen(CLV_LINK_WELCOMED), 0);
}

/* Up and down are told in turns, whatever happens when; and it never sleeps for ever. */
static void test_link_core__is_never_stuck(void **state)
{
    bool up = false;
    uint32_t random = 12345;
    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        random = random * 1664525u + 1013904223u;
        clv_link_happening what = (clv_link_happening)((random >> 16) % 7);
        now += (random >> 8) % 300000;
        bool of_dial = what == CLV_LINK_UNANSWERED || what == CLV_LINK_TURNED_AWAY ||
                       what == CLV_LINK_CONNECTED;
        if (core.phase == CLV_LINK_SEEKING && of_dial && core.dials == 0)
            what = CLV_LINK_TIME_PASSED;
        unsigned did = what == CLV_LINK_TIME_PASSED
                           ? pass((random >> 4) % (2 * TIMEOUT), random % TIMEOUT, random & 1)
                           : happen(what);
        if (did & CLV_LINK_SAY_UP) {
            assert_false(up);
            up = true;
        }
        if (did & CLV_LINK_SAY_DOWN) {
            assert_true(up);
            up = false;
        }
        assert_int_equal(core.phase == CLV_LINK_GREETED, up);
        assert_true(core.dials <= CLV_LINK_MAX_DIALS);
        assert_true(core.wake_us <= now + 8 * TIMEOUT + 8 * REDIAL);
    }
}

#define TEST(name) cmocka_unit_test_setup(test_link_core__##name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(dials_at_once_and_comes_up),
        TEST(does_nothing_before_its_time),
        TEST(unanswered_dials_do_not_hold_up_the_next),
        TEST(has_a_bounded_number_of_dials),
        TEST(tells_unanswered_dials_once_in_a_timeout),
        TEST(waits_longer_where_nobody_listens),
        TEST(waits_long_after_a_refusal),
        TEST(gives_up_a_silent_greeting),
        TEST(a_greeting_that_goes_on_is_left_alone),
        TEST(a_lost_greeting_is_told_and_tried_again),
        TEST(sends_heartbeats_when_idle),
        TEST(counts_silence_as_the_end),
        TEST(dials_soon_after_a_link_that_worked),
        TEST(backs_off_from_a_link_that_ends_at_once),
        TEST(ignores_news_of_what_is_over),
        TEST(is_never_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
