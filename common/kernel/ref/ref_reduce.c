/* SPDX-License-Identifier: Apache-2.0 */
/* The reductions: each folds lines into an accumulator, which then becomes an element. */
#include <math.h>

#include "kernel/ref/ref_axes.h"
#include "kernel/ref/ref_number.h"

typedef union accumulator {
    double f;
    int64_t i;
} accumulator;

/* Fold n elements, step apart. @param shift  What ReduceLogSumExp takes off each. */
typedef void fold_fn(accumulator *acc, const void *x, ptrdiff_t step, size_t n, double shift);

#define FOLD(name, type, member, wide, expr)                                                       \
    static void name(accumulator *acc, const void *line, ptrdiff_t step, size_t n, double shift)   \
    {                                                                                              \
        wide a = acc->member;                                                                      \
        (void)shift;                                                                               \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {                                             \
            const wide x = (wide)((const type *)line)[i * step];                                   \
            a = (wide)(expr);                                                                      \
        }                                                                                          \
        acc->member = a;                                                                           \
    }

/* A NaN comes through. */
#define FLOAT_FOLDS(unused, s, dtype, type)                                                        \
    FOLD(sum_##s, type, f, double, a + x)                                                          \
    FOLD(product_##s, type, f, double, a *x)                                                       \
    FOLD(max_##s, type, f, double, x > a || isnan(x) ? x : a)                                      \
    FOLD(min_##s, type, f, double, x < a || isnan(x) ? x : a)                                      \
    FOLD(magnitudes_##s, type, f, double, a + fabs(x))                                             \
    FOLD(squares_##s, type, f, double, a + x * x)                                                  \
    FOLD(exponentials_##s, type, f, double, a + exp(x - shift))
/* Integers wrap round. */
#define SIGNED_FOLDS(unused, s, dtype, type)                                                       \
    FOLD(sum_##s, type, i, int64_t, (uint64_t)a + (uint64_t)x)                                     \
    FOLD(product_##s, type, i, int64_t, (uint64_t)a *(uint64_t)x)                                  \
    FOLD(max_##s, type, i, int64_t, x > a ? x : a)                                                 \
    FOLD(min_##s, type, i, int64_t, x < a ? x : a)                                                 \
    FOLD(magnitudes_##s, type, i, int64_t, (uint64_t)a + (x < 0 ? 0 - (uint64_t)x : (uint64_t)x))  \
    FOLD(squares_##s, type, i, int64_t, (uint64_t)a + (uint64_t)x * (uint64_t)x)

REF_FLOATS(FLOAT_FOLDS, )
REF_SIGNED(SIGNED_FOLDS, )
FOLD(max_u8, uint8_t, i, int64_t, x > a ? x : a)
FOLD(min_u8, uint8_t, i, int64_t, x < a ? x : a)

#define FLOATS(name) REF_FLOATS(REF_ENTRY, name)
#define NUMBERS(name) FLOATS(name) REF_SIGNED(REF_ENTRY, name)

static fold_fn *const folds[CLV_OP_COUNT][CLV_DTYPE_COUNT] = {
    [CLV_OP_REDUCE_L1] = {NUMBERS(magnitudes)},
    [CLV_OP_REDUCE_L2] = {FLOATS(squares)},
    [CLV_OP_REDUCE_LOG_SUM] = {FLOATS(sum)},
    [CLV_OP_REDUCE_LOG_SUM_EXP] = {FLOATS(exponentials)},
    [CLV_OP_REDUCE_MAX] = {NUMBERS(max)[CLV_U8] = max_u8},
    [CLV_OP_REDUCE_MEAN] = {NUMBERS(sum)},
    [CLV_OP_REDUCE_MIN] = {NUMBERS(min)[CLV_U8] = min_u8},
    [CLV_OP_REDUCE_PROD] = {NUMBERS(product)},
    [CLV_OP_REDUCE_SUM] = {NUMBERS(sum)},
    [CLV_OP_REDUCE_SUM_SQUARE] = {NUMBERS(squares)},
};

static bool is_float(clv_dtype dtype)
{
    return dtype == CLV_F32 || dtype == CLV_F64;
}

static int64_t lowest(clv_dtype dtype)
{
    return dtype == CLV_U8 ? 0 : -(INT64_C(1) << (8 * clv_dtype_bytes(dtype) - 2)) * 2;
}

static int64_t highest(clv_dtype dtype)
{
    return dtype == CLV_U8 ? UINT8_MAX : -(lowest(dtype) + 1);
}

/* The value of an empty set. */
static accumulator start(clv_op op, clv_dtype dtype)
{
    accumulator acc = {.i = 0};
    bool floating = is_float(dtype);

    if (op == CLV_OP_REDUCE_PROD && floating)
        acc.f = 1.0;
    else if (op == CLV_OP_REDUCE_PROD)
        acc.i = 1;
    else if (op == CLV_OP_REDUCE_MAX && floating)
        acc.f = -(double)INFINITY;
    else if (op == CLV_OP_REDUCE_MAX)
        acc.i = lowest(dtype);
    else if (op == CLV_OP_REDUCE_MIN && floating)
        acc.f = (double)INFINITY;
    else if (op == CLV_OP_REDUCE_MIN)
        acc.i = highest(dtype);
    else if (floating)
        acc.f = 0.0;
    return acc;
}

static ref_number finish(clv_op op, clv_dtype dtype, accumulator acc, size_t count)
{
    if (!is_float(dtype)) {
        int64_t i = op == CLV_OP_REDUCE_MEAN ? acc.i / (int64_t)count : acc.i;
        return (ref_number){REF_SIGNED_INT, 0.0, (uint64_t)i};
    }
    switch (op) {
    case CLV_OP_REDUCE_L2:
        acc.f = sqrt(acc.f);
        break;
    case CLV_OP_REDUCE_LOG_SUM:
    case CLV_OP_REDUCE_LOG_SUM_EXP:
        acc.f = log(acc.f);
        break;
    case CLV_OP_REDUCE_MEAN:
        acc.f /= (double)count;
        break;
    default:
        break;
    }
    return (ref_number){REF_FLOATING, acc.f, 0};
}

/* @p axes is a copy: it starts at its beginning. */
static accumulator fold(clv_op op, clv_dtype dtype, ref_axes axes, const void *x, double shift)
{
    size_t n = ref_walk_length(&axes.reduced), lines = ref_walk_lines(&axes.reduced);
    ptrdiff_t step = ref_walk_step(&axes.reduced, 0), bytes = (ptrdiff_t)clv_dtype_bytes(dtype);
    accumulator acc = start(op, dtype);

    for (size_t line = 0; axes.count > 0 && line < lines; line++) {
        folds[op][dtype](&acc, (const char *)x + axes.reduced.offset[0] * bytes, step, n, shift);
        ref_walk_next(&axes.reduced);
    }
    return acc;
}

static ref_number reduce(clv_op op, clv_dtype dtype, const ref_axes *axes, const void *x)
{
    double shift = 0.0;

    if (op == CLV_OP_REDUCE_LOG_SUM_EXP) { /* taking off the largest keeps exp() finite */
        shift = fold(CLV_OP_REDUCE_MAX, dtype, *axes, x, 0.0).f;
        if (!isfinite(shift))
            return (ref_number){REF_FLOATING, shift, 0};
    }
    ref_number y = finish(op, dtype, fold(op, dtype, *axes, x, shift), axes->count);
    y.f += shift;
    return y;
}

clv_status ref_reduce(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                      clv_tensor *outputs)
{
    clv_dtype dtype = inputs[0].dtype;
    ptrdiff_t bytes = (ptrdiff_t)clv_dtype_bytes(dtype);
    uint32_t mask;

    if (folds[node->op][dtype] == NULL)
        return CLV_EUNSUPPORTED;
    CLV_TRY(clv_reduce_axes_of(&mask, graph, node, NULL));
    ref_axes axes = ref_axes_of(&inputs[0].shape, mask);
    if (axes.count == 0 && node->op == CLV_OP_REDUCE_MEAN)
        return CLV_ESHAPE; /* the mean of nothing */
    size_t n = ref_walk_length(&axes.kept), lines = ref_walk_lines(&axes.kept), at = 0;
    for (size_t line = 0; line < lines; line++) {
        const char *x = (const char *)inputs[0].data + axes.kept.offset[0] * bytes;
        for (size_t i = 0; i < n; i++, x += ref_walk_step(&axes.kept, 0) * bytes)
            ref_number_store(outputs[0].data, dtype, at++, reduce(node->op, dtype, &axes, x));
        ref_walk_next(&axes.kept);
    }
    return CLV_OK;
}
