/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/error.h"
#include "tools/box_judge.h"

#define ROWS 3

/* Rows of x0 y0 x1 y1 score class, in pixels of a 200 x 100 input; of score 0: none. */
typedef float boxes_of[ROWS][6];

static clv_box_errors judge_with(const boxes_of then, const boxes_of now, double score)
{
    const clv_input_spec input = {.width = 200, .height = 100};
    detector_settings settings = DETECTOR_SETTINGS_INIT;
    clv_box_errors sum = {0};
    clv_error err = CLV_ERROR_INIT;
    boxes_of copies[2];
    box_judge *judge;

    memcpy(copies[0], then, sizeof copies[0]);
    memcpy(copies[1], now, sizeof copies[1]);
    clv_tensor a = {CLV_F32, {3, {1, ROWS, 6}}, copies[0]};
    clv_tensor b = {CLV_F32, {3, {1, ROWS, 6}}, copies[1]};
    settings.decoder = "yolo:end2end";
    settings.score = score;
    assert_int_equal(box_judge_create(&judge, &settings, &input, &err), CLV_OK);
    if (box_judge_compare(judge, &sum, &a, &b, 1, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    box_judge_free(judge);
    return sum;
}

static void assert_errors(clv_box_errors sum, double box, size_t boxes, double score, size_t scores)
{
    assert_int_equal(sum.boxes, boxes);
    assert_int_equal(sum.scores, scores);
    assert_true(fabs(sum.box - box) < 1e-6);
    assert_true(fabs(sum.score - score) < 1e-6);
}

static const boxes_of two = {{10, 10, 50, 50, 0.9f, 1}, {100, 20, 180, 80, 0.6f, 0}};

static void test_box_judge__pairs_differ_by_sides_and_scores(void **state)
{
    const boxes_of moved = {{100, 20, 184, 80, 0.5f, 0}, {10, 12, 50, 50, 0.85f, 1}};
    (void)state;

    assert_errors(judge_with(two, two, 0.4), 0, 2, 0, 2);
    /* 4 of 200 across, 2 of 100 down, of one side of four each */
    assert_errors(judge_with(two, moved, 0.4), 0.005 + 0.005, 2, 0.15, 2);
}

static void test_box_judge__lost_and_new_boxes_err_by_their_scores(void **state)
{
    const boxes_of other = {{10, 10, 50, 50, 0.9f, 0}}; /* of another class */
    const boxes_of none = {{0}};
    (void)state;

    assert_errors(judge_with(two, none, 0.4), 0, 0, 1.5, 2);
    assert_errors(judge_with(none, two, 0.4), 0, 0, 1.5, 2);
    assert_errors(judge_with(two, other, 0.4), 0, 0, 2.4, 3);
    assert_errors(judge_with(none, none, 0.4), 0, 0, 0, 0);
}

/* 0.35 is no box of its own, but the other one of 0.45; and two of them are nothing. */
static void test_box_judge__a_score_that_falls_a_little_is_no_lost_box(void **state)
{
    const boxes_of sure = {{10, 10, 50, 50, 0.45f, 1}}, less = {{10, 10, 50, 50, 0.35f, 1}};
    const boxes_of unsure = {{10, 10, 50, 50, 0.15f, 1}};
    (void)state;

    assert_errors(judge_with(sure, less, 0.4), 0, 1, 0.1, 1);
    assert_errors(judge_with(less, sure, 0.4), 0, 1, 0.1, 1);
    assert_errors(judge_with(less, less, 0.4), 0, 0, 0, 0);
    assert_errors(judge_with(sure, unsure, 0.4), 0, 0, 0.45, 1);
}

static void test_box_judge__wrong_settings_and_tensors(void **state)
{
    const clv_input_spec input = {.width = 200, .height = 100};
    detector_settings settings = DETECTOR_SETTINGS_INIT;
    clv_tensor odd = {CLV_F32, {2, {1, 5}}, &settings};
    clv_box_errors sum = {0};
    clv_error err = CLV_ERROR_INIT;
    box_judge *judge = NULL;
    (void)state;

    settings.decoder = "oracle";
    assert_int_equal(box_judge_create(&judge, &settings, &input, &err), CLV_EINVAL);
    assert_non_null(strstr(err.location, "--decode"));
    assert_null(judge);
    settings.decoder = "yolo";
    assert_int_equal(box_judge_create(&judge, &settings, &input, &err), CLV_OK);
    assert_int_equal(box_judge_compare(judge, &sum, &odd, &odd, 1, &err), CLV_ESHAPE);
    box_judge_free(judge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_box_judge__pairs_differ_by_sides_and_scores),
        cmocka_unit_test(test_box_judge__lost_and_new_boxes_err_by_their_scores),
        cmocka_unit_test(test_box_judge__a_score_that_falls_a_little_is_no_lost_box),
        cmocka_unit_test(test_box_judge__wrong_settings_and_tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
