/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"
#include "graph/infer.h"

/* A copy on its way to more frames. */
typedef struct batcher {
    clv_graph *copy;
    const clv_graph *graph;
    uint32_t batch;
    clv_error *err;
} batcher;

static clv_status refuse(const batcher *b, const char *name, const char *what)
{
    return clv_fail(b->err, CLV_EUNSUPPORTED, b->graph->name,
                    "it can't run %u frames together: '%s' %s", b->batch, name, what);
}

static clv_status widen_inputs(const batcher *b)
{
    for (uint32_t i = 0; i < b->graph->n_inputs; i++) {
        clv_value *value = &b->copy->values[b->graph->inputs[i]];
        clv_shape *shape = &value->tensor.shape;
        if (shape->rank == 0 || shape->dim[0] > INT64_MAX / b->batch)
            return refuse(b, value->name, "has no dimension for frames");
        shape->dim[0] *= b->batch;
    }
    return CLV_OK;
}

/* A constant as @p value, but for its first number. */
static clv_status add_sizes(uint32_t *out, const batcher *b, uint32_t value, int64_t first)
{
    clv_tensor tensor = b->copy->values[value].tensor;
    const char *name = clv_graph_fresh_name(b->copy, b->copy->values[value].name);
    size_t bytes;

    CLV_TRY(clv_tensor_bytes(&bytes, &tensor));
    if (name == NULL)
        return CLV_ENOMEM;
    CLV_TRY(clv_graph_add_value(out, b->copy, name));
    int64_t *sizes = clv_graph_own_data(b->copy, bytes);
    if (sizes == NULL)
        return CLV_ENOMEM;
    memcpy(sizes, tensor.data, bytes);
    sizes[0] = first;
    tensor.data = sizes;
    clv_graph_set_constant(b->copy, *out, &tensor);
    return CLV_OK;
}

/* Sizes that a node is told as numbers: the first one is that of the frames. */
static clv_status widen_sizes(const batcher *b, clv_node *node)
{
    uint32_t at = node->op == CLV_OP_RESHAPE ? 1 : 3;
    bool has_sizes = node->op == CLV_OP_RESHAPE || node->op == CLV_OP_RESIZE;

    if (!has_sizes || at >= node->n_inputs || node->inputs[at] == CLV_NO_VALUE)
        return CLV_OK;
    const clv_tensor *sizes = &b->copy->values[node->inputs[at]].tensor;
    const clv_shape *made = &b->graph->values[node->outputs[0]].tensor.shape;
    if (sizes->data == NULL || sizes->dtype != CLV_I64 || sizes->shape.rank != 1 ||
        sizes->shape.dim[0] < 1 || (uint32_t)sizes->shape.dim[0] != made->rank)
        return CLV_OK;
    int64_t first = *(const int64_t *)sizes->data;
    if (first <= 0 || first != made->dim[0])
        return CLV_OK;
    return add_sizes(&node->inputs[at], b, node->inputs[at], first * b->batch);
}

/* Each value has so many times the elements, in its first dimension. */
static clv_status check_value(const batcher *b, uint32_t value)
{
    const clv_value *now = &b->copy->values[value], *was = &b->graph->values[value];
    clv_shape wanted = was->tensor.shape;

    if (now->bounded)
        return refuse(b, was->name, "has a shape that depends on data");
    if (wanted.rank > 0)
        wanted.dim[0] *= b->batch;
    if (wanted.rank == 0 || !clv_shape_equal(&wanted, &now->tensor.shape))
        return refuse(b, was->name, "has no dimension for frames");
    return CLV_OK;
}

static clv_status widen(const batcher *b)
{
    CLV_TRY(widen_inputs(b));
    for (uint32_t i = 0; i < b->copy->n_nodes; i++) {
        CLV_TRY(widen_sizes(b, &b->copy->nodes[i]));
        const clv_node *node = &b->copy->nodes[i];
        if (clv_infer_node(b->copy, node, NULL) != CLV_OK)
            return refuse(b, node->name, "works on one frame");
        for (uint32_t k = 0; k < node->n_outputs; k++) {
            if (node->outputs[k] != CLV_NO_VALUE)
                CLV_TRY(check_value(b, node->outputs[k]));
        }
    }
    return CLV_OK;
}

clv_status clv_graph_batch(clv_graph **out, const clv_graph *graph, uint32_t batch, clv_error *err)
{
    clv_graph *copy = NULL;

    CLV_TRY(clv_graph_copy(&copy, graph, err));
    copy->packed = graph->packed;
    const batcher b = {copy, graph, batch, err};
    clv_status status = batch > 0 ? widen(&b) : CLV_EINVAL;
    if (status != CLV_OK && status != CLV_EUNSUPPORTED)
        (void)clv_fail(err, status, graph->name, "%s", clv_status_text(status));
    if (status != CLV_OK) {
        clv_graph_free(copy);
        return status;
    }
    *out = copy;
    return CLV_OK;
}
