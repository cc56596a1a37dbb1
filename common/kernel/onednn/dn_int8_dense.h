/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_INT8_DENSE_H
#define CLV_DN_INT8_DENSE_H

/** @file dn_int8_dense.h: convolutions and products of bytes by dn_dense.h, for machines without
 *  VNNI and for what oneDNN has no form for. */

#include "kernel/onednn/dn_conv.h"
#include "kernel/onednn/dn_int8.h"

/** Whether the next function does it in less time than oneDNN would. */
bool clv_dn_int8_dense_is_faster(const clv_dn_job *job, const clv_dn_conv_form *c);

/** A convolution in one group, channels last. Its residual, if any, may be of any type.
 *  @return CLV_OK; CLV_EUNSUPPORTED for any other, for activations that aren't bounds and for
 *          machines without AVX2; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_dn_int8_dense_conv(clv_kernel *kernel, const clv_dn_job *job,
                                                const clv_dn_conv_form *c, const clv_dn_sums *sums);

/** Output 0 [rows, n] = input 0 [rows, k] times the weights of @p sums, all plain. Errors as above.
 */
CLV_NODISCARD clv_status clv_dn_int8_dense_rows(clv_kernel *kernel, const clv_dn_job *job,
                                                int64_t rows, const clv_dn_sums *sums);

#endif
