/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BACKOFF_H
#define CLV_BACKOFF_H

/** @file backoff.h: how long to wait before the next attempt: exponential with full jitter below a
 *  cap (M. Brooker, "Exponential Backoff And Jitter", 2015), never under a quarter of the ceiling
 *  of the moment. Pure. */

#include <stdint.h>

typedef struct clv_backoff {
    uint64_t base_us;
    uint64_t cap_us;
    uint32_t attempts;
    uint64_t random; /**< state of the generator */
} clv_backoff;

/** @p base_us is the ceiling of the first pause; it doubles with each one up to @p cap_us. */
void clv_backoff_init(clv_backoff *backoff, uint64_t base_us, uint64_t cap_us, uint64_t seed);

/** The pause before the next attempt; counts it. */
uint64_t clv_backoff_next_us(clv_backoff *backoff);

/** It worked: the next pause is short again. */
void clv_backoff_reset(clv_backoff *backoff);

#endif
