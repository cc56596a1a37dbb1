/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/backoff.h"

#define BASE 50000u
#define CAP 800000u

static void test_backoff__stays_below_its_ceiling_and_above_a_quarter(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        clv_backoff backoff;
        uint64_t ceiling = BASE;
        clv_backoff_init(&backoff, BASE, CAP, seed);
        for (unsigned i = 0; i < 100; i++) {
            uint64_t pause = clv_backoff_next_us(&backoff);
            assert_in_range(pause, ceiling / 4, ceiling);
            ceiling = ceiling * 2 < CAP ? ceiling * 2 : CAP;
        }
    }
}

static void test_backoff__uses_the_whole_range(void **state)
{
    uint64_t low = UINT64_MAX, high = 0, sum = 0;
    clv_backoff backoff;
    (void)state;
    clv_backoff_init(&backoff, CAP, CAP, 7);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t pause = clv_backoff_next_us(&backoff);
        low = pause < low ? pause : low;
        high = pause > high ? pause : high;
        sum += pause;
    }
    assert_in_range(low, CAP / 4, CAP / 4 + CAP / 50);
    assert_in_range(high, CAP - CAP / 50, CAP);
    assert_in_range(sum / 1000, CAP * 6 / 10, CAP * 65 / 100); /* the middle is 5/8 */
}

static void test_backoff__differs_between_seeds(void **state)
{
    clv_backoff a, b;
    (void)state;
    clv_backoff_init(&a, CAP, CAP, 1);
    clv_backoff_init(&b, CAP, CAP, 2);
    assert_true(clv_backoff_next_us(&a) != clv_backoff_next_us(&b));
}

static void test_backoff__starts_over_after_a_reset(void **state)
{
    clv_backoff backoff;
    (void)state;
    clv_backoff_init(&backoff, BASE, CAP, 3);
    for (unsigned i = 0; i < 20; i++)
        (void)clv_backoff_next_us(&backoff);
    clv_backoff_reset(&backoff);
    assert_in_range(clv_backoff_next_us(&backoff), BASE / 4, BASE);
}

static void test_backoff__survives_any_number_of_attempts(void **state)
{
    clv_backoff backoff;
    (void)state;
    clv_backoff_init(&backoff, 1, UINT64_MAX / 2, 3);
    backoff.attempts = 62;
    (void)clv_backoff_next_us(&backoff);
    (void)clv_backoff_next_us(&backoff);
    backoff.attempts = UINT32_MAX;
    assert_in_range(clv_backoff_next_us(&backoff), UINT64_MAX / 8, UINT64_MAX / 2);
    assert_int_equal(backoff.attempts, UINT32_MAX);
}

static void test_backoff__allows_a_cap_below_the_base_and_none_at_all(void **state)
{
    clv_backoff backoff;
    (void)state;
    clv_backoff_init(&backoff, BASE, BASE / 2, 3);
    assert_in_range(clv_backoff_next_us(&backoff), BASE / 8, BASE / 2);
    clv_backoff_init(&backoff, 0, 0, 3);
    assert_int_equal(clv_backoff_next_us(&backoff), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff__stays_below_its_ceiling_and_above_a_quarter),
        cmocka_unit_test(test_backoff__uses_the_whole_range),
        cmocka_unit_test(test_backoff__differs_between_seeds),
        cmocka_unit_test(test_backoff__starts_over_after_a_reset),
        cmocka_unit_test(test_backoff__survives_any_number_of_attempts),
        cmocka_unit_test(test_backoff__allows_a_cap_below_the_base_and_none_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
