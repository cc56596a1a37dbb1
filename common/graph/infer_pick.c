/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of operators that pick elements, or put them, by index. */
#include <string.h>

#include "graph/infer_rules.h"

static const clv_tensor *in(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    return clv_node_input(graph, node, i);
}

static clv_status expect_indices(const clv_node *node, const clv_tensor *indices, clv_error *err)
{
    if (indices->dtype != CLV_I64 && indices->dtype != CLV_I32)
        return clv_infer_fail(err, node, CLV_EFORMAT, "indices must be int64 or int32");
    return CLV_OK;
}

/* Indices of GatherElements and ScatterElements: of the data's rank, and within the data along
 * every other axis. */
static clv_status check_elements(const clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_shape *data = &in(graph, node, 0)->shape, *indices = &in(graph, node, 1)->shape;
    uint32_t axis = 0;

    CLV_TRY(expect_indices(node, in(graph, node, 1), err));
    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", 0), data->rank, node, err));
    if (indices->rank != data->rank)
        return clv_infer_fail(err, node, CLV_ESHAPE, "indices have another rank than the data");
    for (uint32_t i = 0; i < data->rank; i++) {
        if (i != axis && indices->dim[i] > data->dim[i])
            return clv_infer_fail(err, node, CLV_ESHAPE, "indices reach beyond the data");
    }
    return CLV_OK;
}

clv_status infer_gather_elements(clv_graph *graph, const clv_node *node, clv_error *err)
{
    CLV_TRY(check_elements(graph, node, err));
    return clv_infer_set(graph, node, 0, in(graph, node, 0)->dtype, &in(graph, node, 1)->shape,
                         err);
}

/* What ScatterElements and ScatterND have in common: updates of the data's type, a reduction that
 * ONNX knows; the output is like the data. */
static clv_status set_scattered(clv_graph *graph, const clv_node *node, clv_error *err)
{
    static const char *const reductions[] = {"none", "add", "mul", "max", "min"};
    const clv_tensor *data = in(graph, node, 0);
    const char *reduction = clv_node_attr_string(node, "reduction", "none");
    bool known = false;

    for (size_t i = 0; i < sizeof reductions / sizeof reductions[0]; i++)
        known |= strcmp(reductions[i], reduction) == 0;
    if (!known ||
        (strcmp(reduction, "none") != 0 && (data->dtype == CLV_BOOL || data->dtype == CLV_F16)))
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "that reduction is not supported");
    if (in(graph, node, 2)->dtype != data->dtype)
        return clv_infer_fail(err, node, CLV_EFORMAT, "updates have another type than the data");
    return clv_infer_set(graph, node, 0, data->dtype, &data->shape, err);
}

clv_status infer_scatter_elements(clv_graph *graph, const clv_node *node, clv_error *err)
{
    CLV_TRY(check_elements(graph, node, err));
    if (!clv_shape_equal(&in(graph, node, 1)->shape, &in(graph, node, 2)->shape))
        return clv_infer_fail(err, node, CLV_ESHAPE, "updates and indices differ in shape");
    return set_scattered(graph, node, err);
}

/* The shape of what indices [..., k] pick from data whose first @p batch dimensions they share:
 * theirs without the last one, then what is left of the data's. */
static clv_status picked_shape(clv_shape *out, const clv_node *node, const clv_shape *data,
                               const clv_tensor *indices, uint32_t batch, clv_error *err)
{
    const clv_shape *at = &indices->shape;
    clv_shape shape = {0};

    CLV_TRY(expect_indices(node, indices, err));
    if (at->rank < 1 || data->rank < 1 || batch >= at->rank || batch >= data->rank)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the data or the indices have too low a rank");
    int64_t depth = at->dim[at->rank - 1];
    if (depth > (int64_t)(data->rank - batch))
        return clv_infer_fail(err, node, CLV_ESHAPE, "an index has more parts than the data axes");
    for (uint32_t i = 0; i < batch; i++) {
        if (at->dim[i] != data->dim[i])
            return clv_infer_fail(err, node, CLV_ESHAPE, "the batch dimensions differ");
    }
    uint32_t rest = data->rank - batch - (uint32_t)depth;
    if (at->rank - 1 + rest > CLV_MAX_RANK)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the output would have over 8 dimensions");
    for (uint32_t i = 0; i + 1 < at->rank; i++)
        shape.dim[shape.rank++] = at->dim[i];
    for (uint32_t i = data->rank - rest; i < data->rank; i++)
        shape.dim[shape.rank++] = data->dim[i];
    *out = shape;
    return CLV_OK;
}

clv_status infer_gather_nd(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *data = in(graph, node, 0);
    int64_t batch = clv_node_attr_int(node, "batch_dims", 0);
    clv_shape shape;

    if (batch < 0 || batch > CLV_MAX_RANK)
        return clv_infer_fail(err, node, CLV_ESHAPE, "batch_dims is out of range");
    CLV_TRY(picked_shape(&shape, node, &data->shape, in(graph, node, 1), (uint32_t)batch, err));
    return clv_infer_set(graph, node, 0, data->dtype, &shape, err);
}

clv_status infer_scatter_nd(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_shape shape;

    CLV_TRY(picked_shape(&shape, node, &in(graph, node, 0)->shape, in(graph, node, 1), 0, err));
    if (!clv_shape_equal(&shape, &in(graph, node, 2)->shape))
        return clv_infer_fail(err, node, CLV_ESHAPE, "updates have not the shape that they fill");
    return set_scattered(graph, node, err);
}

clv_status infer_one_hot(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *indices = in(graph, node, 0), *values = in(graph, node, 2);
    clv_shape shape = {.rank = indices->shape.rank + 1};
    int64_t depth;
    uint32_t axis = 0;

    clv_status status = clv_tensor_read_int(&depth, in(graph, node, 1));
    if (status != CLV_OK || depth < 0)
        return clv_infer_fail(err, node, status != CLV_OK ? status : CLV_ESHAPE,
                              "the depth must be a constant number");
    if (values->shape.rank != 1 || values->shape.dim[0] != 2 || shape.rank > CLV_MAX_RANK)
        return clv_infer_fail(err, node, CLV_ESHAPE, "not two values, or over 8 dimensions");
    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", -1), shape.rank, node, err));
    for (uint32_t i = 0, from = 0; i < shape.rank; i++)
        shape.dim[i] = i == axis ? depth : indices->shape.dim[from++];
    return clv_infer_set(graph, node, 0, values->dtype, &shape, err);
}

/* --- shapes that depend on data -------------------------------------------------------------- */

/* The rules below give the largest shape that is possible. The kernel says the true one: folding
 * takes it over, and an execution does so each time. */

static int64_t count_true(const clv_tensor *condition)
{
    int64_t n = 0;
    for (int64_t i = 0; i < condition->shape.dim[0]; i++)
        n += ((const uint8_t *)condition->data)[i] != 0;
    return n;
}

clv_status infer_compress(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = in(graph, node, 0), *condition = in(graph, node, 1);
    const clv_attr *along = clv_node_attr(node, "axis", CLV_ATTR_INT);
    clv_shape shape = {.rank = 1};
    size_t elems;
    uint32_t axis = 0;

    CLV_TRY(clv_shape_elems(&elems, &x->shape));
    if (condition->dtype != CLV_BOOL || condition->shape.rank != 1)
        return clv_infer_fail(err, node, CLV_EFORMAT, "the condition must be a vector of bool");
    if (along != NULL) {
        CLV_TRY(clv_axis_of(&axis, along->v.i, x->shape.rank, node, err));
        shape = x->shape;
    } else {
        shape.dim[0] = (int64_t)elems;
    }
    if (condition->shape.dim[0] > shape.dim[axis])
        return clv_infer_fail(err, node, CLV_ESHAPE, "the condition is longer than the data");
    bool known = condition->data != NULL;
    int64_t most = known ? count_true(condition) : condition->shape.dim[0];
    shape.dim[axis] = most < shape.dim[axis] ? most : shape.dim[axis];
    return known ? clv_infer_set(graph, node, 0, x->dtype, &shape, err)
                 : clv_infer_set_bound(graph, node, 0, x->dtype, &shape, err);
}

clv_status infer_non_zero(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = in(graph, node, 0);
    size_t elems;

    CLV_TRY(clv_shape_elems(&elems, &x->shape));
    clv_shape shape = {.rank = 2, .dim = {x->shape.rank > 0 ? x->shape.rank : 1, (int64_t)elems}};
    return clv_infer_set_bound(graph, node, 0, CLV_I64, &shape, err);
}

clv_status infer_unique(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = in(graph, node, 0);
    const clv_attr *along = clv_node_attr(node, "axis", CLV_ATTR_INT);
    clv_shape shape = {.rank = 1}, list = {.rank = 1};
    size_t elems;
    uint32_t axis = 0;

    CLV_TRY(clv_shape_elems(&elems, &x->shape));
    shape.dim[0] = (int64_t)elems;
    if (along != NULL) {
        CLV_TRY(clv_axis_of(&axis, along->v.i, x->shape.rank, node, err));
        shape = x->shape;
    }
    list.dim[0] = shape.dim[axis];
    CLV_TRY(clv_infer_set_bound(graph, node, 0, x->dtype, &shape, err));
    for (uint32_t i = 1; i < 4; i++)
        CLV_TRY(clv_infer_set_bound(graph, node, i, CLV_I64, &list, err));
    return CLV_OK;
}

/* Boxes [batches, boxes, 4], scores [batches, classes, boxes]: rows of (batch, class, box). */
clv_status infer_nms(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *boxes = in(graph, node, 0), *scores = in(graph, node, 1);
    const clv_tensor *limit = in(graph, node, 2);
    const clv_shape *b = &boxes->shape, *s = &scores->shape;
    int64_t most = 0;

    if (boxes->dtype != CLV_F32 || scores->dtype != CLV_F32)
        return clv_infer_fail(err, node, CLV_EFORMAT, "boxes and scores must be float32");
    if (b->rank != 3 || s->rank != 3 || b->dim[2] != 4 || b->dim[0] != s->dim[0] ||
        b->dim[1] != s->dim[2])
        return clv_infer_fail(err, node, CLV_ESHAPE, "boxes and scores don't belong together");
    for (uint32_t i = 2; i < 5; i++) {
        size_t n;
        if (in(graph, node, i) != NULL &&
            (clv_shape_elems(&n, &in(graph, node, i)->shape) != CLV_OK || n != 1 ||
             in(graph, node, i)->dtype != (i == 2 ? CLV_I64 : CLV_F32)))
            return clv_infer_fail(err, node, CLV_EFORMAT, "a limit is not one number of its type");
    }
    if (limit != NULL && clv_tensor_read_int(&most, limit) != CLV_OK)
        most = b->dim[1]; /* not known yet */
    most = most < 0 ? 0 : most > b->dim[1] ? b->dim[1] : most;
    clv_shape shape = {.rank = 2, .dim = {0, 3}};
    if (__builtin_mul_overflow(s->dim[0], s->dim[1], &shape.dim[0]) ||
        __builtin_mul_overflow(shape.dim[0], most, &shape.dim[0]))
        return clv_infer_fail(err, node, CLV_ELIMIT, "the output would be too large");
    return clv_infer_set_bound(graph, node, 0, CLV_I64, &shape, err);
}
