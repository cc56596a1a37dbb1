/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_WEIGHT_ROUNDING_H
#define CLV_WEIGHT_ROUNDING_H

/** @file weight_rounding.h: rounds weights so that the output moves least, not the weights
 *  (Frantar et al., "GPTQ", ICLR 2023). Weights of an output channel are rounded one after the
 *  other; each makes up for what those before it have done to the output, as far as their inputs go
 *  together. It is Babai's nearest plane in the lattice of bytes: with M = L L^T, the last row of
 *  L^T holds one weight, the row before it two, and so on. Pure. */

#include "compress/input_moments.h"
#include "compress/quant_graph.h"

/** Round again what clv_quantise_weights() rounded to the nearest byte. Scales stay, and so does
 *  the byte of each channel's largest weight: who takes the scales from the largest weight
 *  (runtime/weight_form.h) finds the same ones. */
CLV_NODISCARD clv_status clv_round_weights(clv_int8_weights *weights, const clv_tensor *tensor,
                                           const clv_moments *moments, int32_t limit);

#endif
