/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/params_quantize.h"

#include "base/error.h"

static clv_status bad(clv_error *err, const clv_node *node, const char *what)
{
    char where[160];
    return clv_fail(err, CLV_ESHAPE, clv_node_describe(where, sizeof where, node), "%s", what);
}

static size_t extent(const clv_shape *shape, uint32_t from, uint32_t to)
{
    size_t n = 1;
    for (uint32_t i = from; i < to; i++)
        n *= (size_t)shape->dim[i];
    return n;
}

static bool is_single(const clv_shape *shape)
{
    size_t n;
    return clv_shape_elems(&n, shape) == CLV_OK && n == 1;
}

/* One scale for each block of elements along the axis. */
static clv_status read_blocks(clv_quantize_params *p, const clv_shape *x, const clv_shape *scale,
                              uint32_t axis, const clv_node *node, clv_error *err)
{
    int64_t block = clv_node_attr_int(node, "block_size", 0);
    int64_t blocks = scale->dim[axis];

    for (uint32_t i = 0; i < x->rank; i++) {
        if (i != axis && scale->dim[i] != x->dim[i])
            return bad(err, node, "the blocks' scale has another shape than the input");
    }
    if (blocks < 1 || block < 0 || block > x->dim[axis])
        return bad(err, node, "block_size is out of range");
    if (block == 0)
        block = (x->dim[axis] + blocks - 1) / blocks;
    if (block < 1 || (x->dim[axis] + block - 1) / block != blocks)
        return bad(err, node, "there must be one scale for each block");
    p->block = (size_t)block;
    p->step_inner = 1;
    p->step_axis = p->inner;
    p->step_outer = p->inner * (size_t)blocks;
    return CLV_OK;
}

clv_status clv_quantize_params_of(clv_quantize_params *out, const clv_graph *graph,
                                  const clv_node *node, clv_error *err)
{
    const clv_shape *x = &clv_node_input(graph, node, 0)->shape;
    const clv_shape *scale = &clv_node_input(graph, node, 1)->shape;
    const clv_tensor *zero = clv_node_input(graph, node, 2);
    clv_quantize_params p = {.outer = 1, .extent = 1, .inner = extent(x, 0, x->rank), .block = 1};
    uint32_t axis;

    if (zero != NULL && !clv_shape_equal(&zero->shape, scale) &&
        !(is_single(scale) && is_single(&zero->shape)))
        return bad(err, node, "scale and zero point have different shapes");
    if (is_single(scale)) {
        *out = p;
        return CLV_OK;
    }
    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", 1), x->rank, node, err));
    p.outer = extent(x, 0, axis);
    p.extent = (size_t)x->dim[axis];
    p.inner = extent(x, axis + 1, x->rank);
    p.step_axis = 1;
    if (scale->rank == x->rank && x->rank > 1)
        CLV_TRY(read_blocks(&p, x, scale, axis, node, err));
    else if (scale->rank != 1 || scale->dim[0] != x->dim[axis])
        return bad(err, node, "there must be one scale, or one for each element of the axis");
    *out = p;
    return CLV_OK;
}

clv_status clv_quantised_spread(clv_shape *out, const clv_shape *param, const clv_shape *data,
                                bool rows)
{
    clv_shape shape = *param;

    if (is_single(param)) {
        *out = (clv_shape){.rank = 0};
        return CLV_OK;
    }
    if (param->rank == 1 && rows)
        shape = (clv_shape){.rank = 2, .dim = {param->dim[0], 1}};
    if (shape.rank > data->rank || data->rank < 2)
        return CLV_ESHAPE;
    for (uint32_t i = 0; i < shape.rank; i++) {
        uint32_t from_end = shape.rank - i;
        bool summed = from_end == (rows ? 1 : 2);
        int64_t dim = shape.dim[i];
        if (dim != 1 && (summed || dim != data->dim[data->rank - from_end]))
            return CLV_ESHAPE;
    }
    *out = shape;
    return CLV_OK;
}
