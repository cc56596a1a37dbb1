/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/params_resize.h"

#include <math.h>
#include <string.h>

#include "graph/infer_rules.h"

#define MAX_OUT 0x1p40

static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil",
                                        NULL};
static const char *const transforms[] = {
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",   "align_corners",
    "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn", NULL};

/* Which of @p words the attribute is. */
static clv_status read_word(int *out, const clv_node *node, const char *name, const char *fallback,
                            const char *const *words, clv_error *err)
{
    const char *word = clv_node_attr_string(node, name, fallback);
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0) {
            *out = i;
            return CLV_OK;
        }
    }
    return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "that mode of resizing is not supported");
}

static clv_status read_modes(clv_resize_params *p, const clv_node *node, clv_error *err)
{
    int mode = 0, rounding = 0, transform = 0;

    CLV_TRY(read_word(&mode, node, "mode", "nearest", modes, err));
    CLV_TRY(read_word(&rounding, node, "nearest_mode", "round_prefer_floor", roundings, err));
    CLV_TRY(read_word(&transform, node, "coordinate_transformation_mode", "half_pixel", transforms,
                      err));
    p->mode = (clv_resize_mode)mode;
    p->rounding = (clv_resize_rounding)rounding;
    p->transform = (clv_resize_transform)transform;
    p->exclude_outside = clv_node_attr_int(node, "exclude_outside", 0) != 0;
    p->antialias = clv_node_attr_int(node, "antialias", 0) != 0 && p->mode != CLV_RESIZE_NEAREST;
    p->cubic_a = (double)clv_node_attr_float(node, "cubic_coeff_a", -0.75f);
    p->extrapolation = clv_node_attr_float(node, "extrapolation_value", 0.0f);
    return CLV_OK;
}

/* The axes that roi, scales and sizes speak of, in their order. */
static clv_status read_axes(uint32_t *axes, uint32_t *n_out, uint32_t rank, const clv_node *node,
                            clv_error *err)
{
    const clv_attr *attr = clv_node_attr(node, "axes", CLV_ATTR_INTS);
    uint32_t n = attr != NULL ? attr->count : rank, seen = 0;

    if (n > rank)
        return clv_infer_fail(err, node, CLV_ESHAPE, "there are more axes than dimensions");
    for (uint32_t i = 0; i < n; i++) {
        CLV_TRY(clv_axis_of(&axes[i], attr != NULL ? attr->v.ints[i] : i, rank, node, err));
        if ((seen >> axes[i] & 1u) != 0)
            return clv_infer_fail(err, node, CLV_ESHAPE, "an axis is named twice");
        seen |= 1u << axes[i];
    }
    *n_out = n;
    return CLV_OK;
}

/* An input that is absent may also be there without elements. */
static const clv_tensor *present(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    const clv_tensor *x = clv_node_input(graph, node, i);
    size_t n;
    return x != NULL && clv_shape_elems(&n, &x->shape) == CLV_OK && n > 0 ? x : NULL;
}

static clv_status read_numbers(double *out, uint32_t n, const clv_node *node,
                               const clv_tensor *tensor, clv_error *err)
{
    if (tensor->data == NULL)
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED,
                              "scales, sizes and roi must be constants");
    if (tensor->shape.rank != 1 || tensor->shape.dim[0] != n)
        return clv_infer_fail(err, node, CLV_ESHAPE,
                              "scales, sizes or roi don't have one number for each axis");
    for (uint32_t i = 0; i < n; i++)
        out[i] = clv_element_number(tensor, i);
    return CLV_OK;
}

static clv_status apply_scales(clv_resize_params *p, const uint32_t *axes, uint32_t n,
                               const double *scales, const clv_node *node, clv_error *err)
{
    for (uint32_t i = 0; i < n; i++) {
        clv_resize_axis *axis = &p->axis[axes[i]];
        double out = floor((double)axis->in * scales[i]);
        if (!(scales[i] > 0) || !(out <= MAX_OUT))
            return clv_infer_fail(err, node, CLV_ESHAPE, "a scale is out of range");
        axis->scale = scales[i];
        axis->out = (int64_t)out;
    }
    return CLV_OK;
}

/* One scale for all axes, so that the result is within the sizes, or covers them. */
static clv_status keep_aspect(clv_resize_params *p, const uint32_t *axes, uint32_t n,
                              const double *sizes, bool larger, const clv_node *node,
                              clv_error *err)
{
    double scale = larger ? 0.0 : (double)INFINITY;

    for (uint32_t i = 0; i < n; i++) {
        double own = sizes[i] / (double)p->axis[axes[i]].in;
        scale = larger ? fmax(scale, own) : fmin(scale, own);
    }
    for (uint32_t i = 0; i < n; i++) {
        clv_resize_axis *axis = &p->axis[axes[i]];
        double out = floor(scale * (double)axis->in + 0.5);
        if (!(scale > 0) || !(out <= MAX_OUT))
            return clv_infer_fail(err, node, CLV_ESHAPE, "a size is out of range");
        axis->scale = scale;
        axis->out = (int64_t)out;
    }
    return CLV_OK;
}

static clv_status apply_sizes(clv_resize_params *p, const uint32_t *axes, uint32_t n,
                              const double *sizes, const clv_node *node, clv_error *err)
{
    const char *policy = clv_node_attr_string(node, "keep_aspect_ratio_policy", "stretch");

    for (uint32_t i = 0; i < n; i++) {
        if (!(sizes[i] >= 0 && sizes[i] <= MAX_OUT) || p->axis[axes[i]].in < 1)
            return clv_infer_fail(err, node, CLV_ESHAPE, "a size is out of range");
    }
    if (strcmp(policy, "not_larger") == 0)
        return keep_aspect(p, axes, n, sizes, false, node, err);
    if (strcmp(policy, "not_smaller") == 0)
        return keep_aspect(p, axes, n, sizes, true, node, err);
    if (strcmp(policy, "stretch") != 0)
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "that policy is not supported");
    for (uint32_t i = 0; i < n; i++) {
        clv_resize_axis *axis = &p->axis[axes[i]];
        axis->out = (int64_t)sizes[i];
        axis->scale = (double)axis->out / (double)axis->in;
    }
    return CLV_OK;
}

static clv_status read_roi(clv_resize_params *p, const uint32_t *axes, uint32_t n,
                           const clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *roi = present(graph, node, 1);
    double numbers[2 * CLV_MAX_RANK];

    if (p->transform != CLV_RESIZE_TF_CROP)
        return CLV_OK;
    if (roi == NULL)
        return clv_infer_fail(err, node, CLV_EFORMAT, "the region to crop is missing");
    CLV_TRY(read_numbers(numbers, 2 * n, node, roi, err));
    for (uint32_t i = 0; i < n; i++) {
        if (!isfinite(numbers[i]) || !isfinite(numbers[n + i]))
            return clv_infer_fail(err, node, CLV_ESHAPE, "the region to crop is not finite");
        p->axis[axes[i]].roi_begin = numbers[i];
        p->axis[axes[i]].roi_end = numbers[n + i];
    }
    return CLV_OK;
}

/* How far the kernel reaches; antialiasing widens it as the input shrinks. */
static clv_status plan_taps(clv_resize_params *p, uint32_t rank, const clv_node *node,
                            clv_error *err)
{
    for (uint32_t i = 0; i < rank; i++) {
        clv_resize_axis *axis = &p->axis[i];
        double reach = p->mode == CLV_RESIZE_CUBIC ? 2.0 : 1.0;
        axis->n_taps = 1;
        if (axis->out > 0 && axis->in < 1)
            return clv_infer_fail(err, node, CLV_ESHAPE, "there is nothing to resize");
        if (p->mode == CLV_RESIZE_NEAREST)
            continue;
        if (p->antialias && axis->scale < 1)
            reach /= axis->scale;
        if (!(reach < CLV_RESIZE_MAX_TAPS / 2))
            return clv_infer_fail(err, node, CLV_EUNSUPPORTED, "it shrinks too much at once");
        axis->first_tap = 1 - (int64_t)ceil(reach);
        axis->n_taps = 2 - 2 * axis->first_tap;
    }
    return CLV_OK;
}

/* Only nearest elements are copied, whatever they are; others are blended. */
static clv_status check_type(const clv_resize_params *p, clv_dtype dtype, const clv_node *node,
                             clv_error *err)
{
    bool blends = p->mode != CLV_RESIZE_NEAREST || p->transform == CLV_RESIZE_TF_CROP;
    if (blends && dtype != CLV_F32 && dtype != CLV_F64 && dtype != CLV_U8 && dtype != CLV_I8)
        return clv_infer_fail(err, node, CLV_EUNSUPPORTED,
                              "elements of that type are resized by nearest only");
    return CLV_OK;
}

clv_status clv_resize_params_of(clv_resize_params *out, const clv_graph *graph,
                                const clv_node *node, clv_error *err)
{
    const clv_shape *in = &clv_node_input(graph, node, 0)->shape;
    const clv_tensor *scales = present(graph, node, 2), *sizes = present(graph, node, 3);
    uint32_t axes[CLV_MAX_RANK], n;
    double numbers[CLV_MAX_RANK];
    clv_resize_params p = {0};

    CLV_TRY(read_modes(&p, node, err));
    CLV_TRY(check_type(&p, clv_node_input(graph, node, 0)->dtype, node, err));
    for (uint32_t i = 0; i < in->rank; i++)
        p.axis[i] = (clv_resize_axis){in->dim[i], in->dim[i], 1.0, 0.0, 1.0, 0, 1};
    CLV_TRY(read_axes(axes, &n, in->rank, node, err));
    if ((scales == NULL) == (sizes == NULL))
        return clv_infer_fail(err, node, CLV_EFORMAT, "there must be either scales or sizes");
    CLV_TRY(read_numbers(numbers, n, node, scales != NULL ? scales : sizes, err));
    CLV_TRY(scales != NULL ? apply_scales(&p, axes, n, numbers, node, err)
                           : apply_sizes(&p, axes, n, numbers, node, err));
    CLV_TRY(read_roi(&p, axes, n, graph, node, err));
    CLV_TRY(plan_taps(&p, in->rank, node, err));
    *out = p;
    return CLV_OK;
}

double clv_resize_position(const clv_resize_params *p, const clv_resize_axis *axis, int64_t o)
{
    double in = (double)axis->in, x = (double)o, scale = axis->scale;
    double length = scale * in; /* with a fraction where a scale was given: ONNX says so */
    double half_pixel = (x + 0.5) / scale - 0.5;

    if (scale == 1 && axis->in == axis->out && p->transform != CLV_RESIZE_TF_CROP)
        return x; /* also where half pixels would move it */
    switch (p->transform) {
    case CLV_RESIZE_HALF_PIXEL_SYMMETRIC:
        return in / 2 * (1 - (double)axis->out / length) + half_pixel;
    case CLV_RESIZE_PYTORCH_HALF_PIXEL:
        return axis->out > 1 ? half_pixel : 0;
    case CLV_RESIZE_ALIGN_CORNERS:
        return length == 1 ? 0 : x * (in - 1) / (length - 1);
    case CLV_RESIZE_ASYMMETRIC:
        return x / scale;
    case CLV_RESIZE_TF_CROP: {
        double extent = (axis->roi_end - axis->roi_begin) * (in - 1);
        return axis->roi_begin * (in - 1) + (length == 1 ? extent / 2 : x * extent / (length - 1));
    }
    case CLV_RESIZE_TF_HALF_PIXEL:
        return half_pixel + 0.5;
    default:
        return half_pixel;
    }
}

static double round_position(clv_resize_rounding rounding, double x)
{
    switch (rounding) {
    case CLV_ROUND_PREFER_FLOOR:
        return ceil(x - 0.5);
    case CLV_ROUND_PREFER_CEIL:
        return floor(x + 0.5);
    case CLV_ROUND_FLOOR:
        return floor(x);
    default:
        return ceil(x);
    }
}

int64_t clv_resize_nearest(const clv_resize_params *p, const clv_resize_axis *axis, int64_t o)
{
    double x = round_position(p->rounding, clv_resize_position(p, axis, o));
    if (!(x > 0))
        return 0;
    return x < (double)axis->in ? (int64_t)x : axis->in - 1;
}
