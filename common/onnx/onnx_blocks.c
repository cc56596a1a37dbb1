/* SPDX-License-Identifier: Apache-2.0 */
/* The graphs and functions of a file, and what each of them reads from outside. Looked at once,
 * before the first node is added, however often a block is entered later. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/name_table.h"
#include "onnx/onnx_internal.h"

/* More than any operator has; keeps searches through them short. */
#define MAX_ATTRS 64u

/* A block's names while it is looked at. */
typedef struct reader {
    clv_onnx_importer *im;
    clv_onnx_block *block;
    clv_name_table *defined;
    uint32_t cap_captures;
} reader;

static clv_status no_memory(const reader *r)
{
    return clv_onnx_no_memory(r->im, "names");
}

static clv_status define(reader *r, const char *name)
{
    if (clv_name_table_find(r->defined, name) != UINT32_MAX)
        return CLV_OK; /* whether it may be there twice is decided when it is entered */
    return clv_name_table_add(r->defined, name, 0) == CLV_OK ? CLV_OK : no_memory(r);
}

static clv_status add_capture(reader *r, const char *name)
{
    clv_onnx_block *block = r->block;

    if (block->n_captures == r->cap_captures) {
        uint32_t cap = r->cap_captures ? r->cap_captures * 2 : 8;
        const char **grown = clv_arena_alloc(&r->im->scratch, cap, sizeof *grown);
        if (grown == NULL)
            return no_memory(r);
        if (block->n_captures > 0)
            memcpy(grown, block->captures, block->n_captures * sizeof *grown);
        block->captures = grown;
        r->cap_captures = cap;
    }
    block->captures[block->n_captures++] = name;
    return CLV_OK;
}

static clv_status note_read(reader *r, const char *name)
{
    clv_onnx_block *block = r->block;

    if (name[0] == '\0' || clv_name_table_find(block->reads, name) != UINT32_MAX)
        return CLV_OK;
    if (clv_name_table_add(block->reads, name, 0) != CLV_OK)
        return no_memory(r);
    if (block->function != NULL || clv_name_table_find(r->defined, name) != UINT32_MAX)
        return CLV_OK;
    return add_capture(r, name);
}

static clv_status define_all(reader *r)
{
    const clv_onnx_block *block = r->block;

    for (uint32_t i = 0; i < block->n_inputs; i++)
        CLV_TRY(define(r, block->inputs[i]));
    for (size_t i = 0; block->graph != NULL && i < block->graph->n_initializer; i++)
        CLV_TRY(define(r, clv_onnx_text(block->graph->initializer[i]->name)));
    for (uint32_t i = 0; i < block->n_nodes; i++) {
        for (size_t j = 0; j < block->nodes[i]->n_output; j++)
            CLV_TRY(define(r, block->nodes[i]->output[j]));
    }
    return CLV_OK;
}

static clv_status collect_graph(clv_onnx_block **out, clv_onnx_importer *im,
                                Clv__Onnx__GraphProto *graph, unsigned nesting);
static clv_status collect_function(clv_onnx_importer *im, uint32_t index);

/* A node's names, those that its bodies read from here, and the function that it calls. */
static clv_status read_node(reader *r, const Clv__Onnx__NodeProto *node, unsigned nesting)
{
    clv_onnx_importer *im = r->im;

    if (node->n_attribute > MAX_ATTRS)
        return clv_fail(im->err, CLV_ELIMIT, clv_onnx_node_name(im, node),
                        "%zu attributes; at most %u are accepted", node->n_attribute, MAX_ATTRS);
    im->has_control_flow |= clv_onnx_control_of(node) != CLV_ONNX_NO_CONTROL;
    for (size_t i = 0; i < node->n_input; i++)
        CLV_TRY(note_read(r, node->input[i]));
    for (size_t i = 0; i < node->n_attribute; i++) {
        clv_onnx_block *body;
        if (node->attribute[i]->g == NULL)
            continue;
        CLV_TRY(collect_graph(&body, im, node->attribute[i]->g, nesting + 1));
        for (uint32_t j = 0; j < body->n_captures; j++)
            CLV_TRY(note_read(r, body->captures[j]));
    }
    uint32_t function = clv_onnx_find_function(im, node);
    return function != UINT32_MAX ? collect_function(im, function) : CLV_OK;
}

/* A run of text or data counts for a sixteenth of its bytes. */
static uint64_t effort_of_node(const Clv__Onnx__NodeProto *node)
{
    size_t bytes = strlen(clv_onnx_text(node->name)) + strlen(clv_onnx_text(node->op_type));

    for (size_t i = 0; i < node->n_output; i++)
        bytes += strlen(node->output[i]);
    /* Constants are made once and shared; those that a call gives count when they are made. */
    for (size_t i = 0; i < node->n_attribute && !clv_onnx_is_constant_node(node); i++)
        bytes += clv_onnx_attr_bytes(node->attribute[i]);
    return 2 + node->n_input + node->n_output + node->n_attribute + bytes / 16;
}

static clv_status read_nodes(reader *r, unsigned nesting)
{
    clv_onnx_block *block = r->block;

    CLV_TRY(define_all(r));
    block->effort = UINT64_C(1) + block->n_inputs + block->n_outputs;
    for (uint32_t i = 0; i < block->n_nodes; i++) {
        CLV_TRY(read_node(r, block->nodes[i], nesting));
        block->effort += effort_of_node(block->nodes[i]);
    }
    for (uint32_t i = 0; i < block->n_outputs; i++)
        CLV_TRY(note_read(r, block->outputs[i]));
    return CLV_OK;
}

static clv_status read_block(clv_onnx_importer *im, clv_onnx_block *block, unsigned nesting)
{
    reader r = {.im = im, .block = block};

    if (clv_name_table_create(&block->reads) != CLV_OK ||
        clv_name_table_create(&r.defined) != CLV_OK)
        return no_memory(&r);
    clv_status status = read_nodes(&r, nesting);
    clv_name_table_free(r.defined);
    return status;
}

/* A block of @p n_nodes, entered into the list. */
static clv_status new_block(clv_onnx_block **out, clv_onnx_importer *im, size_t n_nodes,
                            size_t n_inputs, size_t n_outputs)
{
    if (im->n_blocks == CLV_ONNX_MAX_BLOCKS)
        return clv_fail(im->err, CLV_ELIMIT, "", "more than %u graphs and functions",
                        CLV_ONNX_MAX_BLOCKS);
    if (n_nodes > CLV_GRAPH_MAX_NODES - im->n_file_nodes)
        return clv_fail(im->err, CLV_ELIMIT, "", "more than %u nodes with those of all bodies",
                        CLV_GRAPH_MAX_NODES);
    clv_onnx_block *block = clv_arena_alloc(&im->scratch, 1, sizeof *block);
    if (block == NULL)
        return clv_onnx_no_memory(im, "nodes");
    im->blocks[im->n_blocks++] = block;
    im->n_file_nodes += (uint32_t)n_nodes;
    block->n_nodes = (uint32_t)n_nodes;
    block->inputs = clv_arena_alloc(&im->scratch, n_inputs, sizeof *block->inputs);
    block->outputs = clv_arena_alloc(&im->scratch, n_outputs, sizeof *block->outputs);
    if (block->inputs == NULL || block->outputs == NULL)
        return clv_onnx_no_memory(im, "names");
    *out = block;
    return CLV_OK;
}

/* IR version 3 lists initializers among the inputs. */
static clv_status list_inputs(clv_onnx_importer *im, clv_onnx_block *block)
{
    const Clv__Onnx__GraphProto *graph = block->graph;
    clv_name_table *initializers;
    clv_status status = CLV_OK;

    if (clv_name_table_create(&initializers) != CLV_OK)
        return clv_onnx_no_memory(im, "names");
    for (size_t i = 0; i < graph->n_initializer && status == CLV_OK; i++) {
        const char *name = clv_onnx_text(graph->initializer[i]->name);
        if (clv_name_table_find(initializers, name) == UINT32_MAX)
            status = clv_name_table_add(initializers, name, 0);
    }
    for (size_t i = 0; i < graph->n_input; i++) {
        const char *name = clv_onnx_text(graph->input[i]->name);
        if (clv_name_table_find(initializers, name) == UINT32_MAX)
            block->inputs[block->n_inputs++] = name;
    }
    clv_name_table_free(initializers);
    return status == CLV_OK ? CLV_OK : clv_onnx_no_memory(im, "names");
}

static clv_status collect_graph(clv_onnx_block **out, clv_onnx_importer *im,
                                Clv__Onnx__GraphProto *graph, unsigned nesting)
{
    clv_onnx_block *block;

    if (nesting > CLV_ONNX_MAX_NESTING)
        return clv_fail(im->err, CLV_ELIMIT, clv_onnx_text(graph->name),
                        "bodies lie more than %u deep in one another", CLV_ONNX_MAX_NESTING);
    CLV_TRY(new_block(&block, im, graph->n_node, graph->n_input, graph->n_output));
    block->graph = graph;
    block->nodes = graph->node;
    CLV_TRY(list_inputs(im, block));
    for (size_t i = 0; i < graph->n_output; i++)
        block->outputs[block->n_outputs++] = clv_onnx_text(graph->output[i]->name);
    CLV_TRY(read_block(im, block, nesting));
    *out = block;
    return CLV_OK;
}

/* Its nodes are read later: a chain of calls must not become one of ours. */
static clv_status collect_function(clv_onnx_importer *im, uint32_t index)
{
    Clv__Onnx__FunctionProto *function = im->model->functions[index];
    clv_onnx_block *block;

    if (im->function_blocks[index] != NULL)
        return CLV_OK;
    CLV_TRY(new_block(&block, im, function->n_node, function->n_input, function->n_output));
    block->function = function;
    block->nodes = function->node;
    for (size_t i = 0; i < function->n_input; i++)
        block->inputs[block->n_inputs++] = function->input[i];
    for (size_t i = 0; i < function->n_output; i++)
        block->outputs[block->n_outputs++] = function->output[i];
    im->function_blocks[index] = block;
    return CLV_OK;
}

static uintptr_t key_of(const clv_onnx_block *block)
{
    return block->graph != NULL ? (uintptr_t)block->graph : (uintptr_t)block->function;
}

static int compare_blocks(const void *a, const void *b)
{
    uintptr_t x = key_of(*(clv_onnx_block *const *)a), y = key_of(*(clv_onnx_block *const *)b);
    return (x > y) - (x < y);
}

clv_onnx_block *clv_onnx_find_block(const clv_onnx_importer *im, const Clv__Onnx__GraphProto *graph)
{
    const clv_onnx_block wanted = {.graph = graph}, *key = &wanted;
    clv_onnx_block **found =
        bsearch(&key, im->blocks, im->n_blocks, sizeof(clv_onnx_block *), compare_blocks);
    return found ? *found : NULL;
}

clv_status clv_onnx_collect(clv_onnx_importer *im)
{
    im->blocks = clv_arena_alloc(&im->scratch, CLV_ONNX_MAX_BLOCKS, sizeof(clv_onnx_block *));
    if (im->blocks == NULL)
        return clv_onnx_no_memory(im, "the list of graphs");
    CLV_TRY(clv_onnx_index_functions(im));
    CLV_TRY(collect_graph(&im->main, im, im->model->graph, 0));
    for (uint32_t i = 0; i < im->n_blocks; i++) { /* grows as calls are met */
        if (im->blocks[i]->function != NULL)
            CLV_TRY(read_block(im, im->blocks[i], 0));
    }
    qsort(im->blocks, im->n_blocks, sizeof(clv_onnx_block *), compare_blocks);
    return CLV_OK;
}

void clv_onnx_free_tables(clv_onnx_importer *im)
{
    for (uint32_t i = 0; i < im->n_blocks; i++) {
        clv_name_table_free(im->blocks[i]->reads);
        clv_name_table_free(im->blocks[i]->constants);
        clv_name_table_free(im->blocks[i]->names);
    }
    clv_name_table_free(im->functions);
}

const char *clv_onnx_name_read(const clv_onnx_importer *im, const Clv__Onnx__NodeProto *node,
                               size_t i)
{
    if (i < node->n_input)
        return node->input[i];
    i -= node->n_input;
    for (size_t a = 0; a < node->n_attribute; a++) {
        if (node->attribute[a]->g == NULL)
            continue;
        const clv_onnx_block *body = clv_onnx_find_block(im, node->attribute[a]->g);
        if (i < body->n_captures)
            return body->captures[i];
        i -= body->n_captures;
    }
    return NULL;
}
