/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_POOL_H
#define CLV_DN_POOL_H

/** @file dn_pool.h: pooling over all of an image, for operators that are that by another name. */

#include "kernel/onednn/dn_kernel.h"

/** Compile input 0, [n, c, spatial...], to one number for each channel: output 0 is
 *  [n, c, 1...] or [n, c]. @p kind is one of dnnl_pooling_*. */
CLV_NODISCARD clv_status clv_dn_pool_globally(clv_kernel *kernel, const clv_dn_job *job,
                                              dnnl_alg_kind_t kind);

#endif
