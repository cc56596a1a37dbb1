/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_REFERENCES_H
#define CLV_REFERENCES_H

/** @file references.h: the symbols of one connection's last frames, so that the device can send the
 *  next ones as differences. A convenience and no state that a request needs: what isn't held (it
 *  was too much, another replica had it, the connection is new) is asked for with
 *  CLV_EKEYFRAME. Bounded in bytes; the oldest go first, and with a frame that is found those
 * before it, which the device has done with.
 *
 *  Threads: any. */

#include "base/digest.h"
#include "codec/activation.h"

typedef struct clv_references clv_references;

/** What the symbols are of: they mean nothing elsewhere. */
typedef struct clv_reference_key {
    const clv_digest *bundle;
    uint32_t cut, prefix; /**< precision */
    uint64_t frame;
} clv_reference_key;

/** @param cap_bytes  Of all frames. @return CLV_OK; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_references_create(clv_references **out, size_t cap_bytes);
void clv_references_free(clv_references *references); /* NULL is a no-op */

/** Hold a frame, if it is whole (clv_symbols_whole()) and there is room: otherwise nothing is held.
 *  One under the same key is replaced. */
void clv_references_keep(clv_references *references, const clv_reference_key *key,
                         const clv_symbols *symbols);

/** A copy of a frame's symbols.
 *  @param[in,out] out  Its data is from clv_alloc_aligned(), or NULL, and grows as needed.
 *  @return CLV_OK; CLV_EKEYFRAME: not held, or not with this checksum (clv_symbols_checksum());
 *          CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_references_find(clv_symbols *out, clv_references *references,
                                             const clv_reference_key *key, uint32_t checksum);

/** Bytes that are held. */
size_t clv_references_bytes(clv_references *references);

#endif
