/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_WEIGHT_STORE_H
#define CLV_WEIGHT_STORE_H

/** @file weight_store.h: the packed constants of a graph that was read from a bundle.
 *
 *  Such a constant has its data's address from the start, in memory that is only reserved, so that
 *  it is a constant for everybody who asks. The numbers are there while somebody holds it: a
 *  program does while it compiles the nodes that read it, and after that where their kernels keep
 *  it. A network of packed weights therefore never lies in memory as a whole.
 *
 *  Adding is one thread's; holding and releasing any thread's. */

#include "runtime/weight_form.h"

typedef struct clv_weight_store clv_weight_store;

/** One packed constant. */
typedef struct clv_packed_weights {
    clv_weight_packing packing;
    const uint8_t *bytes; /**< borrowed */
    size_t n_bytes;       /**< as clv_weight_bytes() says */
    size_t n;             /**< elements */
} clv_packed_weights;

/** @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_weight_store_create(clv_weight_store **out);
void clv_weight_store_free(clv_weight_store *store); /* NULL is a no-op */

/** Add constant @p value, behind those of smaller numbers.
 *  @param[out] data_out  Where its numbers will be.
 *  @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_weight_store_add(float **data_out, clv_weight_store *store,
                                              uint32_t value, const clv_packed_weights *weights);

/** The packed form of @p value, or NULL where it is plain. @p store may be NULL: all are. */
const clv_packed_weights *clv_weight_store_find(const clv_weight_store *store, uint32_t value);

/** Have the numbers of @p value in memory until the release. Nothing for a plain one. */
void clv_weight_store_hold(clv_weight_store *store, uint32_t value);
void clv_weight_store_release(clv_weight_store *store, uint32_t value);

#endif
