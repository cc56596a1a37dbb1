/* SPDX-License-Identifier: Apache-2.0 */
#include "net/backoff.h"

/* splitmix64 (S. Vigna, public domain): any seed is good. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void clv_backoff_init(clv_backoff *backoff, uint64_t base_us, uint64_t cap_us, uint64_t seed)
{
    *backoff = (clv_backoff){.base_us = base_us, .cap_us = cap_us, .random = seed};
}

uint64_t clv_backoff_next_us(clv_backoff *backoff)
{
    uint64_t ceiling = backoff->cap_us;
    if (backoff->attempts < 63 && backoff->base_us <= (backoff->cap_us >> backoff->attempts))
        ceiling = backoff->base_us << backoff->attempts;
    if (backoff->attempts < UINT32_MAX)
        backoff->attempts++;

    uint64_t floor = ceiling / 4;
    return floor + next_random(&backoff->random) % (ceiling - floor + 1);
}

void clv_backoff_reset(clv_backoff *backoff)
{
    backoff->attempts = 0;
}
