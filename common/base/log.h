/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_LOG_H
#define CLV_LOG_H

/** @file log.h: lines on stderr, as text or as JSON. Programs log; libraries only at debug level.
 *  Thread-safe: one line is one write. Never log a key, a nonce or a signature. */

#include <stdbool.h>
#include <stdint.h>

#include <cleave/status.h>

typedef enum clv_log_level {
    CLV_LOG_ERROR,
    CLV_LOG_WARN,
    CLV_LOG_INFO,
    CLV_LOG_DEBUG
} clv_log_level;

/** Most verbose level that is printed (default CLV_LOG_INFO) and the form of a line.
 *  Call before threads start. @p program is borrowed for ever (a string literal). */
void clv_log_setup(const char *program, clv_log_level level, bool as_json);

/** "error", "warn", "info", "debug" to a level. @return CLV_EINVAL for anything else. */
CLV_NODISCARD clv_status clv_log_level_parse(clv_log_level *out, const char *text);

/** One line. Control characters in the message are escaped, so that bytes from outside
 *  can't forge a line or drive a terminal. */
CLV_PRINTF(2, 3) void clv_log(clv_log_level level, const char *fmt, ...);

#define clv_log_error(...) clv_log(CLV_LOG_ERROR, __VA_ARGS__)
#define clv_log_warn(...) clv_log(CLV_LOG_WARN, __VA_ARGS__)
#define clv_log_info(...) clv_log(CLV_LOG_INFO, __VA_ARGS__)
#define clv_log_debug(...) clv_log(CLV_LOG_DEBUG, __VA_ARGS__)

#endif
