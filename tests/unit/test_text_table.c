/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tools/text_table.h"

static const text_column columns[] = {{"n", true, 0}, {"a name", false, 9}, {"last", false, 0}};

static text_table *make(void)
{
    text_table *table;
    assert_int_equal(text_table_create(&table, columns, 3), CLV_OK);
    return table;
}

static void add(text_table *table, const char *a, const char *b, const char *c)
{
    assert_int_equal(text_table_row(table), CLV_OK);
    assert_int_equal(text_table_cell(table, "%s", a), CLV_OK);
    assert_int_equal(text_table_cell(table, "%s", b), CLV_OK);
    assert_int_equal(text_table_cell(table, "%s", c), CLV_OK);
}

/* Prints and frees @p table. */
static void expect(text_table *table, const char *want)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    assert_non_null(out);
    text_table_print(table, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, want);
    free(text);
    text_table_free(table);
}

static void test_text_table__columns_are_as_wide_as_their_cells(void **state)
{
    text_table *table = make();
    (void)state;

    add(table, "1", "x", "end");
    add(table, "1000", "a longer one", "");
    assert_int_equal(text_table_row(table), CLV_OK); /* a row without cells */
    expect(table, "   n  a name     last\n"
                  "   1  x          end\n"
                  "1000  a lo...ne  \n"
                  "                 \n");
    expect(make(), "n  a name  last\n");
}

static void test_text_table__long_cells_are_cut_in_the_middle(void **state)
{
    text_table *table = make();
    (void)state;

    add(table, "1", "123456789", "");
    add(table, "2", "1234567890", "");
    add(table, "3",
        "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", "");
    expect(table, "n  a name     last\n"
                  "1  123456789  \n"
                  "2  1234...90  \n"
                  "3  \xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4...\xc3\xbc\xc3\x9f  \n");
}

static void test_text_table__umlauts_are_one_column_wide(void **state)
{
    text_table *table = make();
    (void)state;

    add(table, "\xc3\xbc\xc3\xbc", "\xc3\xa4", "x");
    expect(table, " n  a name  last\n"
                  "\xc3\xbc\xc3\xbc  \xc3\xa4       x\n");
}

static void test_text_table__control_characters_are_escaped(void **state)
{
    text_table *table = make();
    (void)state;

    add(table, "1", "a\x1b[2J", "b\nc\xff");
    expect(table, "n  a name     last\n"
                  "1  a\\u0...2J  b\\u000ac\\ufffd\n");
}

static void test_text_table__misuse_is_refused(void **state)
{
    text_table *table = NULL;
    (void)state;

    assert_int_equal(text_table_create(&table, columns, 0), CLV_EINVAL);
    assert_int_equal(text_table_create(&table, columns, TEXT_TABLE_MAX_COLUMNS + 1), CLV_EINVAL);
    assert_null(table);
    table = make();
    assert_int_equal(text_table_cell(table, "x"), CLV_EINVAL); /* no row */
    add(table, "1", "2", "3");
    assert_int_equal(text_table_cell(table, "x"), CLV_EINVAL); /* no column */
    text_table_free(table);
    text_table_free(NULL);
}

static void test_text_table__out_of_memory_is_reported(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 4; n++) {
        text_table *table = NULL;
        clv_memory_fail_after(n);
        clv_status status = text_table_create(&table, columns, 3);
        if (status == CLV_OK)
            status = text_table_row(table);
        if (status == CLV_OK)
            status = text_table_cell(table, "x");
        clv_memory_fail_after(0);
        assert_int_equal(status, CLV_ENOMEM);
        text_table_free(table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_table__columns_are_as_wide_as_their_cells),
        cmocka_unit_test(test_text_table__long_cells_are_cut_in_the_middle),
        cmocka_unit_test(test_text_table__umlauts_are_one_column_wide),
        cmocka_unit_test(test_text_table__control_characters_are_escaped),
        cmocka_unit_test(test_text_table__misuse_is_refused),
        cmocka_unit_test(test_text_table__out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
