/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/quant_plan.h"
#include "graph/params.h"

#define MAX_DEPTH 65536 /* products of a byte each, of one sum: they fit into 32 bits */

static bool is_f32_constant(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    const clv_tensor *t = clv_node_input(graph, node, i);
    return t != NULL && t->data != NULL && t->dtype == CLV_F32;
}

static bool absent_or_f32_constant(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    return clv_node_input(graph, node, i) == NULL || is_f32_constant(graph, node, i);
}

uint32_t clv_quant_weights_axis(const clv_graph *graph, const clv_node *node)
{
    (void)graph;
    if (node->op == CLV_OP_CONV)
        return 0;
    return node->op == CLV_OP_GEMM && clv_node_attr_int(node, "transB", 0) != 0 ? 0 : 1;
}

static clv_quant_role product_role(const char **why, const clv_graph *graph, const clv_node *node,
                                   const uint32_t *uses)
{
    const clv_tensor *w = clv_node_input(graph, node, 1);
    size_t elems = 0;

    if (!is_f32_constant(graph, node, 1) ||
        (node->op != CLV_OP_MATMUL && !absent_or_f32_constant(graph, node, 2))) {
        *why = "its weights or bias aren't constant";
        return CLV_ROLE_FLOAT;
    }
    if (uses[node->inputs[1]] != 1) {
        *why = "its weights are shared";
        return CLV_ROLE_FLOAT;
    }
    if (node->op == CLV_OP_GEMM && (clv_node_attr_int(node, "transA", 0) != 0 ||
                                    clv_node_attr_float(node, "alpha", 1.0f) != 1.0f ||
                                    clv_node_attr_float(node, "beta", 1.0f) != 1.0f)) {
        *why = "it scales or transposes";
        return CLV_ROLE_FLOAT;
    }
    if ((node->op != CLV_OP_CONV && w->shape.rank != 2) ||
        clv_shape_elems(&elems, &w->shape) != CLV_OK || elems == 0) {
        *why = "weights of this shape have no channels";
        return CLV_ROLE_FLOAT;
    }
    int64_t channels = w->shape.dim[clv_quant_weights_axis(graph, node)];
    if ((int64_t)elems / channels > MAX_DEPTH) {
        *why = "its sums could pass 32 bits";
        return CLV_ROLE_FLOAT;
    }
    return CLV_ROLE_PRODUCT;
}

/* Padding by 0, or by numbers of the input. */
static bool pads_with_zero(const clv_graph *graph, const clv_node *node)
{
    const clv_tensor *fill = clv_node_input(graph, node, 2);
    double number;

    return fill == NULL || (clv_tensor_read_number(&number, fill) == CLV_OK && number == 0.0);
}

static bool resizes_by_copying(const clv_node *node)
{
    const char *mode = clv_node_attr_string(node, "mode", "nearest");
    return mode[0] == 'n';
}

static clv_quant_role role_of_op(const char **why, const clv_graph *graph, const clv_node *node,
                                 const uint32_t *uses)
{
    switch (node->op) {
    case CLV_OP_CONV:
    case CLV_OP_GEMM:
    case CLV_OP_MATMUL:
        return product_role(why, graph, node, uses);
    case CLV_OP_ADD:
    case CLV_OP_SUB:
    case CLV_OP_MUL:
    case CLV_OP_AVERAGE_POOL:
    case CLV_OP_GLOBAL_AVERAGE_POOL:
    case CLV_OP_REDUCE_MEAN:
    case CLV_OP_ABS:
    case CLV_OP_CELU:
    case CLV_OP_CLIP:
    case CLV_OP_ELU:
    case CLV_OP_GELU:
    case CLV_OP_HARD_SIGMOID:
    case CLV_OP_HARD_SWISH:
    case CLV_OP_LEAKY_RELU:
    case CLV_OP_MISH:
    case CLV_OP_NEG:
    case CLV_OP_PRELU:
    case CLV_OP_RELU:
    case CLV_OP_SELU:
    case CLV_OP_SIGMOID:
    case CLV_OP_SOFTPLUS:
    case CLV_OP_SWISH:
    case CLV_OP_TANH:
        return CLV_ROLE_VALUES;
    case CLV_OP_DIV:
        *why = "a divisor rounded to 0 gives no number";
        return is_f32_constant(graph, node, 1) ? CLV_ROLE_VALUES : CLV_ROLE_FLOAT;
    case CLV_OP_CONV_TRANSPOSE:
        *why = "it has no fast int8 kernel";
        return CLV_ROLE_FLOAT;
    case CLV_OP_RESIZE:
        return resizes_by_copying(node) ? CLV_ROLE_MOVE : CLV_ROLE_VALUES;
    case CLV_OP_PAD:
        *why = "it pads with another number than 0";
        return pads_with_zero(graph, node) ? CLV_ROLE_MOVE : CLV_ROLE_FLOAT;
    case CLV_OP_CHANNEL_SHUFFLE:
    case CLV_OP_CONCAT:
    case CLV_OP_DEPTH_TO_SPACE:
    case CLV_OP_FLATTEN:
    case CLV_OP_GLOBAL_MAX_POOL:
    case CLV_OP_IDENTITY:
    case CLV_OP_MAX_POOL:
    case CLV_OP_RESHAPE:
    case CLV_OP_SLICE:
    case CLV_OP_SPACE_TO_DEPTH:
    case CLV_OP_SPLIT:
    case CLV_OP_SQUEEZE:
    case CLV_OP_TRANSPOSE:
    case CLV_OP_UNSQUEEZE:
        return CLV_ROLE_MOVE;
    default:
        *why = "the operator stays float";
        return CLV_ROLE_FLOAT;
    }
}

bool clv_quant_is_data(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    if (node->inputs[i] == CLV_NO_VALUE || clv_value_is_constant(&graph->values[node->inputs[i]]))
        return false;
    switch (node->op) {
    case CLV_OP_ADD:
    case CLV_OP_SUB:
    case CLV_OP_MUL:
    case CLV_OP_PRELU:
    case CLV_OP_CONCAT:
        return true;
    case CLV_OP_CONV:
        return i == 0 || i == 3; /* the residual */
    default:
        return i == 0;
    }
}

/* Every number that it reads and writes is a float32 in a tensor of known size. */
static bool has_plain_values(const clv_graph *graph, const clv_node *node)
{
    uint32_t n_data = 0;

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] == CLV_NO_VALUE)
            continue;
        const clv_value *v = &graph->values[node->inputs[i]];
        if (v->bounded)
            return false;
        if (clv_quant_is_data(graph, node, i)) {
            n_data++;
            if (v->tensor.dtype != CLV_F32)
                return false;
        } else if (v->tensor.data == NULL)
            return false; /* a shape, an axis or a slope that only the run knows */
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] == CLV_NO_VALUE)
            continue;
        const clv_value *v = &graph->values[node->outputs[i]];
        if (v->tensor.dtype != CLV_F32 || v->bounded)
            return false; /* indices of a MaxPool, too */
    }
    return n_data > 0;
}

clv_quant_role clv_quant_role_of(const char **why, const clv_graph *graph, uint32_t index,
                                 const uint32_t *uses)
{
    const clv_node *node = &graph->nodes[index];
    clv_quant_role role = role_of_op(why, graph, node, uses);

    if (role != CLV_ROLE_FLOAT && !has_plain_values(graph, node)) {
        *why = "it computes on other things than float32 tensors of a known shape";
        return CLV_ROLE_FLOAT;
    }
    return role;
}
