/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX asks for nodes in topological order and not every writer obeys. */
#include <stdio.h>
#include <string.h>

#include "graph/name_table.h"
#include "onnx/onnx_internal.h"

enum { NEW, OPEN, DONE };

/* A node on the path that is being followed, and the next of the names that it reads. */
typedef struct frame {
    uint32_t node;
    size_t next_read;
} frame;

/* Depth first, each node behind what it reads, nodes in the order of the file: so a sorted file
 * stays as it is. The path is a stack of our own, since a model may be one chain of all its nodes.
 */
typedef struct sorter {
    clv_onnx_importer *im;
    Clv__Onnx__NodeProto **nodes;
    clv_name_table *producers; /* value name to node index */
    uint8_t *state;
    frame *path;
    uint32_t depth;
    uint32_t *order;
    uint32_t n_ordered;
} sorter;

static clv_status index_producers(sorter *s, uint32_t n_nodes)
{
    for (uint32_t i = 0; i < n_nodes; i++) {
        const Clv__Onnx__NodeProto *node = s->nodes[i];
        for (size_t j = 0; j < node->n_output; j++) {
            const char *name = node->output[j];
            if (name[0] == '\0')
                continue;
            if (clv_name_table_find(s->producers, name) != UINT32_MAX)
                return clv_fail(s->im->err, CLV_EFORMAT, clv_onnx_node_name(s->im, node),
                                "another node makes '%.200s', too", name);
            if (clv_name_table_add(s->producers, name, i) != CLV_OK)
                return clv_onnx_no_memory(s->im, "names");
        }
    }
    return CLV_OK;
}

/* The path from @p first on, which leads back to it, as "'a' <- 'b' <- 'a'". */
static clv_status report_cycle(const sorter *s, uint32_t first)
{
    char text[512];
    size_t used = 0;
    uint32_t i = s->depth - 1;

    while (s->path[i].node != first)
        i--;
    for (; i < s->depth && used + 2 * 128 < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "'%.100s' <- ",
                                 clv_onnx_node_name(s->im, s->nodes[s->path[i].node]));
    if (i < s->depth)
        used += (size_t)snprintf(text + used, sizeof text - used, "... <- ");
    (void)snprintf(text + used, sizeof text - used, "'%.100s'",
                   clv_onnx_node_name(s->im, s->nodes[first]));
    return clv_fail(s->im->err, CLV_EFORMAT, s->im->graph->name,
                    "the nodes form a cycle, each reading what the next one makes: %s", text);
}

static void enter(sorter *s, uint32_t node)
{
    s->state[node] = OPEN;
    s->path[s->depth++] = (frame){node, 0};
}

/* Put @p root and all that it depends on in order. */
static clv_status visit(sorter *s, uint32_t root)
{
    enter(s, root);
    while (s->depth > 0) {
        frame *top = &s->path[s->depth - 1];
        const Clv__Onnx__NodeProto *node = s->nodes[top->node];
        const char *read = clv_onnx_name_read(s->im, node, top->next_read++);
        if (read == NULL) {
            s->state[top->node] = DONE;
            s->order[s->n_ordered++] = top->node;
            s->depth--;
            continue;
        }
        uint32_t producer = clv_name_table_find(s->producers, read);
        if (producer == UINT32_MAX || s->state[producer] == DONE)
            continue;
        if (s->state[producer] == OPEN)
            return report_cycle(s, producer);
        enter(s, producer);
    }
    return CLV_OK;
}

clv_status clv_onnx_sort(clv_onnx_importer *im, clv_onnx_block *block)
{
    sorter s = {.im = im, .nodes = block->nodes};
    uint32_t n = block->n_nodes;

    s.state = clv_arena_alloc(&im->scratch, n, sizeof *s.state);
    s.path = clv_arena_alloc(&im->scratch, n, sizeof *s.path);
    s.order = clv_arena_alloc(&im->scratch, n, sizeof *s.order);
    if (s.state == NULL || s.path == NULL || s.order == NULL ||
        clv_name_table_create(&s.producers) != CLV_OK)
        return clv_onnx_no_memory(im, "the order of nodes");

    clv_status status = index_producers(&s, n);
    for (uint32_t i = 0; i < n && status == CLV_OK; i++) {
        if (s.state[i] == NEW)
            status = visit(&s, i);
    }
    clv_name_table_free(s.producers);
    if (status == CLV_OK)
        block->order = s.order;
    return status;
}
