/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX's backend node tests on every backend, against the committed table
 * tests/conformance/onnx_node_cases.txt: what passed there must pass, and nothing may fail. The
 * same by operator is the page docs/onnx-operators.md, which must be up to date.
 *
 *   test_onnx_node                   all backends against the table and the page
 *   test_onnx_node --only WORD [BACKEND]   print the outcome of the cases with WORD in their name
 *   test_onnx_node --update          write the table and the page anew, from ref */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/backend.h"
#include "support/onnx_suite.h"
#include "support/onnx_suite_table.h"

#define TABLE CLV_SOURCE_DIR "/tests/conformance/onnx_node_cases.txt"
#define PAGE CLV_SOURCE_DIR "/docs/onnx-operators.md"
#define MAX_TEXT ((size_t)1 << 20)
#define SKIPPED 77

static const char *const outcome_names[] = {"passed", "unsupported", "failed"};

static int is_case(const struct dirent *entry)
{
    return strncmp(entry->d_name, "test_", 5) == 0;
}

/* Whether the table says that the case passes. */
static bool passed_before(const char *table, const char *name)
{
    char line[300];
    (void)snprintf(line, sizeof line, "\n%s passed", name);
    return table != NULL && strstr(table, line) != NULL;
}

/* The text of a file behind a line end, which the first line then has before it as all others do;
 * NULL when it can't be read. */
static char *read_text(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return NULL;
    char *text = calloc(1, MAX_TEXT);
    if (text != NULL) {
        text[0] = '\n';
        (void)!fread(text + 1, 1, MAX_TEXT - 2, file);
    }
    (void)fclose(file);
    return text;
}

/* Whether docs/onnx-operators.md is what these outcomes make. */
static bool page_is_true(suite_table *by_operator)
{
    char *page = suite_table_page(by_operator), *written = read_text(PAGE);
    bool same = page != NULL && written != NULL && strcmp(page, written + 1) == 0;

    if (!same)
        (void)printf("docs/onnx-operators.md isn't what the suite says: run with --update\n");
    free(page);
    free(written);
    return same;
}

static bool write_page(suite_table *by_operator)
{
    char *page = suite_table_page(by_operator);
    FILE *file = fopen(PAGE, "w");
    bool good = page != NULL && file != NULL && fputs(page, file) >= 0;

    free(page);
    return file != NULL && fclose(file) == 0 && good;
}

static int run_all(struct dirent **cases, int n, const char *folder, const char *backend,
                   const char *table, FILE *update, suite_table *by_operator)
{
    unsigned counts[3] = {0}, with_constants = 0, bad = 0;

    for (int i = 0; i < n; i++) {
        suite_result r = suite_run(folder, cases[i]->d_name, backend);
        counts[r.outcome]++;
        if (by_operator != NULL)
            suite_table_add(by_operator, folder, cases[i]->d_name, &r);
        with_constants += r.outcome == SUITE_PASSED && r.constants > 0;
        if (update != NULL)
            (void)fprintf(update, "%s %s%s%s\n", cases[i]->d_name, outcome_names[r.outcome],
                          r.outcome == SUITE_PASSED ? "" : ": ", r.reason);
        bool worse = r.outcome != SUITE_PASSED && passed_before(table, cases[i]->d_name);
        if (r.outcome == SUITE_FAILED || worse) {
            (void)printf("%s on %s: %s: %s\n", cases[i]->d_name, backend, outcome_names[r.outcome],
                         r.reason);
            bad++;
        }
    }
    (void)printf(
        "%s: %u passed (%u of them with index inputs given at build time), %u unsupported, "
        "%u failed of %d cases\n",
        backend, counts[SUITE_PASSED], with_constants, counts[SUITE_UNSUPPORTED],
        counts[SUITE_FAILED], n);
    return bad > 0;
}

static void print_some(struct dirent **cases, int n, const char *folder, const char *word,
                       const char *backend)
{
    for (int i = 0; i < n; i++) {
        if (strstr(cases[i]->d_name, word) == NULL)
            continue;
        suite_result r = suite_run(folder, cases[i]->d_name, backend);
        (void)printf("%-60s %s%s%s\n", cases[i]->d_name, outcome_names[r.outcome],
                     r.reason[0] ? ": " : "", r.reason);
    }
}

static int update(struct dirent **cases, int n, const char *folder)
{
    static suite_table by_operator;
    FILE *table = fopen(TABLE, "w");
    if (table == NULL)
        return 1;
    int bad = run_all(cases, n, folder, "ref", NULL, table, &by_operator);
    return fclose(table) != 0 || !write_page(&by_operator) || bad;
}

static int compare(struct dirent **cases, int n, const char *folder)
{
    static suite_table by_operator;
    bool standard = getenv("CLEAVE_ONNX_NODE_TESTS") == NULL;
    char *table = read_text(TABLE);
    if (table == NULL) {
        (void)printf("%s cannot be read\n", TABLE);
        return 1;
    }
    int bad = run_all(cases, n, folder, "ref", table, NULL, &by_operator);
    if (clv_backend_onednn() != NULL)
        bad |= run_all(cases, n, folder, "onednn", table, NULL, NULL);
    free(table);
    return bad | (standard && !page_is_true(&by_operator));
}

/* What the command line asks for. @return the exit code. */
static int run_command(int argc, char **argv, struct dirent **cases, int n, const char *folder)
{
    if (argc > 2 && strcmp(argv[1], "--only") == 0) {
        print_some(cases, n, folder, argv[2], argc > 3 ? argv[3] : "ref");
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--update") == 0)
        return update(cases, n, folder);
    return compare(cases, n, folder);
}

int main(int argc, char **argv)
{
    struct dirent **cases;
    const char *folder = suite_folder();

    if (folder == NULL) {
        (void)printf("skipped: install libonnx-testdata\n");
        return SKIPPED;
    }
    int n = scandir(folder, &cases, is_case, alphasort);
    if (n <= 0)
        return 1;
    int code = run_command(argc, argv, cases, n, folder);
    for (int i = 0; i < n; i++)
        free(cases[i]);
    free(cases);
    return code;
}
