/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of operators that pick or move elements: axes, slices, padding. */
#include "base/error.h"
#include "graph/params.h"

/* Slices that mean "to the end" use INT64_MAX; pads beyond this are no network. */
#define MAX_PAD ((int64_t)1 << 31)

static clv_status bad(clv_error *err, const clv_node *node, clv_status code, const char *what)
{
    char where[160];
    return clv_fail(err, code, clv_node_describe(where, sizeof where, node), "%s", what);
}

clv_status clv_axis_of(uint32_t *out, int64_t axis, uint32_t rank, const clv_node *node,
                       clv_error *err)
{
    if (axis < -(int64_t)rank || axis >= (int64_t)rank)
        return bad(err, node, CLV_ESHAPE, "an axis is out of range");
    *out = (uint32_t)(axis < 0 ? axis + rank : axis);
    return CLV_OK;
}

/* The integers of constant input @p i, at most CLV_MAX_RANK of them; n_out 0 where absent. */
static clv_status read_input(int64_t *out, uint32_t *n_out, uint32_t cap, const clv_graph *graph,
                             const clv_node *node, uint32_t i, clv_error *err)
{
    const clv_tensor *tensor = clv_node_input(graph, node, i);
    *n_out = 0;
    if (tensor == NULL)
        return CLV_OK;
    clv_status status = clv_tensor_read_ints(out, n_out, cap, tensor);
    if (status == CLV_EUNSUPPORTED)
        return bad(err, node, status, "an input that gives indices or axes must be constant");
    if (status != CLV_OK)
        return bad(err, node, status, "an input that gives indices or axes is too long, or no int");
    return CLV_OK;
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* One axis of a slice, as the ONNX specification clamps it. */
static void resolve_slice(clv_slice_params *p, uint32_t axis, int64_t dim, int64_t start,
                          int64_t end, int64_t step)
{
    /* Counted from both ends, or backwards: a longer axis may leave fewer elements. */
    bool grows = step > 0 && (start >= 0 || end < 0);

    start = start < 0 ? (start < -dim ? -1 : start + dim) : start; /* never wraps */
    end = end < 0 ? (end < -dim ? -1 : end + dim) : end;
    if (step > 0) {
        start = clamp(start, 0, dim);
        end = clamp(end, 0, dim);
        p->count[axis] = end > start ? (end - start - 1) / step + 1 : 0;
    } else {
        start = clamp(start, 0, dim - 1);
        end = clamp(end, -1, dim - 1);
        p->count[axis] = start > end ? (start - end - 1) / -step + 1 : 0;
    }
    if (dim == 0)
        p->count[axis] = 0;
    p->most[axis] = grows || dim == 0 ? p->count[axis] : (dim - 1) / (step > 0 ? step : -step) + 1;
    p->begin[axis] = start;
    p->step[axis] = step;
}

clv_status clv_slice_params_of(clv_slice_params *out, const clv_graph *graph, const clv_node *node,
                               clv_error *err)
{
    const clv_shape *shape = &clv_node_input(graph, node, 0)->shape;
    int64_t starts[CLV_MAX_RANK], ends[CLV_MAX_RANK], axes[CLV_MAX_RANK], steps[CLV_MAX_RANK];
    uint32_t n, n_ends, n_axes, n_steps;
    clv_slice_params p;

    for (uint32_t i = 0; i < shape->rank; i++) {
        p.begin[i] = 0;
        p.step[i] = 1;
        p.count[i] = p.most[i] = shape->dim[i];
    }
    CLV_TRY(read_input(starts, &n, CLV_MAX_RANK, graph, node, 1, err));
    CLV_TRY(read_input(ends, &n_ends, CLV_MAX_RANK, graph, node, 2, err));
    CLV_TRY(read_input(axes, &n_axes, CLV_MAX_RANK, graph, node, 3, err));
    CLV_TRY(read_input(steps, &n_steps, CLV_MAX_RANK, graph, node, 4, err));
    bool has_axes = clv_node_input(graph, node, 3) != NULL;
    bool has_steps = clv_node_input(graph, node, 4) != NULL;
    if (n != n_ends || n > shape->rank || (has_axes && n_axes != n) || (has_steps && n_steps != n))
        return bad(err, node, CLV_ESHAPE, "starts, ends, axes and steps differ in length");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t axis = 0;
        int64_t step = has_steps ? steps[i] : 1;
        CLV_TRY(clv_axis_of(&axis, has_axes ? axes[i] : i, shape->rank, node, err));
        if (step == 0 || step < -INT32_MAX)
            return bad(err, node, CLV_EFORMAT, "a step of a slice is 0 or out of range");
        resolve_slice(&p, axis, shape->dim[axis], starts[i], ends[i], step);
    }
    *out = p;
    return CLV_OK;
}

clv_status clv_pad_params_of(int64_t begin[CLV_MAX_RANK], int64_t end[CLV_MAX_RANK],
                             const clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_shape *shape = &clv_node_input(graph, node, 0)->shape;
    int64_t pads[2 * CLV_MAX_RANK], axes[CLV_MAX_RANK];
    uint32_t n_pads, n_axes;

    CLV_TRY(read_input(pads, &n_pads, 2 * CLV_MAX_RANK, graph, node, 1, err));
    CLV_TRY(read_input(axes, &n_axes, CLV_MAX_RANK, graph, node, 3, err));
    if (clv_node_input(graph, node, 3) == NULL) {
        for (n_axes = 0; n_axes < shape->rank; n_axes++)
            axes[n_axes] = n_axes;
    }
    if (n_pads != 2 * n_axes)
        return bad(err, node, CLV_ESHAPE, "pads must hold two numbers for each axis");
    for (uint32_t i = 0; i < shape->rank; i++)
        begin[i] = end[i] = 0;
    for (uint32_t i = 0; i < n_axes; i++) {
        uint32_t axis = 0;
        CLV_TRY(clv_axis_of(&axis, axes[i], shape->rank, node, err));
        begin[axis] = pads[i];
        end[axis] = pads[n_axes + i];
        if (pads[i] < -MAX_PAD || pads[i] > MAX_PAD || end[axis] < -MAX_PAD || end[axis] > MAX_PAD)
            return bad(err, node, CLV_ESHAPE, "a pad is out of range");
    }
    return CLV_OK;
}

clv_status clv_reduce_axes_of(uint32_t *mask_out, const clv_graph *graph, const clv_node *node,
                              clv_error *err)
{
    uint32_t rank = clv_node_input(graph, node, 0)->shape.rank;
    int64_t axes[CLV_MAX_RANK];
    uint32_t n, mask = 0;

    CLV_TRY(read_input(axes, &n, CLV_MAX_RANK, graph, node, 1, err));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t axis = 0;
        CLV_TRY(clv_axis_of(&axis, axes[i], rank, node, err));
        mask |= 1u << axis;
    }
    if (n == 0 && clv_node_attr_int(node, "noop_with_empty_axes", 0) == 0)
        mask = (1u << rank) - 1;
    *mask_out = mask;
    return CLV_OK;
}

clv_status clv_mvn_axes_of(uint32_t *mask_out, const clv_graph *graph, const clv_node *node,
                           clv_error *err)
{
    static const int64_t usual[] = {0, 2, 3};
    const clv_attr *axes = clv_node_attr(node, "axes", CLV_ATTR_INTS);
    uint32_t rank = clv_node_input(graph, node, 0)->shape.rank;
    uint32_t n = axes != NULL ? axes->count : 3, mask = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t axis = 0;
        CLV_TRY(clv_axis_of(&axis, axes != NULL ? axes->v.ints[i] : usual[i], rank, node, err));
        mask |= 1u << axis;
    }
    *mask_out = mask;
    return CLV_OK;
}
