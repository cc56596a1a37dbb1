/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/fold.h"

#include "base/error.h"

/* All constants that folding makes, together. A few bytes of a hostile file could ask for more. */
#define MAX_FOLDED_BYTES ((size_t)1 << 30)

static bool can_fold(const clv_graph *graph, const clv_node *node)
{
    if (node->quantised) /* its output's bytes would lose what they stand for */
        return false;
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

static clv_status evaluate_node(clv_graph *graph, const clv_node *node, clv_evaluate_fn evaluate,
                                clv_tensor *tensors, size_t *folded_bytes, clv_error *err)
{
    clv_tensor *outputs = tensors + node->n_inputs;

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const clv_tensor *x = clv_node_input(graph, node, i);
        if (x != NULL)
            tensors[i] = *x;
    }
    CLV_TRY(allocate_outputs(outputs, graph, node, folded_bytes, err));
    clv_status status = evaluate(graph, node, tensors, outputs);
    if (status != CLV_OK && status != CLV_EUNSUPPORTED)
        return clv_fail(err, status, node->name, "its constant result can't be computed: %s",
                        clv_status_text(status));
    for (uint32_t i = 0; status == CLV_OK && i < node->n_outputs; i++) {
        if (node->outputs[i] != CLV_NO_VALUE)
            clv_graph_set_constant(graph, node->outputs[i], &outputs[i]);
    }
    return status;
}

clv_status clv_fold_node(bool *folded_out, clv_graph *graph, const clv_node *node,
                         clv_evaluate_fn evaluate, size_t *folded_bytes, clv_error *err)
{
    if (!can_fold(graph, node)) {
        *folded_out = false;
        return CLV_OK;
    }
    clv_tensor *tensors = clv_calloc((size_t)node->n_inputs + node->n_outputs, sizeof *tensors);
    if (tensors == NULL)
        return clv_fail(err, CLV_ENOMEM, node->name, "out of memory");
    clv_status status = evaluate_node(graph, node, evaluate, tensors, folded_bytes, err);
    clv_free(tensors);
    if (status != CLV_OK && status != CLV_EUNSUPPORTED)
        return status;
    *folded_out = status == CLV_OK; /* without a kernel it runs with the others */
    return CLV_OK;
}
