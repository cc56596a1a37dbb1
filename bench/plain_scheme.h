/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BENCH_PLAIN_SCHEME_H
#define CLV_BENCH_PLAIN_SCHEME_H

/** @file plain_scheme.h: what a plain activation codec comes to, as a yardstick: uniform per
 * channel between percentiles, centroids, a static table for each channel and 5-way neighbour
 * context. Its size is the cross-entropy, as if the coder were perfect. Out of memory aborts. */

#include "compress/codec_design.h"

#define BENCH_PLAIN_MAX_LEVELS 16u

typedef struct bench_plain {
    unsigned levels;
    uint32_t channels, rows, cols;
    float *low, *step, *centroids; /* [channels], [channels], [channels, levels] */
    uint8_t *mode;                 /* [channels] */
    double *bits;                  /* [channels, 5, levels] */
    double *counts;                /* [channels, 5, levels] of what went through */
    double sum;                    /* of bits that it took */
    size_t images;
} bench_plain;

/** Ranges, centroids and tables from @p f. */
bench_plain bench_plain_make(const clv_features *f, unsigned levels);
void bench_plain_done(bench_plain *p);

/** The symbols of channel @p c, rows * cols numbers. */
void bench_plain_symbols(const bench_plain *p, uint8_t *s, uint32_t c, const float *x);

/** Replace @p x, [channels, rows, cols], by what comes back of it. @return its bits. */
double bench_plain_through(bench_plain *p, float *x);

/** Bits that an image of those which went through would take less with tables made of these very
 *  images: no static tables for these symbols and contexts can do better. */
double bench_plain_slack(const bench_plain *p);

#endif
