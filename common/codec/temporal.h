/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TEMPORAL_H
#define CLV_TEMPORAL_H

/** @file temporal.h: the symbols of a tensor's planes <-> few bytes, for who holds those of an
 *  earlier frame, the reference. Lossless.
 *
 *  A symbol is coded as its rank by distance from the reference's symbol at its place. Its table
 *  is chosen by what its neighbours did (left, up, up left, up right), and by whether the
 *  reference's is the zero symbol among zero symbols. Tables aren't sent: both sides begin with the
 *  same ones and learn from the planes that are done; so they fit still scenes and moving ones, and
 *  nothing has to be known of videos when a bundle is built. rANS (rans.h) with
 *  CLV_TEMPORAL_LANES states. Layout of the bytes: docs/activation-format.md.
 *
 *  Pure: no allocation, no state; integers only, so the same bytes on every machine. */

#include "codec/plane_coder.h"

#define CLV_TEMPORAL_LANES 4u

/** Bytes of scratch memory that encoding and decoding need. */
size_t clv_temporal_scratch_bytes(const clv_plane_model *model);

/** Encode planes * rows * cols symbols, each under its group's levels, as those of @p reference
 *  are. Of the groups only levels and zero matter.
 *  @param[out] bytes_out  Bytes written to @p dst.
 *  @param scratch         clv_temporal_scratch_bytes(), of any alignment.
 *  @return CLV_OK; CLV_ENOSPC when they take more than @p cap bytes. */
CLV_NODISCARD clv_status clv_temporal_encode(size_t *bytes_out, const clv_plane_model *model,
                                             const uint8_t *symbols, const uint8_t *reference,
                                             uint8_t *scratch, uint8_t *dst, size_t cap);

/** Decode into @p symbols, which isn't @p reference. Any @p src may come: whatever it holds,
 *  symbols are under their group's levels.
 *  @return CLV_OK; CLV_EFORMAT when the bytes can't be what encoding made with this reference:
 *          there is a checksum. */
CLV_NODISCARD clv_status clv_temporal_decode(uint8_t *symbols, const clv_plane_model *model,
                                             const uint8_t *reference, uint8_t *scratch,
                                             const uint8_t *src, size_t bytes);

#endif
