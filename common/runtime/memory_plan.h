/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_MEMORY_PLAN_H
#define CLV_MEMORY_PLAN_H

/** @file memory_plan.h: where each buffer lies in one arena, so that buffers whose lives don't
 *  overlap share memory. Greedy by size (Y. Pisarchyk and J. Lee, "Efficient Memory Management for
 *  Deep Neural Net Inference", 2020): the largest first, each at the lowest place that is free
 *  while it lives. Pure. */

#include <stddef.h>
#include <stdint.h>

#include <cleave/status.h>

/** A buffer lives during the steps first .. last, both included. */
typedef struct clv_planned_buffer {
    size_t bytes;
    uint32_t first, last;
    size_t offset; /**< out: a multiple of CLV_ALIGN */
} clv_planned_buffer;

/** Set the offsets.
 *  @param[out] arena_bytes_out  Bytes of the arena.
 *  @return CLV_OK, CLV_ENOMEM, CLV_ELIMIT (the arena would pass 2^46 bytes). */
CLV_NODISCARD clv_status clv_memory_plan(size_t *arena_bytes_out, clv_planned_buffer *buffers,
                                         size_t n_buffers);

#endif
