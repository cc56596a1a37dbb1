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
#include "tools/labelled_files.h"

static char path[] = "/tmp/clv-csv-XXXXXX";

static int setup(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    return close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static clv_status read_text(labelled_files *out, const char *text, size_t bytes, clv_error *err)
{
    assert_int_equal(clv_file_write(path, text, bytes, 0600, NULL), CLV_OK);
    return labelled_files_read(out, path, err);
}

/* @p n pairs of a file and its class follow. */
static void expect(const char *text, size_t n, ...)
{
    labelled_files files;
    clv_error err = CLV_ERROR_INIT;
    va_list args;

    if (read_text(&files, text, strlen(text), &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(files.count, n);
    va_start(args, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(files.items[i].file, va_arg(args, const char *));
        assert_int_equal(files.items[i].class_index, va_arg(args, int));
    }
    va_end(args);
    labelled_files_done(&files);
}

static void expect_error(const char *text, const char *where, const char *what)
{
    labelled_files files;
    clv_error err = CLV_ERROR_INIT;

    assert_int_equal(read_text(&files, text, strlen(text), &err), CLV_EFORMAT);
    assert_non_null(strstr(err.location, path));
    if (strstr(err.location, where) == NULL || strstr(err.message, what) == NULL)
        fail_msg("'%s: %s' lacks '%s' or '%s'", err.location, err.message, where, what);
    labelled_files_done(&files);
}

static void test_labelled_files__columns_come_in_any_order(void **state)
{
    (void)state;
    expect("file,class_index\na.jpg,3\nb.jpg,-1\n", 2, "a.jpg", 3, "b.jpg", -1);
    expect("words,class_index,more,file\nx,7,y,a.jpg\n", 1, "a.jpg", 7);
}

static void test_labelled_files__line_ends_and_marks(void **state)
{
    (void)state;
    expect("file,class_index\r\na,1\r\n\r\nb,2", 2, "a", 1, "b", 2);
    expect("\xef\xbb\xbf"
           "file,class_index\na,1\n\n\n",
           1, "a", 1);
}

static void test_labelled_files__quotes(void **state)
{
    (void)state;
    expect("file,class_index\n\"a,b \"\"c\"\"\nd\",\"5\"\n\"\",6\n", 2, "a,b \"c\"\nd", 5, "", 6);
    expect("file,class_index\na\"b,1\n", 1, "a\"b", 1); /* a quote in the middle is a letter */
}

static void test_labelled_files__faults_are_named(void **state)
{
    (void)state;
    expect_error("", "", "empty");
    expect_error("file,class_index\n", "", "no image");
    expect_error("file,class\na,1\n", "line 1", "file and class_index");
    expect_error("file,class_index\na,1\nb\n", "line 3", "column is missing");
    expect_error("file,class_index\na,1x\n", "line 2", "whole number");
    expect_error("file,class_index\na,1.5\n", "line 2", "whole number");
    expect_error("file,class_index\na,99999999999999999999\n", "line 2", "whole number");
    expect_error("file,class_index\na,1\n\"b,1\nc,1\n", "line 3", "quote");
    expect_error("x,file,class_index\n\"1\n2\",a,1\ny,b,no\n", "line 4", "whole number");
}

static void test_labelled_files__long_fields_and_many_rows(void **state)
{
    enum { ROWS = 2000 };
    static char text[64 + ROWS * 16];
    char *at = text;
    labelled_files files;
    (void)state;

    at += sprintf(at, "file,class_index\n%04096d,1\n", 7);
    expect_error("file,class_index\n", "", "no image");
    assert_int_equal(read_text(&files, text, (size_t)(at - text), NULL), CLV_OK);
    assert_int_equal(strlen(files.items[0].file), 4096);
    labelled_files_done(&files);
    at = text + sprintf(text, "file,class_index\n%04097d,1\n", 7);
    expect_error(text, "line 2", "longer than");

    at = text + sprintf(text, "file,class_index\n");
    for (int i = 0; i < ROWS; i++)
        at += sprintf(at, "%d.jpg,%d\n", i, i);
    assert_int_equal(read_text(&files, text, (size_t)(at - text), NULL), CLV_OK);
    assert_int_equal(files.count, ROWS);
    assert_string_equal(files.items[ROWS - 1].file, "1999.jpg");
    assert_int_equal(files.items[ROWS - 1].class_index, ROWS - 1);
    labelled_files_done(&files);
}

/* More columns than are kept: those in front are found, others aren't. */
static void test_labelled_files__many_columns(void **state)
{
    char text[1024] = "file,class_index";
    (void)state;

    for (int i = 0; i < 100; i++)
        strcat(text, ",c");
    strcat(text, "\na,4");
    for (int i = 0; i < 100; i++)
        strcat(text, ",1");
    expect(text, 1, "a", 4);
}

/* Under AddressSanitizer: the mapping's end is the end of a page only by chance, so every length
 * is tried, and bytes of all kinds. */
static void test_labelled_files__any_bytes_are_safe(void **state)
{
    const char *text = "file,class_index\n\"a,\"\"b\"\"\",1\r\n\"c\nd\",2\n";
    uint32_t random = 1;
    (void)state;

    for (size_t n = 0; n <= strlen(text); n++) {
        labelled_files files;
        (void)!read_text(&files, text, n, NULL);
        labelled_files_done(&files);
    }
    for (int round = 0; round < 500; round++) {
        static const char letters[] = "\"\",\n\r\0a1-";
        char noise[64] = "file,class_index\n";
        labelled_files files;
        for (size_t i = 17; i < sizeof noise; i++) {
            random = random * 1664525u + 1013904223u;
            noise[i] = letters[(random >> 16) % (sizeof letters - 1)];
        }
        (void)!read_text(&files, noise, sizeof noise, NULL);
        labelled_files_done(&files);
    }
}

static void test_labelled_files__missing_file(void **state)
{
    labelled_files files;
    clv_error err = CLV_ERROR_INIT;
    (void)state;

    assert_int_equal(labelled_files_read(&files, "/nonexistent.csv", &err), CLV_ENOENT);
    assert_non_null(strstr(err.location, "/nonexistent.csv"));
    labelled_files_done(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labelled_files__columns_come_in_any_order),
        cmocka_unit_test(test_labelled_files__line_ends_and_marks),
        cmocka_unit_test(test_labelled_files__quotes),
        cmocka_unit_test(test_labelled_files__faults_are_named),
        cmocka_unit_test(test_labelled_files__long_fields_and_many_rows),
        cmocka_unit_test(test_labelled_files__many_columns),
        cmocka_unit_test(test_labelled_files__any_bytes_are_safe),
        cmocka_unit_test(test_labelled_files__missing_file),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
