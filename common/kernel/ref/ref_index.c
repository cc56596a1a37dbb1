/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that pick and join elements along axes. Any type. */
#include <string.h>

#include "kernel/layout.h"
#include "kernel/ref/ref_kernels.h"

/* How far apart neighbours along each axis of a dense tensor are, in elements. */
static void dense_steps(ptrdiff_t *step, const clv_shape *shape)
{
    ptrdiff_t dense = 1;
    for (uint32_t i = shape->rank; i-- > 0;) {
        step[i] = dense;
        dense *= (ptrdiff_t)shape->dim[i];
    }
}

clv_status ref_transpose(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                         clv_tensor *outputs)
{
    const clv_attr *perm = clv_node_attr(node, "perm", CLV_ATTR_INTS);
    uint32_t rank = inputs[0].shape.rank;
    clv_layout plain = clv_layout_plain(), found = plain; /* of the output where the input lies */
    (void)graph;

    for (uint32_t i = 0; i < rank; i++)
        found.perm[perm ? perm->v.ints[i] : (int64_t)(rank - 1 - i)] = (uint8_t)i;
    clv_layout_reorder(outputs[0].data, &plain, inputs[0].data, &found, &outputs[0].shape,
                       clv_dtype_bytes(outputs[0].dtype));
    return CLV_OK;
}

clv_status ref_slice(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                     clv_tensor *outputs)
{
    const char *data = inputs[0].data;
    ptrdiff_t step[CLV_MAX_RANK], start = 0;
    clv_slice_params p;

    CLV_TRY(clv_slice_params_of(&p, graph, node, NULL));
    dense_steps(step, &inputs[0].shape);
    for (uint32_t i = 0; i < inputs[0].shape.rank; i++) {
        start += (ptrdiff_t)p.begin[i] * step[i];
        /* A step past the end may be as large as int64: with one element none is taken. */
        step[i] *= p.count[i] > 1 ? (ptrdiff_t)p.step[i] : 0;
    }
    ref_copy_strided(&outputs[0], data + start * (ptrdiff_t)clv_dtype_bytes(inputs[0].dtype), step);
    return CLV_OK;
}

/* Between one tensor and its parts along @p axis: @p parts follow one another in each of the outer
 * rows of @p whole. */
static void copy_parts(const clv_tensor *whole, const clv_tensor *parts, uint32_t n_parts,
                       uint32_t axis, bool to_whole)
{
    size_t outer = ref_extent(&whole->shape, 0, axis);
    char *at = whole->data;

    for (size_t row = 0; row < outer; row++) {
        for (uint32_t i = 0; i < n_parts; i++) {
            size_t bytes = ref_extent(&parts[i].shape, axis, parts[i].shape.rank) *
                           clv_dtype_bytes(whole->dtype);
            char *part = (char *)parts[i].data + row * bytes;
            memcpy(to_whole ? at : part, to_whole ? part : at, bytes);
            at += bytes;
        }
    }
}

clv_status ref_concat(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                      clv_tensor *outputs)
{
    uint32_t axis;
    (void)graph;
    CLV_TRY(
        clv_axis_of(&axis, clv_node_attr_int(node, "axis", 0), outputs[0].shape.rank, node, NULL));
    copy_parts(&outputs[0], inputs, node->n_inputs, axis, true);
    return CLV_OK;
}

clv_status ref_split(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                     clv_tensor *outputs)
{
    uint32_t axis;
    (void)graph;
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (outputs[i].dtype == CLV_NONE)
            return CLV_EUNSUPPORTED; /* absent: nobody says where the next one begins */
    }
    CLV_TRY(
        clv_axis_of(&axis, clv_node_attr_int(node, "axis", 0), inputs[0].shape.rank, node, NULL));
    copy_parts(&inputs[0], outputs, node->n_outputs, axis, false);
    return CLV_OK;
}

/* Index @p i of @p indices in [0, dim), or CLV_ESHAPE. */
static clv_status read_index(size_t *out, const clv_tensor *indices, size_t i, int64_t dim)
{
    int64_t index = indices->dtype == CLV_I64 ? ((const int64_t *)indices->data)[i]
                                              : ((const int32_t *)indices->data)[i];
    if (index < -dim || index >= dim)
        return CLV_ESHAPE;
    *out = (size_t)(index < 0 ? index + dim : index);
    return CLV_OK;
}

clv_status ref_gather(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                      clv_tensor *outputs)
{
    const clv_tensor *data = &inputs[0], *indices = &inputs[1];
    uint32_t axis, rank = data->shape.rank;
    (void)graph;

    if (indices->dtype != CLV_I64 && indices->dtype != CLV_I32)
        return CLV_EUNSUPPORTED;
    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", 0), rank, node, NULL));
    size_t outer = ref_extent(&data->shape, 0, axis), n = ref_elems(indices);
    size_t bytes = ref_extent(&data->shape, axis + 1, rank) * clv_dtype_bytes(data->dtype);
    size_t row_bytes = (size_t)data->shape.dim[axis] * bytes;
    const char *src = data->data;
    char *dst = outputs[0].data;

    for (size_t row = 0; row < outer; row++, src += row_bytes) {
        for (size_t i = 0; i < n; i++, dst += bytes) {
            size_t index;
            CLV_TRY(read_index(&index, indices, i, data->shape.dim[axis]));
            memcpy(dst, src + index * bytes, bytes);
        }
    }
    return CLV_OK;
}
