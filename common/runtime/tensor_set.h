/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TENSOR_SET_H
#define CLV_TENSOR_SET_H

/** @file tensor_set.h: tensors for some values of a graph, with memory of their own that is kept
 *  when the set is fitted to others: inputs, outputs, a frontier. What dozens of fits in a row
 *  didn't need is given back. One owner. */

#include "base/memory.h"
#include "codec/activation.h"
#include "graph/graph.h"

/** All zero is an empty set. */
typedef struct clv_tensor_set {
    clv_tensor *tensors; /**< dense, row-major, each aligned to CLV_ALIGN */
    /** What the memory is for. A tensor whose value is bounded (graph.h) may get a smaller shape, a
     *  different one for each frame. */
    clv_planned *planned;
    uint32_t count;
    /* private */
    uint32_t room;
    clv_block memory;
    size_t most; /* that was needed since n_fits was 0 */
    uint32_t n_fits;
} clv_tensor_set;

/** Give @p set a tensor of the type and shape of each of @p values; contents are undefined.
 *  Allocates only what earlier fits didn't need, or not for long.
 *  @return CLV_OK; CLV_ESHAPE, CLV_ELIMIT, CLV_EINVAL for values without a size; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_tensor_set_fit(clv_tensor_set *set, const clv_graph *graph,
                                            const uint32_t *values, uint32_t count);

void clv_tensor_set_done(clv_tensor_set *set); /* idempotent */

#endif
