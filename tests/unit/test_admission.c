/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/admission.h"

#define NOW UINT64_C(1000000)

static void test_admission__bundle_and_cut_must_exist(void **state)
{
    (void)state;
    assert_int_equal(clv_admission_check(false, 0, 0), CLV_VERDICT_UNKNOWN_BUNDLE);
    assert_int_equal(clv_admission_check(false, 3, 10), CLV_VERDICT_UNKNOWN_BUNDLE);
    assert_int_equal(clv_admission_check(true, 0, 10), CLV_VERDICT_ACCEPT);
    assert_int_equal(clv_admission_check(true, 9, 10), CLV_VERDICT_ACCEPT);
    assert_int_equal(clv_admission_check(true, 10, 10), CLV_VERDICT_NOTHING_TO_DO);
    assert_int_equal(clv_admission_check(true, 11, 10), CLV_VERDICT_NO_SUCH_CUT);
    assert_int_equal(clv_admission_check(true, UINT32_MAX, 10), CLV_VERDICT_NO_SUCH_CUT);
    assert_int_equal(clv_admission_check(true, 0, 0), CLV_VERDICT_NOTHING_TO_DO);
}

static void test_admission__payloads_that_a_bundle_takes(void **state)
{
    (void)state;
    assert_int_equal(clv_admission_check_payload(0, 9, false), CLV_VERDICT_ACCEPT);
    for (uint32_t payload = 1; payload <= 2; payload++) {
        assert_int_equal(clv_admission_check_payload(payload, 0, true), CLV_VERDICT_ACCEPT);
        assert_int_equal(clv_admission_check_payload(payload, 0, false), CLV_VERDICT_NO_IMAGES);
        assert_int_equal(clv_admission_check_payload(payload, 1, true), CLV_VERDICT_NOT_THE_INPUT);
    }
    assert_int_equal(clv_admission_check_payload(3, 0, true), CLV_VERDICT_NO_SUCH_PAYLOAD);
    assert_int_equal(clv_admission_check_payload(UINT32_MAX, 0, true), CLV_VERDICT_NO_SUCH_PAYLOAD);
}

static void test_admission__queue_is_bounded(void **state)
{
    (void)state;
    clv_admission admission = {.workers = 2, .queue = 3};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(clv_admission_decide(&admission, 0, 0, NOW), CLV_VERDICT_ACCEPT);
        clv_admission_accepted(&admission, 0);
    }
    assert_int_equal(clv_admission_decide(&admission, 0, 0, NOW), CLV_VERDICT_QUEUE_FULL);
    clv_admission_started(&admission, 0); /* still on its hands */
    assert_int_equal(clv_admission_decide(&admission, 0, 0, NOW), CLV_VERDICT_QUEUE_FULL);
    clv_admission_finished(&admission, 0);
    assert_int_equal(clv_admission_decide(&admission, 0, 0, NOW), CLV_VERDICT_ACCEPT);
}

static void test_admission__without_a_queue_only_free_workers_take(void **state)
{
    (void)state;
    clv_admission admission = {.workers = 1, .queue = 0};
    assert_int_equal(clv_admission_decide(&admission, 0, 0, NOW), CLV_VERDICT_ACCEPT);
    clv_admission_accepted(&admission, 0);
    assert_int_equal(clv_admission_decide(&admission, 0, 0, NOW), CLV_VERDICT_QUEUE_FULL);
}

static void test_admission__deadline_that_cannot_be_met_is_refused(void **state)
{
    (void)state;
    clv_admission admission = {.workers = 2, .queue = 10};
    for (int i = 0; i < 4; i++)
        clv_admission_accepted(&admission, 10000);
    clv_admission_started(&admission, 10000);
    clv_admission_started(&admission, 10000);
    /* Ahead: two that wait and two that are half done, on two workers: 15 ms; its own run 5 ms. */
    assert_int_equal(clv_admission_decide(&admission, NOW + 20000, 5000, NOW), CLV_VERDICT_ACCEPT);
    assert_int_equal(clv_admission_decide(&admission, NOW + 19999, 5000, NOW),
                     CLV_VERDICT_TOO_LATE);
    assert_int_equal(clv_admission_decide(&admission, 0, 5000, NOW), CLV_VERDICT_ACCEPT);
}

static void test_admission__deadline_in_the_past_is_refused(void **state)
{
    (void)state;
    clv_admission admission = {.workers = 2, .queue = 10};
    assert_int_equal(clv_admission_decide(&admission, NOW, 0, NOW), CLV_VERDICT_TOO_LATE);
    assert_int_equal(clv_admission_decide(&admission, NOW - 1, 0, NOW), CLV_VERDICT_TOO_LATE);
    assert_int_equal(clv_admission_decide(&admission, NOW + 1, 0, NOW), CLV_VERDICT_ACCEPT);
}

/* Else an estimate that one slow run has spoilt would never be corrected. */
static void test_admission__free_worker_refuses_nothing_for_its_estimate(void **state)
{
    (void)state;
    clv_admission admission = {.workers = 2, .queue = 10};
    clv_admission_accepted(&admission, 50000);
    assert_int_equal(clv_admission_decide(&admission, NOW + 100, 50000, NOW), CLV_VERDICT_ACCEPT);
    clv_admission_accepted(&admission, 50000);
    assert_int_equal(clv_admission_decide(&admission, NOW + 100, 50000, NOW), CLV_VERDICT_TOO_LATE);
}

static void test_admission__closing_refuses_all(void **state)
{
    (void)state;
    clv_admission admission = {.workers = 2, .queue = 10, .closing = true};
    assert_int_equal(clv_admission_decide(&admission, 0, 0, NOW), CLV_VERDICT_CLOSING);
}

static void test_admission__work_on_hand_comes_back_to_nothing(void **state)
{
    (void)state;
    clv_admission admission = {.workers = 3, .queue = 10};
    const clv_admission empty = admission;
    const uint64_t estimates_us[] = {5, 0, 700000};
    for (int i = 0; i < 3; i++)
        clv_admission_accepted(&admission, estimates_us[i]);
    assert_int_equal(admission.waiting_us, 700005);
    for (int i = 0; i < 3; i++)
        clv_admission_started(&admission, estimates_us[i]);
    assert_int_equal(admission.running_us, 700005);
    for (int i = 0; i < 3; i++)
        clv_admission_finished(&admission, estimates_us[i]);
    assert_memory_equal(&admission, &empty, sizeof empty);
}

static void test_admission__hostile_deadlines_do_not_wrap(void **state)
{
    (void)state;
    assert_int_equal(clv_admission_deadline(NOW, 0), 0);
    assert_int_equal(clv_admission_deadline(NOW, 5), NOW + 5);
    assert_int_equal(clv_admission_deadline(NOW, UINT64_MAX), UINT64_MAX);
    assert_int_equal(clv_admission_deadline(NOW, UINT64_MAX - NOW), UINT64_MAX);

    clv_admission admission = {.workers = 1, .queue = 10};
    clv_admission_accepted(&admission, 10);
    assert_int_equal(clv_admission_decide(&admission, UINT64_MAX, 10, NOW), CLV_VERDICT_ACCEPT);
}

static void test_admission__estimate_follows_service_times(void **state)
{
    (void)state;
    uint64_t estimate_us = clv_admission_learn(0, 8000);
    assert_int_equal(estimate_us, 8000); /* the first is taken as it is */
    for (int i = 0; i < 60; i++)
        estimate_us = clv_admission_learn(estimate_us, 16000);
    assert_in_range(estimate_us, 15900, 16000);
    for (int i = 0; i < 100; i++)
        estimate_us = clv_admission_learn(estimate_us, 4000);
    assert_in_range(estimate_us, 3990, 4100);
}

static void test_admission__one_stall_hardly_moves_the_estimate(void **state)
{
    (void)state;
    assert_int_equal(clv_admission_learn(8000, 60000000), 8000 - 1000 + 4000);
    assert_int_equal(clv_admission_learn(UINT64_MAX / 2, UINT64_MAX),
                     UINT64_MAX / 2 - UINT64_MAX / 16 + UINT64_MAX / 8);
}

static void test_admission__every_refusal_says_why(void **state)
{
    (void)state;
#define CHECK_VERDICT(name, status, reason)                                                        \
    assert_int_equal(clv_verdict_status(CLV_VERDICT_##name), CLV_##status);                        \
    assert_string_equal(clv_verdict_reason(CLV_VERDICT_##name), reason);
    CLV_VERDICT_LIST(CHECK_VERDICT)
#undef CHECK_VERDICT
    assert_int_equal(clv_verdict_status(CLV_VERDICT_ACCEPT), CLV_OK);
    assert_int_equal(clv_verdict_status(CLV_VERDICT_QUEUE_FULL), CLV_EAGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_admission__bundle_and_cut_must_exist),
        cmocka_unit_test(test_admission__payloads_that_a_bundle_takes),
        cmocka_unit_test(test_admission__queue_is_bounded),
        cmocka_unit_test(test_admission__without_a_queue_only_free_workers_take),
        cmocka_unit_test(test_admission__deadline_that_cannot_be_met_is_refused),
        cmocka_unit_test(test_admission__deadline_in_the_past_is_refused),
        cmocka_unit_test(test_admission__free_worker_refuses_nothing_for_its_estimate),
        cmocka_unit_test(test_admission__closing_refuses_all),
        cmocka_unit_test(test_admission__work_on_hand_comes_back_to_nothing),
        cmocka_unit_test(test_admission__hostile_deadlines_do_not_wrap),
        cmocka_unit_test(test_admission__estimate_follows_service_times),
        cmocka_unit_test(test_admission__one_stall_hardly_moves_the_estimate),
        cmocka_unit_test(test_admission__every_refusal_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
