/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PARAMS_COL2IM_H
#define CLV_PARAMS_COL2IM_H

/** @file params_col2im.h: Col2Im as numbers, which undoes the unrolling of windows. */

#include "graph/params.h"

/** Col2Im: columns [n, channels * kernel..., out...] become pictures [n, channels, image...]. */
typedef struct clv_col2im_params {
    clv_window window; /**< over the picture; `out` is how often it fits */
    int64_t channels;
    int64_t image[CLV_MAX_SPATIAL];
} clv_col2im_params;

CLV_NODISCARD clv_status clv_col2im_params_of(clv_col2im_params *out, const clv_graph *graph,
                                              const clv_node *node, clv_error *err);

#endif
