/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_WEIGHT_BYTES_H
#define CLV_WEIGHT_BYTES_H

/** @file weight_bytes.h: what packing and unpacking weights share. */

#include <string.h>

#include "runtime/weight_form.h"

#define CLV_WEIGHT_SHARED 16u /**< values that the weights of an INT4 tensor share */

/** Elements [from, to) of a tensor, which have one scale. */
typedef struct clv_weight_run {
    size_t from, to;
    uint32_t scale, next_scale;
} clv_weight_run;

/** The next run; begins with one of all zero. @return false behind the last one. */
static inline bool clv_weight_next_run(clv_weight_run *run, const clv_weight_packing *packing,
                                       size_t n)
{
    if (run->to == n)
        return false;
    run->from = run->to;
    run->to = packing->run < n - run->from ? run->from + (size_t)packing->run : n;
    run->scale = run->next_scale;
    run->next_scale = run->scale + 1 == packing->n_scales ? 0 : run->scale + 1;
    return true;
}

/** A float16 (IEEE 754), little-endian. */
static inline float clv_half_read(const uint8_t *bytes)
{
    uint32_t half = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
    uint32_t sign = (half & 0x8000u) << 16;
    uint32_t exponent = half >> 10 & 0x1fu, mantissa = half & 0x3ffu;
    uint32_t bits;
    float number;

    if (exponent == 0) { /* a multiple of 2^-24 */
        number = (float)mantissa * 0x1p-24f;
        return sign ? -number : number;
    }
    bits = exponent == 31 ? 0x7f800000u : (exponent + 112) << 23;
    bits |= sign | mantissa << 13;
    memcpy(&number, &bits, sizeof number);
    return number;
}

#endif
