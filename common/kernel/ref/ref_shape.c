/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that keep the order of elements, or that make elements from shapes. Any type. */
#include <string.h>

#include "kernel/ref/ref_kernels.h"
#include "kernel/strided.h"

/* Identity, Reshape, Flatten, Squeeze, Unsqueeze. Input and output may be the same memory. */
clv_status ref_copy(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    (void)graph;
    (void)node;
    if (outputs[0].data != inputs[0].data)
        memcpy(outputs[0].data, inputs[0].data, ref_bytes(&outputs[0]));
    return CLV_OK;
}

/* Without training it drops nothing: the mask is all true. */
clv_status ref_dropout(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                       clv_tensor *outputs)
{
    if (node->n_outputs > 1 && outputs[1].data != NULL)
        memset(outputs[1].data, 1, ref_bytes(&outputs[1]));
    return ref_copy(graph, node, inputs, outputs);
}

clv_status ref_shape(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                     clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    int64_t start = clv_node_attr_int(node, "start", 0);
    (void)graph;

    if (start < 0)
        start = start + shape->rank < 0 ? 0 : start + shape->rank;
    for (int64_t i = 0; i < outputs[0].shape.dim[0]; i++)
        ((int64_t *)outputs[0].data)[i] = shape->dim[start + i];
    return CLV_OK;
}

/* ConstantOfShape. */
clv_status ref_fill(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    const clv_attr *value = clv_node_attr(node, "value", CLV_ATTR_TENSOR);
    const uint64_t zero = 0;
    (void)graph;
    (void)inputs;

    if (value != NULL && (ref_elems(&value->v.tensor) != 1 || value->v.tensor.data == NULL))
        return CLV_ESHAPE;
    clv_strided_copy(outputs[0].data, 1, value ? value->v.tensor.data : &zero, 0,
                     ref_elems(&outputs[0]), clv_dtype_bytes(outputs[0].dtype));
    return CLV_OK;
}

clv_status ref_expand(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                      clv_tensor *outputs)
{
    const clv_shape *in = &inputs[0].shape, *out = &outputs[0].shape;
    ptrdiff_t step[CLV_MAX_RANK];
    (void)graph;
    (void)node;

    ref_broadcast_steps(step, out, in);
    ref_copy_strided(&outputs[0], inputs[0].data, step);
    return CLV_OK;
}
