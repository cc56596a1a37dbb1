/* SPDX-License-Identifier: Apache-2.0 */
/* Gemm and MatMul. */
#include "support/case_families.h"
#include "support/case_oracle.h"

typedef struct gemm_line {
    gemm_spec g;
    bool constant_b;
    clv_shape c; /* rank CLV_MAX_RANK: none */
} gemm_line;

#define NO_C                                                                                       \
    {                                                                                              \
        .rank = CLV_MAX_RANK                                                                       \
    }

/* m, n, k, trans_a, trans_b, alpha, beta */
static const gemm_line gemms[] = {
    {{1, 10, 64, false, true, 1.0f, 1.0f}, true, {1, {10}}},
    {{1, 1000, 37, false, true, 1.0f, 1.0f}, true, {1, {1000}}},
    {{3, 17, 33, false, false, 1.0f, 1.0f}, true, {1, {17}}},
    {{5, 16, 32, false, true, 1.0f, 1.0f}, true, NO_C},
    {{4, 7, 9, true, false, 1.0f, 1.0f}, true, {2, {4, 7}}},
    {{4, 7, 9, true, true, 0.5f, 2.0f}, true, {2, {4, 1}}},
    {{2, 5, 11, false, false, -1.5f, 1.0f}, false, {2, {1, 5}}},
    {{6, 3, 8, false, true, 0.25f, 0.0f}, true, {0, {0}}},
    {{6, 3, 8, false, true, 1.0f, 0.5f}, true, {1, {1}}},
    {{7, 1, 20, false, false, 1.0f, 1.0f}, true, {1, {1}}},
    {{1, 1, 1, true, true, 2.0f, 3.0f}, false, {2, {1, 1}}},
    {{16, 32, 48, false, true, 1.0f, 1.0f}, true, {1, {32}}},
};

typedef struct matmul_line {
    clv_shape a, b;
    bool constant_b, constant_a;
} matmul_line;

static const matmul_line matmuls[] = {
    {{2, {4, 9}}, {2, {9, 5}}, true, false},
    {{2, {1, 64}}, {2, {64, 33}}, true, false},
    {{2, {7, 8}}, {2, {8, 1}}, false, false},
    {{3, {3, 4, 6}}, {3, {3, 6, 5}}, false, false},
    {{3, {3, 4, 6}}, {2, {6, 7}}, true, false},
    {{2, {4, 6}}, {3, {5, 6, 3}}, false, false},
    {{4, {2, 3, 5, 4}}, {4, {1, 3, 4, 6}}, true, false},
    {{4, {2, 1, 5, 4}}, {3, {3, 4, 2}}, false, false},
    {{1, {6}}, {2, {6, 5}}, true, false},
    {{2, {4, 6}}, {1, {6}}, true, false},
    {{1, {7}}, {1, {7}}, false, false},
    {{3, {2, 3, 5}}, {1, {5}}, false, false},
    {{1, {5}}, {3, {2, 5, 3}}, false, false},
    {{3, {2, 33, 17}}, {3, {2, 17, 1}}, false, false},
    {{2, {4, 9}}, {2, {9, 5}}, false, true},
    {{3, {1, 3, 9}}, {3, {4, 9, 5}}, false, true},
    {{1, {9}}, {3, {4, 9, 5}}, false, true},
    {{5, {2, 1, 3, 4, 5}}, {5, {2, 2, 1, 5, 3}}, false, false},
};

#define N_GEMMS (sizeof gemms / sizeof gemms[0])
#define N_MATMULS (sizeof matmuls / sizeof matmuls[0])

static node_case *make_gemm(size_t i)
{
    const gemm_line *line = &gemms[i];
    const gemm_spec *g = &line->g;
    uint64_t seed = i;
    node_case *c = case_create(CLV_OP_GEMM, "gemm %zu: m %lld, n %lld, k %lld%s%s", i,
                               (long long)g->m, (long long)g->n, (long long)g->k,
                               g->trans_a ? ", A'" : "", g->trans_b ? ", B'" : "");
    case_float(c, "alpha", g->alpha);
    case_float(c, "beta", g->beta);
    case_int(c, "transA", g->trans_a);
    case_int(c, "transB", g->trans_b);
    clv_shape a_shape = g->trans_a ? CASE_SHAPE(g->k, g->m) : CASE_SHAPE(g->m, g->k);
    clv_shape b_shape = g->trans_b ? CASE_SHAPE(g->n, g->k) : CASE_SHAPE(g->k, g->n);
    const float *a = case_random_input(c, a_shape, 1.0f, &seed);
    const float *b = case_random_input(c, b_shape, 1.0f, &seed);
    if (line->constant_b)
        case_make_constant(c);
    bool has_c = line->c.rank < CLV_MAX_RANK;
    if (has_c) {
        case_random_input(c, line->c, 1.0f, &seed);
        if (line->constant_b)
            case_make_constant(c);
    }
    case_must_build(c);
    oracle_gemm(c->expected[0].data, g, a, b, has_c ? &c->inputs[2] : NULL);
    return c;
}

/* The dimensions of @p shape but for the two of its matrices, which go to @p rows and @p cols. */
static clv_shape split_matrices(int64_t *rows, int64_t *cols, clv_shape shape, bool left)
{
    if (shape.rank == 1) {
        *rows = left ? 1 : shape.dim[0];
        *cols = left ? shape.dim[0] : 1;
        return (clv_shape){.rank = 0};
    }
    shape.rank -= 2;
    *rows = shape.dim[shape.rank];
    *cols = shape.dim[shape.rank + 1];
    return shape;
}

static node_case *make_matmul(size_t i)
{
    const matmul_line *line = &matmuls[i];
    uint64_t seed = i;
    gemm_spec g = {.alpha = 1.0f, .beta = 1.0f};
    node_case *c =
        case_create(CLV_OP_MATMUL, "matmul %zu: ranks %u and %u", i, line->a.rank, line->b.rank);
    const float *a = case_random_input(c, line->a, 1.0f, &seed);

    if (line->constant_a)
        case_make_constant(c);
    const float *b = case_random_input(c, line->b, 1.0f, &seed);
    if (line->constant_b)
        case_make_constant(c);
    case_must_build(c);
    clv_shape a_batch = split_matrices(&g.m, &g.k, line->a, true);
    clv_shape b_batch = split_matrices(&g.k, &g.n, line->b, false);
    clv_shape batch = c->expected[0].shape;
    batch.rank = a_batch.rank > b_batch.rank ? a_batch.rank : b_batch.rank;
    size_t n = case_elems(&(clv_tensor){.shape = batch});
    for (size_t j = 0; j < n; j++) {
        size_t at_a = oracle_broadcast_index(j, &batch, &a_batch) * (size_t)(g.m * g.k);
        size_t at_b = oracle_broadcast_index(j, &batch, &b_batch) * (size_t)(g.k * g.n);
        oracle_gemm((float *)c->expected[0].data + j * (size_t)(g.m * g.n), &g, a + at_a, b + at_b,
                    NULL);
    }
    return c;
}

static node_case *make_dense(size_t i)
{
    return i < N_GEMMS ? make_gemm(i) : make_matmul(i - N_GEMMS);
}

const case_family case_dense = {"matrix product", N_GEMMS + N_MATMULS, make_dense};
