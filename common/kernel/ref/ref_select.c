/* SPDX-License-Identifier: Apache-2.0 */
/* Compress and NonZero, whose output is as long as the data makes it (ref_kernels.h). */
#include <string.h>

#include "kernel/ref/ref_kernels.h"
#include "kernel/ref/ref_number.h"

/* Copy the slices along the axis that the condition names, closing the gaps. */
clv_status ref_compress(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                        clv_tensor *outputs)
{
    const clv_attr *along = clv_node_attr(node, "axis", CLV_ATTR_INT);
    const uint8_t *condition = inputs[1].data;
    clv_shape shape = inputs[0].shape;
    uint32_t axis = 0;
    (void)graph;

    if (along != NULL)
        CLV_TRY(clv_axis_of(&axis, along->v.i, shape.rank, node, NULL));
    else
        shape = (clv_shape){.rank = 1, .dim = {(int64_t)ref_elems(&inputs[0])}};
    size_t outer = ref_extent(&shape, 0, axis), n = (size_t)inputs[1].shape.dim[0];
    size_t bytes = ref_extent(&shape, axis + 1, shape.rank) * clv_dtype_bytes(inputs[0].dtype);
    size_t dim = (size_t)shape.dim[axis], kept = 0;
    const char *src = inputs[0].data;
    char *dst = outputs[0].data;

    for (size_t i = 0; i < n; i++) {
        if (condition[i] != 0 && i >= dim)
            return CLV_ESHAPE;
        kept += condition[i] != 0;
    }
    for (size_t row = 0; row < outer; row++, src += dim * bytes) {
        for (size_t i = 0; i < n; i++) {
            if (condition[i] == 0)
                continue;
            memcpy(dst, src + i * bytes, bytes);
            dst += bytes;
        }
    }
    outputs[0].shape.dim[axis] = (int64_t)kept;
    return CLV_OK;
}

static bool is_zero(const clv_tensor *x, size_t i)
{
    ref_number number = ref_number_load(x->data, x->dtype, i);
    return number.kind == REF_FLOATING ? number.f == 0 : number.bits == 0;
}

/* Row d holds the position along axis d of each element that isn't zero. */
clv_status ref_non_zero(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                        clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    size_t elems = ref_elems(&inputs[0]), n = 0, at = 0;
    int64_t *dst = outputs[0].data;
    (void)graph;
    (void)node;

    for (size_t i = 0; i < elems; i++)
        n += !is_zero(&inputs[0], i);
    for (size_t i = 0; i < elems; i++) {
        if (is_zero(&inputs[0], i))
            continue;
        size_t rest = i;
        for (uint32_t d = shape->rank; d-- > 0; rest /= (size_t)shape->dim[d])
            dst[d * n + at] = (int64_t)(rest % (size_t)shape->dim[d]);
        if (shape->rank == 0)
            dst[at] = 0;
        at++;
    }
    outputs[0].shape.dim[1] = (int64_t)n;
    return CLV_OK;
}
