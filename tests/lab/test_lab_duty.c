/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab_duty.h"

/* A process that computes whenever it may, for real_us; @p late_us is how late it is looked at.
 * Processor time that it got. */
static uint64_t compute(lab_duty *duty, uint64_t *now_us, uint64_t *cpu_us, uint64_t real_us,
                        uint64_t late_us)
{
    uint64_t end_us = *now_us + real_us, from_us = *cpu_us, again_us;

    while (*now_us < end_us) {
        bool runs = lab_duty_step(duty, &again_us, *cpu_us, *now_us);
        uint64_t next_us = again_us == UINT64_MAX ? end_us : again_us + late_us;
        next_us = next_us < end_us ? next_us : end_us;
        assert_true(next_us > *now_us);
        if (runs)
            *cpu_us += next_us - *now_us;
        *now_us = next_us;
    }
    return *cpu_us - from_us;
}

static void test_lab_duty__gives_a_slow_process_its_share(void **state)
{
    static const double slowdowns[] = {1, 2, 3.5, 8, 32, 64, 1000};
    (void)state;
    for (size_t i = 0; i < sizeof slowdowns / sizeof slowdowns[0]; i++) {
        for (uint64_t late_us = 0; late_us <= 60; late_us += 60) {
            lab_duty duty;
            uint64_t now_us = 7, cpu_us = 0;
            lab_duty_init(&duty, slowdowns[i], now_us);
            double got = (double)compute(&duty, &now_us, &cpu_us, 10000000, late_us);
            double share = 1e7 / slowdowns[i];
            assert_true(fabs(got - share) < share * 0.002 + 2 * LAB_SLICE_US);
        }
    }
}

static void test_lab_duty__runs_in_short_slices(void **state)
{
    lab_duty duty;
    uint64_t now_us = 0, cpu_us = 0, again_us, stops = 0;
    (void)state;
    lab_duty_init(&duty, 8, 0);
    for (uint64_t stood_us = 0; now_us < 1000000;) {
        bool runs = lab_duty_step(&duty, &again_us, cpu_us, now_us);
        if (runs) {
            cpu_us += again_us - now_us;
            stops += stood_us > 0;
            stood_us = 0;
        } else {
            stood_us += again_us - now_us;
            assert_true(stood_us < 8u * LAB_SLICE_US + 8 * 20 + 100);
        }
        now_us = again_us;
    }
    assert_in_range(stops, 380, 500);
}

static void test_lab_duty__idling_saves_little(void **state)
{
    lab_duty duty;
    uint64_t now_us = 0, cpu_us = 0, again_us;
    (void)state;
    lab_duty_init(&duty, 10, 0);
    while (now_us < 1000000) {
        assert_true(lab_duty_step(&duty, &again_us, 0, now_us) || now_us < 10 * LAB_SLICE_US);
        now_us = again_us;
    }
    /* Two slices at once, then a tenth. */
    uint64_t got = compute(&duty, &now_us, &cpu_us, 100000, 0);
    assert_in_range(got, 9500, 10000 + 2 * LAB_SLICE_US);
}

static void test_lab_duty__takes_a_new_speed_at_once(void **state)
{
    lab_duty duty;
    uint64_t now_us = 0, cpu_us = 0;
    (void)state;
    lab_duty_init(&duty, 50, 0);
    (void)compute(&duty, &now_us, &cpu_us, 1000000, 0);
    lab_duty_set(&duty, 1, cpu_us, now_us);
    assert_int_equal(compute(&duty, &now_us, &cpu_us, 1000000, 0), 1000000);
    lab_duty_set(&duty, 4, cpu_us, now_us);
    assert_in_range(compute(&duty, &now_us, &cpu_us, 1000000, 0), 248000, 252000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lab_duty__gives_a_slow_process_its_share),
        cmocka_unit_test(test_lab_duty__runs_in_short_slices),
        cmocka_unit_test(test_lab_duty__idling_saves_little),
        cmocka_unit_test(test_lab_duty__takes_a_new_speed_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
