/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BACKEND_H
#define CLV_BACKEND_H

/** @file backend.h: what computes the nodes of a program.
 *
 *  A backend turns one node into one kernel. It never sees the program: the runtime
 *  (runtime/program.h) walks the graph, inserts reorders where a kernel wants another layout than
 *  its producer left, plans memory and falls back to `ref` for what a backend doesn't support.
 *
 *      supports(node)  may this backend run it? cheap, no allocation
 *      compile         once for each node: choose layouts, pack weights        -> clv_kernel
 *      bind            once for each kernel and execution: fix the addresses   -> state
 *      run             once for each frame: no allocation, no failure that a valid frame can cause
 *
 *  Threads: supports and compile from one thread; a compiled kernel is immutable and is shared by
 *  all executions; a state belongs to one execution. */

#include "graph/graph.h"
#include "kernel/layout.h"

typedef struct clv_kernel clv_kernel; /**< defined by each backend */

/** How a kernel meets its surroundings. The runtime fills the layouts that values have; compile
 *  overwrites what it wants otherwise. Arrays have n_inputs / n_outputs elements; constants and
 *  absent inputs have no meaning here (constants are packed by compile and never passed to bind).
 */
typedef struct clv_kernel_io {
    clv_layout *inputs;   /**< in: as produced; out: as wanted */
    clv_layout *outputs;  /**< out */
    size_t scratch_bytes; /**< out: private memory of one run, aligned to CLV_ALIGN */
    /** out: input whose buffer is output 0's as well, or CLV_NO_VALUE. Before run, output 0 holds
     *  a copy of that input in the layout that `inputs` says: the very same memory when nobody
     *  needs the input any more, else a copy that the runtime makes. Both take the same bytes. The
     *  kernel must not read that input. */
    uint32_t inplace_input;
    /** out: the kernel reads these constants at run time (bit i: input i), so their data stays;
     *  other constants may be released once the program is compiled. Inputs from 64 on count as
     *  kept. */
    uint64_t keeps_constants;
} clv_kernel_io;

/** Options of a compilation that backends see. */
typedef struct clv_backend_options {
    unsigned threads; /**< most threads one kernel may use; at least 1 */
} clv_backend_options;

typedef struct clv_backend {
    const char *name; /**< "ref", "onednn" */

    bool (*supports)(const clv_graph *graph, const clv_node *node);

    /** @param[out] out  Owned by the caller; free with free_kernel.
     *  @return CLV_OK; CLV_EUNSUPPORTED (the runtime falls back to ref); CLV_ENOMEM;
     *          CLV_EINTERNAL with @p err for what the library says. */
    clv_status (*compile)(clv_kernel **out, clv_kernel_io *io, const clv_graph *graph,
                          const clv_node *node, const clv_backend_options *options, clv_error *err);
    void (*free_kernel)(clv_kernel *kernel); /* NULL is a no-op */

    /** Fix the addresses for one execution. Tensors' data stay where they are for its life.
     *  Inputs and outputs in node order; a constant input has its original (plain) data,
     *  an absent one data NULL.
     *  @param[out] state_out  Free with unbind; may be set to NULL by a backend that needs none. */
    clv_status (*bind)(void **state_out, const clv_kernel *kernel, const clv_tensor *inputs,
                       clv_tensor *outputs, void *scratch);
    void (*unbind)(void *state); /* NULL is a no-op */

    /** @return CLV_OK; CLV_EINTERNAL, CLV_ESHAPE, CLV_EUNSUPPORTED where data itself is at fault
     *          (an index out of range). */
    clv_status (*run)(const clv_kernel *kernel, void *state);
} clv_backend;

/** Plain C: right first; what the tests compare with. Supports every operator. */
extern const clv_backend clv_backend_ref;

/** oneDNN; the default on x86-64. NULL where Cleave was built without it. */
const clv_backend *clv_backend_onednn(void);

/** By name; "auto" is the best one that was built in. @return CLV_OK, CLV_ENOENT. */
CLV_NODISCARD clv_status clv_backend_find(const clv_backend **out, const char *name);

#endif
