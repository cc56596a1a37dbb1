/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PASS_QDQ_H
#define CLV_PASS_QDQ_H

/** @file pass_qdq.h: private to the pass qdq. pass_qdq_meaning.c says which bytes stand for real
 *  numbers, pass_qdq_weights.c makes constants in bytes, pass_qdq.c rewrites the nodes. */

#include "graph/pass.h"
#include "graph/quant.h"

/** By value, n_values of them: what its bytes stand for wherever they are read; NULL where they
 *  are plain integers to somebody, or no bytes. Not of constants. */
typedef const clv_quant *clv_qdq_meaning;

/** Find out. @p meaning is zeroed; what it gets is memory of the graph.
 *  @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_qdq_find_meaning(clv_qdq_meaning *meaning, clv_graph *graph,
                                              clv_error *err);

/** Outputs of @p node are elements of its inputs, moved: of all of them (Concat) or of input 0. */
bool clv_qdq_moves(const clv_node *node);

/** How many of its inputs an operator that moves elements takes them from. */
static inline uint32_t clv_qdq_moved_inputs(const clv_node *node)
{
    return node->op == CLV_OP_CONCAT ? node->n_inputs : 1;
}

/** Products of bytes: their first input times their second. */
static inline bool clv_qdq_is_product(clv_op op)
{
    return op == CLV_OP_CONV || op == CLV_OP_CONV_TRANSPOSE || op == CLV_OP_GEMM ||
           op == CLV_OP_MATMUL;
}

/** A constant in bytes as the model has it; pointers into constants of the graph. */
typedef struct clv_qdq_constant {
    clv_tensor data;     /**< without data: no constant but what a node makes */
    const float *scales; /**< n_scales of them, at least one */
    uint32_t n_scales, axis;
    int32_t zero_point; /**< of all elements, in the data's type */
    bool transposed;    /**< what is wanted is its transpose (a matrix); axis is that one's */
} clv_qdq_constant;

/** The three values that make one quantised constant (@p zero_point may be CLV_NO_VALUE), with
 *  scales along @p axis. @return whether it can be stored in bytes with a quant. */
bool clv_qdq_read_constant(clv_qdq_constant *out, const clv_graph *graph, const uint32_t values[3],
                           int64_t axis);

/** What @p value is where DequantizeLinear makes it from constants, and perhaps a Transpose. */
bool clv_qdq_find_constant(clv_qdq_constant *out, const clv_graph *graph, uint32_t value);

/** Whether product @p node takes @p constant as its second operand in bytes. */
bool clv_qdq_suits_product(const clv_qdq_constant *constant, const clv_graph *graph,
                           const clv_node *node);

/** A new constant of the graph, int8: uint8 is moved down by 128 with its zero point. */
CLV_NODISCARD clv_status clv_qdq_make_constant(uint32_t *out, clv_graph *graph,
                                               const clv_qdq_constant *constant, const char *stem,
                                               clv_error *err);

/** QLinearConv's and QLinearMatMul's inputs: x, its scale and zero point, then those of w and the
 *  scale and zero point of y. */
enum { CLV_QDQ_QL_X = 0, CLV_QDQ_QL_W = 3, CLV_QDQ_QL_Y = 6, CLV_QDQ_QL_BIAS = 8 };

/** Whether @p node is one of them whose parameters are constants that a quantised node can have. */
bool clv_qdq_is_qlinear(clv_qdq_constant *w, const clv_graph *graph, const clv_node *node);

/** Its bias as real numbers: int32 of scale x.scale * w.scale. CLV_NO_VALUE: it has none. */
CLV_NODISCARD clv_status clv_qdq_make_bias(uint32_t *out, clv_graph *graph, const clv_node *node,
                                           const clv_quant *x, const clv_qdq_constant *w,
                                           clv_error *err);

/** One scale and zero point for all bytes of a type, both constant. @p zero_point may be
 *  CLV_NO_VALUE. @return whether a quant can hold them. */
bool clv_qdq_read_quant(clv_quant *out, const clv_graph *graph, uint32_t scale, uint32_t zero_point,
                        clv_dtype dtype);

#endif
