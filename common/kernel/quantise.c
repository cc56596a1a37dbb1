/* SPDX-License-Identifier: Apache-2.0 */
/* The loops are plain so that compilers vectorise them. */
#include "kernel/quantise.h"

#define HALF_EVEN 0x1.8p23f /* added and taken off again: the rest has no fraction */

/* Saturates before it rounds: between whole numbers both orders give the same, and small numbers
 * are what the trick above is good for. */
static inline int32_t to_step(float x, float scale, float low, float high)
{
    float v = x / scale;

    v = v == v ? v : 0.0f;
    v = v > low ? v : low;
    v = v < high ? v : high;
    return (int32_t)((v + HALF_EVEN) - HALF_EVEN);
}

#define QUANTISE(name, type, lowest, highest)                                                      \
    static void name(type *restrict dst, const float *restrict src, size_t n, float scale,         \
                     int32_t zero_point)                                                           \
    {                                                                                              \
        const float low = (float)((lowest)-zero_point), high = (float)((highest)-zero_point);      \
        for (size_t i = 0; i < n; i++)                                                             \
            dst[i] = (type)(to_step(src[i], scale, low, high) + zero_point);                       \
    }

#define DEQUANTISE(name, type)                                                                     \
    static void name(float *restrict dst, const type *restrict src, size_t n, float scale,         \
                     int32_t zero_point)                                                           \
    {                                                                                              \
        for (size_t i = 0; i < n; i++)                                                             \
            dst[i] = scale * (float)(src[i] - zero_point);                                         \
    }

QUANTISE(quantise_u8, uint8_t, 0, UINT8_MAX)
QUANTISE(quantise_i8, int8_t, INT8_MIN, INT8_MAX)
DEQUANTISE(dequantise_u8, uint8_t)
DEQUANTISE(dequantise_i8, int8_t)

void clv_quantise_f32(void *dst, const float *src, size_t n, const clv_quant *quant,
                      clv_dtype dtype)
{
    if (dtype == CLV_I8)
        quantise_i8(dst, src, n, quant->scale, quant->zero_point);
    else
        quantise_u8(dst, src, n, quant->scale, quant->zero_point);
}

static void dequantise(float *dst, const void *src, size_t n, float scale, int32_t zero_point,
                       clv_dtype dtype)
{
    if (dtype == CLV_I8)
        dequantise_i8(dst, src, n, scale, zero_point);
    else
        dequantise_u8(dst, src, n, scale, zero_point);
}

void clv_dequantise_f32(float *dst, const void *src, size_t n, const clv_quant *quant,
                        clv_dtype dtype)
{
    dequantise(dst, src, n, quant->scale, quant->zero_point, dtype);
}

void clv_dequantise_tensor(float *dst, const clv_tensor *src, const clv_quant *quant)
{
    const uint8_t *bytes = src->data;
    size_t n = 1, inner = 1;

    for (uint32_t i = 0; i < src->shape.rank; i++) {
        n *= (size_t)src->shape.dim[i];
        inner *= i > quant->axis ? (size_t)src->shape.dim[i] : 1;
    }
    if (quant->n_scales == 0) {
        clv_dequantise_f32(dst, bytes, n, quant, src->dtype);
        return;
    }
    for (size_t at = 0; at < n; at += inner)
        dequantise(dst + at, bytes + at, inner, quant->scales[at / inner % quant->n_scales],
                   quant->zero_point, src->dtype);
}
