/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_curve.h"

#include <math.h>

#include "kernel/ref/ref.h"

bool clv_dn_curve_of(clv_dn_curve *out, const clv_fusion *fusion, const clv_dn_requant *requant,
                     const clv_dn_operand *y)
{
    const clv_dn_curve none = {{CLV_ACT_NONE, 0.0f, 0.0f}, 1.0f, 0.0f};

    if (!requant->is_clamp && !clv_dn_operand_is_bytes(y))
        return false;
    *out = requant->is_clamp
               ? none
               : (clv_dn_curve){*fusion, requant->last_scale, (float)requant->zero_point};
    return true;
}

float clv_dn_curve_most(const clv_dn_curve *curve, float most)
{
    const clv_fusion *f = &curve->fusion;
    float y = fmaxf(most, 1.0f) * fmaxf(fabsf(f->alpha), 1.0f);

    return clv_dn_curve_is_there(curve) ? y * curve->scale + fabsf(curve->offset) : most;
}

void clv_dn_curve_apply(const clv_dn_curve *curve, float *v, size_t n)
{
    clv_ref_activate(v, n, &curve->fusion);
    for (size_t i = 0; i < n; i++)
        v[i] = v[i] * curve->scale + curve->offset;
}

/* --- eight at a time ------------------------------------------------------------------------ */

#if defined(__x86_64__)

CLV_AVX2 static inline __m256 all(float x)
{
    return _mm256_set1_ps(x);
}

CLV_AVX2 static inline __m256 within(__m256 x, float low, float high)
{
    return _mm256_min_ps(_mm256_max_ps(x, all(low)), all(high));
}

/* exp(x) = 2^n * exp(r) with |r| <= ln(2) / 2, the latter by its series: the first term left out is
 * under 6e-9. */
CLV_AVX2 static __m256 exp_of(__m256 x)
{
    const float factors[] = {1.0f / 6, 1.0f / 5, 1.0f / 4, 1.0f / 3, 1.0f / 2, 1.0f};

    x = within(x, -87.0f, 88.0f);
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, all(1.44269504f)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, all(0.693359375f), x); /* ln(2) in two parts */
    r = _mm256_fmadd_ps(n, all(2.12194440e-4f), r);
    __m256 p = _mm256_fmadd_ps(r, all(1.0f / 7), all(1.0f));
    for (int i = 0; i < 6; i++)
        p = _mm256_fmadd_ps(_mm256_mul_ps(r, all(factors[i])), p, all(1.0f));
    __m256i power =
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(p, _mm256_castsi256_ps(power));
}

CLV_AVX2 static inline __m256 hard_sigmoid(__m256 x, float alpha, float beta)
{
    return within(_mm256_add_ps(_mm256_mul_ps(x, all(alpha)), all(beta)), 0.0f, 1.0f);
}

/* 1 + exp(factor * x) */
CLV_AVX2 static inline __m256 one_and_exp(__m256 x, float factor)
{
    return _mm256_add_ps(all(1.0f), exp_of(_mm256_mul_ps(x, all(factor))));
}

CLV_AVX2 static __m256 activate(const clv_fusion *f, __m256 x)
{
    const __m256 zero = _mm256_setzero_ps(), is_below = _mm256_cmp_ps(x, zero, _CMP_LT_OQ);

    switch (f->activation) {
    case CLV_ACT_LEAKY_RELU:
        return _mm256_blendv_ps(x, _mm256_mul_ps(x, all(f->alpha)), is_below);
    case CLV_ACT_SIGMOID:
        return _mm256_div_ps(all(1.0f), one_and_exp(x, -1.0f));
    case CLV_ACT_HARD_SIGMOID:
        return hard_sigmoid(x, f->alpha, f->beta);
    case CLV_ACT_HARD_SWISH:
        return _mm256_mul_ps(x, hard_sigmoid(x, 1.0f / 6, 0.5f));
    case CLV_ACT_TANH:
        return _mm256_sub_ps(all(1.0f), _mm256_div_ps(all(2.0f), one_and_exp(x, 2.0f)));
    case CLV_ACT_SILU:
        return _mm256_div_ps(x, one_and_exp(x, -f->alpha));
    case CLV_ACT_ELU: {
        __m256 below = _mm256_mul_ps(_mm256_sub_ps(exp_of(x), all(1.0f)), all(f->alpha));
        return _mm256_blendv_ps(x, below, is_below);
    }
    case CLV_ACT_NONE:
    case CLV_ACT_RELU: /* bounds */
    case CLV_ACT_CLIP:
    case CLV_ACT_COUNT:
        break;
    }
    return x;
}

CLV_AVX2 __m256 clv_dn_curve_eight(const clv_dn_curve *curve, __m256 v)
{
    return _mm256_fmadd_ps(activate(&curve->fusion, v), all(curve->scale), all(curve->offset));
}

#endif
