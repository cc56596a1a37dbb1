/* SPDX-License-Identifier: Apache-2.0 */
/* BatchNormalization, LRN, Softmax, ReduceMean. */
#include <math.h>

#include "support/case_families.h"

static const clv_shape shapes[] = {
    {4, {2, 17, 5, 3}}, {4, {1, 32, 7, 7}}, {3, {2, 9, 6}}, {2, {3, 33}}, {5, {1, 5, 2, 3, 4}},
};
#define N_SHAPES (sizeof shapes / sizeof shapes[0])

/* --- BatchNormalization ------------------------------------------------------------------- */

static node_case *make_batch_norm(size_t i)
{
    const clv_shape *shape = &shapes[i];
    clv_shape per_channel = CASE_SHAPE(shape->dim[1]);
    const float *p[4];
    uint64_t seed = i;
    node_case *c =
        case_create(CLV_OP_BATCH_NORMALIZATION, "batch norm %zu: rank %u", i, shape->rank);
    const float *x = case_random_input(c, *shape, 2.0f, &seed);

    for (int j = 0; j < 4; j++) { /* scale, shift, mean, variance */
        float *data = case_random_input(c, per_channel, 1.0f, &seed);
        for (int64_t k = 0; j == 3 && k < shape->dim[1]; k++)
            data[k] = fabsf(data[k]);
        p[j] = data;
        case_make_constant(c);
    }
    case_float(c, "epsilon", 1e-3f);
    case_must_build(c);
    size_t area = case_extent(shape, 2, shape->rank);
    for (size_t j = 0; j < case_elems(&c->expected[0]); j++) {
        size_t ch = j / area % (size_t)shape->dim[1];
        ((float *)c->expected[0].data)[j] =
            (float)(((double)x[j] - (double)p[2][ch]) / sqrt((double)p[3][ch] + (double)1e-3f) *
                        (double)p[0][ch] +
                    (double)p[1][ch]);
    }
    return c;
}

/* --- LRN ---------------------------------------------------------------------------------- */

static const int64_t lrn_sizes[] = {1, 3, 5, 4, 40};
#define N_LRN (N_SHAPES * sizeof lrn_sizes / sizeof lrn_sizes[0])

static node_case *make_lrn(size_t i)
{
    const clv_shape *shape = &shapes[i % N_SHAPES];
    int64_t size = lrn_sizes[i / N_SHAPES], channels = shape->dim[1];
    uint64_t seed = i;
    node_case *c =
        case_create(CLV_OP_LRN, "lrn %zu: rank %u, size %lld", i, shape->rank, (long long)size);
    const float *x = case_random_input(c, *shape, 3.0f, &seed);

    case_int(c, "size", size);
    case_float(c, "alpha", 0.5f);
    case_float(c, "bias", 2.0f);
    case_must_build(c);
    size_t area = case_extent(shape, 2, shape->rank);
    for (size_t j = 0; j < case_elems(&c->expected[0]); j++) {
        int64_t ch = (int64_t)(j / area) % channels;
        double sum = 0.0;
        for (int64_t k = ch - (size - 1) / 2; k <= ch + size / 2; k++) {
            double v =
                k < 0 || k >= channels ? 0.0 : (double)x[(int64_t)j + (k - ch) * (int64_t)area];
            sum += v * v;
        }
        ((float *)c->expected[0].data)[j] =
            (float)((double)x[j] / pow(2.0 + 0.5 / (double)size * sum, 0.75));
    }
    return c;
}

/* --- Softmax ------------------------------------------------------------------------------ */

#define N_SOFTMAX (N_SHAPES * 4) /* axes -2 .. 1 */

static node_case *make_softmax(size_t i)
{
    const clv_shape *shape = &shapes[i % N_SHAPES];
    int64_t axis = (int64_t)(i / N_SHAPES) - 2;
    uint64_t seed = i;
    node_case *c = case_create(CLV_OP_SOFTMAX, "softmax %zu: rank %u, axis %lld", i, shape->rank,
                               (long long)axis);
    /* exp() of these overflows unless the largest is taken off first */
    const float *x = case_random_input(c, *shape, i % 2 == 0 ? 3.0f : 300.0f, &seed);

    case_int(c, "axis", axis);
    case_must_build(c);
    uint32_t at = (uint32_t)(axis < 0 ? axis + shape->rank : axis);
    size_t n = (size_t)shape->dim[at], inner = case_extent(shape, at + 1, shape->rank);
    for (size_t j = 0; j < case_elems(&c->expected[0]); j++) {
        size_t first = j / (n * inner) * n * inner + j % inner;
        double sum = 0.0;
        for (size_t k = 0; k < n; k++)
            sum += exp((double)x[first + k * inner] - (double)x[j]);
        ((float *)c->expected[0].data)[j] = (float)(1.0 / sum);
    }
    return c;
}

static node_case *make_norm(size_t i)
{
    if (i < N_SHAPES)
        return make_batch_norm(i);
    i -= N_SHAPES;
    return i < N_LRN ? make_lrn(i) : make_softmax(i - N_LRN);
}

const case_family case_norm = {"normalisation", N_SHAPES + N_LRN + N_SOFTMAX, make_norm};

/* --- ReduceMean --------------------------------------------------------------------------- */

#define N_MASKS 15u /* every set of the first four axes but the empty one */

static node_case *make_reduce(size_t i)
{
    const clv_shape *shape = &shapes[i / (2 * N_MASKS)];
    uint32_t mask = 1 + (uint32_t)(i / 2 % N_MASKS), n_axes = 0;
    int64_t axes[4];
    uint64_t seed = i;

    mask &= (1u << shape->rank) - 1;
    for (uint32_t axis = 0; axis < 4; axis++) {
        if ((mask >> axis & 1u) != 0) /* some of them counted from the end */
            axes[n_axes++] = axis % 2 == 0 ? axis : (int64_t)axis - shape->rank;
    }
    mask = n_axes == 0 ? ~0u : mask; /* none means all */
    node_case *c =
        case_create(CLV_OP_REDUCE_MEAN, "reduce mean %zu: rank %u, mask %x", i, shape->rank, mask);
    const float *x = case_random_input(c, *shape, 1.0f, &seed);
    if (n_axes > 0)
        case_const_ints(c, axes, n_axes);
    case_int(c, "keepdims", i % 2 == 0);
    case_must_build(c);

    float *y = c->expected[0].data;
    double sums[4096] = {0.0};
    size_t n = case_elems(&c->inputs[0]), n_out = case_elems(&c->expected[0]);
    for (size_t j = 0; j < n; j++) {
        size_t to = 0;
        for (uint32_t axis = 0; axis < shape->rank; axis++) {
            size_t at = j / case_extent(shape, axis + 1, shape->rank) % (size_t)shape->dim[axis];
            to = (mask >> axis & 1u) != 0 ? to : to * (size_t)shape->dim[axis] + at;
        }
        sums[to] += (double)x[j];
    }
    for (size_t j = 0; j < n_out; j++)
        y[j] = (float)(sums[j] * (double)n_out / (double)n);
    return c;
}

const case_family case_reduce = {"reduction", N_SHAPES * 2 * N_MASKS, make_reduce};
