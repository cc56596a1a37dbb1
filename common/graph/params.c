/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/params.h"

#include "base/error.h"

static clv_status bad(clv_error *err, const clv_node *node, clv_status code, const char *what)
{
    char where[160];
    return clv_fail(err, code, clv_node_describe(where, sizeof where, node), "%s", what);
}

clv_status clv_gemm_params_of(clv_gemm_params *out, const clv_graph *graph, const clv_node *node,
                              clv_error *err)
{
    const clv_tensor *a = clv_node_input(graph, node, 0);
    const clv_tensor *b = clv_node_input(graph, node, 1);
    clv_gemm_params p = {.alpha = clv_node_attr_float(node, "alpha", 1.0f),
                         .beta = clv_node_attr_float(node, "beta", 1.0f),
                         .trans_a = clv_node_attr_int(node, "transA", 0) != 0,
                         .trans_b = clv_node_attr_int(node, "transB", 0) != 0};

    if (a->shape.rank != 2 || b->shape.rank != 2)
        return bad(err, node, CLV_ESHAPE, "Gemm takes matrices");
    p.m = a->shape.dim[p.trans_a ? 1 : 0];
    p.k = a->shape.dim[p.trans_a ? 0 : 1];
    p.n = b->shape.dim[p.trans_b ? 0 : 1];
    if (b->shape.dim[p.trans_b ? 1 : 0] != p.k)
        return bad(err, node, CLV_ESHAPE, "the inner dimensions of the matrices differ");
    *out = p;
    return CLV_OK;
}

clv_status clv_clip_params_of(float *min_out, float *max_out, const clv_graph *graph,
                              const clv_node *node, clv_error *err)
{
    float bounds[2] = {-__builtin_inff(), __builtin_inff()};

    for (uint32_t i = 0; i < 2; i++) {
        const clv_tensor *bound = clv_node_input(graph, node, i + 1);
        size_t n;
        if (bound == NULL)
            continue;
        if (bound->data == NULL || bound->dtype != CLV_F32)
            return bad(err, node, CLV_EUNSUPPORTED, "bounds must be float32 constants");
        if (clv_shape_elems(&n, &bound->shape) != CLV_OK || n != 1)
            return bad(err, node, CLV_ESHAPE, "bounds must be scalars");
        bounds[i] = *(const float *)bound->data;
    }
    *min_out = bounds[0];
    *max_out = bounds[1];
    return CLV_OK;
}
