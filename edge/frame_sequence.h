/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_FRAME_SEQUENCE_H
#define CLV_FRAME_SEQUENCE_H

/** @file frame_sequence.h: which frame the next one is coded after: the newest that the server has
 *  answered on this connection. Buffers change hands by swapping, so memory is that of one frame
 * for each slot and two more, taken once; all have the same capacity.
 *
 *  The owner has a lock around every call. What clv_frame_sequence_take() gave is the worker's
 * until its next call, without the lock. */

#include "codec/activation.h"

/** So often in a row a server may lack a reference before the connection goes without. */
#define CLV_FRAME_SEQUENCE_MISSES 3u

typedef struct clv_sequence_frame {
    clv_symbols symbols;
    uint64_t frame;
    uint32_t cut;
    bool is_there;
} clv_sequence_frame;

typedef struct clv_frame_sequence {
    size_t cap_bytes; /**< of a frame; 0: every frame is coded alone */
    clv_sequence_frame answered, taken;
    uint64_t newest; /**< number of the newest that was answered; 0: none */
    uint32_t misses;
} clv_frame_sequence;

/** @param out  For clv_frame_sequence_done() in any case. @return CLV_OK; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_frame_sequence_init(clv_frame_sequence *out, size_t cap_bytes);
void clv_frame_sequence_done(clv_frame_sequence *sequence); /* idempotent */

/** What a frame at @p cut, by its point @p point, is coded after; NULL: nothing. */
const clv_sequence_frame *clv_frame_sequence_take(clv_frame_sequence *sequence, uint32_t cut,
                                                  uint32_t point);

/** The server has answered @p frame, a number of at least 1, whose symbols are @p symbols: swapped
 *  for other memory where they are taken over.
 *  @param was_after  It was sent as a difference. */
void clv_frame_sequence_answered(clv_frame_sequence *sequence, uint64_t frame, uint32_t cut,
                                 bool was_after, clv_symbols *symbols);

/** The server doesn't hold the reference of a frame. */
void clv_frame_sequence_missed(clv_frame_sequence *sequence);

/** There is another connection, or none: nothing is held there. */
void clv_frame_sequence_forget(clv_frame_sequence *sequence);

#endif
