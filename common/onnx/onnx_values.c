/* SPDX-License-Identifier: Apache-2.0 */
/* Every name in the model becomes a value of the graph before the first node is added, so that
 * the names that the importer makes up can't be those of the model. */
#include <stdio.h>
#include <string.h>

#include "onnx/onnx_internal.h"

clv_status clv_onnx_add_value(uint32_t *out, clv_onnx_importer *im, const char *name,
                              const char *where)
{
    if (name[0] == '\0')
        return clv_fail(im->err, CLV_EFORMAT, where, "it has no name");
    clv_status status = clv_graph_add_value(out, im->graph, name);
    if (status == CLV_EFORMAT)
        return clv_fail(im->err, status, where, "the name '%.200s' is taken", name);
    if (status == CLV_ELIMIT)
        return clv_fail(im->err, status, where, "more than %u values", CLV_GRAPH_MAX_VALUES);
    return status == CLV_OK ? CLV_OK : clv_onnx_no_memory(im, where);
}

static clv_status add_initializer(clv_onnx_importer *im, Clv__Onnx__TensorProto *proto)
{
    char where[160];
    uint32_t value;

    (void)snprintf(where, sizeof where, "initializer '%.140s'", clv_onnx_text(proto->name));
    CLV_TRY(clv_onnx_declare(&value, im, clv_onnx_text(proto->name), where));
    return clv_onnx_set_constant(im, value, proto, where);
}

clv_status clv_onnx_declare_outputs(clv_onnx_importer *im, Clv__Onnx__NodeProto *node)
{
    char where[160];

    (void)snprintf(where, sizeof where, "node '%.140s'", clv_onnx_node_name(im, node));
    for (size_t i = 0; i < node->n_output; i++) {
        uint32_t value;
        if (node->output[i][0] == '\0')
            continue;
        CLV_TRY(clv_onnx_declare(&value, im, node->output[i], where));
        if (clv_onnx_is_constant_node(node))
            CLV_TRY(clv_onnx_set_constant_node(im, value, node, where));
    }
    return CLV_OK;
}

/* Remember what the model says of the types of values that nodes make. */
static void note_hints(clv_onnx_importer *im, Clv__Onnx__ValueInfoProto *const *infos, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t value = clv_graph_find_value(im->graph, clv_onnx_text(infos[i]->name));
        if (value != CLV_NO_VALUE && infos[i]->type != NULL)
            im->hints[value] = infos[i]->type->tensor_type;
    }
}

clv_status clv_onnx_add_values(clv_onnx_importer *im)
{
    const Clv__Onnx__GraphProto *proto = im->model->graph;

    for (size_t i = 0; i < proto->n_initializer; i++)
        CLV_TRY(add_initializer(im, proto->initializer[i]));
    CLV_TRY(clv_onnx_add_inputs(im));
    for (size_t i = 0; i < proto->n_node; i++)
        CLV_TRY(clv_onnx_declare_outputs(im, proto->node[im->main->order[i]]));

    im->hints = clv_arena_alloc(&im->scratch, im->graph->n_values, sizeof(void *));
    if (im->hints == NULL)
        return clv_onnx_no_memory(im, "types of values");
    im->n_hints = im->graph->n_values;
    note_hints(im, proto->value_info, proto->n_value_info);
    note_hints(im, proto->input, proto->n_input);
    note_hints(im, proto->output, proto->n_output);
    return CLV_OK;
}

clv_status clv_onnx_add_outputs(clv_onnx_importer *im)
{
    const Clv__Onnx__GraphProto *proto = im->model->graph;
    uint8_t *taken = clv_arena_alloc(&im->scratch, im->graph->n_values, 1);
    if (taken == NULL)
        return clv_onnx_no_memory(im, "outputs");

    for (size_t i = 0; i < proto->n_output; i++) {
        const char *name = clv_onnx_text(proto->output[i]->name);
        uint32_t value = clv_graph_find_value(im->graph, name);
        char where[160];
        (void)snprintf(where, sizeof where, "output '%.140s'", name);
        if (value == CLV_NO_VALUE)
            return clv_fail(im->err, CLV_EFORMAT, where, "nothing in the model makes it");
        if (taken[value]++ != 0)
            return clv_fail(im->err, CLV_EFORMAT, where, "it is listed twice");
        if (clv_graph_add_output(im->graph, value) != CLV_OK)
            return clv_onnx_no_memory(im, where);
    }
    return CLV_OK;
}
