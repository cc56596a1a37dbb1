/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PASS_WEIGHTS_H
#define CLV_PASS_WEIGHTS_H

/** @file pass_weights.h: private to the passes: arithmetic on channels that moves into the constant
 *  weights and bias of the node before or behind it. In double, rounded once. */

#include "graph/pass.h"

/** y = factor[c] * x + shift[c] along one axis; both arrays have @p n elements and are finite. */
typedef struct clv_affine {
    uint32_t axis;
    size_t n;
    double *factor;
    double *shift;
} clv_affine;

/** Room for @p n channels. @return CLV_OK, CLV_ENOMEM. Free with clv_affine_done(). */
CLV_NODISCARD clv_status clv_affine_init(clv_affine *out, uint32_t axis, size_t n);
void clv_affine_done(clv_affine *affine);

/** The channels that node @p index (Conv, ConvTranspose, Gemm or MatMul, with constant weights and
 *  nothing fused) makes or, as @p input, reads (Conv alone).
 *  @return false when it is no such node. */
bool clv_weights_channels(uint32_t *axis_out, size_t *n_out, const clv_pass *pass, uint32_t index,
                          bool input);

/** Let node @p index, alone read by node @p behind, make what that one makes of it.
 *  @param[out] done  false: it can't (a MatMul has no bias; too many weights were made so far). */
CLV_NODISCARD clv_status clv_weights_take_behind(bool *done, clv_pass *pass, uint32_t index,
                                                 uint32_t behind, const clv_affine *affine,
                                                 clv_error *err);

/** Let the Conv @p index read @p x, of which its input is the affine image.
 *  @param[out] done  false: it can't (a shift does not reach into the padding). */
CLV_NODISCARD clv_status clv_weights_take_before(bool *done, clv_pass *pass, uint32_t index,
                                                 uint32_t x, const clv_affine *affine,
                                                 clv_error *err);

/** A BatchNormalization as factor and shift, where its parameters are constants of @p n channels.
 *  @return CLV_OK; CLV_EUNSUPPORTED when they aren't; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_affine_of_batch_norm(clv_affine *out, const clv_graph *graph,
                                                  const clv_node *node, size_t n);

#endif
