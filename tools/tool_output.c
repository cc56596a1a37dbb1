/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"
#include "tools/tool.h"

#define LINE_BYTES 8192u /* more than a path and an error's words; longer lines are cut */

CLV_PRINTF(2, 0) static void print_line(FILE *out, const char *fmt, va_list args)
{
    char line[LINE_BYTES], safe[LINE_BYTES];

    (void)vsnprintf(line, sizeof line, fmt, args);
    (void)fprintf(out, "%s\n", clv_escape(safe, sizeof safe, line, false));
}

void tool_line(FILE *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    print_line(out, fmt, args);
    va_end(args);
}

int tool_usage(const char *command, const char *fmt, ...)
{
    va_list args;
    (void)fprintf(stderr, "%s: ", command);
    va_start(args, fmt);
    print_line(stderr, fmt, args);
    va_end(args);
    tool_line(stderr, "Try '%s --help'.", command);
    return TOOL_USAGE;
}

int tool_fail(const char *command, const clv_error *err)
{
    const char *message = err->message[0] ? err->message : clv_status_text(err->code);

    if (strncmp(err->location, "--", 2) == 0)
        return tool_usage(command, "%s: %s", err->location, message);
    tool_line(stderr, "%s: %s%s%s", command, err->location, err->location[0] ? ": " : "", message);
    return TOOL_INPUT;
}

/* "MODEL is missing", and where it may have gone. */
static int missing_word(const clv_option_set *set)
{
    const clv_option *list = NULL;

    for (size_t i = 0; i < set->n_options && list == NULL; i++) {
        if (set->options[i].type == CLV_OPTION_LIST)
            list = &set->options[i];
    }
    if (list == NULL)
        return tool_usage(set->program, "%s is missing", set->positional);
    return tool_usage(set->program,
                      "%s is missing (it goes in front of --%s, which takes all words "
                      "behind it)",
                      set->positional, list->name);
}

bool tool_parse(clv_parsed *parsed, void *settings, const clv_option_set *set, size_t n_positional,
                int argc, char **argv, int *exit_out)
{
    if (!tool_parse_words(parsed, settings, set, n_positional, argc, argv, exit_out))
        return false;
    if (parsed->positional.count == n_positional)
        return true;
    *exit_out = tool_usage(set->program, "'%s' is one word too many",
                           parsed->positional.items[n_positional]);
    return false;
}

bool tool_parse_words(clv_parsed *parsed, void *settings, const clv_option_set *set, size_t n_least,
                      int argc, char **argv, int *exit_out)
{
    clv_error err = CLV_ERROR_INIT;

    if (clv_options_parse(parsed, settings, set, argc, argv, &err) != CLV_OK) {
        *exit_out = tool_usage(set->program, "%s%s%s", err.location, err.location[0] ? ": " : "",
                               err.message);
        return false;
    }
    *exit_out = TOOL_OK;
    if (parsed->help) {
        clv_options_print_help(stdout, set);
    } else if (parsed->version) {
        tool_line(stdout, "cleave %s", CLEAVE_VERSION);
    } else if (parsed->positional.count < n_least) {
        *exit_out = missing_word(set);
    } else {
        return true;
    }
    return false;
}

clv_status tool_check_output(const char *flag, const char *output, const char *const *inputs,
                             size_t n, clv_error *err)
{
    struct stat at, input;

    if (stat(output, &at) != 0)
        return CLV_OK; /* nothing there; writing will say what else is wrong */
    if (!S_ISREG(at.st_mode))
        return clv_fail(err, CLV_EINVAL, output, "is there and no regular file");
    for (size_t i = 0; i < n; i++) {
        if (inputs[i] != NULL && stat(inputs[i], &input) == 0 && at.st_dev == input.st_dev &&
            at.st_ino == input.st_ino)
            return clv_fail(err, CLV_EINVAL, flag, "%s would be overwritten", inputs[i]);
    }
    return CLV_OK;
}

clv_status tool_make_folders(const char *dir, clv_error *err)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/", dir);

    if (n < 0 || (size_t)n >= sizeof path)
        return clv_fail(err, CLV_ELIMIT, dir, "the path is too long");
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return clv_fail(err, CLV_EIO, path, "cannot be created: %s", strerror(errno));
        *slash = '/';
    }
    return CLV_OK;
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
