/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/histogram.h"

#include <math.h>
#include <string.h>

#define SMALLEST_WIDTH 0x1p-120

static int64_t bin_of(double x, double width)
{
    return (int64_t)floor(x / width);
}

/* Bins twice as wide. */
static void widen(clv_histogram *h)
{
    uint64_t merged[CLV_HISTOGRAM_BINS] = {0};
    int64_t first = h->first >> 1; /* rounds down, as bin_of() does */

    for (int64_t i = 0; i < CLV_HISTOGRAM_BINS; i++)
        merged[((h->first + i) >> 1) - first] += h->bins[i];
    memcpy(h->bins, merged, sizeof merged);
    h->first = first;
    h->width *= 2.0;
}

/* The lowest bin becomes number @p first; the counts stay where their numbers are. */
static void shift(clv_histogram *h, int64_t first)
{
    uint64_t moved[CLV_HISTOGRAM_BINS] = {0};

    for (int64_t i = 0; i < CLV_HISTOGRAM_BINS; i++) {
        if (h->bins[i] != 0)
            moved[h->first + i - first] = h->bins[i];
    }
    memcpy(h->bins, moved, sizeof moved);
    h->first = first;
}

/* Make [min, max] fit, in bins of at least @p width. */
static void fit(clv_histogram *h, float min, float max, double width)
{
    h->min = fminf(h->min, min);
    h->max = fmaxf(h->max, max);
    double span = (double)h->max - (double)h->min;

    if (h->width == 0.0) {
        h->width = fmax(exp2(ceil(log2(span / (CLV_HISTOGRAM_BINS / 2)))), SMALLEST_WIDTH);
        h->first = bin_of((double)h->min, h->width);
    }
    while (h->width < width ||
           bin_of((double)h->max, h->width) - bin_of((double)h->min, h->width) >=
               CLV_HISTOGRAM_BINS)
        widen(h);
    if (bin_of((double)h->min, h->width) < h->first ||
        bin_of((double)h->max, h->width) >= h->first + CLV_HISTOGRAM_BINS)
        shift(h, bin_of((double)h->min, h->width));
}

void clv_histogram_add(clv_histogram *h, const float *numbers, size_t n)
{
    float min = 0.0f, max = 0.0f;

    for (size_t i = 0; i < n; i++) {
        float x = isfinite(numbers[i]) ? numbers[i] : 0.0f;
        min = x < min ? x : min;
        max = x > max ? x : max;
    }
    if (min < max)
        fit(h, min, max, 0.0);
    float inverse = min < max ? (float)(1.0 / h->width) : 0.0f; /* exact: a power of two */
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(numbers[i]))
            h->not_finite++;
        else if (numbers[i] == 0.0f)
            h->zeros++;
        else {
            h->bins[(int64_t)floorf(numbers[i] * inverse) - h->first]++;
            h->count++;
        }
    }
}

void clv_histogram_merge(clv_histogram *h, const clv_histogram *other)
{
    h->zeros += other->zeros;
    h->not_finite += other->not_finite;
    h->count += other->count;
    if (other->width == 0.0)
        return;
    if (h->width == 0.0) {
        h->width = other->width;
        h->first = other->first;
    }
    fit(h, other->min, other->max, other->width);
    for (int64_t i = 0; i < CLV_HISTOGRAM_BINS; i++) {
        if (other->bins[i] == 0)
            continue;
        double low = (double)(other->first + i) * other->width;
        h->bins[bin_of(low, h->width) - h->first] += other->bins[i];
    }
}

double clv_histogram_middle(const clv_histogram *h, int i)
{
    return ((double)(h->first + i) + 0.5) * h->width;
}
