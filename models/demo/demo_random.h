/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DEMO_RANDOM_H
#define CLV_DEMO_RANDOM_H

/** @file demo_random.h: the demo's random numbers: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
 *  Never draw two numbers in one expression, one argument list or one initialiser: C leaves their
 *  order to the compiler, and the picture would depend on it. */
#include <stdbool.h>
#include <stdint.h>

typedef struct clv_demo_rng {
    uint64_t state;
} clv_demo_rng;

static inline uint64_t clv_demo_hash(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline uint64_t clv_demo_next(clv_demo_rng *rng)
{
    rng->state += UINT64_C(0x9e3779b97f4a7c15);
    return clv_demo_hash(rng->state);
}

/** A number in lo..hi, both included; lo <= hi. */
static inline int32_t clv_demo_range(clv_demo_rng *rng, int32_t lo, int32_t hi)
{
    uint64_t span = (uint64_t)((int64_t)hi - lo + 1);
    return (int32_t)(lo + (int64_t)((clv_demo_next(rng) >> 32) * span >> 32));
}

static inline bool clv_demo_chance(clv_demo_rng *rng, int32_t percent)
{
    return clv_demo_range(rng, 0, 99) < percent;
}

#endif
