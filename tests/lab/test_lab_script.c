/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lab_script.h"

static clv_status parse(lab_script *script, const char *text, clv_error *err)
{
    return lab_script_parse(script, text, strlen(text), "a.lab", err);
}

static void test_lab_script__reads_events_and_applies_them(void **state)
{
    lab_script script;
    lab_impairment link[2] = {LAB_IMPAIRMENT_INIT, LAB_IMPAIRMENT_INIT};
    (void)state;
    assert_int_equal(parse(&script,
                           "# a drive\n\n0 rate 12.5\n0 rate 3 up # slower\n 0\tdelay 20\r\n"
                           "1.5 loss 2 down\n1.5 reorder 1\n2 outage on\n2.25 jitter 4.5\n"
                           "3 queue 50\n4 outage off up\n5 phase tunnel\n6 device 8",
                           NULL),
                     CLV_OK);
    assert_int_equal(script.count, 11);
    assert_int_equal(script.events[3].at_us, 1500000);
    assert_int_equal(script.events[9].what, LAB_PHASE);
    assert_string_equal(script.events[9].name, "tunnel");
    assert_int_equal(script.events[10].what, LAB_DEVICE);
    assert_true(script.events[10].value == 8);
    for (uint32_t i = 0; i < script.count; i++)
        lab_event_apply(link, &script.events[i]);
    assert_true(link[0].rate_mbit == 3 && link[1].rate_mbit == 12.5);
    assert_int_equal(link[0].delay_us, 20000);
    assert_true(link[0].loss == 0 && link[1].loss == 0.02);
    assert_true(link[0].reorder == 0.01);
    assert_true(!link[0].outage && link[1].outage);
    assert_int_equal(link[1].jitter_us, 4500);
    assert_int_equal(link[0].queue_us, 50000);
    lab_script_done(&script);
}

static void test_lab_script__names_the_line_that_is_wrong(void **state)
{
    static const char *const wrong[] = {
        "0 rate",           "0 rate x",           "0 rate -1",
        "0 rate 10001",     "0 rate nan",         "x rate 1",
        "-1 rate 1",        "0 speed 1",          "0 outage 1",
        "0 rate 1 left",    "0 device 2 up",      "0 device 0.5",
        "0 rate 1 up more", "1 rate 1\n0 rate 1", "0 loss 100.5",
        "1e9 rate 1",       "0 queue 0",          "0 phase a-name-that-is-far-too-long-for-a-row"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        lab_script script = {.count = 77};
        clv_error err = CLV_ERROR_INIT;
        char text[200];
        (void)snprintf(text, sizeof text, "0 delay 1\n%s\n", wrong[i]);
        assert_int_equal(parse(&script, text, &err), CLV_EFORMAT);
        assert_string_equal(err.location, strchr(wrong[i], '\n') != NULL ? "a.lab:3" : "a.lab:2");
        assert_int_equal(script.count, 77);
    }
}

static void test_lab_script__refuses_a_line_without_end(void **state)
{
    lab_script script;
    clv_error err = CLV_ERROR_INIT;
    char text[1000];
    (void)state;
    memset(text, ' ', sizeof text);
    assert_int_equal(lab_script_parse(&script, text, sizeof text, "a.lab", &err), CLV_EFORMAT);
    assert_string_equal(err.message, "the line is too long");
}

static void test_lab_script__may_be_empty(void **state)
{
    lab_script script;
    (void)state;
    assert_int_equal(parse(&script, "", NULL), CLV_OK);
    assert_int_equal(script.count, 0);
    lab_script_done(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lab_script__reads_events_and_applies_them),
        cmocka_unit_test(test_lab_script__names_the_line_that_is_wrong),
        cmocka_unit_test(test_lab_script__refuses_a_line_without_end),
        cmocka_unit_test(test_lab_script__may_be_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
