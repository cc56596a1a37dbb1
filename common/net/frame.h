/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_FRAME_H
#define CLV_FRAME_H

/** @file frame.h: whole messages in memory that is used again: a pool that stops allocating after
 *  warm-up, and gives memory back that the last messages didn't need. The payload is written
 *  first, straight into the message; the header goes in front of it when it is known. A pool is
 *  thread-safe; a frame has one owner. */

#include <pthread.h>

#include "base/memory.h"
#include "net/wire_header.h"

typedef struct clv_frame_pool {
    pthread_mutex_t lock;
    struct clv_frame *idle; /* the last that was given back first */
    unsigned n_idle;
    uint64_t n_taken;
    size_t idle_bytes;
} clv_frame_pool;

#define CLV_FRAME_POOL_INIT                                                                        \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, NULL, 0, 0, 0                                                   \
    }

typedef struct clv_frame {
    struct clv_frame *next; /**< whoever owns it may queue it */
    clv_frame_pool *pool;
    clv_block memory;
    uint64_t idle_since; /**< the pool's n_taken when it was given back */
    size_t payload_at;   /**< where the payload begins in the memory */
    size_t payload_room; /**< bytes that fit there */
    size_t start, bytes; /**< the sealed message */
} clv_frame;

/** A frame with room for a header of @p header_room and a payload of @p payload_room bytes.
 *  @return NULL when out of memory or over CLV_WIRE_MAX_MESSAGE_BYTES. */
clv_frame *clv_frame_take(clv_frame_pool *pool, size_t header_room, size_t payload_room);

/** Back to its pool. NULL is a no-op. */
void clv_frame_give_back(clv_frame *frame);

uint8_t *clv_frame_payload(const clv_frame *frame);

/** Put prologue and header in front of the payload, of which the first @p payload_bytes are used.
 *  The header fits into the room that was asked for. */
void clv_frame_seal(clv_frame *frame, const clv_wire_header *header, size_t payload_bytes);

/** Change how much of the payload a sealed message has. */
void clv_frame_resize(clv_frame *frame, size_t payload_bytes);

/** The sealed message. */
const uint8_t *clv_frame_data(const clv_frame *frame);

/** A sealed message without payload. NULL when out of memory. */
clv_frame *clv_frame_of(clv_frame_pool *pool, const clv_wire_header *header);

/** Free what is idle. Every frame has been given back. */
void clv_frame_pool_done(clv_frame_pool *pool);

#endif
