/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes: from names to indices, from the model's opset to the graph's. */
#include <stdio.h>
#include <string.h>

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

static clv_status resolve_inputs(clv_onnx_importer *im, clv_onnx_node *node,
                                 const Clv__Onnx__NodeProto *proto)
{
    if (proto->n_input > CLV_MANY)
        return clv_fail(im->err, CLV_ELIMIT, node->where, "%zu inputs; at most %u are accepted",
                        proto->n_input, CLV_MANY);
    node->inputs = clv_arena_alloc(&im->scratch, proto->n_input + CLV_ONNX_MAX_NEW_INPUTS,
                                   sizeof *node->inputs);
    if (node->inputs == NULL)
        return clv_onnx_no_memory(im, node->where);
    for (size_t i = 0; i < proto->n_input; i++) {
        const char *name = proto->input[i];
        node->inputs[i] = CLV_NO_VALUE;
        if (name[0] == '\0')
            continue;
        node->inputs[i] = clv_graph_find_value(im->graph, name);
        if (node->inputs[i] == CLV_NO_VALUE)
            return clv_fail(im->err, CLV_EFORMAT, node->where,
                            "reads '%.200s', which nothing in the model makes", name);
        node->n_inputs = (uint32_t)i + 1; /* absent ones at the end don't count */
    }
    return CLV_OK;
}

/* Optional outputs at the end that nobody reads would be computed, and cost a faster kernel, for
 * nothing. Split counts its outputs, so those of a variable number stay. */
static void drop_unread(clv_onnx_node *node, const clv_op_info *info, const bool *used)
{
    while (node->n_outputs > info->min_outputs && info->max_outputs != CLV_MANY) {
        uint32_t last = node->outputs[node->n_outputs - 1];
        if (last != CLV_NO_VALUE && used[last])
            break;
        node->n_outputs--;
    }
}

/* Outputs that the graph's form of the operator doesn't make (MaxPool's indices, the statistics
 * of a BatchNormalization in training) may be named as long as nobody reads them. */
static clv_status resolve_outputs(clv_onnx_importer *im, clv_onnx_node *node,
                                  const Clv__Onnx__NodeProto *proto, const bool *used)
{
    const clv_op_info *info = clv_op_describe(node->op);

    node->outputs = clv_arena_alloc(&im->scratch, proto->n_output, sizeof *node->outputs);
    if (node->outputs == NULL)
        return clv_onnx_no_memory(im, node->where);
    for (size_t i = 0; i < proto->n_output; i++) {
        uint32_t value = clv_graph_find_value(im->graph, proto->output[i]);
        if (i < info->max_outputs)
            node->outputs[node->n_outputs++] = value;
        else if (value != CLV_NO_VALUE && used[value])
            return clv_fail(im->err, CLV_EUNSUPPORTED, node->where,
                            "its output '%.200s' (number %zu) is not supported", proto->output[i],
                            i + 1);
    }
    drop_unread(node, info, used);
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
    return clv_graph_add_node(im->graph, &desc, im->err);
}

static clv_status add_node(clv_onnx_importer *im, const Clv__Onnx__NodeProto *proto,
                           const bool *used)
{
    clv_onnx_node node = {.name = clv_onnx_node_name(im, proto)};

    (void)snprintf(node.where, sizeof node.where, "node '%.100s' (%.40s)", node.name,
                   clv_onnx_text(proto->op_type));
    if (clv_onnx_find_op(&node.op, &node.is_sum, proto) != CLV_OK)
        return clv_fail(im->err, CLV_EUNSUPPORTED, node.where, "the operator is not supported");
    CLV_TRY(resolve_inputs(im, &node, proto));
    CLV_TRY(resolve_outputs(im, &node, proto, used));
    CLV_TRY(clv_onnx_read_attrs(im, &node, proto));
    CLV_TRY(clv_onnx_upgrade(im, &node));
    return clv_onnx_emit(im, &node);
}

/* Which values a node reads or the model gives out. */
static bool *find_used(clv_onnx_importer *im)
{
    const Clv__Onnx__GraphProto *graph = im->model->graph;
    bool *used = clv_arena_alloc(&im->scratch, (size_t)im->graph->n_values + 1, sizeof *used);
    if (used == NULL)
        return NULL;
    for (size_t i = 0; i < graph->n_node; i++) {
        for (size_t j = 0; j < graph->node[i]->n_input; j++) {
            uint32_t value = clv_graph_find_value(im->graph, graph->node[i]->input[j]);
            if (value != CLV_NO_VALUE)
                used[value] = true;
        }
    }
    for (uint32_t i = 0; i < im->graph->n_outputs; i++)
        used[im->graph->outputs[i]] = true;
    return used;
}

clv_status clv_onnx_add_nodes(clv_onnx_importer *im, const uint32_t *order)
{
    const Clv__Onnx__GraphProto *graph = im->model->graph;
    const bool *used = find_used(im);
    if (used == NULL)
        return clv_onnx_no_memory(im, "nodes");

    for (size_t i = 0; i < graph->n_node; i++) {
        const Clv__Onnx__NodeProto *node = graph->node[order[i]];
        if (!clv_onnx_is_constant_node(node))
            CLV_TRY(add_node(im, node, used));
    }
    return CLV_OK;
}
