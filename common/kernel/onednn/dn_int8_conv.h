/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_INT8_CONV_H
#define CLV_DN_INT8_CONV_H

/** @file dn_int8_conv.h: convolutions of bytes that oneDNN isn't good at. */

#include "kernel/onednn/dn_conv.h"
#include "kernel/onednn/dn_int8.h"

/** A depthwise convolution by dn_depthwise.h.
 *  @return CLV_OK; CLV_EUNSUPPORTED for any other convolution; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_dn_int8_depthwise(clv_kernel *kernel, const clv_dn_job *job,
                                               const clv_dn_conv_form *c, const clv_dn_sums *sums);

#endif
