/* SPDX-License-Identifier: Apache-2.0 */
/* What a name means where, and the entering of a block: its nodes become nodes of the graph. */
#include <stdio.h>
#include <string.h>

#include "graph/name_table.h"
#include "onnx/onnx_internal.h"

/* In a table of names: an input that the call leaves out. */
#define ABSENT (UINT32_MAX - 1)

/* Names of values inside of blocks are copied each time: as much of them as people read. */
#define MAX_STEM 200u

bool clv_onnx_lookup(uint32_t *out, const clv_onnx_importer *im, const char *name)
{
    uint32_t value = UINT32_MAX;

    for (const clv_onnx_scope *s = im->scope; s != NULL && value == UINT32_MAX;
         s = s->block->function != NULL ? NULL : s->parent) {
        value = clv_name_table_find(s->names, name);
        if (value == UINT32_MAX && s->block->constants != NULL)
            value = clv_name_table_find(s->block->constants, name);
    }
    if (value == UINT32_MAX)
        return false;
    *out = value == ABSENT ? CLV_NO_VALUE : value;
    return true;
}

bool clv_onnx_is_read(const clv_onnx_importer *im, const char *name)
{
    return name[0] != '\0' && clv_name_table_find(im->scope->block->reads, name) != UINT32_MAX;
}

clv_status clv_onnx_charge(clv_onnx_importer *im, uint64_t effort, const char *where)
{
    if (effort > CLV_ONNX_MAX_EFFORT - im->effort)
        return clv_fail(im->err, CLV_ELIMIT, where,
                        "the model's loops, branches and calls come to too many nodes");
    im->effort += effort;
    return CLV_OK;
}

clv_status clv_onnx_fresh_value(uint32_t *out, clv_onnx_importer *im, const char *stem,
                                const char *where)
{
    char shown[MAX_STEM + 1];

    (void)snprintf(shown, sizeof shown, "%s", stem);
    const char *name = clv_graph_fresh_name(im->graph, shown);
    if (name == NULL)
        return clv_onnx_no_memory(im, where);
    return clv_onnx_add_value(out, im, name, where);
}

/* A value for @p name, which goes into @p table. The model's own names stay as they are. */
static clv_status declare_in(uint32_t *out, clv_onnx_importer *im, clv_name_table *table,
                             const char *name, const char *where)
{
    const clv_onnx_scope *scope = im->scope;
    bool taken = clv_name_table_find(scope->names, name) != UINT32_MAX ||
                 (scope->block->constants != NULL &&
                  clv_name_table_find(scope->block->constants, name) != UINT32_MAX);

    if (taken)
        return clv_fail(im->err, CLV_EFORMAT, where, "the name '%.200s' is taken", name);
    if (scope->parent == NULL || name[0] == '\0')
        CLV_TRY(clv_onnx_add_value(out, im, name, where));
    else
        CLV_TRY(clv_onnx_fresh_value(out, im, name, where));
    if (clv_name_table_add(table, name, *out) != CLV_OK)
        return clv_onnx_no_memory(im, where);
    return CLV_OK;
}

clv_status clv_onnx_declare(uint32_t *out, clv_onnx_importer *im, const char *name,
                            const char *where)
{
    return declare_in(out, im, im->scope->names, name, where);
}

/* --- entering --- */

static clv_status check_body(clv_onnx_importer *im, Clv__Onnx__ValueInfoProto *const *infos,
                             size_t n, const char *where)
{
    for (size_t i = 0; i < n; i++) {
        const Clv__Onnx__TypeProto *type = infos[i]->type;
        if (type != NULL &&
            (type->has_sequence_type || type->has_map_type || type->has_optional_type))
            return clv_fail(
                im->err, CLV_EUNSUPPORTED, where,
                "'%.200s' in its body is no tensor but a sequence, a map or an optional",
                clv_onnx_text(infos[i]->name));
    }
    return CLV_OK;
}

static bool is_shared_constant(const Clv__Onnx__NodeProto *node)
{
    return clv_onnx_is_constant_node(node) && node->n_output > 0 && node->n_attribute > 0 &&
           !clv_onnx_is_ref(node->attribute[0]);
}

/* Initializers and Constant nodes, once for all times that the block is entered. */
static clv_status make_constants(clv_onnx_importer *im, clv_onnx_block *block)
{
    char where[160];
    uint32_t value;

    if (clv_name_table_create(&block->constants) != CLV_OK)
        return clv_onnx_no_memory(im, "names");
    for (size_t i = 0; block->graph != NULL && i < block->graph->n_initializer; i++) {
        Clv__Onnx__TensorProto *proto = block->graph->initializer[i];
        const char *name = clv_onnx_text(proto->name);
        (void)snprintf(where, sizeof where, "initializer '%.140s'", name);
        CLV_TRY(declare_in(&value, im, block->constants, name, where));
        CLV_TRY(clv_onnx_set_constant(im, value, proto, where));
    }
    for (uint32_t i = 0; i < block->n_nodes; i++) {
        Clv__Onnx__NodeProto *node = block->nodes[i];
        if (!is_shared_constant(node))
            continue;
        (void)snprintf(where, sizeof where, "node '%.140s'", clv_onnx_node_name(im, node));
        CLV_TRY(declare_in(&value, im, block->constants, node->output[0], where));
        CLV_TRY(clv_onnx_set_constant_node(im, value, node, where));
    }
    return CLV_OK;
}

static clv_status bind_inputs(clv_onnx_importer *im, const clv_onnx_block *block,
                              const uint32_t *args, const char *where)
{
    for (uint32_t i = 0; i < block->n_inputs; i++) {
        const char *name = block->inputs[i];
        if (clv_name_table_find(im->scope->names, name) != UINT32_MAX)
            return clv_fail(im->err, CLV_EFORMAT, where, "two inputs of its body are '%.200s'",
                            name);
        uint32_t value = args[i] == CLV_NO_VALUE ? ABSENT : args[i];
        if (clv_name_table_add(im->scope->names, name, value) != CLV_OK)
            return clv_onnx_no_memory(im, where);
    }
    return CLV_OK;
}

static clv_status fill(uint32_t *outputs, clv_onnx_importer *im, clv_onnx_block *block,
                       const uint32_t *args, const char *where)
{
    if (block->order == NULL)
        CLV_TRY(clv_onnx_sort(im, block));
    CLV_TRY(bind_inputs(im, block, args, where));
    if (block->constants == NULL)
        CLV_TRY(make_constants(im, block));
    for (uint32_t i = 0; i < block->n_nodes; i++) {
        if (!is_shared_constant(block->nodes[i]))
            CLV_TRY(clv_onnx_declare_outputs(im, block->nodes[i]));
    }
    CLV_TRY(clv_onnx_add_nodes(im));
    for (uint32_t i = 0; i < block->n_outputs; i++) {
        if (!clv_onnx_lookup(&outputs[i], im, block->outputs[i]) || outputs[i] == CLV_NO_VALUE)
            return clv_fail(im->err, CLV_EFORMAT, where,
                            "its body gives out '%.200s', which nothing makes", block->outputs[i]);
    }
    return CLV_OK;
}

clv_status clv_onnx_enter(uint32_t *outputs, clv_onnx_importer *im, clv_onnx_block *block,
                          const uint32_t *args, const Clv__Onnx__NodeProto *call, const char *where)
{
    clv_onnx_scope scope = {
        .parent = im->scope, .block = block, .call = call, .depth = im->scope->depth + 1};

    if (scope.depth > CLV_ONNX_MAX_DEPTH)
        return clv_fail(im->err, CLV_ELIMIT, where, "calls and bodies lie more than %u deep",
                        CLV_ONNX_MAX_DEPTH);
    CLV_TRY(clv_onnx_charge(im, block->effort, where));
    CLV_TRY(clv_onnx_check_support(im, block));
    if (block->graph != NULL) {
        CLV_TRY(check_body(im, block->graph->input, block->graph->n_input, where));
        CLV_TRY(check_body(im, block->graph->output, block->graph->n_output, where));
    }
    if (block->names == NULL && clv_name_table_create(&block->names) != CLV_OK)
        return clv_onnx_no_memory(im, where);
    scope.names = block->names;
    im->scope = &scope;
    clv_status status = fill(outputs, im, block, args, where);
    im->scope = scope.parent;
    clv_name_table_clear(block->names);
    return status;
}

clv_status clv_onnx_bind(clv_onnx_importer *im, const char *name, uint32_t value, const char *where)
{
    uint32_t target;

    if (name[0] == '\0')
        return CLV_OK;
    if (!clv_onnx_lookup(&target, im, name))
        return clv_fail(im->err, CLV_EFORMAT, where, "its output '%.200s' has no value", name);
    if (clv_value_is_constant(&im->graph->values[value])) {
        clv_graph_set_constant(im->graph, target, &im->graph->values[value].tensor);
        return CLV_OK;
    }
    clv_onnx_node node = {.name = im->graph->values[target].name,
                          .op = CLV_OP_IDENTITY,
                          .n_inputs = 1,
                          .n_outputs = 1,
                          .inputs = &value,
                          .outputs = &target};
    return clv_onnx_emit(im, &node);
}
