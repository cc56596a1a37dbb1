/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CUT_PROBE_H
#define CLV_CUT_PROBE_H

/** @file cut_probe.h: a graph run in two halves, so that what crosses a cut can be looked at and
 *  changed, and how much the outputs mind. One thread. */

#include "compress/calibrate.h"
#include "runtime/program.h"
#include "runtime/tensor_set.h"

typedef struct clv_cut_probe {
    const clv_graph *graph;
    uint32_t cut;
    clv_frontier values;                      /**< of the cut; borrowed */
    clv_tensor_set inputs, frontier, outputs; /**< what was read, crossed and came out */
    /* private */
    clv_program *program, *suffix_program; /* NULL: the same */
    clv_exec *exec, *suffix;
} clv_cut_probe; /* all zero is empty */

/** @param probe  For clv_cut_probe_done() in any case.
 *  @return CLV_OK; CLV_EINVAL (no such cut); errors of clv_program_compile(); CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_cut_probe_init(clv_cut_probe *probe, const clv_graph *graph,
                                            uint32_t cut, const clv_backend *backend,
                                            unsigned threads, clv_error *err);
void clv_cut_probe_done(clv_cut_probe *probe); /* idempotent */

/** Have @p form, another one of the same network (runtime/bundle.h), run behind the cut. Outputs
 *  are of the types that they have in @p like, a third one or one of the two.
 *  @return as clv_cut_probe_init(). */
CLV_NODISCARD clv_status clv_cut_probe_join(clv_cut_probe *probe, const clv_graph *form,
                                            const clv_graph *like, const clv_backend *backend,
                                            unsigned threads, clv_error *err);

/** Run sample @p index up to the cut: probe->frontier. */
CLV_NODISCARD clv_status clv_cut_probe_prefix(clv_cut_probe *probe, const clv_samples *samples,
                                              size_t index, clv_error *err);

/** Run from probe->frontier to the end: probe->outputs. */
CLV_NODISCARD clv_status clv_cut_probe_suffix(clv_cut_probe *probe, clv_error *err);

/** How much the outputs mind errors of float32 tensor @p which of the frontier, by pairs of its
 *  channels: the mean over @p limit samples of the outputs' squared error for a unit of error.
 *  Channels are disturbed one at a time by random signs, the same ones for every channel of a
 *  sample, so that what pairs do together shows in the product of what each does. The error of a
 *  classifier is Hellinger's distance of its probabilities: scores that nobody looks at don't
 * count. Of other outputs it is that of the numbers, each output relative to its own energy. A
 * little of the mean is added to the diagonal: what wasn't seen still counts.
 *  @param[out] metric  [channels, channels].
 *  @return CLV_OK; CLV_EINVAL (not a float32 tensor with [1, channels, ...]); errors of runs. */
CLV_NODISCARD clv_status clv_cut_probe_metric(double *metric, clv_cut_probe *probe, uint32_t which,
                                              const clv_samples *samples, size_t limit,
                                              const clv_watcher *watcher, clv_error *err);

#endif
