/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_QDQ_EXPORT_H
#define CLV_QDQ_EXPORT_H

/** @file qdq_export.h: a quantised graph as the ONNX model that means the same: DequantizeLinear
 *  before each operator, QuantizeLinear behind it. */

#include "support/onnx_builder.h"

/** Fill @p b, which is initialised for opset 21. Operators that only the passes make, and Cast,
 *  fail the test. */
void qdq_export(onnx_builder *b, const clv_graph *graph);

#endif
