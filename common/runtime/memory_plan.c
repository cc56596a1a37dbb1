/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/memory_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define MAX_ARENA_BYTES ((size_t)1 << 46)

/* Buffers that have their place, in order of offset. */
typedef struct placed_list {
    clv_planned_buffer **items;
    size_t count;
} placed_list;

static int larger_first(const void *a, const void *b)
{
    const clv_planned_buffer *x = *(clv_planned_buffer *const *)a;
    const clv_planned_buffer *y = *(clv_planned_buffer *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return (x > y) - (x < y); /* the same plan on every machine */
}

static bool lives_overlap(const clv_planned_buffer *a, const clv_planned_buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static void place(placed_list *placed, clv_planned_buffer *buffer, size_t padded)
{
    size_t offset = 0, at = 0;

    for (size_t i = 0; i < placed->count; i++) {
        const clv_planned_buffer *other = placed->items[i];
        if (!lives_overlap(buffer, other))
            continue;
        if (other->offset >= offset + padded)
            break; /* the gap before this one is wide enough */
        size_t end = 0;
        (void)clv_align_up(&end, other->offset + other->bytes);
        offset = end > offset ? end : offset;
    }
    buffer->offset = offset;
    while (at < placed->count && placed->items[at]->offset <= offset)
        at++;
    memmove(placed->items + at + 1, placed->items + at,
            (placed->count - at) * sizeof *placed->items);
    placed->items[at] = buffer;
    placed->count++;
}

clv_status clv_memory_plan(size_t *arena_bytes_out, clv_planned_buffer *buffers, size_t n_buffers)
{
    clv_status status = CLV_OK;
    size_t arena = 0, total = 0;
    clv_planned_buffer **order = clv_calloc(n_buffers, sizeof *order);
    placed_list placed = {clv_calloc(n_buffers, sizeof *placed.items), 0};
    if (order == NULL || placed.items == NULL) {
        status = CLV_ENOMEM;
        goto done;
    }
    for (size_t i = 0; i < n_buffers; i++)
        order[i] = &buffers[i];
    qsort(order, n_buffers, sizeof *order, larger_first);
    for (size_t i = 0; i < n_buffers; i++) {
        size_t padded;
        if (!clv_align_up(&padded, order[i]->bytes) || padded > MAX_ARENA_BYTES - total) {
            status = CLV_ELIMIT;
            goto done;
        }
        total += padded;
        place(&placed, order[i], padded);
        if (order[i]->offset + padded > arena)
            arena = order[i]->offset + padded;
    }
    *arena_bytes_out = arena;
done:
    clv_free(order);
    clv_free(placed.items);
    return status;
}
