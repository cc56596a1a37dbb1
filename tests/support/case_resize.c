/* SPDX-License-Identifier: Apache-2.0 */
/* Resize, nearest and linear, in every mapping of coordinates: to sizes, where the ratio is exact,
 * and by scales, where the output's extent is cut. */
#include <math.h>

#include "support/case_families.h"

static const char *const transforms[] = {"half_pixel", "pytorch_half_pixel", "align_corners",
                                         "asymmetric", "half_pixel_symmetric"};
static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
#define N_TRANSFORMS (sizeof transforms / sizeof transforms[0])
#define N_MODES (sizeof roundings / sizeof roundings[0] + 1) /* the last is linear */

typedef struct resize_line {
    clv_shape in, out;
    float scales[5]; /* of the first axis 0: sizes are given */
} resize_line;

static const resize_line lines[] = {
    {{4, {1, 17, 5, 7}}, {4, {1, 17, 10, 14}}, {0}},
    {{4, {2, 3, 4, 6}}, {4, {2, 3, 12, 18}}, {0}},
    {{4, {1, 16, 8, 9}}, {4, {1, 16, 4, 3}}, {0}},
    {{4, {1, 21, 5, 5}}, {4, {1, 21, 33, 17}}, {0}},
    {{4, {1, 33, 1, 1}}, {4, {1, 33, 4, 5}}, {0}},
    {{4, {1, 3, 7, 5}}, {4, {1, 3, 7, 1}}, {0}},
    {{4, {1, 5, 6, 5}}, {4, {1, 5, 15, 8}}, {1.0f, 1.0f, 2.6f, 1.7f}},
    {{4, {1, 8, 3, 4}}, {4, {1, 8, 6, 8}}, {1.0f, 1.0f, 2.0f, 2.0f}},
    {{3, {2, 5, 7}}, {3, {2, 5, 14}}, {0}},
    {{5, {1, 3, 3, 4, 5}}, {5, {1, 3, 6, 5, 7}}, {0}},
    {{4, {2, 3, 4, 5}}, {4, {1, 5, 4, 5}}, {0}},
    {{2, {3, 5}}, {2, {5, 8}}, {0}},
};
#define N_LINES (sizeof lines / sizeof lines[0])

/* Where output element @p o lies along an axis. */
static double position(size_t transform, int64_t in, int64_t out, double scale, int64_t o)
{
    double half_pixel = ((double)o + 0.5) / scale - 0.5, length = scale * (double)in;

    if (in == out && scale == 1.0)
        return (double)o;
    switch (transform) {
    case 1:
        return out > 1 ? half_pixel : 0.0;
    case 2:
        return length == 1.0 ? 0.0 : (double)o * (double)(in - 1) / (length - 1.0);
    case 3:
        return (double)o / scale;
    case 4:
        return (double)in / 2.0 * (1.0 - (double)out / length) + half_pixel;
    default:
        return half_pixel;
    }
}

/* The value at output element @p at, over the axes from @p axis on. */
static double value_at(const node_case *c, const resize_line *line, size_t transform, size_t mode,
                       const int64_t *at, uint32_t axis, size_t base)
{
    if (axis == line->in.rank)
        return (double)((const float *)c->inputs[0].data)[base];
    int64_t in = line->in.dim[axis], out = line->out.dim[axis];
    double scale = line->scales[0] > 0.0f ? (double)line->scales[axis] : (double)out / (double)in;
    double x = position(transform, in, out, scale, at[axis]), last = (double)(in - 1);
    const double rounded[] = {ceil(x - 0.5), floor(x + 0.5), floor(x), ceil(x), floor(x)};
    double low = fmin(fmax(rounded[mode], 0.0), last), weight = 0.0;

    if (mode == 4) {
        x = fmin(fmax(x, 0.0), last);
        weight = x - low;
    }
    base *= (size_t)in;
    double y = value_at(c, line, transform, mode, at, axis + 1, base + (size_t)low);
    if (weight > 0.0)
        y +=
            weight * (value_at(c, line, transform, mode, at, axis + 1, base + (size_t)low + 1) - y);
    return y;
}

static node_case *make_resize(size_t i)
{
    const resize_line *line = &lines[i / (N_TRANSFORMS * N_MODES)];
    size_t transform = i / N_MODES % N_TRANSFORMS, mode = i % N_MODES;
    uint32_t rank = line->in.rank;
    uint64_t seed = i;
    node_case *c = case_create(CLV_OP_RESIZE, "resize %zu: rank %u, %s, %s", i, rank,
                               transforms[transform], mode == 4 ? "linear" : roundings[mode]);

    case_random_input(c, line->in, 1.0f, &seed);
    case_absent_input(c);
    if (line->scales[0] > 0.0f) {
        case_input(c, CLV_F32, CASE_SHAPE(rank), line->scales);
        case_make_constant(c);
    } else {
        case_absent_input(c);
        case_const_ints(c, line->out.dim, rank);
    }
    case_string(c, "coordinate_transformation_mode", transforms[transform]);
    case_string(c, "mode", mode == 4 ? "linear" : "nearest");
    case_string(c, "nearest_mode", roundings[mode % 4]);
    case_must_build(c);
    for (size_t j = 0; j < case_elems(&c->expected[0]); j++) {
        int64_t at[CLV_MAX_RANK];
        for (uint32_t axis = 0; axis < rank; axis++)
            at[axis] = (int64_t)(j / case_extent(&line->out, axis + 1, rank)) % line->out.dim[axis];
        ((float *)c->expected[0].data)[j] = (float)value_at(c, line, transform, mode, at, 0, 0);
    }
    return c;
}

const case_family case_resize = {"resize", N_LINES *N_TRANSFORMS *N_MODES, make_resize};
