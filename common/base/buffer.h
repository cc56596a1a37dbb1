/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BUFFER_H
#define CLV_BUFFER_H

/** @file buffer.h: a growable byte buffer with a hard cap. Keeps its memory when cleared, so a
 *  buffer that is reused for every frame stops allocating after warm-up. One owner. */

#include <stddef.h>
#include <stdint.h>

#include <cleave/status.h>

typedef struct clv_buffer {
    uint8_t *data;
    size_t size;      /* bytes in use */
    size_t allocated; /* bytes owned */
    size_t cap_bytes; /* never grows beyond this */
} clv_buffer;

/** Start empty. @p cap_bytes is the most that it may ever hold. */
void clv_buffer_init(clv_buffer *buffer, size_t cap_bytes);

/** Make room for @p bytes in all, keeping what is there; size is unchanged.
 *  @return CLV_OK, CLV_ELIMIT (over the cap), CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_buffer_reserve(clv_buffer *buffer, size_t bytes);

/** Set the size, growing as clv_buffer_reserve(); new bytes are undefined. */
CLV_NODISCARD clv_status clv_buffer_resize(clv_buffer *buffer, size_t bytes);

CLV_NODISCARD clv_status clv_buffer_append(clv_buffer *buffer, const void *data, size_t bytes);

void clv_buffer_done(clv_buffer *buffer); /* idempotent */

#endif
