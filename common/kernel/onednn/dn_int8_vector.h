/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_INT8_VECTOR_H
#define CLV_DN_INT8_VECTOR_H

/** @file dn_int8_vector.h: few rows of bytes times a matrix, what networks end in. The matrix is
 *  read once and does little with each number, for which oneDNN's code is half as fast. Sums are
 *  exact for any weights on any machine. */

#include "kernel/onednn/dn_int8.h"

#define CLV_DN_FEW_ROWS 4

/** Output 0 [rows, n] = input 0 [rows, k] times the weights of @p sums, both plain.
 *  @return CLV_OK; CLV_EUNSUPPORTED for many rows, and for activations that aren't bounds. */
CLV_NODISCARD clv_status clv_dn_int8_vector(clv_kernel *kernel, const clv_dn_job *job, int64_t rows,
                                            const clv_dn_sums *sums);

#endif
