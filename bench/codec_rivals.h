/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BENCH_CODEC_RIVALS_H
#define CLV_BENCH_CODEC_RIVALS_H

/** @file codec_rivals.h: what others make of the same: general compressors on symbols. They
 *  abort on failure. */

#include <stddef.h>
#include <stdint.h>

/** Microseconds of CPU time of this thread: what a core needs, whoever else wants it. */
uint64_t bench_cpu_us(void);

/** Messages of symbols, one byte each. */
typedef struct bench_symbols {
    const uint8_t *data;
    size_t messages, each;
} bench_symbols;

typedef struct bench_speed {
    double bytes;          /**< of all messages */
    double encode, decode; /**< symbols a second, the best of several rounds */
} bench_speed;

bench_speed bench_zstd(const bench_symbols *symbols, int level, unsigned rounds);
bench_speed bench_lz4(const bench_symbols *symbols, unsigned rounds);

#endif
