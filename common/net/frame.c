/* SPDX-License-Identifier: Apache-2.0 */
#include "net/frame.h"

#include <assert.h>

#include "base/memory.h"

/* What a pool keeps for later; the rest is freed, so that one burst doesn't stay resident. */
#define MAX_IDLE_FRAMES 64u
#define MAX_IDLE_BYTES ((size_t)32 << 20)

/* A frame that so many others were taken before goes: the messages of now don't need it. */
#define MAX_IDLE_TAKES 64u
/* Small messages go into any frame of this size; larger ones waste at most three quarters. */
#define SMALL_BYTES ((size_t)16 << 10)

static void frame_free(clv_frame *frame)
{
    clv_block_done(&frame->memory);
    clv_free(frame);
}

static void free_all(clv_frame *frame)
{
    while (frame != NULL) {
        clv_frame *next = frame->next;
        frame_free(frame);
        frame = next;
    }
}

static bool is_too_large(const clv_frame *frame, size_t bytes)
{
    return frame->memory.bytes > SMALL_BYTES && frame->memory.bytes / 4 > bytes;
}

/* Of two frames for @p bytes the better one: the smallest that has the room, or else the largest.
 */
static bool is_better(const clv_frame *a, const clv_frame *b, size_t bytes)
{
    size_t has = a->memory.bytes, other = b->memory.bytes;

    if (has >= bytes)
        return other < bytes || has < other;
    return other < bytes && has > other;
}

/* With the lock held: where the frame to take hangs. NULL: there is none. */
static clv_frame **find_idle(clv_frame_pool *pool, size_t bytes)
{
    clv_frame **best = NULL;

    for (clv_frame **at = &pool->idle; *at != NULL; at = &(*at)->next) {
        if (!is_too_large(*at, bytes) && (best == NULL || is_better(*at, *best, bytes)))
            best = at;
    }
    return best;
}

static clv_frame *take_idle(clv_frame_pool *pool, size_t bytes)
{
    clv_frame *frame = NULL;

    (void)pthread_mutex_lock(&pool->lock);
    pool->n_taken++;
    clv_frame **at = find_idle(pool, bytes);
    if (at != NULL) {
        frame = *at;
        *at = frame->next;
        pool->n_idle--;
        pool->idle_bytes -= frame->memory.bytes;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return frame;
}

/* With the lock held: take out what nobody has needed for long. They lie at the end. */
static clv_frame *take_stale(clv_frame_pool *pool)
{
    clv_frame **at = &pool->idle;

    while (*at != NULL && pool->n_taken - (*at)->idle_since <= MAX_IDLE_TAKES)
        at = &(*at)->next;
    clv_frame *stale = *at;
    *at = NULL;
    for (const clv_frame *frame = stale; frame != NULL; frame = frame->next) {
        pool->n_idle--;
        pool->idle_bytes -= frame->memory.bytes;
    }
    return stale;
}

static clv_frame *frame_create(clv_frame_pool *pool)
{
    clv_frame *frame = clv_calloc(1, sizeof *frame);
    if (frame != NULL)
        frame->pool = pool;
    return frame;
}

clv_frame *clv_frame_take(clv_frame_pool *pool, size_t header_room, size_t payload_room)
{
    size_t front = CLV_WIRE_PROLOGUE_BYTES + header_room;
    if (payload_room > CLV_WIRE_MAX_MESSAGE_BYTES - front)
        return NULL;
    clv_frame *frame = take_idle(pool, front + payload_room);
    if (frame == NULL)
        frame = frame_create(pool);
    if (frame == NULL)
        return NULL;
    if (front + payload_room > frame->memory.bytes &&
        clv_block_replace(&frame->memory, front + payload_room) != CLV_OK) {
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
    bool keep =
        pool->n_idle < MAX_IDLE_FRAMES && frame->memory.bytes <= MAX_IDLE_BYTES - pool->idle_bytes;
    if (keep) {
        frame->idle_since = pool->n_taken;
        frame->next = pool->idle;
        pool->idle = frame;
        pool->n_idle++;
        pool->idle_bytes += frame->memory.bytes;
    }
    clv_frame *stale = take_stale(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    if (!keep)
        frame_free(frame);
    free_all(stale);
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
    free_all(pool->idle);
    pool->idle = NULL;
    pool->n_idle = 0;
    pool->idle_bytes = 0;
}
