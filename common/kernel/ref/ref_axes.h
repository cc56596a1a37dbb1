/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_REF_AXES_H
#define CLV_REF_AXES_H

/** @file ref_axes.h: a tensor's axes, parted in those that something works along, and the others.
 */

#include "kernel/ref/ref_kernels.h"

/** An element lies at kept.offset[0] + reduced.offset[0], plus what the lines add to them. */
typedef struct ref_axes {
    ref_walk kept, reduced;
    size_t count; /**< elements along all reduced axes */
} ref_axes;

/** @param mask  A bit for each axis that is reduced. */
ref_axes ref_axes_of(const clv_shape *shape, uint32_t mask);

/** One axis: elements [i, j, k] of [outer, n, inner]. */
typedef struct ref_axis {
    size_t outer, n, inner;
} ref_axis;

ref_axis ref_axis_of(const clv_shape *shape, uint32_t axis);

#endif
