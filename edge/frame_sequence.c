/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/frame_sequence.h"

#include "base/error.h"
#include "base/memory.h"

static clv_status make_frame(clv_sequence_frame *out, size_t cap_bytes)
{
    *out = (clv_sequence_frame){.symbols = {.cap = cap_bytes}};
    out->symbols.data = clv_alloc_aligned(cap_bytes);
    return out->symbols.data != NULL ? CLV_OK : CLV_ENOMEM;
}

clv_status clv_frame_sequence_init(clv_frame_sequence *out, size_t cap_bytes)
{
    *out = (clv_frame_sequence){.cap_bytes = cap_bytes};
    if (cap_bytes == 0)
        return CLV_OK;
    CLV_TRY(make_frame(&out->answered, cap_bytes));
    return make_frame(&out->taken, cap_bytes);
}

void clv_frame_sequence_done(clv_frame_sequence *sequence)
{
    clv_free(sequence->answered.symbols.data);
    clv_free(sequence->taken.symbols.data);
    *sequence = (clv_frame_sequence){0};
}

const clv_sequence_frame *clv_frame_sequence_take(clv_frame_sequence *sequence, uint32_t cut,
                                                  uint32_t point)
{
    clv_sequence_frame *taken = &sequence->taken;

    if (sequence->answered.is_there) {
        clv_sequence_frame before = *taken;
        *taken = sequence->answered;
        sequence->answered = before;
        sequence->answered.is_there = false;
    }
    bool serves = taken->is_there && taken->cut == cut && taken->symbols.point == point;
    return serves && sequence->misses < CLV_FRAME_SEQUENCE_MISSES ? taken : NULL;
}

void clv_frame_sequence_answered(clv_frame_sequence *sequence, uint64_t frame, uint32_t cut,
                                 bool was_after, clv_symbols *symbols)
{
    clv_symbols given = *symbols;

    if (was_after)
        sequence->misses = 0;
    if (sequence->cap_bytes == 0 || frame <= sequence->newest || !clv_symbols_whole(symbols))
        return;
    *symbols = sequence->answered.symbols;
    sequence->answered = (clv_sequence_frame){given, frame, cut, true};
    sequence->newest = frame;
}

void clv_frame_sequence_missed(clv_frame_sequence *sequence)
{
    sequence->answered.is_there = sequence->taken.is_there = false;
    sequence->misses++;
}

void clv_frame_sequence_forget(clv_frame_sequence *sequence)
{
    sequence->answered.is_there = sequence->taken.is_there = false;
    sequence->misses = 0;
}
