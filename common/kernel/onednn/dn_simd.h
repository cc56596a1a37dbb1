/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_SIMD_H
#define CLV_DN_SIMD_H

/** @file dn_simd.h: loops of our own that are compiled twice, for any machine and for AVX2, and
 *  chosen when the program runs. A loop is a CLV_ALWAYS_INLINE function that two others call, one
 * of them marked CLV_AVX2. Both give the same bits: nothing is contracted or reordered. */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define CLV_ALWAYS_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define CLV_AVX2 __attribute__((target("avx2,fma")))
static inline bool clv_cpu_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#else
#define CLV_AVX2
static inline bool clv_cpu_has_avx2(void)
{
    return false;
}
#endif

/** @p v, cut off at integers of 8 bits and rounded, ties to even, as its byte. */
CLV_ALWAYS_INLINE uint8_t clv_dn_round(float v, float low, float high)
{
    const float magic = 0x1.8p23f; /* from here on float32 has no fractions */
    uint32_t bits;

    v = v > low ? v : low;
    v = v < high ? v : high;
    v += magic;
    memcpy(&bits, &v, sizeof bits);
    return (uint8_t)bits;
}

#endif
