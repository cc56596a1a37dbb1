/* SPDX-License-Identifier: Apache-2.0 */
/* Each public header compiles alone, whatever was included before, in every language that a
 * program may be written in; and all of them are in cleave.h. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER CLV_SOURCE_DIR "/include/cleave"
#define FLAGS "-pedantic -Wall -Wextra -Wundef -Werror -fsyntax-only"
#define SKIP 77

/* Compile @p text alone, as C or C++ of @p standard. */
static bool compiles(const char *standard, const char *text)
{
    char command[512];
    bool cxx = strstr(standard, "++") != NULL;
    (void)snprintf(command, sizeof command, "%s -std=%s " FLAGS " -I'%s' -x %s -",
                   cxx ? "c++" : "cc -Wstrict-prototypes", standard, CLV_SOURCE_DIR "/include",
                   cxx ? "c++" : "c");
    FILE *compiler = popen(command, "w");
    assert_non_null(compiler);
    (void)fputs(text, compiler);
    return pclose(compiler) == 0;
}

/* Call @p check for each header. @return how many there are. */
static int for_each_header(void (*check)(const char *name))
{
    DIR *dir = opendir(FOLDER);
    int n = 0;

    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot != NULL && strcmp(dot, ".h") == 0) {
            check(entry->d_name);
            n++;
        }
    }
    (void)closedir(dir);
    return n;
}

static void check_compiles_alone(const char *name)
{
    static const char *const standards[] = {"c11", "c17", "c2x", "c++17"};
    char text[1024];

    /* Twice: the guards hold. A language that has no compiler here is passed over. */
    (void)snprintf(text, sizeof text, "#include <cleave/%s>\n#include <cleave/%s>\nint x;\n", name,
                   name);
    for (size_t i = 0; i < sizeof standards / sizeof standards[0]; i++) {
        if (!compiles(standards[i], text) && compiles(standards[i], "int x;\n"))
            fail_msg("<cleave/%s> doesn't compile alone as %s", name, standards[i]);
    }
}

static void check_is_included(const char *name)
{
    char text[256];
    const char *guard = "#include <cleave/cleave.h>\n#ifndef CLEAVE_";
    size_t n = (size_t)snprintf(text, sizeof text, "%s", guard);

    for (const char *c = name; *c != '\0' && n + 2 < sizeof text; c++)
        text[n++] = (char)(*c == '.' ? '_' : *c - 'a' + 'A');
    (void)snprintf(text + n, sizeof text - n, "\n#error missing\n#endif\nint x;\n");
    if (!compiles("c17", text))
        fail_msg("<cleave/cleave.h> doesn't include <cleave/%s>", name);
}

static void test_public_headers__compile_alone(void **state)
{
    (void)state;
    assert_true(for_each_header(check_compiles_alone) >= 4);
}

static void test_public_headers__are_all_in_cleave_h(void **state)
{
    (void)state;
    assert_true(for_each_header(check_is_included) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public_headers__compile_alone),
        cmocka_unit_test(test_public_headers__are_all_in_cleave_h),
    };
    if (!compiles("c17", "int x;\n")) {
        (void)puts("skipped: there is no C compiler called cc");
        return SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
