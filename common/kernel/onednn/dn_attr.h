/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_ATTR_H
#define CLV_DN_ATTR_H

/** @file dn_attr.h: what rides on a primitive: scratchpad mode, fused residual and activation. */

#include "kernel/onednn/dn_kernel.h"

/** One element-wise step of oneDNN; dnnl.h says what alpha and beta mean for each. */
typedef struct clv_dn_step {
    dnnl_alg_kind_t kind;
    float alpha, beta;
} clv_dn_step;

#define CLV_DN_MAX_STEPS 2u

/** Write @p fusion's activation as steps that follow each other. @return how many. */
uint32_t clv_dn_steps_of(clv_dn_step out[CLV_DN_MAX_STEPS], const clv_fusion *fusion);

/** User scratchpad; then, where @p sum says so, what the destination held is added; then comes the
 *  activation of @p fusion (NULL: none). Free with dnnl_primitive_attr_destroy(). */
CLV_NODISCARD clv_status clv_dn_attr_create(dnnl_primitive_attr_t *out, const clv_dn_job *job,
                                            const clv_fusion *fusion, bool sum);

#endif
