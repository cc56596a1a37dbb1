/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PASS_CASE_H
#define CLV_PASS_CASE_H

/** @file pass_case.h: a graph before the passes and after them, by its operators and its numbers.
 */

#include "support/graph_builder.h"

typedef struct pass_case {
    const char *nodes;   /**< gb_lines(); "x" is the graph's one input */
    const char *after;   /**< gb_describe() of what the passes leave; NULL: nothing is done to it */
    const char *outputs; /**< with blanks between them; NULL: "y" */
} pass_case;

typedef struct pass_family {
    gb_dims input;
    void (*constants)(clv_graph *graph); /**< adds what the nodes name; NULL: nothing */
    const char *without;                 /**< a pass to leave out, or NULL */
} pass_family;

/** Build each case twice. Without any pass it is what its text says (constants are folded), with
 *  them @p after; names and numbers of all outputs are the same up to rounding, on the reference
 *  backend. Fails the test otherwise. */
void pass_check(const pass_family *family, const pass_case *cases, size_t n);

#endif
