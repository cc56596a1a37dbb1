/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of operators that work along an axis. */
#include "graph/infer_rules.h"

/* Hardmax, LogSoftmax, LpNormalization: along `axis`, -1 where it isn't said. */
clv_status infer_along_axis(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    uint32_t axis;

    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", -1), x->shape.rank, node, err));
    return clv_infer_set(graph, node, 0, x->dtype, &x->shape, err);
}

/* The axis is an input that needn't be constant: the kernel checks it. */
clv_status infer_cum_sum(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0), *axis = clv_node_input(graph, node, 1);
    size_t n;

    if (axis == NULL || (axis->dtype != CLV_I32 && axis->dtype != CLV_I64) ||
        clv_shape_elems(&n, &axis->shape) != CLV_OK || n != 1)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the axis must be one int32 or int64");
    if (x->shape.rank == 0)
        return clv_infer_fail(err, node, CLV_ESHAPE, "a scalar has no axis");
    return clv_infer_set(graph, node, 0, x->dtype, &x->shape, err);
}

/* ArgMax, ArgMin. */
clv_status infer_arg(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_shape *in = &clv_node_input(graph, node, 0)->shape;
    bool keep = clv_node_attr_int(node, "keepdims", 1) != 0;
    clv_shape shape = {0};
    uint32_t axis;

    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", 0), in->rank, node, err));
    if (in->dim[axis] < 1)
        return clv_infer_fail(err, node, CLV_ESHAPE, "there is nothing to choose from");
    for (uint32_t i = 0; i < in->rank; i++) {
        if (i != axis || keep)
            shape.dim[shape.rank++] = i == axis ? 1 : in->dim[i];
    }
    return clv_infer_set(graph, node, 0, CLV_I64, &shape, err);
}

clv_status infer_top_k(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    const clv_tensor *count = clv_node_input(graph, node, 1);
    clv_shape shape = x->shape;
    int64_t k[CLV_MAX_RANK];
    uint32_t axis, n;

    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", -1), shape.rank, node, err));
    if (clv_node_output(graph, node, 1) == NULL)
        return clv_infer_fail(err, node, CLV_EFORMAT, "the output of indices is absent");
    if (count->data == NULL) { /* at most all */
        CLV_TRY(clv_infer_set_bound(graph, node, 0, x->dtype, &shape, err));
        return clv_infer_set_bound(graph, node, 1, CLV_I64, &shape, err);
    }
    CLV_TRY(clv_infer_ints(k, &n, graph, node, 1, err));
    if (n != 1 || k[0] < 0 || k[0] > shape.dim[axis])
        return clv_infer_fail(err, node, CLV_ESHAPE, "k must be one number, at most the axis");
    shape.dim[axis] = k[0];
    CLV_TRY(clv_infer_set(graph, node, 0, x->dtype, &shape, err));
    return clv_infer_set(graph, node, 1, CLV_I64, &shape, err);
}

/* The determinants of the last two dimensions. Larger matrices would need memory of their own. */
clv_status infer_det(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    clv_shape shape = x->shape;

    if (shape.rank < 2 || shape.dim[shape.rank - 1] != shape.dim[shape.rank - 2])
        return clv_infer_fail(err, node, CLV_ESHAPE, "the matrices aren't square");
    if (shape.dim[shape.rank - 1] > CLV_MAX_DET)
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "the matrices are larger than 32 x 32");
    shape.rank -= 2;
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}
