/* SPDX-License-Identifier: Apache-2.0 */
/* If, and what control flow is resolved with: conditions, choices, stacks. */
#include <stdio.h>
#include <string.h>

#include "onnx/onnx_internal.h"

clv_status clv_onnx_find_attr(const Clv__Onnx__AttributeProto **out, clv_onnx_importer *im,
                              const Clv__Onnx__NodeProto *node, const char *name, const char *where)
{
    *out = NULL;
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (strcmp(clv_onnx_text(node->attribute[i]->name), name) == 0)
            return clv_onnx_resolve_attr(out, im, node->attribute[i], where);
    }
    return CLV_OK;
}

clv_status clv_onnx_find_body(clv_onnx_block **out, clv_onnx_importer *im,
                              const Clv__Onnx__NodeProto *node, const char *name, const char *where)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        const Clv__Onnx__AttributeProto *attr = node->attribute[i];
        if (strcmp(clv_onnx_text(attr->name), name) != 0)
            continue;
        if (clv_onnx_is_ref(attr))
            return clv_fail(im->err, CLV_EUNSUPPORTED, where,
                            "a '%s' that is an attribute of a call is not supported", name);
        if (attr->g == NULL)
            break;
        *out = clv_onnx_find_block(im, attr->g);
        return CLV_OK;
    }
    return clv_fail(im->err, CLV_EFORMAT, where, "it has no graph '%s'", name);
}

/* --- small nodes --- */

clv_status clv_onnx_make(uint32_t *out, clv_onnx_importer *im, clv_op op, const char *stem,
                         const uint32_t *inputs, uint32_t n_inputs, const clv_attr *attr)
{
    clv_attr copy = attr != NULL ? *attr : (clv_attr){0};
    uint32_t value, arguments[3];
    clv_onnx_node node = {.op = op, .n_inputs = n_inputs, .n_outputs = 1, .attrs = &copy};

    node.n_attrs = attr != NULL;
    node.inputs = arguments;
    if (n_inputs > sizeof arguments / sizeof arguments[0])
        node.inputs = clv_arena_alloc(&im->scratch, n_inputs, sizeof *node.inputs);
    if (node.inputs == NULL)
        return clv_onnx_no_memory(im, stem);
    memcpy(node.inputs, inputs, n_inputs * sizeof *inputs);
    CLV_TRY(clv_onnx_fresh_value(&value, im, stem, stem));
    node.outputs = &value;
    node.name = im->graph->values[value].name;
    CLV_TRY(clv_onnx_emit(im, &node));
    *out = value;
    return CLV_OK;
}

clv_status clv_onnx_make_number(uint32_t *out, clv_onnx_importer *im, clv_dtype dtype, bool is_list,
                                int64_t number, const char *stem)
{
    clv_tensor tensor = {dtype, {.rank = is_list, .dim = {1}}, NULL};
    uint32_t value;

    tensor.data = clv_graph_own_data(im->graph, sizeof number);
    if (tensor.data == NULL)
        return clv_onnx_no_memory(im, stem);
    memcpy(tensor.data, &number, clv_dtype_bytes(dtype)); /* little-endian, as all of Cleave is */
    CLV_TRY(clv_onnx_fresh_value(&value, im, stem, stem));
    clv_graph_set_constant(im->graph, value, &tensor);
    *out = value;
    return CLV_OK;
}

/* Give @p item a new dimension. */
static clv_status unsqueeze(uint32_t *out, clv_onnx_importer *im, uint32_t item, int64_t axis,
                            const char *stem)
{
    uint32_t inputs[2] = {item};

    CLV_TRY(clv_onnx_make_number(&inputs[1], im, CLV_I64, true, axis, "axis"));
    return clv_onnx_make(out, im, CLV_OP_UNSQUEEZE, stem, inputs, 2, NULL);
}

clv_status clv_onnx_stack(uint32_t *out, clv_onnx_importer *im, const uint32_t *items, size_t n,
                          size_t stride, int64_t axis, bool reversed, const char *stem,
                          const char *where)
{
    clv_attr along = {.name = "axis", .type = CLV_ATTR_INT, .v.i = axis};

    if (n > CLV_MANY)
        return clv_fail(im->err, CLV_ELIMIT, where, "makes an output of %zu parts", n);
    uint32_t *parts = clv_arena_alloc(&im->scratch, n, sizeof *parts);
    if (parts == NULL)
        return clv_onnx_no_memory(im, where);
    for (size_t i = 0; i < n; i++)
        CLV_TRY(unsqueeze(&parts[reversed ? n - 1 - i : i], im, items[i * stride], axis, stem));
    if (n == 1) {
        *out = parts[0];
        return CLV_OK;
    }
    return clv_onnx_make(out, im, CLV_OP_CONCAT, stem, parts, (uint32_t)n, &along);
}

/* --- conditions --- */

clv_status clv_onnx_read_condition(clv_onnx_truth *out, uint32_t *value, clv_onnx_importer *im,
                                   const char *where)
{
    const clv_tensor *tensor = &im->graph->values[*value].tensor;
    size_t elems;

    if (im->graph->values[*value].bounded)
        return clv_fail(im->err, CLV_EUNSUPPORTED, where, "its condition's shape depends on data");

    if (tensor->dtype == CLV_NONE || (tensor->data == NULL && !im->infers))
        return clv_fail(im->err, CLV_EUNSUPPORTED, where,
                        "its condition is no constant of the model, and nothing computes it here");
    if (tensor->dtype != CLV_BOOL || clv_shape_elems(&elems, &tensor->shape) != CLV_OK ||
        elems != 1)
        return clv_fail(im->err, CLV_EFORMAT, where, "its condition isn't one bool");
    if (tensor->data != NULL) {
        *out = *(const uint8_t *)tensor->data != 0 ? CLV_ONNX_TRUE : CLV_ONNX_FALSE;
        return CLV_OK;
    }
    if (tensor->shape.rank > 0) /* it must not add dimensions to what it chooses */
        CLV_TRY(clv_onnx_make(value, im, CLV_OP_SQUEEZE, "condition", value, 1, NULL));
    *out = CLV_ONNX_DATA;
    return CLV_OK;
}

clv_status clv_onnx_choose(uint32_t *out, clv_onnx_importer *im, uint32_t condition, uint32_t yes,
                           uint32_t no, const char *where)
{
    const clv_value *a = &im->graph->values[yes], *b = &im->graph->values[no];
    const uint32_t inputs[3] = {condition, yes, no};
    char shape_a[96], shape_b[96];

    if (yes == no) {
        *out = yes;
        return CLV_OK;
    }
    if (a->tensor.dtype != b->tensor.dtype ||
        !clv_shape_equal(&a->tensor.shape, &b->tensor.shape) || a->bounded || b->bounded)
        return clv_fail(im->err, CLV_EUNSUPPORTED, where,
                        "on a condition that depends on data it chooses between '%.100s', %s %s, "
                        "and '%.100s', %s %s, which must have one fixed type and shape",
                        a->name, clv_dtype_name(a->tensor.dtype),
                        clv_shape_format(shape_a, sizeof shape_a, &a->tensor.shape), b->name,
                        clv_dtype_name(b->tensor.dtype),
                        clv_shape_format(shape_b, sizeof shape_b, &b->tensor.shape));
    return clv_onnx_make(out, im, CLV_OP_WHERE, a->name, inputs, 3, NULL);
}

/* --- If --- */

static clv_status find_branch(clv_onnx_block **out, clv_onnx_importer *im,
                              const Clv__Onnx__NodeProto *node, const char *name, const char *where)
{
    clv_onnx_block *block = NULL;

    CLV_TRY(clv_onnx_find_body(&block, im, node, name, where));
    if (block->n_inputs != 0 || block->n_outputs != node->n_output)
        return clv_fail(im->err, CLV_EFORMAT, where,
                        "its %s has %u inputs and %u outputs; the node needs 0 and %zu", name,
                        block->n_inputs, block->n_outputs, node->n_output);
    *out = block;
    return CLV_OK;
}

/* Both branches are computed, and each output is that of the one that counts. */
static clv_status add_both(clv_onnx_importer *im, const Clv__Onnx__NodeProto *node,
                           clv_onnx_block *const branches[2], uint32_t condition, uint32_t *results,
                           const char *where)
{
    uint32_t *others = results + node->n_output, value;

    CLV_TRY(clv_onnx_enter(results, im, branches[CLV_ONNX_TRUE], NULL, NULL, where));
    CLV_TRY(clv_onnx_enter(others, im, branches[CLV_ONNX_FALSE], NULL, NULL, where));
    for (size_t i = 0; i < node->n_output; i++) {
        if (!clv_onnx_is_read(im, node->output[i]))
            continue;
        CLV_TRY(clv_onnx_choose(&value, im, condition, results[i], others[i], where));
        CLV_TRY(clv_onnx_bind(im, node->output[i], value, where));
    }
    return CLV_OK;
}

clv_status clv_onnx_add_if(clv_onnx_importer *im, const Clv__Onnx__NodeProto *node,
                           const char *where)
{
    clv_onnx_block *branches[2];
    clv_onnx_truth truth;
    uint32_t *inputs;

    CLV_TRY(find_branch(&branches[CLV_ONNX_TRUE], im, node, "then_branch", where));
    CLV_TRY(find_branch(&branches[CLV_ONNX_FALSE], im, node, "else_branch", where));
    CLV_TRY(clv_onnx_resolve_inputs(&inputs, im, node, 1, where));
    if (node->n_input != 1 || inputs[0] == CLV_NO_VALUE)
        return clv_fail(im->err, CLV_EFORMAT, where, "it has no condition");
    CLV_TRY(clv_onnx_read_condition(&truth, &inputs[0], im, where));
    uint32_t *results = clv_arena_alloc(&im->scratch, 2 * node->n_output, sizeof *results);
    if (results == NULL)
        return clv_onnx_no_memory(im, where);
    if (truth == CLV_ONNX_DATA)
        return add_both(im, node, branches, inputs[0], results, where);
    CLV_TRY(clv_onnx_enter(results, im, branches[truth], NULL, NULL, where));
    for (size_t i = 0; i < node->n_output; i++)
        CLV_TRY(clv_onnx_bind(im, node->output[i], results[i], where));
    return CLV_OK;
}
