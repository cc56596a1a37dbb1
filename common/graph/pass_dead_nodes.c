/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/pass.h"

/* Backwards: a node is needed when somebody that is needed reads one of its outputs. */
clv_status clv_pass_dead_nodes(clv_pass *pass, clv_error *err)
{
    clv_graph *graph = pass->graph;
    uint32_t *uses = pass->uses;
    (void)err;

    for (uint32_t i = graph->n_nodes; i-- > 0;) {
        const clv_node *node = &graph->nodes[i];
        bool needed = false;
        for (uint32_t j = 0; j < node->n_outputs; j++)
            needed |= node->outputs[j] != CLV_NO_VALUE && uses[node->outputs[j]] > 0;
        if (needed)
            continue;
        for (uint32_t j = 0; j < node->n_inputs; j++) {
            if (node->inputs[j] != CLV_NO_VALUE)
                uses[node->inputs[j]]--;
        }
        pass->dead[i] = true;
        pass->changes++;
    }
    return CLV_OK;
}
