/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CASE_FAMILIES_H
#define CLV_CASE_FAMILIES_H

/** @file case_families.h: the cases that every backend must get right. */

#include "support/case_node.h"

typedef struct case_family {
    const char *name;
    size_t count;
    /** Case @p i of count, built, with what is expected; always the same one. */
    node_case *(*make)(size_t i);
} case_family;

extern const case_family case_conv, case_pool, case_dense, case_unary, case_binary, case_norm,
    case_reduce, case_move, case_resize, case_slice, case_transposed, case_literal, case_network;

/** An activation with parameters that make a difference for inputs in [-2, 2). */
clv_fusion case_fusion(clv_activation activation);

#endif
