/* SPDX-License-Identifier: Apache-2.0 */
/* Gemm and MatMul over bytes: the sums of one row of the output at a time. */
#include <string.h>

#include "kernel/ref/ref_int8.h"

/* Element [i, j] is byte i * row + j * col of data. */
typedef struct matrix {
    const void *data;
    clv_dtype dtype;
    int32_t zero_point;
    size_t row, col;
} matrix;

/* What lies in scratch memory: one row of each. */
typedef struct workspace {
    int16_t *a; /* less its zero point */
    int32_t *part;
    int64_t *total;
    float *real;
} workspace;

typedef struct extents {
    size_t m, n, k;
} extents;

static size_t lay_out(workspace *ws, const extents *e, char *scratch)
{
    size_t at = 0;

    ws->a = (void *)ref_int8_cut(scratch, &at, e->k * sizeof *ws->a);
    ws->part = (void *)ref_int8_cut(scratch, &at, e->n * sizeof *ws->part);
    ws->total = (void *)ref_int8_cut(scratch, &at, e->n * sizeof *ws->total);
    ws->real = (void *)ref_int8_cut(scratch, &at, e->n * sizeof *ws->real);
    return at;
}

/* read_TYPE(): one row of a matrix. multiply_TYPE(): add a row [k] * b [k, n] to the sums [n], for
 * k that can't overflow them, along whichever direction b is contiguous in. */
#define OVER_BYTES(suffix, type)                                                                   \
    static void read_##suffix(int16_t *restrict dst, const matrix *a, size_t i, size_t n)          \
    {                                                                                              \
        const type *from = (const type *)a->data + i * a->row;                                     \
        for (size_t l = 0; l < n; l++)                                                             \
            dst[l] = (int16_t)(from[l * a->col] - a->zero_point);                                  \
    }                                                                                              \
    static void multiply_##suffix(int32_t *restrict sums, const int16_t *restrict a,               \
                                  const matrix *b, size_t first, size_t k, size_t n)               \
    {                                                                                              \
        const type *data = (const type *)b->data + first * b->row;                                 \
        for (size_t j = 0; b->row == 1 && j < n; j++) {                                            \
            const type *from = data + j * b->col;                                                  \
            int32_t sum = 0;                                                                       \
            for (size_t l = 0; l < k; l++)                                                         \
                sum += a[l] * (from[l] - b->zero_point);                                           \
            sums[j] += sum;                                                                        \
        }                                                                                          \
        for (size_t l = 0; b->row != 1 && l < k; l++) {                                            \
            const type *from = data + l * b->row;                                                  \
            for (size_t j = 0; j < n; j++)                                                         \
                sums[j] += a[l] * (from[j * b->col] - b->zero_point);                              \
        }                                                                                          \
    }

OVER_BYTES(u8, uint8_t)
OVER_BYTES(i8, int8_t)

/* Row @p i of the product, as real numbers. */
static void multiply_row(const ref_int8 *k, const workspace *ws, const matrix *a, const matrix *b,
                         size_t i, const extents *e)
{
    const clv_quant *a_quant = clv_node_input_quant(k->graph, k->node, 0);
    const clv_quant *b_quant = clv_node_input_quant(k->graph, k->node, 1);

    (a->dtype == CLV_I8 ? read_i8 : read_u8)(ws->a, a, i, e->k);
    memset(ws->total, 0, e->n * sizeof *ws->total);
    for (size_t l = 0; l < e->k; l += REF_INT8_TERMS) {
        size_t terms = e->k - l < REF_INT8_TERMS ? e->k - l : REF_INT8_TERMS;
        memset(ws->part, 0, e->n * sizeof *ws->part);
        (b->dtype == CLV_I8 ? multiply_i8 : multiply_u8)(ws->part, ws->a + l, b, l, terms, e->n);
        for (size_t j = 0; j < e->n; j++)
            ws->total[j] += ws->part[j];
    }
    for (size_t j = 0; j < e->n; j++)
        ws->real[j] = (float)ws->total[j] * clv_quant_multiplier(a_quant, b_quant, j);
}

static matrix matrix_of(const ref_int8 *k, const clv_tensor *inputs, uint32_t i, size_t row,
                        size_t col)
{
    const clv_quant *quant = clv_node_input_quant(k->graph, k->node, i);
    return (matrix){inputs[i].data, inputs[i].dtype, quant->zero_point, row, col};
}

/* --- Gemm ---------------------------------------------------------------------------------- */

/* y = alpha * y + beta * c over row @p i, c being broadcast to [m, n]. */
static void scale_and_add(float *y, const clv_gemm_params *p, const clv_tensor *c, size_t i)
{
    clv_shape out = {.rank = 2, .dim = {p->m, p->n}};
    ptrdiff_t step[CLV_MAX_RANK];

    for (int64_t j = 0; p->alpha != 1.0f && j < p->n; j++)
        y[j] *= p->alpha;
    if (c == NULL)
        return;
    ref_broadcast_steps(step, &out, &c->shape);
    const float *from = (const float *)c->data + (ptrdiff_t)i * step[0];
    for (int64_t j = 0; j < p->n; j++)
        y[j] += p->beta * from[j * step[1]];
}

static clv_status run_gemm(const ref_int8 *k, const clv_tensor *inputs, clv_tensor *outputs,
                           char *scratch)
{
    clv_gemm_params p;
    workspace ws;

    CLV_TRY(clv_gemm_params_of(&p, &k->twin->graph, &k->twin->node, NULL));
    extents e = {(size_t)p.m, (size_t)p.n, (size_t)p.k};
    (void)lay_out(&ws, &e, scratch);
    matrix a = matrix_of(k, inputs, 0, p.trans_a ? 1 : e.k, p.trans_a ? e.m : 1);
    matrix b = matrix_of(k, inputs, 1, p.trans_b ? 1 : e.n, p.trans_b ? e.k : 1);
    for (size_t i = 0; i < e.m; i++) {
        multiply_row(k, &ws, &a, &b, i, &e);
        scale_and_add(ws.real, &p, ref_optional(k->node, inputs, 2), i);
        ref_int8_store(k, &outputs[0], i * e.n, ws.real, e.n);
    }
    return CLV_OK;
}

/* --- MatMul -------------------------------------------------------------------------------- */

static extents extents_of(const clv_shape *a, const clv_shape *b)
{
    return (extents){(size_t)a->dim[a->rank - 2], (size_t)b->dim[b->rank - 1],
                     (size_t)a->dim[a->rank - 1]};
}

static clv_status run_matmul(const ref_int8 *k, const clv_tensor *inputs, clv_tensor *outputs,
                             char *scratch)
{
    clv_shape a = ref_as_matrix(&inputs[0].shape, true);
    clv_shape b = ref_as_matrix(&inputs[1].shape, false), batch = outputs[0].shape;
    extents e = extents_of(&a, &b);
    workspace ws;
    ref_walk walk;
    size_t at = 0;

    (void)lay_out(&ws, &e, scratch);
    a.rank -= 2;
    b.rank -= 2;
    batch.rank = a.rank > b.rank ? a.rank : b.rank;
    ref_walk_broadcast(&walk, &batch, &a, &b); /* an element is a whole matrix here */
    size_t length = ref_walk_length(&walk), lines = ref_walk_lines(&walk);
    for (size_t i = 0; i < lines * length; i++) {
        ptrdiff_t j = (ptrdiff_t)(i % length);
        ptrdiff_t at_a = walk.offset[0] + j * ref_walk_step(&walk, 0);
        ptrdiff_t at_b = walk.offset[1] + j * ref_walk_step(&walk, 1);
        matrix left = matrix_of(k, inputs, 0, e.k, 1), right = matrix_of(k, inputs, 1, e.n, 1);
        left.data = (const char *)left.data + (size_t)at_a * e.m * e.k;
        right.data = (const char *)right.data + (size_t)at_b * e.k * e.n;
        for (size_t row = 0; row < e.m; row++, at += e.n) {
            multiply_row(k, &ws, &left, &right, row, &e);
            ref_int8_store(k, &outputs[0], at, ws.real, e.n);
        }
        if ((size_t)j + 1 == length)
            ref_walk_next(&walk);
    }
    return CLV_OK;
}

clv_status ref_int8_plan_matmul(ref_int8 *k)
{
    const clv_graph *graph = &k->twin->graph;
    const clv_node *node = &k->twin->node;
    workspace unused;
    clv_gemm_params p;

    if (node->op == CLV_OP_MATMUL) {
        clv_shape a = ref_as_matrix(&clv_node_input(graph, node, 0)->shape, true);
        clv_shape b = clv_node_input(graph, node, 1)->shape;
        if (!ref_int8_is_product(k, b.rank > 1 ? b.rank - 1 : CLV_MAX_RANK))
            return CLV_EUNSUPPORTED;
        b = ref_as_matrix(&b, false);
        extents e = extents_of(&a, &b);
        k->scratch_bytes = lay_out(&unused, &e, NULL);
        k->run = run_matmul;
        return CLV_OK;
    }
    if (node->op != CLV_OP_GEMM)
        return CLV_EUNSUPPORTED;
    CLV_TRY(clv_gemm_params_of(&p, graph, node, NULL));
    if (!ref_int8_is_product(k, p.trans_b ? 0 : 1) ||
        clv_node_input_quant(k->graph, k->node, 2) != NULL)
        return CLV_EUNSUPPORTED;
    extents e = {(size_t)p.m, (size_t)p.n, (size_t)p.k};
    k->scratch_bytes = lay_out(&unused, &e, NULL);
    k->run = run_gemm;
    return CLV_OK;
}
