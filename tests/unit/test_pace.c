/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/pace.h"

/* Four nodes of 1, 2, 3 and 4 ms. */
static const uint64_t until_ns[] = {0, 1000000, 3000000, 6000000, 10000000};

static void test_pace__is_measured_over_profiled_time(void **state)
{
    clv_pace pace;
    (void)state;
    clv_pace_init(&pace, until_ns);
    assert_int_equal(pace.mean_permille, 0);
    clv_pace_ran(&pace, 0, 4, 10000, true);
    assert_int_equal(pace.last_permille, 1000);
    assert_int_equal(pace.mean_permille, 1000);
    clv_pace_ran(&pace, 0, 2, 9000, true); /* a cut: as much of the profile */
    assert_int_equal(pace.last_permille, 3000);
    assert_int_equal(pace.mean_permille, 1500);
    assert_int_equal(pace.frames, 2);
}

static void test_pace__slices_of_a_frame_count_together(void **state)
{
    clv_pace pace;
    (void)state;
    clv_pace_init(&pace, until_ns);
    clv_pace_ran(&pace, 0, 1, 3000, false);
    assert_int_equal(pace.frames, 0);
    clv_pace_ran(&pace, 1, 3, 4000, false);
    clv_pace_ran(&pace, 3, 4, 8000, true);
    assert_int_equal(pace.frames, 1);
    assert_int_equal(pace.last_permille, 1500);
}

/* A more urgent frame took the network over: this one begins again. */
static void test_pace__a_run_that_was_given_up_does_not_count(void **state)
{
    clv_pace pace;
    (void)state;
    clv_pace_init(&pace, until_ns);
    clv_pace_ran(&pace, 0, 3, 60000, false);
    clv_pace_ran(&pace, 0, 4, 20000, true);
    assert_int_equal(pace.last_permille, 2000);
    assert_int_equal(pace.frames, 1);
}

static void test_pace__follows_a_change_within_some_frames(void **state)
{
    clv_pace pace;
    (void)state;
    clv_pace_init(&pace, until_ns);
    clv_pace_ran(&pace, 0, 4, 10000, true);
    for (int i = 0; i < 8; i++)
        clv_pace_ran(&pace, 0, 4, 80000, true);
    assert_in_range(pace.mean_permille, 7200, 8000);
    for (int i = 0; i < 40; i++)
        clv_pace_ran(&pace, 0, 4, 10000, true);
    assert_in_range(pace.mean_permille, 1000, 1002);
}

static void test_pace__nothing_is_learnt_of_what_is_too_short_or_unknown(void **state)
{
    static const uint64_t short_ns[] = {0, CLV_PACE_MIN_NS - 1, CLV_PACE_MIN_NS};
    clv_pace pace;
    (void)state;
    clv_pace_init(&pace, NULL);
    clv_pace_ran(&pace, 0, 4, 10000, true);
    assert_int_equal(pace.frames, 0);
    clv_pace_init(&pace, short_ns);
    clv_pace_ran(&pace, 0, 1, 10000, true);
    assert_int_equal(pace.frames, 0);
    clv_pace_ran(&pace, 0, 2, 100, true);
    assert_int_equal(pace.last_permille, 2000);
    clv_pace_ran(&pace, 0, 2, UINT64_C(1) << 40, true); /* a device that slept */
    assert_int_equal(pace.last_permille, 10000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pace__is_measured_over_profiled_time),
        cmocka_unit_test(test_pace__slices_of_a_frame_count_together),
        cmocka_unit_test(test_pace__a_run_that_was_given_up_does_not_count),
        cmocka_unit_test(test_pace__follows_a_change_within_some_frames),
        cmocka_unit_test(test_pace__nothing_is_learnt_of_what_is_too_short_or_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
