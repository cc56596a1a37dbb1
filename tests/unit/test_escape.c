/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/escape.h"

static void expect(const char *src, bool json, const char *want)
{
    char dst[256];
    assert_ptr_equal(clv_escape(dst, sizeof dst, src, json), dst);
    assert_string_equal(dst, want);
}

static void test_escape__plain_text_stays(void **state)
{
    (void)state;
    expect("", false, "");
    expect("a \"quoted\" C:\\path", false, "a \"quoted\" C:\\path");
    expect("gr\xc3\xbc\xc3\x9f \xe7\x8c\xab \xf0\x9f\x90\x88", false,
           "gr\xc3\xbc\xc3\x9f \xe7\x8c\xab \xf0\x9f\x90\x88");
}

static void test_escape__json_strings_cannot_be_ended(void **state)
{
    (void)state;
    expect("a\"b\\c", true, "a\\\"b\\\\c");
    expect("\n", true, "\\u000a");
}

static void test_escape__control_characters_are_shown(void **state)
{
    (void)state;
    expect("\x1b[31mred\x07\r\n\t", false, "\\u001b[31mred\\u0007\\u000d\\u000a\\u0009");
    expect("\x7f", false, "\\u007f");
    /* C1: U+009B is CSI for terminals that read 8-bit controls. */
    expect("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", false, "\\u0080\\u009b\\u009f\xc2\xa0");
}

static void test_escape__bytes_that_are_not_utf8_are_replaced(void **state)
{
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\xaf", /* too long a form of '/' */
                                      "\xc1\xbf",
                                      "\xc3",
                                      "\xe0\x80\xaf",
                                      "\xe2\x82",
                                      "\xed\xa0\x80", /* a surrogate */
                                      "\xf0\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff\xfe"};
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint32_t point = 77;
        char want[64] = "";
        for (size_t n = 0; n < strlen(bad[i]); n++)
            strcat(want, "\\ufffd");
        expect(bad[i], i % 2 == 0, want);
        assert_int_equal(clv_utf8_next(&point, bad[i]), 0);
        assert_int_equal(point, 77);
    }
    expect("a\x9b"
           "b",
           false, "a\\ufffdb"); /* CSI of an 8-bit terminal */
}

static void test_escape__code_points_come_out(void **state)
{
    static const struct {
        const char *text;
        size_t bytes;
        uint32_t point;
    } cases[] = {{"A", 1, 'A'},
                 {"\xc2\x80", 2, 0x80},
                 {"\xdf\xbf", 2, 0x7ff},
                 {"\xe0\xa0\x80", 3, 0x800},
                 {"\xef\xbf\xbf", 3, 0xffff},
                 {"\xf0\x90\x80\x80", 4, 0x10000},
                 {"\xf4\x8f\xbf\xbf", 4, 0x10ffff}};
    uint32_t point = 77;
    (void)state;

    assert_int_equal(clv_utf8_next(&point, ""), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(clv_utf8_next(&point, cases[i].text), cases[i].bytes);
        assert_int_equal(point, cases[i].point);
    }
}

static void test_escape__what_is_too_long_is_cut_between_characters(void **state)
{
    const char *text = "ab\x1b\xc3\xbc";
    const char *const want[] = {"",   "",   "a",  "ab",        "ab",        "ab",
                                "ab", "ab", "ab", "ab\\u001b", "ab\\u001b", "ab\\u001b\xc3\xbc"};
    (void)state;

    for (size_t cap = 1; cap < sizeof want / sizeof want[0]; cap++) {
        char dst[16];
        memset(dst, '#', sizeof dst);
        assert_string_equal(clv_escape(dst, cap, text, false), want[cap]);
        assert_int_equal(dst[cap], '#');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape__plain_text_stays),
        cmocka_unit_test(test_escape__json_strings_cannot_be_ended),
        cmocka_unit_test(test_escape__control_characters_are_shown),
        cmocka_unit_test(test_escape__bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(test_escape__code_points_come_out),
        cmocka_unit_test(test_escape__what_is_too_long_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
