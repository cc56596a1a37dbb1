/* SPDX-License-Identifier: Apache-2.0 */
/* Resize. Each output element is a sum over few input elements along each axis, its taps, with
 * weights that are those along the axes multiplied. The innermost axis is done in chunks, whose
 * taps are found once for all lines. */
#include <math.h>
#include <string.h>

#include "graph/params_resize.h"
#include "kernel/ref/ref_kernels.h"

#define MAX_WEIGHTS (4 * (size_t)CLV_RESIZE_MAX_TAPS)

/* What one output position needs along one axis. */
typedef struct point {
    int64_t first; /* input position of its first tap; may lie outside */
    double ratio;  /* how far it lies to the right of base, where taps are counted from */
    double norm;   /* what weights are multiplied by */
    bool extrapolated;
} point;

static double cubic(double x, double a)
{
    return x <= 1  ? ((a + 2) * x - (a + 3)) * x * x + 1
           : x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
                   : 0;
}

/* The weight of tap @p t before it is normalised. */
static double raw_weight(const clv_resize_params *p, const clv_resize_axis *axis, const point *at,
                         int64_t t)
{
    int64_t i = at->first + t;
    if (axis->n_taps == 1)
        return 1;
    if (p->exclude_outside && (i < 0 || i >= axis->in))
        return 0;
    double x = fabs((double)(axis->first_tap + t) - at->ratio);
    if (p->antialias && axis->scale < 1)
        x *= axis->scale;
    if (p->mode == CLV_RESIZE_CUBIC)
        return cubic(x, p->cubic_a);
    return x < 1 ? 1 - x : 0;
}

static point find_point(const clv_resize_params *p, const clv_resize_axis *axis, int64_t o)
{
    double x = clv_resize_position(p, axis, o), sum = 0, last = (double)(axis->in - 1);
    point at = {.norm = 1};

    at.extrapolated = p->transform == CLV_RESIZE_TF_CROP && !(x >= 0 && x <= last);
    x = x > -2 ? (x < last + 2 ? x : last + 2) : -2; /* beyond, everything is the edge */
    if (axis->n_taps == 1) {
        at.first = clv_resize_nearest(p, axis, o);
        return at;
    }
    at.ratio = x - floor(x);
    at.first = (int64_t)floor(x) + axis->first_tap;
    if (!p->antialias && !p->exclude_outside)
        return at; /* they add up to 1 */
    for (int64_t t = 0; t < axis->n_taps; t++)
        sum += raw_weight(p, axis, &at, t);
    at.norm = sum != 0 ? 1 / sum : 0;
    return at;
}

/* Tap @p t in [0, in): beyond its edge the input goes on with the same value. */
static size_t tap_position(const clv_resize_axis *axis, const point *at, int64_t t)
{
    int64_t i = at->first + t;
    return (size_t)(i < 0 ? 0 : i >= axis->in ? axis->in - 1 : i);
}

typedef struct resize {
    clv_resize_params p;
    uint32_t rank; /* at least 1 */
    const clv_tensor *in;
    point points[CLV_MAX_RANK]; /* of the current line, without the innermost axis */
    bool extrapolated;          /* the whole line */
    /* the current chunk of the innermost axis */
    size_t n;
    size_t position[MAX_WEIGHTS]; /* [n, taps] */
    double weight[MAX_WEIGHTS];
    bool outside[MAX_WEIGHTS]; /* [n] */
    double sum[MAX_WEIGHTS];   /* [n] */
} resize;

static void find_chunk(resize *r, int64_t from)
{
    const clv_resize_axis *axis = &r->p.axis[r->rank - 1];
    size_t taps = (size_t)axis->n_taps, left = (size_t)(axis->out - from);

    r->n = MAX_WEIGHTS / taps < left ? MAX_WEIGHTS / taps : left;
    for (size_t i = 0; i < r->n; i++) {
        point at = find_point(&r->p, axis, from + (int64_t)i);
        r->outside[i] = at.extrapolated;
        for (size_t t = 0; t < taps; t++) {
            r->position[i * taps + t] = tap_position(axis, &at, (int64_t)t);
            r->weight[i * taps + t] = raw_weight(&r->p, axis, &at, (int64_t)t) * at.norm;
        }
    }
}

/* Find the taps of line @p line of the output along the outer axes. */
static void find_line(resize *r, size_t line)
{
    r->extrapolated = false;
    for (uint32_t d = r->rank - 1; d-- > 0;) {
        const clv_resize_axis *axis = &r->p.axis[d];
        r->points[d] = find_point(&r->p, axis, (int64_t)(line % (size_t)axis->out));
        r->extrapolated |= r->points[d].extrapolated;
        line /= (size_t)axis->out;
    }
}

#define ADD_LINE(suffix, type)                                                                     \
    static void add_line_##suffix(resize *r, size_t line, double weight)                           \
    {                                                                                              \
        const clv_resize_axis *axis = &r->p.axis[r->rank - 1];                                     \
        const type *src = (const type *)r->in->data + line * (size_t)axis->in;                     \
        size_t taps = (size_t)axis->n_taps;                                                        \
        for (size_t i = 0; i < r->n; i++) {                                                        \
            double sum = 0;                                                                        \
            for (size_t t = 0; t < taps; t++)                                                      \
                sum += r->weight[i * taps + t] * (double)src[r->position[i * taps + t]];           \
            r->sum[i] += weight * sum;                                                             \
        }                                                                                          \
    }
ADD_LINE(f32, float)
ADD_LINE(f64, double)
ADD_LINE(u8, uint8_t)
ADD_LINE(i8, int8_t)

static void add_line(resize *r, size_t line, double weight)
{
    switch (r->in->dtype) {
    case CLV_F32:
        add_line_f32(r, line, weight);
        break;
    case CLV_F64:
        add_line_f64(r, line, weight);
        break;
    case CLV_U8:
        add_line_u8(r, line, weight);
        break;
    default:
        add_line_i8(r, line, weight);
        break;
    }
}

/* Add all input lines that the current output line needs from axis @p axis on. */
static void add_lines(resize *r, uint32_t d, size_t line, double weight)
{
    const clv_resize_axis *axis = &r->p.axis[d];
    const point *at = &r->points[d];

    if (d + 1 == r->rank) {
        add_line(r, line, weight);
        return;
    }
    for (int64_t t = 0; t < axis->n_taps; t++) {
        double own = raw_weight(&r->p, axis, at, t) * at->norm;
        if (own != 0)
            add_lines(r, d + 1, line * (size_t)axis->in + tap_position(axis, at, t), weight * own);
    }
}

static void store(clv_tensor *out, size_t i, double x)
{
    switch (out->dtype) {
    case CLV_F32:
        ((float *)out->data)[i] = (float)x;
        break;
    case CLV_F64:
        ((double *)out->data)[i] = x;
        break;
    case CLV_U8:
        ((uint8_t *)out->data)[i] = (uint8_t)fmin(fmax(rint(x), 0), UINT8_MAX);
        break;
    default:
        ((int8_t *)out->data)[i] = (int8_t)fmin(fmax(rint(x), INT8_MIN), INT8_MAX);
        break;
    }
}

static void blend_line(resize *r, clv_tensor *out, size_t at)
{
    memset(r->sum, 0, r->n * sizeof r->sum[0]);
    if (!r->extrapolated)
        add_lines(r, 0, 0, 1);
    for (size_t i = 0; i < r->n; i++)
        store(out, at + i,
              r->extrapolated || r->outside[i] ? (double)r->p.extrapolation : r->sum[i]);
}

/* With a constant size each memcpy becomes one move. */
static inline __attribute__((always_inline)) void pick(char *dst, const char *src, const resize *r,
                                                       size_t size)
{
    for (size_t i = 0; i < r->n; i++)
        memcpy(dst + i * size, src + r->position[i] * size, size);
}

/* Nearest: elements of any type are copied. */
static void pick_line(const resize *r, clv_tensor *out, size_t at)
{
    size_t size = clv_dtype_bytes(out->dtype), line = 0;
    char *dst = (char *)out->data + at * size;

    for (uint32_t d = 0; d + 1 < r->rank; d++)
        line = line * (size_t)r->p.axis[d].in + tap_position(&r->p.axis[d], &r->points[d], 0);
    const char *src = (const char *)r->in->data + line * (size_t)r->p.axis[r->rank - 1].in * size;
    if (size == 4)
        pick(dst, src, r, 4);
    else if (size == 1)
        pick(dst, src, r, 1);
    else
        pick(dst, src, r, size);
}

static bool blends(const clv_resize_params *p)
{
    return p->mode != CLV_RESIZE_NEAREST || p->transform == CLV_RESIZE_TF_CROP;
}

clv_status ref_resize(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                      clv_tensor *outputs)
{
    clv_tensor *out = &outputs[0];
    resize r = {.rank = out->shape.rank, .in = &inputs[0]};

    CLV_TRY(clv_resize_params_of(&r.p, graph, node, NULL));
    if (r.rank == 0) {
        memcpy(out->data, inputs[0].data, clv_dtype_bytes(out->dtype));
        return CLV_OK;
    }
    bool blend = blends(&r.p);
    size_t lines = ref_extent(&out->shape, 0, r.rank - 1);
    size_t length = (size_t)out->shape.dim[r.rank - 1];
    for (size_t from = 0; from < length; from += r.n) {
        find_chunk(&r, (int64_t)from);
        for (size_t line = 0; line < lines; line++) {
            find_line(&r, line);
            if (blend)
                blend_line(&r, out, line * length + from);
            else
                pick_line(&r, out, line * length + from);
        }
    }
    return CLV_OK;
}
