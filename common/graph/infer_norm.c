/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of the normalisations: what the kernels may rely on is checked here. */
#include "graph/infer_rules.h"

/* @p input is a vector of @p n elements. */
static bool is_vector(const clv_graph *graph, const clv_node *node, uint32_t input, int64_t n)
{
    const clv_tensor *x = clv_node_input(graph, node, input);
    return x != NULL && x->shape.rank == 1 && x->shape.dim[0] == n;
}

static clv_status check_channels(const clv_graph *graph, const clv_node *node, clv_error *err)
{
    if (clv_node_input(graph, node, 0)->shape.rank < 3)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the input has no spatial dimensions");
    return CLV_OK;
}

clv_status infer_instance_norm(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);

    CLV_TRY(check_channels(graph, node, err));
    if (!is_vector(graph, node, 1, x->shape.dim[1]) || !is_vector(graph, node, 2, x->shape.dim[1]))
        return clv_infer_fail(err, node, CLV_ESHAPE, "scale and bias must have C elements");
    return clv_infer_set(graph, node, 0, x->dtype, &x->shape, err);
}

/* Opset 18 has scale and bias for each group, 21 for each channel. Both are accepted: where there
 * are as many groups as channels they say the same. */
clv_status infer_group_norm(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    int64_t groups = clv_node_attr_int(node, "num_groups", 0);

    CLV_TRY(check_channels(graph, node, err));
    int64_t channels = x->shape.dim[1];
    if (groups < 1 || channels % groups != 0)
        return clv_infer_fail(err, node, CLV_ESHAPE, "num_groups doesn't divide the channels");
    int64_t n = is_vector(graph, node, 1, groups) ? groups : channels;
    if (!is_vector(graph, node, 1, n) || !is_vector(graph, node, 2, n))
        return clv_infer_fail(err, node, CLV_ESHAPE, "scale and bias must have C elements");
    return clv_infer_set(graph, node, 0, x->dtype, &x->shape, err);
}

/* Scale and bias are broadcast to the input, never the other way. */
static bool fits_into(const clv_tensor *part, const clv_tensor *whole)
{
    clv_shape shape;
    return clv_shape_broadcast(&shape, &whole->shape, &part->shape) == CLV_OK &&
           clv_shape_equal(&shape, &whole->shape);
}

clv_status infer_layer_norm(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    clv_shape statistics = x->shape;
    uint32_t axis;

    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", -1), x->shape.rank, node, err));
    for (uint32_t i = 1; i < node->n_inputs; i++) {
        const clv_tensor *part = clv_node_input(graph, node, i);
        if (part != NULL ? !fits_into(part, x) : i == 1)
            return clv_infer_fail(err, node, CLV_ESHAPE,
                                  "scale and bias can't be broadcast to the input");
    }
    for (uint32_t i = axis; i < statistics.rank; i++)
        statistics.dim[i] = 1;
    CLV_TRY(clv_infer_set(graph, node, 1, CLV_F32, &statistics, err));
    CLV_TRY(clv_infer_set(graph, node, 2, CLV_F32, &statistics, err));
    return clv_infer_set(graph, node, 0, x->dtype, &x->shape, err);
}

clv_status infer_mean_variance(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    uint32_t mask;

    CLV_TRY(clv_mvn_axes_of(&mask, graph, node, err));
    return clv_infer_set(graph, node, 0, x->dtype, &x->shape, err);
}
