/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/plain_scheme.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/crossing.h"

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static unsigned plain_symbol(const bench_plain *p, uint32_t c, float x)
{
    float q = p->step[c] > 0 ? (x - p->low[c]) / p->step[c] + 0.5f : 0;
    q = q > 0 ? q : 0;
    return q < (float)p->levels ? (unsigned)q : p->levels - 1;
}

static unsigned plain_context(const bench_plain *p, uint32_t c, const uint8_t *s, uint32_t y,
                              uint32_t x)
{
    int mode = p->mode[c], left = x > 0 ? s[-1] : mode, up = y > 0 ? s[-(int)p->cols] : mode;
    int away = abs(left - mode) + abs(up - mode);
    return away < 4 ? (unsigned)away : 4;
}

void bench_plain_symbols(const bench_plain *p, uint8_t *s, uint32_t c, const float *x)
{
    for (size_t i = 0; i < (size_t)p->rows * p->cols; i++)
        s[i] = (uint8_t)plain_symbol(p, c, x[i]);
}

static void plain_channel(bench_plain *p, const clv_features *f, uint32_t c, float *all, uint8_t *s)
{
    size_t n = (size_t)p->rows * p->cols, total = n * f->count;
    double sums[BENCH_PLAIN_MAX_LEVELS] = {0}, seen[BENCH_PLAIN_MAX_LEVELS] = {0},
           counts[5][BENCH_PLAIN_MAX_LEVELS] = {{0}};

    for (size_t i = 0; i < f->count; i++)
        memcpy(all + i * n, f->data + (i * p->channels + c) * n, n * sizeof *all);
    qsort(all, total, sizeof *all, compare_floats);
    p->low[c] = all[total / 1000];
    p->step[c] = (all[total - 1 - total / 1000] - p->low[c]) / (float)(p->levels - 1);
    for (size_t i = 0; i < total; i++) {
        unsigned q = plain_symbol(p, c, all[i]);
        sums[q] += all[i];
        seen[q]++;
    }
    for (unsigned q = 0; q < p->levels; q++) {
        p->centroids[c * p->levels + q] =
            seen[q] > 0 ? (float)(sums[q] / seen[q]) : p->low[c] + (float)q * p->step[c];
        p->mode[c] = seen[q] > seen[p->mode[c]] ? (uint8_t)q : p->mode[c];
    }
    for (size_t i = 0; i < f->count; i++) {
        bench_plain_symbols(p, s, c, f->data + (i * p->channels + c) * n);
        for (size_t k = 0; k < n; k++)
            counts[plain_context(p, c, s + k, (uint32_t)k / p->cols, (uint32_t)k % p->cols)]
                  [s[k]]++;
    }
    for (unsigned x = 0; x < 5; x++) {
        double sum = 0;
        for (unsigned q = 0; q < p->levels; q++)
            sum += counts[x][q] += 0.5;
        for (unsigned q = 0; q < p->levels; q++)
            p->bits[(c * 5 + x) * p->levels + q] = -log2(counts[x][q] / sum);
    }
}

bench_plain bench_plain_make(const clv_features *f, unsigned levels)
{
    bench_plain p = {.levels = levels, .channels = f->channels, .rows = f->rows, .cols = f->cols};
    size_t n = (size_t)p.rows * p.cols;

    p.low = bench_room(p.channels, sizeof *p.low);
    p.step = bench_room(p.channels, sizeof *p.step);
    p.mode = bench_room(p.channels, 1);
    p.centroids = bench_room(p.channels * levels, sizeof *p.centroids);
    p.bits = bench_room(p.channels * 5 * levels, sizeof *p.bits);
    p.counts = bench_room(p.channels * 5 * levels, sizeof *p.counts);
    float *sorted = bench_room(n * f->count, sizeof *sorted);
    uint8_t *s = bench_room(n, 1);
    for (uint32_t k = 0; k < p.channels; k++)
        plain_channel(&p, f, k, sorted, s);
    clv_free(sorted);
    clv_free(s);
    return p;
}

void bench_plain_done(bench_plain *p)
{
    clv_free(p->low);
    clv_free(p->step);
    clv_free(p->mode);
    clv_free(p->centroids);
    clv_free(p->bits);
    clv_free(p->counts);
}

double bench_plain_through(bench_plain *p, float *x)
{
    size_t n = (size_t)p->rows * p->cols;
    uint8_t *s = bench_room(n, 1);
    double bits = 0;

    for (uint32_t c = 0; c < p->channels; c++, x += n) {
        bench_plain_symbols(p, s, c, x);
        for (size_t at = 0; at < n; at++) {
            unsigned k =
                plain_context(p, c, s + at, (uint32_t)at / p->cols, (uint32_t)at % p->cols);
            bits += p->bits[(c * 5 + k) * p->levels + s[at]];
            p->counts[(c * 5 + k) * p->levels + s[at]]++;
            x[at] = p->centroids[c * p->levels + s[at]];
        }
    }
    clv_free(s);
    p->sum += bits;
    p->images++;
    return bits;
}

double bench_plain_slack(const bench_plain *p)
{
    double bound = 0;

    for (size_t k = 0; k < (size_t)p->channels * 5; k++) {
        const double *counts = p->counts + k * p->levels;
        double all = 0;
        for (unsigned q = 0; q < p->levels; q++)
            all += counts[q];
        for (unsigned q = 0; q < p->levels; q++)
            bound += counts[q] > 0 ? counts[q] * log2(all / counts[q]) : 0;
    }
    return p->images > 0 ? (p->sum - bound) / (double)p->images : 0;
}
