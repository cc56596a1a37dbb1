/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/quant.h"

#include <math.h>

#include "base/error.h"

/* Operators whose outputs, or whose first inputs, are something else than real numbers. Where only
 * later inputs are (Gather's indices) an operator can be quantised. */
bool clv_op_can_be_quantised(clv_op op)
{
    switch (op) {
    case CLV_OP_AND:
    case CLV_OP_ARG_MAX:
    case CLV_OP_ARG_MIN:
    case CLV_OP_BITWISE_AND:
    case CLV_OP_BITWISE_NOT:
    case CLV_OP_BITWISE_OR:
    case CLV_OP_BITWISE_XOR:
    case CLV_OP_BIT_SHIFT:
    case CLV_OP_BLACKMAN_WINDOW:
    case CLV_OP_CAST:
    case CLV_OP_CAST_LIKE:
    case CLV_OP_CONSTANT_OF_SHAPE:
    case CLV_OP_CONV_INTEGER:
    case CLV_OP_DEQUANTIZE_LINEAR:
    case CLV_OP_DYNAMIC_QUANTIZE_LINEAR:
    case CLV_OP_EQUAL:
    case CLV_OP_EYE_LIKE:
    case CLV_OP_GREATER:
    case CLV_OP_GREATER_OR_EQUAL:
    case CLV_OP_HAMMING_WINDOW:
    case CLV_OP_HANN_WINDOW:
    case CLV_OP_IS_INF:
    case CLV_OP_IS_NAN:
    case CLV_OP_LESS:
    case CLV_OP_LESS_OR_EQUAL:
    case CLV_OP_MATMUL_INTEGER:
    case CLV_OP_MEL_WEIGHT_MATRIX:
    case CLV_OP_NON_MAX_SUPPRESSION:
    case CLV_OP_NON_ZERO:
    case CLV_OP_NOT:
    case CLV_OP_ONE_HOT:
    case CLV_OP_OR:
    case CLV_OP_QLINEAR_CONV:
    case CLV_OP_QLINEAR_MATMUL:
    case CLV_OP_QUANTIZE_LINEAR:
    case CLV_OP_RANGE:
    case CLV_OP_SHAPE:
    case CLV_OP_SIZE:
    case CLV_OP_XOR:
    case CLV_OP_COUNT:
        return false;
    default:
        return true;
    }
}

bool clv_graph_is_quantised(const clv_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        if (graph->nodes[i].quantised)
            return true;
    }
    return false;
}

static const clv_value *input_value(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    if (i >= node->n_inputs || node->inputs[i] == CLV_NO_VALUE)
        return NULL;
    return &graph->values[node->inputs[i]];
}

const clv_quant *clv_node_input_quant(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    const clv_value *value = input_value(graph, node, i);

    if (value == NULL || !node->quantised)
        return NULL;
    if (clv_dtype_is_byte(value->tensor.dtype))
        return value->quant;
    return value->tensor.dtype == CLV_F32 && !clv_value_is_constant(value) ? value->quant : NULL;
}

const clv_quant *clv_node_output_quant(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    if (i >= node->n_outputs || node->outputs[i] == CLV_NO_VALUE || !node->quantised)
        return NULL;
    const clv_value *value = &graph->values[node->outputs[i]];
    return clv_dtype_is_byte(value->tensor.dtype) ? value->quant : NULL;
}

clv_dtype clv_node_input_type(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    const clv_value *value = input_value(graph, node, i);

    if (value == NULL)
        return CLV_NONE;
    if (!node->quantised && value->quant != NULL && !clv_value_is_constant(value))
        return CLV_F32;
    bool to_bytes = value->tensor.dtype == CLV_F32 && clv_node_input_quant(graph, node, i) != NULL;
    return to_bytes ? CLV_U8 : value->tensor.dtype;
}

clv_dtype clv_node_number_type(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    return clv_node_input_quant(graph, node, i) != NULL ? CLV_F32
                                                        : clv_node_input_type(graph, node, i);
}

bool clv_quant_equal(const clv_quant *a, clv_dtype a_dtype, const clv_quant *b, clv_dtype b_dtype)
{
    return a_dtype == b_dtype && a->n_scales == 0 && b->n_scales == 0 &&
           a->zero_point == b->zero_point && a->scale <= b->scale && a->scale >= b->scale;
}

static bool is_scale(float scale)
{
    return scale > 0.0f && isfinite(scale);
}

static bool are_scales(const clv_quant *quant, const clv_tensor *tensor)
{
    if (tensor->data == NULL || quant->scales == NULL || quant->axis >= tensor->shape.rank ||
        tensor->shape.dim[quant->axis] != (int64_t)quant->n_scales || quant->zero_point != 0)
        return false;
    for (uint32_t i = 0; i < quant->n_scales; i++) {
        if (!is_scale(quant->scales[i]))
            return false;
    }
    return true;
}

clv_status clv_quant_check(const clv_value *value, clv_error *err)
{
    const clv_quant *quant = value->quant;
    clv_dtype dtype = value->tensor.dtype;
    int32_t low = dtype == CLV_I8 ? INT8_MIN : 0, high = dtype == CLV_I8 ? INT8_MAX : UINT8_MAX;

    if (quant == NULL)
        return CLV_OK;
    if (!clv_dtype_is_byte(dtype) && dtype != CLV_F32 && dtype != CLV_NONE)
        return clv_fail(err, CLV_EFORMAT, value->name, "a scale, but elements of type %s",
                        clv_dtype_name(dtype));
    if (quant->zero_point < low || quant->zero_point > high)
        return clv_fail(err, CLV_EFORMAT, value->name, "the zero point is out of range");
    if (quant->n_scales > 0 ? !are_scales(quant, &value->tensor) : !is_scale(quant->scale))
        return clv_fail(err, CLV_EFORMAT, value->name, "its scales are not possible ones");
    return CLV_OK;
}

static clv_value float_value(const clv_graph *graph, uint32_t index, bool has_quant)
{
    clv_value value = {.producer = CLV_NO_NODE};

    if (index == CLV_NO_VALUE)
        return value;
    value.name = graph->values[index].name;
    value.tensor = graph->values[index].tensor;
    value.bounded = graph->values[index].bounded;
    if (has_quant) {
        value.tensor.dtype = CLV_F32;
        value.tensor.data = NULL;
    }
    return value;
}

clv_status clv_float_twin_create(clv_float_twin **out, const clv_graph *graph, const clv_node *node)
{
    uint32_t n_in = node->n_inputs, n = n_in + node->n_outputs;
    size_t bytes = sizeof(clv_float_twin) + n * (sizeof(clv_value) + sizeof(uint32_t));
    clv_float_twin *twin = clv_calloc(1, bytes);

    if (twin == NULL)
        return CLV_ENOMEM;
    clv_value *values = (clv_value *)(twin + 1);
    uint32_t *indices = (uint32_t *)(values + n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t index = i < n_in ? node->inputs[i] : node->outputs[i - n_in];
        bool has_quant = i < n_in ? clv_node_number_type(graph, node, i) == CLV_F32 &&
                                        graph->values[index].quant != NULL
                                  : clv_node_output_quant(graph, node, i - n_in) != NULL;
        values[i] = float_value(graph, index, has_quant);
        values[i].producer = i < n_in ? CLV_NO_NODE : 0;
        indices[i] = index == CLV_NO_VALUE ? CLV_NO_VALUE : i;
    }
    twin->node = *node;
    twin->node.inputs = indices;
    twin->node.outputs = indices + n_in;
    twin->node.quantised = false;
    twin->graph.name = graph->name;
    twin->graph.values = values;
    twin->graph.n_values = n;
    twin->graph.nodes = &twin->node;
    twin->graph.n_nodes = 1;
    *out = twin;
    return CLV_OK;
}
