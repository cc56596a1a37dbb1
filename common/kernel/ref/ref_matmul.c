/* SPDX-License-Identifier: Apache-2.0 */
/* Gemm and MatMul. */
#include <string.h>

#include "kernel/ref/ref_kernels.h"

#define LANES 8u /* partial sums of a dot product, always added up in the same order */

/* Element [i, j] is data[i * row + j * col]. */
typedef struct matrix {
    const float *data;
    size_t row, col;
} matrix;

static float dot(const float *a, size_t a_step, const float *b, size_t n)
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

/* y [m, n] = a [m, k] * b [k, n], along whichever direction b is contiguous in. */
static void multiply(float *restrict y, matrix a, matrix b, size_t m, size_t n, size_t k)
{
    for (size_t i = 0; i < m; i++, y += n) {
        const float *row = a.data + i * a.row;
        if (b.row == 1) {
            for (size_t j = 0; j < n; j++)
                y[j] = dot(row, a.col, b.data + j * b.col, k);
            continue;
        }
        memset(y, 0, n * sizeof *y);
        for (size_t l = 0; l < k; l++) {
            const float scale = row[l * a.col], *from = b.data + l * b.row;
            for (size_t j = 0; j < n; j++)
                y[j] += scale * from[j];
        }
    }
}

/* y = alpha * y + beta * c, with c (or nothing) broadcast to y. */
static void scale_and_add(clv_tensor *y, float alpha, float beta, const clv_tensor *c)
{
    float *data = y->data;
    size_t n = ref_elems(y);
    ref_walk walk;

    for (size_t i = 0; alpha != 1.0f && i < n; i++)
        data[i] *= alpha;
    if (c == NULL)
        return;
    ref_walk_broadcast(&walk, &y->shape, &c->shape, &y->shape);
    size_t length = ref_walk_length(&walk), lines = ref_walk_lines(&walk);
    ptrdiff_t step = ref_walk_step(&walk, 0);
    for (size_t i = 0; i < lines; i++) {
        const float *from = (const float *)c->data + walk.offset[0];
        for (size_t j = 0; j < length; j++, from += step)
            *data++ += beta * *from;
        ref_walk_next(&walk);
    }
}

clv_status ref_gemm(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    clv_gemm_params p;
    CLV_TRY(clv_gemm_params_of(&p, graph, node, NULL));
    size_t m = (size_t)p.m, n = (size_t)p.n, k = (size_t)p.k;
    bool has_c = node->n_inputs > 2 && inputs[2].data != NULL;
    matrix a = {inputs[0].data, p.trans_a ? 1 : k, p.trans_a ? m : 1};
    matrix b = {inputs[1].data, p.trans_b ? 1 : n, p.trans_b ? k : 1};

    multiply(outputs[0].data, a, b, m, n, k);
    scale_and_add(&outputs[0], p.alpha, p.beta, has_c ? &inputs[2] : NULL);
    return CLV_OK;
}

/* A vector is a row on the left and a column on the right. */
static clv_shape as_matrix(const clv_shape *shape, bool left)
{
    if (shape->rank > 1)
        return *shape;
    return left ? (clv_shape){.rank = 2, .dim = {1, shape->dim[0]}}
                : (clv_shape){.rank = 2, .dim = {shape->dim[0], 1}};
}

clv_status ref_matmul(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                      clv_tensor *outputs)
{
    clv_shape a = as_matrix(&inputs[0].shape, true), b = as_matrix(&inputs[1].shape, false);
    size_t m = (size_t)a.dim[a.rank - 2], k = (size_t)a.dim[a.rank - 1];
    size_t n = (size_t)b.dim[b.rank - 1];
    clv_shape batch = outputs[0].shape;
    float *y = outputs[0].data;
    ref_walk walk;
    (void)graph;
    (void)node;

    a.rank -= 2;
    b.rank -= 2;
    batch.rank = a.rank > b.rank ? a.rank : b.rank;
    ref_walk_broadcast(&walk, &batch, &a, &b); /* an element is a whole matrix here */
    size_t length = ref_walk_length(&walk), lines = ref_walk_lines(&walk);
    for (size_t i = 0; i < lines; i++) {
        for (size_t j = 0; j < length; j++, y += m * n) {
            ptrdiff_t at_a = walk.offset[0] + (ptrdiff_t)j * ref_walk_step(&walk, 0);
            ptrdiff_t at_b = walk.offset[1] + (ptrdiff_t)j * ref_walk_step(&walk, 1);
            multiply(y, (matrix){(const float *)inputs[0].data + (size_t)at_a * m * k, k, 1},
                     (matrix){(const float *)inputs[1].data + (size_t)at_b * k * n, n, 1}, m, n, k);
        }
        ref_walk_next(&walk);
    }
    return CLV_OK;
}
