/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_SIMULATE_H
#define CLV_SIMULATE_H

/** @file simulate.h: a quantised graph run in float32: weights are the numbers that their bytes
 *  stand for, and so is every value that a quantised node reads or writes. It needs no int8 kernel,
 *  shows each value on the way, and differs from int8 only in the order of float sums. A graph
 *  without quantised nodes runs as it is: calibration observes that. One thread. */

#include "graph/graph.h"
#include "kernel/backend.h"

typedef struct clv_simulator clv_simulator;

/** Sees a float32 value of known shape when it has been made, graph inputs included: @p n plain
 *  numbers. */
typedef void (*clv_observe_fn)(void *context, uint32_t value, const float *data, size_t n);

typedef struct clv_observer {
    clv_observe_fn observe; /**< NULL: nobody looks */
    void *context;
} clv_observer;

/** Compile. @p graph outlives the simulator.
 *  @param backend  NULL: the best one.
 *  @return CLV_OK; errors of clv_program_compile(); CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_simulator_create(clv_simulator **out, const clv_graph *graph,
                                              const clv_backend *backend, unsigned threads,
                                              clv_error *err);
void clv_simulator_free(clv_simulator *simulator); /* NULL is a no-op */

/** @param inputs   One for each graph input, plain.
 *  @param outputs  One for each graph output, with memory; values that are stored in bytes come as
 *                  float32. NULL: not wanted. */
CLV_NODISCARD clv_status clv_simulator_run(clv_simulator *simulator, const clv_tensor *inputs,
                                           clv_tensor *outputs, clv_observer observer,
                                           clv_error *err);

/* --- parts of a run, for comparing one node ------------------------------------------------- */

/** Put a value in or take it out, as clv_exec_load() and clv_exec_store(). */
void clv_simulator_load(clv_simulator *simulator, uint32_t value, const clv_tensor *tensor);
void clv_simulator_store(const clv_simulator *simulator, uint32_t value, clv_tensor *tensor);

/** Run nodes [from, to) as above. */
CLV_NODISCARD clv_status clv_simulator_step(clv_simulator *simulator, uint32_t from, uint32_t to,
                                            clv_observer observer, clv_error *err);

#endif
