/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PROGRAM_INTERNAL_H
#define CLV_PROGRAM_INTERNAL_H

/** @file program_internal.h: what compiling (program.c) leaves for executing (exec.c). */

#include "runtime/memory_plan.h"
#include "runtime/program.h"

#define NO_BUFFER UINT32_MAX

/** A tensor's place: a buffer of the arena and the order of its elements there. */
typedef struct clv_place {
    uint32_t buffer; /**< index into the plan, or NO_BUFFER (constants, unused values) */
    clv_layout layout;
} clv_place;

/** A copy before the kernel runs: into the layout that it wants, or into its output. */
typedef struct clv_reorder {
    uint32_t value; /**< source */
    clv_place to;
} clv_reorder;

/** One node: its kernel and the copies before it. */
typedef struct clv_step {
    const clv_backend *backend;
    clv_kernel *kernel;
    uint32_t *input_buffers; /**< n_inputs of the node; NO_BUFFER: constant or absent */
    clv_reorder *reorders;
    uint32_t n_reorders;
    bool dynamic; /**< has bounded inputs or outputs: runs as true_shapes.h says, on `ref` */
} clv_step;

struct clv_program {
    const clv_graph *graph;
    clv_frontiers *frontiers;
    clv_step *steps;   /**< n_nodes */
    clv_place *places; /**< n_values */
    bool is_dynamic;   /**< some step is */
    bool *keeps;       /**< n_values: a kernel reads this constant when it runs */
    clv_planned_buffer *buffers;
    uint32_t n_buffers, cap_buffers;
    clv_program_memory memory;
    clv_arena arena; /**< of the steps' arrays */
};

#endif
