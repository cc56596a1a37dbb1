/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/params_col2im.h"

#include "graph/infer_rules.h"

#define MAX_EXTENT ((int64_t)1 << 31)

/* The attribute as @p n integers in [min, MAX_EXTENT], or all @p fallback. */
static clv_status read_extents(int64_t *out, uint32_t n, int64_t min, int64_t fallback,
                               const clv_node *node, const char *name, clv_error *err)
{
    const clv_attr *attr = clv_node_attr(node, name, CLV_ATTR_INTS);

    if (attr != NULL && attr->count != n)
        return clv_infer_fail(err, node, CLV_ESHAPE, "an attribute has a wrong number of axes");
    for (uint32_t i = 0; i < n; i++) {
        out[i] = attr != NULL ? attr->v.ints[i] : fallback;
        if (out[i] < min || out[i] > MAX_EXTENT)
            return clv_infer_fail(err, node, CLV_ESHAPE, "an attribute is out of range");
    }
    return CLV_OK;
}

/* What strides, dilations and pads say; the kernel is there. */
static clv_status read_window(clv_window *w, const clv_node *node, clv_error *err)
{
    int64_t pads[2 * CLV_MAX_SPATIAL];

    CLV_TRY(read_extents(w->stride, w->n, 1, 1, node, "strides", err));
    CLV_TRY(read_extents(w->dilation, w->n, 1, 1, node, "dilations", err));
    CLV_TRY(read_extents(pads, 2 * w->n, 0, 0, node, "pads", err));
    for (uint32_t i = 0; i < w->n; i++) {
        w->pad_begin[i] = pads[i];
        w->pad_end[i] = pads[w->n + i];
        if (w->kernel[i] - 1 > MAX_EXTENT / w->dilation[i])
            return clv_infer_fail(err, node, CLV_ESHAPE, "the dilated kernel is out of range");
    }
    return CLV_OK;
}

/* How often the window fits along each axis, and in all. */
static clv_status fit_window(clv_col2im_params *p, int64_t *blocks_out, int64_t *kernel_out,
                             const clv_node *node, clv_error *err)
{
    clv_window *w = &p->window;
    int64_t blocks = 1, kernel = 1;

    for (uint32_t i = 0; i < w->n; i++) {
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t room = p->image[i] + w->pad_begin[i] + w->pad_end[i] - reach;
        if (room < 0)
            return clv_infer_fail(err, node, CLV_ESHAPE, "the block is larger than the picture");
        w->out[i] = room / w->stride[i] + 1;
        if (__builtin_mul_overflow(blocks, w->out[i], &blocks) ||
            __builtin_mul_overflow(kernel, w->kernel[i], &kernel))
            return clv_infer_fail(err, node, CLV_ELIMIT, "the picture would be too large");
    }
    *blocks_out = blocks;
    *kernel_out = kernel;
    return CLV_OK;
}

clv_status clv_col2im_params_of(clv_col2im_params *out, const clv_graph *graph,
                                const clv_node *node, clv_error *err)
{
    const clv_shape *x = &clv_node_input(graph, node, 0)->shape;
    int64_t image[CLV_MAX_RANK], block[CLV_MAX_RANK], blocks, kernel;
    clv_col2im_params p = {0};
    uint32_t n_block;

    CLV_TRY(clv_infer_ints(image, &p.window.n, graph, node, 1, err));
    CLV_TRY(clv_infer_ints(block, &n_block, graph, node, 2, err));
    if (x->rank != 3 || p.window.n < 1 || p.window.n > CLV_MAX_SPATIAL || n_block != p.window.n)
        return clv_infer_fail(err, node, CLV_ESHAPE, "not 3 dimensions, or not 1 to 3 in pictures");
    for (uint32_t i = 0; i < p.window.n; i++) {
        p.image[i] = image[i];
        p.window.kernel[i] = block[i];
        if (image[i] < 1 || image[i] > MAX_EXTENT || block[i] < 1 || block[i] > MAX_EXTENT)
            return clv_infer_fail(err, node, CLV_ESHAPE, "an extent is out of range");
    }
    CLV_TRY(read_window(&p.window, node, err));
    CLV_TRY(fit_window(&p, &blocks, &kernel, node, err));
    if (x->dim[1] % kernel != 0 || x->dim[2] != blocks)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the columns don't make whole pictures");
    p.channels = x->dim[1] / kernel;
    *out = p;
    return CLV_OK;
}
