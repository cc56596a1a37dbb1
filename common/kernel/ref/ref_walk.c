/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/ref/ref_kernels.h"
#include "kernel/strided.h"

void ref_walk_add(ref_walk *walk, size_t dim, ptrdiff_t step_a, ptrdiff_t step_b)
{
    if (dim == 1)
        return;
    if (walk->rank > 0) {
        uint32_t last = walk->rank - 1;
        ptrdiff_t n = (ptrdiff_t)dim;
        if (walk->step[last][0] == n * step_a && walk->step[last][1] == n * step_b) {
            walk->dim[last] *= dim;
            walk->step[last][0] = step_a;
            walk->step[last][1] = step_b;
            return;
        }
    }
    walk->dim[walk->rank] = dim;
    walk->step[walk->rank][0] = step_a;
    walk->step[walk->rank][1] = step_b;
    walk->rank++;
}

void ref_broadcast_steps(ptrdiff_t *step, const clv_shape *out, const clv_shape *in)
{
    ptrdiff_t dense = 1;

    for (uint32_t i = 0; i < out->rank; i++) {
        uint32_t axis = out->rank - 1 - i;
        int64_t dim = i < in->rank ? in->dim[in->rank - 1 - i] : 1;
        step[axis] = dim == 1 ? 0 : dense;
        dense *= (ptrdiff_t)dim;
    }
}

void ref_walk_broadcast(ref_walk *walk, const clv_shape *out, const clv_shape *a,
                        const clv_shape *b)
{
    ptrdiff_t step_a[CLV_MAX_RANK], step_b[CLV_MAX_RANK];

    ref_broadcast_steps(step_a, out, a);
    ref_broadcast_steps(step_b, out, b);
    *walk = (ref_walk){0};
    for (uint32_t i = 0; i < out->rank; i++)
        ref_walk_add(walk, (size_t)out->dim[i], step_a[i], step_b[i]);
}

size_t ref_walk_lines(const ref_walk *walk)
{
    size_t n = 1;
    for (uint32_t i = 0; i + 1 < walk->rank; i++)
        n *= walk->dim[i];
    return n;
}

size_t ref_walk_length(const ref_walk *walk)
{
    return walk->rank > 0 ? walk->dim[walk->rank - 1] : 1;
}

ptrdiff_t ref_walk_step(const ref_walk *walk, uint32_t source)
{
    return walk->rank > 0 ? walk->step[walk->rank - 1][source] : 0;
}

void ref_walk_next(ref_walk *walk)
{
    for (uint32_t i = walk->rank > 0 ? walk->rank - 1 : 0; i-- > 0;) {
        bool wraps = ++walk->index[i] == walk->dim[i];
        ptrdiff_t move = wraps ? 1 - (ptrdiff_t)walk->dim[i] : 1;
        walk->offset[0] += move * walk->step[i][0];
        walk->offset[1] += move * walk->step[i][1];
        if (!wraps)
            return;
        walk->index[i] = 0;
    }
}

void ref_copy_strided(clv_tensor *out, const char *data, const ptrdiff_t *step)
{
    size_t elem_bytes = clv_dtype_bytes(out->dtype);
    char *dst = out->data;
    ref_walk walk = {0};

    for (uint32_t i = 0; i < out->shape.rank; i++)
        ref_walk_add(&walk, (size_t)out->shape.dim[i], step[i], 0);
    size_t n = ref_walk_length(&walk), lines = ref_walk_lines(&walk);
    for (size_t line = 0; line < lines; line++) {
        clv_strided_copy(dst + line * n * elem_bytes, 1,
                         data + walk.offset[0] * (ptrdiff_t)elem_bytes, ref_walk_step(&walk, 0), n,
                         elem_bytes);
        ref_walk_next(&walk);
    }
}
