/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_QUANT_H
#define CLV_QUANT_H

/** @file quant.h: what kernels and shape rules ask about nodes that compute on bytes. What those
 *  compute, to the bit: docs/quantisation.md. */

#include "graph/graph.h"

/** uint8 or int8. */
static inline bool clv_dtype_is_byte(clv_dtype dtype)
{
    return dtype == CLV_U8 || dtype == CLV_I8;
}

/** Whether a node of this operator may have `quantised` set: it takes and makes real numbers, so
 *  what it computes doesn't depend on how they are stored. */
bool clv_op_can_be_quantised(clv_op op);

/** Whether any node computes on bytes. */
bool clv_graph_is_quantised(const clv_graph *graph);

/** What the bytes at input @p i stand for; NULL where something else than bytes with a meaning
 *  arrives there: the input is absent, has no quant or is a float32 constant, or the node isn't
 *  quantised. */
const clv_quant *clv_node_input_quant(const clv_graph *graph, const clv_node *node, uint32_t i);

/** The same of output @p i, which is NULL where float32 is stored. */
const clv_quant *clv_node_output_quant(const clv_graph *graph, const clv_node *node, uint32_t i);

/** The type in which input @p i reaches the kernel: its value's, but uint8 where a quantised node
 *  takes bytes of a value that is stored as float32, and float32 where another node takes a value
 *  that is stored in bytes. CLV_NONE where it is absent. */
clv_dtype clv_node_input_type(const clv_graph *graph, const clv_node *node, uint32_t i);

/** The type of the numbers that input @p i stands for: float32 where it comes in bytes with a
 *  meaning, else the type in which it comes. */
clv_dtype clv_node_number_type(const clv_graph *graph, const clv_node *node, uint32_t i);

/** The scale of channel @p i of a tensor; there may be one for all. */
static inline float clv_quant_scale(const clv_quant *quant, size_t i)
{
    return quant->n_scales > 0 ? quant->scales[i] : quant->scale;
}

/** What a sum of products of channel @p i counts: the product of both scales, rounded to float32.
 */
static inline float clv_quant_multiplier(const clv_quant *x, const clv_quant *w, size_t i)
{
    return x->scale * clv_quant_scale(w, i);
}

/** Whether two tensors of bytes mean the same by the same byte. Not where there are scales. */
bool clv_quant_equal(const clv_quant *a, clv_dtype a_dtype, const clv_quant *b, clv_dtype b_dtype);

/** A quant is a possible one: finite scales > 0, a zero point in the range of the type, scales only
 *  with a constant and as many as its axis has elements.
 *  @return CLV_OK; CLV_EFORMAT with @p err naming the value. */
CLV_NODISCARD clv_status clv_quant_check(const clv_value *value, clv_error *err);

/** A quantised node as it was before: alone in a graph, over float32 values where its own come in
 *  bytes. Input i is value i, output i is value n_inputs + i. Constants keep their data but those
 *  in bytes, which have none. Names, attributes and data are borrowed from the node's graph. */
typedef struct clv_float_twin {
    clv_graph graph;
    clv_node node;
} clv_float_twin;

/** @param[out] out  One block of memory: clv_free() it.
 *  @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_float_twin_create(clv_float_twin **out, const clv_graph *graph,
                                               const clv_node *node);

#endif
