/* SPDX-License-Identifier: Apache-2.0 */
#include "net/frame.h"

#include <assert.h>

#include "base/memory.h"

/* What a pool keeps for later; the rest is freed, so that one burst doesn't stay resident. */
#define MAX_IDLE_FRAMES 64u
#define MAX_IDLE_BYTES ((size_t)32 << 20)

static void frame_free(clv_frame *frame)
{
    clv_buffer_done(&frame->memory);
    clv_free(frame);
}

static clv_frame *take_idle(clv_frame_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    clv_frame *frame = pool->idle;
    if (frame != NULL) {
        pool->idle = frame->next;
        pool->n_idle--;
        pool->idle_bytes -= frame->memory.allocated;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return frame;
}

static clv_frame *frame_create(clv_frame_pool *pool)
{
    clv_frame *frame = clv_calloc(1, sizeof *frame);
    if (frame != NULL) {
        clv_buffer_init(&frame->memory, CLV_WIRE_MAX_MESSAGE_BYTES);
        frame->pool = pool;
    }
    return frame;
}

clv_frame *clv_frame_take(clv_frame_pool *pool, size_t header_room, size_t payload_room)
{
    size_t front = CLV_WIRE_PROLOGUE_BYTES + header_room;
    if (payload_room > CLV_WIRE_MAX_MESSAGE_BYTES - front)
        return NULL;
    clv_frame *frame = take_idle(pool);
    if (frame == NULL)
        frame = frame_create(pool);
    if (frame == NULL)
        return NULL;
    if (clv_buffer_reserve(&frame->memory, front + payload_room) != CLV_OK) {
        clv_frame_give_back(frame);
        return NULL;
    }
    frame->next = NULL;
    frame->payload_at = front;
    frame->payload_room = payload_room;
    frame->start = frame->bytes = 0;
    return frame;
}

void clv_frame_give_back(clv_frame *frame)
{
    if (frame == NULL)
        return;
    clv_frame_pool *pool = frame->pool;
    (void)pthread_mutex_lock(&pool->lock);
    bool keep = pool->n_idle < MAX_IDLE_FRAMES &&
                frame->memory.allocated <= MAX_IDLE_BYTES - pool->idle_bytes;
    if (keep) {
        frame->next = pool->idle;
        pool->idle = frame;
        pool->n_idle++;
        pool->idle_bytes += frame->memory.allocated;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (!keep)
        frame_free(frame);
}

uint8_t *clv_frame_payload(const clv_frame *frame)
{
    return frame->memory.data + frame->payload_at;
}

void clv_frame_seal(clv_frame *frame, const clv_wire_header *header, size_t payload_bytes)
{
    size_t header_bytes = clv_wire_packed_bytes(header);
    assert(CLV_WIRE_PROLOGUE_BYTES + header_bytes <= frame->payload_at);
    assert(payload_bytes <= frame->payload_room);

    clv_wire_prologue prologue = {header->type, (uint32_t)header_bytes, (uint32_t)payload_bytes};
    frame->start = frame->payload_at - header_bytes - CLV_WIRE_PROLOGUE_BYTES;
    frame->bytes = CLV_WIRE_PROLOGUE_BYTES + header_bytes + payload_bytes;
    uint8_t *start = frame->memory.data + frame->start;
    clv_wire_write_prologue(start, &prologue);
    (void)clv_wire_pack(start + CLV_WIRE_PROLOGUE_BYTES, header);
}

void clv_frame_resize(clv_frame *frame, size_t payload_bytes)
{
    assert(payload_bytes <= frame->payload_room);
    frame->bytes = frame->payload_at - frame->start + payload_bytes;
    clv_wire_resize_payload(frame->memory.data + frame->start, (uint32_t)payload_bytes);
}

const uint8_t *clv_frame_data(const clv_frame *frame)
{
    return frame->memory.data + frame->start;
}

clv_frame *clv_frame_of(clv_frame_pool *pool, const clv_wire_header *header)
{
    clv_frame *frame = clv_frame_take(pool, clv_wire_packed_bytes(header), 0);
    if (frame != NULL)
        clv_frame_seal(frame, header, 0);
    return frame;
}

void clv_frame_pool_done(clv_frame_pool *pool)
{
    while (pool->idle != NULL) {
        clv_frame *next = pool->idle->next;
        frame_free(pool->idle);
        pool->idle = next;
    }
    pool->n_idle = 0;
    pool->idle_bytes = 0;
}
