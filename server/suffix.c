/* SPDX-License-Identifier: Apache-2.0 */
#include "server/suffix.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "codec/activation.h"

struct clv_suffix {
    clv_buffer memory; /* the data of `tensors`, each aligned for any element type */
    clv_tensor tensors[CLV_ACTIVATION_MAX_TENSORS];
};

#define ELEMENT_ALIGN 16u

clv_status clv_suffix_create(clv_suffix **out)
{
    clv_suffix *suffix = clv_calloc(1, sizeof *suffix);
    if (suffix == NULL)
        return CLV_ENOMEM;
    clv_buffer_init(&suffix->memory, SIZE_MAX / 2);
    *out = suffix;
    return CLV_OK;
}

void clv_suffix_free(clv_suffix *suffix)
{
    if (suffix == NULL)
        return;
    clv_buffer_done(&suffix->memory);
    clv_free(suffix);
}

static size_t padded(size_t bytes)
{
    return (bytes + (ELEMENT_ALIGN - 1)) & ~(size_t)(ELEMENT_ALIGN - 1);
}

/* Let suffix->tensors be @p values, without data. @param[out] bytes_out  Of all of them, padded. */
static clv_status describe(size_t *bytes_out, clv_suffix *suffix, const clv_graph *graph,
                           const uint32_t *values, uint32_t count)
{
    size_t total = 0;

    if (count > CLV_ACTIVATION_MAX_TENSORS)
        return CLV_ELIMIT;
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes;
        suffix->tensors[i] = graph->values[values[i]].tensor;
        suffix->tensors[i].data = NULL;
        CLV_TRY(clv_tensor_bytes(&bytes, &suffix->tensors[i]));
        total += padded(bytes);
    }
    *bytes_out = total;
    return CLV_OK;
}

/* And now with memory. */
static clv_status describe_with_memory(clv_suffix *suffix, const clv_graph *graph,
                                       const uint32_t *values, uint32_t count)
{
    size_t total;
    CLV_TRY(describe(&total, suffix, graph, values, count));
    CLV_TRY(clv_buffer_resize(&suffix->memory, total));
    uint8_t *next = suffix->memory.data;
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes;
        CLV_TRY(clv_tensor_bytes(&bytes, &suffix->tensors[i]));
        suffix->tensors[i].data = next;
        next += padded(bytes);
    }
    return CLV_OK;
}

clv_status clv_suffix_load(clv_suffix *suffix, clv_exec *exec, const clv_program *program,
                           uint32_t cut, const uint8_t *payload, size_t bytes, clv_error *err)
{
    const clv_graph *graph = clv_program_graph(program);
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(program), cut);

    clv_status status = describe_with_memory(suffix, graph, frontier.values, frontier.count);
    if (status != CLV_OK)
        return clv_fail(err, status, NULL, "no room for the %u tensors of cut %u", frontier.count,
                        cut);
    CLV_TRY(clv_activation_decode(suffix->tensors, frontier.count, payload, bytes, err));
    for (uint32_t i = 0; i < frontier.count; i++)
        clv_exec_load(exec, frontier.values[i], suffix->tensors[i].data);
    return CLV_OK;
}

clv_status clv_suffix_bound(size_t *out, clv_suffix *suffix, const clv_program *program)
{
    const clv_graph *graph = clv_program_graph(program);
    size_t total;
    CLV_TRY(describe(&total, suffix, graph, graph->outputs, graph->n_outputs));
    return clv_activation_bound(out, suffix->tensors, graph->n_outputs);
}

clv_status clv_suffix_store(size_t *bytes_out, clv_suffix *suffix, const clv_exec *exec,
                            const clv_program *program, uint8_t *dst, size_t cap)
{
    const clv_graph *graph = clv_program_graph(program);
    CLV_TRY(describe_with_memory(suffix, graph, graph->outputs, graph->n_outputs));
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        clv_exec_store(exec, graph->outputs[i], suffix->tensors[i].data);
    return clv_activation_encode(bytes_out, CLV_CODEC_FLOAT, suffix->tensors, graph->n_outputs, dst,
                                 cap);
}
