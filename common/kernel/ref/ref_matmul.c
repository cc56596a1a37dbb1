/* SPDX-License-Identifier: Apache-2.0 */
/* Gemm and MatMul. */
#include <string.h>

#include "kernel/ref/ref_kernels.h"

#define LANES 8u /* partial sums of a dot product, always added up in the same order */

/* Element [i, j] is number i * row + j * col of data. */
typedef struct matrix {
    const void *data;
    size_t row, col;
} matrix;

/* y [m, n] = a [m, k] * b [k, n] */
typedef void multiply_fn(void *y, matrix a, matrix b, size_t m, size_t n, size_t k);

float ref_dot(const float *a, size_t a_step, const float *b, size_t n)
{
    float sums[LANES] = {0.0f};
    size_t k = 0;

    for (; k + LANES <= n; k += LANES) {
        for (size_t lane = 0; lane < LANES; lane++)
            sums[lane] += a[(k + lane) * a_step] * b[k + lane];
    }
    for (; k < n; k++)
        sums[0] += a[k * a_step] * b[k];
    for (size_t lane = 1; lane < LANES; lane++)
        sums[0] += sums[lane];
    return sums[0];
}

/* Along whichever direction b is contiguous in. */
static void multiply_f32(void *restrict out, matrix a, matrix b, size_t m, size_t n, size_t k)
{
    const float *right = b.data;
    float *restrict y = out;

    for (size_t i = 0; i < m; i++, y += n) {
        const float *row = (const float *)a.data + i * a.row;
        if (b.row == 1) {
            for (size_t j = 0; j < n; j++)
                y[j] = ref_dot(row, a.col, right + j * b.col, k);
            continue;
        }
        memset(y, 0, n * sizeof *y);
        for (size_t l = 0; l < k; l++) {
            const float scale = row[l * a.col], *from = right + l * b.row;
            for (size_t j = 0; j < n; j++)
                y[j] += scale * from[j];
        }
    }
}

#define MULTIPLY(suffix, type)                                                                     \
    static void multiply_##suffix(void *out, matrix a, matrix b, size_t m, size_t n, size_t k)     \
    {                                                                                              \
        const type *left = a.data, *right = b.data;                                                \
        type *y = out;                                                                             \
        for (size_t i = 0; i < m; i++) {                                                           \
            for (size_t j = 0; j < n; j++) {                                                       \
                type sum = 0;                                                                      \
                for (size_t l = 0; l < k; l++)                                                     \
                    sum += left[i * a.row + l * a.col] * right[l * b.row + j * b.col];             \
                *y++ = sum;                                                                        \
            }                                                                                      \
        }                                                                                          \
    }

MULTIPLY(f64, double)
MULTIPLY(i32, uint32_t) /* signed integers wrap round as unsigned ones do */
MULTIPLY(i64, uint64_t)

static multiply_fn *const multiply[CLV_DTYPE_COUNT] = {
    [CLV_F32] = multiply_f32, [CLV_F64] = multiply_f64, [CLV_I32] = multiply_i32,
    [CLV_U32] = multiply_i32, [CLV_I64] = multiply_i64, [CLV_U64] = multiply_i64,
};

/* y = alpha * y + beta * c, with c (or nothing) broadcast to y. */
#define SCALE_AND_ADD(suffix, type)                                                                \
    static void scale_and_add_##suffix(clv_tensor *y, type alpha, type beta, const clv_tensor *c)  \
    {                                                                                              \
        type *data = y->data;                                                                      \
        size_t n = ref_elems(y);                                                                   \
        ref_walk walk;                                                                             \
        for (size_t i = 0; alpha != 1 && i < n; i++)                                               \
            data[i] *= alpha;                                                                      \
        if (c == NULL)                                                                             \
            return;                                                                                \
        ref_walk_broadcast(&walk, &y->shape, &c->shape, &y->shape);                                \
        size_t length = ref_walk_length(&walk), lines = ref_walk_lines(&walk);                     \
        ptrdiff_t step = ref_walk_step(&walk, 0);                                                  \
        for (size_t i = 0; i < lines; i++) {                                                       \
            const type *from = (const type *)c->data + walk.offset[0];                             \
            for (size_t j = 0; j < length; j++, from += step)                                      \
                *data++ += beta * *from;                                                           \
            ref_walk_next(&walk);                                                                  \
        }                                                                                          \
    }

SCALE_AND_ADD(f32, float)
SCALE_AND_ADD(f64, double)

clv_status ref_gemm(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    clv_gemm_params p;
    CLV_TRY(clv_gemm_params_of(&p, graph, node, NULL));
    size_t m = (size_t)p.m, n = (size_t)p.n, k = (size_t)p.k;
    const clv_tensor *c = ref_optional(node, inputs, 2);
    matrix a = {inputs[0].data, p.trans_a ? 1 : k, p.trans_a ? m : 1};
    matrix b = {inputs[1].data, p.trans_b ? 1 : n, p.trans_b ? k : 1};

    multiply[inputs[0].dtype](outputs[0].data, a, b, m, n, k);
    if (inputs[0].dtype == CLV_F64)
        scale_and_add_f64(&outputs[0], (double)p.alpha, (double)p.beta, c);
    else
        scale_and_add_f32(&outputs[0], p.alpha, p.beta, c);
    return CLV_OK;
}

clv_shape ref_as_matrix(const clv_shape *shape, bool left)
{
    if (shape->rank > 1)
        return *shape;
    return left ? (clv_shape){.rank = 2, .dim = {1, shape->dim[0]}}
                : (clv_shape){.rank = 2, .dim = {shape->dim[0], 1}};
}

clv_status ref_matmul(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                      clv_tensor *outputs)
{
    clv_shape a = ref_as_matrix(&inputs[0].shape, true);
    clv_shape b = ref_as_matrix(&inputs[1].shape, false), batch = outputs[0].shape;
    size_t m = (size_t)a.dim[a.rank - 2], k = (size_t)a.dim[a.rank - 1];
    size_t n = (size_t)b.dim[b.rank - 1], bytes = clv_dtype_bytes(inputs[0].dtype);
    const char *left = inputs[0].data, *right = inputs[1].data;
    char *y = outputs[0].data;
    ref_walk walk;
    (void)graph;
    (void)node;

    a.rank -= 2;
    b.rank -= 2;
    batch.rank = a.rank > b.rank ? a.rank : b.rank;
    ref_walk_broadcast(&walk, &batch, &a, &b); /* an element is a whole matrix here */
    size_t length = ref_walk_length(&walk), lines = ref_walk_lines(&walk);
    for (size_t i = 0; i < lines; i++) {
        for (size_t j = 0; j < length; j++, y += m * n * bytes) {
            ptrdiff_t at_a = walk.offset[0] + (ptrdiff_t)j * ref_walk_step(&walk, 0);
            ptrdiff_t at_b = walk.offset[1] + (ptrdiff_t)j * ref_walk_step(&walk, 1);
            multiply[inputs[0].dtype](y, (matrix){left + (size_t)at_a * m * k * bytes, k, 1},
                                      (matrix){right + (size_t)at_b * k * n * bytes, n, 1}, m, n,
                                      k);
        }
        ref_walk_next(&walk);
    }
    return CLV_OK;
}
