/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CLOCK_H
#define CLV_CLOCK_H

/** @file clock.h: time. Pure code takes `now_us` as a parameter and never calls these. */

#include <stdint.h>

/** Monotonic microseconds since some fixed moment; never goes back. Thread-safe. */
uint64_t clv_clock_now_us(void);

/** The same clock in nanoseconds: for measuring what takes only a few microseconds. */
uint64_t clv_clock_now_ns(void);

/** Nanoseconds for which this thread has had a processor: what others run beside it isn't in it. A
 *  reading takes about half a microsecond. */
uint64_t clv_clock_thread_ns(void);

/** Microseconds since 1970, for logs only. Thread-safe. */
uint64_t clv_clock_wall_us(void);

#endif
