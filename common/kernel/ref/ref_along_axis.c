/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax, LogSoftmax, Hardmax, LpNormalization, CumSum: what works along one axis. */
#include <math.h>

#include "kernel/ref/ref_axes.h"
#include "kernel/ref/ref_number.h"

/* @p n elements that lie @p step apart. */
typedef void along_fn(float *y, const float *x, size_t n, size_t step);

/* Shifting by the largest keeps exp() finite. */
static float largest(const float *x, size_t n, size_t step)
{
    float max = -INFINITY;
    for (size_t i = 0; i < n; i++)
        max = x[i * step] > max ? x[i * step] : max;
    return max;
}

static void softmax(float *y, const float *x, size_t n, size_t step)
{
    float max = largest(x, n, step), sum = 0.0f;

    for (size_t i = 0; i < n; i++) {
        y[i * step] = expf(x[i * step] - max);
        sum += y[i * step];
    }
    for (size_t i = 0; i < n; i++)
        y[i * step] /= sum;
}

static void log_softmax(float *y, const float *x, size_t n, size_t step)
{
    float max = largest(x, n, step), sum = 0.0f;

    for (size_t i = 0; i < n; i++)
        sum += expf(x[i * step] - max);
    for (size_t i = 0; i < n; i++)
        y[i * step] = x[i * step] - max - logf(sum);
}

/* 1 for the first of the largest, 0 for all others. */
static void hardmax(float *y, const float *x, size_t n, size_t step)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        best = x[i * step] > x[best * step] ? i : best;
    for (size_t i = 0; i < n; i++)
        y[i * step] = i == best ? 1.0f : 0.0f;
}

/* A line of zeros stays one. */
static void scale(float *y, const float *x, size_t n, size_t step, double norm)
{
    for (size_t i = 0; i < n; i++)
        y[i * step] = norm > 0.0 ? (float)((double)x[i * step] / norm) : x[i * step];
}

static void normalise_l1(float *y, const float *x, size_t n, size_t step)
{
    double norm = 0.0;
    for (size_t i = 0; i < n; i++)
        norm += fabs((double)x[i * step]);
    scale(y, x, n, step, norm);
}

static void normalise_l2(float *y, const float *x, size_t n, size_t step)
{
    double norm = 0.0;
    for (size_t i = 0; i < n; i++)
        norm += (double)x[i * step] * (double)x[i * step];
    scale(y, x, n, step, sqrt(norm));
}

static along_fn *choose(const clv_node *node)
{
    switch (node->op) {
    case CLV_OP_SOFTMAX:
        return softmax;
    case CLV_OP_LOG_SOFTMAX:
        return log_softmax;
    case CLV_OP_HARDMAX:
        return hardmax;
    default:
        return clv_node_attr_int(node, "p", 2) == 1 ? normalise_l1 : normalise_l2;
    }
}

clv_status ref_along_axis(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                          clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    along_fn *f = choose(node);
    uint32_t axis;
    (void)graph;

    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", -1), shape->rank, node, NULL));
    ref_axis a = ref_axis_of(shape, axis);
    for (size_t i = 0; i < a.outer * a.inner; i++) {
        size_t at = i / a.inner * a.n * a.inner + i % a.inner;
        f((float *)outputs[0].data + at, (const float *)inputs[0].data + at, a.n, a.inner);
    }
    return CLV_OK;
}

/* --- CumSum -------------------------------------------------------------------------------- */

/* step is negative where the sum runs from the end. */
typedef void sum_fn(void *y, const void *x, size_t n, ptrdiff_t step, bool exclusive);

/* Integers are summed without their sign, so that they wrap round. */
#define CUM_SUM(name, type, wide)                                                                  \
    static void name(void *y_line, const void *x_line, size_t n, ptrdiff_t step, bool exclusive)   \
    {                                                                                              \
        wide sum = 0;                                                                              \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {                                             \
            const wide x = (wide)((const type *)x_line)[i * step];                                 \
            ((type *)y_line)[i * step] = (type)(exclusive ? sum : sum + x);                        \
            sum += x;                                                                              \
        }                                                                                          \
    }
CUM_SUM(cum_sum_f32, float, double)
CUM_SUM(cum_sum_f64, double, double)
CUM_SUM(cum_sum_u32, uint32_t, uint32_t)
CUM_SUM(cum_sum_u64, uint64_t, uint64_t)

clv_status ref_cum_sum(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                       clv_tensor *outputs)
{
    static sum_fn *const table[CLV_DTYPE_COUNT] = {
        [CLV_F32] = cum_sum_f32, [CLV_F64] = cum_sum_f64, [CLV_I32] = cum_sum_u32,
        [CLV_I64] = cum_sum_u64, [CLV_U32] = cum_sum_u32, [CLV_U64] = cum_sum_u64};
    const clv_shape *shape = &inputs[0].shape;
    bool exclusive = clv_node_attr_int(node, "exclusive", 0) != 0;
    bool reverse = clv_node_attr_int(node, "reverse", 0) != 0;
    size_t bytes = clv_dtype_bytes(inputs[0].dtype);
    uint32_t axis;
    (void)graph;

    if (table[inputs[0].dtype] == NULL)
        return CLV_EUNSUPPORTED;
    int64_t where = (int64_t)ref_number_load(inputs[1].data, inputs[1].dtype, 0).bits;
    CLV_TRY(clv_axis_of(&axis, where, shape->rank, node, NULL));
    ref_axis a = ref_axis_of(shape, axis);
    ptrdiff_t step = reverse ? -(ptrdiff_t)a.inner : (ptrdiff_t)a.inner;
    for (size_t i = 0; i < a.outer * a.inner; i++) {
        size_t at = i / a.inner * a.n * a.inner + i % a.inner;
        at += reverse ? (a.n - 1) * a.inner : 0;
        table[inputs[0].dtype]((char *)outputs[0].data + at * bytes,
                               (const char *)inputs[0].data + at * bytes, a.n, step, exclusive);
    }
    return CLV_OK;
}
