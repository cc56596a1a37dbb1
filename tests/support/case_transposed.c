/* SPDX-License-Identifier: Apache-2.0 */
/* ConvTranspose: a table of what networks use, then random ones. */
#include <string.h>

#include "support/case_families.h"

#define N_RANDOM 150u

typedef struct transposed {
    uint32_t n; /* spatial dimensions */
    int64_t batch, channels, out_channels, groups;
    int64_t in[3], kernel[3], stride[3], dilation[3], output_padding[3], pads[6];
    bool bias;
} transposed;

#define SQ(extent)                                                                                 \
    {                                                                                              \
        extent, extent                                                                             \
    }

/* clang-format off */
static const transposed table[] = {
    {2, 1, 16, 8, 1, SQ(7), SQ(2), SQ(2), SQ(1), {0}, {0}, true},
    {2, 1, 33, 17, 1, SQ(5), SQ(4), SQ(2), SQ(1), {0}, {1, 1, 1, 1}, true},
    {2, 2, 3, 5, 1, {6, 4}, SQ(3), SQ(2), SQ(1), SQ(1), {1, 1, 1, 1}, true},
    {2, 1, 17, 17, 17, SQ(6), SQ(4), SQ(2), SQ(1), {0}, {1, 1, 1, 1}, false},
    {2, 1, 12, 6, 3, SQ(5), SQ(3), SQ(1), SQ(2), {0}, {0, 1, 2, 1}, true},
    {2, 1, 8, 16, 1, SQ(1), SQ(3), SQ(1), SQ(1), {0}, {0}, false},
    {1, 2, 16, 3, 1, {9}, {5}, {3}, {1}, {2}, {2, 1}, true},
    {3, 1, 4, 5, 1, {3, 2, 4}, {2, 3, 2}, {2, 1, 2}, {1, 1, 1}, {1, 0, 0}, {0, 1, 0, 0, 1, 1}, true},
    {2, 1, 32, 32, 1, SQ(4), SQ(1), SQ(1), SQ(1), {0}, {0}, true},
    {2, 1, 8, 8, 1, SQ(4), SQ(2), SQ(4), SQ(1), {0}, {0}, true},
};
/* clang-format on */
#define N_TABLE (sizeof table / sizeof table[0])

static transposed random_one(size_t i)
{
    static const int64_t widths[] = {1, 2, 3, 4, 5, 8, 16, 17};
    uint64_t seed = 9000 + i;
    transposed t = {.batch = case_random_between(&seed, 1, 2), .groups = 1};

    t.n = (uint32_t)(case_random_between(&seed, 0, 5) == 0 ? case_random_between(&seed, 1, 3) : 2);
    if (case_random_between(&seed, 0, 2) == 0)
        t.groups = case_random_between(&seed, 2, 17);
    t.channels = t.groups * (t.groups > 5 ? 1 : widths[case_random(&seed) % 8]);
    t.out_channels = t.groups * (t.groups > 5 ? 1 : widths[case_random(&seed) % 8]);
    t.bias = case_random_between(&seed, 0, 1) == 0;
    for (uint32_t d = 0; d < t.n; d++) {
        t.in[d] = case_random_between(&seed, 1, t.n == 3 ? 4 : 8);
        t.kernel[d] = case_random_between(&seed, 1, 4);
        t.stride[d] = case_random_between(&seed, 1, 3);
        t.dilation[d] = case_random_between(&seed, 0, 3) == 0 ? 2 : 1;
        t.output_padding[d] = case_random_between(&seed, 0, t.stride[d] - 1);
        int64_t reach = (t.kernel[d] - 1) * t.dilation[d] + 1;
        t.pads[d] = case_random_between(&seed, 0, (reach - 1) / 2);
        t.pads[t.n + d] = case_random_between(&seed, 0, (reach - 1) / 2);
    }
    return t;
}

static clv_shape spatial_shape(int64_t batch, int64_t channels, const int64_t *extents, uint32_t n)
{
    clv_shape shape = {.rank = 2 + n, .dim = {batch, channels}};
    memcpy(shape.dim + 2, extents, n * sizeof *extents);
    return shape;
}

static node_case *begin(const transposed *t, size_t i)
{
    node_case *c = case_create(CLV_OP_CONV_TRANSPOSE,
                               "conv transpose %zu: %uD, %lld -> %lld channels, kernel %lld, "
                               "stride %lld, groups %lld%s",
                               i, t->n, (long long)t->channels, (long long)t->out_channels,
                               (long long)t->kernel[0], (long long)t->stride[0],
                               (long long)t->groups, t->bias ? ", bias" : "");
    case_ints(c, "strides", t->stride, t->n);
    case_ints(c, "dilations", t->dilation, t->n);
    case_ints(c, "pads", t->pads, 2 * t->n);
    case_ints(c, "output_padding", t->output_padding, t->n);
    case_int(c, "group", t->groups);
    return c;
}

/* The input element along dimension @p d that kernel element @p k brings to output @p o, or -1. */
static int64_t source(const transposed *t, uint32_t d, int64_t o, int64_t k)
{
    int64_t at = o + t->pads[d] - k * t->dilation[d];
    return at >= 0 && at % t->stride[d] == 0 && at / t->stride[d] < t->in[d] ? at / t->stride[d]
                                                                             : -1;
}

/* What input channel @p x gives to one output element. @p k counts through the kernel. */
static double gather(const transposed *t, const float *x, const float *w, const int64_t *at)
{
    size_t taps = 1;
    double sum = 0.0;

    for (uint32_t d = 0; d < t->n; d++)
        taps *= (size_t)t->kernel[d];
    for (size_t tap = 0; tap < taps; tap++) {
        size_t rest = tap, stride = 1, from = 0;
        bool inside = true;
        for (uint32_t d = t->n; d-- > 0;) {
            int64_t i = source(t, d, at[d], (int64_t)(rest % (size_t)t->kernel[d]));
            inside &= i >= 0;
            from += inside ? (size_t)i * stride : 0;
            stride *= (size_t)t->in[d];
            rest /= (size_t)t->kernel[d];
        }
        sum += inside ? (double)w[tap] * (double)x[from] : 0.0;
    }
    return sum;
}

static void oracle(float *y, const transposed *t, const clv_shape *out, const float *x,
                   const float *w, const float *bias)
{
    size_t area = case_extent(out, 2, out->rank), channels = (size_t)t->out_channels;
    size_t in_group = (size_t)(t->channels / t->groups);
    size_t out_group = channels / (size_t)t->groups, in_area = 1, taps = 1;

    for (uint32_t d = 0; d < t->n; d++) {
        in_area *= (size_t)t->in[d];
        taps *= (size_t)t->kernel[d];
    }
    for (size_t j = 0; j < (size_t)t->batch * channels * area; j++) {
        size_t sample = j / area / channels, co = j / area % channels, group = co / out_group;
        int64_t at[3];
        for (uint32_t d = 0; d < t->n; d++)
            at[d] = (int64_t)(j / case_extent(out, 3 + d, out->rank)) % out->dim[2 + d];
        double sum = bias != NULL ? (double)bias[co] : 0.0;
        for (size_t ci = group * in_group; ci < (group + 1) * in_group; ci++)
            sum += gather(t, x + (sample * (size_t)t->channels + ci) * in_area,
                          w + (ci * out_group + co % out_group) * taps, at);
        y[j] = (float)sum;
    }
}

static node_case *make_transposed(size_t i)
{
    transposed t = i < N_TABLE ? table[i] : random_one(i);
    uint64_t seed = i;
    const float *bias = NULL;
    node_case *c = begin(&t, i);

    const float *x =
        case_random_input(c, spatial_shape(t.batch, t.channels, t.in, t.n), 1.0f, &seed);
    const float *w = case_random_input(
        c, spatial_shape(t.channels, t.out_channels / t.groups, t.kernel, t.n), 0.5f, &seed);
    case_make_constant(c);
    if (t.bias) {
        bias = case_random_input(c, CASE_SHAPE(t.out_channels), 1.0f, &seed);
        case_make_constant(c);
    }
    case_must_build(c);
    oracle(c->expected[0].data, &t, &c->expected[0].shape, x, w, bias);
    return c;
}

const case_family case_transposed = {"transposed conv", N_TABLE + N_RANDOM, make_transposed};
