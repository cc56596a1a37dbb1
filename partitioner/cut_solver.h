/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CUT_SOLVER_H
#define CLV_CUT_SOLVER_H

/** @file cut_solver.h: private to the partitioner: a problem taken apart, to be solved for one
 *  weight after the other. */

#include "partitioner/cuts.h"

typedef struct clv_cut_solver clv_cut_solver;

/** Check @p problem, which is borrowed, and take it apart.
 *  @return CLV_OK, CLV_EINVAL, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_cut_solver_create(clv_cut_solver **out,
                                               const clv_cut_problem *problem);
void clv_cut_solver_free(clv_cut_solver *solver); /* NULL is a no-op */

/** The set with the least time_weight x compute_ns + byte_weight x bytes, of equal ones the one
 *  with the most nodes. */
clv_cut_cost clv_cut_solver_best(bool *on_device_out, clv_cut_solver *solver, double time_weight,
                                 double byte_weight);

#endif
