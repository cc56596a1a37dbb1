/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_FIDELITY_H
#define CLV_FIDELITY_H

/** @file fidelity.h: how close a quantised network's answers are to the float network's. */

#include "compress/calibrate.h"

/** The float network's outputs on some samples. */
typedef struct clv_reference {
    const clv_graph *graph;
    const clv_samples *samples;
    clv_sample_range range;
    size_t count;    /**< samples in it */
    bool classifier; /**< its first output is a list of class scores */
    size_t *elems;   /**< of each output; 0: not float32, not compared */
    float **outputs; /**< [sample * n_outputs + output] */
    clv_arena memory;
} clv_reference; /* all zero is empty */

typedef struct clv_fidelity {
    double agreement; /**< classifiers: the part of samples with the same best class; else 1 */
    double error; /**< energy of the outputs' errors over that of the outputs; the worst one's */
    double drop;  /**< what is compared with a limit: the error or, of classifiers, where it is
                       greater, the mean of how much less sure the float network is of the
                       class that this one gives than of its own: 0 where they agree, little
                       where it was undecided */
} clv_fidelity;

/** Run the float network. Samples beyond 256 MiB of outputs are left out.
 *  @param reference  For clv_reference_done() in any case. */
CLV_NODISCARD clv_status clv_reference_make(clv_reference *reference, clv_simulator *simulator,
                                            const clv_graph *graph, const clv_samples *samples,
                                            clv_sample_range range, const clv_watcher *watcher,
                                            clv_error *err);
void clv_reference_done(clv_reference *reference); /* idempotent */

/** Run another network of the same inputs and outputs on the same samples. */
CLV_NODISCARD clv_status clv_fidelity_measure(clv_fidelity *out, clv_simulator *simulator,
                                              const clv_reference *reference,
                                              const clv_watcher *watcher, clv_error *err);

/** 10 log10(1 / error), at most 200. */
double clv_error_db(double error);

#endif
