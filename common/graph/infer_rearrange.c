/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of operators that put elements into another order, or repeat, crop and mask them. */
#include <string.h>

#include "graph/infer_rules.h"

static const clv_tensor *first(const clv_graph *graph, const clv_node *node)
{
    return clv_node_input(graph, node, 0);
}

clv_status infer_tile(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_shape shape = first(graph, node)->shape;
    int64_t repeats[CLV_MAX_RANK];
    uint32_t n;

    CLV_TRY(clv_infer_ints(repeats, &n, graph, node, 1, err));
    if (n != shape.rank)
        return clv_infer_fail(err, node, CLV_ESHAPE, "there must be one repeat for each axis");
    for (uint32_t i = 0; i < n; i++) {
        if (repeats[i] < 0 || __builtin_mul_overflow(shape.dim[i], repeats[i], &shape.dim[i]))
            return clv_infer_fail(err, node, CLV_ESHAPE, "a repeat is out of range");
    }
    return clv_infer_set(graph, node, 0, first(graph, node)->dtype, &shape, err);
}

clv_status infer_trilu(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = first(graph, node), *k = clv_node_input(graph, node, 1);
    size_t n;

    if (x->shape.rank < 2)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the input is no matrix");
    if (k != NULL && (k->dtype != CLV_I64 || clv_shape_elems(&n, &k->shape) != CLV_OK || n != 1))
        return clv_infer_fail(err, node, CLV_EFORMAT, "the diagonal is not one int64");
    return clv_infer_set(graph, node, 0, x->dtype, &x->shape, err);
}

clv_status infer_reverse_sequence(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = first(graph, node), *lengths = clv_node_input(graph, node, 1);
    int64_t batch = clv_node_attr_int(node, "batch_axis", 1);
    int64_t time = clv_node_attr_int(node, "time_axis", 0);

    if (x->shape.rank < 2 || batch < 0 || batch > 1 || time != 1 - batch)
        return clv_infer_fail(err, node, CLV_ESHAPE, "batch and time must be the first two axes");
    if (lengths->dtype != CLV_I64 || lengths->shape.rank != 1 ||
        lengths->shape.dim[0] != x->shape.dim[batch])
        return clv_infer_fail(err, node, CLV_ESHAPE, "there must be one int64 length per sequence");
    return clv_infer_set(graph, node, 0, x->dtype, &x->shape, err);
}

static clv_status read_block(int64_t *out, const clv_graph *graph, const clv_node *node,
                             clv_error *err)
{
    int64_t block = clv_node_attr_int(node, "blocksize", 0);

    if (first(graph, node)->shape.rank != 4)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the input must have 4 dimensions");
    if (block < 1 || block > INT16_MAX)
        return clv_infer_fail(err, node, CLV_EFORMAT, "the block size is missing or out of range");
    *out = block;
    return CLV_OK;
}

clv_status infer_depth_to_space(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_shape shape = first(graph, node)->shape;
    const char *mode = clv_node_attr_string(node, "mode", "DCR");
    int64_t block;

    CLV_TRY(read_block(&block, graph, node, err));
    if (strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "that mode is not supported");
    if (shape.dim[1] % (block * block) != 0)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the channels don't make whole blocks");
    shape.dim[1] /= block * block;
    if (__builtin_mul_overflow(shape.dim[2], block, &shape.dim[2]) ||
        __builtin_mul_overflow(shape.dim[3], block, &shape.dim[3]))
        return clv_infer_fail(err, node, CLV_ELIMIT, "the output would be too large");
    return clv_infer_set(graph, node, 0, first(graph, node)->dtype, &shape, err);
}

clv_status infer_space_to_depth(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_shape shape = first(graph, node)->shape;
    int64_t block;

    CLV_TRY(read_block(&block, graph, node, err));
    if (shape.dim[2] % block != 0 || shape.dim[3] % block != 0)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the picture doesn't make whole blocks");
    shape.dim[2] /= block;
    shape.dim[3] /= block;
    if (__builtin_mul_overflow(shape.dim[1], block * block, &shape.dim[1]))
        return clv_infer_fail(err, node, CLV_ELIMIT, "the output would be too large");
    return clv_infer_set(graph, node, 0, first(graph, node)->dtype, &shape, err);
}

clv_status infer_channel_shuffle(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = first(graph, node);
    int64_t groups = clv_node_attr_int(node, "groups", 0);

    if (x->shape.rank < 2 || groups < 1 || x->shape.dim[1] % groups != 0)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the groups don't divide the channels");
    return clv_infer_set(graph, node, 0, x->dtype, &x->shape, err);
}

/* The shape input has one extent for each of the axes (all of them where none is named). */
clv_status infer_center_crop_pad(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_attr *axes = clv_node_attr(node, "axes", CLV_ATTR_INTS);
    clv_shape shape = first(graph, node)->shape;
    int64_t extents[CLV_MAX_RANK];
    uint32_t n;

    CLV_TRY(clv_infer_ints(extents, &n, graph, node, 1, err));
    if (n != (axes != NULL ? axes->count : shape.rank))
        return clv_infer_fail(err, node, CLV_ESHAPE, "there must be one extent for each axis");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t axis = 0;
        CLV_TRY(clv_axis_of(&axis, axes != NULL ? axes->v.ints[i] : i, shape.rank, node, err));
        if (extents[i] < 0)
            return clv_infer_fail(err, node, CLV_ESHAPE, "an extent is negative");
        shape.dim[axis] = extents[i];
    }
    return clv_infer_set(graph, node, 0, first(graph, node)->dtype, &shape, err);
}
