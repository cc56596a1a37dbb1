/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lab_pipe.h"

#define PACKET 1250u /* 10,000 bits: 1 ms at 10 Mbit/s */
#define NEVER UINT64_MAX

typedef struct fixture {
    lab_pipe pipe;
    lab_impairment link;
    uint64_t arrived_us[LAB_PIPE_SLOTS];
    uint32_t order[LAB_PIPE_SLOTS]; /* slot by arrival */
    uint32_t n;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    lab_pipe_init(&f->pipe, 1);
    f->link = (lab_impairment)LAB_IMPAIRMENT_INIT;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* Take what arrives until @p until_us, at exactly the times that the pipe names. */
static void collect(fixture *f, uint64_t until_us)
{
    uint32_t slot, bytes;

    for (uint64_t due = lab_pipe_due_us(&f->pipe); due <= until_us && due != NEVER;
         due = lab_pipe_due_us(&f->pipe)) {
        while (lab_pipe_take(&f->pipe, &slot, &bytes, due)) {
            f->arrived_us[f->n] = due;
            f->order[f->n++] = slot;
        }
    }
}

static uint32_t offer(fixture *f, uint32_t bytes, uint64_t now_us)
{
    uint32_t slot = UINT32_MAX;
    assert_true(lab_pipe_offer(&f->pipe, &slot, bytes, now_us));
    return slot;
}

static void test_lab_pipe__without_limits_is_a_wire(void **state)
{
    fixture *f = *state;
    uint32_t first = offer(f, PACKET, 5), second = offer(f, 40, 5);

    collect(f, NEVER);
    assert_int_equal(f->n, 2);
    assert_int_equal(f->order[0], first);
    assert_int_equal(f->order[1], second);
    assert_int_equal(f->arrived_us[1], 5);
    assert_int_equal(f->pipe.counts.delivered_bytes, PACKET + 40);
}

static void test_lab_pipe__spaces_a_burst_at_its_rate_and_adds_the_delay(void **state)
{
    fixture *f = *state;
    f->link.rate_mbit = 10;
    f->link.delay_us = 25000;
    lab_pipe_set(&f->pipe, &f->link, 0);
    for (int i = 0; i < 5; i++)
        (void)offer(f, PACKET, 100);
    collect(f, NEVER);
    assert_int_equal(f->n, 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(f->arrived_us[i], 100 + 25000 + 1000 * (i + 1));
}

static void test_lab_pipe__keeps_its_rate_when_it_is_asked_late(void **state)
{
    fixture *f = *state;
    uint32_t slot, bytes, taken = 0;
    f->link.rate_mbit = 100;
    lab_pipe_set(&f->pipe, &f->link, 0);

    for (int i = 0; i < 100; i++)
        (void)offer(f, PACKET, 0);
    /* 100 us each; asked only after 5.05 ms. */
    while (lab_pipe_take(&f->pipe, &slot, &bytes, 5050))
        taken++;
    assert_int_equal(taken, 50);
}

static void test_lab_pipe__drops_what_its_queue_has_no_room_for(void **state)
{
    fixture *f = *state;
    uint32_t slot = 0, taken = 0;
    f->link.rate_mbit = 10;
    f->link.queue_us = 100000; /* 125,000 bytes: 100 packets */
    lab_pipe_set(&f->pipe, &f->link, 0);

    for (int i = 0; i < 150; i++)
        taken += lab_pipe_offer(&f->pipe, &slot, PACKET, 0);
    assert_int_equal(taken, 100);
    assert_int_equal(f->pipe.counts.full, 50);
    collect(f, NEVER);
    assert_int_equal(f->arrived_us[f->n - 1], 100000);
    (void)offer(f, PACKET, 100000); /* there is room again */
}

static void test_lab_pipe__a_slow_link_still_has_room_for_some_packets(void **state)
{
    fixture *f = *state;
    uint32_t slot = 0, taken = 0;
    f->link.rate_mbit = 0.1;
    f->link.queue_us = 1000;
    lab_pipe_set(&f->pipe, &f->link, 0);

    for (int i = 0; i < 50; i++)
        taken += lab_pipe_offer(&f->pipe, &slot, PACKET, 0);
    assert_int_equal(taken, LAB_QUEUE_LEAST / PACKET);
}

static void test_lab_pipe__never_has_more_packets_than_slots(void **state)
{
    fixture *f = *state;
    uint32_t slot, bytes, taken = 0;
    f->link.delay_us = 1000000;
    lab_pipe_set(&f->pipe, &f->link, 0);

    for (uint32_t i = 0; i < LAB_PIPE_SLOTS + 10; i++)
        taken += lab_pipe_offer(&f->pipe, &slot, 40, i);
    assert_int_equal(taken, LAB_PIPE_SLOTS);
    assert_false(lab_pipe_take(&f->pipe, &slot, &bytes, 999999));
    collect(f, NEVER);
    assert_int_equal(f->n, LAB_PIPE_SLOTS);
}

static void test_lab_pipe__a_new_rate_holds_for_what_waits(void **state)
{
    fixture *f = *state;
    f->link.rate_mbit = 10;
    lab_pipe_set(&f->pipe, &f->link, 0);
    for (int i = 0; i < 4; i++)
        (void)offer(f, PACKET, 0);
    collect(f, 2000);
    assert_int_equal(f->n, 2);
    f->link.rate_mbit = 1;
    lab_pipe_set(&f->pipe, &f->link, 2000);
    collect(f, NEVER);
    assert_int_equal(f->arrived_us[2], 12000);
    assert_int_equal(f->arrived_us[3], 22000);
}

static void test_lab_pipe__loses_as_many_as_it_should(void **state)
{
    fixture *f = *state;
    f->link.loss = 0.02;
    lab_pipe_set(&f->pipe, &f->link, 0);
    for (uint64_t t = 0; t < 100000; t++) {
        (void)offer(f, PACKET, t);
        f->n = 0;
        collect(f, t);
    }
    assert_in_range(f->pipe.counts.lost, 1850, 2150);
    assert_int_equal(f->pipe.counts.lost + f->pipe.counts.delivered, 100000);
}

static void test_lab_pipe__jitter_stays_in_its_range(void **state)
{
    fixture *f = *state;
    uint64_t low = NEVER, high = 0;
    f->link.delay_us = 20000;
    f->link.jitter_us = 5000;
    lab_pipe_set(&f->pipe, &f->link, 0);
    for (uint32_t i = 0; i < 4000; i++)
        (void)offer(f, 40, i * 20000u);
    collect(f, NEVER);
    assert_int_equal(f->n, 4000);
    for (uint32_t i = 0; i < f->n; i++) {
        uint64_t delay_us = f->arrived_us[i] - i * 20000u;
        low = delay_us < low ? delay_us : low;
        high = delay_us > high ? delay_us : high;
    }
    assert_in_range(low, 15000, 15200);
    assert_in_range(high, 24800, 25000);
}

static void test_lab_pipe__jitter_lets_nobody_overtake(void **state)
{
    fixture *f = *state;
    f->link.delay_us = 20000;
    f->link.jitter_us = 20000;
    lab_pipe_set(&f->pipe, &f->link, 0);
    for (uint32_t i = 0; i < 1000; i++)
        (void)offer(f, 40, i * 1000u);
    collect(f, NEVER);
    assert_int_equal(f->n, 1000);
    /* Slots are given out from the last one down. */
    for (uint32_t i = 1; i < f->n; i++)
        assert_true(f->order[i] == f->order[i - 1] - 1);
}

static void test_lab_pipe__the_same_seed_has_the_same_fates(void **state)
{
    fixture *f = *state;
    lab_pipe *other = calloc(1, sizeof *other);
    uint32_t a, b, bytes;
    assert_non_null(other);
    lab_pipe_init(other, 1);
    f->link = (lab_impairment){.delay_us = 9000, .jitter_us = 3000, .loss = 0.3, .reorder = 0.2};
    lab_pipe_set(&f->pipe, &f->link, 0);
    lab_pipe_set(other, &f->link, 0);

    for (uint64_t t = 0; t < 2000000; t += 1000) {
        (void)lab_pipe_offer(&f->pipe, &a, 40, t);
        (void)lab_pipe_offer(other, &b, 40, t);
        bool has = lab_pipe_take(&f->pipe, &a, &bytes, t);
        assert_int_equal(has, lab_pipe_take(other, &b, &bytes, t));
        assert_true(!has || a == b);
    }
    free(other);
}

static void test_lab_pipe__an_overtaken_packet_comes_later(void **state)
{
    fixture *f = *state;
    uint32_t overtaken = 0;
    f->link.delay_us = 10000;
    f->link.reorder = 0.1;
    lab_pipe_set(&f->pipe, &f->link, 0);
    for (uint32_t i = 0; i < 1000; i++)
        (void)offer(f, 40, i * 1000u);
    collect(f, NEVER);
    assert_int_equal(f->n, 1000);
    for (uint32_t i = 1; i < f->n; i++)
        overtaken += f->order[i] > f->order[i - 1];
    assert_in_range(overtaken, 60, 140);
}

static void test_lab_pipe__an_outage_swallows_what_is_on_its_way(void **state)
{
    fixture *f = *state;
    f->link.delay_us = 10000;
    lab_pipe_set(&f->pipe, &f->link, 0);
    (void)offer(f, 40, 0);
    f->link.outage = true;
    lab_pipe_set(&f->pipe, &f->link, 5000);
    (void)offer(f, 40, 8000); /* the sender notices nothing */
    collect(f, 15000);
    assert_int_equal(f->n, 0);
    f->link.outage = false;
    lab_pipe_set(&f->pipe, &f->link, 15000);
    (void)offer(f, 40, 16000);
    collect(f, NEVER);
    assert_int_equal(f->n, 2); /* the second arrives when the link is back */
    assert_int_equal(f->pipe.counts.cut, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_lab_pipe__##name, setup, teardown)
        TEST(without_limits_is_a_wire),
        TEST(spaces_a_burst_at_its_rate_and_adds_the_delay),
        TEST(keeps_its_rate_when_it_is_asked_late),
        TEST(drops_what_its_queue_has_no_room_for),
        TEST(a_slow_link_still_has_room_for_some_packets),
        TEST(never_has_more_packets_than_slots),
        TEST(a_new_rate_holds_for_what_waits),
        TEST(loses_as_many_as_it_should),
        TEST(jitter_stays_in_its_range),
        TEST(jitter_lets_nobody_overtake),
        TEST(the_same_seed_has_the_same_fates),
        TEST(an_overtaken_packet_comes_later),
        TEST(an_outage_swallows_what_is_on_its_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
