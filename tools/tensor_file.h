/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TENSOR_FILE_H
#define CLV_TENSOR_FILE_H

/** @file tensor_file.h: tensors from files, by the end of the name: .npy (NumPy), .pb (ONNX
 *  TensorProto), anything else is raw little-endian elements in C order. */

#include "base/options.h"
#include "graph/graph.h"

/** Fill @p tensor, which has type, shape and memory, from @p path. The file must have the same type
 *  and as many elements; a shape that the file tells must be the same but for dimensions of 1.
 *  @return CLV_OK, or what failed with @p err naming the file. */
CLV_NODISCARD clv_status tensor_file_read(clv_tensor *tensor, const char *path, clv_error *err);

/** Fill every input of @p graph, once, by the words "NAME=FILE" of --tensor.
 *  @param inputs  In the graph's order.
 *  @return CLV_OK; CLV_EINVAL where a name is unknown, twice or missing; errors of reading. */
CLV_NODISCARD clv_status tensor_file_read_inputs(clv_tensor *inputs, const clv_graph *graph,
                                                 const clv_string_list *words, clv_error *err);

/** "DIR/NAME.npy", where what isn't a letter, digit, dot or dash in NAME becomes '_'. Makes DIR
 *  and the folders above it. */
CLV_NODISCARD clv_status tensor_file_save(const char *dir, const char *name,
                                          const clv_tensor *tensor, clv_error *err);

/** Whether tensor_file_save() would write both names to one file. */
bool tensor_file_same_name(const char *a, const char *b);

#endif
