/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"
#include "tools/tensor_file.h"

static char path[] = "/tmp/clv-tensor-XXXXXX.raw";

static int setup(void **state)
{
    (void)state;
    int fd = mkstemps(path, 4);
    assert_true(fd >= 0);
    return close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static void test_tensor_file__a_bool_is_0_or_1(void **state)
{
    const uint8_t raw[] = {0, 1, 2, 255};
    const uint8_t want[] = {0, 1, 1, 1};
    uint8_t data[4] = {9, 9, 9, 9};
    clv_tensor tensor = {.dtype = CLV_BOOL, .shape = {1, {4}}, .data = data};
    (void)state;

    assert_int_equal(clv_file_write(path, raw, sizeof raw, 0600, NULL), CLV_OK);
    assert_int_equal(tensor_file_read(&tensor, path, NULL), CLV_OK);
    assert_memory_equal(data, want, sizeof want);
}

static void test_tensor_file__an_empty_tensor_takes_an_empty_file(void **state)
{
    clv_tensor tensor = {.dtype = CLV_F32, .shape = {2, {0, 3}}, .data = NULL};
    (void)state;

    assert_int_equal(clv_file_write(path, "", 0, 0600, NULL), CLV_OK);
    assert_int_equal(tensor_file_read(&tensor, path, NULL), CLV_OK);
}

static void test_tensor_file__names_that_are_the_same_file(void **state)
{
    (void)state;
    assert_true(tensor_file_same_name("a:b", "a/b"));
    assert_true(tensor_file_same_name("a:b", "a_b"));
    assert_true(tensor_file_same_name("", ""));
    assert_false(tensor_file_same_name("a:b", "a/"));
    assert_false(tensor_file_same_name("a", "a:"));
    assert_false(tensor_file_same_name("a.b", "a-b"));
}

static void test_tensor_file__no_name_leaves_the_folder(void **state)
{
    static const char *const names[] = {"../../escape", "/etc/passwd", "..", "a\nb", "\xff"};
    static const char *const files[] = {".._.._escape", "_etc_passwd", "..", "a_b", "_"};
    char folder[] = "/tmp/clv-save-XXXXXX", below[64], file[128];
    float one = 1.0f;
    clv_tensor tensor = {.dtype = CLV_F32, .shape = {1, {1}}, .data = &one};
    (void)state;

    assert_non_null(mkdtemp(folder));
    (void)snprintf(below, sizeof below, "%s/sub", folder);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(tensor_file_save(below, names[i], &tensor, NULL), CLV_OK);
        (void)snprintf(file, sizeof file, "%s/%s.npy", below, files[i]);
        assert_int_equal(unlink(file), 0);
    }
    assert_int_equal(rmdir(below), 0); /* and nothing else is there */
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensor_file__a_bool_is_0_or_1),
        cmocka_unit_test(test_tensor_file__an_empty_tensor_takes_an_empty_file),
        cmocka_unit_test(test_tensor_file__names_that_are_the_same_file),
        cmocka_unit_test(test_tensor_file__no_name_leaves_the_folder),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
