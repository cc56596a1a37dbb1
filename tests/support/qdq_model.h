/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_QDQ_MODEL_H
#define CLV_QDQ_MODEL_H

/** @file qdq_model.h: quantised ONNX models, in words, and what the pass qdq makes of them against
 *  the same nodes run one by one. */

#include "support/onnx_builder.h"

/** Add nodes: "q = Q x 0.05 u131; f = DQ q 0.05 u131; y, z = Split f {axis=1}", with Q and DQ for
 *  QuantizeLinear and DequantizeLinear. A name that nothing has yet becomes an initializer of what
 * it says: 0.05             a float32 scalar u131, i-7        a zero point, uint8 or int8 I1x16
 * int64 numbers, [1, 16] w8[4,3,3,3]      int8 weights; W8: uint8; w32: int32, w: float32, small;
 * with :N another draw s[4], z[4], Z[4] scales about 0.01 and their zero points: int8 0, uint8 128
 *  "-" is an absent input. Operators that ONNX doesn't have are of com.microsoft. */
void qdq_nodes(onnx_builder *b, const char *nodes);

/** One model, made as often as it is needed. */
typedef struct qdq_model {
    const char *nodes;
    const char *after; /**< what is prepared: operators, with '*' where they compute on bytes */
    int64_t input[4];  /**< of "x"; 0 ends it */
    int input_type;    /**< 0: float32 */
    int output_type;   /**< of "y"; 0: float32 */
    double step;       /**< of the output: the largest difference; 0: the same bits */
    const char *means; /**< other nodes that give the same bits, run one by one; NULL: none */
} qdq_model;

/** "Conv+Relu* Add* Gemm". Static memory. */
const char *qdq_describe(const clv_graph *graph);

/** Import and prepare. @param skip  A pass to leave out, or NULL. Ends the builder. */
clv_graph *qdq_open(onnx_builder *b, const char *skip);

/** Run on input numbers without a pattern; the output's bytes, clv_free() them.
 *  @param seed  Of the input. */
void *qdq_run(size_t *bytes, const clv_graph *graph, const char *backend, uint32_t seed);

/** Open the model with the pass and without it, and compare: the nodes, the outputs on every
 *  backend, every cut, and what a bundle gives back. Fails the test where anything is off. */
void qdq_check(const qdq_model *model);

#endif
