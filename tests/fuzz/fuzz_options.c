/* SPDX-License-Identifier: Apache-2.0 */
/* The first line of the input is a command line, words split at blanks; the rest is the INI file.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define MAX_WORDS 32

typedef struct settings {
    const char *text;
    uint64_t number;
    double ratio;
    bool flag;
    clv_string_list list;
} settings;

static const clv_option options[] = {
    {"text", "a.text", CLV_OPTION_STRING, offsetof(settings, text), 0, 0, "T", "a text"},
    {"number", "a.number", CLV_OPTION_UINT, offsetof(settings, number), 1, 100, "N", "a number"},
    {"ratio", "b.ratio", CLV_OPTION_DOUBLE, offsetof(settings, ratio), 0, 0, "R", "a ratio"},
    {"flag", "b.flag", CLV_OPTION_FLAG, offsetof(settings, flag), 0, 0, NULL, "a flag"},
    {"list", "list", CLV_OPTION_LIST, offsetof(settings, list), 0, 0, "L", "a list"},
};

static const clv_option_set option_set = {
    .program = "fuzz",
    .positional = "WORD",
    .summary = "None.",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
};

static int split_words(char *line, char **argv)
{
    int argc = 1;
    char *rest = line;
    for (char *word; argc < MAX_WORDS && (word = strsep(&rest, " ")) != NULL;)
        argv[argc++] = word;
    return argc;
}

/* What was accepted is within its bounds, and every string is one. */
static void check(const clv_parsed *parsed, const settings *s)
{
    size_t total = s->text != NULL ? strlen(s->text) : 0;
    if (s->number < 1 || s->number > 100)
        abort();
    for (size_t i = 0; i < s->list.count; i++)
        total += strlen(s->list.items[i]);
    for (size_t i = 0; i < parsed->positional.count; i++)
        total += strlen(parsed->positional.items[i]);
    if (total > (size_t)1 << 24)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const uint8_t *newline = bytes > 0 ? memchr(data, '\n', bytes) : NULL;
    size_t n_line = newline ? (size_t)(newline - data) : bytes;
    size_t n_file = newline ? bytes - n_line - 1 : 0;
    char path[32], program[] = "fuzz", config[] = "--config";
    char *argv[MAX_WORDS + 2] = {program};
    settings s = {.number = 1};
    clv_error err = CLV_ERROR_INIT;
    clv_parsed parsed;

    int fd = memfd_create("ini", MFD_CLOEXEC);
    if (fd < 0 || (n_file > 0 && write(fd, newline + 1, n_file) != (ssize_t)n_file))
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    char *line = strndup((const char *)data, n_line);
    int argc = split_words(line, argv);
    argv[argc++] = config;
    argv[argc++] = path;

    clv_status status = clv_options_parse(&parsed, &s, &option_set, argc, argv, &err);
    if (status == CLV_OK)
        check(&parsed, &s);
    else if (err.code != status || err.message[0] == '\0')
        abort();
    clv_parsed_done(&parsed);
    free(line);
    (void)close(fd);
    return 0;
}
