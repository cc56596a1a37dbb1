/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ONNX_BUILDER_H
#define ONNX_BUILDER_H

/** @file onnx_builder.h: small ONNX models for tests, in a few lines each. What the functions
 *  don't cover is set on the messages themselves. Running out of memory fails the test. */

#include "base/memory.h"
#include "onnx.pb-c.h"
#include "onnx/onnx_import.h"

/** TensorProto.DataType, as the tests need them. */
enum {
    ONNX_FLOAT = 1,
    ONNX_UINT8 = 2,
    ONNX_INT8 = 3,
    ONNX_UINT16 = 4,
    ONNX_INT16 = 5,
    ONNX_INT32 = 6,
    ONNX_INT64 = 7,
    ONNX_STRING = 8,
    ONNX_BOOL = 9,
    ONNX_FLOAT16 = 10,
    ONNX_DOUBLE = 11,
    ONNX_UINT32 = 12,
    ONNX_UINT64 = 13,
    ONNX_BFLOAT16 = 16
};

/** AttributeProto.AttributeType, as the tests need them. */
enum { ONNX_ATTR_FLOAT = 1, ONNX_ATTR_INT = 2, ONNX_ATTR_TENSOR = 4, ONNX_ATTR_INTS = 7 };

/** A dimension without a number, named "N". */
#define ONNX_OPEN INT64_MIN

typedef struct onnx_builder {
    Clv__Onnx__ModelProto model;
    Clv__Onnx__GraphProto *graph;
    clv_arena arena;
} onnx_builder;

/** An empty model of IR version 8 and @p opset. */
void onnx_builder_init(onnx_builder *b, int64_t opset);
void onnx_builder_done(onnx_builder *b);

/** Names are lists with commas: "x,,w" has an absent one. The node has no name. */
Clv__Onnx__NodeProto *onnx_node(onnx_builder *b, const char *op, const char *inputs,
                                const char *outputs);
/** One input or output more, whose name may have commas in it. */
void onnx_node_input(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name);
void onnx_node_output(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name);
void onnx_attr_int(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name, int64_t value);
void onnx_attr_float(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name, float value);
void onnx_attr_string(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name,
                      const char *value);
/** A list of strings, given with commas between. */
void onnx_attr_strings(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name,
                       const char *values);
void onnx_attr_ints(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name, size_t n,
                    const int64_t *values);
void onnx_attr_tensor(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name,
                      Clv__Onnx__TensorProto *value);

/** A graph for an attribute: from begin to end, nodes, inputs and all else go into it.
 *  @return from begin: the graph around it, which end takes; from end: the body. */
Clv__Onnx__GraphProto *onnx_body_begin(onnx_builder *b);
Clv__Onnx__GraphProto *onnx_body_end(onnx_builder *b, Clv__Onnx__GraphProto *outer);
void onnx_attr_graph(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name,
                     Clv__Onnx__GraphProto *body);

/** A function of the nodes of @p body, for @p opset (0: it doesn't say). Names as in onnx_node().
 */
Clv__Onnx__FunctionProto *onnx_function(onnx_builder *b, const char *domain, const char *name,
                                        const char *inputs, const char *outputs, int64_t opset,
                                        const Clv__Onnx__GraphProto *body);
/** An attribute of @p node that is the attribute @p ref of the function that it stands in. */
void onnx_attr_ref(onnx_builder *b, Clv__Onnx__NodeProto *node, const char *name, int type,
                   const char *ref);

/** A graph input or output; onnx_value_info() describes a value between nodes. */
void onnx_input(onnx_builder *b, const char *name, int type, size_t rank, const int64_t *dims);
void onnx_output(onnx_builder *b, const char *name, int type, size_t rank, const int64_t *dims);
void onnx_value_info(onnx_builder *b, const char *name, int type, size_t rank, const int64_t *dims);

/** A tensor with @p bytes of raw data (copied; NULL: it has no data). */
Clv__Onnx__TensorProto *onnx_tensor(onnx_builder *b, const char *name, int type, size_t rank,
                                    const int64_t *dims, const void *raw, size_t bytes);
Clv__Onnx__TensorProto *onnx_initializer(onnx_builder *b, const char *name, int type, size_t rank,
                                         const int64_t *dims, const void *raw, size_t bytes);

/** An initializer of int64, rank 1. */
void onnx_initializer_ints(onnx_builder *b, const char *name, size_t n, const int64_t *values);

/** Say that the data of @p tensor lies elsewhere; numbers as text, NULL: not given. */
void onnx_external(onnx_builder *b, Clv__Onnx__TensorProto *tensor, const char *location,
                   const char *offset, const char *length);

void onnx_opset(onnx_builder *b, const char *domain, int64_t version);

/** A copy of @p value, memory of the builder: for names that are set by hand. */
char *onnx_text(onnx_builder *b, const char *value);

/** The model's bytes, memory of the builder. */
const uint8_t *onnx_pack(onnx_builder *b, size_t *bytes_out);

/** The graph of the model, which must be good. Ends the builder.
 *  @param folder  Of external data; NULL: none. @param options  May be NULL. */
clv_graph *onnx_import_good(onnx_builder *b, const char *folder, const clv_onnx_options *options);

/** The model must be refused with @p status, @p where in the error's location and @p what in its
 *  message, and without a graph. Ends the builder. */
void onnx_import_bad(onnx_builder *b, const char *folder, const clv_onnx_options *options,
                     clv_status status, const char *where, const char *what);

#endif
