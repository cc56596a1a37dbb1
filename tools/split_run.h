/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_SPLIT_RUN_H
#define CLV_SPLIT_RUN_H

/** @file split_run.h: a model run whole or through a cut, both sides in this process: prefix,
 * codec, suffix, exactly as device and server do it. One thread. */

#include "codec/activation.h"
#include "runtime/program.h"

typedef struct split_run split_run;

/** A cut that isn't one: run the model whole, without codec. */
#define SPLIT_RUN_WHOLE UINT32_MAX

/** Executions and buffers for @p program.
 *  @param suffix  What runs behind the cut: another form of the same network; NULL: @p program.
 *  @param cut  0 .. n_nodes or SPLIT_RUN_WHOLE. CLV_EINVAL when there is no such. */
CLV_NODISCARD clv_status split_run_create(split_run **out, const clv_program *program,
                                          const clv_program *suffix, uint32_t cut, clv_codec codec,
                                          clv_error *err);
void split_run_free(split_run *run);

/** Input and output tensors, in the graph's order, with memory of the run's: write the inputs, call
 *  split_run_go(), read the outputs. */
clv_tensor *split_run_inputs(split_run *run, uint32_t *n_out);
const clv_tensor *split_run_outputs(const split_run *run, uint32_t *n_out);

/** @param[out] bytes_out  Bytes of the payload at the cut; 0 when whole; may be NULL. */
CLV_NODISCARD clv_status split_run_go(split_run *run, size_t *bytes_out, clv_error *err);

#endif
