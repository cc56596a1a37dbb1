/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CUT_BLOCKS_H
#define CLV_CUT_BLOCKS_H

/** @file cut_blocks.h: private to cuts.c: a problem in parts, one behind the other. The device's
 *  set holds all parts before some part, none behind it, and something of that part. */

#include "partitioner/cuts.h"

/** Nodes [first, end). The last is before or behind every other node of the graph. */
typedef struct clv_cut_block {
    uint32_t first, end;
    clv_cut_cost boundary;  /**< of the split in front of it */
    uint64_t outside_ns;    /**< of the nodes before it on the device and behind it on the server */
    uint64_t outside_bytes; /**< of tensors from before it that are read behind it */
    uint64_t least_ns;      /**< outside_ns and the faster side of each of its nodes */
    const uint32_t *tensors; /**< each tensor that it makes or reads, once */
    uint32_t n_tensors;
} clv_cut_block;

typedef struct clv_cut_blocks {
    clv_cut_block *blocks; /**< n_blocks, and one without nodes: all on the device */
    uint32_t n_blocks;
    uint32_t first; /**< the block with the last pinned node; 0: there may be none */
    bool any_pinned;
    bool *pinned;       /**< n_nodes, closed over what they need */
    uint32_t *last_use; /**< n_tensors: the last reader; n_nodes for an answer, 0 for no reader */
    uint32_t most_vertices, most_arcs; /**< of the network of any block */
    /* private */
    uint32_t *touching, *starts;
} clv_cut_blocks;

/** Check @p problem and take it apart; @p out is good for done() in any case.
 *  @return CLV_OK, CLV_EINVAL, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_cut_blocks_init(clv_cut_blocks *out, const clv_cut_problem *problem);
void clv_cut_blocks_done(clv_cut_blocks *blocks);

/** Whether @p tensor is there before @p node runs. */
static inline bool clv_cut_made_before(const clv_cut_tensor *tensor, uint32_t node)
{
    return tensor->producer == CLV_CUT_OUTSIDE || tensor->producer < node;
}

#endif
