/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_RANGE_H
#define CLV_RANGE_H

/** @file range.h: from a histogram to the numbers that 8 bits stand for. Pure.
 *
 *  A range always contains 0, which its quant represents exactly; where nothing is negative (behind
 *  a Relu) the zero point is 0. */

#include "compress/histogram.h"
#include "graph/graph.h"

/** How a range is estimated: X(NAME, "name").
 *  MINMAX takes all of it; PERCENTILE cuts the outermost 1/10000 of the numbers off at either end;
 *  ENTROPY cuts so that the distribution changes least (Kullback-Leibler); MSE so that the mean
 *  squared error of quantisation is least. */
#define CLV_RANGE_METHOD_LIST(X)                                                                   \
    X(MINMAX, "minmax")                                                                            \
    X(PERCENTILE, "percentile")                                                                    \
    X(ENTROPY, "entropy")                                                                          \
    X(MSE, "mse")

typedef enum clv_range_method {
#define CLV_RANGE_METHOD_ENUM(name, text) CLV_RANGE_##name,
    CLV_RANGE_METHOD_LIST(CLV_RANGE_METHOD_ENUM)
#undef CLV_RANGE_METHOD_ENUM
        CLV_RANGE_METHOD_COUNT
} clv_range_method;

const char *clv_range_method_name(clv_range_method method);

/** @return CLV_OK, CLV_ENOENT. */
CLV_NODISCARD clv_status clv_range_method_find(clv_range_method *out, const char *name);

typedef struct clv_range {
    float min, max; /**< min <= 0 <= max */
} clv_range;

clv_range clv_range_of(const clv_histogram *h, clv_range_method method);

/** uint8 over @p range: scale > 0, zero point in [0, 255]. */
clv_quant clv_quant_of_range(clv_range range);

/** @p x becomes the number that its byte stands for; a NaN becomes 0. */
void clv_fake_quantise(float *x, size_t n, const clv_quant *quant);

#endif
