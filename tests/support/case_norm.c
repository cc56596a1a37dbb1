/* SPDX-License-Identifier: Apache-2.0 */
/* BatchNormalization, LayerNormalization, LRN, Softmax and its logarithm, reductions. */
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

#define N_SOFTMAX (N_SHAPES * 4 * 2) /* axes -2 .. 1; then the logarithm */

static node_case *make_softmax(size_t i)
{
    const clv_shape *shape = &shapes[i % N_SHAPES];
    int64_t axis = (int64_t)(i / N_SHAPES % 4) - 2;
    bool log_of = i >= N_SOFTMAX / 2;
    uint64_t seed = i;
    node_case *c = case_create(log_of ? CLV_OP_LOG_SOFTMAX : CLV_OP_SOFTMAX,
                               "%ssoftmax %zu: rank %u, axis %lld", log_of ? "log " : "", i,
                               shape->rank, (long long)axis);
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
        ((float *)c->expected[0].data)[j] = (float)(log_of ? -log(sum) : 1.0 / sum);
    }
    return c;
}

/* --- LayerNormalization ------------------------------------------------------------------- */

#define N_LAYER_NORM (N_SHAPES * 2 * 2) /* axes -1 and 1, with and without a bias */

static node_case *make_layer_norm(size_t i)
{
    const clv_shape *shape = &shapes[i % N_SHAPES];
    int64_t axis = i / N_SHAPES % 2 == 0 ? -1 : 1;
    bool has_bias = i / N_SHAPES < 2;
    uint32_t at = axis < 0 ? shape->rank - 1 : 1;
    clv_shape inner = {.rank = shape->rank - at};
    uint64_t seed = i;
    node_case *c = case_create(CLV_OP_LAYER_NORMALIZATION, "layer norm %zu: rank %u, axis %lld%s",
                               i, shape->rank, (long long)axis, has_bias ? ", bias" : "");
    const float *x = case_random_input(c, *shape, 2.0f, &seed), *bias = NULL;

    for (uint32_t d = 0; d < inner.rank; d++)
        inner.dim[d] = shape->dim[at + d];
    const float *scale = case_random_input(c, inner, 1.0f, &seed);
    if (i % 2 == 0)
        case_make_constant(c);
    if (has_bias)
        bias = case_random_input(c, inner, 1.0f, &seed);
    case_int(c, "axis", axis);
    case_float(c, "epsilon", 1e-3f);
    case_must_build(c);
    size_t n = case_extent(shape, at, shape->rank);
    for (size_t j = 0; j < case_elems(&c->expected[0]); j++) {
        const float *row = x + j / n * n;
        double mean = 0.0, variance = 0.0;
        for (size_t k = 0; k < n; k++)
            mean += (double)row[k] / (double)n;
        for (size_t k = 0; k < n; k++)
            variance += pow((double)row[k] - mean, 2.0) / (double)n;
        ((float *)c->expected[0].data)[j] =
            (float)(((double)x[j] - mean) / sqrt(variance + (double)1e-3f) * (double)scale[j % n] +
                    (bias != NULL ? (double)bias[j % n] : 0.0));
    }
    return c;
}

static node_case *make_norm(size_t i)
{
    if (i < N_SHAPES)
        return make_batch_norm(i);
    i -= N_SHAPES;
    if (i < N_LAYER_NORM)
        return make_layer_norm(i);
    i -= N_LAYER_NORM;
    return i < N_LRN ? make_lrn(i) : make_softmax(i - N_LRN);
}

const case_family case_norm = {"normalisation", N_SHAPES + N_LAYER_NORM + N_LRN + N_SOFTMAX,
                               make_norm};

/* --- reductions --------------------------------------------------------------------------- */

static const clv_op reductions[] = {
    CLV_OP_REDUCE_MEAN, CLV_OP_REDUCE_SUM, CLV_OP_REDUCE_MAX, CLV_OP_REDUCE_MIN,
    CLV_OP_REDUCE_PROD, CLV_OP_REDUCE_L1,  CLV_OP_REDUCE_L2,  CLV_OP_REDUCE_SUM_SQUARE,
};
#define N_REDUCTIONS (sizeof reductions / sizeof reductions[0])
#define N_MASKS 15u /* every set of the first four axes but the empty one */
#define N_REDUCED (N_SHAPES * 2 * N_MASKS)

/* One more element. Mean and L2 are finished later. */
static double accumulate(clv_op op, double so_far, double x, bool first)
{
    switch (op) {
    case CLV_OP_REDUCE_MAX:
        return first ? x : fmax(so_far, x);
    case CLV_OP_REDUCE_MIN:
        return first ? x : fmin(so_far, x);
    case CLV_OP_REDUCE_PROD:
        return first ? x : so_far * x;
    case CLV_OP_REDUCE_L1:
        return so_far + fabs(x);
    case CLV_OP_REDUCE_L2:
    case CLV_OP_REDUCE_SUM_SQUARE:
        return so_far + x * x;
    default:
        return so_far + x;
    }
}

/* Reduce the axes of @p mask. */
static void oracle_reduce(node_case *c, uint32_t mask)
{
    const clv_shape *shape = &c->inputs[0].shape;
    const float *x = c->inputs[0].data;
    float *y = c->expected[0].data;
    double sums[4096] = {0.0};
    bool begun[4096] = {false};
    size_t n = case_elems(&c->inputs[0]), n_out = case_elems(&c->expected[0]);

    for (size_t j = 0; j < n; j++) {
        size_t to = 0;
        for (uint32_t axis = 0; axis < shape->rank; axis++) {
            size_t at = j / case_extent(shape, axis + 1, shape->rank) % (size_t)shape->dim[axis];
            to = (mask >> axis & 1u) != 0 ? to : to * (size_t)shape->dim[axis] + at;
        }
        sums[to] = accumulate(c->op, sums[to], (double)x[j], !begun[to]);
        begun[to] = true;
    }
    for (size_t j = 0; j < n_out; j++) {
        double sum = c->op == CLV_OP_REDUCE_L2 ? sqrt(sums[j]) : sums[j];
        y[j] = (float)(c->op == CLV_OP_REDUCE_MEAN ? sum * (double)n_out / (double)n : sum);
    }
}

static node_case *make_reduce(size_t number)
{
    clv_op op = reductions[number / N_REDUCED];
    size_t i = number % N_REDUCED;
    const clv_shape *shape = &shapes[i / (2 * N_MASKS)];
    uint32_t mask = 1 + (uint32_t)(i / 2 % N_MASKS), n_axes = 0;
    int64_t axes[4];
    uint64_t seed = number;

    mask &= (1u << shape->rank) - 1;
    for (uint32_t axis = 0; axis < 4; axis++) {
        if ((mask >> axis & 1u) != 0) /* some of them counted from the end */
            axes[n_axes++] = axis % 2 == 0 ? axis : (int64_t)axis - shape->rank;
    }
    mask = n_axes == 0 ? ~0u : mask; /* none means all */
    node_case *c = case_create(op, "reduce %zu: %s, rank %u, mask %x", number,
                               clv_op_describe(op)->name, shape->rank, mask);
    float *x = case_random_input(c, *shape, 1.0f, &seed);
    for (size_t j = 0; op == CLV_OP_REDUCE_PROD && j < case_elems(&c->inputs[0]); j++)
        x[j] = copysignf(1.0f + x[j] * x[j] / 64.0f, x[j]); /* products stay of a size */
    if (n_axes > 0)
        case_const_ints(c, axes, n_axes);
    case_int(c, "keepdims", i % 2 == 0);
    case_must_build(c);
    oracle_reduce(c, mask);
    return c;
}

const case_family case_reduce = {"reduction", N_REDUCTIONS *N_REDUCED, make_reduce};
