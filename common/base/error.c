/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *clv_status_text(clv_status status)
{
    switch (status) {
#define CLV_STATUS_CASE(name, text)                                                                \
    case CLV_##name:                                                                               \
        return text;
        CLV_STATUS_LIST(CLV_STATUS_CASE)
#undef CLV_STATUS_CASE
    case CLV_STATUS_COUNT:
        break;
    }
    return "unknown status";
}

clv_status clv_fail(clv_error *err, clv_status code, const char *location, const char *fmt, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, fmt);
        err->code = code;
        (void)snprintf(err->location, sizeof err->location, "%s", location ? location : "");
        (void)vsnprintf(err->message, sizeof err->message, fmt, args);
        va_end(args);
    }
    return code;
}

/* At most the last @p max bytes: of a long path the file's name matters. */
static const char *tail_of(const char *text, size_t max)
{
    size_t n = strlen(text);
    return n > max ? text + n - max : text;
}

clv_status clv_error_prefix(clv_error *err, clv_status status, const char *location)
{
    if (err == NULL)
        return status;
    char inner[sizeof err->location];
    (void)snprintf(inner, sizeof inner, "%s", err->location);
    if (inner[0] == '\0')
        (void)snprintf(err->location, sizeof err->location, "%s", tail_of(location, 250));
    else
        (void)snprintf(err->location, sizeof err->location, "%s: %.100s", tail_of(location, 150),
                       inner);
    return status;
}
