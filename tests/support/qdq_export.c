/* SPDX-License-Identifier: Apache-2.0 */
#include "support/qdq_export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "graph/quant.h"

typedef struct exporter {
    onnx_builder *b;
    const clv_graph *graph;
    bool *written; /* 2 * n_values: the initializer, or what is quantised; and its real numbers */
} exporter;

static int type_of(clv_dtype dtype)
{
    switch (dtype) {
    case CLV_F32:
        return ONNX_FLOAT;
    case CLV_U8:
        return ONNX_UINT8;
    case CLV_I8:
        return ONNX_INT8;
    case CLV_I32:
        return ONNX_INT32;
    case CLV_I64:
        return ONNX_INT64;
    case CLV_BOOL:
        return ONNX_BOOL;
    default:
        fail_msg("no type for %s", clv_dtype_name(dtype));
        return 0;
    }
}

/* "NAMEpart" */
static const char *part_of(exporter *e, const char *name, const char *part)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s%s", name, part);
    return onnx_text(e->b, text);
}

static Clv__Onnx__NodeProto *node_of(exporter *e, const char *op, const char *const *inputs,
                                     size_t n, const char *output)
{
    Clv__Onnx__NodeProto *node = onnx_node(e->b, op, "", "");
    for (size_t i = 0; i < n; i++)
        onnx_node_input(e->b, node, inputs[i]);
    onnx_node_output(e->b, node, output);
    return node;
}

/* QuantizeLinear or DequantizeLinear, with initializers of its own. */
static void convert(exporter *e, const char *op, const char *from, const char *to,
                    const clv_quant *quant, clv_dtype dtype)
{
    const char *inputs[3] = {from, part_of(e, to, ".scale"), part_of(e, to, ".zero")};
    uint8_t zeros[4096];
    size_t n = quant->n_scales > 0 ? quant->n_scales : 1, rank = quant->n_scales > 0;
    int64_t dims[1] = {(int64_t)n};

    assert_true(n <= sizeof zeros);
    memset(zeros, quant->zero_point & 255, n);
    (void)onnx_initializer(e->b, inputs[1], ONNX_FLOAT, rank, dims,
                           rank ? quant->scales : &quant->scale, n * sizeof(float));
    (void)onnx_initializer(e->b, inputs[2], type_of(dtype), rank, dims, zeros, n);
    Clv__Onnx__NodeProto *node = node_of(e, op, inputs, 3, to);
    if (rank > 0)
        onnx_attr_int(e->b, node, "axis", quant->axis);
}

static void write_constant(exporter *e, uint32_t v)
{
    const clv_tensor *t = &e->graph->values[v].tensor;
    size_t bytes;

    if (e->written[v])
        return;
    assert_int_equal(clv_tensor_bytes(&bytes, t), CLV_OK);
    (void)onnx_initializer(e->b, e->graph->values[v].name, type_of(t->dtype), t->shape.rank,
                           t->shape.dim, t->data, bytes);
    e->written[v] = true;
}

/* The name of the numbers that the node reads as input @p i. */
static const char *input_name(exporter *e, const clv_node *node, uint32_t i)
{
    uint32_t v = node->inputs[i], n_values = e->graph->n_values;
    if (v == CLV_NO_VALUE)
        return "";
    const clv_value *value = &e->graph->values[v];
    const char *real = part_of(e, value->name, ".real"), *bytes = value->name;
    clv_dtype dtype = value->tensor.dtype;

    if (clv_value_is_constant(value))
        write_constant(e, v);
    if (value->quant == NULL || (dtype == CLV_F32 && !node->quantised))
        return value->name;
    if (dtype == CLV_F32) { /* on its way in */
        bytes = part_of(e, value->name, ".bytes");
        dtype = CLV_U8;
        if (!e->written[n_values + v])
            convert(e, "QuantizeLinear", value->name, bytes, value->quant, dtype);
    }
    if (!e->written[n_values + v])
        convert(e, "DequantizeLinear", bytes, real, value->quant, dtype);
    e->written[n_values + v] = true;
    return real;
}

static void write_attrs(exporter *e, Clv__Onnx__NodeProto *proto, const clv_node *node)
{
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        const clv_attr *a = &node->attrs[i];
        switch (a->type) {
        case CLV_ATTR_INT:
            onnx_attr_int(e->b, proto, a->name, a->v.i);
            break;
        case CLV_ATTR_FLOAT:
            onnx_attr_float(e->b, proto, a->name, a->v.f);
            break;
        case CLV_ATTR_STRING:
            onnx_attr_string(e->b, proto, a->name, a->v.s);
            break;
        case CLV_ATTR_INTS:
            onnx_attr_ints(e->b, proto, a->name, a->count, a->v.ints);
            break;
        default:
            fail_msg("%s: attribute %s", node->name, a->name);
        }
    }
}

static void write_activation(exporter *e, const clv_fusion *fusion, const char *from,
                             const char *to)
{
    static const char *const names[CLV_ACT_COUNT] = {
        [CLV_ACT_RELU] = "Relu",
        [CLV_ACT_CLIP] = "Clip",
        [CLV_ACT_LEAKY_RELU] = "LeakyRelu",
        [CLV_ACT_SIGMOID] = "Sigmoid",
        [CLV_ACT_HARD_SIGMOID] = "HardSigmoid",
        [CLV_ACT_HARD_SWISH] = "HardSwish",
        [CLV_ACT_TANH] = "Tanh",
        [CLV_ACT_ELU] = "Elu",
    };
    const char *inputs[3] = {from, part_of(e, to, ".low"), part_of(e, to, ".high")};
    bool clips = fusion->activation == CLV_ACT_CLIP;

    assert_non_null(names[fusion->activation]);
    Clv__Onnx__NodeProto *node = node_of(e, names[fusion->activation], inputs, clips ? 3 : 1, to);
    if (clips) {
        (void)onnx_initializer(e->b, inputs[1], ONNX_FLOAT, 0, NULL, &fusion->alpha, 4);
        (void)onnx_initializer(e->b, inputs[2], ONNX_FLOAT, 0, NULL, &fusion->beta, 4);
    } else if (fusion->activation != CLV_ACT_RELU && fusion->activation != CLV_ACT_HARD_SWISH) {
        onnx_attr_float(e->b, node, "alpha", fusion->alpha);
        onnx_attr_float(e->b, node, "beta", fusion->beta);
    }
}

static void write_node(exporter *e, const clv_node *node)
{
    const clv_value *out = &e->graph->values[node->outputs[0]];
    bool rounds = clv_node_output_quant(e->graph, node, 0) != NULL;
    bool sums = node->op == CLV_OP_CONV && node->n_inputs > 3;
    bool activates = node->fusion.activation != CLV_ACT_NONE;
    const char *last = rounds ? part_of(e, out->name, ".made") : out->name;
    const char *summed = activates ? part_of(e, out->name, ".sum") : last;
    const char *made = sums ? part_of(e, out->name, ".product") : summed;
    const char *inputs[16];
    uint32_t n = sums ? 3 : node->n_inputs;

    assert_true(n <= 16 && node->n_outputs == 1 && !clv_op_is_internal(node->op) &&
                node->op != CLV_OP_CAST);
    for (uint32_t i = 0; i < n; i++)
        inputs[i] = input_name(e, node, i);
    const char *residual = sums ? input_name(e, node, 3) : NULL;
    write_attrs(e, node_of(e, clv_op_describe(node->op)->name, inputs, n, made), node);
    if (sums)
        (void)node_of(e, "Add", (const char *[]){made, residual}, 2, summed);
    if (activates)
        write_activation(e, &node->fusion, summed, last);
    if (rounds)
        convert(e, "QuantizeLinear", last, out->name, out->quant, out->tensor.dtype);
}

void qdq_export(onnx_builder *b, const clv_graph *graph)
{
    exporter e = {b, graph, clv_calloc(2 * (size_t)graph->n_values, sizeof(bool))};

    assert_non_null(e.written);
    for (uint32_t i = 0; i < graph->n_inputs; i++) {
        const clv_value *v = &graph->values[graph->inputs[i]];
        onnx_input(b, v->name, type_of(v->tensor.dtype), v->tensor.shape.rank, v->tensor.shape.dim);
    }
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        write_node(&e, &graph->nodes[i]);
    for (uint32_t i = 0; i < graph->n_outputs; i++) {
        const clv_value *v = &graph->values[graph->outputs[i]];
        onnx_output(b, v->name, type_of(v->tensor.dtype), 0, NULL);
    }
    clv_free(e.written);
}
