/* SPDX-License-Identifier: Apache-2.0 */
/* Older forms of operators, rewritten into that of opset 21: one function for each kind of change
 * and a table that says which operators need it below which opset. History of each operator:
 * https://github.com/onnx/onnx/blob/main/docs/Changelog.md */
#include <stdio.h>
#include <string.h>

#include "onnx/onnx_internal.h"

#define ATTR_ABSENT ((clv_attr_type)0)

/* Take an attribute off the node. @param[out] out  Its type is ATTR_ABSENT where there is none. */
static clv_status take(clv_onnx_importer *im, clv_onnx_node *node, const char *name,
                       clv_attr_type type, clv_attr *out)
{
    *out = (clv_attr){.type = ATTR_ABSENT};
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        if (strcmp(node->attrs[i].name, name) != 0)
            continue;
        if (node->attrs[i].type != type)
            return clv_fail(im->err, CLV_EFORMAT, node->where,
                            "the attribute '%s' has a wrong type", name);
        *out = node->attrs[i];
        node->attrs[i] = node->attrs[--node->n_attrs];
        break;
    }
    return CLV_OK;
}

static clv_status unsupported(clv_onnx_importer *im, const clv_onnx_node *node, const char *what)
{
    return clv_fail(im->err, CLV_EUNSUPPORTED, node->where, "%s is not supported", what);
}

/* A new value of the graph, named after the node: "conv1/axes". Numbers are not tried from 1 on for
 * each name, which would take quadratic time where a stranger gives all nodes the same one. */
static clv_status new_value(clv_onnx_importer *im, uint32_t *out, const clv_onnx_node *node,
                            const char *part)
{
    size_t cap = strlen(node->name) + strlen(part) + 16;
    char *name = clv_arena_alloc(&im->scratch, cap, 1);
    if (name == NULL)
        return clv_onnx_no_memory(im, node->where);
    (void)snprintf(name, cap, "%s/%s", node->name, part);
    while (clv_graph_find_value(im->graph, name) != CLV_NO_VALUE)
        (void)snprintf(name, cap, "%s/%s.%u", node->name, part, ++im->n_renamed);
    return clv_onnx_add_value(out, im, name, node->where);
}

/* Make a new constant the node's input @p index; what lies between is absent. */
static clv_status add_input(clv_onnx_importer *im, clv_onnx_node *node, uint32_t index,
                            const char *part, const clv_tensor *tensor)
{
    clv_tensor copy = *tensor;
    uint32_t value;
    size_t bytes;

    CLV_TRY(clv_tensor_bytes(&bytes, tensor));
    copy.data = clv_graph_own_data(im->graph, bytes);
    if (copy.data == NULL)
        return clv_onnx_no_memory(im, node->where);
    memcpy(copy.data, tensor->data, bytes);
    CLV_TRY(new_value(im, &value, node, part));
    clv_graph_set_constant(im->graph, value, &copy);
    while (node->n_inputs < index)
        node->inputs[node->n_inputs++] = CLV_NO_VALUE;
    node->inputs[node->n_inputs++] = value;
    return CLV_OK;
}

/* The attribute @p name, a list of integers, becomes input @p index. An empty list says nothing in
 * any of the old forms, so it becomes no input. */
static clv_status ints_to_input(clv_onnx_importer *im, clv_onnx_node *node, uint32_t index,
                                const char *name)
{
    clv_attr attr;
    CLV_TRY(take(im, node, name, CLV_ATTR_INTS, &attr));
    if (attr.type == ATTR_ABSENT || attr.count == 0)
        return CLV_OK;
    int64_t *ints = clv_arena_alloc(&im->scratch, attr.count, sizeof *ints);
    if (ints == NULL)
        return clv_onnx_no_memory(im, node->where);
    memcpy(ints, attr.v.ints, attr.count * sizeof *ints);
    clv_tensor tensor = {CLV_I64, {.rank = 1, .dim = {attr.count}}, ints};
    return add_input(im, node, index, name, &tensor);
}

static clv_status float_to_input(clv_onnx_importer *im, clv_onnx_node *node, uint32_t index,
                                 const char *name)
{
    clv_attr attr;
    CLV_TRY(take(im, node, name, CLV_ATTR_FLOAT, &attr));
    if (attr.type == ATTR_ABSENT)
        return CLV_OK;
    clv_tensor tensor = {CLV_F32, {.rank = 0}, &attr.v.f};
    return add_input(im, node, index, name, &tensor);
}

/* The old forms that follow have one input, so that the new ones have room behind it. */
static clv_status expect_one_input(clv_onnx_importer *im, const clv_onnx_node *node)
{
    if (node->n_inputs == 1)
        return CLV_OK;
    return clv_fail(im->err, CLV_EFORMAT, node->where, "takes one input in opset %lld, not %u",
                    (long long)im->opset, node->n_inputs);
}

static clv_status upgrade_axes(clv_onnx_importer *im, clv_onnx_node *node)
{
    CLV_TRY(expect_one_input(im, node));
    return ints_to_input(im, node, 1, "axes");
}

static clv_status upgrade_split(clv_onnx_importer *im, clv_onnx_node *node)
{
    CLV_TRY(expect_one_input(im, node));
    return ints_to_input(im, node, 1, "split");
}

static clv_status upgrade_slice(clv_onnx_importer *im, clv_onnx_node *node)
{
    CLV_TRY(expect_one_input(im, node));
    CLV_TRY(ints_to_input(im, node, 1, "starts"));
    CLV_TRY(ints_to_input(im, node, 2, "ends"));
    return ints_to_input(im, node, 3, "axes");
}

static clv_status upgrade_pad(clv_onnx_importer *im, clv_onnx_node *node)
{
    CLV_TRY(expect_one_input(im, node));
    CLV_TRY(ints_to_input(im, node, 1, "pads"));
    return float_to_input(im, node, 2, "value");
}

static clv_status upgrade_clip(clv_onnx_importer *im, clv_onnx_node *node)
{
    CLV_TRY(expect_one_input(im, node));
    CLV_TRY(float_to_input(im, node, 1, "min"));
    return float_to_input(im, node, 2, "max");
}

/* Take an integer attribute off that may only have the value @p accepted. */
static clv_status take_only(clv_onnx_importer *im, clv_onnx_node *node, const char *name,
                            int64_t accepted, const char *what)
{
    clv_attr attr;
    CLV_TRY(take(im, node, name, CLV_ATTR_INT, &attr));
    if (attr.type != ATTR_ABSENT && attr.v.i != accepted)
        return unsupported(im, node, what);
    return CLV_OK;
}

static clv_status upgrade_batch_norm(clv_onnx_importer *im, clv_onnx_node *node)
{
    clv_attr momentum;
    CLV_TRY(take(im, node, "momentum", CLV_ATTR_FLOAT, &momentum)); /* of training only */
    CLV_TRY(take_only(im, node, "training_mode", 0, "training"));
    return take_only(im, node, "spatial", 1, "a scale for each element (spatial = 0)");
}

/* The ratio means something in training alone, which is for the graph's rule to refuse. */
static clv_status upgrade_dropout(clv_onnx_importer *im, clv_onnx_node *node)
{
    clv_attr ignored;
    CLV_TRY(take(im, node, "ratio", CLV_ATTR_FLOAT, &ignored));
    CLV_TRY(take(im, node, "seed", CLV_ATTR_INT, &ignored));
    if (node->n_inputs == 2)
        node->n_inputs = 1;
    return CLV_OK;
}

/* The graph's Cast names element types by clv_dtype. */
static clv_status upgrade_cast(clv_onnx_importer *im, clv_onnx_node *node)
{
    clv_attr saturate; /* of float8 only */
    CLV_TRY(take(im, node, "saturate", CLV_ATTR_INT, &saturate));
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        clv_attr *attr = &node->attrs[i];
        clv_dtype dtype;
        if (strcmp(attr->name, "to") != 0 || attr->type != CLV_ATTR_INT)
            continue;
        CLV_TRY(clv_onnx_dtype(&dtype, attr->v.i, node->where, im->err));
        attr->v.i = dtype;
        return CLV_OK;
    }
    return clv_fail(im->err, CLV_EFORMAT, node->where, "the attribute 'to' is missing");
}

/* Input 3 of the graph's Conv is the residual of a fusion, which ONNX doesn't have. */
static clv_status check_conv(clv_onnx_importer *im, clv_onnx_node *node)
{
    if (node->n_inputs > 3)
        return clv_fail(im->err, CLV_EFORMAT, node->where, "takes 2 or 3 inputs, not %u",
                        node->n_inputs);
    return CLV_OK;
}

/* Forms of opset 6 that some writers use later: to skip these would compute something else. */
static clv_status check_broadcast(clv_onnx_importer *im, clv_onnx_node *node)
{
    CLV_TRY(take_only(im, node, "broadcast", 0, "broadcasting as before opset 7"));
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        if (strcmp(node->attrs[i].name, "axis") == 0)
            return unsupported(im, node, "an axis to broadcast along, as before opset 7,");
    }
    return CLV_OK;
}

static clv_status check_num_outputs(clv_onnx_importer *im, clv_onnx_node *node)
{
    return take_only(im, node, "num_outputs", node->n_outputs,
                     "another num_outputs than there are outputs");
}

static bool is_innermost_of(const clv_shape *shape, int64_t axis)
{
    axis = axis < 0 ? axis + shape->rank : axis;
    if (axis < 0 || axis >= shape->rank)
        return false;
    for (int64_t i = axis + 1; i < shape->rank; i++) {
        if (shape->dim[i] != 1)
            return false;
    }
    return true;
}

/* Whether it is known, or the model says, that @p axis of @p value is the last one or that all
 * behind it are 1. */
static bool is_innermost(const clv_onnx_importer *im, uint32_t value, int64_t axis)
{
    const Clv__Onnx__TypeProto__Tensor *type = value < im->n_hints ? im->hints[value] : NULL;
    const clv_tensor *known = value < im->graph->n_values ? &im->graph->values[value].tensor : NULL;
    if (known != NULL && known->dtype != CLV_NONE)
        return is_innermost_of(&known->shape, axis);
    if (type == NULL || type->shape == NULL)
        return false;
    const Clv__Onnx__TensorShapeProto *shape = type->shape;
    int64_t rank = (int64_t)shape->n_dim;
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis >= rank)
        return false;
    for (int64_t i = axis + 1; i < rank; i++) {
        /* What the model says of sizes no longer holds where the user has given shapes. */
        if (shape->dim[i]->dim_value != 1 || im->options->n_shapes > 0)
            return false;
    }
    return true;
}

/* Add a node that makes one new value, named after the @p whole that it is a part of.
 * @param[out] out  That value. */
static clv_status emit_part(clv_onnx_importer *im, uint32_t *out, const clv_onnx_node *whole,
                            const char *part, const clv_onnx_node *form)
{
    clv_onnx_node node = *form;
    CLV_TRY(new_value(im, out, whole, part));
    node.name = im->graph->values[*out].name;
    node.outputs = out;
    node.n_outputs = 1;
    return clv_onnx_emit(im, &node);
}

/* Flatten, Softmax (or what the node is) over the rows, Reshape to what it was. */
static clv_status softmax_of_rows(clv_onnx_importer *im, clv_onnx_node *node)
{
    clv_attr last = {.name = "axis", .type = CLV_ATTR_INT, .v.i = -1};
    uint32_t shape, rows, result;

    clv_onnx_node part = {.op = CLV_OP_SHAPE, .inputs = node->inputs, .n_inputs = 1};
    CLV_TRY(emit_part(im, &shape, node, "shape", &part));
    part.op = CLV_OP_FLATTEN;
    part.attrs = node->attrs;
    part.n_attrs = node->n_attrs;
    CLV_TRY(emit_part(im, &rows, node, "rows", &part));
    part.op = node->op;
    part.inputs = &rows;
    part.attrs = &last;
    CLV_TRY(emit_part(im, &result, node, "softmax", &part));

    node->op = CLV_OP_RESHAPE;
    node->attrs[0] = (clv_attr){.name = "allowzero", .type = CLV_ATTR_INT, .v.i = 1};
    node->inputs[0] = result;
    node->inputs[node->n_inputs++] = shape;
    return CLV_OK;
}

/* Before opset 13, Softmax and its like run over all dimensions from `axis` on as if they were one.
 */
static clv_status upgrade_softmax(clv_onnx_importer *im, clv_onnx_node *node)
{
    clv_attr axis;

    CLV_TRY(expect_one_input(im, node));
    CLV_TRY(take(im, node, "axis", CLV_ATTR_INT, &axis));
    if (node->n_outputs != 1 || node->n_attrs != 0)
        return clv_fail(im->err, CLV_EFORMAT, node->where,
                        "has one output, and no attribute but the axis");
    node->attrs = clv_arena_alloc(&im->scratch, 1, sizeof *node->attrs);
    if (node->attrs == NULL)
        return clv_onnx_no_memory(im, node->where);
    int64_t first = axis.type == ATTR_ABSENT ? 1 : axis.v.i;
    node->attrs[0] = (clv_attr){.name = "axis", .type = CLV_ATTR_INT, .v.i = first};
    node->n_attrs = 1;
    if (first == -1 || is_innermost(im, node->inputs[0], first) ||
        is_innermost(im, node->outputs[0], first))
        return CLV_OK;
    return softmax_of_rows(im, node);
}

/* Sum of any number of tensors: Adds from left to right. */
static clv_status expand_sum(clv_onnx_importer *im, clv_onnx_node *node)
{
    if (node->n_inputs == 1)
        node->op = CLV_OP_IDENTITY;
    while (node->n_inputs > 2) {
        clv_onnx_node part = {.op = CLV_OP_ADD, .inputs = node->inputs, .n_inputs = 2};
        uint32_t sum;
        CLV_TRY(emit_part(im, &sum, node, "sum", &part));
        *++node->inputs = sum;
        node->n_inputs--;
    }
    return CLV_OK;
}

/* Before opset 10, k is an attribute. */
static clv_status upgrade_top_k(clv_onnx_importer *im, clv_onnx_node *node)
{
    clv_attr k;
    CLV_TRY(expect_one_input(im, node));
    CLV_TRY(take(im, node, "k", CLV_ATTR_INT, &k));
    if (k.type == ATTR_ABSENT)
        return clv_fail(im->err, CLV_EFORMAT, node->where, "the attribute 'k' is missing");
    clv_tensor tensor = {CLV_I64, {.rank = 1, .dim = {1}}, &k.v.i};
    return add_input(im, node, 1, "k", &tensor);
}

/* --- moving and sampling --- */

/* Give the node one attribute more. */
static clv_status add_attr(clv_onnx_importer *im, clv_onnx_node *node, const clv_attr *attr)
{
    clv_attr *attrs = clv_arena_alloc(&im->scratch, (size_t)node->n_attrs + 1, sizeof *node->attrs);
    if (attrs == NULL)
        return clv_onnx_no_memory(im, node->where);
    if (node->n_attrs > 0)
        memcpy(attrs, node->attrs, node->n_attrs * sizeof *attrs);
    attrs[node->n_attrs++] = *attr;
    node->attrs = attrs;
    return CLV_OK;
}

static clv_status add_string(clv_onnx_importer *im, clv_onnx_node *node, const char *name,
                             const char *word)
{
    clv_attr attr = {.name = name, .type = CLV_ATTR_STRING, .v.s = word};
    return add_attr(im, node, &attr);
}

/* Where the attribute @p name is an ONNX element type, make it a clv_dtype. */
static clv_status translate_dtype(clv_onnx_importer *im, clv_onnx_node *node, const char *name)
{
    clv_dtype dtype;
    clv_attr attr;
    CLV_TRY(take(im, node, name, CLV_ATTR_INT, &attr));
    if (attr.type == ATTR_ABSENT)
        return CLV_OK;
    CLV_TRY(clv_onnx_dtype(&dtype, attr.v.i, node->where, im->err));
    attr.v.i = dtype;
    return add_attr(im, node, &attr);
}

static clv_status upgrade_eye_like(clv_onnx_importer *im, clv_onnx_node *node)
{
    return translate_dtype(im, node, "dtype");
}

static clv_status upgrade_signal_window(clv_onnx_importer *im, clv_onnx_node *node)
{
    return translate_dtype(im, node, "output_datatype");
}

/* Upsample, and Resize before opset 11: scales alone, counted from the corner. */
static clv_status upgrade_resize(clv_onnx_importer *im, clv_onnx_node *node)
{
    clv_attr scales;

    CLV_TRY(take(im, node, "scales", CLV_ATTR_FLOATS, &scales));
    if (node->n_inputs != (scales.type == ATTR_ABSENT ? 2u : 1u))
        return clv_fail(im->err, CLV_EFORMAT, node->where, "has a wrong number of inputs");
    if (scales.type == ATTR_ABSENT) {
        node->inputs[node->n_inputs++] = node->inputs[1];
        node->inputs[1] = CLV_NO_VALUE;
    } else {
        float *numbers = clv_arena_alloc(&im->scratch, (size_t)scales.count + 1, sizeof *numbers);
        if (numbers == NULL)
            return clv_onnx_no_memory(im, node->where);
        if (scales.count > 0)
            memcpy(numbers, scales.v.floats, scales.count * sizeof *numbers);
        clv_tensor tensor = {CLV_F32, {.rank = 1, .dim = {scales.count}}, numbers};
        CLV_TRY(add_input(im, node, 2, "scales", &tensor));
    }
    CLV_TRY(add_string(im, node, "coordinate_transformation_mode", "asymmetric"));
    return add_string(im, node, "nearest_mode", "floor");
}

/* Before opset 20 the modes are named after two dimensions. */
static clv_status upgrade_grid_sample(clv_onnx_importer *im, clv_onnx_node *node)
{
    clv_attr mode;
    CLV_TRY(take(im, node, "mode", CLV_ATTR_STRING, &mode));
    const char *word = mode.type == ATTR_ABSENT ? "bilinear" : mode.v.s;
    if (strcmp(word, "bilinear") == 0)
        word = "linear";
    else if (strcmp(word, "bicubic") == 0)
        word = "cubic";
    return add_string(im, node, "mode", word);
}

/* Before opset 16, regions are not moved by half an element. */
static clv_status upgrade_roi_align(clv_onnx_importer *im, clv_onnx_node *node)
{
    clv_attr ignored;
    CLV_TRY(take(im, node, "coordinate_transformation_mode", CLV_ATTR_STRING, &ignored));
    return add_string(im, node, "coordinate_transformation_mode", "output_half_pixel");
}

/* Before opset 20 the axis is an attribute. */
static clv_status upgrade_dft(clv_onnx_importer *im, clv_onnx_node *node)
{
    clv_attr axis;
    CLV_TRY(take(im, node, "axis", CLV_ATTR_INT, &axis));
    int64_t number = axis.type == ATTR_ABSENT ? 1 : axis.v.i;
    clv_tensor tensor = {CLV_I64, {.rank = 0}, &number};
    if (node->n_inputs > 2)
        return clv_fail(im->err, CLV_EFORMAT, node->where, "has too many inputs");
    return add_input(im, node, 2, "axis", &tensor);
}

/* QuantizeLinear's default output_dtype, 0, is no type: the zero point's, or uint8. */
static clv_status upgrade_quantize(clv_onnx_importer *im, clv_onnx_node *node)
{
    clv_attr saturate; /* of float8 only */
    CLV_TRY(take(im, node, "saturate", CLV_ATTR_INT, &saturate));
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        const clv_attr *attr = &node->attrs[i];
        if (strcmp(attr->name, "output_dtype") == 0 && attr->type == CLV_ATTR_INT && attr->v.i == 0)
            return CLV_OK; /* CLV_NONE is 0 as well */
    }
    return translate_dtype(im, node, "output_dtype");
}

/* Applied to models of an opset below the one that is named. */
#define ALWAYS (CLV_ONNX_MAX_OPSET + 1)
static const struct {
    clv_op op;
    int below;
    clv_status (*run)(clv_onnx_importer *im, clv_onnx_node *node);
} upgrades[] = {
    {CLV_OP_ADD, ALWAYS, check_broadcast},
    {CLV_OP_AND, ALWAYS, check_broadcast},
    {CLV_OP_BATCH_NORMALIZATION, ALWAYS, upgrade_batch_norm},
    {CLV_OP_BLACKMAN_WINDOW, ALWAYS, upgrade_signal_window},
    {CLV_OP_CAST, ALWAYS, upgrade_cast},
    {CLV_OP_CLIP, 11, upgrade_clip},
    {CLV_OP_CONV, ALWAYS, check_conv},
    {CLV_OP_DFT, 20, upgrade_dft},
    {CLV_OP_DIV, ALWAYS, check_broadcast},
    {CLV_OP_DROPOUT, ALWAYS, upgrade_dropout},
    {CLV_OP_EQUAL, ALWAYS, check_broadcast},
    {CLV_OP_EYE_LIKE, ALWAYS, upgrade_eye_like},
    {CLV_OP_GREATER, ALWAYS, check_broadcast},
    {CLV_OP_GRID_SAMPLE, 20, upgrade_grid_sample},
    {CLV_OP_HAMMING_WINDOW, ALWAYS, upgrade_signal_window},
    {CLV_OP_HANN_WINDOW, ALWAYS, upgrade_signal_window},
    {CLV_OP_HARDMAX, 13, upgrade_softmax},
    {CLV_OP_LESS, ALWAYS, check_broadcast},
    {CLV_OP_LOG_SOFTMAX, 13, upgrade_softmax},
    {CLV_OP_MEL_WEIGHT_MATRIX, ALWAYS, upgrade_signal_window},
    {CLV_OP_MUL, ALWAYS, check_broadcast},
    {CLV_OP_OR, ALWAYS, check_broadcast},
    {CLV_OP_PAD, 11, upgrade_pad},
    {CLV_OP_POW, ALWAYS, check_broadcast},
    {CLV_OP_PRELU, ALWAYS, check_broadcast},
    {CLV_OP_QUANTIZE_LINEAR, ALWAYS, upgrade_quantize},
    {CLV_OP_REDUCE_L1, 18, upgrade_axes},
    {CLV_OP_REDUCE_L2, 18, upgrade_axes},
    {CLV_OP_REDUCE_LOG_SUM, 18, upgrade_axes},
    {CLV_OP_REDUCE_LOG_SUM_EXP, 18, upgrade_axes},
    {CLV_OP_REDUCE_MAX, 18, upgrade_axes},
    {CLV_OP_REDUCE_MEAN, 18, upgrade_axes},
    {CLV_OP_REDUCE_MIN, 18, upgrade_axes},
    {CLV_OP_REDUCE_PROD, 18, upgrade_axes},
    {CLV_OP_REDUCE_SUM, 13, upgrade_axes},
    {CLV_OP_REDUCE_SUM_SQUARE, 18, upgrade_axes},
    {CLV_OP_RESIZE, 11, upgrade_resize},
    {CLV_OP_ROI_ALIGN, 16, upgrade_roi_align},
    {CLV_OP_SLICE, 10, upgrade_slice},
    {CLV_OP_SOFTMAX, 13, upgrade_softmax},
    {CLV_OP_SPLIT, 13, upgrade_split},
    {CLV_OP_SPLIT, ALWAYS, check_num_outputs},
    {CLV_OP_SQUEEZE, 13, upgrade_axes},
    {CLV_OP_SUB, ALWAYS, check_broadcast},
    {CLV_OP_TOP_K, 10, upgrade_top_k},
    {CLV_OP_UNSQUEEZE, 13, upgrade_axes},
    {CLV_OP_XOR, ALWAYS, check_broadcast},
};

clv_status clv_onnx_upgrade(clv_onnx_importer *im, clv_onnx_node *node)
{
    if (node->is_sum)
        CLV_TRY(expand_sum(im, node));
    for (size_t i = 0; i < sizeof upgrades / sizeof upgrades[0]; i++) {
        if (upgrades[i].op == node->op && im->opset < upgrades[i].below)
            CLV_TRY(upgrades[i].run(im, node));
    }
    return CLV_OK;
}
