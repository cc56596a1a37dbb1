/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BENCH_CODER_RACE_H
#define CLV_BENCH_CODER_RACE_H

/** @file coder_race.h: our entropy coder beside zstd and lz4, size and speed, on the symbols of the
 *  plain scheme. */

#include "bench/crossing.h"

/** Report rows and criteria. */
void bench_race(bench_state *b, bench_crossing *c, unsigned levels);

#endif
