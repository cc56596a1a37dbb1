/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_QUANT_WEIGHTS_H
#define CLV_QUANT_WEIGHTS_H

/** @file quant_weights.h: int8 weights with a scale for each output channel, symmetric. Pure. */

#include "graph/graph.h"

/** The scale of a channel: X(NAME, "name"). MINMAX: its largest weight is the largest byte; MSE:
 *  the one of least squared error. */
#define CLV_WEIGHT_METHOD_LIST(X)                                                                  \
    X(MINMAX, "minmax")                                                                            \
    X(MSE, "mse")

typedef enum clv_weight_method {
#define CLV_WEIGHT_METHOD_ENUM(name, text) CLV_WEIGHT_##name,
    CLV_WEIGHT_METHOD_LIST(CLV_WEIGHT_METHOD_ENUM)
#undef CLV_WEIGHT_METHOD_ENUM
        CLV_WEIGHT_METHOD_COUNT
} clv_weight_method;

typedef struct clv_weight_options {
    clv_weight_method method;
    int32_t limit; /**< bytes lie in [-limit, limit]: 127, or 63 for machines whose u8 x s8 sums
                        saturate (x86 without VNNI) */
} clv_weight_options;

/** Quantise @p weights, float32, along dimension @p axis.
 *  @param bytes   As many as weights.
 *  @param scales  One for each channel; > 0. */
void clv_quantise_weights(int8_t *bytes, float *scales, const clv_tensor *weights, uint32_t axis,
                          const clv_weight_options *options);

#endif
