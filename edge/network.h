/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_NETWORK_H
#define CLV_NETWORK_H

/** @file network.h: one model of a bundle, compiled, with the one execution that the agent's
 *  worker uses. One thread at a time. */

#include "runtime/bundle.h"
#include "runtime/program.h"
#include "runtime/tensor_set.h"

/** All zero is a model that isn't there. */
typedef struct clv_network {
    const clv_model *model; /**< of the bundle, which outlives this */
    const clv_graph *graph; /**< the form of it that runs */
    clv_program *program;
    clv_exec *exec;
    const char **output_names; /**< in the order of the outputs */
    uint64_t run_us;           /**< what a run took at the start */
} clv_network;

/** Compile the form of @p model that @p precision names and that it has (all nodes, [0,
 * options->to), or none: [n_nodes, n_nodes)), give back the memory of weights that were packed, and
 * measure a run. @p network is all zero; clv_network_done() in every case.
 *  @return CLV_OK; CLV_EUNSUPPORTED, CLV_ENOMEM, CLV_EINTERNAL with @p err. */
CLV_NODISCARD clv_status clv_network_init(clv_network *network, const clv_bundle *bundle,
                                          const clv_model *model, clv_precision precision,
                                          const clv_program_options *options, clv_error *err);
void clv_network_done(clv_network *network); /* idempotent */

/** Whether an image is all that it takes. */
bool clv_network_takes_images(const clv_network *network);

/** Whether both take the same inputs: types, shapes, and the way from an image to them. */
bool clv_network_same_inputs(const clv_network *a, const clv_network *b);

CLV_NODISCARD clv_status clv_network_fit_inputs(clv_tensor_set *out, const clv_network *network);
CLV_NODISCARD clv_status clv_network_fit_outputs(clv_tensor_set *out, const clv_network *network);

void clv_network_load_inputs(clv_network *network, const clv_tensor_set *inputs);
void clv_network_store_outputs(const clv_network *network, clv_tensor_set *outputs);

/** Copy what travels at @p cut into @p out, which is fitted to it: out of the execution, which ran
 *  up to there, or of @p inputs at cut 0, so that the execution isn't touched.
 *  @return CLV_OK; errors of clv_tensor_set_fit(). */
CLV_NODISCARD clv_status clv_network_take_frontier(clv_tensor_set *out, const clv_network *network,
                                                   uint32_t cut, const clv_tensor_set *inputs);

/** Run nodes from @p from on, up to @p to or until @p slice_us have passed; at least one.
 *  @param[out] reached  Nodes before this one have been run.
 *  @return CLV_OK; what a kernel says of bad data, and then @p reached is the node. */
CLV_NODISCARD clv_status clv_network_run(uint32_t *reached, clv_network *network, uint32_t from,
                                         uint32_t to, uint64_t slice_us);

#endif
