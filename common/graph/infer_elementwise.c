/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of operators that work on elements: broadcasting, and other types of result. */
#include "graph/infer_rules.h"

/* The shape that all inputs from @p first on are broadcast to. */
static clv_status broadcast_all(clv_shape *out, const clv_graph *graph, const clv_node *node,
                                uint32_t first, clv_error *err)
{
    clv_shape shape = {0};

    for (uint32_t i = first; i < node->n_inputs; i++) {
        const clv_tensor *x = clv_node_input(graph, node, i);
        if (x == NULL)
            return clv_infer_fail(err, node, CLV_EFORMAT, "an input is absent");
        if (clv_shape_broadcast(&shape, &shape, &x->shape) != CLV_OK)
            return clv_infer_fail(err, node, CLV_ESHAPE, "the inputs' shapes can't be broadcast");
    }
    *out = shape;
    return CLV_OK;
}

/* All inputs from @p first on are of one type. */
static clv_status check_one_type(const clv_graph *graph, const clv_node *node, uint32_t first,
                                 clv_error *err)
{
    for (uint32_t i = first + 1; i < node->n_inputs; i++) {
        if (clv_node_input(graph, node, i)->dtype != clv_node_input(graph, node, first)->dtype)
            return clv_infer_fail(err, node, CLV_EFORMAT, "the inputs have different types");
    }
    return CLV_OK;
}

/* Max, Min, Mean. */
clv_status infer_variadic(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_shape shape;
    CLV_TRY(broadcast_all(&shape, graph, node, 0, err));
    CLV_TRY(check_one_type(graph, node, 0, err));
    return clv_infer_set(graph, node, 0, clv_node_input(graph, node, 0)->dtype, &shape, err);
}

/* Equal, Less and their like. */
clv_status infer_compare(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_shape shape;
    CLV_TRY(broadcast_all(&shape, graph, node, 0, err));
    CLV_TRY(check_one_type(graph, node, 0, err));
    return clv_infer_set(graph, node, 0, CLV_BOOL, &shape, err);
}

/* The exponent may be of another type; the result is of the base's. */
clv_status infer_pow(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_shape shape;
    CLV_TRY(broadcast_all(&shape, graph, node, 0, err));
    return clv_infer_set(graph, node, 0, clv_node_input(graph, node, 0)->dtype, &shape, err);
}

clv_status infer_where(clv_graph *graph, const clv_node *node, clv_error *err)
{
    clv_shape shape;
    CLV_TRY(broadcast_all(&shape, graph, node, 0, err));
    CLV_TRY(check_one_type(graph, node, 1, err));
    if (clv_node_input(graph, node, 0)->dtype != CLV_BOOL)
        return clv_infer_fail(err, node, CLV_EFORMAT, "the condition isn't bool");
    return clv_infer_set(graph, node, 0, clv_node_input(graph, node, 1)->dtype, &shape, err);
}

/* IsNaN, IsInf. */
clv_status infer_predicate(clv_graph *graph, const clv_node *node, clv_error *err)
{
    return clv_infer_set(graph, node, 0, CLV_BOOL, &clv_node_input(graph, node, 0)->shape, err);
}

clv_status infer_cast_like(clv_graph *graph, const clv_node *node, clv_error *err)
{
    return clv_infer_set(graph, node, 0, clv_node_input(graph, node, 1)->dtype,
                         &clv_node_input(graph, node, 0)->shape, err);
}
