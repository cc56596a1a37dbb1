/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_SENSITIVITY_H
#define CLV_SENSITIVITY_H

/** @file sensitivity.h: how much each node alone costs when only it computes on bytes. */

#include "compress/quant_graph.h"

typedef struct clv_node_noise {
    double local;  /**< energy of the error of its output over that of the output */
    double output; /**< the same of the network's outputs; the worst one's */
} clv_node_noise;

/** Measure every quantised node that isn't a mere move.
 *  @param noise      n_nodes; zero for the others.
 *  @param quantised  Made from @p graph by @p plan and @p quants.
 *  @param range      A few samples: each costs a run of the rest of the network for each node. */
CLV_NODISCARD clv_status clv_sensitivity_measure(clv_node_noise *noise, const clv_graph *graph,
                                                 const clv_graph *quantised,
                                                 const clv_quant_plan *plan,
                                                 const clv_quant *quants,
                                                 const clv_samples *samples, clv_sample_range range,
                                                 const clv_backend *backend, unsigned threads,
                                                 const clv_watcher *watcher, clv_error *err);

#endif
