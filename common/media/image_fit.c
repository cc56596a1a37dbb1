/* SPDX-License-Identifier: Apache-2.0 */
#include "media/image.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "media/image_parts.h"

#define LETTERBOX_GREY 114

/* To the nearest, halves to even (as Python rounds, in which most models were evaluated). */
static uint64_t nearest(double v)
{
    return (uint64_t)llrint(v);
}

/* The side that goes with a * b / c; at least 1. */
static uint64_t scaled(uint32_t a, uint64_t b, uint32_t c)
{
    uint64_t side = nearest((double)(a * b) / c);
    return side > 0 ? side : 1;
}

/* Is @p src at least as wide, for its height, as width x height? */
static bool is_wider(const clv_image *src, uint64_t width, uint64_t height)
{
    return src->width * height >= src->height * width;
}

/* Scale so that (width, height) / crop_ratio is just covered, keep the centre. */
static void plan_crop(clv_resample_axis *x, clv_resample_axis *y, const clv_image *src,
                      const clv_input_spec *spec)
{
    uint64_t width = nearest((double)spec->width / (double)spec->crop_ratio);
    uint64_t height = nearest((double)spec->height / (double)spec->crop_ratio);

    if (is_wider(src, width, height))
        width = scaled(src->width, height, src->height);
    else
        height = scaled(src->height, width, src->width);
    *x = (clv_resample_axis){src->width, width, (width - spec->width) / 2, spec->width};
    *y = (clv_resample_axis){src->height, height, (height - spec->height) / 2, spec->height};
}

static void plan_whole(clv_resample_axis *x, clv_resample_axis *y, const clv_image *src,
                       uint32_t width, uint32_t height)
{
    *x = (clv_resample_axis){src->width, width, 0, width};
    *y = (clv_resample_axis){src->height, height, 0, height};
}

/* Scale so that all of it fits. */
static void plan_letterbox(clv_resample_axis *x, clv_resample_axis *y, const clv_image *src,
                           const clv_input_spec *spec)
{
    uint32_t width = spec->width, height = spec->height;

    if (is_wider(src, width, height))
        height = (uint32_t)scaled(src->height, width, src->width);
    else
        width = (uint32_t)scaled(src->width, height, src->height);
    plan_whole(x, y, src, width, height);
}

static void plan(clv_resample_axis *x, clv_resample_axis *y, const clv_image *src,
                 const clv_input_spec *spec)
{
    if (spec->fit == CLV_FIT_CROP)
        plan_crop(x, y, src, spec);
    else if (spec->fit == CLV_FIT_STRETCH)
        plan_whole(x, y, src, spec->width, spec->height);
    else
        plan_letterbox(x, y, src, spec);
}

/* A pixel of the result is `pad` behind its place in the part that was computed. */
static void map_axis(double *scale, double *offset, const clv_resample_axis *axis, uint32_t side)
{
    double pad = (double)((side - axis->count) / 2);

    *scale = (double)axis->in / (double)axis->full;
    *offset = ((double)axis->from - pad) * *scale;
}

clv_status clv_image_fit_map(clv_fit_map *out, uint32_t width, uint32_t height,
                             const clv_input_spec *spec)
{
    clv_image src = {.width = width, .height = height};
    clv_resample_axis x, y;

    if (width == 0 || height == 0 || clv_input_spec_check(spec, NULL) != CLV_OK)
        return CLV_EINVAL;
    plan(&x, &y, &src, spec);
    map_axis(&out->x_scale, &out->x_offset, &x, spec->width);
    map_axis(&out->y_scale, &out->y_offset, &y, spec->height);
    return CLV_OK;
}

clv_status clv_image_fit(clv_image *out, clv_image *scratch, const clv_image *src,
                         const clv_input_spec *spec)
{
    clv_resample_axis x, y;

    clv_image_clear(out);
    if (src->width == 0 || clv_input_spec_check(spec, NULL) != CLV_OK)
        return CLV_EINVAL;
    CLV_TRY(clv_image_prepare(out, spec->width, spec->height, NULL));
    plan(&x, &y, src, spec);
    size_t stride = (size_t)3 * out->width;
    size_t left = (out->width - x.count) / 2, top = (out->height - y.count) / 2;
    if (x.count < out->width || y.count < out->height)
        memset(out->rgb.data, LETTERBOX_GREY, out->rgb.size);
    clv_status status = clv_resample(out->rgb.data + top * stride + 3 * left, stride, &scratch->rgb,
                                     src->rgb.data, &x, &y);
    if (status != CLV_OK)
        clv_image_clear(out);
    return status;
}
