/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ONNX_RUN_H
#define ONNX_RUN_H

/** @file onnx_run.h: a built model, imported, prepared and run on ref. What goes wrong fails the
 *  test. */

#include "support/onnx_builder.h"

/** How models with control flow are imported: with ref's kernels. */
extern const clv_onnx_options onnx_evaluates;

/** Run the model, which ends the builder.
 *  @param inputs  Data of the graph's inputs, in order. NULL: there are none.
 *  @param out     Data of output 0, which must have @p bytes.
 *  @return the prepared graph. */
clv_graph *onnx_run(onnx_builder *b, const void *const *inputs, void *out, size_t bytes);

/** Import and prepare; the operators in order, with blanks between. Ends the builder.
 *  Static memory. */
const char *onnx_operators(onnx_builder *b);

#endif
