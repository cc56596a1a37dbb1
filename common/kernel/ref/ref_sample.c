/* SPDX-License-Identifier: Apache-2.0 */
/* GridSample and AffineGrid, over 1 to 3 spatial dimensions; as PyTorch, whose exports are what
 * uses them, where ONNX leaves it open. */
#include <math.h>
#include <string.h>

#include "kernel/ref/ref_kernels.h"

#define CUBIC_A (-0.75)

typedef enum padding { ZEROS, BORDER, REFLECTION } padding;
typedef enum sampling { NEAREST, LINEAR, CUBIC } sampling;

/* The input elements along one axis that a point needs. */
typedef struct taps {
    int n;
    int64_t position[4]; /* -1: outside, which is 0 */
    double weight[4];
} taps;

typedef struct sampler {
    sampling mode;
    padding pad;
    bool align;
    uint32_t n; /* spatial dimensions */
    int64_t in[CLV_MAX_SPATIAL];
    taps axis[CLV_MAX_SPATIAL]; /* of the current point */
} sampler;

/* Fold @p x back at both edges until it lies between them. */
static double reflect(double x, int64_t dim, bool align)
{
    double low = align ? 0 : -0.5, high = align ? (double)dim - 1 : (double)dim - 0.5;
    double span = high - low;

    if (span <= 0)
        return 0;
    x = fmod(fabs(x - low), 2 * span);
    return low + (x > span ? 2 * span - x : x);
}

/* Into [0, dim - 1]; NAN becomes 0. */
static double clip(double x, int64_t dim)
{
    return x > 0 ? fmin(x, (double)(dim - 1)) : 0;
}

static double apply_padding(const sampler *s, double x, int64_t dim)
{
    switch (s->pad) {
    case BORDER:
        return clip(x, dim);
    case REFLECTION:
        return clip(reflect(x, dim, s->align), dim);
    default:
        return x > -4 && x < (double)dim + 4 ? x : -4; /* far enough to be outside, and no NAN */
    }
}

static void set_tap(taps *t, int i, int64_t position, int64_t dim, double weight)
{
    t->position[i] = position >= 0 && position < dim ? position : -1;
    t->weight[i] = weight;
}

static double cubic(double x)
{
    const double a = CUBIC_A;
    return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/* Cubic taps are padded one by one, the others' position as a whole. */
static void find_cubic(taps *t, const sampler *s, double x, int64_t dim)
{
    double limit = (double)INT32_MAX, base;
    x = x > -limit && x < limit ? x : -limit;
    base = floor(x);
    t->n = 4;
    for (int i = 0; i < 4; i++) {
        double at = base - 1 + i;
        set_tap(t, i, (int64_t)apply_padding(s, at, dim), dim, cubic(fabs(x - at)));
    }
}

/* What a grid's coordinate in [-1, 1] means along an axis. */
static void find_taps(taps *t, const sampler *s, double coordinate, int64_t dim)
{
    double x = s->align ? (coordinate + 1) / 2 * (double)(dim - 1)
                        : ((coordinate + 1) * (double)dim - 1) / 2;

    if (s->mode == CUBIC) {
        find_cubic(t, s, x, dim);
        return;
    }
    x = apply_padding(s, x, dim);
    if (s->mode == NEAREST) {
        t->n = 1;
        set_tap(t, 0, (int64_t)nearbyint(x), dim, 1);
        return;
    }
    double base = floor(x);
    t->n = 2;
    set_tap(t, 0, (int64_t)base, dim, 1 - (x - base));
    set_tap(t, 1, (int64_t)base + 1, dim, x - base);
}

/* The sum over the taps of axis @p d and of those inside of it. */
static double blend(const sampler *s, const float *plane, uint32_t d, size_t at)
{
    const taps *t = &s->axis[d];
    double sum = 0;

    if (d == s->n)
        return (double)plane[at];
    for (int i = 0; i < t->n; i++) {
        if (t->position[i] >= 0 && t->weight[i] != 0)
            sum += t->weight[i] *
                   blend(s, plane, d + 1, at * (size_t)s->in[d] + (size_t)t->position[i]);
    }
    return sum;
}

static sampler make_sampler(const clv_node *node, const clv_shape *in)
{
    const char *mode = clv_node_attr_string(node, "mode", "linear");
    const char *pad = clv_node_attr_string(node, "padding_mode", "zeros");
    sampler s = {.n = in->rank - 2, .align = clv_node_attr_int(node, "align_corners", 0) != 0};

    s.mode = strcmp(mode, "nearest") == 0 ? NEAREST : strcmp(mode, "cubic") == 0 ? CUBIC : LINEAR;
    s.pad = strcmp(pad, "border") == 0 ? BORDER : strcmp(pad, "zeros") == 0 ? ZEROS : REFLECTION;
    memcpy(s.in, in->dim + 2, s.n * sizeof s.in[0]);
    return s;
}

clv_status ref_grid_sample(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                           clv_tensor *outputs)
{
    const clv_shape *in = &inputs[0].shape, *out = &outputs[0].shape;
    sampler s = make_sampler(node, in);
    size_t batches = (size_t)in->dim[0], channels = (size_t)in->dim[1];
    size_t in_points = ref_extent(in, 2, in->rank), points = ref_extent(out, 2, out->rank);
    const float *src = inputs[0].data, *grid = inputs[1].data;
    float *dst = outputs[0].data;
    (void)graph;

    for (size_t b = 0; b < batches; b++) {
        for (size_t i = 0; i < points; i++, grid += s.n) {
            for (uint32_t d = 0; d < s.n; d++) /* a grid names x before y */
                find_taps(&s.axis[d], &s, (double)grid[s.n - 1 - d], s.in[d]);
            for (size_t c = b * channels; c < (b + 1) * channels; c++)
                dst[c * points + i] = (float)blend(&s, src + c * in_points, 0, 0);
        }
    }
    return CLV_OK;
}

/* The coordinate in [-1, 1] of element @p i of @p dim. */
static double coordinate_of(int64_t i, int64_t dim, bool align)
{
    if (align)
        return dim > 1 ? -1 + 2 * (double)i / (double)(dim - 1) : 0;
    return (2 * (double)i + 1) / (double)dim - 1;
}

clv_status ref_affine_grid(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                           clv_tensor *outputs)
{
    const clv_shape *out = &outputs[0].shape;
    bool align = clv_node_attr_int(node, "align_corners", 0) != 0;
    uint32_t n = out->rank - 2;
    size_t points = ref_extent(out, 1, out->rank - 1), batches = (size_t)out->dim[0];
    float *dst = outputs[0].data;
    (void)graph;

    for (size_t b = 0; b < batches; b++) {
        const float *theta = (const float *)inputs[0].data + b * n * (n + 1);
        for (size_t i = 0; i < points; i++) {
            double at[CLV_MAX_SPATIAL];
            size_t rest = i;
            for (uint32_t d = n; d-- > 0; rest /= (size_t)out->dim[1 + d])
                at[n - 1 - d] = coordinate_of((int64_t)(rest % (size_t)out->dim[1 + d]),
                                              out->dim[1 + d], align);
            for (uint32_t row = 0; row < n; row++) {
                double sum = (double)theta[row * (n + 1) + n];
                for (uint32_t col = 0; col < n; col++)
                    sum += (double)theta[row * (n + 1) + col] * at[col];
                *dst++ = (float)sum;
            }
        }
    }
    return CLV_OK;
}
