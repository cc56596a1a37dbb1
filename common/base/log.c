/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/escape.h"

#define LINE_BYTES 2048

static const char *program_name = "cleave";
static clv_log_level max_level = CLV_LOG_INFO;
static bool json_lines;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void clv_log_setup(const char *program, clv_log_level level, bool as_json)
{
    program_name = program;
    max_level = level;
    json_lines = as_json;
}

clv_status clv_log_level_parse(clv_log_level *out, const char *text)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *out = (clv_log_level)i;
            return CLV_OK;
        }
    }
    return CLV_EINVAL;
}

void clv_log(clv_log_level level, const char *fmt, ...)
{
    if (level > max_level)
        return;

    char message[LINE_BYTES];
    char safe[LINE_BYTES];
    char stamp[32];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    (void)clv_escape(safe, sizeof safe, message, json_lines);

    uint64_t wall_us = clv_clock_wall_us();
    time_t seconds = (time_t)(wall_us / 1000000u);
    struct tm utc;
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    unsigned millis = (unsigned)(wall_us / 1000u % 1000u);

    if (json_lines)
        (void)fprintf(
            stderr,
            "{\"time\":\"%s.%03uZ\",\"level\":\"%s\",\"program\":\"%s\",\"message\":\"%s\"}\n",
            stamp, millis, level_names[level], program_name, safe);
    else
        (void)fprintf(stderr, "%s.%03uZ %-5s %s: %s\n", stamp, millis, level_names[level],
                      program_name, safe);
}
