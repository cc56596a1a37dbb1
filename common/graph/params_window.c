/* SPDX-License-Identifier: Apache-2.0 */
/* Sliding windows: Conv, ConvTranspose, pooling and their quantised forms. */
#include <string.h>

#include "base/error.h"
#include "graph/params.h"

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

/* Strides and dilations for an input [n, c, spatial...]; `kernel` is filled by the caller. */
static clv_status read_steps(clv_window *w, const clv_tensor *x, const clv_node *node,
                             clv_error *err)
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
    return CLV_OK;
}

static clv_status read_window(clv_window *w, const clv_tensor *x, bool ceil_mode,
                              const clv_node *node, clv_error *err)
{
    const int64_t *in = x->shape.dim + 2;

    CLV_TRY(read_steps(w, x, node, err));
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

/* The kernel's extents are those of the weights, whatever kernel_shape says. */
static clv_status read_kernel(clv_window *out, const clv_tensor *x, const clv_tensor *w,
                              const clv_node *node, clv_error *err)
{
    CLV_TRY(spatial_rank(&out->n, x, node, err));
    if (w->shape.rank != x->shape.rank)
        return bad(err, node, CLV_ESHAPE, "input and weights have different ranks");
    memcpy(out->kernel, w->shape.dim + 2, out->n * sizeof out->kernel[0]);
    CLV_TRY(read_extents(out->kernel, out->n, 1, node, "kernel_shape", err));
    if (memcmp(out->kernel, w->shape.dim + 2, out->n * sizeof out->kernel[0]) != 0)
        return bad(err, node, CLV_ESHAPE, "kernel_shape and the weights' shape differ");
    return CLV_OK;
}

static clv_status check_bias(const clv_conv_params *p, const clv_tensor *bias, const clv_node *node,
                             clv_error *err)
{
    if (bias != NULL && (bias->shape.rank != 1 || bias->shape.dim[0] != p->out_channels))
        return bad(err, node, CLV_ESHAPE, "the bias must have one element for each channel");
    return CLV_OK;
}

clv_status clv_conv_params_of(clv_conv_params *out, const clv_graph *graph, const clv_node *node,
                              clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    const clv_tensor *w = clv_node_input(graph, node, clv_conv_weights_input(node->op));
    const clv_tensor *bias = clv_node_input(graph, node, clv_conv_bias_input(node->op));
    clv_conv_params p = {.groups = clv_node_attr_int(node, "group", 1),
                         .has_bias = bias != NULL,
                         .has_residual =
                             node->op == CLV_OP_CONV && clv_node_input(graph, node, 3) != NULL};

    CLV_TRY(read_kernel(&p.window, x, w, node, err));
    p.out_channels = w->shape.dim[0];
    CLV_TRY(check_channels(&p, x, w, node, err));
    CLV_TRY(check_bias(&p, bias, node, err));
    CLV_TRY(read_window(&p.window, x, false, node, err));
    *out = p;
    return CLV_OK;
}

/* --- ConvTranspose ------------------------------------------------------------------------- */

/* What of the padding lies at the beginning where only its sum is known. Nothing is cut off where
 * an output_shape asks for more than there is: the rest is bias alone. */
static void split_padding(clv_window *w, uint32_t i, int64_t full, const char *mode)
{
    int64_t total = full > w->out[i] ? full - w->out[i] : 0;
    w->pad_begin[i] = strcmp(mode, "SAME_UPPER") == 0 ? total / 2 : total - total / 2;
    w->pad_end[i] = total - w->pad_begin[i];
}

/* w->out and pads from what the window reaches of each output dimension without padding. */
static clv_status resolve_transposed(clv_window *w, const int64_t *in, const int64_t *full,
                                     const clv_node *node, clv_error *err)
{
    const char *mode = clv_node_attr_string(node, "auto_pad", "NOTSET");
    bool given = clv_node_attr(node, "output_shape", CLV_ATTR_INTS) != NULL;
    bool same = strncmp(mode, "SAME_", strlen("SAME_")) == 0;

    CLV_TRY(read_pads(w, in, node, err));
    CLV_TRY(read_extents(w->out, w->n, 1, node, "output_shape", err));
    for (uint32_t i = 0; i < w->n; i++) {
        if (!given)
            w->out[i] = same ? in[i] * w->stride[i] : full[i] - w->pad_begin[i] - w->pad_end[i];
        if (given || same)
            split_padding(w, i, full[i], mode);
        if (w->out[i] < 1 || w->out[i] > MAX_EXTENT)
            return bad(err, node, CLV_ESHAPE, "an extent of the output is out of range");
    }
    return CLV_OK;
}

clv_status clv_conv_transpose_params_of(clv_conv_params *out, const clv_graph *graph,
                                        const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0), *w = clv_node_input(graph, node, 1);
    const clv_tensor *bias = clv_node_input(graph, node, 2);
    const int64_t *in = x->shape.dim + 2;
    clv_conv_params p = {.groups = clv_node_attr_int(node, "group", 1), .has_bias = bias != NULL};
    clv_window *window = &p.window;
    int64_t full[CLV_MAX_SPATIAL] = {0}; /* starts as output_padding */

    CLV_TRY(read_kernel(window, x, w, node, err));
    CLV_TRY(read_steps(window, x, node, err));
    CLV_TRY(read_extents(full, window->n, 0, node, "output_padding", err));
    if (p.groups < 1 || w->shape.dim[0] < 1 || x->shape.dim[1] != w->shape.dim[0] ||
        w->shape.dim[0] % p.groups != 0 || w->shape.dim[1] < 1 ||
        w->shape.dim[1] > MAX_EXTENT / p.groups)
        return bad(err, node, CLV_ESHAPE, "channels of input, weights and groups do not agree");
    p.out_channels = w->shape.dim[1] * p.groups;
    CLV_TRY(check_bias(&p, bias, node, err));
    for (uint32_t i = 0; i < window->n; i++)
        full[i] +=
            (in[i] - 1) * window->stride[i] + (window->kernel[i] - 1) * window->dilation[i] + 1;
    CLV_TRY(resolve_transposed(window, in, full, node, err));
    *out = p;
    return CLV_OK;
}

/* --- pooling ------------------------------------------------------------------------------- */

clv_status clv_pool_params_of(clv_pool_params *out, const clv_graph *graph, const clv_node *node,
                              clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    clv_pool_params p = {.count_include_pad = clv_node_attr_int(node, "count_include_pad", 0) != 0,
                         .column_major = clv_node_attr_int(node, "storage_order", 0) != 0};

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

clv_status clv_max_unpool_params_of(clv_window *out, const clv_graph *graph, const clv_node *node,
                                    clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    clv_window w = {.n = 0};

    CLV_TRY(spatial_rank(&w.n, x, node, err));
    if (clv_node_attr(node, "kernel_shape", CLV_ATTR_INTS) == NULL)
        return bad(err, node, CLV_EFORMAT, "kernel_shape is missing");
    CLV_TRY(read_extents(w.kernel, w.n, 1, node, "kernel_shape", err));
    CLV_TRY(read_steps(&w, x, node, err));
    CLV_TRY(read_pads(&w, x->shape.dim + 2, node, err));
    for (uint32_t i = 0; i < w.n; i++) {
        w.out[i] =
            (x->shape.dim[2 + i] - 1) * w.stride[i] + w.kernel[i] - w.pad_begin[i] - w.pad_end[i];
        if (w.out[i] < 1 || w.out[i] > MAX_EXTENT)
            return bad(err, node, CLV_ESHAPE, "an extent of the output is out of range");
    }
    *out = w;
    return CLV_OK;
}
