/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ONNX_IMPORT_H
#define CLV_ONNX_IMPORT_H

/** @file onnx_import.h: an ONNX model becomes a clv_graph. What is imported: docs/onnx.md.
 *
 *  Operator sets 7 to 21 of the domain "ai.onnx". Older forms of an operator are rewritten into
 *  that of opset 21 (graph/op.h). Functions, If, Loop and Scan are resolved here: the graph is
 * flat. In a model without control flow only graph inputs and constants get a type and a shape
 * here; clv_graph_prepare() infers the rest. Nothing of the file is trusted: it may be hostile. */

#include "graph/graph.h"
#include "graph/prepare.h"

/** Largest model file, and the most that its external data may come to. */
#define CLV_ONNX_MAX_BYTES ((size_t)1 << 31)

/** The shape of one graph input. */
typedef struct clv_onnx_shape {
    const char *input;
    clv_shape shape; /**< no dimension is negative */
} clv_onnx_shape;

/** A graph input that the caller knows already: it becomes a constant of the graph. Inputs that
 * shapes depend on (a Reshape's target, a Slice's ends) must be known when the model is built. */
typedef struct clv_onnx_constant {
    const char *input;
    clv_tensor tensor; /**< of the type that the model says; data is copied */
} clv_onnx_constant;

/** Dimensions that the model leaves open (symbolic, unknown, zero or negative) come from here. */
typedef struct clv_onnx_options {
    const clv_onnx_shape *shapes; /**< override everything that the model says but the rank */
    size_t n_shapes;
    int64_t batch; /**< an open first dimension; other open ones are an error without a shape */
    const clv_onnx_constant *constants;
    size_t n_constants;
    /** Computes conditions and trip counts that follow from constants and shapes
     *  (clv_ref_evaluate() of kernel/ref/ref.h). NULL: they must be constants of the model. */
    clv_evaluate_fn evaluate;
} clv_onnx_options;

#define CLV_ONNX_OPTIONS_INIT                                                                      \
    {                                                                                              \
        NULL, 0, 1, NULL, 0, NULL                                                                  \
    }

/** Import the file @p path. External data is read from its folder and below.
 *  @param[out] out  Owned by the caller (clv_graph_free()); it owns all of its data. Left
 *                   untouched on failure.
 *  @param options   NULL: CLV_ONNX_OPTIONS_INIT.
 *  @return CLV_OK; CLV_EINVAL (an option); CLV_ENOENT, CLV_EIO; CLV_EFORMAT, CLV_ESHAPE;
 *          CLV_EUNSUPPORTED, where @p err names every operator that is not supported;
 *          CLV_ELIMIT; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_onnx_import(clv_graph **out, const char *path,
                                         const clv_onnx_options *options, clv_error *err);

/** As clv_onnx_import(), from memory, which is borrowed for the call.
 *  @param base_dir  Folder of external data; NULL: a model that has any is refused. */
CLV_NODISCARD clv_status clv_onnx_import_memory(clv_graph **out, const void *data, size_t bytes,
                                                const char *base_dir,
                                                const clv_onnx_options *options, clv_error *err);

/** A TensorProto on its own, as test data comes (test_data_set_0/input_0.pb).
 *  @param[out] out  Its data belongs to the caller: clv_free(out->data). Left untouched on failure.
 *  @return CLV_OK; CLV_EFORMAT, CLV_EUNSUPPORTED (types; external data), CLV_ELIMIT, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_onnx_read_tensor(clv_tensor *out, const void *data, size_t bytes,
                                              clv_error *err);

#endif
