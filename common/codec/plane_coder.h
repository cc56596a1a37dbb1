/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PLANE_CODER_H
#define CLV_PLANE_CODER_H

/** @file plane_coder.h: the symbols of a tensor's planes <-> few bytes. Lossless.
 *
 *  A plane is a channel's rows and columns of symbols. Planes of like statistics form a group,
 * which has tables that were made from calibration images and travel in the bundle. A symbol is
 * coded with the table that its neighbours (left, up, up left, up right) and the planes before
 * choose (plane_context.h); a plane of nothing but the group's zero symbol costs a flag. The coder
 * is rANS (rans.h) with CLV_PLANE_LANES states over one stream: that many planes are coded side by
 * side, so that their chains of dependent steps overlap. Layout of the bytes:
 * docs/activation-format.md.
 *
 *  Pure: no allocation, no state; the same bytes on every machine. */

#include <stddef.h>
#include <stdint.h>

#include <cleave/status.h>

#include "codec/rans.h"

#define CLV_PLANE_LANES 8u
#define CLV_PLANE_MAX_GROUPS 64u
#define CLV_PLANE_MEANS 16u    /**< what is expected: the lower bucket, the lower the symbol */
#define CLV_PLANE_SPREADS 4u   /**< how sure that is */
#define CLV_PLANE_CONTEXTS 64u /**< all pairs of them */
#define CLV_PLANE_MAX_LEVELS 256u
#define CLV_PLANE_MAX_ESCAPED 31u

/** Tables of a group of planes. Fastest where the first group is aligned to a cache line: every
 *  table is one then. */
typedef struct clv_plane_group {
    /** By context: of the symbol, with up to 16 levels; of its upper half (symbol / 16), with over
     *  31; between them of where the symbol is among the 15 levels around zero, 0..14, or 15, an
     *  escape; zero is 7 .. levels - 8 then. */
    clv_frequencies high[CLV_PLANE_CONTEXTS];
    /** With over 31 levels by upper half: of symbol % 16. With escapes only the first one: of the
     *  symbol among those that aren't around zero, from the lowest on. */
    clv_frequencies low[CLV_RANS_LEVELS];
    /** What a symbol says to its neighbours: its position, 0..15, among the symbols, and 16 times
     *  its deviation, 0..7, from what is usual. */
    uint8_t classes[CLV_PLANE_MAX_LEVELS];
    uint8_t mean_of[256];   /**< CLV_PLANE_SPREADS * the bucket of a sum of positions, 0..165 */
    uint8_t spread_of[128]; /**< the bucket of a sum of deviations, 0..98 */
    uint32_t levels;        /**< symbols are 0 .. levels - 1; 2..256 */
    uint32_t contexts;      /**< CLV_PLANE_CONTEXTS; or 1, and classes and buckets are all 0 */
    uint16_t empty;         /**< of 4096 planes, so many are empty; 1..4095 */
    uint8_t zero;           /**< what an empty plane is full of */
    uint8_t outside;        /**< the symbol that lies outside of a plane */
    uint8_t unused[52];     /**< whole cache lines */
} clv_plane_group;
_Static_assert(sizeof(clv_plane_group) % 64 == 0, "tables stay aligned from group to group");

typedef struct clv_plane_model {
    uint32_t planes, rows, cols;
    const uint8_t *group_of; /**< planes of them */
    const clv_plane_group *groups;
    uint32_t n_groups;
} clv_plane_model;

/** Bytes of scratch memory that encoding and decoding need. */
size_t clv_plane_scratch_bytes(const clv_plane_model *model);

/** Encode planes * rows * cols symbols, each under its group's levels.
 *  @param[out] bytes_out  Bytes written to @p dst.
 *  @param scratch         clv_plane_scratch_bytes(), of any alignment.
 *  @return CLV_OK; CLV_ENOSPC when they take more than @p cap bytes. */
CLV_NODISCARD clv_status clv_planes_encode(size_t *bytes_out, const clv_plane_model *model,
                                           const uint8_t *symbols, uint8_t *scratch, uint8_t *dst,
                                           size_t cap);

/** Decode into @p symbols, which has room for planes * rows * cols. Any @p src may come: whatever
 *  it holds, symbols are under their group's levels.
 *  @return CLV_OK; CLV_EFORMAT when the bytes can't be what encoding made of this many symbols:
 *          the states that a coder starts with carry their checksum. */
CLV_NODISCARD clv_status clv_planes_decode(uint8_t *symbols, const clv_plane_model *model,
                                           uint8_t *scratch, const uint8_t *src, size_t bytes);

/** 32 bits over @p n symbols; it tells damage, not attackers. */
uint32_t clv_symbols_checksum(const uint8_t *symbols, size_t n);

/** Make @p out of how often each of @p n symbols (1..16) was seen: every one gets at least 1 of
 * 4096, the rest is shared so that the coded size of what was seen is least. */
void clv_frequencies_fit(clv_frequencies *out, const uint64_t *seen, unsigned n);

#endif
