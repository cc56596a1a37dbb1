/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* The first "model name" of /proc/cpuinfo. */
static void cpu_name(char *dst, size_t cap)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");

    (void)snprintf(dst, cap, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL)
            continue;
        line[strcspn(line, "\n")] = '\0';
        (void)snprintf(dst, cap, "%s", colon + 2);
        break;
    }
    if (file != NULL)
        (void)fclose(file);
}

static json_t *machine(void)
{
    char cpu[256], date[32];
    struct utsname system;
    struct sysinfo memory;
    time_t now = time(NULL);
    struct tm utc;

    cpu_name(cpu, sizeof cpu);
    (void)uname(&system);
    (void)sysinfo(&memory);
    (void)gmtime_r(&now, &utc);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_pack("{s:s, s:i, s:I, s:s, s:s}", "cpu", cpu, "cores",
                     (int)sysconf(_SC_NPROCESSORS_ONLN), "memory_bytes",
                     (json_int_t)memory.totalram * memory.mem_unit, "kernel", system.release,
                     "date", date);
}

void bench_report_open(bench_report *report, const char *name, const char *command)
{
    report->rows = json_array();
    report->criteria = json_array();
    report->all_hold = true;
    report->root =
        json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", name, "command", command, "machine",
                  machine(), "rows", report->rows, "criteria", report->criteria);
}

void bench_report_row(bench_report *report, json_t *row)
{
    (void)json_array_append_new(report->rows, row);
}

void bench_report_at_most(bench_report *report, const char *name, double value, double goal)
{
    bool measured = isfinite(value) != 0, holds = measured && value <= goal;

    report->all_hold = report->all_hold && holds;
    (void)json_array_append_new(report->criteria,
                                json_pack("{s:s, s:o, s:f, s:b}", "name", name, "value",
                                          measured ? json_real(value) : json_null(), "goal", goal,
                                          "holds", holds));
}

int bench_report_close(bench_report *report, const char *path)
{
    json_t *item;
    size_t i;

    json_array_foreach(report->criteria, i, item)
    {
        const json_t *value = json_object_get(item, "value");
        char text[32] = "not measured";
        if (json_is_real(value))
            (void)snprintf(text, sizeof text, "%.3f", json_real_value(value));
        (void)printf("%-4s %-60s %s (goal: at most %.3g)\n",
                     json_is_true(json_object_get(item, "holds")) ? "good" : "MISS",
                     json_string_value(json_object_get(item, "name")), text,
                     json_real_value(json_object_get(item, "goal")));
    }
    int failed = json_dump_file(report->root, path, JSON_INDENT(1));
    if (failed != 0)
        (void)fprintf(stderr, "bench: %s cannot be written\n", path);
    else
        (void)printf("%s\n", path);
    json_decref(report->root);
    return failed != 0;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, size_t n)
{
    if (n == 0)
        return NAN;
    qsort(values, n, sizeof *values, ascending);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2.0;
}
