/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/range.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#define LEVELS 255 /* steps between 256 numbers */
#define TAIL 1e-4  /* of the numbers, that a percentile cuts off at either end */
#define STEPS 100  /* tried by a search for the best range */

const char *clv_range_method_name(clv_range_method method)
{
#define METHOD_TEXT(name, text) text,
    static const char *const names[] = {CLV_RANGE_METHOD_LIST(METHOD_TEXT)};
#undef METHOD_TEXT
    return (unsigned)method < CLV_RANGE_METHOD_COUNT ? names[method] : "invalid";
}

clv_status clv_range_method_find(clv_range_method *out, const char *name)
{
    for (int i = 0; i < CLV_RANGE_METHOD_COUNT; i++) {
        if (strcmp(name, clv_range_method_name((clv_range_method)i)) == 0) {
            *out = (clv_range_method)i;
            return CLV_OK;
        }
    }
    return CLV_ENOENT;
}

clv_quant clv_quant_of_range(clv_range range)
{
    double span = (double)range.max - (double)range.min;
    clv_quant quant = {.scale = (float)(span / LEVELS)};

    if (!(quant.scale >= 1e-30f)) /* all zero: any scale will do; NaNs never get here */
        quant.scale = 1.0f;
    quant.zero_point = (int32_t)lrint(-(double)range.min / (double)quant.scale);
    quant.zero_point = quant.zero_point > 255 ? 255 : quant.zero_point;
    return quant;
}

void clv_fake_quantise(float *x, size_t n, const clv_quant *quant)
{
    const float round = 0x1.8p23f; /* adding it leaves no bits behind the point: ties to even */
    float scale = quant->scale;
    float low = (float)-quant->zero_point, high = (float)(255 - quant->zero_point);

    for (size_t i = 0; i < n; i++) {
        float q = x[i] / scale;
        q = q < low ? low : q;
        q = q > high ? high : q;
        q = q + round - round;
        x[i] = q == q ? q * scale : 0.0f;
    }
}

/* --- percentile ----------------------------------------------------------------------------- */

/* Where the outermost TAIL of all numbers begins, counted from the top or from the bottom. */
static float tail(const clv_histogram *h, bool top)
{
    double left = TAIL * (double)(h->count + h->zeros);

    for (int i = 0; i < CLV_HISTOGRAM_BINS; i++) {
        int bin = top ? CLV_HISTOGRAM_BINS - 1 - i : i;
        double count = (double)h->bins[bin];
        if (count > left) {
            double inside = left / count; /* the numbers of a bin lie evenly in it */
            double edge = (double)(h->first + bin + (top ? 1 : 0));
            return (float)((edge + (top ? -inside : inside)) * h->width);
        }
        left -= count;
    }
    return 0.0f;
}

static clv_range percentile(const clv_histogram *h)
{
    return (clv_range){fmaxf(fminf(tail(h, false), 0.0f), h->min),
                       fminf(fmaxf(tail(h, true), 0.0f), h->max)};
}

/* --- mean squared error --------------------------------------------------------------------- */

static double squared_error(const clv_histogram *h, clv_range range)
{
    clv_quant quant = clv_quant_of_range(range);
    double scale = (double)quant.scale, error = 0.0;
    double low = -quant.zero_point, high = 255 - quant.zero_point;

    for (int i = 0; i < CLV_HISTOGRAM_BINS; i++) {
        if (h->bins[i] == 0)
            continue;
        double x = clv_histogram_middle(h, i), q = rint(x / scale);
        double d = x - fmin(fmax(q, low), high) * scale;
        error += (double)h->bins[i] * d * d;
    }
    return error;
}

/* One end at a time, against the best other end so far. */
static clv_range least_squared_error(const clv_histogram *h)
{
    clv_range best = {h->min, h->max};
    double least = squared_error(h, best);

    for (int round = 0; round < 3; round++) {
        for (int i = 1; i < 2 * STEPS; i++) {
            clv_range range = best;
            float part = (float)((i + 1) / 2) / STEPS;
            if (i % 2 == 0)
                range.min = h->min * part;
            else
                range.max = h->max * part;
            double error = squared_error(h, range);
            if (error < least) {
                least = error;
                best = range;
            }
        }
    }
    return best;
}

/* --- entropy -------------------------------------------------------------------------------- */

/* The divergence between the numbers as they are, those outside of bins [from, to) moved to its
 * ends, and as 256 levels show them (Migacz, "8-bit inference with TensorRT", GTC 2017). */
static double divergence(const clv_histogram *h, int from, int to)
{
    double outside[2] = {0.0, 0.0}, inside = 0.0, result = 0.0;

    for (int i = 0; i < CLV_HISTOGRAM_BINS; i++) {
        double count = (double)h->bins[i];
        if (i < from || i >= to)
            outside[i >= to] += count;
        else
            inside += count;
    }
    double all = inside + outside[0] + outside[1], step = (double)(to - from) / (LEVELS + 1);
    for (int level = 0; level <= LEVELS; level++) {
        int begin = from + (int)(level * step), end = from + (int)((level + 1) * step);
        double sum = 0.0;
        int used = 0;
        for (int i = begin; i < end && i < to; i++) {
            sum += (double)h->bins[i];
            used += h->bins[i] != 0;
        }
        for (int i = begin; i < end && i < to; i++) {
            double p = (double)h->bins[i] + (i == from ? outside[0] : 0.0) +
                       (i == to - 1 ? outside[1] : 0.0);
            double q = h->bins[i] != 0 ? sum / used : 1e-3; /* what no level shows costs much */
            if (p > 0.0)
                result += p / all * log(p / all * inside / q);
        }
    }
    return result;
}

static clv_range least_divergence(const clv_histogram *h)
{
    double span = (double)h->max - (double)h->min, least = INFINITY;
    clv_range best = {h->min, h->max};
    int bins = (int)(span / h->width), tries = bins / 8;

    for (int i = 0; i <= tries; i++) { /* from all of it down to one bin a level */
        double part = 1.0 - (1.0 - (double)(LEVELS + 1) / bins) * i / (tries > 0 ? tries : 1);
        clv_range range = {(float)((double)h->min * part), (float)((double)h->max * part)};
        int from = (int)((int64_t)floor((double)range.min / h->width) - h->first);
        int to = (int)((int64_t)ceil((double)range.max / h->width) - h->first);
        if (to - from <= LEVELS || from < 0 || to > CLV_HISTOGRAM_BINS)
            continue;
        double d = divergence(h, from, to);
        if (d < least) {
            least = d;
            best = range;
        }
    }
    return best;
}

clv_range clv_range_of(const clv_histogram *h, clv_range_method method)
{
    if (h->width == 0.0)
        return (clv_range){0.0f, 0.0f};
    switch (method) {
    case CLV_RANGE_PERCENTILE:
        return percentile(h);
    case CLV_RANGE_ENTROPY:
        return least_divergence(h);
    case CLV_RANGE_MSE:
        return least_squared_error(h);
    default:
        return (clv_range){h->min, h->max};
    }
}
