/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PROGRAM_H
#define CLV_PROGRAM_H

/** @file program.h: a graph compiled for one backend, and executions of it.
 *
 *  clv_program: compiled once, immutable, shared by threads. One step for each node, so a cut has
 *  the same number as in the graph. clv_exec: one arena and one set of bound kernels; one thread
 *  at a time. Running [from, to) is an index range: nothing is compiled, copied or allocated.
 *  A program of a part compiles the nodes of one range alone, and touches no other node's weights.
 *  Where a shape depends on data (clv_value.bounded), memory is planned for the largest one, the
 *  node runs on `ref`, and the true shape is what clv_exec_store() gives and clv_exec_load() takes.
 *
 *      clv_exec_load(exec, frontier(from))   values from outside, plain row-major
 *      clv_exec_run(exec, from, to)
 *      clv_exec_store(exec, frontier(to))    values to the outside, plain row-major */

#include "graph/frontier.h"
#include "kernel/backend.h"

typedef struct clv_program clv_program;
typedef struct clv_exec clv_exec;

typedef struct clv_program_options {
    const clv_backend *backend; /**< NULL: the best one */
    unsigned threads;           /**< most threads of one run; 0 is 1 */
    uint32_t from, to;          /**< only nodes [from, to) are compiled; 0, 0: all of them */
} clv_program_options;

#define CLV_PROGRAM_OPTIONS_INIT                                                                   \
    {                                                                                              \
        NULL, 1, 0, 0                                                                              \
    }

/** What a program needs, in bytes. */
typedef struct clv_program_memory {
    size_t arena_bytes;   /**< planned activations of one execution */
    size_t naive_bytes;   /**< the same without reuse, for comparison */
    size_t scratch_bytes; /**< of one execution */
} clv_program_memory;

/** Compile @p graph, which is prepared (graph/prepare.h) and outlives the program.
 *  @return CLV_OK; CLV_EINVAL unless from <= to <= n_nodes; CLV_EUNSUPPORTED, CLV_EINTERNAL with @p
 * err naming the node; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_program_compile(clv_program **out, const clv_graph *graph,
                                             const clv_program_options *options, clv_error *err);
void clv_program_free(clv_program *program); /* after all its executions; NULL is a no-op */

const clv_graph *clv_program_graph(const clv_program *program);
const clv_frontiers *clv_program_frontiers(const clv_program *program);
clv_program_memory clv_program_memory_of(const clv_program *program);

/** What running nodes [0, k) needs, for each cut k: the weights that they read, as the graph's form
 *  has them, what of the arena they touch, and the scratch memory. Where kernels keep weights in a
 *  form of their own it is about as large, and no others of the process are counted.
 *  @param[out] bytes_out  [n_nodes + 1]. Behind the part that is compiled it stays as it is.
 *  @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_program_prefix_memory(uint64_t *bytes_out, const clv_program *program);

/** The name of the backend that runs node @p step ("ref" where the wanted one can't; "none" where
 *  the node is outside of the part). */
const char *clv_program_step_backend(const clv_program *program, uint32_t step);

/** Whether any kernel reads the original data of constant @p value at run time. Other constants
 *  were packed: their memory or pages may be dropped while the program lives. */
bool clv_program_keeps_constant(const clv_program *program, uint32_t value);

/** @return CLV_OK, CLV_ENOMEM, CLV_EINTERNAL. */
CLV_NODISCARD clv_status clv_exec_create(clv_exec **out, const clv_program *program,
                                         clv_error *err);
void clv_exec_free(clv_exec *exec); /* NULL is a no-op */

/** Put a value in; one that the part doesn't need is left out. @p tensor is plain row-major, of the
 * value's type and shape; a bounded value's (graph.h) may be smaller. Both are demanded: who has
 * them from outside checks them before. A value that has a quant is taken in bytes or as float32,
 * whichever way the program holds it. */
void clv_exec_load(clv_exec *exec, uint32_t value, const clv_tensor *tensor);

/** Take a value out. It must be in the frontier of where the last run ended (or have been made by
 *  it as a graph output).
 *  @param tensor  In: the value's type, which is demanded (of a value that has a quant also uint8,
 *                 int8 or float32), and memory for the planned shape. Out: the true shape, and
 *                 plain row-major data. */
void clv_exec_store(const clv_exec *exec, uint32_t value, clv_tensor *tensor);

/** Fill the arena and the scratch memory with NaNs, so that a run which reads what nobody loaded
 *  shows it. For tests and `cleave verify`. */
void clv_exec_poison(clv_exec *exec);

/** Run nodes [from, to). The frontier of @p from is loaded, or is what an earlier run left.
 *  @return CLV_OK; CLV_EINVAL unless from <= to, inside of the part; what a kernel says of bad
 * data; CLV_ESHAPE where a shape that depends on data doesn't fit, or isn't in the plan. */
CLV_NODISCARD clv_status clv_exec_run(clv_exec *exec, uint32_t from, uint32_t to);

#endif
