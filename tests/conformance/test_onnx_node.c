/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX's backend node tests on every backend, against the committed table
 * tests/conformance/onnx_node_cases.txt: what passed there must pass, and nothing may fail.
 *
 *   test_onnx_node                   all backends against the table
 *   test_onnx_node --only WORD [BACKEND]   print the outcome of the cases with WORD in their name
 *   test_onnx_node --update          write the table anew, from ref */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/backend.h"
#include "support/onnx_suite.h"

#define TABLE CLV_SOURCE_DIR "/tests/conformance/onnx_node_cases.txt"
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

static char *read_table(void)
{
    FILE *file = fopen(TABLE, "r");
    if (file == NULL)
        return NULL;
    char *text = calloc(1, 1 << 20);
    if (text != NULL) {
        text[0] = '\n';
        (void)!fread(text + 1, 1, (1 << 20) - 2, file);
    }
    (void)fclose(file);
    return text;
}

static int run_all(struct dirent **cases, int n, const char *folder, const char *backend,
                   const char *table, FILE *update)
{
    unsigned counts[3] = {0}, with_constants = 0, bad = 0;

    for (int i = 0; i < n; i++) {
        suite_result r = suite_run(folder, cases[i]->d_name, backend);
        counts[r.outcome]++;
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

/* What the command line asks for. @return the exit code. */
static int run_command(int argc, char **argv, struct dirent **cases, int n, const char *folder)
{
    if (argc > 2 && strcmp(argv[1], "--only") == 0) {
        print_some(cases, n, folder, argv[2], argc > 3 ? argv[3] : "ref");
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--update") == 0) {
        FILE *update = fopen(TABLE, "w");
        return update == NULL || run_all(cases, n, folder, "ref", NULL, update) + fclose(update);
    }
    char *table = read_table();
    if (table == NULL) {
        (void)printf("%s cannot be read\n", TABLE);
        return 1;
    }
    int bad = run_all(cases, n, folder, "ref", table, NULL);
    if (clv_backend_onednn() != NULL)
        bad |= run_all(cases, n, folder, "onednn", table, NULL);
    free(table);
    return bad;
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
