/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CASE_LITERAL_H
#define CLV_CASE_LITERAL_H

/** @file case_literal.h: cases written as text.
 *
 *  A tensor is "<type> <shape>: <values>", a shape "2x3" ("1" and "" for vector and scalar of one
 *  element). Types: f float32, i int64, w int32, c int8, u uint8, b bool; a capital letter is a
 *  constant of the graph, "-" an absent input. Attributes: "axis=1" (int), "perm=1,0" (ints),
 *  "alpha~0.5" (float; a list where its name begins with "activation"), "mode:edge" (string). */

#include "support/case_node.h"

#define LITERAL_MAX_ATTRS 6u

typedef struct literal {
    clv_op op;
    const char *name;
    const char *inputs[CASE_MAX_INPUTS];
    const char *attrs[LITERAL_MAX_ATTRS];
    const char *outputs[3];
} literal;

/** Line @p i of some table as a case. */
node_case *literal_make(const literal *line, size_t i);

/** What inference says of @p line; of its outputs only the number matters. */
clv_status literal_infer(const literal *line, clv_error *err);

#endif
