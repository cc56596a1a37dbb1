/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/params.h"

#include <string.h>

#include "base/error.h"

/* Extents and pads beyond this are no network and could overflow the arithmetic below. */
#define MAX_EXTENT ((int64_t)1 << 31)

static clv_status bad(clv_error *err, const clv_node *node, clv_status code, const char *what)
{
    char where[160];
    return clv_fail(err, code, clv_node_describe(where, sizeof where, node), "%s", what);
}

/* Read `name` as n positive (or, with min 0, non-negative) integers, or keep what is there. */
static clv_status read_extents(int64_t *out, uint32_t n, int64_t min, const clv_node *node,
                               const char *name, clv_error *err)
{
    const clv_attr *attr = clv_node_attr(node, name, CLV_ATTR_INTS);
    if (attr == NULL)
        return CLV_OK;
    if (attr->count != n)
        return bad(err, node, CLV_ESHAPE, "an attribute has the wrong number of dimensions");
    for (uint32_t i = 0; i < n; i++) {
        if (attr->v.ints[i] < min || attr->v.ints[i] > MAX_EXTENT)
            return bad(err, node, CLV_ESHAPE, "a stride, dilation, kernel or pad is out of range");
        out[i] = attr->v.ints[i];
    }
    return CLV_OK;
}

/* auto_pad as pads: SAME keeps out = ceil(in / stride); the odd element goes to its name's end. */
static void resolve_same(clv_window *w, const int64_t *in, bool upper)
{
    for (uint32_t i = 0; i < w->n; i++) {
        int64_t out = (in[i] + w->stride[i] - 1) / w->stride[i];
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t total = (out - 1) * w->stride[i] + reach - in[i];
        if (total < 0)
            total = 0;
        w->pad_begin[i] = upper ? total / 2 : total - total / 2;
        w->pad_end[i] = total - w->pad_begin[i];
    }
}

static clv_status read_pads(clv_window *w, const int64_t *in, const clv_node *node, clv_error *err)
{
    int64_t pads[2 * CLV_MAX_SPATIAL] = {0};
    const char *mode = clv_node_attr_string(node, "auto_pad", "NOTSET");

    if (strcmp(mode, "SAME_UPPER") == 0 || strcmp(mode, "SAME_LOWER") == 0) {
        resolve_same(w, in, strcmp(mode, "SAME_UPPER") == 0);
        return CLV_OK;
    }
    if (strcmp(mode, "VALID") == 0)
        return CLV_OK;
    if (strcmp(mode, "NOTSET") != 0)
        return bad(err, node, CLV_EFORMAT, "auto_pad is not one that ONNX knows");
    CLV_TRY(read_extents(pads, 2 * w->n, 0, node, "pads", err));
    memcpy(w->pad_begin, pads, w->n * sizeof *pads);
    memcpy(w->pad_end, pads + w->n, w->n * sizeof *pads);
    return CLV_OK;
}

static clv_status resolve_output(clv_window *w, const int64_t *in, bool ceil_mode,
                                 const clv_node *node, clv_error *err)
{
    for (uint32_t i = 0; i < w->n; i++) {
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t room = in[i] + w->pad_begin[i] + w->pad_end[i] - reach;
        if (room < 0)
            return bad(err, node, CLV_ESHAPE, "the kernel is larger than the padded input");
        w->out[i] =
            (ceil_mode ? (room + w->stride[i] - 1) / w->stride[i] : room / w->stride[i]) + 1;
        /* A window may not start in the end padding (ONNX and its reference, opset 19 on). */
        if (ceil_mode && (w->out[i] - 1) * w->stride[i] >= in[i] + w->pad_begin[i])
            w->out[i]--;
    }
    return CLV_OK;
}

/* The window of @p node over @p x, [n, c, spatial...]; `kernel` is filled by the caller. */
static clv_status read_window(clv_window *w, const clv_tensor *x, bool ceil_mode,
                              const clv_node *node, clv_error *err)
{
    const int64_t *in = x->shape.dim + 2;

    for (uint32_t i = 0; i < w->n; i++) {
        w->stride[i] = 1;
        w->dilation[i] = 1;
        if (in[i] < 1 || in[i] > MAX_EXTENT || w->kernel[i] < 1 || w->kernel[i] > MAX_EXTENT)
            return bad(err, node, CLV_ESHAPE, "an extent of the input or kernel is out of range");
    }
    CLV_TRY(read_extents(w->stride, w->n, 1, node, "strides", err));
    CLV_TRY(read_extents(w->dilation, w->n, 1, node, "dilations", err));
    for (uint32_t i = 0; i < w->n; i++) {
        if (w->kernel[i] - 1 > MAX_EXTENT / w->dilation[i])
            return bad(err, node, CLV_ESHAPE, "the dilated kernel is out of range");
    }
    CLV_TRY(read_pads(w, in, node, err));
    return resolve_output(w, in, ceil_mode, node, err);
}

static clv_status spatial_rank(uint32_t *out, const clv_tensor *x, const clv_node *node,
                               clv_error *err)
{
    if (x->shape.rank < 3 || x->shape.rank > 2 + CLV_MAX_SPATIAL)
        return bad(err, node, CLV_ESHAPE, "the input must have 1 to 3 spatial dimensions");
    *out = x->shape.rank - 2;
    return CLV_OK;
}

static clv_status check_channels(clv_conv_params *p, const clv_tensor *x, const clv_tensor *w,
                                 const clv_node *node, clv_error *err)
{
    if (p->groups < 1 || p->out_channels < 1 || p->out_channels % p->groups != 0 ||
        x->shape.dim[1] % p->groups != 0 || x->shape.dim[1] / p->groups != w->shape.dim[1] ||
        w->shape.dim[1] < 1)
        return bad(err, node, CLV_ESHAPE, "channels of input, weights and groups do not agree");
    return CLV_OK;
}

clv_status clv_conv_params_of(clv_conv_params *out, const clv_graph *graph, const clv_node *node,
                              clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    const clv_tensor *w = clv_node_input(graph, node, 1);
    const clv_tensor *bias = clv_node_input(graph, node, 2);
    clv_conv_params p = {.groups = clv_node_attr_int(node, "group", 1),
                         .has_bias = bias != NULL,
                         .has_residual = clv_node_input(graph, node, 3) != NULL};

    CLV_TRY(spatial_rank(&p.window.n, x, node, err));
    if (w->shape.rank != x->shape.rank)
        return bad(err, node, CLV_ESHAPE, "input and weights have different ranks");
    memcpy(p.window.kernel, w->shape.dim + 2, p.window.n * sizeof p.window.kernel[0]);
    CLV_TRY(read_extents(p.window.kernel, p.window.n, 1, node, "kernel_shape", err));
    if (memcmp(p.window.kernel, w->shape.dim + 2, p.window.n * sizeof p.window.kernel[0]) != 0)
        return bad(err, node, CLV_ESHAPE, "kernel_shape and the weights' shape differ");
    p.out_channels = w->shape.dim[0];
    CLV_TRY(check_channels(&p, x, w, node, err));
    if (bias != NULL && (bias->shape.rank != 1 || bias->shape.dim[0] != p.out_channels))
        return bad(err, node, CLV_ESHAPE, "the bias must have one element for each channel");
    CLV_TRY(read_window(&p.window, x, false, node, err));
    *out = p;
    return CLV_OK;
}

clv_status clv_pool_params_of(clv_pool_params *out, const clv_graph *graph, const clv_node *node,
                              clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    clv_pool_params p = {.count_include_pad = clv_node_attr_int(node, "count_include_pad", 0) != 0};

    CLV_TRY(spatial_rank(&p.window.n, x, node, err));
    if (clv_node_attr(node, "kernel_shape", CLV_ATTR_INTS) == NULL)
        return bad(err, node, CLV_EFORMAT, "kernel_shape is missing");
    CLV_TRY(read_extents(p.window.kernel, p.window.n, 1, node, "kernel_shape", err));
    CLV_TRY(read_window(&p.window, x, clv_node_attr_int(node, "ceil_mode", 0) != 0, node, err));
    for (uint32_t i = 0; i < p.window.n; i++) {
        int64_t reach = (p.window.kernel[i] - 1) * p.window.dilation[i] + 1;
        if (p.window.pad_begin[i] >= reach || p.window.pad_end[i] >= reach)
            return bad(err, node, CLV_ESHAPE, "a window would lie in the padding alone");
    }
    *out = p;
    return CLV_OK;
}

clv_status clv_gemm_params_of(clv_gemm_params *out, const clv_graph *graph, const clv_node *node,
                              clv_error *err)
{
    const clv_tensor *a = clv_node_input(graph, node, 0);
    const clv_tensor *b = clv_node_input(graph, node, 1);
    clv_gemm_params p = {.alpha = clv_node_attr_float(node, "alpha", 1.0f),
                         .beta = clv_node_attr_float(node, "beta", 1.0f),
                         .trans_a = clv_node_attr_int(node, "transA", 0) != 0,
                         .trans_b = clv_node_attr_int(node, "transB", 0) != 0};

    if (a->shape.rank != 2 || b->shape.rank != 2)
        return bad(err, node, CLV_ESHAPE, "Gemm takes matrices");
    p.m = a->shape.dim[p.trans_a ? 1 : 0];
    p.k = a->shape.dim[p.trans_a ? 0 : 1];
    p.n = b->shape.dim[p.trans_b ? 0 : 1];
    if (b->shape.dim[p.trans_b ? 1 : 0] != p.k)
        return bad(err, node, CLV_ESHAPE, "the inner dimensions of the matrices differ");
    *out = p;
    return CLV_OK;
}

clv_status clv_clip_params_of(float *min_out, float *max_out, const clv_graph *graph,
                              const clv_node *node, clv_error *err)
{
    float bounds[2] = {-__builtin_inff(), __builtin_inff()};

    for (uint32_t i = 0; i < 2; i++) {
        const clv_tensor *bound = clv_node_input(graph, node, i + 1);
        size_t n;
        if (bound == NULL)
            continue;
        if (bound->data == NULL || bound->dtype != CLV_F32)
            return bad(err, node, CLV_EUNSUPPORTED, "bounds must be float32 constants");
        if (clv_shape_elems(&n, &bound->shape) != CLV_OK || n != 1)
            return bad(err, node, CLV_ESHAPE, "bounds must be scalars");
        bounds[i] = *(const float *)bound->data;
    }
    *min_out = bounds[0];
    *max_out = bounds[1];
    return CLV_OK;
}
