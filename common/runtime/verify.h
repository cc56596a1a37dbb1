/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_VERIFY_H
#define CLV_VERIFY_H

/** @file verify.h: law 1, checked: for every cut, prefix + frontier + suffix is the whole, bit for
 *  bit. One thread. */

#include "runtime/program.h"

typedef struct clv_verify_result {
    uint32_t cuts;           /**< n_nodes + 1 */
    uint32_t mismatches;     /**< cuts at which some bit of some output differs */
    uint32_t first_mismatch; /**< a cut; meaningless without mismatches */
    double worst_difference; /**< largest |difference| of a float output; INFINITY where a NaN is */
} clv_verify_result;

/** Run @p program on a random input (floats uniform in [-1, 1), integers 0 or 1) and every cut of
 * it.
 *  @return CLV_OK, also when cuts mismatch; what a kernel or allocation says otherwise. */
CLV_NODISCARD clv_status clv_verify_cuts(clv_verify_result *out, const clv_program *program,
                                         uint64_t seed, clv_error *err);

#endif
