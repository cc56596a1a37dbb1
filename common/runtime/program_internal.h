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

/** A copy before the kernel runs, of an input or of what an earlier copy made: into the layout or
 *  the type that the kernel wants (one of them at a time), or into its output. */
typedef struct clv_move {
    uint32_t value; /**< what is copied */
    clv_place from; /**< NO_BUFFER: the constant itself */
    clv_place to;
    clv_dtype from_dtype, to_dtype;
} clv_move;

/** Most copies for one input: to plain, to the other type, to the layout, into the output. */
#define CLV_MAX_MOVES 4u

/** One node: its kernel and the copies before it. */
typedef struct clv_step {
    const clv_backend *backend;
    clv_kernel *kernel;
    uint32_t *input_buffers; /**< n_inputs of the node; NO_BUFFER: constant or absent */
    clv_move *moves;
    uint32_t n_moves;
    bool dynamic; /**< has bounded inputs or outputs: runs as true_shapes.h says, on `ref` */
} clv_step;

struct clv_program {
    const clv_graph *graph;
    /** The graph as nodes see it that don't compute on bytes: every value that nodes make and that
     *  has a quant is float32. Shares all but the values with graph, and those where it can. */
    clv_graph as_float;
    clv_frontiers *frontiers;
    clv_step *steps;   /**< n_nodes */
    clv_place *places; /**< n_values */
    bool is_dynamic;   /**< some step is */
    bool *keeps;       /**< n_values: a kernel reads this constant when it runs */
    bool *holds;       /**< n_values: one hold on this packed constant is the program's */
    uint32_t from, to; /**< the nodes that are compiled */
    clv_planned_buffer *buffers;
    uint32_t n_buffers, cap_buffers;
    clv_program_memory memory;
    clv_arena arena; /**< of the steps' arrays */
};

/** The graph that the kernel of @p node is compiled for. */
static inline const clv_graph *clv_program_view(const clv_program *program, const clv_node *node)
{
    return node->quantised ? program->graph : &program->as_float;
}

#endif
