/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_REF_QUANTIZED_H
#define CLV_REF_QUANTIZED_H

/** @file ref_quantized.h: elements of quantised tensors, uint8 or int8. */

#include <math.h>

#include "kernel/ref/ref_kernels.h"

static inline int32_t ref_byte(const clv_tensor *tensor, size_t i)
{
    return tensor->dtype == CLV_I8 ? ((const int8_t *)tensor->data)[i]
                                   : ((const uint8_t *)tensor->data)[i];
}

/** Which element of a scale or zero point is that of channel @p i: there may be one for all. */
static inline size_t ref_channel(const clv_tensor *param, size_t i)
{
    return ref_elems(param) == 1 ? 0 : i;
}

/** Put @p x / scale + zero point there, rounded half to even, saturated; a NaN is the lowest. */
static inline void ref_store_byte(clv_tensor *y, size_t i, double x, int32_t zero_point)
{
    const double low = y->dtype == CLV_I8 ? INT8_MIN : 0,
                 high = y->dtype == CLV_I8 ? INT8_MAX : UINT8_MAX;
    double v = rint(x) + zero_point;

    v = v > low ? (v < high ? v : high) : low;
    if (y->dtype == CLV_I8)
        ((int8_t *)y->data)[i] = (int8_t)v;
    else
        ((uint8_t *)y->data)[i] = (uint8_t)v;
}

/** A sum of int32 products, which wraps round as ONNX Runtime's does. */
static inline int32_t ref_add_product(int32_t sum, int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)sum + (uint32_t)(a * b)); /* 9 bits each: the product fits */
}

#endif
