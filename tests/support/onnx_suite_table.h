/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ONNX_SUITE_TABLE_H
#define CLV_ONNX_SUITE_TABLE_H

/** @file onnx_suite_table.h: outcomes of the ONNX node suite counted by operator, as the page
 *  docs/onnx-operators.md has them. */

#include <stddef.h>

#include "support/onnx_suite.h"

#define SUITE_MAX_OPERATORS 512u
#define SUITE_MAX_UNSUPPORTED 512u

/** All zero is an empty table. */
typedef struct suite_table {
    struct {
        char name[64];
        unsigned counts[3]; /**< by suite_outcome */
    } operators[SUITE_MAX_OPERATORS];
    size_t n_operators;
    struct {
        char name[96];
        char reason[256];
    } unsupported[SUITE_MAX_UNSUPPORTED];
    size_t n_unsupported;
    unsigned counts[3];
} suite_table;

/** Count the case FOLDER/NAME under the operator that it is about: its model's only node, or that
 *  of the case that it is the expansion of, or the last node's. */
void suite_table_add(suite_table *table, const char *folder, const char *name,
                     const suite_result *result);

/** The page, as Markdown; the caller frees it. NULL: no memory. */
char *suite_table_page(suite_table *table);

#endif
