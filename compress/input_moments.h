/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_INPUT_MOMENTS_H
#define CLV_INPUT_MOMENTS_H

/** @file input_moments.h: which inputs of a product go together: the mean of x x^T over what one
 *  output channel's weights are multiplied with, where x is a patch (Conv) or a row (Gemm, MatMul).
 *  It says what an error of the weights does to the output: for an error e, the mean squared error
 *  of the output is e^T M e. Memory and time don't grow with the pictures: some positions of each
 *  stand for all. */

#include "compress/calibrate.h"
#include "compress/quant_plan.h"

#define CLV_MOMENTS_MOST                                                                           \
    1024u /**< weights in a block; what lies in different blocks counts as                         \
               unrelated */

/** Of one product, whose output channel has `depth` weights: a block for each run of `size` of
 *  them (the last one may be shorter), in each group of a convolution. */
typedef struct clv_moments {
    uint32_t groups, depth, size, n_blocks;
    float **blocks; /**< [group * n_blocks + block]: lower triangle, rows of the block's size; NULL:
                         the node is no product */
    uint64_t count; /**< vectors in each sum */
} clv_moments;

/** Sums for every product of @p plan whose input has a fixed size.
 *  @param out  n_nodes elements in @p memory.
 *  @return CLV_OK; CLV_ENOMEM; errors of runs and of the callbacks. */
CLV_NODISCARD clv_status clv_moments_collect(clv_moments **out, clv_arena *memory,
                                             const clv_graph *graph, const clv_quant_plan *plan,
                                             clv_simulator *simulator, const clv_samples *samples,
                                             clv_sample_range range, const clv_watcher *watcher,
                                             clv_error *err);

/** Weights in block @p block. */
uint32_t clv_moments_block_size(const clv_moments *moments, uint32_t block);

#endif
