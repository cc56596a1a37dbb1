/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that put elements into another order, or repeat, crop and mask them. Any type. */
#include <string.h>

#include "kernel/ref/ref_kernels.h"

/* Fill what belongs to one position of the axes outside of @p axis: make one period of each axis,
 * then repeat it. @return the end of what was filled. */
static char *tile_axis(char *dst, const char *src, const clv_tensor *in, const clv_shape *out,
                       uint32_t axis)
{
    size_t size = clv_dtype_bytes(in->dtype);
    if (axis == out->rank) {
        memcpy(dst, src, size);
        return dst + size;
    }
    size_t inner = ref_extent(&in->shape, axis + 1, in->shape.rank) * size;
    char *end = dst;
    for (int64_t i = 0; i < in->shape.dim[axis]; i++)
        end = tile_axis(end, src + (size_t)i * inner, in, out, axis + 1);
    size_t period = (size_t)(end - dst);
    for (int64_t i = 1; i < out->dim[axis] / in->shape.dim[axis]; i++, end += period)
        memcpy(end, dst, period);
    return end;
}

clv_status ref_tile(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    (void)graph;
    (void)node;
    (void)tile_axis(outputs[0].data, inputs[0].data, &inputs[0], &outputs[0].shape, 0);
    return CLV_OK;
}

/* Column j of row i stays where j - i >= k (upper) or j - i <= k (lower). In place. */
clv_status ref_trilu(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                     clv_tensor *outputs)
{
    const clv_shape *shape = &outputs[0].shape;
    bool upper = clv_node_attr_int(node, "upper", 1) != 0;
    int64_t k = node->n_inputs > 1 && inputs[1].data != NULL ? clv_element_int(&inputs[1], 0) : 0;
    int64_t rows = shape->dim[shape->rank - 2], cols = shape->dim[shape->rank - 1];
    size_t size = clv_dtype_bytes(outputs[0].dtype);
    size_t lines = ref_extent(shape, 0, shape->rank - 1), line_bytes = (size_t)cols * size;
    char *dst = outputs[0].data;
    (void)graph;

    if (dst != inputs[0].data)
        memcpy(dst, inputs[0].data, ref_bytes(&outputs[0]));
    k = k < -rows ? -rows : k > cols ? cols : k; /* beyond, nothing changes */
    for (size_t line = 0; line < lines; line++, dst += line_bytes) {
        int64_t row = (int64_t)(line % (size_t)rows);
        int64_t edge = row + k + (upper ? 0 : 1); /* zeros lie before it, or from it on */
        edge = edge < 0 ? 0 : edge > cols ? cols : edge;
        if (upper)
            memset(dst, 0, (size_t)edge * size);
        else
            memset(dst + (size_t)edge * size, 0, (size_t)(cols - edge) * size);
    }
    return CLV_OK;
}

clv_status ref_reverse_sequence(const clv_graph *graph, const clv_node *node,
                                const clv_tensor *inputs, clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    bool batch_first = clv_node_attr_int(node, "batch_axis", 1) == 0;
    int64_t batches = shape->dim[batch_first ? 0 : 1], times = shape->dim[batch_first ? 1 : 0];
    size_t bytes = ref_extent(shape, 2, shape->rank) * clv_dtype_bytes(inputs[0].dtype);
    const char *src = inputs[0].data;
    char *dst = outputs[0].data;
    (void)graph;

    for (int64_t b = 0; b < batches; b++) {
        int64_t length = clv_element_int(&inputs[1], (size_t)b);
        if (length < 0 || length > times)
            return CLV_ESHAPE;
        for (int64_t t = 0; t < times; t++) {
            int64_t from = t < length ? length - 1 - t : t;
            int64_t to_at = batch_first ? b * times + t : t * batches + b;
            int64_t from_at = batch_first ? b * times + from : from * batches + b;
            memcpy(dst + (size_t)to_at * bytes, src + (size_t)from_at * bytes, bytes);
        }
    }
    return CLV_OK;
}

/* Fill @p out from the input seen as six axes, axis i of the output's being from[i] of those. */
static void permute_six(clv_tensor *out, const void *data, const int64_t *dim, const uint32_t *from)
{
    clv_tensor six = {out->dtype, {.rank = 6}, out->data};
    ptrdiff_t dense[6], step[6], n = 1;

    for (uint32_t i = 6; i-- > 0;) {
        dense[i] = n;
        n *= (ptrdiff_t)dim[i];
    }
    for (uint32_t i = 0; i < 6; i++) {
        six.shape.dim[i] = dim[from[i]];
        step[i] = dense[from[i]];
    }
    ref_copy_strided(&six, data, step);
}

clv_status ref_depth_to_space(const clv_graph *graph, const clv_node *node,
                              const clv_tensor *inputs, clv_tensor *outputs)
{
    const int64_t *in = inputs[0].shape.dim, *out = outputs[0].shape.dim;
    int64_t block = clv_node_attr_int(node, "blocksize", 1);
    bool crd = strcmp(clv_node_attr_string(node, "mode", "DCR"), "CRD") == 0;
    (void)graph;

    if (crd) {
        const int64_t dim[] = {in[0], out[1], block, block, in[2], in[3]};
        permute_six(&outputs[0], inputs[0].data, dim, (const uint32_t[]){0, 1, 4, 2, 5, 3});
    } else {
        const int64_t dim[] = {in[0], block, block, out[1], in[2], in[3]};
        permute_six(&outputs[0], inputs[0].data, dim, (const uint32_t[]){0, 3, 4, 1, 5, 2});
    }
    return CLV_OK;
}

clv_status ref_space_to_depth(const clv_graph *graph, const clv_node *node,
                              const clv_tensor *inputs, clv_tensor *outputs)
{
    const int64_t *in = inputs[0].shape.dim, *out = outputs[0].shape.dim;
    int64_t block = clv_node_attr_int(node, "blocksize", 1);
    const int64_t dim[] = {in[0], in[1], out[2], block, out[3], block};
    (void)graph;

    permute_six(&outputs[0], inputs[0].data, dim, (const uint32_t[]){0, 3, 5, 1, 2, 4});
    return CLV_OK;
}

/* Channels seen as [groups, c / groups], transposed. */
clv_status ref_channel_shuffle(const clv_graph *graph, const clv_node *node,
                               const clv_tensor *inputs, clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    int64_t groups = clv_node_attr_int(node, "groups", 1);
    size_t inner = ref_extent(shape, 2, shape->rank) * clv_dtype_bytes(inputs[0].dtype);
    size_t n = (size_t)groups, size = (size_t)(shape->dim[1] / groups);
    const char *src = inputs[0].data;
    char *dst = outputs[0].data;
    (void)graph;

    for (int64_t image = 0; image < shape->dim[0]; image++, src += n * size * inner) {
        for (size_t to = 0; to < n * size; to++, dst += inner)
            memcpy(dst, src + (to % n * size + to / n) * inner, inner);
    }
    return CLV_OK;
}

/* Copy the part that input and output share along @p axis and inside of it. */
static void copy_centre(char *dst, const char *src, const clv_tensor *in, const clv_shape *out,
                        uint32_t axis)
{
    size_t size = clv_dtype_bytes(in->dtype);
    if (axis == out->rank) {
        memcpy(dst, src, size);
        return;
    }
    int64_t n_in = in->shape.dim[axis], n_out = out->dim[axis];
    int64_t skip = n_in > n_out ? (n_in - n_out) / 2 : 0;
    int64_t pad = n_out > n_in ? (n_out - n_in) / 2 : 0;
    size_t in_bytes = ref_extent(&in->shape, axis + 1, in->shape.rank) * size;
    size_t out_bytes = ref_extent(out, axis + 1, out->rank) * size;
    for (int64_t i = 0; i < (n_in < n_out ? n_in : n_out); i++)
        copy_centre(dst + (size_t)(pad + i) * out_bytes, src + (size_t)(skip + i) * in_bytes, in,
                    out, axis + 1);
}

clv_status ref_center_crop_pad(const clv_graph *graph, const clv_node *node,
                               const clv_tensor *inputs, clv_tensor *outputs)
{
    (void)graph;
    (void)node;
    memset(outputs[0].data, 0, ref_bytes(&outputs[0]));
    if (ref_elems(&inputs[0]) > 0)
        copy_centre(outputs[0].data, inputs[0].data, &inputs[0], &outputs[0].shape, 0);
    return CLV_OK;
}
