/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TEXT_TABLE_H
#define CLV_TEXT_TABLE_H

/** @file text_table.h: tables on a terminal or in a pipe: columns as wide as their cells, numbers
 *  to the right, long names cut in the middle, control characters escaped. A character of UTF-8
 *  is taken to be one column wide. */

#include <stdbool.h>
#include <stdio.h>

#include <cleave/status.h>

#define TEXT_TABLE_MAX_COLUMNS 16u

typedef struct text_table text_table;

typedef struct text_column {
    const char *title;
    bool right;         /* numbers */
    unsigned max_width; /* 0: any */
} text_column;

/** @p columns is borrowed. */
CLV_NODISCARD clv_status text_table_create(text_table **out, const text_column *columns,
                                           unsigned n_columns);
void text_table_free(text_table *table);

/** Start a row, then give its cells from left to right. Missing ones are empty, of long ones the
 *  first 511 bytes count.
 *  @return CLV_OK; CLV_ENOMEM; CLV_EINVAL for a cell without a row or column. */
CLV_NODISCARD clv_status text_table_row(text_table *table);
CLV_PRINTF(2, 3) CLV_NODISCARD clv_status text_table_cell(text_table *table, const char *fmt, ...);

void text_table_print(const text_table *table, FILE *out);

#endif
