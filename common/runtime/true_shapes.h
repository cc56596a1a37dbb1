/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TRUE_SHAPES_H
#define CLV_TRUE_SHAPES_H

/** @file true_shapes.h: private to executions: the shapes that bounded values (graph.h) have this
 *  time, and the dynamic steps: those with a bounded input or output.
 *
 *  It is a graph that shares the nodes of the program's, with values of its own. Before a dynamic
 *  step runs, its node is inferred there from the true shapes of its inputs and their data, as
 *  strictly as if they were constant; nothing may be larger than planned, so whatever shapes and
 *  indices come from outside, no memory is left. Everything is in plain layout, by the plain C
 *  kernels. Only create() allocates. */

#include "runtime/program_internal.h"

typedef struct clv_true_shapes clv_true_shapes;

/** Every shape is the planned one at first. @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_true_shapes_create(clv_true_shapes **out, const clv_program *program);
void clv_true_shapes_free(clv_true_shapes *shapes); /* NULL is a no-op */

const clv_shape *clv_true_shapes_get(const clv_true_shapes *shapes, uint32_t value);

/** @param shape  Fits the planned one. */
void clv_true_shapes_set(clv_true_shapes *shapes, uint32_t value, const clv_shape *shape);

/** Run dynamic step @p index in @p arena, whose inputs are there.
 *  @return CLV_OK; CLV_ESHAPE and what else inference or the kernel says of data that doesn't fit:
 *          the outputs' shapes are the planned ones then. */
CLV_NODISCARD clv_status clv_true_shapes_run(clv_true_shapes *shapes, uint32_t index,
                                             uint8_t *arena, void *scratch);

#endif
