/* SPDX-License-Identifier: Apache-2.0 */
#include "qdq_export.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "graph/quant.h"
#include "onnx.pb-c.h"

#define OPSET 21
#define IR_VERSION 10

/* Lists have room for what the graph can make of them at most. */
typedef struct export
{
    const clv_graph *graph;
    Clv__Onnx__GraphProto proto;
    clv_arena arena;
    size_t max_items;
    bool *is_written; /* n_values: constants that are initializers already */
    clv_error *err;
}
export;

/* --- messages ------------------------------------------------------------------------------- */

static void *take(export *e, size_t count, size_t size)
{
    void *memory = clv_arena_alloc(&e->arena, count, size);
    if (memory == NULL)
        abort();
    return memory;
}

static char *text_of(export *e, const char *name, const char *suffix)
{
    size_t n = strlen(name) + strlen(suffix) + 1;
    char *text = take(e, n, 1);
    (void)snprintf(text, n, "%s%s", name, suffix);
    return text;
}

static int32_t type_of(clv_dtype dtype)
{
    static const int32_t types[CLV_DTYPE_COUNT] = {
        [CLV_F32] = 1, [CLV_U8] = 2,   [CLV_I8] = 3,   [CLV_I32] = 6,
        [CLV_I64] = 7, [CLV_BOOL] = 9, [CLV_F64] = 11,
    };
    return types[dtype];
}

static void add_initializer(export *e, char *name, clv_dtype dtype, const clv_shape *shape,
                            const void *data)
{
    const clv_tensor tensor = {dtype, *shape, NULL};
    Clv__Onnx__TensorProto *t = take(e, 1, sizeof *t);
    size_t bytes = 0;

    if (clv_tensor_bytes(&bytes, &tensor) != CLV_OK)
        abort(); /* it is there */
    clv__onnx__tensor_proto__init(t);
    t->name = name;
    t->has_data_type = true;
    t->data_type = type_of(dtype);
    t->n_dims = shape->rank;
    t->dims = take(e, shape->rank + 1u, sizeof *t->dims);
    memcpy(t->dims, shape->dim, shape->rank * sizeof *t->dims);
    t->has_raw_data = true;
    t->raw_data.len = bytes;
    t->raw_data.data = take(e, bytes + 1, 1);
    memcpy(t->raw_data.data, data, bytes);
    e->proto.initializer[e->proto.n_initializer++] = t;
}

static Clv__Onnx__NodeProto *add_node(export *e, const char *op, char **inputs, size_t n_inputs,
                                      char *output)
{
    Clv__Onnx__NodeProto *node = take(e, 1, sizeof *node);

    clv__onnx__node_proto__init(node);
    node->op_type = text_of(e, op, "");
    node->name = text_of(e, output, ".node");
    node->n_input = n_inputs;
    node->input = take(e, n_inputs + 1, sizeof *node->input);
    memcpy(node->input, inputs, n_inputs * sizeof *inputs);
    node->n_output = 1;
    node->output = take(e, 1, sizeof *node->output);
    node->output[0] = output;
    if (e->proto.n_node == e->max_items)
        abort();
    e->proto.node[e->proto.n_node++] = node;
    return node;
}

static Clv__Onnx__AttributeProto *add_attribute(export *e, Clv__Onnx__NodeProto *node, char *name,
                                                int32_t type)
{
    Clv__Onnx__AttributeProto *a = take(e, 1, sizeof *a);

    clv__onnx__attribute_proto__init(a);
    a->name = name;
    a->has_type = true;
    a->type = type;
    node->attribute[node->n_attribute++] = a;
    return a;
}

static clv_status add_attributes(export *e, Clv__Onnx__NodeProto *node, const clv_node *from)
{
    enum { FLOAT = 1, INT = 2, STRING = 3, FLOATS = 6, INTS = 7 };
    static const int32_t types[] = {
        [CLV_ATTR_INT] = INT,   [CLV_ATTR_FLOAT] = FLOAT,   [CLV_ATTR_STRING] = STRING,
        [CLV_ATTR_INTS] = INTS, [CLV_ATTR_FLOATS] = FLOATS, [CLV_ATTR_TENSOR] = 0};

    node->attribute = take(e, from->n_attrs + 1u, sizeof(Clv__Onnx__AttributeProto *));
    for (uint32_t i = 0; i < from->n_attrs; i++) {
        const clv_attr *attr = &from->attrs[i];
        if (types[attr->type] == 0)
            return clv_fail(e->err, CLV_EUNSUPPORTED, from->name, "an attribute is a tensor");
        Clv__Onnx__AttributeProto *a =
            add_attribute(e, node, text_of(e, attr->name, ""), types[attr->type]);
        a->has_i = attr->type == CLV_ATTR_INT;
        a->has_f = attr->type == CLV_ATTR_FLOAT;
        a->has_s = attr->type == CLV_ATTR_STRING;
        if (a->has_i) {
            a->i = attr->v.i;
        } else if (a->has_f) {
            a->f = attr->v.f;
        } else if (a->has_s) {
            a->s.len = strlen(attr->v.s);
            a->s.data = (uint8_t *)text_of(e, attr->v.s, "");
        } else if (attr->type == CLV_ATTR_INTS) {
            a->n_ints = attr->count;
            a->ints = take(e, attr->count + 1u, sizeof *a->ints);
            memcpy(a->ints, attr->v.ints, attr->count * sizeof *a->ints);
        } else {
            a->n_floats = attr->count;
            a->floats = take(e, attr->count + 1u, sizeof *a->floats);
            memcpy(a->floats, attr->v.floats, attr->count * sizeof *a->floats);
        }
    }
    return CLV_OK;
}

static Clv__Onnx__ValueInfoProto *describe_value(export *e, const clv_value *value, char *name)
{
    Clv__Onnx__ValueInfoProto *info = take(e, 1, sizeof *info);
    Clv__Onnx__TypeProto *type = take(e, 1, sizeof *type);
    Clv__Onnx__TypeProto__Tensor *tensor = take(e, 1, sizeof *tensor);
    Clv__Onnx__TensorShapeProto *shape = take(e, 1, sizeof *shape);
    bool is_real = clv_dtype_is_byte(value->tensor.dtype) && value->quant != NULL;

    clv__onnx__value_info_proto__init(info);
    clv__onnx__type_proto__init(type);
    clv__onnx__type_proto__tensor__init(tensor);
    clv__onnx__tensor_shape_proto__init(shape);
    shape->n_dim = value->tensor.shape.rank;
    shape->dim = take(e, shape->n_dim + 1, sizeof *shape->dim);
    for (size_t i = 0; i < shape->n_dim; i++) {
        shape->dim[i] = take(e, 1, sizeof *shape->dim[i]);
        clv__onnx__tensor_shape_proto__dimension__init(shape->dim[i]);
        shape->dim[i]->has_dim_value = true;
        shape->dim[i]->dim_value = value->tensor.shape.dim[i];
    }
    tensor->has_elem_type = true;
    tensor->elem_type = is_real ? 1 : type_of(value->tensor.dtype);
    tensor->shape = shape;
    type->tensor_type = tensor;
    info->name = name;
    info->type = type;
    return info;
}

/* --- QuantizeLinear and DequantizeLinear --------------------------------------------------- */

static const clv_shape scalar = {.rank = 0};

/* "NAME.scale" and "NAME.zero", with which both begin. */
static void add_scale(export *e, char **scale, char **zero, const char *name,
                      const clv_quant *quant, clv_dtype dtype)
{
    uint8_t byte = (uint8_t)quant->zero_point;

    *scale = text_of(e, name, ".scale");
    *zero = text_of(e, name, ".zero");
    add_initializer(e, *scale, CLV_F32, &scalar, &quant->scale);
    add_initializer(e, *zero, dtype, &scalar, &byte);
}

/* What @p name stands for once it was rounded to bytes: the name of that. */
static char *add_rounding(export *e, char *name, const clv_quant *quant, clv_dtype dtype)
{
    char *inputs[3] = {name}, *real = text_of(e, name, ".dq");

    add_scale(e, &inputs[1], &inputs[2], name, quant, dtype);
    (void)add_node(e, "QuantizeLinear", inputs, 3, text_of(e, name, ".q"));
    inputs[0] = text_of(e, name, ".q");
    (void)add_node(e, "DequantizeLinear", inputs, 3, real);
    return real;
}

/* Integers with scales along @p axis. */
static char *add_scaled(export *e, const char *name, const clv_tensor *integers,
                        const float *scales, uint32_t n, int64_t axis)
{
    const clv_shape row = {.rank = 1, .dim = {(int64_t)n}};
    char *inputs[3] = {text_of(e, name, ".q"), text_of(e, name, ".scale"),
                       text_of(e, name, ".zero")};
    char *real = text_of(e, name, ".dq");

    add_initializer(e, inputs[0], integers->dtype, &integers->shape, integers->data);
    add_initializer(e, inputs[1], CLV_F32, &row, scales);
    add_initializer(e, inputs[2], integers->dtype, &row,
                    take(e, n + 1u, clv_dtype_bytes(integers->dtype)));
    Clv__Onnx__NodeProto *node = add_node(e, "DequantizeLinear", inputs, 3, real);
    node->attribute = take(e, 1, sizeof(Clv__Onnx__AttributeProto *));
    Clv__Onnx__AttributeProto *attr = add_attribute(e, node, text_of(e, "axis", ""), 2);
    attr->has_i = true;
    attr->i = axis;
    return real;
}

/* The scale of each output channel of a product. */
static float *channel_scales(export *e, const clv_quant *quant, size_t n, float factor)
{
    float *scales = take(e, n, sizeof *scales);
    for (size_t i = 0; i < n; i++)
        scales[i] = factor * clv_quant_scale(quant, i);
    return scales;
}

static char *add_weights(export *e, const clv_value *w)
{
    uint32_t axis = w->quant->axis;
    size_t n = (size_t)w->tensor.shape.dim[axis];
    return add_scaled(e, w->name, &w->tensor, channel_scales(e, w->quant, n, 1.0f), (uint32_t)n,
                      axis);
}

/* Real numbers to integers that count what a sum of products does. */
static char *add_bias(export *e, const clv_value *bias, const clv_quant *x, const clv_quant *w)
{
    size_t n = (size_t)bias->tensor.shape.dim[bias->tensor.shape.rank - 1];
    float *scales = channel_scales(e, w, n, x->scale);
    int32_t *integers = take(e, n, sizeof *integers);
    const clv_tensor tensor = {CLV_I32, bias->tensor.shape, integers};

    for (size_t i = 0; i < n; i++) {
        double steps = rint((double)((const float *)bias->tensor.data)[i] / (double)scales[i]);
        integers[i] = (int32_t)fmin(fmax(steps, -2e9), 2e9);
    }
    return add_scaled(e, bias->name, &tensor, scales, (uint32_t)n, 0);
}

/* --- nodes ---------------------------------------------------------------------------------- */

static bool is_product(const clv_node *node)
{
    return node->op == CLV_OP_CONV || node->op == CLV_OP_GEMM || node->op == CLV_OP_MATMUL;
}

/* The name under which input @p i arrives; a constant is written when it is met first. */
static char *input_name(export *e, const clv_node *node, uint32_t i)
{
    if (node->inputs[i] == CLV_NO_VALUE)
        return text_of(e, "", "");
    uint32_t index = node->inputs[i];
    const clv_value *v = &e->graph->values[index];
    const clv_quant *x = clv_node_input_quant(e->graph, node, 0);

    if (!clv_value_is_constant(v)) {
        bool rounded = v->quant != NULL && (node->quantised || clv_dtype_is_byte(v->tensor.dtype));
        return text_of(e, v->name, rounded ? ".dq" : "");
    }
    if (v->quant != NULL)
        return add_weights(e, v);
    if (i == 2 && node->quantised && is_product(node) && x != NULL)
        return add_bias(e, v, x, e->graph->values[node->inputs[1]].quant);
    if (!e->is_written[index])
        add_initializer(e, text_of(e, v->name, ""), v->tensor.dtype, &v->tensor.shape,
                        v->tensor.data);
    e->is_written[index] = true;
    return text_of(e, v->name, "");
}

/* The bounds that an activation sets. */
static bool bounds_of(float *low, float *high, const clv_fusion *fusion)
{
    *low = fusion->activation == CLV_ACT_NONE   ? -INFINITY
           : fusion->activation == CLV_ACT_RELU ? 0.0f
                                                : fusion->alpha;
    *high = fusion->activation == CLV_ACT_CLIP ? fusion->beta : INFINITY;
    return fusion->activation == CLV_ACT_NONE || fusion->activation == CLV_ACT_RELU ||
           fusion->activation == CLV_ACT_CLIP;
}

static float lowest(const clv_quant *quant)
{
    return quant->scale * (float)-quant->zero_point;
}

static float highest(const clv_quant *quant)
{
    return quant->scale * (float)(255 - quant->zero_point);
}

/* Whether rounding to @p quant (of uint8) cuts off wherever the bounds do. */
static bool is_implied(const clv_quant *quant, float low, float high)
{
    float half = 0.5f * quant->scale;
    return low <= lowest(quant) + half && high >= highest(quant) - half;
}

/* The range of a convolution in front of a residual: outside of it the sum is cut off anyway. */
static clv_quant range_before(const clv_quant *y, const clv_quant *residual)
{
    float low = lowest(y) - highest(residual), high = highest(y) - lowest(residual);
    clv_quant quant = {.scale = (fmaxf(high, 0.0f) - fminf(low, 0.0f)) / 255.0f};

    quant.zero_point = (int32_t)fminf(fmaxf(rintf(-low / quant.scale), 0.0f), 255.0f);
    return quant;
}

static char *add_clip(export *e, char *name, float low, float high)
{
    char *inputs[3] = {name, text_of(e, name, ".low"), text_of(e, name, ".high")};
    char *clipped = text_of(e, name, ".clip");

    low = fmaxf(low, -3e38f);
    high = fminf(high, 3e38f);
    add_initializer(e, inputs[1], CLV_F32, &scalar, &low);
    add_initializer(e, inputs[2], CLV_F32, &scalar, &high);
    (void)add_node(e, "Clip", inputs, 3, clipped);
    return clipped;
}

/* The fused tail of a node whose operator made @p made: the name of its end. */
static clv_status add_tail(export *e, char **end, const clv_node *node, char *made)
{
    const clv_value *y = &e->graph->values[node->outputs[0]];
    const clv_quant *rounds = clv_node_output_quant(e->graph, node, 0);
    const clv_quant *residual = clv_node_input_quant(e->graph, node, 3);
    bool has_residual = node->n_inputs > 3 && node->inputs[3] != CLV_NO_VALUE;
    float low, high;

    if (!bounds_of(&low, &high, &node->fusion))
        return clv_fail(e->err, CLV_EUNSUPPORTED, node->name, "its activation isn't exported");
    if (has_residual) {
        char *sum[2] = {made, input_name(e, node, 3)};
        if (rounds != NULL && residual != NULL) {
            clv_quant before = range_before(rounds, residual);
            sum[0] = add_rounding(e, made, &before, CLV_U8);
        }
        made = text_of(e, y->name, ".sum");
        (void)add_node(e, "Add", sum, 2, made);
    }
    if (rounds != NULL && y->tensor.dtype == CLV_U8 && is_implied(rounds, low, high)) {
        *end = made;
        return CLV_OK;
    }
    if (rounds != NULL && node->fusion.activation != CLV_ACT_NONE)
        made = add_rounding(e, made, rounds, y->tensor.dtype); /* or the product stays float */
    if (node->fusion.activation != CLV_ACT_NONE)
        made = add_clip(e, made, low, high);
    *end = made;
    return CLV_OK;
}

/* A value under its own name is what float nodes and the outside read. */
static void add_end(export *e, const clv_value *value, char *made)
{
    char *own = text_of(e, value->name, ""), *inputs[3] = {made};

    if (value->quant != NULL && clv_dtype_is_byte(value->tensor.dtype)) {
        add_scale(e, &inputs[1], &inputs[2], own, value->quant, value->tensor.dtype);
        (void)add_node(e, "QuantizeLinear", inputs, 3, text_of(e, own, ".q"));
        inputs[0] = text_of(e, own, ".q");
        (void)add_node(e, "DequantizeLinear", inputs, 3, text_of(e, own, ".dq"));
        return;
    }
    if (made != own && strcmp(made, own) != 0)
        (void)add_node(e, "Identity", inputs, 1, own);
    if (value->quant != NULL)
        (void)add_rounding(e, own, value->quant, CLV_U8);
}

static clv_status export_node(export *e, const clv_node *node)
{
    uint32_t n = node->op == CLV_OP_CONV && node->n_inputs > 3 ? 3 : node->n_inputs;
    const clv_value *y = &e->graph->values[node->outputs[0]];
    char **inputs = take(e, n + 1u, sizeof *inputs), *end;

    if (clv_op_is_internal(node->op) || node->n_outputs != 1)
        return clv_fail(e->err, CLV_EUNSUPPORTED, node->name, "%s isn't exported",
                        clv_op_describe(node->op)->name);
    bool is_plain =
        node->fusion.activation == CLV_ACT_NONE && node->n_inputs <= 3 && y->quant == NULL;
    char *made = text_of(e, y->name, is_plain ? "" : ".made");
    for (uint32_t i = 0; i < n; i++)
        inputs[i] = input_name(e, node, i);
    Clv__Onnx__NodeProto *proto = add_node(e, clv_op_describe(node->op)->name, inputs, n, made);
    CLV_TRY(add_attributes(e, proto, node));
    CLV_TRY(add_tail(e, &end, node, made));
    add_end(e, y, end);
    return CLV_OK;
}

static clv_status export_graph(export *e)
{
    const clv_graph *graph = e->graph;

    for (uint32_t i = 0; i < graph->n_inputs; i++) {
        const clv_value *v = &graph->values[graph->inputs[i]];
        e->proto.input[e->proto.n_input++] = describe_value(e, v, text_of(e, v->name, ""));
        if (v->quant != NULL)
            (void)add_rounding(e, text_of(e, v->name, ""), v->quant,
                               clv_dtype_is_byte(v->tensor.dtype) ? v->tensor.dtype : CLV_U8);
    }
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        CLV_TRY(export_node(e, &graph->nodes[i]));
    for (uint32_t i = 0; i < graph->n_outputs; i++) {
        const clv_value *v = &graph->values[graph->outputs[i]];
        bool bytes = v->quant != NULL && clv_dtype_is_byte(v->tensor.dtype);
        e->proto.output[e->proto.n_output++] =
            describe_value(e, v, text_of(e, v->name, bytes ? ".dq" : ""));
    }
    return CLV_OK;
}

static clv_status write_model(export *e, const char *path)
{
    Clv__Onnx__ModelProto model = CLV__ONNX__MODEL_PROTO__INIT;
    Clv__Onnx__OperatorSetIdProto opset = CLV__ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets = &opset;

    opset.domain = text_of(e, "", "");
    opset.has_version = true;
    opset.version = OPSET;
    model.has_ir_version = true;
    model.ir_version = IR_VERSION;
    model.producer_name = text_of(e, "cleave-bench", "");
    model.graph = &e->proto;
    model.n_opset_import = 1;
    model.opset_import = &opsets;
    size_t bytes = clv__onnx__model_proto__get_packed_size(&model);
    uint8_t *packed = take(e, bytes, 1);
    (void)clv__onnx__model_proto__pack(&model, packed);
    return clv_file_write(path, packed, bytes, 0644, e->err);
}

clv_status bench_qdq_export(const char *path, const clv_graph *graph, clv_error *err)
{
    export e = {.graph = graph, .arena = CLV_ARENA_INIT, .err = err};

    e.max_items = 16 * ((size_t)graph->n_nodes + graph->n_values);
    clv__onnx__graph_proto__init(&e.proto);
    e.proto.name = text_of(&e, "qdq", "");
    e.proto.node = take(&e, e.max_items, sizeof *e.proto.node);
    e.proto.initializer = take(&e, e.max_items, sizeof *e.proto.initializer);
    e.proto.input = take(&e, graph->n_inputs + 1u, sizeof *e.proto.input);
    e.proto.output = take(&e, graph->n_outputs + 1u, sizeof *e.proto.output);
    e.is_written = take(&e, graph->n_values, sizeof *e.is_written);
    clv_status status = export_graph(&e);
    if (status == CLV_OK)
        status = write_model(&e, path);
    clv_arena_done(&e.arena);
    return status;
}
