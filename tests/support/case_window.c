/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions and pools: tables of what networks use and of what kernels get wrong, then random
 * ones. Channel counts are odd where they can be: tails of blocks are where the errors are. */
#include <string.h>

#include "support/case_families.h"
#include "support/case_oracle.h"

#define N_RANDOM_CONVS 200u
#define N_RANDOM_POOLS 100u

typedef struct conv_line {
    window_spec w;
    clv_activation activation;
    bool dynamic_weights; /* made by another node, not constant */
} conv_line;

#define SQ(extent)                                                                                 \
    {                                                                                              \
        extent, extent                                                                             \
    }
#define PADS(extent)                                                                               \
    {                                                                                              \
        extent, extent, extent, extent                                                             \
    }

/* Spatial dimensions, batch, channels, input, kernel; strides, dilations and groups of 0 are 1. */
/* clang-format off */
static const window_spec convs[] = {
    {2, 1, 16, SQ(7), SQ(1), .out_channels = 32, .bias = true},
    {2, 1, 17, SQ(9), SQ(1), .out_channels = 5, .bias = true},
    {2, 1, 6, SQ(5), SQ(1), .pads = {0, 0, 1, 1}, .out_channels = 9, .bias = true},
    {2, 1, 6, SQ(5), SQ(1), .pads = PADS(1), .out_channels = 9, .bias = true},
    {2, 2, 3, SQ(11), SQ(1), .stride = SQ(2), .out_channels = 17},
    {2, 1, 32, SQ(1), SQ(1), .out_channels = 64, .bias = true},
    {2, 1, 16, SQ(14), SQ(3), .pads = PADS(1), .out_channels = 16, .bias = true},
    {2, 1, 3, SQ(23), SQ(3), .stride = SQ(2), .pads = PADS(1), .out_channels = 17, .bias = true},
    {2, 1, 5, SQ(13), SQ(5), .pads = PADS(2), .out_channels = 3, .bias = true},
    {2, 1, 3, SQ(29), SQ(7), .stride = SQ(2), .pads = PADS(3), .out_channels = 16, .bias = true},
    {2, 2, 17, SQ(8), SQ(3), .out_channels = 17},
    {2, 1, 1, SQ(5), SQ(3), .pads = PADS(1), .out_channels = 1},
    {2, 1, 16, SQ(3), SQ(3), .pads = PADS(2), .out_channels = 16, .bias = true},
    {2, 1, 33, SQ(6), SQ(3), .stride = SQ(3), .pads = PADS(1), .out_channels = 31, .bias = true, .residual = true},
    /* depthwise, with multiplier, of odd width; grouped */
    {2, 1, 32, SQ(14), SQ(3), .pads = PADS(1), .groups = 32, .out_channels = 32, .bias = true},
    {2, 1, 17, SQ(15), SQ(3), .stride = SQ(2), .pads = PADS(1), .groups = 17, .out_channels = 17, .bias = true},
    {2, 1, 5, SQ(12), SQ(5), .pads = PADS(2), .groups = 5, .out_channels = 10, .bias = true},
    {2, 1, 16, SQ(9), SQ(3), .pads = PADS(1), .groups = 16, .out_channels = 32},
    {2, 1, 24, SQ(7), SQ(1), .groups = 3, .out_channels = 24, .bias = true},
    {2, 1, 20, SQ(10), SQ(3), .pads = PADS(1), .groups = 4, .out_channels = 12, .bias = true, .residual = true},
    /* dilation, padding on one side, kernels that are not square */
    {2, 1, 8, {15, 13}, SQ(3), .dilation = {2, 3}, .pads = {2, 3, 2, 3}, .out_channels = 9},
    {2, 1, 6, SQ(12), SQ(3), .stride = SQ(2), .pads = {0, 0, 1, 1}, .out_channels = 16, .bias = true},
    {2, 1, 6, {12, 11}, SQ(3), .stride = SQ(2), .pads = {1, 1, 0, 0}, .groups = 6, .out_channels = 6, .bias = true},
    {2, 1, 4, {9, 17}, {1, 7}, .pads = {0, 3, 0, 3}, .out_channels = 8, .bias = true},
    {2, 1, 4, {17, 9}, {7, 1}, .stride = {1, 2}, .pads = {3, 0, 3, 0}, .out_channels = 8},
    {2, 1, 3, SQ(4), SQ(3), .stride = SQ(5), .pads = PADS(3), .out_channels = 2},
    {2, 1, 3, SQ(2), SQ(3), .dilation = SQ(4), .pads = PADS(7), .out_channels = 2},
    /* one and three dimensions */
    {1, 2, 16, {37}, {5}, .stride = {2}, .pads = {2, 1}, .out_channels = 17, .bias = true},
    {1, 1, 12, {20}, {3}, .dilation = {4}, .pads = {4, 4}, .groups = 12, .out_channels = 12},
    {3, 1, 5, {6, 7, 8}, {3, 3, 3}, .stride = {1, 2, 1}, .pads = {1, 1, 1, 1, 0, 1}, .out_channels = 7, .bias = true},
    {3, 1, 6, {5, 6, 7}, {1, 3, 3}, .dilation = {2, 1, 2}, .pads = {0, 1, 2, 0, 1, 2}, .groups = 3, .out_channels = 6, .residual = true},
    {3, 1, 8, {4, 5, 6}, {1, 1, 1}, .out_channels = 5, .bias = true},
};
/* Each activation is fused into each of these. */
static const window_spec fused[] = {
    {2, 1, 19, SQ(8), SQ(1), .out_channels = 21, .bias = true},
    {2, 1, 16, SQ(8), SQ(3), .pads = PADS(1), .out_channels = 18, .bias = true},
    {2, 1, 18, SQ(9), SQ(3), .pads = PADS(1), .groups = 18, .out_channels = 18, .bias = true},
    {2, 1, 7, SQ(9), SQ(3), .pads = PADS(1), .out_channels = 16, .bias = true, .residual = true},
};
/* clang-format on */

#define N_CONVS (sizeof convs / sizeof convs[0])
#define N_SHAPES (sizeof fused / sizeof fused[0])
#define N_FUSED (N_SHAPES * CLV_ACT_COUNT)

static void random_window(window_spec *w, uint64_t *seed)
{
    w->n = (uint32_t)(case_random_between(seed, 0, 5) == 0 ? case_random_between(seed, 1, 3) : 2);
    for (uint32_t d = 0; d < w->n; d++) {
        w->kernel[d] = case_random_between(seed, 1, w->n == 3 ? 3 : 5);
        w->stride[d] = case_random_between(seed, 1, 3);
        w->dilation[d] = case_random_between(seed, 0, 3) == 0 ? case_random_between(seed, 2, 3) : 1;
        int64_t reach = (w->kernel[d] - 1) * w->dilation[d] + 1;
        w->pads[d] = case_random_between(seed, 0, reach - 1);
        w->pads[w->n + d] = case_random_between(seed, 0, reach - 1);
        w->in[d] = reach + case_random_between(seed, 0, w->n == 3 ? 4 : 12);
    }
}

static conv_line random_line(size_t i)
{
    static const int64_t widths[] = {1, 2, 3, 4, 5, 8, 16, 17};
    uint64_t seed = 1000 + i;
    conv_line line = {.activation = CLV_ACT_NONE};
    window_spec *w = &line.w;

    random_window(w, &seed);
    w->batch = case_random_between(&seed, 1, 2);
    w->groups = case_random_between(&seed, 0, 2) > 0 ? 1 : widths[case_random(&seed) % 8];
    int64_t in_group = w->groups > 5 ? 1 : widths[case_random(&seed) % 8];
    int64_t out_group =
        w->groups > 5 ? case_random_between(&seed, 1, 2) : widths[case_random(&seed) % 8];
    w->channels = w->groups * in_group;
    w->out_channels = w->groups * out_group;
    w->bias = case_random_between(&seed, 0, 3) > 0;
    w->residual = case_random_between(&seed, 0, 3) == 0;
    if (case_random_between(&seed, 0, 1) == 0)
        line.activation = (clv_activation)(case_random(&seed) % CLV_ACT_COUNT);
    line.dynamic_weights = case_random_between(&seed, 0, 19) == 0;
    return line;
}

static conv_line line_of(size_t i)
{
    if (i < N_CONVS)
        return (conv_line){convs[i], CLV_ACT_NONE, false};
    i -= N_CONVS;
    if (i < N_FUSED)
        return (conv_line){fused[i % N_SHAPES], (clv_activation)(i / N_SHAPES), false};
    return random_line(i - N_FUSED);
}

/* [batch, channels, extents...] */
static clv_shape spatial_shape(int64_t batch, int64_t channels, const int64_t *extents, uint32_t n)
{
    clv_shape shape = {.rank = 2 + n, .dim = {batch, channels}};
    memcpy(shape.dim + 2, extents, n * sizeof *extents);
    return shape;
}

static void resolve_defaults(window_spec *w)
{
    for (uint32_t d = 0; d < w->n; d++) {
        w->stride[d] = w->stride[d] ? w->stride[d] : 1;
        w->dilation[d] = w->dilation[d] ? w->dilation[d] : 1;
    }
    w->groups = w->groups ? w->groups : 1;
}

static void output_extents(int64_t *out, const window_spec *w)
{
    for (uint32_t d = 0; d < w->n; d++) {
        int64_t reach = (w->kernel[d] - 1) * w->dilation[d] + 1;
        out[d] = (w->in[d] + w->pads[d] + w->pads[w->n + d] - reach) / w->stride[d] + 1;
    }
}

static node_case *begin_conv(const conv_line *line, size_t i)
{
    const window_spec *w = &line->w;
    node_case *c = case_create(CLV_OP_CONV,
                               "conv %zu: %uD, %lld -> %lld channels, kernel %lld, stride %lld, "
                               "groups %lld%s%s, activation %d",
                               i, w->n, (long long)w->channels, (long long)w->out_channels,
                               (long long)w->kernel[0], (long long)w->stride[0],
                               (long long)w->groups, w->bias ? ", bias" : "",
                               w->residual ? ", residual" : "", (int)line->activation);
    c->fusion = case_fusion(line->activation);
    case_ints(c, "strides", w->stride, w->n);
    case_ints(c, "dilations", w->dilation, w->n);
    case_ints(c, "pads", w->pads, 2 * w->n);
    case_int(c, "group", w->groups);
    return c;
}

static node_case *make_conv(size_t i)
{
    conv_line line = line_of(i);
    window_spec *w = &line.w;
    uint64_t seed = i;
    int64_t out[3];

    resolve_defaults(w);
    output_extents(out, w);
    node_case *c = begin_conv(&line, i);
    const float *bias = NULL, *residual = NULL;
    clv_shape x_shape = spatial_shape(w->batch, w->channels, w->in, w->n);
    clv_shape w_shape = spatial_shape(w->out_channels, w->channels / w->groups, w->kernel, w->n);
    const float *x = case_random_input(c, x_shape, 1.0f, &seed);
    const float *weights = case_random_input(c, w_shape, 0.5f, &seed);
    if (!line.dynamic_weights)
        case_make_constant(c);
    if (w->bias) {
        bias = case_random_input(c, CASE_SHAPE(w->out_channels), 1.0f, &seed);
        case_make_constant(c);
    } else if (w->residual) {
        case_absent_input(c);
    }
    if (w->residual)
        residual =
            case_random_input(c, spatial_shape(w->batch, w->out_channels, out, w->n), 1.0f, &seed);
    case_must_build(c);
    oracle_conv(c->expected[0].data, w, x, weights, bias, residual, &c->fusion);
    return c;
}

const case_family case_conv = {"convolution", N_CONVS + N_FUSED + N_RANDOM_CONVS, make_conv};

/* --- pools -------------------------------------------------------------------------------- */

/* clang-format off */
static const window_spec pools[] = {
    {2, 1, 17, SQ(12), SQ(2), .stride = SQ(2)},
    {2, 1, 16, SQ(13), SQ(3), .stride = SQ(2), .pads = PADS(1)},
    {2, 1, 16, SQ(13), SQ(3), .stride = SQ(2), .pads = PADS(1), .count_include_pad = true},
    {2, 2, 5, SQ(12), SQ(3), .stride = SQ(2), .ceil_mode = true},
    {2, 1, 8, SQ(12), SQ(3), .stride = SQ(2), .ceil_mode = true, .count_include_pad = true},
    {2, 1, 3, SQ(10), SQ(3), .stride = SQ(2), .pads = {0, 0, 1, 1}},
    {2, 1, 3, SQ(10), SQ(3), .stride = SQ(2), .pads = {1, 0, 0, 1}, .count_include_pad = true},
    {2, 1, 16, SQ(11), SQ(3), .stride = SQ(2), .pads = {0, 1, 1, 0}, .ceil_mode = true},
    {2, 1, 4, SQ(8), SQ(3), .pads = PADS(1)},
    {2, 1, 32, SQ(7), SQ(7), .stride = SQ(1)},
    {2, 1, 6, {9, 14}, {2, 5}, .stride = {1, 3}, .pads = {1, 2, 0, 2}},
    {2, 1, 5, SQ(12), SQ(3), .dilation = SQ(2), .pads = PADS(2)},
    {2, 1, 5, SQ(7), SQ(2), .stride = SQ(5), .pads = PADS(1), .ceil_mode = true},
    {1, 2, 7, {31}, {4}, .stride = {3}, .pads = {1, 2}},
    {3, 1, 3, {6, 7, 8}, {2, 3, 2}, .stride = {2, 2, 1}, .pads = {0, 1, 0, 1, 1, 1}},
};
static const window_spec globals[] = {
    {2, 1, 17, SQ(7), .kernel = SQ(7)},
    {2, 2, 64, {3, 5}, .kernel = {3, 5}},
    {2, 1, 32, SQ(1), .kernel = SQ(1)},
    {1, 1, 9, {13}, .kernel = {13}},
    {3, 1, 5, {3, 4, 5}, .kernel = {3, 4, 5}},
};
/* clang-format on */

#define N_POOLS (sizeof pools / sizeof pools[0])
#define N_GLOBALS (sizeof globals / sizeof globals[0])

static window_spec random_pool(size_t i)
{
    uint64_t seed = 5000 + i;
    window_spec w = {.batch = 1};

    random_window(&w, &seed);
    w.channels = case_random_between(&seed, 1, 20);
    w.ceil_mode = case_random_between(&seed, 0, 1) == 0;
    w.count_include_pad = case_random_between(&seed, 0, 1) == 0;
    return w;
}

static void pool_attributes(node_case *c, const window_spec *w)
{
    case_ints(c, "kernel_shape", w->kernel, w->n);
    case_ints(c, "strides", w->stride, w->n);
    case_ints(c, "dilations", w->dilation, w->n);
    case_ints(c, "pads", w->pads, 2 * w->n);
    case_int(c, "ceil_mode", w->ceil_mode);
    if (c->op == CLV_OP_AVERAGE_POOL)
        case_int(c, "count_include_pad", w->count_include_pad);
}

/* Each of the specs twice: as a maximum and as an average. */
static node_case *make_pool(size_t i)
{
    bool is_max = i % 2 == 0;
    size_t at = i / 2;
    bool global = at < N_GLOBALS;
    window_spec w = global                     ? globals[at]
                    : at < N_GLOBALS + N_POOLS ? pools[at - N_GLOBALS]
                                               : random_pool(at - N_GLOBALS - N_POOLS);
    clv_op op = is_max ? (global ? CLV_OP_GLOBAL_MAX_POOL : CLV_OP_MAX_POOL)
                       : (global ? CLV_OP_GLOBAL_AVERAGE_POOL : CLV_OP_AVERAGE_POOL);
    uint64_t seed = i;

    resolve_defaults(&w);
    node_case *c =
        case_create(op, "pool %zu: %s, %uD, kernel %lld, stride %lld%s%s", i,
                    clv_op_describe(op)->name, w.n, (long long)w.kernel[0], (long long)w.stride[0],
                    w.ceil_mode ? ", ceil" : "", w.count_include_pad ? ", pads count" : "");
    if (!global)
        pool_attributes(c, &w);
    const float *x =
        case_random_input(c, spatial_shape(w.batch, w.channels, w.in, w.n), 1.0f, &seed);
    case_must_build(c);
    oracle_pool(c->expected[0].data, &w, c->expected[0].shape.dim + 2, is_max, x);
    return c;
}

const case_family case_pool = {"pool", 2 * (N_GLOBALS + N_POOLS + N_RANDOM_POOLS), make_pool};
