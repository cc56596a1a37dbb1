/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/ref/ref_axes.h"

ref_axes ref_axes_of(const clv_shape *shape, uint32_t mask)
{
    ref_axes axes = {.count = 1};

    for (uint32_t i = 0; i < shape->rank; i++) {
        bool reduced = (mask >> i & 1u) != 0;
        size_t dim = (size_t)shape->dim[i];
        ref_walk_add(reduced ? &axes.reduced : &axes.kept, dim,
                     (ptrdiff_t)ref_extent(shape, i + 1, shape->rank), 0);
        axes.count *= reduced ? dim : 1;
    }
    return axes;
}

ref_axis ref_axis_of(const clv_shape *shape, uint32_t axis)
{
    return (ref_axis){ref_extent(shape, 0, axis), (size_t)shape->dim[axis],
                      ref_extent(shape, axis + 1, shape->rank)};
}
