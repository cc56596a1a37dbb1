/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of matrix products, of floats and of quantised integers. */
#include "graph/infer_rules.h"

clv_status infer_gemm(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_gemm_params p;
    CLV_TRY(clv_gemm_params_of(&p, graph, node, err));
    clv_shape shape = {.rank = 2, .dim = {p.m, p.n}};
    const clv_tensor *c = clv_node_input(graph, node, 2);
    clv_shape wide;
    if (c != NULL && (clv_shape_broadcast(&wide, &shape, &c->shape) != CLV_OK ||
                      !clv_shape_equal(&wide, &shape)))
        return clv_infer_fail(err, node, CLV_ESHAPE, "C can't be broadcast to the product");
    return clv_infer_set(graph, node, 0, clv_node_input(graph, node, 0)->dtype, &shape, err);
}

/* The shape of a product with two operands as MatMul takes them. */
static clv_status product_shape(clv_shape *out, const clv_shape *a, const clv_shape *b,
                                const clv_node *node, clv_error *err)
{
    clv_shape left = *a, right = *b, batch;

    if (left.rank < 1 || right.rank < 1)
        return clv_infer_fail(err, node, CLV_ESHAPE, "a matrix product takes no scalars");
    if (left.rank == 1)
        left = (clv_shape){.rank = 2, .dim = {1, left.dim[0]}};
    if (right.rank == 1)
        right = (clv_shape){.rank = 2, .dim = {right.dim[0], 1}};
    int64_t m = left.dim[left.rank - 2], n = right.dim[right.rank - 1];
    if (left.dim[left.rank - 1] != right.dim[right.rank - 2])
        return clv_infer_fail(err, node, CLV_ESHAPE, "the inner dimensions differ");
    left.rank -= 2;
    right.rank -= 2;
    if (clv_shape_broadcast(&batch, &left, &right) != CLV_OK)
        return clv_infer_fail(err, node, CLV_ESHAPE, "the batch dimensions can't be broadcast");
    if (a->rank > 1)
        batch.dim[batch.rank++] = m;
    if (b->rank > 1)
        batch.dim[batch.rank++] = n;
    *out = batch;
    return CLV_OK;
}

clv_status infer_matmul(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *a = clv_node_input(graph, node, 0), *b = clv_node_input(graph, node, 1);
    clv_shape shape;

    if (a->dtype != b->dtype)
        return clv_infer_fail(err, node, CLV_EFORMAT, "the inputs have different types");
    CLV_TRY(product_shape(&shape, &a->shape, &b->shape, node, err));
    return clv_infer_set(graph, node, 0, a->dtype, &shape, err);
}

/* Scale and zero point must be there once for @p data, or for each of its rows or columns. */
static clv_status check_spread(const clv_graph *graph, const clv_node *node, const clv_quantised *q,
                               const clv_shape *data, bool rows, clv_error *err)
{
    const uint32_t params[2] = {q->scale, q->zero_point};
    clv_shape unused;

    CLV_TRY(clv_infer_quantised_types(graph, node, q, err));
    for (uint32_t i = 0; i < 2; i++) {
        const clv_tensor *param = clv_node_input(graph, node, params[i]);
        if (param != NULL && clv_quantised_spread(&unused, &param->shape, data, rows) != CLV_OK)
            return clv_infer_fail(err, node, CLV_ESHAPE,
                                  "a scale or zero point doesn't fit the matrix that it is of");
    }
    return CLV_OK;
}

clv_status infer_matmul_integer(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *a = clv_node_input(graph, node, 0), *b = clv_node_input(graph, node, 1);
    const clv_quantised left = {0, CLV_NO_VALUE, 2}, right = {1, CLV_NO_VALUE, 3};
    clv_shape shape;

    CLV_TRY(product_shape(&shape, &a->shape, &b->shape, node, err));
    CLV_TRY(check_spread(graph, node, &left, &a->shape, true, err));
    CLV_TRY(check_spread(graph, node, &right, &b->shape, false, err));
    return clv_infer_set(graph, node, 0, CLV_I32, &shape, err);
}

clv_status infer_qlinear_matmul(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *a = clv_node_input(graph, node, 0), *b = clv_node_input(graph, node, 3);
    const clv_quantised left = {0, 1, 2}, right = {3, 4, 5}, result = {CLV_NO_VALUE, 6, 7};
    clv_shape shape, vector = {.rank = 0};

    CLV_TRY(product_shape(&shape, &a->shape, &b->shape, node, err));
    CLV_TRY(check_spread(graph, node, &left, &a->shape, true, err));
    CLV_TRY(check_spread(graph, node, &right, &b->shape, false, err));
    bool matrices = a->shape.rank > 1 && b->shape.rank > 1;
    CLV_TRY(check_spread(graph, node, &result, matrices ? &shape : &vector, true, err));
    return clv_infer_set(graph, node, 0, clv_node_input(graph, node, 7)->dtype, &shape, err);
}
