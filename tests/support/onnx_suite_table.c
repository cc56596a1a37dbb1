/* SPDX-License-Identifier: Apache-2.0 */
#include "support/onnx_suite_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "onnx.pb-c.h"

#define MAX_MODEL_BYTES ((size_t)64 << 20)

/* The type of the model's last node, and how many nodes it has; 0 when it can't be read. */
static size_t read_last_operator(char *out, size_t cap, const char *folder, const char *name)
{
    char path[1200];
    clv_mapping file;
    clv_error err = CLV_ERROR_INIT;
    size_t n_nodes = 0;

    (void)snprintf(path, sizeof path, "%s/%s/model.onnx", folder, name);
    if (clv_mapping_open(&file, path, MAX_MODEL_BYTES, &err) != CLV_OK)
        return 0;
    Clv__Onnx__ModelProto *model =
        clv__onnx__model_proto__unpack(NULL, file.size, (const uint8_t *)file.data);
    clv_mapping_done(&file);
    if (model != NULL && model->graph != NULL && model->graph->n_node > 0) {
        const Clv__Onnx__NodeProto *last = model->graph->node[model->graph->n_node - 1];
        n_nodes = model->graph->n_node;
        (void)snprintf(out, cap, "%s", last->op_type ? last->op_type : "");
    }
    clv__onnx__model_proto__free_unpacked(model, NULL);
    return n_nodes;
}

static void find_operator(char *out, size_t cap, const char *folder, const char *name)
{
    char whole[256];
    const char *expanded = strstr(name, "_expanded");

    (void)snprintf(out, cap, "(unreadable)");
    if (expanded != NULL) {
        (void)snprintf(whole, sizeof whole, "%.*s", (int)(expanded - name), name);
        if (read_last_operator(out, cap, folder, whole) > 0)
            return;
    }
    (void)read_last_operator(out, cap, folder, name);
}

void suite_table_add(suite_table *table, const char *folder, const char *name,
                     const suite_result *result)
{
    char op[64];
    size_t i = 0;

    find_operator(op, sizeof op, folder, name);
    while (i < table->n_operators && strcmp(table->operators[i].name, op) != 0)
        i++;
    if (i == SUITE_MAX_OPERATORS)
        return;
    if (i == table->n_operators) {
        (void)snprintf(table->operators[i].name, sizeof table->operators[i].name, "%s", op);
        table->n_operators++;
    }
    table->operators[i].counts[result->outcome]++;
    table->counts[result->outcome]++;
    if (result->outcome == SUITE_UNSUPPORTED && table->n_unsupported < SUITE_MAX_UNSUPPORTED) {
        size_t n = table->n_unsupported++;
        (void)snprintf(table->unsupported[n].name, sizeof table->unsupported[n].name, "%s", name);
        (void)snprintf(table->unsupported[n].reason, sizeof table->unsupported[n].reason, "%s",
                       result->reason);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b); /* the name comes first */
}

char *suite_table_page(suite_table *table)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *page = open_memstream(&text, &bytes);
    if (page == NULL)
        return NULL;

    qsort(table->operators, table->n_operators, sizeof table->operators[0], by_name);
    (void)fprintf(
        page,
        "# ONNX's backend node tests, by operator\n\n"
        "Written by `test_onnx_node --update` (tests/conformance), which fails when this "
        "page isn't what it finds. Each case\nruns on `ref` and on `onednn` (falling back "
        "to `ref` node by node) and counts by what `ref` says; what passes on one\npasses "
        "on both. Tolerance: rtol 1e-3, atol 1e-7.\n\n"
        "%u passed, %u unsupported, %u failed of %u.\n\n"
        "| operator | passed | unsupported | failed |\n|---|---|---|---|\n",
        table->counts[0], table->counts[1], table->counts[2],
        table->counts[0] + table->counts[1] + table->counts[2]);
    for (size_t i = 0; i < table->n_operators; i++) {
        const unsigned *n = table->operators[i].counts;
        (void)fprintf(page, "| %s | %u | %u | %u |\n", table->operators[i].name, n[0], n[1], n[2]);
    }
    (void)fprintf(page, "\n## Not supported, and why\n\n| case | reason |\n|---|---|\n");
    for (size_t i = 0; i < table->n_unsupported; i++)
        (void)fprintf(page, "| %s | %s |\n", table->unsupported[i].name,
                      table->unsupported[i].reason);
    return fclose(page) == 0 ? text : NULL;
}
