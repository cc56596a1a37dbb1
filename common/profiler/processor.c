/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/processor.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* "key : value\n" where the line has that key. */
static bool take_value(char *dst, size_t cap, const char *line, const char *key)
{
    size_t n = strlen(key);

    if (strncmp(line, key, n) != 0)
        return false;
    line += n + strspn(line + n, " \t");
    if (*line != ':')
        return false;
    line += 1 + strspn(line + 1, " \t");
    (void)snprintf(dst, cap, "%.*s", (int)strcspn(line, "\n"), line);
    return dst[0] != '\0';
}

/* The first line of /proc/cpuinfo with one of the keys. */
static bool find_value(char *dst, size_t cap, const char *const *keys, size_t n_keys)
{
    char line[512];
    bool found = false;
    FILE *file = fopen("/proc/cpuinfo", "re");

    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        for (size_t i = 0; i < n_keys && !found; i++)
            found = take_value(dst, cap, line, keys[i]);
    }
    (void)fclose(file);
    return found;
}

static void make_plain(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~')
            *text = '?';
    }
}

char *clv_processor_name(char *dst, size_t cap)
{
    static const char *const names[] = {"model name", "cpu model", "Processor"};
    static const char *const parts[] = {"CPU part", "uarch"};
    struct utsname system = {.machine = "unknown"};
    char part[64];

    if (!find_value(dst, cap, names, sizeof names / sizeof names[0])) {
        (void)uname(&system);
        bool known = find_value(part, sizeof part, parts, sizeof parts / sizeof parts[0]);
        (void)snprintf(dst, cap, "%s%s%s", system.machine, known ? ", part " : "",
                       known ? part : "");
    }
    make_plain(dst);
    return dst;
}
