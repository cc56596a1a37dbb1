/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of operators that move, pick or describe elements. */
#include "graph/infer_rules.h"

static const clv_tensor *first(const clv_graph *graph, const clv_node *node)
{
    return clv_node_input(graph, node, 0);
}

clv_status infer_concat(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_shape shape = first(graph, node)->shape;
    uint32_t axis = 0;

    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", 0), shape.rank, node, err));
    for (uint32_t i = 1; i < node->n_inputs; i++) {
        const clv_tensor *x = clv_node_input(graph, node, i);
        if (x == NULL || x->shape.rank != shape.rank || x->dtype != first(graph, node)->dtype)
            return clv_infer_fail(err, node, CLV_ESHAPE, "inputs differ in rank or type");
        for (uint32_t d = 0; d < shape.rank; d++) {
            if (d != axis && x->shape.dim[d] != shape.dim[d])
                return clv_infer_fail(err, node, CLV_ESHAPE,
                                      "inputs differ in a dimension that isn't the axis");
        }
        if (x->shape.dim[axis] > INT64_MAX - shape.dim[axis])
            return clv_infer_fail(err, node, CLV_ELIMIT, "the output would be too large");
        shape.dim[axis] += x->shape.dim[axis];
    }
    return clv_infer_set(graph, node, 0, first(graph, node)->dtype, &shape, err);
}

clv_status infer_fill(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_attr *value = clv_node_attr(node, "value", CLV_ATTR_TENSOR);
    clv_shape shape = {0};

    CLV_TRY(clv_infer_ints(shape.dim, &shape.rank, graph, node, 0, err));
    return clv_infer_set(graph, node, 0, value ? value->v.tensor.dtype : CLV_F32, &shape, err);
}

clv_status infer_expand(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_shape target = {0}, shape;
    CLV_TRY(clv_infer_ints(target.dim, &target.rank, graph, node, 1, err));
    if (clv_shape_broadcast(&shape, &first(graph, node)->shape, &target) != CLV_OK)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the input can't be broadcast to that shape");
    return clv_infer_set(graph, node, 0, first(graph, node)->dtype, &shape, err);
}

clv_status infer_flatten(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_shape *in = &first(graph, node)->shape;
    int64_t axis = clv_node_attr_int(node, "axis", 1);
    clv_shape shape = {.rank = 2, .dim = {1, 1}};

    axis = axis < 0 ? axis + in->rank : axis;
    if (axis < 0 || axis > in->rank)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the axis is out of range");
    for (uint32_t i = 0; i < in->rank; i++)
        shape.dim[i < axis ? 0 : 1] *= in->dim[i]; /* at most 2^40 in all: checked before */
    return clv_infer_set(graph, node, 0, first(graph, node)->dtype, &shape, err);
}

clv_status infer_gather(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_shape *data = &first(graph, node)->shape;
    const clv_shape *indices = &clv_node_input(graph, node, 1)->shape;
    clv_shape shape = {0};
    uint32_t axis = 0;

    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", 0), data->rank, node, err));
    if (data->rank + indices->rank - 1 > CLV_MAX_RANK)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the output would have over 8 dimensions");
    for (uint32_t i = 0; i < axis; i++)
        shape.dim[shape.rank++] = data->dim[i];
    for (uint32_t i = 0; i < indices->rank; i++)
        shape.dim[shape.rank++] = indices->dim[i];
    for (uint32_t i = axis + 1; i < data->rank; i++)
        shape.dim[shape.rank++] = data->dim[i];
    return clv_infer_set(graph, node, 0, first(graph, node)->dtype, &shape, err);
}

clv_status infer_pad(clv_graph *graph, const clv_node *node, clv_error *err)
{
    int64_t begin[CLV_MAX_RANK], end[CLV_MAX_RANK];
    clv_shape shape = first(graph, node)->shape;

    CLV_TRY(clv_pad_params_of(begin, end, graph, node, err));
    for (uint32_t i = 0; i < shape.rank; i++) {
        shape.dim[i] += begin[i] + end[i];
        if (shape.dim[i] < 0)
            return clv_infer_fail(err, node, CLV_ESHAPE, "negative pads remove more than is there");
    }
    return clv_infer_set(graph, node, 0, first(graph, node)->dtype, &shape, err);
}

/* The one dimension that is -1 takes what is left of @p total; at most so much, where that is only
 * a bound. */
static bool resolve_rest(clv_shape *shape, size_t total, bool is_bound)
{
    size_t known = 1;
    uint32_t rest = CLV_MAX_RANK;

    for (uint32_t i = 0; i < shape->rank; i++) {
        if (shape->dim[i] == -1 && rest == CLV_MAX_RANK)
            rest = i;
        else if (shape->dim[i] < 0 ||
                 (shape->dim[i] > 0 && known > SIZE_MAX / (size_t)shape->dim[i]))
            return false;
        else
            known *= (size_t)shape->dim[i];
    }
    if (rest == CLV_MAX_RANK)
        return is_bound ? known <= total : known == total;
    if (known == 0 || (total % known != 0 && !is_bound))
        return false;
    shape->dim[rest] = (int64_t)(total / known);
    return true;
}

clv_status infer_reshape(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = first(graph, node);
    bool allow_zero = clv_node_attr_int(node, "allowzero", 0) != 0;
    clv_shape shape = {0};
    size_t total;

    CLV_TRY(clv_infer_ints(shape.dim, &shape.rank, graph, node, 1, err));
    for (uint32_t i = 0; i < shape.rank; i++) {
        if (shape.dim[i] == 0 && !allow_zero) {
            if (i >= x->shape.rank)
                return clv_infer_fail(err, node, CLV_ESHAPE, "a 0 has no dimension to copy");
            shape.dim[i] = x->shape.dim[i];
        }
    }
    CLV_TRY(clv_shape_elems(&total, &x->shape));
    if (!resolve_rest(&shape, total, clv_node_input_is_bounded(graph, node, 0)))
        return clv_infer_fail(err, node, CLV_ESHAPE,
                              "the new shape doesn't hold the input's elements");
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}

clv_status infer_shape(clv_graph *graph, const clv_node *node, clv_error *err)
{
    int64_t rank = first(graph, node)->shape.rank;
    int64_t start = clv_node_attr_int(node, "start", 0);
    int64_t end = clv_node_attr_int(node, "end", rank);

    start = start < 0 ? start + rank : start;
    end = end < 0 ? end + rank : end;
    start = start < 0 ? 0 : start > rank ? rank : start;
    end = end < start ? start : end > rank ? rank : end;
    clv_shape shape = {.rank = 1, .dim = {end - start}};
    return clv_infer_set(graph, node, 0, CLV_I64, &shape, err);
}

clv_status infer_slice(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = first(graph, node);
    clv_shape shape = x->shape;
    clv_slice_params p;

    for (uint32_t i = 1; i < node->n_inputs; i++) {
        const clv_tensor *given = clv_node_input(graph, node, i);
        if (given != NULL && given->data == NULL) /* no slice has more than there is */
            return clv_infer_set_bound(graph, node, 0, x->dtype, &shape, err);
    }
    CLV_TRY(clv_slice_params_of(&p, graph, node, err));
    for (uint32_t i = 0; i < shape.rank; i++)
        shape.dim[i] = clv_node_input_is_bounded(graph, node, 0) ? p.most[i] : p.count[i];
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}

/* Parts of equal size, the last one smaller, as opset 18's num_outputs says. */
static clv_status split_evenly(int64_t *size_out, int64_t dim, uint32_t i, uint32_t n)
{
    int64_t chunk = (dim + n - 1) / n;
    int64_t left = dim - chunk * i;
    if (left < 0)
        return CLV_ESHAPE;
    *size_out = left < chunk ? left : chunk;
    return CLV_OK;
}

/* Every part as large as it can be: the last one of an even split isn't always the smallest when
 * the axis gets shorter, and sizes that aren't constant may give all to one part. */
static clv_status bound_split(clv_graph *graph, const clv_node *node, uint32_t axis, bool even,
                              clv_error *err)
{
    const clv_tensor *x = first(graph, node);
    clv_shape shape = x->shape;

    if (even)
        shape.dim[axis] = (shape.dim[axis] + node->n_outputs - 1) / node->n_outputs;
    for (uint32_t i = 0; i < node->n_outputs; i++)
        CLV_TRY(clv_infer_set_bound(graph, node, i, x->dtype, &shape, err));
    return CLV_OK;
}

clv_status infer_split(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *sizes = clv_node_input(graph, node, 1);
    clv_shape shape = first(graph, node)->shape;
    int64_t left;
    uint32_t axis = 0;

    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", 0), shape.rank, node, err));
    int64_t dim = left = shape.dim[axis];
    if (sizes != NULL && (sizes->dtype != CLV_I64 || sizes->shape.rank != 1 ||
                          sizes->shape.dim[0] != node->n_outputs))
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED,
                              "there must be one split size for each output");
    if (sizes == NULL ? clv_node_input_is_bounded(graph, node, 0) : sizes->data == NULL)
        return bound_split(graph, node, axis, sizes == NULL, err);
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (sizes != NULL)
            shape.dim[axis] = ((const int64_t *)sizes->data)[i];
        else if (split_evenly(&shape.dim[axis], dim, i, node->n_outputs) != CLV_OK)
            return clv_infer_fail(err, node, CLV_ESHAPE, "more parts than elements");
        if (shape.dim[axis] < 0 || shape.dim[axis] > left)
            return clv_infer_fail(err, node, CLV_ESHAPE, "the parts don't add up to the input");
        left -= shape.dim[axis];
        CLV_TRY(clv_infer_set(graph, node, i, first(graph, node)->dtype, &shape, err));
    }
    return left == 0 ? CLV_OK
                     : clv_infer_fail(err, node, CLV_ESHAPE, "the parts don't add up to the input");
}

/* A bit for each axis that input 1 names, counted in a shape of @p rank. */
static clv_status read_axes(uint32_t *mask_out, uint32_t *n_out, const clv_graph *graph,
                            const clv_node *node, uint32_t extra_rank, clv_error *err)
{
    int64_t axes[CLV_MAX_RANK];
    uint32_t n, mask = 0;

    CLV_TRY(clv_infer_ints(axes, &n, graph, node, 1, err));
    uint32_t rank = extra_rank + (extra_rank == 0 ? first(graph, node)->shape.rank : 0);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t axis = 0;
        CLV_TRY(clv_axis_of(&axis, axes[i], rank, node, err));
        mask |= 1u << axis;
    }
    *mask_out = mask;
    *n_out = n;
    return CLV_OK;
}

clv_status infer_squeeze(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = first(graph, node);
    clv_shape shape = {0};
    uint32_t mask = 0, n;

    bool named = clv_node_input(graph, node, 1) != NULL;
    if (!named && clv_node_input_is_bounded(graph, node, 0))
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED,
                              "the output's rank depends on data: the axes must be named");
    if (named)
        CLV_TRY(read_axes(&mask, &n, graph, node, 0, err));
    for (uint32_t i = 0; i < x->shape.rank; i++) {
        bool drop = named ? (mask >> i & 1u) != 0 : x->shape.dim[i] == 1;
        if (drop && x->shape.dim[i] != 1)
            return clv_infer_fail(err, node, CLV_ESHAPE, "only dimensions of 1 can be squeezed");
        if (!drop)
            shape.dim[shape.rank++] = x->shape.dim[i];
    }
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}

clv_status infer_unsqueeze(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = first(graph, node);
    const clv_tensor *axes = clv_node_input(graph, node, 1);
    clv_shape shape = {0};
    size_t n_axes = 0;
    uint32_t mask, n;

    if (clv_shape_elems(&n_axes, &axes->shape) != CLV_OK || n_axes == 0 ||
        x->shape.rank + n_axes > CLV_MAX_RANK)
        return clv_infer_fail(err, node, CLV_ESHAPE, "no axes, or over 8 dimensions");
    CLV_TRY(read_axes(&mask, &n, graph, node, x->shape.rank + (uint32_t)n_axes, err));
    if ((uint32_t)__builtin_popcount(mask) != n)
        return clv_infer_fail(err, node, CLV_ESHAPE, "an axis is named twice");
    for (uint32_t i = 0, from = 0; i < x->shape.rank + n; i++)
        shape.dim[shape.rank++] = (mask >> i & 1u) != 0 ? 1 : x->shape.dim[from++];
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}

clv_status infer_transpose(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = first(graph, node);
    const clv_attr *perm = clv_node_attr(node, "perm", CLV_ATTR_INTS);
    clv_shape shape = {.rank = x->shape.rank};
    uint32_t seen = 0;

    if (perm != NULL && perm->count != shape.rank)
        return clv_infer_fail(err, node, CLV_ESHAPE, "perm has another rank than the input");
    for (uint32_t i = 0; i < shape.rank; i++) {
        int64_t from = perm ? perm->v.ints[i] : (int64_t)(shape.rank - 1 - i);
        if (from < 0 || from >= shape.rank || (seen >> from & 1u) != 0)
            return clv_infer_fail(err, node, CLV_ESHAPE, "perm is no permutation");
        seen |= 1u << from;
        shape.dim[i] = x->shape.dim[from];
    }
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}
