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

/** Bodies in one another, in the file. proto_guard counts messages: three for each. */
#define CLV_ONNX_MAX_NESTING 8u
/** Bodies and calls in one another, while they are resolved. */
#define CLV_ONNX_MAX_DEPTH 32u
/** Graphs and functions in a file. */
#define CLV_ONNX_MAX_BLOCKS 16384u
/** What resolving may come to: nodes and the names and attributes that they have, each time. */
#define CLV_ONNX_MAX_EFFORT (UINT64_C(1) << 18)

typedef struct clv_name_table clv_name_table;

/** Nodes with names of their own: the model's graph, a body of a node, a function. Memory of the
 *  scratch arena, but for the tables. */
typedef struct clv_onnx_block {
    const Clv__Onnx__GraphProto *graph; /**< one of these two is NULL */
    const Clv__Onnx__FunctionProto *function;
    Clv__Onnx__NodeProto **nodes;
    const char **inputs; /**< of a body: those that no initializer has the name of */
    const char **outputs;
    uint32_t n_nodes, n_inputs, n_outputs, n_captures;
    const char **captures; /**< names from outside that it reads */
    clv_name_table *reads; /**< names that its nodes and their bodies read, or that it gives out */
    const uint32_t *order; /**< NULL until clv_onnx_sort() */
    clv_name_table *constants; /**< NULL until it is entered for the first time */
    clv_name_table *names; /**< of the scope, each time: no block is entered from inside itself */
    uint64_t effort;       /**< of entering it once */
    bool is_listed;        /**< its operators have been looked at */
    bool is_open;          /**< it is being entered */
} clv_onnx_block;

/** What names mean while a block's nodes are added. */
typedef struct clv_onnx_scope {
    struct clv_onnx_scope
        *parent; /**< a body sees its names, a function doesn't; NULL: the model */
    clv_onnx_block *block;
    clv_name_table *names;            /**< to values of the graph */
    const Clv__Onnx__NodeProto *call; /**< of a function: gives its attributes */
    unsigned depth;
} clv_onnx_scope;

/** One import under way. */
typedef struct clv_onnx_importer {
    Clv__Onnx__ModelProto *model;
    clv_graph *graph;
    const clv_onnx_options *options;
    const char *base_dir;    /**< NULL: no external data */
    int64_t opset;           /**< of the model, or of the function that is being entered */
    uint64_t external_bytes; /**< read so far */
    clv_onnx_block *main;    /**< the model's graph */
    clv_onnx_block **blocks; /**< all that is ever entered, by address of the message */
    uint32_t n_blocks;
    uint32_t n_file_nodes;            /**< in all blocks */
    clv_name_table *functions;        /**< "domain:name:overload" to index in the model */
    clv_onnx_block **function_blocks; /**< by that index; NULL: nothing calls it */
    clv_onnx_scope *scope;            /**< of the block that is being entered */
    uint64_t effort;                  /**< of all blocks that were entered */
    bool has_control_flow;
    bool infers; /**< nodes get types and are folded as they are added, so conditions are known */
    size_t folded_bytes;
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

/* --- onnx_blocks.c --- */

/** Look at the model's graph, all bodies, and the functions that they call. */
CLV_NODISCARD clv_status clv_onnx_collect(clv_onnx_importer *im);
void clv_onnx_free_tables(clv_onnx_importer *im);

/** The block of a body; NULL where @p graph is none of the model's. */
clv_onnx_block *clv_onnx_find_block(const clv_onnx_importer *im,
                                    const Clv__Onnx__GraphProto *graph);

/** The names that a node reads, itself and through its bodies, one after the other; NULL behind
 *  the last. */
const char *clv_onnx_name_read(const clv_onnx_importer *im, const Clv__Onnx__NodeProto *node,
                               size_t i);

/* --- onnx_scope.c --- */

/** The value that @p name means here; CLV_NO_VALUE for an input that a call leaves out.
 *  @return Whether there is one. */
bool clv_onnx_lookup(uint32_t *out, const clv_onnx_importer *im, const char *name);

/** Whether anything in the block reads @p name, or the block gives it out. */
bool clv_onnx_is_read(const clv_onnx_importer *im, const char *name);

/** A new value that @p name means here. */
CLV_NODISCARD clv_status clv_onnx_declare(uint32_t *out, clv_onnx_importer *im, const char *name,
                                          const char *where);

/** A new value that no name of the model means, called @p stem or something like it. */
CLV_NODISCARD clv_status clv_onnx_fresh_value(uint32_t *out, clv_onnx_importer *im,
                                              const char *stem, const char *where);

/** Count what resolving costs. @return CLV_OK; CLV_ELIMIT when it is too much. */
CLV_NODISCARD clv_status clv_onnx_charge(clv_onnx_importer *im, uint64_t effort, const char *where);

/** Add the nodes of a body or a function to the graph.
 *  @param[out] outputs  The block's n_outputs; all are there.
 *  @param args          Its n_inputs; CLV_NO_VALUE where absent.
 *  @param call          Of a function: the node that calls it; otherwise NULL. */
CLV_NODISCARD clv_status clv_onnx_enter(uint32_t *outputs, clv_onnx_importer *im,
                                        clv_onnx_block *block, const uint32_t *args,
                                        const Clv__Onnx__NodeProto *call, const char *where);

/** Make @p value what @p name, an output of the node being added, means. */
CLV_NODISCARD clv_status clv_onnx_bind(clv_onnx_importer *im, const char *name, uint32_t value,
                                       const char *where);

/* --- onnx_function.c --- */

CLV_NODISCARD clv_status clv_onnx_index_functions(clv_onnx_importer *im);

/** The index of the function that @p node calls; UINT32_MAX where it calls none. What the graph
 *  has an operator for is never a call. */
uint32_t clv_onnx_find_function(const clv_onnx_importer *im, const Clv__Onnx__NodeProto *node);

/** Add the nodes of a function in place of the @p node that calls it. */
CLV_NODISCARD clv_status clv_onnx_add_call(clv_onnx_importer *im, const Clv__Onnx__NodeProto *node,
                                           uint32_t function, const char *where);

/** Whether an attribute is one of the function that it stands in. */
bool clv_onnx_is_ref(const Clv__Onnx__AttributeProto *attr);

/** The attribute that @p attr means: itself, what the call gives, or the function's default.
 *  @param[out] out  NULL: the call leaves it out. */
CLV_NODISCARD clv_status clv_onnx_resolve_attr(const Clv__Onnx__AttributeProto **out,
                                               clv_onnx_importer *im,
                                               const Clv__Onnx__AttributeProto *attr,
                                               const char *where);

/* --- onnx_control.c --- */

/** An attribute of the scope's meaning by name; NULL where the node hasn't got it. */
CLV_NODISCARD clv_status clv_onnx_find_attr(const Clv__Onnx__AttributeProto **out,
                                            clv_onnx_importer *im, const Clv__Onnx__NodeProto *node,
                                            const char *name, const char *where);

/** The body that is the node's attribute @p name. */
CLV_NODISCARD clv_status clv_onnx_find_body(clv_onnx_block **out, clv_onnx_importer *im,
                                            const Clv__Onnx__NodeProto *node, const char *name,
                                            const char *where);

/** What is known of a condition. */
typedef enum clv_onnx_truth { CLV_ONNX_FALSE, CLV_ONNX_TRUE, CLV_ONNX_DATA } clv_onnx_truth;

/** Look at a condition. One that depends on data becomes a scalar (rank 0) in @p value.
 *  @return CLV_OK; CLV_EFORMAT when it isn't one bool; CLV_EUNSUPPORTED for data where the
 *          importer doesn't infer. */
CLV_NODISCARD clv_status clv_onnx_read_condition(clv_onnx_truth *out, uint32_t *value,
                                                 clv_onnx_importer *im, const char *where);

/** Add a node with one output, a new value called like @p stem. @param attr  NULL: none. */
CLV_NODISCARD clv_status clv_onnx_make(uint32_t *out, clv_onnx_importer *im, clv_op op,
                                       const char *stem, const uint32_t *inputs, uint32_t n_inputs,
                                       const clv_attr *attr);

/** A new constant: an int64 or a bool of rank 0; rank 1 with @p is_list. */
CLV_NODISCARD clv_status clv_onnx_make_number(uint32_t *out, clv_onnx_importer *im, clv_dtype dtype,
                                              bool is_list, int64_t number, const char *stem);

/** Where(condition, yes, no), which must have one type and one shape. */
CLV_NODISCARD clv_status clv_onnx_choose(uint32_t *out, clv_onnx_importer *im, uint32_t condition,
                                         uint32_t yes, uint32_t no, const char *where);

/** items[0], items[stride] and so on, @p n of them, each with a new dimension @p axis, along which
 *  they are joined; backwards where @p reversed. */
CLV_NODISCARD clv_status clv_onnx_stack(uint32_t *out, clv_onnx_importer *im, const uint32_t *items,
                                        size_t n, size_t stride, int64_t axis, bool reversed,
                                        const char *stem, const char *where);

CLV_NODISCARD clv_status clv_onnx_add_if(clv_onnx_importer *im, const Clv__Onnx__NodeProto *node,
                                         const char *where);

/* --- onnx_loop.c, onnx_scan.c --- */

CLV_NODISCARD clv_status clv_onnx_add_loop(clv_onnx_importer *im, const Clv__Onnx__NodeProto *node,
                                           const char *where);
CLV_NODISCARD clv_status clv_onnx_add_scan(clv_onnx_importer *im, const Clv__Onnx__NodeProto *node,
                                           const char *where);

/* --- onnx_contrib.c --- */

/** Whether a node is one of the quantised operators outside ONNX that are imported. */
bool clv_onnx_is_contrib(const Clv__Onnx__NodeProto *node);

/** Add the nodes that such a node stands for. @param node  Its name and where; the rest is 0. */
CLV_NODISCARD clv_status clv_onnx_add_contrib(clv_onnx_importer *im,
                                              const Clv__Onnx__NodeProto *proto,
                                              clv_onnx_node *node);

/* --- onnx_support.c --- */

/** What the importer resolves itself. */
typedef enum clv_onnx_control {
    CLV_ONNX_NO_CONTROL = 0,
    CLV_ONNX_IF,
    CLV_ONNX_LOOP,
    CLV_ONNX_SCAN
} clv_onnx_control;
clv_onnx_control clv_onnx_control_of(const Clv__Onnx__NodeProto *node);

/** Whether a node needs no function of the model: it is control flow, Constant, or one of op.h. */
bool clv_onnx_is_own(const Clv__Onnx__NodeProto *node);

/** The operator of a node. @param[out] is_sum_out  Whether it is Sum, which becomes Adds.
 *  @return CLV_OK; CLV_EUNSUPPORTED, also for Constant, which is none of the graph's. */
CLV_NODISCARD clv_status clv_onnx_find_op(clv_op *out, bool *is_sum_out,
                                          const Clv__Onnx__NodeProto *node);

/** Whether every node's operator is one that is imported, in @p block, in the bodies of its loops
 *  and the functions that it calls; if not, all of the others are named in the error. Branches of
 *  If are left out: they are looked at when they are taken. */
CLV_NODISCARD clv_status clv_onnx_check_support(clv_onnx_importer *im, clv_onnx_block *block);

/* --- onnx_old_opset.c --- */

/** Whether a block for @p opset is imported: one of those that are supported, or an older one in
 *  which every operator of the block is what it is in CLV_ONNX_MIN_OPSET. */
bool clv_onnx_takes_opset(const clv_onnx_block *block, int64_t opset);

/* --- onnx_order.c --- */

/** Give @p block its order: node indices in topological order; a file that is sorted keeps its own.
 *  @return CLV_OK; CLV_EFORMAT for a value that two nodes make, and for a cycle. */
CLV_NODISCARD clv_status clv_onnx_sort(clv_onnx_importer *im, clv_onnx_block *block);

/* --- onnx_values.c --- */

/** Initializers, graph inputs and what nodes make become values of the graph; initializers and
 *  Constant nodes also get their data. */
CLV_NODISCARD clv_status clv_onnx_add_values(clv_onnx_importer *im);

/** What @p node makes becomes values; a Constant node's gets its data. */
CLV_NODISCARD clv_status clv_onnx_declare_outputs(clv_onnx_importer *im,
                                                  Clv__Onnx__NodeProto *node);

/** Graph outputs, once all values are there. */
CLV_NODISCARD clv_status clv_onnx_add_outputs(clv_onnx_importer *im);

/** As clv_graph_add_value(), with the failure in words. */
CLV_NODISCARD clv_status clv_onnx_add_value(uint32_t *out, clv_onnx_importer *im, const char *name,
                                            const char *where);

/* --- onnx_inputs.c --- */

/** Graph inputs that no initializer has the name of. */
CLV_NODISCARD clv_status clv_onnx_add_inputs(clv_onnx_importer *im);

/* --- onnx_nodes.c --- */

/** Add every node of the scope's block, in its order, rewritten for opset 21. */
CLV_NODISCARD clv_status clv_onnx_add_nodes(clv_onnx_importer *im);

/** What a node's inputs mean, CLV_NO_VALUE for those that are absent.
 *  @param[out] out  As many as the node has and at least @p room, and CLV_ONNX_MAX_NEW_INPUTS
 *                   more, of the scratch arena. */
CLV_NODISCARD clv_status clv_onnx_resolve_inputs(uint32_t **out, clv_onnx_importer *im,
                                                 const Clv__Onnx__NodeProto *proto, size_t room,
                                                 const char *where);

/** Add @p node as it is; where the importer infers, with types and shapes, or folded away. */
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

/** Bytes of the attribute's data. */
size_t clv_onnx_attr_bytes(const Clv__Onnx__AttributeProto *attr);

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

/** As clv_onnx_set_constant(), and @p proto keeps its data. */
CLV_NODISCARD clv_status clv_onnx_copy_constant(clv_onnx_importer *im, uint32_t value,
                                                const Clv__Onnx__TensorProto *proto,
                                                const char *where);

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
