/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_QUANTISE_H
#define CLV_QUANTISE_H

/** @file quantise.h: float32 to 8 bits and back: the one place where numbers are rounded to bytes,
 *  for both backends and the runtime. Pure; any thread.
 *
 *      q    = saturate(round_half_even(x / scale) + zero_point)    a NaN is the zero point
 *      real = scale * (float)(q - zero_point)
 *
 *  All in float32. There is one scale (quant->n_scales is 0), and @p dtype is CLV_U8 or CLV_I8.
 *  Rounding needs the floating-point environment's usual mode. */

#include <cleave/tensor.h>

#include "graph/graph.h"

/** @param[out] dst  @p n bytes; not over @p src. */
void clv_quantise_f32(void *dst, const float *src, size_t n, const clv_quant *quant,
                      clv_dtype dtype);

/** @param[out] dst  @p n floats; not over @p src. */
void clv_dequantise_f32(float *dst, const void *src, size_t n, const clv_quant *quant,
                        clv_dtype dtype);

/** The same for a constant that may have a scale for each element of an axis. */
void clv_dequantise_tensor(float *dst, const clv_tensor *src, const clv_quant *quant);

#endif
