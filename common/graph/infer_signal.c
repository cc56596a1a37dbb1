/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters and shape rules of DFT and STFT. */
#include "graph/infer_rules.h"
#include "graph/params_signal.h"

#define MAX_LENGTH ((int64_t)1 << 31)

/* The integer that input @p i is, @p out as it was where it is absent. */
static clv_status read_optional(int64_t *out, const clv_graph *graph, const clv_node *node,
                                uint32_t i, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, i);
    clv_status status = x != NULL ? clv_tensor_read_int(out, x) : CLV_OK;
    if (status != CLV_OK)
        return clv_infer_fail(err, node, status, "a length or axis must be one constant integer");
    return CLV_OK;
}

static bool is_complex_shape(const clv_shape *shape, uint32_t min_rank)
{
    return shape->rank >= min_rank &&
           (shape->dim[shape->rank - 1] == 1 || shape->dim[shape->rank - 1] == 2);
}

clv_status clv_dft_params_of(clv_dft_params *out, const clv_graph *graph, const clv_node *node,
                             clv_error *err)
{
    const clv_shape *x = &clv_node_input(graph, node, 0)->shape;
    bool one_sided = clv_node_attr_int(node, "onesided", 0) != 0;
    clv_dft_params p = {.inverse = clv_node_attr_int(node, "inverse", 0) != 0};
    int64_t axis = -2;

    CLV_TRY(read_optional(&axis, graph, node, 2, err));
    CLV_TRY(clv_axis_of(&p.axis, axis, x->rank, node, err));
    if (!is_complex_shape(x, 2) || p.axis + 1 == x->rank)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the input must be [..., 1] or [..., 2]");
    if (p.inverse && one_sided)
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED,
                              "an inverse from one side is not supported");
    p.length = x->dim[p.axis];
    CLV_TRY(read_optional(&p.length, graph, node, 1, err));
    if (p.length < 1 || p.length > MAX_LENGTH)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the length is out of range");
    p.bins = one_sided ? p.length / 2 + 1 : p.length;
    *out = p;
    return CLV_OK;
}

clv_status infer_dft(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    clv_shape shape = x->shape;
    clv_dft_params p;

    CLV_TRY(clv_dft_params_of(&p, graph, node, err));
    shape.dim[p.axis] = p.bins;
    shape.dim[shape.rank - 1] = 2;
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}

clv_status clv_stft_params_of(clv_stft_params *out, const clv_graph *graph, const clv_node *node,
                              clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0), *window = clv_node_input(graph, node, 2);
    clv_stft_params p = {0};

    if (x->shape.rank != 3 || !is_complex_shape(&x->shape, 3))
        return clv_infer_fail(err, node, CLV_ESHAPE, "the signal must be [n, samples, 1 or 2]");
    if (window != NULL && (window->shape.rank != 1 || window->dtype != x->dtype))
        return clv_infer_fail(err, node, CLV_ESHAPE, "the window doesn't fit the signal");
    p.length = window != NULL ? window->shape.dim[0] : x->shape.dim[1];
    CLV_TRY(read_optional(&p.step, graph, node, 1, err));
    CLV_TRY(read_optional(&p.length, graph, node, 3, err));
    if (p.step < 1 || p.length < 1 || p.length > MAX_LENGTH || p.length > x->shape.dim[1] ||
        (window != NULL && window->shape.dim[0] != p.length))
        return clv_infer_fail(err, node, CLV_ESHAPE, "the frames don't fit the signal");
    p.frames = (x->shape.dim[1] - p.length) / p.step + 1;
    p.bins = clv_node_attr_int(node, "onesided", 1) != 0 ? p.length / 2 + 1 : p.length;
    *out = p;
    return CLV_OK;
}

clv_status infer_stft(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    clv_stft_params p;

    CLV_TRY(clv_stft_params_of(&p, graph, node, err));
    clv_shape shape = {.rank = 4, .dim = {x->shape.dim[0], p.frames, p.bins, 2}};
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}
