/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ATTR_H
#define CLV_ATTR_H

/** @file attr.h: attributes of nodes: copying. Reading them is in graph.h. */

#include "graph/graph.h"

/** A deep copy in @p arena. NULL when out of memory; not NULL for n_attrs 0. */
clv_attr *clv_attrs_copy(clv_arena *arena, const clv_attr *attrs, uint32_t n_attrs);

#endif
