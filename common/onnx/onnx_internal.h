/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ONNX_INTERNAL_H
#define CLV_ONNX_INTERNAL_H

/** @file onnx_internal.h: what the importer's files share; nobody else includes it. */

#include "base/error.h"
#include "graph/graph.h"
#include "onnx.pb-c.h"
#include "onnx/onnx_import.h"

#define CLV_ONNX_MIN_OPSET 7
#define CLV_ONNX_MAX_OPSET 21

/** One import under way. */
typedef struct clv_onnx_importer {
    Clv__Onnx__ModelProto *model;
    clv_graph *graph;
    const clv_onnx_options *options;
    const char *base_dir; /**< NULL: no external data */
    int64_t opset;
    uint64_t external_bytes; /**< read so far */
    /** By value: its type in the model, where the model says so; n_hints of them. */
    const Clv__Onnx__TypeProto__Tensor **hints;
    uint32_t n_hints;
    uint32_t n_renamed; /**< names made up that needed a number */
    clv_arena scratch;  /**< dies with the import */
    clv_error *err;
} clv_onnx_importer;

/** A node on its way into the graph. Arrays are memory of the importer's scratch arena. */
typedef struct clv_onnx_node {
    const char *name;
    char where[160]; /**< "node 'conv1' (Conv)", for errors */
    clv_op op;
    bool is_sum; /**< an ONNX Sum, for which op is Add */
    uint32_t n_inputs, n_outputs, n_attrs;
    uint32_t *inputs; /**< with room for CLV_ONNX_MAX_NEW_INPUTS more; CLV_NO_VALUE where absent */
    uint32_t *outputs;
    clv_attr *attrs;
} clv_onnx_node;

/** Attributes that became inputs: at most Slice's starts, ends and axes. */
#define CLV_ONNX_MAX_NEW_INPUTS 3u

/** "" and "ai.onnx" are one domain. */
bool clv_onnx_is_standard(const char *domain);

/** A string field of a message, "" where it is absent. */
static inline const char *clv_onnx_text(const char *field)
{
    return field ? field : "";
}

/** Report that there is no memory for @p what. */
clv_status clv_onnx_no_memory(const clv_onnx_importer *im, const char *what);

/* --- onnx_support.c --- */

/** The operator of a node. @param[out] is_sum_out  Whether it is Sum, which becomes Adds.
 *  @return CLV_OK; CLV_EUNSUPPORTED, also for Constant, which is none of the graph's. */
CLV_NODISCARD clv_status clv_onnx_find_op(clv_op *out, bool *is_sum_out,
                                          const Clv__Onnx__NodeProto *node);

/** Whether every node's operator is one of graph/op.h (or Constant); if not, all of the others
 *  are named in the error. */
CLV_NODISCARD clv_status clv_onnx_check_support(clv_onnx_importer *im);

/* --- onnx_old_opset.c --- */

/** Whether every operator is, in the model's opset, what it is in CLV_ONNX_MIN_OPSET. */
bool clv_onnx_is_unchanged(const clv_onnx_importer *im);

/* --- onnx_order.c --- */

/** Node indices in topological order; a file that is sorted keeps its order.
 *  @param[out] order_out  n_node elements of the scratch arena.
 *  @return CLV_OK; CLV_EFORMAT for a value that two nodes make, and for a cycle. */
CLV_NODISCARD clv_status clv_onnx_sort(const uint32_t **order_out, clv_onnx_importer *im);

/* --- onnx_values.c --- */

/** Initializers, graph inputs and what nodes make become values of the graph; initializers and
 *  Constant nodes also get their data. */
CLV_NODISCARD clv_status clv_onnx_add_values(clv_onnx_importer *im, const uint32_t *order);

/** Graph outputs, once all values are there. */
CLV_NODISCARD clv_status clv_onnx_add_outputs(clv_onnx_importer *im);

/** As clv_graph_add_value(), with the failure in words. */
CLV_NODISCARD clv_status clv_onnx_add_value(uint32_t *out, clv_onnx_importer *im, const char *name,
                                            const char *where);

/* --- onnx_inputs.c --- */

/** Graph inputs that no initializer has the name of. */
CLV_NODISCARD clv_status clv_onnx_add_inputs(clv_onnx_importer *im);

/* --- onnx_nodes.c --- */

/** Add every node, in @p order, rewritten for opset 21. */
CLV_NODISCARD clv_status clv_onnx_add_nodes(clv_onnx_importer *im, const uint32_t *order);

/** Add @p node as it is. */
CLV_NODISCARD clv_status clv_onnx_emit(clv_onnx_importer *im, const clv_onnx_node *node);

/** Constant is no node of the graph: what it makes is a constant value. */
bool clv_onnx_is_constant_node(const Clv__Onnx__NodeProto *node);

/** A node's name; one without gets "Conv:output", from the scratch arena, or just
 *  "Conv" when out of memory: it is for messages only. */
const char *clv_onnx_node_name(clv_onnx_importer *im, const Clv__Onnx__NodeProto *node);

/* --- onnx_upgrade.c --- */

/** Rewrite @p node from the model's opset to the form of opset 21. May add nodes and constants
 *  that it needs to the graph; @p node itself is the last one and is left for the caller to emit.
 *  @return CLV_OK; CLV_EUNSUPPORTED for a form that has no equivalent; CLV_EFORMAT. */
CLV_NODISCARD clv_status clv_onnx_upgrade(clv_onnx_importer *im, clv_onnx_node *node);

/* --- onnx_attrs.c --- */

/** Attributes of @p proto, into @p node; their data stays that of @p proto where it can. */
CLV_NODISCARD clv_status clv_onnx_read_attrs(clv_onnx_importer *im, clv_onnx_node *node,
                                             const Clv__Onnx__NodeProto *proto);

/** Make @p value the constant that a Constant node stands for. */
CLV_NODISCARD clv_status clv_onnx_set_constant_node(clv_onnx_importer *im, uint32_t value,
                                                    Clv__Onnx__NodeProto *node, const char *where);

/* --- onnx_tensor.c --- */

/** The element type of an ONNX data_type number. @return CLV_OK; CLV_EUNSUPPORTED, naming it. */
CLV_NODISCARD clv_status clv_onnx_dtype(clv_dtype *out, int64_t data_type, const char *where,
                                        clv_error *err);

/** Make @p value the constant @p proto, and free the data that @p proto holds. */
CLV_NODISCARD clv_status clv_onnx_set_constant(clv_onnx_importer *im, uint32_t value,
                                               Clv__Onnx__TensorProto *proto, const char *where);

/** @p proto as a tensor in the scratch arena, for an attribute. Never external. */
CLV_NODISCARD clv_status clv_onnx_attr_tensor(clv_onnx_importer *im, clv_tensor *out,
                                              const Clv__Onnx__TensorProto *proto,
                                              const char *where);

/* --- onnx_external.c --- */

/** Memory of the graph with the @p bytes of external data that @p proto points to. Its location
 *  must be a file in base_dir or below: no absolute path, no "..", no symbolic link on the way.
 *  @return CLV_OK; CLV_EFORMAT, CLV_ENOENT, CLV_EIO; CLV_EUNSUPPORTED without a base_dir;
 *          CLV_ELIMIT; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_onnx_read_external(void **data_out, clv_onnx_importer *im,
                                                size_t bytes, const Clv__Onnx__TensorProto *proto,
                                                const char *where);

#endif
