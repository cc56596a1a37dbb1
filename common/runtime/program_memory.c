/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program_internal.h"

static uint64_t bytes_of(const clv_tensor *tensor)
{
    size_t bytes = 0;
    return clv_tensor_bytes(&bytes, tensor) == CLV_OK ? bytes : 0; /* checked at compilation */
}

/* Bytes of the constants that @p node is the first to read. */
static uint64_t new_weights(const clv_graph *graph, const clv_node *node, bool *seen)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        uint32_t value = node->inputs[i];
        if (value == CLV_NO_VALUE || seen[value] || !clv_value_is_constant(&graph->values[value]))
            continue;
        seen[value] = true;
        bytes += bytes_of(&graph->values[value].tensor);
    }
    return bytes;
}

/* For each step, where the memory ends of what it is the first to touch. */
static void find_arena_ends(uint64_t *ends, const clv_program *program)
{
    for (uint32_t i = 0; i < program->n_buffers; i++) {
        const clv_planned_buffer *b = &program->buffers[i];
        uint64_t end = (uint64_t)b->offset + b->bytes;
        if (b->first < program->graph->n_nodes && end > ends[b->first])
            ends[b->first] = end;
    }
}

clv_status clv_program_prefix_memory(uint64_t *bytes_out, const clv_program *program)
{
    const clv_graph *graph = program->graph;
    uint64_t weights = 0, arena = 0;
    uint64_t *ends = clv_calloc((size_t)graph->n_nodes + 1, sizeof *ends);
    bool *seen = clv_calloc((size_t)graph->n_values + 1, sizeof *seen);
    clv_status status = ends != NULL && seen != NULL ? CLV_OK : CLV_ENOMEM;

    if (status == CLV_OK) {
        find_arena_ends(ends, program);
        bytes_out[0] = 0;
        for (uint32_t k = 0; k < program->to; k++) {
            weights += new_weights(graph, &graph->nodes[k], seen);
            arena = ends[k] > arena ? ends[k] : arena;
            bytes_out[k + 1] = weights + arena + program->memory.scratch_bytes;
        }
    }
    clv_free(ends);
    clv_free(seen);
    return status;
}
