/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_RANS_H
#define CLV_RANS_H

/** @file rans.h: one step of range asymmetric numeral systems (Duda 2013, arXiv:1311.2540): a state
 *  of 32 bits, words of 16, probabilities of 12. Private to the coder; plane_coder.c interleaves
 *  several states over one stream.
 *
 *  The stream is written from its end to its start and read forwards, so symbols are encoded in the
 *  reverse order of decoding. A state lies in [2^16, 2^32) between steps; decoding all
 *  symbols leads back to the one that encoding began with, 2^16 and any 16 bits more. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/bytes.h"

#define CLV_RANS_BITS 12u
#define CLV_RANS_TOTAL (1u << CLV_RANS_BITS)
#define CLV_RANS_START (UINT32_C(1) << 16)
#define CLV_RANS_LEVELS 16u

/** How often each of up to 16 symbols is expected: counts > 0 that add up to 4096, then zeros, and
 *  before each the sum of those before it; 4096 for symbols that aren't there. One cache line. */
typedef struct clv_frequencies {
    uint16_t start[CLV_RANS_LEVELS];
    uint16_t count[CLV_RANS_LEVELS];
} clv_frequencies;

/** Put symbol @p s into @p state; the word that may be needed goes before @p at, where there is
 * room for two bytes. */
static inline uint32_t clv_rans_put(uint32_t state, uint8_t **at, const clv_frequencies *f,
                                    unsigned s)
{
    uint32_t count = f->count[s], start = f->start[s];
    uint32_t emit = state >> 20 >= count; /* no branch: nobody could predict it */

    clv_write_u16(*at - 2, (uint16_t)state);
    *at -= 2 * emit;
    state >>= 16 * emit;
    return (state / count << CLV_RANS_BITS) + state % count + start;
}

/** The symbol that @p slot, 0..4095, belongs to: the last one that starts at or before it. */
static inline unsigned clv_rans_find(const clv_frequencies *f, uint32_t slot)
{
#if defined(__SSE2__)
    __m128i wanted = _mm_set1_epi16((short)slot);
    __m128i low = _mm_cmpgt_epi16(_mm_loadu_si128((const __m128i *)(const void *)f->start), wanted);
    __m128i high =
        _mm_cmpgt_epi16(_mm_loadu_si128((const __m128i *)(const void *)(f->start + 8)), wanted);
    unsigned beyond = (unsigned)_mm_movemask_epi8(_mm_packs_epi16(low, high));
    return (unsigned)__builtin_ctz(beyond | 1u << CLV_RANS_LEVELS) - 1;
#else
    unsigned s = 0;
    for (unsigned i = 1; i < CLV_RANS_LEVELS; i++)
        s += f->start[i] <= slot;
    return s;
#endif
}

/** Bring a state that may be under 2^16 back, with the word at @p at, of which two bytes can be
 *  read. */
static inline uint32_t clv_rans_refill(uint32_t state, const uint8_t **at)
{
    uint64_t take = 0u - (uint64_t)(state < CLV_RANS_START); /* all ones, or none: no branch */
    uint32_t word = clv_read_u16(*at) & (uint32_t)take;

    *at += take & 2;
    return state << (take & 16) | word;
}

/** Take a symbol out of @p state, which may then be under 2^16. */
static inline unsigned clv_rans_get(uint32_t *state, const clv_frequencies *f)
{
    uint32_t slot = *state & (CLV_RANS_TOTAL - 1);
    unsigned s = clv_rans_find(f, slot);

    *state = f->count[s] * (*state >> CLV_RANS_BITS) + slot - f->start[s];
    return s;
}

#endif
