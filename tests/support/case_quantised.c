/* SPDX-License-Identifier: Apache-2.0 */
#include "support/case_quantised.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "graph/quant.h"

#define MAX_CHANNELS 1024u
#define SMALL_WEIGHT 63 /* what weights are for machines that add products up in 16 bits */

/* How inputs and outputs stand for numbers; input i has them when dtype[i] isn't CLV_NONE. */
typedef struct case_bytes {
    clv_dtype dtype[CASE_MAX_INPUTS];
    clv_quant in[CASE_MAX_INPUTS], out[CASE_MAX_OUTPUTS];
    float scales[MAX_CHANNELS]; /* of the weights */
} case_bytes;

static case_bytes *bytes_of(node_case *c)
{
    if (c->bytes == NULL)
        c->bytes = clv_calloc(1, sizeof *c->bytes);
    assert_non_null(c->bytes);
    return c->bytes;
}

static int32_t lowest(clv_dtype dtype)
{
    return dtype == CLV_I8 ? INT8_MIN : 0;
}

/* A scale near @p x of 12 binary digits. */
static float short_scale(double x)
{
    int exponent;
    double digits = frexp(fmax(x, 1e-6), &exponent);
    return (float)ldexp(fmax(rint(digits * 0x1p12), 1.0), exponent - 12);
}

static int32_t pick_zero_point(clv_dtype dtype, uint64_t *seed)
{
    static const int32_t zero_points[] = {0, 3, 128, 255, 117};
    return lowest(dtype) + zero_points[case_random(seed) % 5];
}

static clv_dtype pick_dtype(uint64_t *seed)
{
    return case_random_between(seed, 0, 3) == 0 ? CLV_I8 : CLV_U8;
}

static bool has_weights(clv_op op)
{
    return op == CLV_OP_CONV || op == CLV_OP_CONV_TRANSPOSE || op == CLV_OP_GEMM ||
           op == CLV_OP_MATMUL;
}

/* Where a constant may be bytes as well as real numbers; elsewhere constants are parameters. */
static bool is_binary(clv_op op)
{
    return op == CLV_OP_ADD || op == CLV_OP_SUB || op == CLV_OP_MUL || op == CLV_OP_POW ||
           op == CLV_OP_PRELU;
}

/* Biases are never quantised, nor are divisors, which the cases keep away from 0. */
static bool stays_float(const node_case *c, uint32_t input)
{
    return (has_weights(c->op) && input == 2) || (c->op == CLV_OP_DIV && input == 1);
}

/* Its cases make their inputs positive. */
static bool wants_positive(clv_op op)
{
    return op == CLV_OP_SQRT || op == CLV_OP_POW;
}

/* The dimension of the weights that counts output channels. */
static uint32_t channel_axis(const node_case *c, uint32_t rank)
{
    if (c->op == CLV_OP_CONV)
        return 0;
    if (c->op == CLV_OP_CONV_TRANSPOSE)
        return 1;
    for (uint32_t i = 0; c->op == CLV_OP_GEMM && i < c->n_attrs; i++) {
        if (strcmp(c->attrs[i].name, "transB") == 0 && c->attrs[i].v.i != 0)
            return 0;
    }
    return rank - 1;
}

/* Weights: int8 around 0, mostly with a scale for each channel. */
static void choose_weights(node_case *c, uint32_t input, float range, uint64_t *seed)
{
    case_bytes *b = bytes_of(c);
    const clv_shape *shape = &c->inputs[input].shape;

    b->dtype[input] = CLV_I8;
    b->in[input] = (clv_quant){.scale = short_scale((double)range / 127)};
    if (shape->rank < 2 || case_random_between(seed, 0, 2) == 0)
        return;
    uint32_t axis = channel_axis(c, shape->rank), n = (uint32_t)shape->dim[axis];
    assert_true(n <= MAX_CHANNELS);
    for (uint32_t i = 0; i < n; i++)
        b->scales[i] =
            short_scale((double)range / 127 * (0.5 + (double)fabsf(case_random_float(seed, 1.0f))));
    b->in[input] = (clv_quant){.axis = axis, .n_scales = n, .scales = b->scales};
}

static void choose_input(node_case *c, uint32_t input, float range, uint64_t *seed)
{
    case_bytes *b = bytes_of(c);
    clv_dtype dtype = pick_dtype(seed);
    int32_t zero_point = pick_zero_point(dtype, seed);

    if (wants_positive(c->op) && input == 0)
        zero_point = lowest(dtype);
    b->dtype[input] = dtype;
    b->in[input] = (clv_quant){.scale = short_scale((double)range / 128), .zero_point = zero_point};
}

/* The scale of element @p i. */
static double scale_of(const clv_quant *quant, const clv_shape *shape, size_t i)
{
    if (quant->n_scales == 0)
        return (double)quant->scale;
    size_t inner = case_extent(shape, quant->axis + 1, shape->rank);
    return (double)quant->scales[i / inner % quant->n_scales];
}

/* A case_draw_fn. */
static void draw(node_case *c, uint32_t input, float range, uint64_t *seed)
{
    float *data = c->inputs[input].data;
    size_t n = case_elems(&c->inputs[input]);

    if (stays_float(c, input))
        return;
    if (has_weights(c->op) && input == 1)
        choose_weights(c, input, range, seed);
    else
        choose_input(c, input, range, seed);
    const clv_quant *quant = &c->bytes->in[input];
    int32_t low = lowest(c->bytes->dtype[input]), high = low + 255;
    if (has_weights(c->op) && input == 1 && case_random_between(seed, 0, 1) == 0) {
        low = -SMALL_WEIGHT;
        high = SMALL_WEIGHT;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t q = case_random_between(seed, low, high);
        data[i] =
            (float)(scale_of(quant, &c->inputs[input].shape, i) * (double)(q - quant->zero_point));
    }
}

/* The bytes of input @p i by @p quant into @p q; false where a number has none. */
static bool find_bytes(uint8_t *q, const clv_tensor *x, const clv_quant *quant, clv_dtype dtype)
{
    size_t n = case_elems(x);

    for (size_t i = 0; i < n; i++) {
        double v = (double)((const float *)x->data)[i] / scale_of(quant, &x->shape, i);
        v += quant->zero_point;
        if (!(v >= lowest(dtype) && v <= lowest(dtype) + 255) || rint(v) < v || rint(v) > v)
            return false;
        q[i] = (uint8_t)(int32_t)v;
    }
    return true;
}

/* Numbers that a case gives itself are often multiples of a small power of two. */
static bool find_grid(uint8_t *q, node_case *c, uint32_t i, uint64_t *seed)
{
    case_bytes *b = bytes_of(c);
    bool weights = has_weights(c->op) && i == 1;
    clv_dtype dtype = weights ? CLV_I8 : pick_dtype(seed);

    for (int exponent = 0; exponent < 8; exponent++) {
        b->in[i] = (clv_quant){.scale = (float)ldexp(1.0, -exponent),
                               .zero_point = weights ? 0 : lowest(dtype) + 128};
        b->dtype[i] = dtype;
        if (find_bytes(q, &c->inputs[i], &b->in[i], dtype))
            return true;
    }
    return false;
}

/* Turn input @p i into bytes, where they can stand for it. */
static void quantise_input(node_case *c, uint32_t i, uint64_t *seed)
{
    clv_tensor *x = &c->inputs[i];
    case_bytes *b = bytes_of(c);
    bool weights = has_weights(c->op) && i == 1;

    if (x->dtype != CLV_F32 || stays_float(c, i))
        return;
    if (c->constant[i] && !weights && (!is_binary(c->op) || case_random_between(seed, 0, 1)))
        return;
    if (!c->constant[i] && b->in[i].n_scales > 0)
        return;
    uint8_t *q = clv_alloc_aligned(case_elems(x) + 1);
    assert_non_null(q);
    bool drawn = b->dtype[i] != CLV_NONE && find_bytes(q, x, &b->in[i], b->dtype[i]);
    if (!drawn && !find_grid(q, c, i, seed)) {
        clv_free(q);
        return;
    }
    clv_free(x->data);
    *x = (clv_tensor){b->dtype[i], x->shape, q};
    c->in_quant[i] = &b->in[i];
    c->stored_as_float[i] =
        !c->constant[i] && x->dtype == CLV_U8 && case_random_between(seed, 0, 3) == 0;
}

/* Bytes that cover most of what output @p i is, so that some of it saturates. */
static clv_quant fit(const clv_tensor *y, int32_t zero_point, clv_dtype dtype)
{
    double below = zero_point - lowest(dtype), above = 255 - below, step = 1e-3;
    size_t n = case_elems(y);

    for (size_t i = 0; i < n; i++) {
        double v = (double)((const float *)y->data)[i];
        if (!isfinite(v))
            continue;
        if (v < 0 && below > 4)
            step = fmax(step, -v / below);
        if (v > 0 && above > 4)
            step = fmax(step, v / above);
    }
    return (clv_quant){.scale = short_scale(step * 0.9), .zero_point = zero_point};
}

static void quantise_output(node_case *c, uint32_t i, uint64_t *seed)
{
    clv_tensor *y = &c->expected[i];
    case_bytes *b = bytes_of(c);
    clv_dtype dtype = pick_dtype(seed);
    int32_t zero_point = pick_zero_point(dtype, seed);
    size_t n = case_elems(y);

    if (y->dtype != CLV_F32 || case_random_between(seed, 0, 4) == 0)
        return;
    b->out[i] = fit(y, zero_point, dtype);
    if (c->in_quant[0] != NULL && !c->constant[0] && case_random_between(seed, 0, 2) == 0) {
        dtype = c->inputs[0].dtype;
        b->out[i] = *c->in_quant[0];
    }
    uint8_t *q = clv_alloc_aligned(n + 1);
    c->steps[i] = clv_alloc_aligned((n + 1) * sizeof *c->steps[i]);
    assert_non_null(q);
    assert_non_null(c->steps[i]);
    for (size_t j = 0; j < n; j++) {
        double v = (double)((const float *)y->data)[j] / (double)b->out[i].scale;
        v = (isnan(v) ? 0.0 : v) + b->out[i].zero_point;
        c->steps[i][j] = fmin(fmax(v, lowest(dtype)), lowest(dtype) + 255);
        q[j] = (uint8_t)(int32_t)rint(c->steps[i][j]);
    }
    clv_free(y->data);
    *y = (clv_tensor){dtype, y->shape, q};
    c->out_quant[i] = &b->out[i];
}

node_case *case_make_quantised(const case_family *family, size_t i)
{
    clv_error err = CLV_ERROR_INIT;
    uint64_t seed = 77000 + i;
    char name[sizeof((node_case *)0)->name];

    case_draw_with(draw);
    node_case *c = family->make(i);
    case_draw_with(NULL);
    if (!clv_op_can_be_quantised(c->op))
        return c;
    memcpy(name, c->name, sizeof name);
    (void)snprintf(c->name, sizeof c->name, "quantised %s", name);
    for (uint32_t j = 0; j < c->n_inputs; j++)
        quantise_input(c, j, &seed);
    for (uint32_t j = 0; j < c->n_outputs; j++)
        quantise_output(c, j, &seed);
    if (case_rebuild(c, &err) != CLV_OK)
        fail_msg("%s: %s: %s", c->name, err.location, err.message);
    return c;
}
