/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BIAS_CORRECT_H
#define CLV_BIAS_CORRECT_H

/** @file bias_correct.h: rounded weights move the mean of each channel; a bias moves it back (Nagel
 * et al., ICCV 2019). The means of the inputs are measured, in the float network: each node
 * corrects what its own weights did, so no correction is made twice on the way down. Padding at
 * borders is not looked at. */

#include "compress/quant_graph.h"

/** Give every Conv of @p graph that may be quantised a bias of its own, zeros where it had none.
 *  New constants get the highest numbers. */
CLV_NODISCARD clv_status clv_give_biases(clv_graph *graph, clv_error *err);

/** @param graph        Float; clv_give_biases() was here.
 *  @param calibration  Of it: means of its channels.
 *  @param stored       n_values: the weights of nodes in float (stored_weights.h); NULL: their own.
 *  @param bias         n_nodes pointers, set to corrected biases in @p memory for products that
 *                      have other weights than @p graph's, and a bias for each output channel;
 *                      NULL for others.
 *  @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_bias_correct(const float **bias, clv_arena *memory,
                                          const clv_graph *graph, const clv_quant_plan *plan,
                                          const clv_int8_weights *weights,
                                          const float *const *stored,
                                          const clv_calibration *calibration);

#endif
