/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_CURVE_H
#define CLV_DN_CURVE_H

/** @file dn_curve.h: activations that aren't a pair of bounds, for int8 kernels of our own: what
 *  becomes of scaled sums before they are rounded to bytes. */

#include "kernel/onednn/dn_int8.h"
#include "kernel/onednn/dn_simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/** y = act(v) * scale + offset; none where the activation is CLV_ACT_NONE. */
typedef struct clv_dn_curve {
    clv_fusion fusion;
    float scale, offset;
} clv_dn_curve;

/** What @p requant doesn't say by its bounds. Sums are then to be scaled without the zero point,
 *  which @p out adds. @return false for what such a kernel doesn't do: an output in float32. */
bool clv_dn_curve_of(clv_dn_curve *out, const clv_fusion *fusion, const clv_dn_requant *requant,
                     const clv_dn_operand *y);

static inline bool clv_dn_curve_is_there(const clv_dn_curve *curve)
{
    return curve->fusion.activation != CLV_ACT_NONE;
}

/** A bound of |y| for |v| <= @p most. */
float clv_dn_curve_most(const clv_dn_curve *curve, float most);

/** On plain machines, of any number of numbers. */
void clv_dn_curve_apply(const clv_dn_curve *curve, float *v, size_t n);

#if defined(__x86_64__)
/** Of eight, with AVX2 (clv_cpu_has_avx2()); exponentials are within some 2e-7 of theirs. */
CLV_AVX2 __m256 clv_dn_curve_eight(const clv_dn_curve *curve, __m256 v);
#endif

#endif
