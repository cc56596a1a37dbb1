/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes: from names to indices, from the model's opset to the graph's. */
#include <stdio.h>
#include <string.h>

#include "graph/fold.h"
#include "graph/infer.h"
#include "onnx/onnx_internal.h"

bool clv_onnx_is_constant_node(const Clv__Onnx__NodeProto *node)
{
    return strcmp(clv_onnx_text(node->op_type), "Constant") == 0 &&
           clv_onnx_is_standard(clv_onnx_text(node->domain));
}

const char *clv_onnx_node_name(clv_onnx_importer *im, const Clv__Onnx__NodeProto *node)
{
    const char *type = clv_onnx_text(node->op_type);
    const char *output = node->n_output > 0 ? node->output[0] : "";

    if (clv_onnx_text(node->name)[0] != '\0')
        return node->name;
    size_t cap = strlen(type) + strlen(output) + 2;
    char *name = clv_arena_alloc(&im->scratch, cap, 1);
    if (name == NULL)
        return type;
    (void)snprintf(name, cap, "%s:%s", type, output);
    return name;
}

clv_status clv_onnx_resolve_inputs(uint32_t **out, clv_onnx_importer *im,
                                   const Clv__Onnx__NodeProto *proto, size_t room,
                                   const char *where)
{
    size_t n = proto->n_input > room ? proto->n_input : room;

    if (n > CLV_MANY)
        return clv_fail(im->err, CLV_ELIMIT, where, "%zu inputs; at most %u are accepted", n,
                        CLV_MANY);
    uint32_t *inputs = clv_arena_alloc(&im->scratch, n + CLV_ONNX_MAX_NEW_INPUTS, sizeof *inputs);
    if (inputs == NULL)
        return clv_onnx_no_memory(im, where);
    for (size_t i = 0; i < n; i++) {
        const char *name = i < proto->n_input ? proto->input[i] : "";
        inputs[i] = CLV_NO_VALUE;
        if (name[0] != '\0' && !clv_onnx_lookup(&inputs[i], im, name))
            return clv_fail(im->err, CLV_EFORMAT, where,
                            "reads '%.200s', which nothing in the model makes", name);
    }
    *out = inputs;
    return CLV_OK;
}

/* Optional outputs at the end that nobody reads would be computed, and cost a faster kernel, for
 * nothing. Split counts its outputs, so those of a variable number stay. */
static void drop_unread(const clv_onnx_importer *im, clv_onnx_node *node, const clv_op_info *info,
                        const Clv__Onnx__NodeProto *proto)
{
    while (node->n_outputs > info->min_outputs && info->max_outputs != CLV_MANY &&
           !clv_onnx_is_read(im, proto->output[node->n_outputs - 1]))
        node->n_outputs--;
}

/* Outputs that the graph's form of the operator doesn't make (MaxPool's indices, the statistics
 * of a BatchNormalization in training) may be named as long as nobody reads them. */
static clv_status resolve_outputs(clv_onnx_importer *im, clv_onnx_node *node,
                                  const Clv__Onnx__NodeProto *proto)
{
    const clv_op_info *info = clv_op_describe(node->op);

    node->outputs = clv_arena_alloc(&im->scratch, proto->n_output, sizeof *node->outputs);
    if (node->outputs == NULL)
        return clv_onnx_no_memory(im, node->where);
    for (size_t i = 0; i < proto->n_output; i++) {
        uint32_t value = CLV_NO_VALUE;
        if (proto->output[i][0] != '\0')
            (void)clv_onnx_lookup(&value, im, proto->output[i]);
        if (i < info->max_outputs)
            node->outputs[node->n_outputs++] = value;
        else if (clv_onnx_is_read(im, proto->output[i]))
            return clv_fail(im->err, CLV_EUNSUPPORTED, node->where,
                            "its output '%.200s' (number %zu) is not supported", proto->output[i],
                            i + 1);
    }
    drop_unread(im, node, info, proto);
    return CLV_OK;
}

/* Types and shapes of what the last node makes; where that is constant, no node is needed. */
static clv_status infer_last(clv_onnx_importer *im)
{
    clv_graph *graph = im->graph;
    const clv_node *node = &graph->nodes[graph->n_nodes - 1];
    bool folded;

    CLV_TRY(clv_infer_node(graph, node, im->err));
    if (node->op == CLV_OP_DEQUANTIZE_LINEAR) /* of weights, perhaps: left to the passes */
        return CLV_OK;
    CLV_TRY(clv_fold_node(&folded, graph, node, im->options->evaluate, &im->folded_bytes, im->err));
    if (folded)
        clv_graph_remove_last_node(graph);
    return CLV_OK;
}

clv_status clv_onnx_emit(clv_onnx_importer *im, const clv_onnx_node *node)
{
    clv_node_desc desc = {.name = node->name,
                          .op = node->op,
                          .inputs = node->inputs,
                          .n_inputs = node->n_inputs,
                          .outputs = node->outputs,
                          .n_outputs = node->n_outputs,
                          .attrs = node->attrs,
                          .n_attrs = node->n_attrs};
    CLV_TRY(clv_graph_add_node(im->graph, &desc, im->err));
    return im->infers ? infer_last(im) : CLV_OK;
}

static clv_status add_operator(clv_onnx_importer *im, clv_onnx_node *node,
                               const Clv__Onnx__NodeProto *proto)
{
    CLV_TRY(clv_onnx_resolve_inputs(&node->inputs, im, proto, 0, node->where));
    for (uint32_t i = 0; i < proto->n_input; i++) {
        if (node->inputs[i] != CLV_NO_VALUE)
            node->n_inputs = i + 1; /* absent ones at the end don't count */
    }
    CLV_TRY(resolve_outputs(im, node, proto));
    CLV_TRY(clv_onnx_read_attrs(im, node, proto));
    CLV_TRY(clv_onnx_upgrade(im, node));
    return clv_onnx_emit(im, node);
}

static clv_status add_node(clv_onnx_importer *im, const Clv__Onnx__NodeProto *proto)
{
    clv_onnx_node node = {.name = clv_onnx_node_name(im, proto)};

    (void)snprintf(node.where, sizeof node.where, "node '%.100s' (%.40s)", node.name,
                   clv_onnx_text(proto->op_type));
    uint32_t function = clv_onnx_find_function(im, proto);
    if (function != UINT32_MAX)
        return clv_onnx_add_call(im, proto, function, node.where);
    switch (clv_onnx_control_of(proto)) {
    case CLV_ONNX_IF:
        return clv_onnx_add_if(im, proto, node.where);
    case CLV_ONNX_LOOP:
        return clv_onnx_add_loop(im, proto, node.where);
    case CLV_ONNX_SCAN:
        return clv_onnx_add_scan(im, proto, node.where);
    default:
        break;
    }
    if (clv_onnx_is_contrib(proto))
        return clv_onnx_add_contrib(im, proto, &node);
    if (clv_onnx_find_op(&node.op, &node.is_sum, proto) != CLV_OK)
        return clv_fail(im->err, CLV_EUNSUPPORTED, node.where, "the operator is not supported");
    return add_operator(im, &node, proto);
}

clv_status clv_onnx_add_nodes(clv_onnx_importer *im)
{
    const clv_onnx_block *block = im->scope->block;

    for (uint32_t i = 0; i < block->n_nodes; i++) {
        const Clv__Onnx__NodeProto *node = block->nodes[block->order[i]];
        if (!clv_onnx_is_constant_node(node))
            CLV_TRY(add_node(im, node));
    }
    return CLV_OK;
}
