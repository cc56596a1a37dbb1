/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/options.h"

#define WIDTH 100u
#define MAX_INDENT 30u /* a longer flag has its help on the next line */
#define MAX_FLAG 96u

/* Print @p text in lines of WIDTH, all but the first indented. @p column is where the cursor is. */
static void print_wrapped(FILE *out, const char *text, size_t column, size_t indent)
{
    bool at_start = true;

    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (!at_start && column + 1 + word > WIDTH) {
            (void)fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!at_start) {
            (void)fputc(' ', out);
            column++;
        }
        (void)fprintf(out, "%.*s", (int)word, text);
        column += word;
        at_start = false;
        text += word;
        text += strspn(text, " ");
    }
    (void)fputc('\n', out);
}

/* "--name VALUE"; a FLAG that a file may set can be cleared as well. */
static size_t format_flag(char dst[MAX_FLAG], const clv_option *option)
{
    const char *value = option->value ? option->value : "VALUE";
    int n = 0;

    if (option->type == CLV_OPTION_FLAG)
        n = snprintf(dst, MAX_FLAG, "--%s%s", option->ini ? "[no-]" : "", option->name);
    else if (option->type == CLV_OPTION_LIST)
        n = snprintf(dst, MAX_FLAG, "--%s %s...", option->name, value);
    else
        n = snprintf(dst, MAX_FLAG, "--%s %s", option->name, value);
    return n < 0 ? 0 : (size_t)n;
}

static void print_flag(FILE *out, const char *flag, const char *help, size_t indent)
{
    size_t column = 2 + strlen(flag);
    (void)fprintf(out, "  %s", flag);
    if (column + 2 > indent) {
        (void)fputc('\n', out);
        column = 0;
    }
    (void)fprintf(out, "%*s", (int)(indent - column), "");
    print_wrapped(out, help, indent, indent);
}

void clv_options_print_help(FILE *out, const clv_option_set *set)
{
    char flag[MAX_FLAG];
    size_t indent = 2 + strlen("--config FILE") + 2;
    bool has_ini = false;

    for (size_t i = 0; i < set->n_options; i++) {
        size_t wanted = 2 + format_flag(flag, &set->options[i]) + 2;
        if (wanted > indent && wanted <= MAX_INDENT)
            indent = wanted;
        has_ini |= set->options[i].ini != NULL;
    }
    (void)fprintf(out, "Usage: %s [FLAGS]%s%s\n\n", set->program, set->positional ? " " : "",
                  set->positional ? set->positional : "");
    print_wrapped(out, set->summary, 0, 0);
    (void)fprintf(out, "\nFlags:\n");
    for (size_t i = 0; i < set->n_options; i++) {
        (void)format_flag(flag, &set->options[i]);
        print_flag(out, flag, set->options[i].help, indent);
    }
    if (has_ini)
        print_flag(out, "--config FILE", "settings from an INI file; flags win over it", indent);
    print_flag(out, "-h, --help", "print this and exit", indent);
    print_flag(out, "--version", "print the version and exit", indent);
    if (set->epilogue != NULL)
        (void)fprintf(out, "\n%s%s", set->epilogue,
                      set->epilogue[strlen(set->epilogue) - 1] == '\n' ? "" : "\n");
}
