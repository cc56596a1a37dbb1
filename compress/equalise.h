/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_EQUALISE_H
#define CLV_EQUALISE_H

/** @file equalise.h: cross-layer equalisation (Nagel et al., "Data-free quantization through weight
 *  equalization and bias correction", ICCV 2019).
 *
 *  Channel i between two convolutions is divided by s[i] in the first and multiplied by it in the
 *  second, which changes nothing where what lies between is positively homogeneous: nothing, Relu,
 *  LeakyRelu, pools. Here s are powers of two, so not even a bit changes. Weights have a scale for
 *  each output channel anyway; what is gained is that the channels of the activation, which share
 *  one scale, become alike. */

#include "compress/calibrate.h"

/** Equalise every such pair of @p graph, whose constants may be borrowed: changed ones become its
 *  own.
 *  @param calibration  Channels of its values (clv_calibration_init()); what it says of changed
 *                      channels is changed as well. NULL: by the weights of the first convolution,
 *                      as in the paper.
 *  @param[out] pairs   How many were changed. NULL: not wanted.
 *  @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_equalise(uint32_t *pairs, clv_graph *graph,
                                      clv_calibration *calibration, clv_error *err);

#endif
