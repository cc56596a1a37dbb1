/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_INT8_H
#define CLV_DN_INT8_H

/** @file dn_int8.h: nodes that compute on bytes (clv_node.quantised): what arrives, and the way
 *  from 32-bit sums of products to the output. */

#include "kernel/onednn/dn_attr.h"

/** The nodes that compute on bytes; the float32 ones are in dn_kernel.h. */
extern const clv_dn_op clv_dn_int8_binary, clv_dn_int8_conv, clv_dn_int8_matmul, clv_dn_int8_pool,
    clv_dn_int8_resize, clv_dn_int8_table;

/** How one tensor of a quantised node lies there: real = scale * (element - zero_point). */
typedef struct clv_dn_operand {
    clv_dtype dtype; /**< CLV_U8, CLV_I8, or CLV_F32 with scale 1 and zero point 0 */
    float scale;
    int32_t zero_point;
} clv_dn_operand;

/** Input @p i, which is there. An input that is stored as float32 and has a quant comes as uint8.
 *  A constant's scales, where it has several, are not in here. */
clv_dn_operand clv_dn_operand_in(const clv_graph *graph, const clv_node *node, uint32_t i);
clv_dn_operand clv_dn_operand_out(const clv_graph *graph, const clv_node *node);

static inline bool clv_dn_operand_is_bytes(const clv_dn_operand *operand)
{
    return operand->dtype != CLV_F32;
}

/** The activation as bounds of @p y, in its bytes as numbers (bytes) or as real numbers.
 *  @return false when it is something else: they are what @p y can be then. */
bool clv_dn_bounds_of(float *low_out, float *high_out, const clv_fusion *fusion,
                      const clv_dn_operand *y);

/** What turns the bytes of @p operand into unsigned ones (XOR), and the zero point of those. */
static inline uint8_t clv_dn_flip_of(const clv_dn_operand *operand)
{
    return operand->dtype == CLV_I8 ? 0x80 : 0;
}
static inline int32_t clv_dn_flipped_zero(const clv_dn_operand *operand)
{
    return operand->zero_point + (operand->dtype == CLV_I8 ? 128 : 0);
}

dnnl_data_type_t clv_dn_type_of(clv_dtype dtype);

/** Whether products of bytes are summed exactly. Without these instructions oneDNN adds two
 *  products in 16 bits, which overflow where weights pass 64 in magnitude. */
bool clv_dn_has_vnni(void);

/** Constant int8 weights of zero point 0, with a scale for each output channel or one for all. */
typedef struct clv_dn_weights {
    const int8_t *data;
    const clv_quant *quant;
    size_t n, n_each;       /**< output channels; weights of each */
    size_t step, step_each; /**< elements from a channel to the next; from a weight to the next */
} clv_dn_weights;

/** Whether input @p i is such weights, with its output channels along @p axis. */
bool clv_dn_int8_has_weights(const clv_graph *graph, const clv_node *node, uint32_t i,
                             uint32_t axis);

/** Input @p i, for which clv_dn_int8_has_weights() said yes; @p axis is the first or the last. */
void clv_dn_int8_weights(clv_dn_weights *out, const clv_graph *graph, const clv_node *node,
                         uint32_t i, uint32_t axis);

/** Whether input @p i is absent or a constant of real numbers. */
bool clv_dn_int8_has_bias(const clv_graph *graph, const clv_node *node, uint32_t i);

/** From sums of products to the output: y = act(scale[c] * (sum + bias[c]) + residual_scale * r) *
 *  last_scale + zero_point, rounded. */
typedef struct clv_dn_requant {
    size_t n;             /**< output channels */
    float *scale, *bias;  /**< n each; one block that begins at scale */
    float residual_scale; /**< of the residual as it is stored; 0: none */
    clv_dn_step steps[CLV_DN_MAX_STEPS];
    uint32_t n_steps;
    float last_scale;
    int32_t zero_point;
    float low,
        high; /**< of y, zero point included: the activation, where is_clamp, else all bytes */
    bool is_clamp;
} clv_dn_requant;

/** What clv_dn_requant_of() works with. */
typedef struct clv_dn_sums {
    clv_dn_weights weights;
    clv_dn_operand x, y;
    clv_dn_operand residual; /**< dtype CLV_NONE: none */
    const float *bias;       /**< real numbers, n of them; NULL: none */
    bool has_zero_point;     /**< sums are of x without its zero point, which is to be made up */
} clv_dn_sums;

/** Whether oneDNN's sums of products are exact on this machine. */
bool clv_dn_int8_is_exact(const clv_dn_sums *sums);

/** @return CLV_OK, CLV_ENOMEM; CLV_EUNSUPPORTED for numbers that float32 can't hold. */
CLV_NODISCARD clv_status clv_dn_requant_of(clv_dn_requant *out, const clv_dn_job *job,
                                           const clv_dn_sums *sums);
void clv_dn_requant_done(clv_dn_requant *requant);

/** Whether any channel's bias isn't 0. */
bool clv_dn_requant_has_bias(const clv_dn_requant *requant);

/** User scratchpad and all of @p requant but its bias.
 *  @param residual  Its type; CLV_NONE: none.
 *  @param src_zero_point  For oneDNN to take off the source; 0: none.
 *  @param mask  Of the scales: bit 1 for channels in dimension 1. */
typedef struct clv_dn_int8_attr {
    const clv_dn_requant *requant;
    clv_dtype residual;
    int32_t src_zero_point;
    int mask;
} clv_dn_int8_attr;
CLV_NODISCARD clv_status clv_dn_int8_attr_create(dnnl_primitive_attr_t *out, const clv_dn_job *job,
                                                 const clv_dn_int8_attr *options);

#endif
