/* SPDX-License-Identifier: Apache-2.0 */
/* Losses: for evaluating a model where it runs. */
#include <string.h>

#include "graph/infer_rules.h"

/* [n, c, d...] against [n, d...]. */
static bool are_targets_of(const clv_shape *targets, const clv_shape *x)
{
    return targets->rank + 1 == x->rank && targets->dim[0] == x->dim[0] &&
           memcmp(targets->dim + 1, x->dim + 2, (x->rank - 2) * sizeof x->dim[0]) == 0;
}

/* NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss. */
clv_status infer_loss(clv_graph *graph, const clv_node *node, clv_error *err)
{
    const clv_tensor *x = clv_node_input(graph, node, 0);
    const clv_tensor *targets = clv_node_input(graph, node, 1);
    const clv_tensor *weights = clv_node_input(graph, node, 2);
    const char *reduction = clv_node_attr_string(node, "reduction", "mean");
    bool each = strcmp(reduction, "none") == 0;

    if (!each && strcmp(reduction, "mean") != 0 && strcmp(reduction, "sum") != 0)
        return clv_infer_fail(err, node, CLV_EFORMAT, "the reduction is not one that ONNX knows");
    if (x->shape.rank < 2 || targets == NULL || !are_targets_of(&targets->shape, &x->shape))
        return clv_infer_fail(err, node, CLV_ESHAPE, "the targets don't fit the input");
    if (targets->dtype != CLV_I32 && targets->dtype != CLV_I64)
        return clv_infer_fail(err, node, CLV_EFORMAT, "the targets are neither int32 nor int64");
    if (weights != NULL && (weights->dtype != x->dtype || weights->shape.rank != 1 ||
                            weights->shape.dim[0] != x->shape.dim[1]))
        return clv_infer_fail(err, node, CLV_ESHAPE, "there must be a weight for each class");
    CLV_TRY(clv_infer_set(graph, node, 1, x->dtype, &x->shape, err));
    const clv_shape scalar = {.rank = 0};
    return clv_infer_set(graph, node, 0, x->dtype, each ? &targets->shape : &scalar, err);
}
