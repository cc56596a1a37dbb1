/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/pass.h"

#define MASK(name) (1u << CLV_##name)
#define FLOATS (MASK(F16) | MASK(F32) | MASK(F64))

/* The types that hold every value of a type exactly, itself among them. */
static uint32_t holders(clv_dtype dtype)
{
    switch (dtype) {
    case CLV_BOOL:
        return ~MASK(NONE);
    case CLV_U8:
        return MASK(U8) | MASK(U16) | MASK(I16) | holders(CLV_U16) | holders(CLV_I16) | FLOATS;
    case CLV_I8:
        return MASK(I8) | holders(CLV_I16) | FLOATS;
    case CLV_U16:
        return MASK(U16) | holders(CLV_U32) | holders(CLV_I32) | MASK(F32);
    case CLV_I16:
        return MASK(I16) | holders(CLV_I32) | MASK(F32);
    case CLV_U32:
        return MASK(U32) | MASK(U64) | MASK(I64) | MASK(F64);
    case CLV_I32:
        return MASK(I32) | MASK(I64) | MASK(F64);
    case CLV_F16:
        return FLOATS;
    case CLV_F32:
        return MASK(F32) | MASK(F64);
    default:
        return 1u << dtype;
    }
}

static bool is_float(clv_dtype dtype)
{
    return (FLOATS >> dtype & 1u) != 0;
}

/* Cast(Cast(x, middle), to) is Cast(x, to): nothing is lost on the way, and the second step treats
 * the middle's numbers as it would x's. It doesn't where floats saturate and integers wrap. */
static bool passes_through(clv_dtype x, clv_dtype middle, clv_dtype to)
{
    bool one_kind = x == CLV_BOOL || is_float(x) == is_float(middle);
    return (holders(x) >> middle & 1u) != 0 &&
           (one_kind || to == x || to == CLV_BOOL || is_float(to));
}

clv_status clv_pass_cast(clv_pass *pass, clv_error *err)
{
    clv_graph *graph = pass->graph;

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        clv_node *node = &graph->nodes[i];
        clv_pass_resolve(pass, node);
        if (node->op != CLV_OP_CAST)
            continue;
        uint32_t producer = graph->values[node->inputs[0]].producer;
        if (producer == CLV_NO_NODE || graph->nodes[producer].op != CLV_OP_CAST)
            continue;
        const clv_node *first = &graph->nodes[producer];
        clv_dtype x = clv_node_input(graph, first, 0)->dtype;
        clv_dtype to = clv_node_output(graph, node, 0)->dtype;
        if (!passes_through(x, clv_node_output(graph, first, 0)->dtype, to) ||
            (x == to && clv_pass_bypass(pass, i, first->inputs[0])))
            continue;
        clv_node_desc desc = {.op = CLV_OP_CAST,
                              .inputs = first->inputs,
                              .n_inputs = 1,
                              .attrs = node->attrs,
                              .n_attrs = node->n_attrs};
        CLV_TRY(clv_pass_rewrite(pass, i, &desc, err));
    }
    return CLV_OK;
}
