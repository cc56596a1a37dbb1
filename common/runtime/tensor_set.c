/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/tensor_set.h"

#include "base/error.h"
#include "base/memory.h"

static clv_status make_room(clv_tensor_set *set, uint32_t count)
{
    if (count <= set->room)
        return CLV_OK;
    clv_tensor *tensors = clv_realloc_array(set->tensors, count, sizeof *tensors);
    if (tensors == NULL)
        return CLV_ENOMEM;
    set->tensors = tensors;
    clv_planned *planned = clv_realloc_array(set->planned, count, sizeof *planned);
    if (planned == NULL)
        return CLV_ENOMEM;
    set->planned = planned;
    set->room = count;
    return CLV_OK;
}

/* What was there is not kept. */
static clv_status make_memory(clv_tensor_set *set, size_t bytes)
{
    if (bytes <= set->bytes && set->memory != NULL)
        return CLV_OK;
    uint8_t *memory = clv_alloc_aligned(bytes);
    if (memory == NULL)
        return CLV_ENOMEM;
    clv_free(set->memory);
    set->memory = memory;
    set->bytes = bytes;
    return CLV_OK;
}

static clv_status aligned_bytes(size_t *out, const clv_tensor *tensor)
{
    size_t bytes;
    CLV_TRY(clv_tensor_bytes(&bytes, tensor));
    return clv_align_up(out, bytes) ? CLV_OK : CLV_ELIMIT;
}

clv_status clv_tensor_set_fit(clv_tensor_set *set, const clv_graph *graph, const uint32_t *values,
                              uint32_t count)
{
    size_t total = 0;

    set->count = 0;
    CLV_TRY(make_room(set, count));
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes;
        CLV_TRY(aligned_bytes(&bytes, &graph->values[values[i]].tensor));
        if (__builtin_add_overflow(total, bytes, &total))
            return CLV_ELIMIT;
    }
    CLV_TRY(make_memory(set, total));
    uint8_t *at = set->memory;
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes;
        CLV_TRY(aligned_bytes(&bytes, &graph->values[values[i]].tensor));
        set->tensors[i] = graph->values[values[i]].tensor;
        set->tensors[i].data = at;
        set->planned[i] = (clv_planned){set->tensors[i].shape, graph->values[values[i]].bounded};
        at += bytes;
    }
    set->count = count;
    return CLV_OK;
}

void clv_tensor_set_done(clv_tensor_set *set)
{
    clv_free(set->memory);
    clv_free(set->tensors);
    clv_free(set->planned);
    *set = (clv_tensor_set){0};
}
