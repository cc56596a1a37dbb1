/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/infer.h"
#include "graph/pass.h"

/* All constants that folding makes, together. A few bytes of a hostile file could ask for more. */
#define MAX_FOLDED_BYTES ((size_t)1 << 30)

static bool can_fold(const clv_graph *graph, const clv_node *node)
{
    if (node->op == CLV_OP_SHAPE || node->op == CLV_OP_SIZE) /* they need the shape alone */
        return !clv_node_input_is_bounded(graph, node, 0);
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const clv_tensor *x = clv_node_input(graph, node, i);
        if (x != NULL && x->data == NULL)
            return false;
    }
    return true;
}

/* Memory for every output that is there. */
static clv_status allocate_outputs(clv_tensor *outputs, clv_graph *graph, const clv_node *node,
                                   size_t *folded_bytes, clv_error *err)
{
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        size_t bytes;
        if (node->outputs[i] == CLV_NO_VALUE)
            continue;
        outputs[i] = graph->values[node->outputs[i]].tensor;
        CLV_TRY(clv_tensor_bytes(&bytes, &outputs[i]));
        if (bytes > MAX_FOLDED_BYTES - *folded_bytes)
            return clv_fail(err, CLV_ELIMIT, node->name,
                            "its constant result passes %zu bytes of folded constants",
                            MAX_FOLDED_BYTES);
        *folded_bytes += bytes;
        outputs[i].data = clv_graph_own_data(graph, bytes);
        if (outputs[i].data == NULL)
            return clv_fail(err, CLV_ENOMEM, node->name, "out of memory");
    }
    return CLV_OK;
}

static clv_status fold(clv_pass *pass, uint32_t index, size_t *folded_bytes, clv_error *err)
{
    clv_graph *graph = pass->graph;
    const clv_node *node = &graph->nodes[index];
    clv_tensor *tensors = clv_calloc((size_t)node->n_inputs + node->n_outputs, sizeof *tensors);
    if (tensors == NULL)
        return clv_fail(err, CLV_ENOMEM, node->name, "out of memory");

    clv_tensor *outputs = tensors + node->n_inputs;
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const clv_tensor *x = clv_node_input(graph, node, i);
        if (x != NULL)
            tensors[i] = *x;
    }
    clv_status status = allocate_outputs(outputs, graph, node, folded_bytes, err);
    if (status == CLV_OK)
        status = pass->evaluate(graph, node, tensors, outputs);
    if (status == CLV_OK) {
        for (uint32_t i = 0; i < node->n_outputs; i++) {
            if (node->outputs[i] != CLV_NO_VALUE)
                clv_graph_set_constant(graph, node->outputs[i], &outputs[i]);
        }
        pass->dead[index] = true;
        pass->changes++;
    } else if (status == CLV_EUNSUPPORTED) {
        status = CLV_OK; /* it runs with the others, then */
    } else if (status != CLV_ELIMIT && status != CLV_ENOMEM) {
        status = clv_fail(err, status, node->name, "its constant result can't be computed: %s",
                          clv_status_text(status));
    }
    clv_free(tensors);
    return status;
}

clv_status clv_pass_constants(clv_pass *pass, clv_error *err)
{
    clv_graph *graph = pass->graph;
    size_t folded_bytes = 0;

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        CLV_TRY(clv_infer_node(graph, &graph->nodes[i], err));
        if (can_fold(graph, &graph->nodes[i]))
            CLV_TRY(fold(pass, i, &folded_bytes, err));
    }
    return CLV_OK;
}
