/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"

static void test_error__prefix_goes_before_the_location(void **state)
{
    (void)state;
    clv_error err = CLV_ERROR_INIT;
    assert_int_equal(clv_fail(&err, CLV_EFORMAT, "header", "bad %d", 7), CLV_EFORMAT);
    assert_int_equal(clv_error_prefix(&err, CLV_EFORMAT, "m.clv"), CLV_EFORMAT);
    assert_string_equal(err.location, "m.clv: header");
    assert_string_equal(err.message, "bad 7");
    assert_int_equal(clv_error_prefix(NULL, CLV_EIO, "m.clv"), CLV_EIO);
}

static void test_error__a_long_path_keeps_its_end(void **state)
{
    (void)state;
    clv_error err = CLV_ERROR_INIT;
    char path[600];
    memset(path, 'd', sizeof path);
    (void)strcpy(path + sizeof path - 12, "/model.onnx");
    (void)clv_fail(&err, CLV_EFORMAT, "header", "bad");
    (void)clv_error_prefix(&err, CLV_EFORMAT, path);
    assert_non_null(strstr(err.location, "/model.onnx: header"));
}

static void test_error__a_device_is_not_replaced_by_a_file(void **state)
{
    (void)state;
    clv_error err = CLV_ERROR_INIT;
    assert_int_equal(clv_file_write("/dev/null", "x", 1, 0600, &err), CLV_EIO);
    assert_non_null(strstr(err.message, "not a regular file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error__prefix_goes_before_the_location),
        cmocka_unit_test(test_error__a_long_path_keeps_its_end),
        cmocka_unit_test(test_error__a_device_is_not_replaced_by_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
