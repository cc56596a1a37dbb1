/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/memory.h"
#include "tools/detections.h"

/* A box 10 wide from x, with a score. */
static void add(detection_set *set, uint32_t image, uint32_t class_index, float x, float score)
{
    clv_box box = {x, 0, x + 10, 10, score, class_index};
    assert_int_equal(detection_set_add(set, image, &box, 1), CLV_OK);
}

static void expect_ap(const detection_set *truth, const detection_set *found, double ap,
                      uint32_t classes)
{
    detection_precision got;
    assert_int_equal(detection_ap50(&got, truth, found), CLV_OK);
    assert_float_equal(got.ap50, ap, 1e-9);
    assert_int_equal(got.classes, classes);
}

static void test_detections__all_right_or_none(void **state)
{
    detection_set truth = {0}, found = {0}, none = {0};
    (void)state;

    add(&truth, 0, 3, 0, 1);
    add(&truth, 1, 3, 50, 1);
    add(&found, 1, 3, 51, 0.5f);
    add(&found, 0, 3, 0, 0.9f);
    expect_ap(&truth, &found, 1.0, 1);
    expect_ap(&truth, &none, 0.0, 1);
    detection_precision got;
    assert_int_equal(detection_ap50(&got, &none, &found), CLV_OK);
    assert_true(isnan(got.ap50) && got.classes == 0);
    detection_set_done(&truth);
    detection_set_done(&found);
}

/* Right, wrong, right of 4 objects: precision 1 up to recall 1/4, 2/3 up to 2/4, then 0. Recalls of
 * 0 .. 0.25 are 26 of the 101, 0.26 .. 0.5 are 25. */
static void test_detections__precision_falls_along_recall(void **state)
{
    detection_set truth = {0}, found = {0};
    (void)state;

    for (uint32_t i = 0; i < 4; i++)
        add(&truth, i, 0, 0, 1);
    add(&found, 0, 0, 0, 0.9f);
    add(&found, 9, 0, 0, 0.8f); /* a picture without an object */
    add(&found, 1, 0, 0, 0.7f);
    expect_ap(&truth, &found, (26 + 25 * 2.0 / 3) / 101, 1);
    /* A later right one lifts no earlier precision below its own: 3/4 for recalls up to 3/4. */
    add(&found, 2, 0, 0, 0.6f);
    expect_ap(&truth, &found, (26 + 50 * 0.75) / 101, 1);
    detection_set_done(&truth);
    detection_set_done(&found);
}

static void test_detections__an_object_is_taken_once(void **state)
{
    detection_set truth = {0}, found = {0};
    (void)state;

    add(&truth, 0, 0, 0, 1);
    add(&found, 0, 0, 0, 0.9f);
    add(&found, 0, 0, 1, 0.8f); /* again: wrong, but behind full recall */
    expect_ap(&truth, &found, 1.0, 1);
    found.items[1].box.score = 0.95f; /* now the other one is the second */
    expect_ap(&truth, &found, 1.0, 1);
    add(&truth, 0, 0, 100, 1);
    add(&found, 0, 0, 100, 0.5f); /* 1, 1/2, 2/3 */
    expect_ap(&truth, &found, (51 + 50 * 2.0 / 3) / 101, 1);
    detection_set_done(&truth);
    detection_set_done(&found);
}

/* The one that it overlaps most is taken, not the first that is enough. */
static void test_detections__the_best_overlap_is_taken(void **state)
{
    detection_set truth = {0}, found = {0};
    (void)state;

    add(&truth, 0, 0, 0, 1);
    add(&truth, 0, 0, 3, 1);
    add(&found, 0, 0, 2.9f, 0.9f);
    add(&found, 0, 0, -3, 0.8f); /* overlaps only the first enough: 7/13 */
    expect_ap(&truth, &found, 1.0, 1);
    detection_set_done(&truth);
    detection_set_done(&found);
}

static void test_detections__overlap_class_and_picture_count(void **state)
{
    detection_set truth = {0}, found = {0};
    (void)state;

    add(&truth, 0, 0, 0, 1);
    add(&found, 0, 0, 3.4f, 0.9f); /* 6.6 / 13.4 < 0.5 */
    expect_ap(&truth, &found, 0.0, 1);
    add(&found, 0, 1, 0, 0.9f);
    add(&found, 1, 0, 0, 0.8f);
    expect_ap(&truth, &found, 0.0, 1);
    add(&found, 0, 0, 3.3f, 0.7f); /* 6.7 / 13.3: the third of class 0 */
    expect_ap(&truth, &found, 1.0 / 3, 1);
    add(&truth, 5, 7, 0, 1); /* the mean over classes; class 1 isn't in the truth */
    expect_ap(&truth, &found, 1.0 / 6, 2);
    detection_set_done(&truth);
    detection_set_done(&found);
}

static void test_detections__difference(void **state)
{
    detection_set a = {0}, b = {0};
    detection_difference d;
    (void)state;

    assert_int_equal(detection_compare(&d, &a, &b), CLV_OK);
    assert_true(d.matched == 0 && d.only_a == 0 && d.only_b == 0 && isnan(d.box_error));
    add(&a, 0, 0, 0, 0.9f);
    add(&a, 0, 0, 100, 0.6f);
    add(&a, 1, 0, 0, 0.5f); /* no partner */
    add(&b, 0, 0, 101, 0.5f);
    add(&b, 0, 0, 2, 0.6f);
    add(&b, 0, 1, 2, 0.6f);
    add(&b, 2, 0, 2, 0.6f);
    assert_int_equal(detection_compare(&d, &a, &b), CLV_OK);
    assert_int_equal(d.matched, 2);
    assert_int_equal(d.only_a, 1);
    assert_int_equal(d.only_b, 2);
    assert_float_equal(d.box_error, 0.75, 1e-6); /* (2 + 0 + 2 + 0) / 4 and half of it */
    assert_float_equal(d.score_error, 0.2, 1e-6);
    detection_set_done(&a);
    detection_set_done(&b);
}

static void test_detections__out_of_memory(void **state)
{
    detection_set truth = {0}, found = {0};
    detection_precision precision = {0.25, 9};
    detection_difference difference = {.matched = 77};
    (void)state;

    add(&truth, 0, 0, 0, 1);
    add(&found, 0, 0, 0, 1);
    for (uint64_t n = 1; n <= 4; n++) {
        clv_memory_fail_after(n);
        assert_int_equal(detection_ap50(&precision, &truth, &found), CLV_ENOMEM);
        assert_int_equal(precision.classes, 9);
        clv_memory_fail_after(n < 4 ? n : 3);
        assert_int_equal(detection_compare(&difference, &truth, &found), CLV_ENOMEM);
        assert_int_equal(difference.matched, 77);
    }
    clv_memory_fail_after(0);
    detection_set_done(&truth);
    detection_set_done(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detections__all_right_or_none),
        cmocka_unit_test(test_detections__precision_falls_along_recall),
        cmocka_unit_test(test_detections__an_object_is_taken_once),
        cmocka_unit_test(test_detections__the_best_overlap_is_taken),
        cmocka_unit_test(test_detections__overlap_class_and_picture_count),
        cmocka_unit_test(test_detections__difference),
        cmocka_unit_test(test_detections__out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
