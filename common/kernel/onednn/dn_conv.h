/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_CONV_H
#define CLV_DN_CONV_H

/** @file dn_conv.h: what convolutions of float32 and of bytes share. */

#include "graph/params.h"
#include "kernel/onednn/dn_kernel.h"
#include "kernel/onednn/dn_window.h"

/** Conv as oneDNN wants it described. */
typedef struct clv_dn_conv_form {
    clv_conv_params params;
    clv_shape weights_shape; /**< as stored, with a dimension for the groups where there are any */
    dnnl_memory_desc_t src, weights, bias, dst;
    bool has_bias;
    bool avoids_1x1; /**< not by the code that oneDNN has for kernels of one element */
    clv_dn_window window;
} clv_dn_conv_form;

/** Describe it, all float32: other types are for the caller to put in.
 *  @return CLV_OK; CLV_EUNSUPPORTED where oneDNN can't be trusted with it. */
CLV_NODISCARD clv_status clv_dn_conv_describe(clv_dn_conv_form *out, const clv_dn_job *job);

/** Make the primitive in the best layout; name the source, the destination and the residual, which
 *  lies in the destination (sum, among @p attr's post-ops). Weights and bias are left. */
CLV_NODISCARD clv_status clv_dn_conv_make(clv_kernel *kernel, const clv_dn_job *job,
                                          clv_dn_conv_form *conv, const_dnnl_primitive_attr_t attr);

#endif
