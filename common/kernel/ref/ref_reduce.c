/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/ref/ref_kernels.h"

/* Sum over the lines of @p reduced (a copy: it starts at its beginning), from @p data on. */
static double sum_over(ref_walk reduced, const float *data)
{
    size_t n = ref_walk_length(&reduced), lines = ref_walk_lines(&reduced);
    ptrdiff_t step = ref_walk_step(&reduced, 0);
    double sum = 0.0;

    for (size_t line = 0; line < lines; line++) {
        const float *from = data + reduced.offset[0];
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++)
            sum += (double)from[i * step];
        ref_walk_next(&reduced);
    }
    return sum;
}

clv_status ref_reduce_mean(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                           clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    ref_walk kept = {0}, reduced = {0};
    size_t count = 1;
    uint32_t mask;

    if (ref_elems(&inputs[0]) == 0)
        return CLV_ESHAPE; /* the mean of nothing */
    CLV_TRY(clv_reduce_axes_of(&mask, graph, node, NULL));
    for (uint32_t i = 0; i < shape->rank; i++) {
        bool is_reduced = (mask >> i & 1u) != 0;
        size_t dim = (size_t)shape->dim[i];
        ref_walk_add(is_reduced ? &reduced : &kept, dim,
                     (ptrdiff_t)ref_extent(shape, i + 1, shape->rank), 0);
        count *= is_reduced ? dim : 1;
    }
    size_t n = ref_walk_length(&kept), lines = ref_walk_lines(&kept);
    float *y = outputs[0].data;
    for (size_t line = 0; line < lines; line++) {
        const float *x = (const float *)inputs[0].data + kept.offset[0];
        for (size_t i = 0; i < n; i++, x += ref_walk_step(&kept, 0))
            *y++ = (float)(sum_over(reduced, x) / (double)count);
        ref_walk_next(&kept);
    }
    return CLV_OK;
}
