/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of operators that sample pictures, [n, c, spatial...]. */
#include <string.h>

#include "graph/infer_rules.h"
#include "graph/params_col2im.h"
#include "graph/params_resize.h"

static const clv_tensor *in(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    return clv_node_input(graph, node, i);
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(word, *words) == 0)
            return true;
    }
    return false;
}

clv_status infer_resize(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = in(graph, node, 0);
    clv_resize_params p;
    clv_shape shape = {.rank = x->shape.rank};

    CLV_TRY(clv_resize_params_of(&p, graph, node, err));
    for (uint32_t i = 0; i < shape.rank; i++)
        shape.dim[i] = p.axis[i].out;
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}

/* x [n, c, in...], grid [n, out..., axes] */
clv_status infer_grid_sample(clv_graph *graph, const clv_node *node, clv_error *err)
{
    static const char *const modes[] = {"linear", "nearest", "cubic", NULL};
    static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
    const clv_tensor *x = in(graph, node, 0), *grid = in(graph, node, 1);
    clv_shape shape = x->shape;

    if (!is_one_of(clv_node_attr_string(node, "mode", "linear"), modes) ||
        !is_one_of(clv_node_attr_string(node, "padding_mode", "zeros"), paddings))
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "that mode or padding is not supported");
    if (shape.rank < 3 || shape.rank > 2 + CLV_MAX_SPATIAL || grid->shape.rank != shape.rank ||
        grid->shape.dim[0] != shape.dim[0] ||
        grid->shape.dim[shape.rank - 1] != (int64_t)shape.rank - 2)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the grid doesn't fit the input");
    if (grid->dtype != x->dtype)
        return clv_infer_fail(err, node, CLV_EFORMAT, "grid and input differ in type");
    for (uint32_t i = 2; i < shape.rank; i++) {
        if (shape.dim[i] < 1 || shape.dim[i] > INT32_MAX)
            return clv_infer_fail(err, node, CLV_ESHAPE, "an extent of the input is out of range");
        shape.dim[i] = grid->shape.dim[i - 1];
    }
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}

/* theta [n, d, d + 1], size (n, c, spatial...): a grid [n, spatial..., d]. */
clv_status infer_affine_grid(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *theta = in(graph, node, 0);
    clv_shape shape = {0};
    int64_t size[CLV_MAX_RANK];
    uint32_t n;

    CLV_TRY(clv_infer_ints(size, &n, graph, node, 1, err));
    if (n < 4 || n > 5 || theta->shape.rank != 3 || theta->shape.dim[0] != size[0] ||
        theta->shape.dim[1] != (int64_t)n - 2 || theta->shape.dim[2] != (int64_t)n - 1)
        return clv_infer_fail(err, node, CLV_ESHAPE, "theta doesn't fit the size");
    shape.dim[shape.rank++] = size[0];
    for (uint32_t i = 2; i < n; i++)
        shape.dim[shape.rank++] = size[i];
    shape.dim[shape.rank++] = (int64_t)n - 2;
    return clv_infer_set(graph, node, 0, theta->dtype, &shape, err);
}

/* x [n, c, h, w], rois [r, 4], the picture of each [r]: [r, c, out_h, out_w]. */
clv_status infer_roi_align(clv_graph *graph, const clv_node *node, clv_error *err)
{
    static const char *const modes[] = {"avg", "max", NULL};
    static const char *const transforms[] = {"half_pixel", "output_half_pixel", NULL};
    const clv_tensor *x = in(graph, node, 0), *rois = in(graph, node, 1);
    const clv_tensor *pictures = in(graph, node, 2);
    int64_t height = clv_node_attr_int(node, "output_height", 1);
    int64_t width = clv_node_attr_int(node, "output_width", 1);
    int64_t ratio = clv_node_attr_int(node, "sampling_ratio", 0);

    if (!is_one_of(clv_node_attr_string(node, "mode", "avg"), modes) ||
        !is_one_of(clv_node_attr_string(node, "coordinate_transformation_mode", "half_pixel"),
                   transforms))
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "that mode is not supported");
    if (x->shape.rank != 4 || rois->shape.rank != 2 || rois->shape.dim[1] != 4 ||
        pictures->shape.rank != 1 || pictures->shape.dim[0] != rois->shape.dim[0] ||
        x->shape.dim[2] < 1 || x->shape.dim[3] < 1)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the regions don't fit the input");
    if (rois->dtype != x->dtype || pictures->dtype != CLV_I64)
        return clv_infer_fail(err, node, CLV_EFORMAT, "the regions have a wrong type");
    if (height < 1 || width < 1 || height > INT32_MAX || width > INT32_MAX || ratio < 0 ||
        ratio > INT16_MAX)
        return clv_infer_fail(err, node, CLV_ESHAPE, "an attribute is out of range");
    clv_shape shape = {.rank = 4, .dim = {rois->shape.dim[0], x->shape.dim[1], height, width}};
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}

clv_status infer_col2im(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = in(graph, node, 0);
    clv_col2im_params p;

    CLV_TRY(clv_col2im_params_of(&p, graph, node, err));
    clv_shape shape = {.rank = 2 + p.window.n, .dim = {x->shape.dim[0], p.channels}};
    memcpy(shape.dim + 2, p.image, p.window.n * sizeof p.image[0]);
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}
