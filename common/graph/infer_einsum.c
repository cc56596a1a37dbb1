/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "graph/infer_rules.h"
#include "graph/params_einsum.h"

clv_status infer_einsum(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    clv_einsum_params p;

    CLV_TRY(clv_einsum_params_of(&p, graph, node, err));
    for (uint32_t i = 1; i < node->n_inputs; i++) {
        if (clv_node_input(graph, node, i)->dtype != x->dtype)
            return clv_infer_fail(err, node, CLV_EFORMAT, "the inputs have different types");
    }
    clv_shape shape = {.rank = p.n_out};
    memcpy(shape.dim, p.dim, p.n_out * sizeof shape.dim[0]);
    return clv_infer_set(graph, node, 0, x->dtype, &shape, err);
}
