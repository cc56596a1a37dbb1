/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_MEMORY_H
#define CLV_MEMORY_H

/** @file memory.h: allocation, in one place so that tests can make each one fail in turn.
 *  Thread-safe, except clv_arena (one owner). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cleave/status.h>

/** Alignment of every buffer that kernels touch, in bytes (a cache line, an AVX-512 register). */
#define CLV_ALIGN 64u

/** As calloc(); NULL when out of memory or when count * size would wrap. Free with clv_free(). */
void *clv_calloc(size_t count, size_t size);

/** As realloc() of an array: NULL (and @p ptr still valid) on failure or wrap-around. */
void *clv_realloc_array(void *ptr, size_t count, size_t size);

char *clv_strdup(const char *text);
void clv_free(void *ptr); /* NULL is a no-op */

/** Zeroed memory aligned to CLV_ALIGN. Free with clv_free(). NULL when out of memory. */
void *clv_alloc_aligned(size_t bytes);

/** Zeros of whole pages that take memory only where they are written, until they are dropped: then
 *  they are zeros again. Free with the same @p bytes, at least 1. NULL when out of memory. */
void *clv_reserve(size_t bytes);
void clv_reserve_drop(void *ptr, size_t bytes);
void clv_reserve_free(void *ptr, size_t bytes);

/** Memory for contents of changing size: a large one is the system's own, which has it back at once
 *  when it is freed, where malloc() might keep it. All zero is none. One owner. */
typedef struct clv_block {
    uint8_t *data; /**< aligned to CLV_ALIGN */
    size_t bytes;
} clv_block;

/** Another one of at least @p bytes, zeros. What was there is gone.
 *  @return CLV_OK; CLV_ENOMEM, and @p block is as it was. */
CLV_NODISCARD clv_status clv_block_replace(clv_block *block, size_t bytes);
void clv_block_done(clv_block *block); /* idempotent */

/** Overwrite secrets before they are freed; the compiler can't leave it out. */
void clv_wipe(void *ptr, size_t bytes);

/** Make the Nth allocation from now fail, and all after it until reset (0: none fails).
 *  For tests; not thread-safe. */
void clv_memory_fail_after(uint64_t n_allocations);

/** Round @p bytes up to a multiple of CLV_ALIGN; false when that wraps. */
bool clv_align_up(size_t *out, size_t bytes);

/** A bump allocator: many small objects that die together (a graph's names and attributes). */
typedef struct clv_arena {
    struct clv_arena_block *head;
} clv_arena;

#define CLV_ARENA_INIT                                                                             \
    {                                                                                              \
        NULL                                                                                       \
    }

/** Zeroed memory, aligned to 16; NULL when out of memory. Lives until clv_arena_done(). */
void *clv_arena_alloc(clv_arena *arena, size_t count, size_t size);

/** Copy @p n bytes of @p text and add a NUL. NULL when out of memory. */
char *clv_arena_strndup(clv_arena *arena, const char *text, size_t n);

void clv_arena_done(clv_arena *arena); /* idempotent */

#endif
