/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/tool.h"

bool tool_parse(clv_parsed *parsed, void *settings, const clv_option_set *set, size_t n_positional,
                int argc, char **argv, int *exit_out)
{
    clv_error err = CLV_ERROR_INIT;

    if (clv_options_parse(parsed, settings, set, argc, argv, &err) != CLV_OK) {
        (void)fprintf(stderr, "%s: %s%s%s\nTry '%s --help'.\n", set->program, err.location,
                      err.location[0] ? ": " : "", err.message, set->program);
        *exit_out = TOOL_USAGE;
        return false;
    }
    if (parsed->help) {
        clv_options_print_help(stdout, set);
        *exit_out = TOOL_OK;
        return false;
    }
    if (parsed->version) {
        (void)printf("cleave %s\n", CLEAVE_VERSION);
        *exit_out = TOOL_OK;
        return false;
    }
    if (parsed->positional.count != n_positional) {
        *exit_out = tool_usage(set->program, "%s",
                               parsed->positional.count < n_positional ? "an argument is missing"
                                                                       : "too many arguments");
        return false;
    }
    return true;
}

int tool_fail(const char *command, const clv_error *err)
{
    (void)fprintf(stderr, "%s: %s%s%s\n", command, err->location, err->location[0] ? ": " : "",
                  err->message[0] ? err->message : clv_status_text(err->code));
    return TOOL_INPUT;
}

int tool_usage(const char *command, const char *fmt, ...)
{
    va_list args;
    (void)fprintf(stderr, "%s: ", command);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fprintf(stderr, "\nTry '%s --help'.\n", command);
    return TOOL_USAGE;
}

bool tool_shows_progress(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) != 0 && term != NULL && strcmp(term, "dumb") != 0;
}

void tool_progress(const char *what, size_t done, size_t total)
{
    if (!tool_shows_progress())
        return;
    if (total == 0)
        (void)fprintf(stderr, "\r\033[K");
    else
        (void)fprintf(stderr, "\r\033[K%s %zu/%zu", what, done, total);
    (void)fflush(stderr);
}
