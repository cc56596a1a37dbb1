/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/box_files.h"

static const box_picture picture = {4, 200, 100};

static void expect_error(const char *text, size_t bytes, const char *where, const char *word)
{
    detection_set set = {0};
    clv_error err = CLV_ERROR_INIT;

    assert_int_equal(box_files_parse(&set, &picture, text, bytes, &err), CLV_EFORMAT);
    assert_string_equal(err.location, where);
    if (strstr(err.message, word) == NULL)
        fail_msg("'%s' lacks '%s'", err.message, word);
    detection_set_done(&set);
}

static void test_box_files__parts_of_the_picture(void **state)
{
    static const char text[] =
        "7 0.5 0.5 0.1 0.4\r\n\n  \t\n0\t0.25 1e-1 0.5 .2 \n79 0.9 0.9 0.2 0.2";
    detection_set set = {0};
    (void)state;

    assert_int_equal(box_files_parse(&set, &picture, text, sizeof text - 1, NULL), CLV_OK);
    assert_int_equal(set.count, 3);
    assert_int_equal(set.items[0].image, 4);
    assert_int_equal(set.items[0].box.class_index, 7);
    assert_float_equal(set.items[0].box.x0, 90, 1e-4f);
    assert_float_equal(set.items[0].box.y0, 30, 1e-4f);
    assert_float_equal(set.items[0].box.x1, 110, 1e-4f);
    assert_float_equal(set.items[0].box.y1, 70, 1e-4f);
    assert_float_equal(set.items[1].box.x1, 100, 1e-4f);
    assert_int_equal(set.items[2].box.class_index, 79);
    detection_set_done(&set);
    assert_int_equal(box_files_parse(&set, &picture, "", 0, NULL), CLV_OK);
    assert_int_equal(set.count, 0);
}

static void test_box_files__faults_are_named(void **state)
{
    static const struct {
        const char *text, *where, *word;
    } cases[] = {
        {"0 0.5 0.5 0.1", "line 1", "it is not: class cx cy"},
        {"0 0.5 0.5 0.1 0.1\nperson 0.5 0.5 0.1 0.1", "line 2", "it is not"},
        {"0 0.5 0.5 0.1 0.1 0.9", "line 1", "more than"},
        {"1.5 0.5 0.5 0.1 0.1", "line 1", "whole number"},
        {"-1 0.5 0.5 0.1 0.1", "line 1", "whole number"},
        {"1e9 0.5 0.5 0.1 0.1", "line 1", "whole number"},
        {"nan 0.5 0.5 0.1 0.1", "line 1", "whole number"},
        {"\n\n0 320 240 20 20", "line 3", "0..1"},
        {"0 0.5 nan 0.1 0.1", "line 1", "0..1"},
        {"0 0.5 0.5 -0.1 0.1", "line 1", "0..1"},
    };
    char longer[400];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_error(cases[i].text, strlen(cases[i].text), cases[i].where, cases[i].word);
    expect_error("0 0.5\0 0.5 0.1 0.1", 18, "line 1", "it is not");
    memset(longer, ' ', sizeof longer);
    expect_error(longer, sizeof longer, "line 1", "it is not");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_box_files__parts_of_the_picture),
        cmocka_unit_test(test_box_files__faults_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
