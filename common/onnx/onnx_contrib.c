/* SPDX-License-Identifier: Apache-2.0 */
/* Quantised operators of the domain com.microsoft, which exporters write beside QLinearConv:
 * DequantizeLinear of each operand, the operator, QuantizeLinear of the result. The pass qdq makes
 * one node of those again. What they mean:
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md */
#include <string.h>

#include "onnx/onnx_internal.h"

#define MANY_OPERANDS UINT32_MAX

typedef struct contrib {
    const char *name;
    clv_op op;
    uint32_t n_operands; /* x, scale, zero point of each; the scale and zero point of the result
                            follow, those of MANY_OPERANDS are the first inputs */
} contrib;

static const contrib table[] = {
    {"DequantizeLinear", CLV_OP_DEQUANTIZE_LINEAR, 0},
    {"QGemm", CLV_OP_GEMM, 2},
    {"QLinearAdd", CLV_OP_ADD, 2},
    {"QLinearAveragePool", CLV_OP_AVERAGE_POOL, 1},
    {"QLinearConcat", CLV_OP_CONCAT, MANY_OPERANDS},
    {"QLinearGlobalAveragePool", CLV_OP_GLOBAL_AVERAGE_POOL, 1},
    {"QLinearLeakyRelu", CLV_OP_LEAKY_RELU, 1},
    {"QLinearMul", CLV_OP_MUL, 2},
    {"QLinearSigmoid", CLV_OP_SIGMOID, 1},
    {"QLinearSoftmax", CLV_OP_SOFTMAX, 1},
    {"QuantizeLinear", CLV_OP_QUANTIZE_LINEAR, 0},
};

static const contrib *find(const Clv__Onnx__NodeProto *proto)
{
    if (strcmp(clv_onnx_text(proto->domain), "com.microsoft") != 0)
        return NULL;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].name, clv_onnx_text(proto->op_type)) == 0)
            return &table[i];
    }
    return NULL;
}

bool clv_onnx_is_contrib(const Clv__Onnx__NodeProto *node)
{
    return find(node) != NULL;
}

/* Add a node; @p output CLV_NO_VALUE: a new value. @return it in @p out. */
static clv_status emit(uint32_t *out, clv_onnx_importer *im, const clv_onnx_node *node,
                       uint32_t output)
{
    clv_onnx_node copy = *node;

    if (output == CLV_NO_VALUE)
        CLV_TRY(clv_onnx_fresh_value(&output, im, node->name, node->where));
    copy.outputs = &output;
    copy.n_outputs = 1;
    while (copy.n_inputs > 0 && copy.inputs[copy.n_inputs - 1] == CLV_NO_VALUE)
        copy.n_inputs--;
    CLV_TRY(clv_onnx_emit(im, &copy));
    *out = output;
    return CLV_OK;
}

/* QuantizeLinear or DequantizeLinear of x with the scale and the zero point behind it. */
static clv_status convert(uint32_t *out, clv_onnx_importer *im, clv_op op,
                          const clv_onnx_node *node, const uint32_t *inputs, int64_t axis,
                          uint32_t output)
{
    uint32_t three[3] = {inputs[0], inputs[1], inputs[2]};
    clv_attr along = {.name = "axis", .type = CLV_ATTR_INT, .v.i = axis};
    clv_onnx_node made = {.name = node->name, .op = op, .n_inputs = 3, .n_attrs = 1};

    memcpy(made.where, node->where, sizeof made.where);
    made.inputs = three;
    made.attrs = &along;
    return emit(out, im, &made, output);
}

/* The attribute @p name, taken off the node; @p fallback where it isn't there. */
static clv_status take_int(int64_t *out, clv_onnx_importer *im, clv_onnx_node *node,
                           const char *name, int64_t fallback)
{
    *out = fallback;
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        if (strcmp(node->attrs[i].name, name) != 0)
            continue;
        if (node->attrs[i].type != CLV_ATTR_INT)
            return clv_fail(im->err, CLV_EFORMAT, node->where,
                            "the attribute '%s' has a wrong type", name);
        *out = node->attrs[i].v.i;
        node->attrs[i] = node->attrs[--node->n_attrs];
        return CLV_OK;
    }
    return CLV_OK;
}

/* Forms that have no equivalent. */
static clv_status check_attrs(clv_onnx_importer *im, clv_onnx_node *node)
{
    int64_t channels_last, opset;

    CLV_TRY(take_int(&channels_last, im, node, "channels_last", 0));
    CLV_TRY(take_int(&opset, im, node, "opset", 13));
    if (channels_last != 0)
        return clv_fail(im->err, CLV_EUNSUPPORTED, node->where, "channels_last is not supported");
    if (opset < 13)
        return clv_fail(im->err, CLV_EUNSUPPORTED, node->where,
                        "the Softmax of opset %lld is not supported", (long long)opset);
    return CLV_OK;
}

/* C of QGemm is int32 of scale alpha * a.scale * b.scale; Gemm multiplies it by beta, which is
 * alpha then. */
static clv_status add_bias(uint32_t *out, clv_onnx_importer *im, clv_onnx_node *node,
                           const uint32_t *in)
{
    const uint32_t scales[2] = {in[1], in[4]};
    uint32_t bias[3] = {in[6], CLV_NO_VALUE, CLV_NO_VALUE};
    clv_attr *attrs = clv_arena_alloc(&im->scratch, (size_t)node->n_attrs + 1, sizeof *attrs);

    if (attrs == NULL)
        return clv_onnx_no_memory(im, node->where);
    *out = CLV_NO_VALUE;
    if (in[6] == CLV_NO_VALUE)
        return CLV_OK;
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        attrs[i] = node->attrs[i];
        if (strcmp(attrs[i].name, "alpha") == 0) {
            attrs[node->n_attrs] = attrs[i];
            attrs[node->n_attrs].name = "beta";
        }
    }
    node->n_attrs += attrs[node->n_attrs].name != NULL;
    node->attrs = attrs;
    CLV_TRY(clv_onnx_make(&bias[1], im, CLV_OP_MUL, node->name, scales, 2, NULL));
    return convert(out, im, CLV_OP_DEQUANTIZE_LINEAR, node, bias, 0, CLV_NO_VALUE);
}

/* Real numbers, and where the scale and zero point of the result are. */
static clv_status read_operands(clv_onnx_importer *im, clv_onnx_node *node, const contrib *c,
                                const uint32_t *in, uint32_t n_in, const uint32_t **result)
{
    bool many = c->n_operands == MANY_OPERANDS;
    uint32_t n = many ? (n_in - 2) / 3 : c->n_operands;
    const uint32_t *first = many ? in + 2 : in;
    int64_t flipped = 0;

    node->inputs = clv_arena_alloc(&im->scratch, (size_t)n + 1, sizeof *node->inputs);
    if (node->inputs == NULL)
        return clv_onnx_no_memory(im, node->where);
    for (uint32_t i = 0; c->op == CLV_OP_GEMM && i < node->n_attrs; i++) {
        if (strcmp(node->attrs[i].name, "transB") == 0 && node->attrs[i].type == CLV_ATTR_INT)
            flipped = node->attrs[i].v.i;
    }
    for (uint32_t i = 0; i < n; i++)
        CLV_TRY(convert(&node->inputs[i], im, CLV_OP_DEQUANTIZE_LINEAR, node, first + (size_t)i * 3,
                        flipped != 0 ? 0 : 1, CLV_NO_VALUE));
    node->n_inputs = n;
    *result = many ? in : first + (size_t)n * 3;
    if (c->op == CLV_OP_GEMM) {
        CLV_TRY(add_bias(&node->inputs[n], im, node, in));
        node->n_inputs++;
        *result = in + 7;
    }
    return CLV_OK;
}

static clv_status check_inputs(clv_onnx_importer *im, const clv_onnx_node *node, const contrib *c,
                               const Clv__Onnx__NodeProto *proto)
{
    bool is_gemm = c->op == CLV_OP_GEMM;
    size_t n = proto->n_input, least = is_gemm ? 6 : (size_t)c->n_operands * 3 + 1;
    bool good = c->n_operands == MANY_OPERANDS ? n >= 5 && n % 3 == 2
                                               : n >= least && n <= (is_gemm ? 9 : least + 1);
    if (c->n_operands == 0)
        good = n == 2 || n == 3;
    if (!good || proto->n_output != 1)
        return clv_fail(im->err, CLV_EFORMAT, node->where,
                        "has a wrong number of inputs or outputs");
    return CLV_OK;
}

clv_status clv_onnx_add_contrib(clv_onnx_importer *im, const Clv__Onnx__NodeProto *proto,
                                clv_onnx_node *node)
{
    const contrib *c = find(proto);
    const uint32_t *result;
    uint32_t *in, real, made, output = CLV_NO_VALUE;

    CLV_TRY(check_inputs(im, node, c, proto));
    CLV_TRY(clv_onnx_resolve_inputs(&in, im, proto, 9, node->where));
    CLV_TRY(clv_onnx_read_attrs(im, node, proto));
    CLV_TRY(check_attrs(im, node));
    (void)clv_onnx_lookup(&output, im, clv_onnx_text(proto->output[0]));
    node->op = c->op;
    if (c->n_operands == 0) {
        node->inputs = in;
        node->n_inputs = (uint32_t)proto->n_input;
        return emit(&made, im, node, output);
    }
    CLV_TRY(read_operands(im, node, c, in, (uint32_t)proto->n_input, &result));
    if (result[0] == CLV_NO_VALUE) /* QGemm may give real numbers */
        return emit(&made, im, node, output);
    CLV_TRY(emit(&real, im, node, CLV_NO_VALUE));
    const uint32_t rounded[3] = {real, result[0], result[1]};
    return convert(&made, im, CLV_OP_QUANTIZE_LINEAR, node, rounded, 1, output);
}
