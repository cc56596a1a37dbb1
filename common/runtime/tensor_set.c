/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/tensor_set.h"

#include "base/error.h"
#include "base/memory.h"

/* So many fits are looked at together. */
#define FITS 64u

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

/* After some fits: most of the memory is for what none of them was. Without memory for less, it
 * stays. */
static void trim(clv_tensor_set *set)
{
    if (++set->n_fits < FITS)
        return;
    if (set->most < set->memory.bytes / 2)
        (void)!clv_block_replace(&set->memory, set->most);
    set->n_fits = 0;
    set->most = 0;
}

/* What was there is not kept. */
static clv_status make_memory(clv_tensor_set *set, size_t bytes)
{
    set->most = bytes > set->most ? bytes : set->most;
    if (bytes > set->memory.bytes || set->memory.data == NULL)
        CLV_TRY(clv_block_replace(&set->memory, bytes));
    trim(set);
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
    uint8_t *at = set->memory.data;
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
    clv_block_done(&set->memory);
    clv_free(set->tensors);
    clv_free(set->planned);
    *set = (clv_tensor_set){0};
}
