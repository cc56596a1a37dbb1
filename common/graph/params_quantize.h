/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PARAMS_QUANTIZE_H
#define CLV_PARAMS_QUANTIZE_H

/** @file params_quantize.h: which scale and zero point belongs to which element of a quantised
 *  tensor: real = (stored - zero_point) * scale. */

#include "graph/params.h"

/** The inputs of a node that make one quantised tensor; CLV_NO_VALUE where an operator has none,
 *  as for what it makes itself. */
typedef struct clv_quantised {
    uint32_t data, scale, zero_point;
} clv_quantised;

/** QuantizeLinear and DequantizeLinear over x as [outer, extent, inner]: element [o, a, i] has
 *  scale and zero point number o * step_outer + a / block * step_axis + i * step_inner. */
typedef struct clv_quantize_params {
    size_t outer, extent, inner;
    size_t step_outer, step_axis, step_inner, block;
} clv_quantize_params;

/** @return CLV_OK; CLV_ESHAPE where scale or zero point don't fit the input. */
CLV_NODISCARD clv_status clv_quantize_params_of(clv_quantize_params *out, const clv_graph *graph,
                                                const clv_node *node, clv_error *err);

/** The shape in which the scale or zero point of a matrix (of shape @p data) is broadcast to it:
 *  one for all, one for each row (@p rows) or else column, or the same for each of many matrices.
 *  @return CLV_OK, CLV_ESHAPE. */
CLV_NODISCARD clv_status clv_quantised_spread(clv_shape *out, const clv_shape *param,
                                              const clv_shape *data, bool rows);

#endif
