/* SPDX-License-Identifier: Apache-2.0 */
/* Two inputs that are broadcast against each other, as numpy does it. */
#include <math.h>

#include "kernel/ref/ref_kernels.h"

/* y[i] = f(a[i * sa], b[i * sb]) over one line. */
typedef void line_fn(void *y, const void *a, ptrdiff_t sa, const void *b, ptrdiff_t sb, size_t n);

#define LINE(name, type, expr)                                                                     \
    static void name(void *y_line, const void *a_line, ptrdiff_t sa, const void *b_line,           \
                     ptrdiff_t sb, size_t n)                                                       \
    {                                                                                              \
        type *y = y_line;                                                                          \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)n; i++) {                                             \
            const type a = ((const type *)a_line)[i * sa];                                         \
            const type b = ((const type *)b_line)[i * sb];                                         \
            y[i] = (type)(expr);                                                                   \
        }                                                                                          \
    }

/* Integers wrap round; INT_MIN / -1 does too. A divisor of 0 is refused before (has_zero). */
#define FLOAT_LINES(suffix, type, power)                                                           \
    LINE(add_##suffix, type, a + b)                                                                \
    LINE(sub_##suffix, type, a - b)                                                                \
    LINE(mul_##suffix, type, a *b)                                                                 \
    LINE(div_##suffix, type, a / b)                                                                \
    LINE(pow_##suffix, type, power(a, b))
#define INT_LINES(suffix, type, wide)                                                              \
    LINE(add_##suffix, type, (wide)a + (wide)b)                                                    \
    LINE(sub_##suffix, type, (wide)a - (wide)b)                                                    \
    LINE(mul_##suffix, type, (wide)a *(wide)b)                                                     \
    LINE(div_##suffix, type, b == -1 ? (type)((wide)0 - (wide)a) : a / b)

FLOAT_LINES(f32, float, powf)
FLOAT_LINES(f64, double, pow)
INT_LINES(i32, int32_t, uint32_t)
INT_LINES(i64, int64_t, uint64_t)
LINE(prelu_f32, float, a < 0.0f ? a * b : a)

static void walk_lines(line_fn *line, const clv_tensor *a, const clv_tensor *b, clv_tensor *y)
{
    ptrdiff_t elem_bytes = (ptrdiff_t)clv_dtype_bytes(y->dtype);
    ref_walk walk;

    ref_walk_broadcast(&walk, &y->shape, &a->shape, &b->shape);
    size_t n = ref_walk_length(&walk), lines = ref_walk_lines(&walk);
    char *dst = y->data;
    for (size_t i = 0; i < lines; i++) {
        line(dst, (const char *)a->data + walk.offset[0] * elem_bytes, ref_walk_step(&walk, 0),
             (const char *)b->data + walk.offset[1] * elem_bytes, ref_walk_step(&walk, 1), n);
        dst += (ptrdiff_t)n * elem_bytes;
        ref_walk_next(&walk);
    }
}

static bool has_zero(const clv_tensor *b)
{
    size_t n = ref_elems(b);
    for (size_t i = 0; i < n; i++) {
        if (b->dtype == CLV_I64 ? ((const int64_t *)b->data)[i] == 0
                                : ((const int32_t *)b->data)[i] == 0)
            return true;
    }
    return false;
}

clv_status ref_binary(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                      clv_tensor *outputs)
{
    static line_fn *const table[CLV_OP_COUNT][CLV_DTYPE_COUNT] = {
        [CLV_OP_ADD] =
            {[CLV_F32] = add_f32, [CLV_F64] = add_f64, [CLV_I32] = add_i32, [CLV_I64] = add_i64},
        [CLV_OP_SUB] =
            {[CLV_F32] = sub_f32, [CLV_F64] = sub_f64, [CLV_I32] = sub_i32, [CLV_I64] = sub_i64},
        [CLV_OP_MUL] =
            {[CLV_F32] = mul_f32, [CLV_F64] = mul_f64, [CLV_I32] = mul_i32, [CLV_I64] = mul_i64},
        [CLV_OP_DIV] =
            {[CLV_F32] = div_f32, [CLV_F64] = div_f64, [CLV_I32] = div_i32, [CLV_I64] = div_i64},
        [CLV_OP_POW] = {[CLV_F32] = pow_f32, [CLV_F64] = pow_f64},
    };
    clv_dtype dtype = outputs[0].dtype;
    line_fn *line = table[node->op][dtype];
    (void)graph;

    if (line == NULL)
        return CLV_EUNSUPPORTED;
    if (node->op == CLV_OP_DIV && (dtype == CLV_I32 || dtype == CLV_I64) && has_zero(&inputs[1]))
        return CLV_EUNSUPPORTED;
    walk_lines(line, &inputs[0], &inputs[1], &outputs[0]);
    if (dtype == CLV_F32)
        clv_ref_activate(outputs[0].data, ref_elems(&outputs[0]), &node->fusion);
    return CLV_OK;
}

clv_status ref_prelu(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                     clv_tensor *outputs)
{
    const clv_shape *x = &inputs[0].shape, *slope = &inputs[1].shape;
    (void)graph;
    (void)node;

    for (uint32_t i = 1; i <= slope->rank; i++) {
        int64_t dim = slope->dim[slope->rank - i];
        if (i > x->rank || (dim != 1 && dim != x->dim[x->rank - i]))
            return CLV_ESHAPE;
    }
    walk_lines(prelu_f32, &inputs[0], &inputs[1], &outputs[0]);
    return CLV_OK;
}
