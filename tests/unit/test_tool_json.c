/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "tools/tool_json.h"

static void expect_text(const char *text, const char *want)
{
    json_t *json = tool_json_text(text);
    assert_non_null(json);
    assert_string_equal(json_string_value(json), want);
    json_decref(json);
}

static void test_tool_json__any_bytes_become_a_string(void **state)
{
    (void)state;
    expect_text("", "");
    expect_text("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
    expect_text("a\x1b\n", "a\x1b\n"); /* escaped when it is printed */
    expect_text("\xff"
                "a\xc3",
                "\xef\xbf\xbd"
                "a\xef\xbf\xbd");
    json_t *null = tool_json_text(NULL);
    assert_true(json_is_null(null));
    json_decref(null);
}

static void test_tool_json__numbers_that_json_lacks_are_null(void **state)
{
    const double odd[] = {NAN, INFINITY, -INFINITY};
    (void)state;

    for (int i = 0; i < 3; i++) {
        json_t *json = tool_json_real(odd[i]);
        assert_true(json_is_null(json));
        json_decref(json);
    }
    json_t *json = tool_json_real(0.5);
    assert_float_equal(json_real_value(json), 0.5, 0.0);
    json_decref(json);
}

static void test_tool_json__a_tensor_is_its_name_type_and_shape(void **state)
{
    const clv_tensor tensor = {.dtype = CLV_I64, .shape = {2, {3, 4}}};
    json_t *json = tool_json_tensor("\xff", &tensor), *shape = json_object_get(json, "shape");
    (void)state;

    assert_string_equal(json_string_value(json_object_get(json, "name")), "\xef\xbf\xbd");
    assert_string_equal(json_string_value(json_object_get(json, "type")), "int64");
    assert_int_equal(json_array_size(shape), 2);
    assert_int_equal(json_integer_value(json_array_get(shape, 1)), 4);
    json_decref(json);
}

static void test_tool_json__nothing_to_print_is_an_error(void **state)
{
    clv_error err = CLV_ERROR_INIT;
    (void)state;

    assert_int_equal(tool_json_print(NULL, &err), CLV_ENOMEM);
    assert_true(err.message[0] != '\0');
    clv_memory_fail_after(1);
    json_t *json = tool_json_text("x");
    clv_memory_fail_after(0);
    assert_null(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tool_json__any_bytes_become_a_string),
        cmocka_unit_test(test_tool_json__numbers_that_json_lacks_are_null),
        cmocka_unit_test(test_tool_json__a_tensor_is_its_name_type_and_shape),
        cmocka_unit_test(test_tool_json__nothing_to_print_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
