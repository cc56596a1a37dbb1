/* SPDX-License-Identifier: Apache-2.0 */
/* MatMulInteger and QLinearMatMul: exact sums of 8-bit products. */
#include "graph/params_quantize.h"
#include "kernel/ref/ref_quantized.h"

/* Scale and zero point of a tensor of matrices, and how to walk over all three. Steps are along
 * the output's batch dimensions, then along the matrix's own two. */
typedef struct operand {
    const clv_tensor *data, *scale, *zero; /* NULL: none (1, 0) */
    ptrdiff_t step[CLV_MAX_RANK], scale_step[CLV_MAX_RANK], zero_step[CLV_MAX_RANK];
} operand;

typedef struct product {
    clv_shape batch;
    operand a, b, y;
    size_t m, n, k;
} product;

static clv_status set_steps(ptrdiff_t *step, const clv_tensor *param, bool rows,
                            const clv_shape *all)
{
    clv_shape shape;
    if (param == NULL)
        return CLV_OK;
    CLV_TRY(clv_quantised_spread(&shape, &param->shape, all, rows));
    ref_broadcast_steps(step, all, &shape);
    return CLV_OK;
}

/* @p x's matrices are [rows, columns]. */
static clv_status set_operand(operand *x, const product *p, const clv_shape *shape, size_t rows,
                              size_t columns, bool by_row)
{
    clv_shape all = p->batch;
    all.dim[all.rank++] = (int64_t)rows;
    all.dim[all.rank++] = (int64_t)columns;
    ref_broadcast_steps(x->step, &all, shape);
    CLV_TRY(set_steps(x->scale_step, x->scale, by_row, &all));
    return set_steps(x->zero_step, x->zero, by_row, &all);
}

static clv_status product_of(product *p, const clv_node *node, const clv_tensor *inputs,
                             const clv_tensor *y)
{
    bool linear = node->op == CLV_OP_QLINEAR_MATMUL;
    const clv_tensor *right = &inputs[linear ? 3 : 1];
    clv_shape a = ref_as_matrix(&inputs[0].shape, true), b = ref_as_matrix(&right->shape, false);

    *p = (product){.batch = y->shape, .a.data = &inputs[0], .b.data = right, .y.data = y};
    p->m = (size_t)a.dim[a.rank - 2];
    p->k = (size_t)a.dim[a.rank - 1];
    p->n = (size_t)b.dim[b.rank - 1];
    p->batch.rank = (a.rank > b.rank ? a.rank : b.rank) - 2;
    p->a.zero = ref_optional(node, inputs, 2);
    p->b.zero = ref_optional(node, inputs, linear ? 5 : 3);
    if (linear) {
        p->a.scale = &inputs[1];
        p->b.scale = &inputs[4];
        p->y.scale = &inputs[6];
        p->y.zero = &inputs[7];
    }
    CLV_TRY(set_operand(&p->a, p, &a, p->m, p->k, true));
    CLV_TRY(set_operand(&p->b, p, &b, p->k, p->n, false));
    return set_operand(&p->y, p, &y->shape, p->m, p->n, true);
}

/* Where element [row, column] of matrix number @p i of the batch is. */
static size_t at(const ptrdiff_t *step, const clv_shape *batch, size_t i, size_t row, size_t column)
{
    ptrdiff_t offset =
        (ptrdiff_t)row * step[batch->rank] + (ptrdiff_t)column * step[batch->rank + 1];
    for (uint32_t d = batch->rank; d-- > 0; i /= (size_t)batch->dim[d])
        offset += (ptrdiff_t)(i % (size_t)batch->dim[d]) * step[d];
    return (size_t)offset;
}

static int32_t zero_at(const operand *x, const product *p, size_t i, size_t row, size_t column)
{
    return x->zero != NULL ? ref_byte(x->zero, at(x->zero_step, &p->batch, i, row, column)) : 0;
}

static double scale_at(const operand *x, const product *p, size_t i, size_t row, size_t column)
{
    size_t offset = at(x->scale_step, &p->batch, i, row, column);
    return (double)((const float *)x->scale->data)[offset];
}

static int32_t sum_at(const product *p, size_t i, size_t row, size_t column)
{
    size_t a = at(p->a.step, &p->batch, i, row, 0), b = at(p->b.step, &p->batch, i, 0, column);
    size_t b_step = (size_t)p->b.step[p->batch.rank];
    int32_t a_zero = zero_at(&p->a, p, i, row, 0), b_zero = zero_at(&p->b, p, i, 0, column);
    int32_t sum = 0;

    for (size_t l = 0; l < p->k; l++)
        sum = ref_add_product(sum, ref_byte(p->a.data, a + l) - a_zero,
                              ref_byte(p->b.data, b + l * b_step) - b_zero);
    return sum;
}

clv_status ref_matmul_integer(const clv_graph *graph, const clv_node *node,
                              const clv_tensor *inputs, clv_tensor *outputs)
{
    product p;
    size_t at_y = 0;
    (void)graph;

    CLV_TRY(product_of(&p, node, inputs, &outputs[0]));
    size_t batch = ref_elems(&outputs[0]) / (p.m * p.n);
    for (size_t i = 0; i < batch; i++) {
        for (size_t row = 0; row < p.m; row++) {
            for (size_t column = 0; column < p.n; column++, at_y++) {
                int32_t sum = sum_at(&p, i, row, column);
                if (p.y.scale == NULL) {
                    ((int32_t *)outputs[0].data)[at_y] = sum;
                    continue;
                }
                double scale = scale_at(&p.a, &p, i, row, 0) * scale_at(&p.b, &p, i, 0, column) /
                               scale_at(&p.y, &p, i, row, 0);
                ref_store_byte(&outputs[0], at_y, sum * scale, zero_at(&p.y, &p, i, row, 0));
            }
        }
    }
    return CLV_OK;
}
