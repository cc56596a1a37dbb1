/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BENCH_REPORT_H
#define CLV_BENCH_REPORT_H

/** @file report.h: what every benchmark leaves: build/bench/NAME.json with the machine, the
 * command, the rows and the criteria, and one line a criterion on stdout. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct bench_report {
    json_t *root;
    json_t *rows;
    json_t *criteria;
    bool all_hold;
} bench_report;

/** @p command is what a stranger types to see the same. */
void bench_report_open(bench_report *report, const char *name, const char *command);

/** Take a row over. */
void bench_report_row(bench_report *report, json_t *row);

/** A figure and its goal: it holds when value <= goal. NAN: not measured, which doesn't hold. */
void bench_report_at_most(bench_report *report, const char *name, double value, double goal);

/** Print the criteria, write @p path, free. @return 0; 1 when it can't be written. */
int bench_report_close(bench_report *report, const char *path);

/** The median of @p n numbers, which are sorted in place. */
double bench_median(double *values, size_t n);

#endif
