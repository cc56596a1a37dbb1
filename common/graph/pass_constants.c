/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/fold.h"
#include "graph/infer.h"
#include "graph/pass.h"

clv_status clv_pass_constants(clv_pass *pass, clv_error *err)
{
    clv_graph *graph = pass->graph;
    size_t folded_bytes = 0;

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const clv_node *node = &graph->nodes[i];
        bool folded = false;
        CLV_TRY(clv_infer_node(graph, node, err));
        if (pass->evaluate != NULL)
            CLV_TRY(clv_fold_node(&folded, graph, node, pass->evaluate, &folded_bytes, err));
        pass->dead[i] |= folded;
        pass->changes += folded;
    }
    return CLV_OK;
}
