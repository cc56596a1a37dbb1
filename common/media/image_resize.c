/* SPDX-License-Identifier: Apache-2.0 */
/* Separable resampling with the triangle filter, bit for bit as Pillow's BILINEAR: weights in
 * fixed point, horizontally first, then vertically, rounded to 8 bits after each. Only the rows
 * that the next output row needs are held in between. */
#include "media/image.h"

#include <assert.h>

#include "base/error.h"
#include "media/image_parts.h"

#define FRACTION_BITS 22 /* 32 - 8 bits of pixel - 2 of headroom */
#define HALF ((int32_t)1 << (FRACTION_BITS - 1))

/* Sums need no clipping: weights are not negative and add up to 2^22 with an error of at most
 * half for each tap, so up to 16384 taps stay under 256 * 2^22. */
_Static_assert(255 * (CLV_IMAGE_MAX_SIDE / 2) + (1 << (FRACTION_BITS - 1)) < 1 << FRACTION_BITS,
               "a weighted sum of white pixels must round to 255");

/* Which inputs make one output. */
typedef struct span {
    uint32_t first, count;
    const int32_t *weights; /* [count] */
} span;

/* The triangle's half width, in inputs. */
static double support_of(const clv_resample_axis *axis)
{
    double scale = (double)axis->in / (double)axis->full;
    return scale < 1.0 ? 1.0 : scale;
}

/* The inputs under the triangle around the centre of output @p i. */
static span span_of(double *centre_out, const clv_resample_axis *axis, uint64_t i)
{
    double scale = (double)axis->in / (double)axis->full;
    double support = support_of(axis);
    double centre = ((double)i + 0.5) * scale;
    double first = centre - support + 0.5;
    double end = centre + support + 0.5;
    uint32_t from = first < 0 ? 0 : (uint32_t)first;
    uint32_t to = end > (double)axis->in ? axis->in : (uint32_t)end;

    *centre_out = centre;
    return (span){.first = from, .count = to - from};
}

static double triangle(double distance)
{
    double x = distance < 0 ? -distance : distance;
    return x < 1.0 ? 1.0 - x : 0.0;
}

static void fill_weights(int32_t *weights, const span *s, double centre, double support)
{
    double inverse = 1.0 / support;
    double sum = 0;

    for (uint32_t i = 0; i < s->count; i++)
        sum += triangle(((double)(i + s->first) - centre + 0.5) * inverse);
    for (uint32_t i = 0; i < s->count; i++) {
        double w = triangle(((double)(i + s->first) - centre + 0.5) * inverse) / sum;
        weights[i] = (int32_t)(0.5 + w * (1 << FRACTION_BITS));
    }
}

/* Fill spans[axis->count] and their weights. @return one past the last weight. */
static int32_t *fill_spans(span *spans, int32_t *weights, const clv_resample_axis *axis)
{
    double support = support_of(axis);

    for (uint32_t i = 0; i < axis->count; i++) {
        double centre;
        spans[i] = span_of(&centre, axis, axis->from + i);
        spans[i].weights = weights;
        fill_weights(weights, &spans[i], centre, support);
        weights += spans[i].count;
    }
    return weights;
}

/* Weights of an axis in all, and the most for one output. */
static void count_weights(size_t *total, uint32_t *most, const clv_resample_axis *axis)
{
    *total = 0;
    *most = 0;
    for (uint32_t i = 0; i < axis->count; i++) {
        double centre;
        uint32_t n = span_of(&centre, axis, axis->from + i).count;
        *total += n;
        if (n > *most)
            *most = n;
    }
}

static void squeeze_row(uint8_t *restrict dst, const uint8_t *restrict src, const span *spans,
                        uint32_t n)
{
    for (uint32_t x = 0; x < n; x++) {
        const uint8_t *p = src + (size_t)3 * spans[x].first;
        const int32_t *weights = spans[x].weights;
        int32_t r = HALF, g = HALF, b = HALF;
        for (uint32_t i = 0; i < spans[x].count; i++, p += 3) {
            r += p[0] * weights[i];
            g += p[1] * weights[i];
            b += p[2] * weights[i];
        }
        dst[3 * x + 0] = (uint8_t)(r >> FRACTION_BITS);
        dst[3 * x + 1] = (uint8_t)(g >> FRACTION_BITS);
        dst[3 * x + 2] = (uint8_t)(b >> FRACTION_BITS);
    }
}

static void add_row(int32_t *restrict sums, const uint8_t *restrict row, int32_t weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sums[i] += row[i] * weight;
}

static void store_row(uint8_t *restrict dst, const int32_t *restrict sums, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (uint8_t)(sums[i] >> FRACTION_BITS);
}

/* The memory of one resampling, carved out of a buffer. */
typedef struct plan {
    span *columns, *rows;
    int32_t *sums; /* [row_bytes] */
    uint8_t *ring; /* [ring_rows][row_bytes]: squeezed rows of the source */
    uint32_t ring_rows;
    size_t row_bytes;
} plan;

static clv_status make_plan(plan *out, clv_buffer *work, const clv_resample_axis *x,
                            const clv_resample_axis *y)
{
    size_t x_weights, y_weights;
    uint32_t x_most;
    plan p = {.row_bytes = (size_t)3 * x->count};

    count_weights(&x_weights, &x_most, x);
    count_weights(&y_weights, &p.ring_rows, y);
    size_t spans = (size_t)x->count + y->count;
    size_t ints = x_weights + y_weights + p.row_bytes;
    CLV_TRY(clv_buffer_resize(work, spans * sizeof(span) + ints * sizeof(int32_t) +
                                        p.ring_rows * p.row_bytes));

    p.columns = (span *)(void *)work->data;
    p.rows = p.columns + x->count;
    int32_t *weights = (int32_t *)(void *)(p.rows + y->count);
    weights = fill_spans(p.columns, weights, x);
    p.sums = fill_spans(p.rows, weights, y);
    p.ring = (uint8_t *)(p.sums + p.row_bytes);
    *out = p;
    return CLV_OK;
}

clv_status clv_resample(uint8_t *dst, size_t stride, clv_buffer *work, const uint8_t *src,
                        const clv_resample_axis *x, const clv_resample_axis *y)
{
    plan p;

    CLV_TRY(make_plan(&p, work, x, y));
    assert(p.ring_rows > 0);         /* every output has an input */
    uint32_t next = p.rows[0].first; /* row of the source that isn't in the ring yet */
    for (uint32_t i = 0; i < y->count; i++) {
        const span *row = &p.rows[i];
        for (; next < row->first + row->count; next++)
            squeeze_row(p.ring + (next % p.ring_rows) * p.row_bytes, src + (size_t)3 * next * x->in,
                        p.columns, x->count);
        for (size_t j = 0; j < p.row_bytes; j++)
            p.sums[j] = HALF;
        for (uint32_t j = 0; j < row->count; j++)
            add_row(p.sums, p.ring + ((row->first + j) % p.ring_rows) * p.row_bytes,
                    row->weights[j], p.row_bytes);
        store_row(dst + i * stride, p.sums, p.row_bytes);
    }
    return CLV_OK;
}

clv_status clv_image_resize(clv_image *out, const clv_image *src, uint32_t width, uint32_t height)
{
    clv_image_clear(out);
    if (src->width == 0 || width == 0 || height == 0)
        return CLV_EINVAL;
    CLV_TRY(clv_image_prepare(out, width, height, NULL));

    clv_resample_axis x = {src->width, width, 0, width};
    clv_resample_axis y = {src->height, height, 0, height};
    clv_image work;
    clv_image_init(&work);
    clv_status status =
        clv_resample(out->rgb.data, (size_t)3 * width, &work.rgb, src->rgb.data, &x, &y);
    clv_image_done(&work);
    if (status != CLV_OK)
        clv_image_clear(out);
    return status;
}
