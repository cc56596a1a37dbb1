/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BENCH_QDQ_EXPORT_H
#define CLV_BENCH_QDQ_EXPORT_H

/** @file qdq_export.h: a quantised graph as the ONNX model that other runtimes call QDQ: float
 *  operators between QuantizeLinear and DequantizeLinear, with the very scales, zero points and
 *  bytes of ours. What is fused in ours is written out, and two things differ, which ONNX has no
 *  words for: a bias is an integer in steps of its sums, and a convolution in front of a residual
 *  is rounded to bytes (over the range that can matter behind the addition) before it is added. */

#include "graph/graph.h"

/** Running out of memory ends the program.
 *  @return CLV_OK; CLV_EUNSUPPORTED with @p err for what the form has no place for (activations
 *          other than bounds, operators that are ours alone); CLV_EIO. */
CLV_NODISCARD clv_status bench_qdq_export(const char *path, const clv_graph *graph, clv_error *err);

#endif
