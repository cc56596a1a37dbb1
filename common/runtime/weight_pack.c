/* SPDX-License-Identifier: Apache-2.0 */
/* Packing weights, which happens when a bundle is built. The 4-bit form shares weights: k-means
 * over all of a tensor (Han, Mao, Dally: Deep Compression, ICLR 2016), here over weights that are
 * divided by their channel's scale, in turns with the best scales for what is shared. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "runtime/weight_bytes.h"

#define BINS 4096u      /* of the histogram that k-means works on */
#define BIN_RANGE 1.25f /* it covers weights of up to this many scales */
#define ROUNDS 4        /* of k-means and scales */
#define MOST_STEPS 60   /* of one k-means */

/* --- float16 and int8 --------------------------------------------------------------------- */

/* To the nearest, ties to even; @p number is finite and fits. */
static void write_half(uint8_t *out, float number)
{
    uint32_t bits, magnitude, half;

    memcpy(&bits, &number, sizeof bits);
    magnitude = bits & 0x7fffffffu;
    if (magnitude < 0x38800000u) { /* the sum's last bit counts 2^-24, as the half's does */
        float sum = fabsf(number) + 0.5f;
        memcpy(&half, &sum, sizeof half);
        half -= 0x3f000000u;
    } else {
        half = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    }
    half |= bits >> 16 & 0x8000u;
    out[0] = (uint8_t)half;
    out[1] = (uint8_t)(half >> 8);
}

static void pack_float16(uint8_t *out, const float *weights, size_t n)
{
    for (size_t i = 0; i < n; i++)
        write_half(out + 2 * i, weights[i]);
}

/* The largest magnitude of each channel, in @p scales. */
static void find_peaks(float *scales, const clv_weight_packing *p, const float *weights, size_t n)
{
    memset(scales, 0, p->n_scales * sizeof *scales);
    for (clv_weight_run at = {0}; clv_weight_next_run(&at, p, n);) {
        for (size_t i = at.from; i < at.to; i++)
            scales[at.scale] = fmaxf(scales[at.scale], fabsf(weights[i]));
    }
}

static void pack_int8(uint8_t *out, float *scales, const clv_weight_packing *p,
                      const float *weights, size_t n)
{
    uint8_t *bytes = out + (size_t)p->n_scales * sizeof *scales;

    find_peaks(scales, p, weights, n);
    for (uint32_t i = 0; i < p->n_scales; i++)
        scales[i] /= 127.0f;
    memcpy(out, scales, (size_t)p->n_scales * sizeof *scales);
    for (clv_weight_run at = {0}; clv_weight_next_run(&at, p, n);) {
        float scale = scales[at.scale];
        for (size_t i = at.from; i < at.to; i++) {
            float q = scale > 0 ? nearbyintf(weights[i] / scale) : 0;
            bytes[i] = (uint8_t)(int8_t)fminf(fmaxf(q, -127), 127);
        }
    }
}

/* --- int4 --------------------------------------------------------------------------------- */

/* One tensor on its way to 4 bits. A weight counts as much in the mean square error as its scale
 * does, squared. */
typedef struct sharing {
    const clv_weight_packing *packing;
    const float *weights;
    size_t n;
    float *scales;                   /* n_scales */
    double *products, *squares;      /* n_scales, for the best scales */
    float shared[CLV_WEIGHT_SHARED]; /* rising */
    double histogram[BINS];          /* of weight / scale */
    uint8_t *levels;                 /* n: the shared value of each weight */
    struct step *steps;              /* n, for balancing */
} sharing;

static float bin_middle(uint32_t bin)
{
    return ((float)bin + 0.5f) * (2 * BIN_RANGE / BINS) - BIN_RANGE;
}

static void fill_histogram(sharing *s)
{
    memset(s->histogram, 0, sizeof s->histogram);
    for (clv_weight_run at = {0}; clv_weight_next_run(&at, s->packing, s->n);) {
        float scale = s->scales[at.scale];
        if (!(scale > 0))
            continue;
        for (size_t i = at.from; i < at.to; i++) {
            float x = (s->weights[i] / scale + BIN_RANGE) * (BINS / (2 * BIN_RANGE));
            uint32_t bin = x < 0 ? 0 : x >= (float)BINS ? BINS - 1 : (uint32_t)x;
            s->histogram[bin] += (double)scale * scale;
        }
    }
}

/* One step of k-means. @return whether a shared value has moved. */
static bool improve_shared(sharing *s)
{
    double mass[CLV_WEIGHT_SHARED] = {0}, sum[CLV_WEIGHT_SHARED] = {0};
    bool moved = false;

    for (uint32_t bin = 0, k = 0; bin < BINS; bin++) {
        float x = bin_middle(bin);
        while (k + 1 < CLV_WEIGHT_SHARED && x > 0.5f * (s->shared[k] + s->shared[k + 1]))
            k++;
        mass[k] += s->histogram[bin];
        sum[k] += s->histogram[bin] * (double)x;
    }
    for (uint32_t k = 0; k < CLV_WEIGHT_SHARED; k++) {
        float mean = mass[k] > 0 ? (float)(sum[k] / mass[k]) : s->shared[k];
        moved |= fabsf(mean - s->shared[k]) > 1e-5f;
        s->shared[k] = mean;
    }
    return moved;
}

static uint32_t nearest_shared(const sharing *s, float x)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i + 1 < CLV_WEIGHT_SHARED; i++)
        k += x > 0.5f * (s->shared[i] + s->shared[i + 1]);
    return k;
}

/* The scale of least squares for each channel, as its weights share now. */
static void improve_scales(sharing *s)
{
    memset(s->products, 0, s->packing->n_scales * sizeof *s->products);
    memset(s->squares, 0, s->packing->n_scales * sizeof *s->squares);
    for (clv_weight_run at = {0}; clv_weight_next_run(&at, s->packing, s->n);) {
        float scale = s->scales[at.scale];
        for (size_t i = at.from; scale > 0 && i < at.to; i++) {
            double shared = (double)s->shared[nearest_shared(s, s->weights[i] / scale)];
            s->products[at.scale] += shared * (double)s->weights[i];
            s->squares[at.scale] += shared * shared;
        }
    }
    for (uint32_t i = 0; i < s->packing->n_scales; i++) {
        if (s->squares[i] > 0 && s->products[i] > 0)
            s->scales[i] = (float)(s->products[i] / s->squares[i]);
    }
}

static void share(sharing *s)
{
    find_peaks(s->scales, s->packing, s->weights, s->n);
    for (uint32_t k = 0; k < CLV_WEIGHT_SHARED; k++)
        s->shared[k] = (2.0f * (float)k + 1) / CLV_WEIGHT_SHARED - 1;
    for (int round = 0; round < ROUNDS; round++) {
        if (round > 0)
            improve_scales(s);
        fill_histogram(s);
        for (int step = 0; step < MOST_STEPS && improve_shared(s); step++)
            continue;
    }
}

/* Scales become float16, of the largest one, which goes into the shared values. */
static void round_scales(sharing *s, uint8_t *out)
{
    float largest = 0;

    for (uint32_t i = 0; i < s->packing->n_scales; i++)
        largest = fmaxf(largest, s->scales[i]);
    for (uint32_t i = 0; i < s->packing->n_scales; i++) {
        write_half(out + 2 * (size_t)i, largest > 0 ? s->scales[i] / largest : 0);
        s->scales[i] = clv_half_read(out + 2 * (size_t)i);
    }
    for (uint32_t k = 0; k < CLV_WEIGHT_SHARED; k++)
        s->shared[k] *= largest;
}

/* Weights whose errors are to cancel out: count of them, every stride-th from first. */
typedef struct balanced {
    size_t first, stride, count;
    float scale;
} balanced;

/* Taking the next shared value for a weight, up or down. */
typedef struct step {
    size_t index;
    double change; /* of the weight */
    double price;  /* square error that is added, for each unit of change */
} step;

static int by_price(const void *a, const void *b)
{
    const step *x = a, *y = b;
    if (x->price < y->price || x->price > y->price)
        return x->price < y->price ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Errors of one sign move the mean of an output; so the cheapest weights are rounded the other way
 * until the sum of all errors is as small as it gets (as SQuant does: Guo et al., ICLR 2022). */
static void balance(sharing *s, const balanced *b)
{
    double error = 0;
    size_t n = 0;

    for (size_t j = 0; j < b->count; j++) {
        size_t i = b->first + j * b->stride;
        error += (double)b->scale * (double)s->shared[s->levels[i]] - (double)s->weights[i];
    }
    int way = error > 0 ? -1 : 1;
    for (size_t j = 0; j < b->count; j++) {
        size_t i = b->first + j * b->stride;
        int level = s->levels[i] + way;
        if (level < 0 || level >= (int)CLV_WEIGHT_SHARED)
            continue;
        double old = (double)b->scale * (double)s->shared[s->levels[i]];
        double change = (double)b->scale * (double)s->shared[level] - old;
        double off = old - (double)s->weights[i];
        if (change < 0 || change > 0)
            s->steps[n++] = (step){i, change, (2 * off * change + change * change) / fabs(change)};
    }
    qsort(s->steps, n, sizeof *s->steps, by_price);
    for (size_t j = 0; j < n && fabs(error + s->steps[j].change) < fabs(error); j++) {
        error += s->steps[j].change;
        s->levels[s->steps[j].index] = (uint8_t)(s->levels[s->steps[j].index] + way);
    }
}

static void assign_levels(sharing *s)
{
    const clv_weight_packing *p = s->packing;

    for (clv_weight_run at = {0}; clv_weight_next_run(&at, p, s->n);) {
        float scale = s->scales[at.scale];
        for (size_t i = at.from; i < at.to; i++)
            s->levels[i] = (uint8_t)(scale > 0 ? nearest_shared(s, s->weights[i] / scale) : 0);
        if (p->run > 1)
            balance(s, &(balanced){at.from, 1, at.to - at.from, scale});
    }
    for (uint32_t k = 0; p->run == 1 && k < p->n_scales; k++)
        balance(s, &(balanced){k, p->n_scales, (s->n - k - 1) / p->n_scales + 1, s->scales[k]});
}

static void write_shared(uint8_t *out, sharing *s)
{
    uint8_t *scales = out + sizeof s->shared;
    uint8_t *nibbles = scales + (size_t)s->packing->n_scales * 2;

    round_scales(s, scales);
    memcpy(out, s->shared, sizeof s->shared);
    assign_levels(s);
    memset(nibbles, 0, (s->n + 1) / 2);
    for (size_t i = 0; i < s->n; i++)
        nibbles[i / 2] |= (uint8_t)(s->levels[i] << (i % 2 * 4));
}

static clv_status pack_int4(uint8_t *out, float *scales, const clv_weight_packing *packing,
                            const float *weights, size_t n)
{
    clv_status status = CLV_ENOMEM;
    sharing *s = clv_calloc(1, sizeof *s);
    double *sums = clv_calloc(packing->n_scales, 2 * sizeof *sums);
    uint8_t *levels = clv_calloc(n, 1);
    step *steps = clv_calloc(n, sizeof *steps);

    if (s != NULL && sums != NULL && levels != NULL && steps != NULL) {
        s->packing = packing;
        s->weights = weights;
        s->n = n;
        s->scales = scales;
        s->products = sums;
        s->squares = sums + packing->n_scales;
        s->levels = levels;
        s->steps = steps;
        share(s);
        write_shared(out, s);
        status = CLV_OK;
    }
    clv_free(steps);
    clv_free(levels);
    clv_free(sums);
    clv_free(s);
    return status;
}

clv_status clv_weight_pack(uint8_t *out, const clv_weight_packing *packing, const float *weights,
                           size_t n)
{
    clv_status status = CLV_OK;
    size_t bytes;

    CLV_TRY(clv_weight_bytes(&bytes, packing, n));
    if (packing->form == CLV_WEIGHT_FLOAT32) {
        memcpy(out, weights, bytes);
        return CLV_OK;
    }
    if (packing->form == CLV_WEIGHT_FLOAT16) {
        pack_float16(out, weights, n);
        return CLV_OK;
    }
    float *scales = clv_calloc(packing->n_scales, sizeof *scales);
    if (scales == NULL)
        return CLV_ENOMEM;
    if (packing->form == CLV_WEIGHT_INT8)
        pack_int8(out, scales, packing, weights, n);
    else
        status = pack_int4(out, scales, packing, weights, n);
    clv_free(scales);
    return status;
}
