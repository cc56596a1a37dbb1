/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TOPK_H
#define CLV_TOPK_H

/** @file topk.h: the best classes of a classifier's output. Pure. */

#include <cleave/tensor.h>

typedef struct clv_top {
    uint32_t index;
    float score;      /**< as the model gave it */
    float confidence; /**< the score where the output is a distribution, else its softmax */
} clv_top;

/** Whether a tensor looks like a classifier's output: float32, at least two elements, all in one
 *  dimension ([1, n], [n], [1, n, 1, 1]). */
bool clv_topk_applies(const clv_tensor *tensor);

/** The @p k best elements, best first; of equal ones the lower index. NaN is the worst.
 *  @return How many were written: the smaller of k and the number of elements. */
uint32_t clv_topk(clv_top *out, uint32_t k, const clv_tensor *tensor);

#endif
