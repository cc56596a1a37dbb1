/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of one element. Input and output may be the same memory. */
#include <string.h>
#include <tgmath.h> /* sin() of a float is a float */

#include "kernel/ref/ref_kernels.h"
#include "kernel/ref/ref_number.h"

typedef struct unary_params {
    float a, b;
} unary_params;

typedef void unary_fn(void *y, const void *x, size_t n, const unary_params *p);

/* y = expr, where x is the element, a and b are the operator's parameters, all of one type. */
#define UNARY(name, type, expr)                                                                    \
    static void name(void *dst, const void *src, size_t n, const unary_params *p)                  \
    {                                                                                              \
        const type a = (type)p->a, b = (type)p->b;                                                 \
        (void)a;                                                                                   \
        (void)b;                                                                                   \
        for (size_t i = 0; i < n; i++) {                                                           \
            const type x = ((const type *)src)[i];                                                 \
            ((type *)dst)[i] = (type)(expr);                                                       \
        }                                                                                          \
    }

#define SOFTPLUS(x) (fmax(x, 0) + log1p(exp(-fabs(x))))

/* Products with 0 and comparisons are written so that a NaN comes through. */
#define FLOAT_FUNCTIONS(unused, s, dtype, type)                                                    \
    UNARY(abs_##s, type, fabs(x))                                                                  \
    UNARY(acos_##s, type, acos(x))                                                                 \
    UNARY(acosh_##s, type, acosh(x))                                                               \
    UNARY(asin_##s, type, asin(x))                                                                 \
    UNARY(asinh_##s, type, asinh(x))                                                               \
    UNARY(atan_##s, type, atan(x))                                                                 \
    UNARY(atanh_##s, type, atanh(x))                                                               \
    UNARY(ceil_##s, type, ceil(x))                                                                 \
    UNARY(celu_##s, type, x > 0 ? x : a * expm1(x / a))                                            \
    UNARY(cos_##s, type, cos(x))                                                                   \
    UNARY(cosh_##s, type, cosh(x))                                                                 \
    UNARY(erf_##s, type, erf(x))                                                                   \
    UNARY(exp_##s, type, exp(x))                                                                   \
    UNARY(floor_##s, type, floor(x))                                                               \
    UNARY(gelu_##s, type, (type)0.5 * x * (1 + erf(x * (type)0.70710678118654752440)))             \
    UNARY(gelu_tanh_##s, type,                                                                     \
          (type)0.5 * x *                                                                          \
              (1 + tanh((type)0.79788456080286535588 * (x + (type)0.044715 * x * x * x))))         \
    UNARY(log_##s, type, log(x))                                                                   \
    UNARY(mish_##s, type, x *tanh(SOFTPLUS(x)))                                                    \
    UNARY(neg_##s, type, -x)                                                                       \
    UNARY(reciprocal_##s, type, 1 / x)                                                             \
    UNARY(round_##s, type, rint(x)) /* half-way cases to even */                                   \
    UNARY(selu_##s, type, b *(x > 0 ? x : a * expm1(x)))                                           \
    UNARY(shrink_##s, type, x<-a ? x + b : x> a ? x - b : x * 0)                                   \
    UNARY(sign_##s, type, x > 0 ? 1 : x < 0 ? -1 : x)                                              \
    UNARY(sin_##s, type, sin(x))                                                                   \
    UNARY(sinh_##s, type, sinh(x))                                                                 \
    UNARY(softplus_##s, type, SOFTPLUS(x))                                                         \
    UNARY(softsign_##s, type, x / (1 + fabs(x)))                                                   \
    UNARY(sqrt_##s, type, sqrt(x))                                                                 \
    UNARY(tan_##s, type, tan(x))                                                                   \
    UNARY(thresholded_##s, type, x <= a ? 0 : x)

/* Integers wrap round, so the lowest one is its own negative. */
#define SIGNED_FUNCTIONS(unused, s, dtype, type)                                                   \
    UNARY(abs_##s, type, x < 0 ? 0 - (uint64_t)x : (uint64_t)x)                                    \
    UNARY(neg_##s, type, 0 - (uint64_t)x)                                                          \
    UNARY(sign_##s, type, (x > 0) - (x < 0))
#define UNSIGNED_FUNCTIONS(unused, s, dtype, type)                                                 \
    UNARY(abs_##s, type, x)                                                                        \
    UNARY(sign_##s, type, x > 0)

REF_FLOATS(FLOAT_FUNCTIONS, )
REF_SIGNED(SIGNED_FUNCTIONS, )
REF_UNSIGNED(UNSIGNED_FUNCTIONS, )

#define FLOATS(name) REF_FLOATS(REF_ENTRY, name)
#define SIGNED(name) FLOATS(name) REF_SIGNED(REF_ENTRY, name)
#define NUMBERS(name) SIGNED(name) REF_UNSIGNED(REF_ENTRY, name)

/* Alphabetical, as op.h. */
static unary_fn *const functions[CLV_OP_COUNT][CLV_DTYPE_COUNT] = {
    [CLV_OP_ABS] = {NUMBERS(abs)},
    [CLV_OP_ACOS] = {FLOATS(acos)},
    [CLV_OP_ACOSH] = {FLOATS(acosh)},
    [CLV_OP_ASIN] = {FLOATS(asin)},
    [CLV_OP_ASINH] = {FLOATS(asinh)},
    [CLV_OP_ATAN] = {FLOATS(atan)},
    [CLV_OP_ATANH] = {FLOATS(atanh)},
    [CLV_OP_CEIL] = {FLOATS(ceil)},
    [CLV_OP_CELU] = {FLOATS(celu)},
    [CLV_OP_COS] = {FLOATS(cos)},
    [CLV_OP_COSH] = {FLOATS(cosh)},
    [CLV_OP_ERF] = {FLOATS(erf)},
    [CLV_OP_EXP] = {FLOATS(exp)},
    [CLV_OP_FLOOR] = {FLOATS(floor)},
    [CLV_OP_GELU] = {FLOATS(gelu)},
    [CLV_OP_LOG] = {FLOATS(log)},
    [CLV_OP_MISH] = {FLOATS(mish)},
    [CLV_OP_NEG] = {SIGNED(neg)},
    [CLV_OP_RECIPROCAL] = {FLOATS(reciprocal)},
    [CLV_OP_ROUND] = {FLOATS(round)},
    [CLV_OP_SELU] = {FLOATS(selu)},
    [CLV_OP_SHRINK] = {FLOATS(shrink)},
    [CLV_OP_SIGN] = {NUMBERS(sign)},
    [CLV_OP_SIN] = {FLOATS(sin)},
    [CLV_OP_SINH] = {FLOATS(sinh)},
    [CLV_OP_SOFTPLUS] = {FLOATS(softplus)},
    [CLV_OP_SOFTSIGN] = {FLOATS(softsign)},
    [CLV_OP_SQRT] = {FLOATS(sqrt)},
    [CLV_OP_TAN] = {FLOATS(tan)},
    [CLV_OP_THRESHOLDED_RELU] = {FLOATS(thresholded)},
};

static unary_params params_of(const clv_node *node)
{
    switch (node->op) {
    case CLV_OP_CELU:
    case CLV_OP_THRESHOLDED_RELU:
        return (unary_params){clv_node_attr_float(node, "alpha", 1.0f), 0.0f};
    case CLV_OP_SELU:
        return (unary_params){clv_node_attr_float(node, "alpha", 1.67326319217681884765625f),
                              clv_node_attr_float(node, "gamma", 1.05070102214813232421875f)};
    case CLV_OP_SHRINK:
        return (unary_params){clv_node_attr_float(node, "lambd", 0.5f),
                              clv_node_attr_float(node, "bias", 0.0f)};
    default:
        return (unary_params){0.0f, 0.0f};
    }
}

clv_status ref_unary(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                     clv_tensor *outputs)
{
    static unary_fn *const gelu_tanh[CLV_DTYPE_COUNT] = {FLOATS(gelu_tanh)};
    bool approximate = node->op == CLV_OP_GELU &&
                       strcmp(clv_node_attr_string(node, "approximate", "none"), "tanh") == 0;
    clv_dtype dtype = inputs[0].dtype;
    unary_fn *f = approximate ? gelu_tanh[dtype] : functions[node->op][dtype];
    unary_params p = params_of(node);
    (void)graph;

    if (f == NULL)
        return CLV_EUNSUPPORTED;
    f(outputs[0].data, inputs[0].data, ref_elems(&inputs[0]), &p);
    return CLV_OK;
}
