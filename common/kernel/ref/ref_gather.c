/* SPDX-License-Identifier: Apache-2.0 */
/* GatherElements, GatherND, ScatterElements, ScatterND, OneHot: one element or slice per index. */
#include <string.h>

#include "kernel/ref/ref_combine.h"
#include "kernel/ref/ref_kernels.h"

/* Index @p i of @p indices in [0, dim), or CLV_ESHAPE. */
static clv_status read_index(size_t *out, const clv_tensor *indices, size_t i, int64_t dim)
{
    int64_t index = clv_element_int(indices, i);
    if (index < -dim || index >= dim)
        return CLV_ESHAPE;
    *out = (size_t)(index < 0 ? index + dim : index);
    return CLV_OK;
}

/* The element of @p data that index @p i of @p indices, of the same rank, means along @p axis. */
static clv_status locate_element(size_t *out, const clv_tensor *indices, size_t i,
                                 const clv_shape *data, uint32_t axis)
{
    size_t rest = i, stride = 1, at = 0;

    for (uint32_t d = data->rank; d-- > 0;) {
        size_t dim = (size_t)indices->shape.dim[d], position = rest % dim;
        rest /= dim;
        if (d == axis)
            CLV_TRY(read_index(&position, indices, i, data->dim[d]));
        at += position * stride;
        stride *= (size_t)data->dim[d];
    }
    *out = at;
    return CLV_OK;
}

clv_status ref_gather_elements(const clv_graph *graph, const clv_node *node,
                               const clv_tensor *inputs, clv_tensor *outputs)
{
    const clv_shape *data = &inputs[0].shape;
    size_t size = clv_dtype_bytes(inputs[0].dtype), n = ref_elems(&inputs[1]), at;
    const char *src = inputs[0].data;
    char *dst = outputs[0].data;
    uint32_t axis;
    (void)graph;

    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", 0), data->rank, node, NULL));
    for (size_t i = 0; i < n; i++) {
        CLV_TRY(locate_element(&at, &inputs[1], i, data, axis));
        memcpy(dst + i * size, src + at * size, size);
    }
    return CLV_OK;
}

clv_status ref_scatter_elements(const clv_graph *graph, const clv_node *node,
                                const clv_tensor *inputs, clv_tensor *outputs)
{
    const clv_shape *data = &inputs[0].shape;
    size_t size = clv_dtype_bytes(inputs[0].dtype), n = ref_elems(&inputs[1]), at;
    ref_combine *combine =
        ref_combine_of(clv_node_attr_string(node, "reduction", "none"), inputs[0].dtype);
    const char *updates = inputs[2].data;
    char *dst = outputs[0].data;
    uint32_t axis;
    (void)graph;

    if (combine == NULL)
        return CLV_EUNSUPPORTED;
    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", 0), data->rank, node, NULL));
    if (dst != inputs[0].data)
        memcpy(dst, inputs[0].data, ref_bytes(&outputs[0]));
    for (size_t i = 0; i < n; i++) {
        CLV_TRY(locate_element(&at, &inputs[1], i, data, axis));
        combine(dst + at * size, updates + i * size, 1, size);
    }
    return CLV_OK;
}

/* Where the slice lies, in slices, that tuple @p i of @p indices [..., depth] means in the axes of
 * @p data from @p batch on. */
static clv_status locate_slice(size_t *out, const clv_tensor *indices, size_t i,
                               const clv_shape *data, uint32_t batch)
{
    size_t depth = (size_t)indices->shape.dim[indices->shape.rank - 1], at = 0;

    for (size_t d = 0; d < depth; d++) {
        int64_t dim = data->dim[batch + d];
        size_t position;
        CLV_TRY(read_index(&position, indices, i * depth + d, dim));
        at = at * (size_t)dim + position;
    }
    *out = at;
    return CLV_OK;
}

clv_status ref_gather_nd(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                         clv_tensor *outputs)
{
    const clv_shape *data = &inputs[0].shape, *indices = &inputs[1].shape;
    uint32_t batch = (uint32_t)clv_node_attr_int(node, "batch_dims", 0);
    uint32_t depth = (uint32_t)indices->dim[indices->rank - 1];
    size_t bytes = ref_extent(data, batch + depth, data->rank) * clv_dtype_bytes(inputs[0].dtype);
    size_t per_batch = ref_extent(indices, batch, indices->rank - 1);
    size_t slices = ref_extent(data, batch, batch + depth), n = ref_extent(data, 0, batch);
    const char *src = inputs[0].data;
    char *dst = outputs[0].data;
    (void)graph;

    for (size_t i = 0; i < n * per_batch; i++, dst += bytes) {
        size_t at;
        CLV_TRY(locate_slice(&at, &inputs[1], i, data, batch));
        memcpy(dst, src + (i / per_batch * slices + at) * bytes, bytes);
    }
    return CLV_OK;
}

clv_status ref_scatter_nd(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                          clv_tensor *outputs)
{
    const clv_shape *data = &inputs[0].shape, *indices = &inputs[1].shape;
    uint32_t depth = (uint32_t)indices->dim[indices->rank - 1];
    size_t size = clv_dtype_bytes(inputs[0].dtype), elems = ref_extent(data, depth, data->rank);
    size_t n = ref_extent(indices, 0, indices->rank - 1);
    ref_combine *combine =
        ref_combine_of(clv_node_attr_string(node, "reduction", "none"), inputs[0].dtype);
    const char *updates = inputs[2].data;
    char *dst = outputs[0].data;
    (void)graph;

    if (combine == NULL)
        return CLV_EUNSUPPORTED;
    if (dst != inputs[0].data)
        memcpy(dst, inputs[0].data, ref_bytes(&outputs[0]));
    for (size_t i = 0; i < n; i++) {
        size_t at;
        CLV_TRY(locate_slice(&at, &inputs[1], i, data, 0));
        combine(dst + at * elems * size, updates + i * elems * size, elems, size);
    }
    return CLV_OK;
}

/* Indices out of range are no error: their line is all off. */
clv_status ref_one_hot(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                       clv_tensor *outputs)
{
    const clv_shape *out = &outputs[0].shape;
    size_t size = clv_dtype_bytes(outputs[0].dtype);
    const char *off = inputs[2].data, *on = off + size;
    char *dst = outputs[0].data;
    uint32_t axis;
    (void)graph;

    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", -1), out->rank, node, NULL));
    int64_t depth = out->dim[axis];
    size_t outer = ref_extent(out, 0, axis), inner = ref_extent(out, axis + 1, out->rank);
    for (size_t row = 0; row < outer; row++) {
        for (int64_t d = 0; d < depth; d++) {
            for (size_t i = 0; i < inner; i++, dst += size) {
                int64_t index = clv_element_int(&inputs[0], row * inner + i);
                bool hit = index == d || (index >= -depth && index < 0 && index + depth == d);
                memcpy(dst, hit ? on : off, size);
            }
        }
    }
    return CLV_OK;
}
