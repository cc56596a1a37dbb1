/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that work on each element alone, and those that bring two tensors together. */
#include <math.h>

#include "support/case_families.h"
#include "support/case_oracle.h"

clv_fusion case_fusion(clv_activation activation)
{
    static const clv_fusion fusions[CLV_ACT_COUNT] = {
        [CLV_ACT_RELU] = {CLV_ACT_RELU, 0.0f, 0.0f},
        [CLV_ACT_CLIP] = {CLV_ACT_CLIP, -0.25f, 0.75f},
        [CLV_ACT_LEAKY_RELU] = {CLV_ACT_LEAKY_RELU, 0.1f, 0.0f},
        [CLV_ACT_SIGMOID] = {CLV_ACT_SIGMOID, 0.0f, 0.0f},
        [CLV_ACT_HARD_SIGMOID] = {CLV_ACT_HARD_SIGMOID, 0.3f, 0.4f},
        [CLV_ACT_HARD_SWISH] = {CLV_ACT_HARD_SWISH, 0.0f, 0.0f},
        [CLV_ACT_TANH] = {CLV_ACT_TANH, 0.0f, 0.0f},
        [CLV_ACT_ELU] = {CLV_ACT_ELU, 0.8f, 0.0f},
        [CLV_ACT_SILU] = {CLV_ACT_SILU, 1.25f, 0.0f},
    };
    return fusions[activation];
}

/* Ranks 1 to 5, sizes that are no multiple of any vector, one scalar. */
static const clv_shape shapes[] = {
    {4, {1, 17, 5, 3}}, {2, {3, 33}},         {1, {7}},
    {3, {2, 16, 9}},    {5, {1, 3, 2, 5, 4}}, {4, {2, 32, 7, 7}},
};
#define N_SHAPES (sizeof shapes / sizeof shapes[0])

/* --- one input ---------------------------------------------------------------------------- */

typedef struct unary_line {
    clv_op op;
    clv_activation activation; /* what the oracle computes, or NONE: see below */
    float range;               /* of the input */
} unary_line;

static const unary_line unaries[] = {
    {CLV_OP_RELU, CLV_ACT_RELU, 2.0f},
    {CLV_OP_CLIP, CLV_ACT_CLIP, 2.0f},
    {CLV_OP_LEAKY_RELU, CLV_ACT_LEAKY_RELU, 2.0f},
    {CLV_OP_SIGMOID, CLV_ACT_SIGMOID, 4.0f},
    {CLV_OP_SIGMOID, CLV_ACT_SIGMOID, 200.0f},
    {CLV_OP_HARD_SIGMOID, CLV_ACT_HARD_SIGMOID, 4.0f},
    {CLV_OP_HARD_SWISH, CLV_ACT_HARD_SWISH, 6.0f},
    {CLV_OP_TANH, CLV_ACT_TANH, 3.0f},
    {CLV_OP_TANH, CLV_ACT_TANH, 200.0f},
    {CLV_OP_ELU, CLV_ACT_ELU, 4.0f},
    {CLV_OP_SWISH, CLV_ACT_SILU, 6.0f},
    {CLV_OP_SWISH, CLV_ACT_SILU, 200.0f},
    {CLV_OP_EXP, CLV_ACT_NONE, 4.0f},
    {CLV_OP_SQRT, CLV_ACT_NONE, 4.0f},
    {CLV_OP_NEG, CLV_ACT_NONE, 4.0f},
    {CLV_OP_ABS, CLV_ACT_NONE, 4.0f},
    {CLV_OP_LOG, CLV_ACT_NONE, 4.0f},
    {CLV_OP_MISH, CLV_ACT_NONE, 6.0f},
    {CLV_OP_RECIPROCAL, CLV_ACT_NONE, 4.0f},
    {CLV_OP_ROUND, CLV_ACT_NONE, 4.0f},
    {CLV_OP_SOFTPLUS, CLV_ACT_NONE, 6.0f},
    {CLV_OP_SOFTPLUS, CLV_ACT_NONE, 200.0f},
    {CLV_OP_GELU, CLV_ACT_NONE, 6.0f},
    {CLV_OP_GELU, CLV_ACT_TANH, 6.0f}, /* the approximation */
};
#define N_UNARIES (sizeof unaries / sizeof unaries[0])

static double apply_unary(const unary_line *line, const clv_fusion *f, double x)
{
    switch (line->op) {
    case CLV_OP_EXP:
        return exp(x);
    case CLV_OP_SQRT:
        return sqrt(x);
    case CLV_OP_NEG:
        return -x;
    case CLV_OP_ABS:
        return fabs(x);
    case CLV_OP_LOG:
        return log(x);
    case CLV_OP_MISH:
        return x * tanh(log1p(exp(x)));
    case CLV_OP_RECIPROCAL:
        return 1.0 / x;
    case CLV_OP_ROUND:
        return rint(x);
    case CLV_OP_SOFTPLUS:
        return fmax(x, 0.0) + log1p(exp(-fabs(x)));
    case CLV_OP_GELU:
        if (line->activation == CLV_ACT_TANH)
            return 0.5 * x * (1.0 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
        return 0.5 * x * (1.0 + erf(x * 0.7071067811865476));
    default:
        return oracle_activate(f, x);
    }
}

/* What the oracle's activation has as alpha and beta is attributes here, and inputs of Clip. */
static void unary_parameters(node_case *c, const clv_fusion *f)
{
    if (c->op == CLV_OP_LEAKY_RELU || c->op == CLV_OP_ELU || c->op == CLV_OP_HARD_SIGMOID ||
        c->op == CLV_OP_SWISH)
        case_float(c, "alpha", f->alpha);
    if (c->op == CLV_OP_HARD_SIGMOID)
        case_float(c, "beta", f->beta);
    if (c->op == CLV_OP_CLIP) {
        case_input(c, CLV_F32, (clv_shape){.rank = 0}, &f->alpha);
        case_make_constant(c);
        case_input(c, CLV_F32, (clv_shape){.rank = 0}, &f->beta);
        case_make_constant(c);
    }
}

static node_case *make_unary(size_t i)
{
    const unary_line *line = &unaries[i / N_SHAPES];
    clv_fusion f = case_fusion(line->activation);
    uint64_t seed = i;
    node_case *c = case_create(line->op, "unary %zu: %s", i, clv_op_describe(line->op)->name);
    float *x = case_random_input(c, shapes[i % N_SHAPES], line->range, &seed);

    unary_parameters(c, &f);
    if (line->op == CLV_OP_GELU && line->activation == CLV_ACT_TANH)
        case_string(c, "approximate", "tanh");
    case_must_build(c);
    size_t n = case_elems(&c->expected[0]);
    for (size_t j = 0; j < n; j++) {
        if (line->op == CLV_OP_SQRT || line->op == CLV_OP_LOG)
            x[j] = fabsf(x[j]);
        if (line->op == CLV_OP_RECIPROCAL)
            x[j] = copysignf(0.5f + fabsf(x[j]), x[j]);
        if (line->op == CLV_OP_ROUND && j % 3 == 0) /* ties go to the even one */
            x[j] = floorf(x[j]) + 0.5f;
        ((float *)c->expected[0].data)[j] = (float)apply_unary(line, &f, (double)x[j]);
    }
    return c;
}

const case_family case_unary = {"unary", N_UNARIES *N_SHAPES, make_unary};

/* --- two inputs --------------------------------------------------------------------------- */

static const clv_op binaries[] = {CLV_OP_ADD, CLV_OP_SUB,   CLV_OP_MUL, CLV_OP_DIV,
                                  CLV_OP_POW, CLV_OP_PRELU, CLV_OP_MAX, CLV_OP_MIN};
#define N_BINARIES (sizeof binaries / sizeof binaries[0])

typedef struct shape_pair {
    clv_shape a, b;
    bool constant_b;
} shape_pair;

static const shape_pair pairs[] = {
    {{4, {1, 17, 5, 3}}, {4, {1, 17, 5, 3}}, false},
    {{4, {2, 16, 7, 7}}, {4, {1, 16, 1, 1}}, true},
    {{4, {2, 16, 7, 7}}, {3, {16, 1, 1}}, true},
    {{4, {1, 32, 6, 5}}, {4, {1, 32, 1, 1}}, false},
    {{4, {2, 5, 3, 4}}, {0, {0}}, true},
    {{4, {2, 5, 3, 4}}, {1, {1}}, true},
    {{4, {2, 5, 3, 4}}, {1, {4}}, true},
    {{4, {2, 5, 3, 4}}, {4, {1, 1, 3, 4}}, false},
    {{3, {4, 1, 6}}, {3, {1, 1, 6}}, true},
    {{2, {3, 33}}, {2, {3, 1}}, false},
    {{1, {19}}, {1, {19}}, false},
    {{5, {1, 3, 2, 5, 4}}, {5, {1, 3, 1, 5, 1}}, false},
    /* from here on the output is larger than a: not for PRelu */
    {{0, {0}}, {4, {2, 5, 3, 4}}, false},
    {{4, {1, 16, 1, 1}}, {4, {2, 16, 7, 7}}, false},
    {{3, {4, 1, 6}}, {3, {1, 5, 1}}, false},
    {{2, {7, 1}}, {2, {1, 9}}, true},
    {{4, {2, 1, 3, 1}}, {4, {1, 5, 1, 4}}, false},
};
#define N_PAIRS (sizeof pairs / sizeof pairs[0])
#define N_UNIDIRECTIONAL 12u

static double apply_binary(clv_op op, double a, double b)
{
    switch (op) {
    case CLV_OP_ADD:
        return a + b;
    case CLV_OP_SUB:
        return a - b;
    case CLV_OP_MUL:
        return a * b;
    case CLV_OP_DIV:
        return a / b;
    case CLV_OP_POW:
        return pow(a, b);
    case CLV_OP_MAX:
        return fmax(a, b);
    case CLV_OP_MIN:
        return fmin(a, b);
    default: /* PRelu */
        return a < 0.0 ? a * b : a;
    }
}

static node_case *make_binary_from(clv_op op, const shape_pair *pair, clv_activation activation,
                                   size_t i)
{
    uint64_t seed = i;
    node_case *c =
        case_create(op, "binary %zu: %s, ranks %u and %u, activation %d", i,
                    clv_op_describe(op)->name, pair->a.rank, pair->b.rank, (int)activation);
    float *a = case_random_input(c, pair->a, 2.0f, &seed);
    float *b = case_random_input(c, pair->b, 2.0f, &seed);

    if (op == CLV_OP_POW) { /* of negative numbers it is a NaN */
        for (size_t j = 0; j < case_elems(&c->inputs[0]); j++)
            a[j] = fabsf(a[j]);
    }
    if (op == CLV_OP_DIV) { /* not by almost nothing: it would drown the other quotients */
        for (size_t j = 0; j < case_elems(&c->inputs[1]); j++)
            b[j] = copysignf(0.5f + fabsf(b[j]), b[j]);
    }
    if (pair->constant_b)
        case_make_constant(c);
    c->fusion = case_fusion(activation);
    case_must_build(c);
    const clv_shape *out = &c->expected[0].shape;
    for (size_t j = 0; j < case_elems(&c->expected[0]); j++) {
        double x = (double)a[oracle_broadcast_index(j, out, &pair->a)];
        double y = (double)b[oracle_broadcast_index(j, out, &pair->b)];
        ((float *)c->expected[0].data)[j] =
            (float)oracle_activate(&c->fusion, apply_binary(op, x, y));
    }
    return c;
}

/* Every pair for every operator (a PRelu takes the next one that it may), then fused Adds. */
static node_case *make_binary(size_t i)
{
    if (i < N_BINARIES * N_PAIRS) {
        clv_op op = binaries[i / N_PAIRS];
        size_t pair = op == CLV_OP_PRELU ? i % N_UNIDIRECTIONAL : i % N_PAIRS;
        return make_binary_from(op, &pairs[pair], CLV_ACT_NONE, i);
    }
    size_t fused = i - N_BINARIES * N_PAIRS;
    return make_binary_from(CLV_OP_ADD, &pairs[fused / CLV_ACT_COUNT],
                            (clv_activation)(fused % CLV_ACT_COUNT), i);
}

const case_family case_binary = {"binary", N_BINARIES *N_PAIRS + (size_t)CLV_ACT_COUNT * 2,
                                 make_binary};
