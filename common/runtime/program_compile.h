/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PROGRAM_COMPILE_H
#define CLV_PROGRAM_COMPILE_H

/** @file program_compile.h: what the files of the compiler share: program.c walks the nodes,
 *  program_moves.c brings values into the layout and the type that a kernel wants. */

#include "runtime/program_internal.h"

/** What is only needed while compiling. */
typedef struct clv_compiler {
    clv_program *program;
    const clv_backend *wanted;
    clv_backend_options options;
    uint32_t *last_use; /**< n_values: last node that reads it; n_nodes for outputs */
    clv_error *err;
} clv_compiler;

/** Plan a buffer that lives from step @p first to step @p last. */
CLV_NODISCARD clv_status clv_compile_add_buffer(uint32_t *out, clv_compiler *c, size_t bytes,
                                                uint32_t first, uint32_t last);

/** Bring input @p i of node @p index into @p layout and into the type in which it arrives, by moves
 *  of its step where it isn't so already; the step's input_buffers say where it then is.
 *  @param into  NO_BUFFER, or the buffer that it must end in (a kernel that works in place). */
CLV_NODISCARD clv_status clv_compile_input(clv_compiler *c, uint32_t index, uint32_t i,
                                           const clv_layout *layout, uint32_t into);

/** Make program->as_float. */
CLV_NODISCARD clv_status clv_compile_float_view(clv_compiler *c);

#endif
