/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PARAMS_RESIZE_H
#define CLV_PARAMS_RESIZE_H

/** @file params_resize.h: Resize as numbers. https://onnx.ai/onnx/operators/onnx__Resize.html,
 *  with opset 11's tf_half_pixel_for_nn. */

#include "graph/graph.h"

/** The most input elements along one axis that one output element may need. */
#define CLV_RESIZE_MAX_TAPS 512

typedef enum clv_resize_mode {
    CLV_RESIZE_NEAREST,
    CLV_RESIZE_LINEAR,
    CLV_RESIZE_CUBIC
} clv_resize_mode;

typedef enum clv_resize_rounding {
    CLV_ROUND_PREFER_FLOOR,
    CLV_ROUND_PREFER_CEIL,
    CLV_ROUND_FLOOR,
    CLV_ROUND_CEIL
} clv_resize_rounding;

typedef enum clv_resize_transform {
    CLV_RESIZE_HALF_PIXEL,
    CLV_RESIZE_HALF_PIXEL_SYMMETRIC,
    CLV_RESIZE_PYTORCH_HALF_PIXEL,
    CLV_RESIZE_ALIGN_CORNERS,
    CLV_RESIZE_ASYMMETRIC,
    CLV_RESIZE_TF_CROP,
    CLV_RESIZE_TF_HALF_PIXEL
} clv_resize_transform;

typedef struct clv_resize_axis {
    int64_t in, out;
    double scale;              /**< as given; the exact out / in where sizes are given */
    double roi_begin, roi_end; /**< of TF_CROP, relative to the input */
    int64_t first_tap, n_taps; /**< where they begin, seen from the element left of a position */
} clv_resize_axis;

typedef struct clv_resize_params {
    clv_resize_mode mode;
    clv_resize_rounding rounding; /**< of nearest */
    clv_resize_transform transform;
    bool exclude_outside;
    bool antialias;
    double cubic_a;
    float extrapolation; /**< of TF_CROP */
    clv_resize_axis axis[CLV_MAX_RANK];
} clv_resize_params;

/** @return CLV_OK; CLV_EUNSUPPORTED where scales, sizes or a needed roi aren't constant, and for
 *          modes that are unknown; CLV_ESHAPE, CLV_EFORMAT. */
CLV_NODISCARD clv_status clv_resize_params_of(clv_resize_params *out, const clv_graph *graph,
                                              const clv_node *node, clv_error *err);

/** Where output element @p o lies in the input, in its elements. */
double clv_resize_position(const clv_resize_params *p, const clv_resize_axis *axis, int64_t o);

/** The input element, in [0, in), that is nearest to output element @p o. */
int64_t clv_resize_nearest(const clv_resize_params *p, const clv_resize_axis *axis, int64_t o);

#endif
