/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of what slides a window over its input. */
#include <string.h>

#include "graph/infer_rules.h"

/* [n, c, window.out...] */
static clv_status set_window_output(clv_graph *graph, const clv_node *node, clv_dtype dtype,
                                    int64_t channels, const clv_window *window, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    clv_shape shape = {.rank = x->shape.rank, .dim = {x->shape.dim[0], channels}};

    memcpy(shape.dim + 2, window->out, window->n * sizeof shape.dim[0]);
    return clv_infer_set(graph, node, 0, dtype, &shape, err);
}

clv_status infer_conv(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_conv_params p;
    CLV_TRY(clv_conv_params_of(&p, graph, node, err));
    CLV_TRY(set_window_output(graph, node, clv_node_input(graph, node, 0)->dtype, p.out_channels,
                              &p.window, err));
    const clv_tensor *residual = clv_node_input(graph, node, 3);
    if (residual != NULL &&
        !clv_shape_equal(&residual->shape, &clv_node_output(graph, node, 0)->shape))
        return clv_infer_fail(err, node, CLV_ESHAPE, "the residual has another shape");
    return CLV_OK;
}

/* LpPool's p; other pools have none. */
static clv_status check_norm(const clv_node *node, clv_error *err)
{
    if (clv_node_attr_int(node, "p", 2) < 1)
        return clv_infer_fail(err, node, CLV_ESHAPE, "p must be 1 at least");
    return CLV_OK;
}

clv_status infer_pool(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    clv_pool_params p;
    CLV_TRY(check_norm(node, err));
    CLV_TRY(clv_pool_params_of(&p, graph, node, err));
    return set_window_output(graph, node, x->dtype, x->shape.dim[1], &p.window, err);
}

clv_status infer_global_pool(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    clv_shape shape = x->shape;

    CLV_TRY(check_norm(node, err));
    if (shape.rank < 3)
        return clv_infer_fail(err, node, CLV_ESHAPE, "there are no spatial dimensions to pool");
    for (uint32_t i = 2; i < shape.rank; i++) {
        if (shape.dim[i] < 1)
            return clv_infer_fail(err, node, CLV_ESHAPE, "a spatial dimension is empty");
        shape.dim[i] = 1;
    }
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}

clv_status infer_max_pool(clv_graph *graph, const clv_node *node, clv_error *err)
{
    CLV_TRY(infer_pool(graph, node, err));
    return clv_infer_set(graph, node, 1, CLV_I64, &clv_node_output(graph, node, 0)->shape, err);
}

clv_status infer_conv_transpose(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_conv_params p;
    CLV_TRY(clv_conv_transpose_params_of(&p, graph, node, err));
    return set_window_output(graph, node, clv_node_input(graph, node, 0)->dtype, p.out_channels,
                             &p.window, err);
}

/* The shape is that of output_shape where there is one, else what a MaxPool would have had. */
clv_status infer_max_unpool(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0), *at = clv_node_input(graph, node, 1);
    clv_shape shape = {.rank = 0};
    clv_window window;

    CLV_TRY(clv_max_unpool_params_of(&window, graph, node, err));
    if (at->dtype != CLV_I64 || !clv_shape_equal(&at->shape, &x->shape))
        return clv_infer_fail(err, node, CLV_ESHAPE, "there must be one int64 index per element");
    CLV_TRY(set_window_output(graph, node, x->dtype, x->shape.dim[1], &window, err));
    if (clv_node_input(graph, node, 2) == NULL)
        return CLV_OK;
    CLV_TRY(clv_infer_ints(shape.dim, &shape.rank, graph, node, 2, err));
    if (shape.rank != x->shape.rank || shape.dim[0] != x->shape.dim[0] ||
        shape.dim[1] != x->shape.dim[1])
        return clv_infer_fail(err, node, CLV_ESHAPE, "output_shape has other samples or channels");
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}

/* --- integers ------------------------------------------------------------------------------ */

clv_status infer_conv_integer(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *w = clv_node_input(graph, node, 1);
    clv_conv_params p;

    CLV_TRY(clv_conv_params_of(&p, graph, node, err));
    CLV_TRY(clv_infer_quantised(graph, node, &(clv_quantised){0, CLV_NO_VALUE, 2}, NULL, err));
    CLV_TRY(clv_infer_quantised(graph, node, &(clv_quantised){1, CLV_NO_VALUE, 3}, &w->shape.dim[0],
                                err));
    return set_window_output(graph, node, CLV_I32, p.out_channels, &p.window, err);
}

clv_status infer_qlinear_conv(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *w = clv_node_input(graph, node, 3), *bias = clv_node_input(graph, node, 8);
    const clv_tensor *y_zero = clv_node_input(graph, node, 7);
    clv_conv_params p;

    CLV_TRY(clv_conv_params_of(&p, graph, node, err));
    CLV_TRY(clv_infer_quantised(graph, node, &(clv_quantised){0, 1, 2}, NULL, err));
    CLV_TRY(clv_infer_quantised(graph, node, &(clv_quantised){3, 4, 5}, &w->shape.dim[0], err));
    CLV_TRY(clv_infer_quantised(graph, node, &(clv_quantised){CLV_NO_VALUE, 6, 7}, NULL, err));
    if (bias != NULL && bias->dtype != CLV_I32)
        return clv_infer_fail(err, node, CLV_EFORMAT, "the bias must be int32");
    return set_window_output(graph, node, y_zero->dtype, p.out_channels, &p.window, err);
}
