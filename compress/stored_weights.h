/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_STORED_WEIGHTS_H
#define CLV_STORED_WEIGHTS_H

/** @file stored_weights.h: what a network's float32 weights are once a bundle has stored them in
 *  fewer bytes (runtime/weight_form.h), so that what is compared is what will run. */

#include "base/memory.h"
#include "compress/quant_graph.h"
#include "runtime/weight_form.h"

/** @param[out] out  n_values elements in @p memory: the weights as @p form gives them back, as many
 *                   as the value has; NULL: it is no weight, or stays as it is.
 *  @param rounded   n_nodes: the bytes of products' weights, in [-127, 127], where INT8 shall give
 *                   back these. Their scales are from the largest weights, whose bytes are 127:
 *                   packing what is in @p out gives the same bytes.
 *  @return CLV_OK, CLV_ENOMEM; errors of packing. */
CLV_NODISCARD clv_status clv_stored_weights_make(const float *const **out, clv_arena *memory,
                                                 const clv_graph *graph, clv_weight_form form,
                                                 const clv_int8_weights *rounded);

#endif
