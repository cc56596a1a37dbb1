/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_LINEAR_ALGEBRA_H
#define CLV_LINEAR_ALGEBRA_H

/** @file linear_algebra.h: small dense matrices of doubles, row-major [n, n]. Pure, in place. */

#include <stddef.h>
#include <stdint.h>

/** The lower triangle L of a = L L^T, the upper one zeroed. Pivots that aren't positive (a matrix
 *  that is only semi-definite, but for rounding) are raised to a billionth of the largest. */
void clv_cholesky(double *a, uint32_t n);

/** Solve L L^T x = b for one right-hand side, in place. */
void clv_cholesky_solve(double *x, const double *l, uint32_t n);

/** Eigenvalues of symmetric @p a, largest first, and eigenvectors as the rows of @p vectors, by
 *  Jacobi's rotations. @p a is destroyed. */
void clv_eigen_symmetric(double *values, double *vectors, double *a, uint32_t n);

#endif
