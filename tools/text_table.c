/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/text_table.h"

#include <stdarg.h>
#include <string.h>

#include "base/escape.h"
#include "base/memory.h"

#define CELL_BYTES 512

struct text_table {
    const text_column *columns;
    unsigned n_columns;
    const char **cells; /* rows * n_columns */
    size_t n_rows, cap_rows;
    unsigned next; /* column of the next cell in the last row */
    clv_arena memory;
};

clv_status text_table_create(text_table **out, const text_column *columns, unsigned n_columns)
{
    if (n_columns == 0 || n_columns > TEXT_TABLE_MAX_COLUMNS)
        return CLV_EINVAL;
    text_table *table = clv_calloc(1, sizeof *table);
    if (table == NULL)
        return CLV_ENOMEM;
    table->columns = columns;
    table->n_columns = n_columns;
    *out = table;
    return CLV_OK;
}

void text_table_free(text_table *table)
{
    if (table == NULL)
        return;
    clv_free(table->cells);
    clv_arena_done(&table->memory);
    clv_free(table);
}

clv_status text_table_row(text_table *table)
{
    if (table->n_rows == table->cap_rows) {
        size_t cap = table->cap_rows ? table->cap_rows * 2 : 32;
        const char **cells = clv_realloc_array(table->cells, cap * table->n_columns, sizeof *cells);
        if (cells == NULL)
            return CLV_ENOMEM;
        table->cells = cells;
        table->cap_rows = cap;
    }
    for (unsigned i = 0; i < table->n_columns; i++)
        table->cells[table->n_rows * table->n_columns + i] = "";
    table->n_rows++;
    table->next = 0;
    return CLV_OK;
}

static bool starts_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

/* Characters of UTF-8 text. */
static size_t width_of(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += starts_character(*text);
    return n;
}

/* Where character @p n begins, or the end. */
static char *character(char *text, size_t n)
{
    for (; *text != '\0'; text++) {
        if (starts_character(*text) && n-- == 0)
            break;
    }
    return text;
}

/* "a_very_long_name" in 9 columns: "a_ve...me". */
static void shorten(char *text, unsigned max_width)
{
    size_t n = width_of(text);
    if (max_width < 8 || n <= max_width)
        return;
    size_t head = (max_width - 3) * 2 / 3, tail = max_width - 3 - head;
    char *to = character(text, head), *from = character(text, n - tail);
    memmove(to + 3, from, strlen(from) + 1);
    memcpy(to, "...", 3);
}

clv_status text_table_cell(text_table *table, const char *fmt, ...)
{
    char text[CELL_BYTES], safe[CELL_BYTES];
    va_list args;

    if (table->n_rows == 0 || table->next == table->n_columns)
        return CLV_EINVAL;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    shorten(clv_escape(safe, sizeof safe, text, false), table->columns[table->next].max_width);
    const char *copy = clv_arena_strndup(&table->memory, safe, strlen(safe));
    if (copy == NULL)
        return CLV_ENOMEM;
    table->cells[(table->n_rows - 1) * table->n_columns + table->next++] = copy;
    return CLV_OK;
}

/* No blanks at the end of a line. */
static void print_cell(FILE *out, const char *text, bool right, size_t width, bool last)
{
    int blanks = (int)(width - width_of(text));

    if (right)
        (void)fprintf(out, "%*s", blanks, "");
    (void)fputs(text, out);
    if (!right && !last)
        (void)fprintf(out, "%*s", blanks, "");
    (void)fputs(last ? "\n" : "  ", out);
}

static void print_row(FILE *out, const text_table *table, const char *const *cells,
                      const size_t *widths)
{
    for (unsigned c = 0; c < table->n_columns; c++)
        print_cell(out, cells[c], table->columns[c].right, widths[c], c + 1 == table->n_columns);
}

void text_table_print(const text_table *table, FILE *out)
{
    const char *titles[TEXT_TABLE_MAX_COLUMNS];
    size_t widths[TEXT_TABLE_MAX_COLUMNS];

    for (unsigned c = 0; c < table->n_columns; c++) {
        titles[c] = table->columns[c].title;
        widths[c] = width_of(titles[c]);
        for (size_t r = 0; r < table->n_rows; r++) {
            size_t n = width_of(table->cells[r * table->n_columns + c]);
            widths[c] = n > widths[c] ? n : widths[c];
        }
    }
    print_row(out, table, titles, widths);
    for (size_t r = 0; r < table->n_rows; r++)
        print_row(out, table, &table->cells[r * table->n_columns], widths);
}
