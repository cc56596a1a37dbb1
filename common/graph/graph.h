/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_GRAPH_H
#define CLV_GRAPH_H

/** @file graph.h: a network as nodes in topological order over values.
 *
 *  A value is a tensor with a name: a graph input, a constant (it has data) or what one node
 *  makes. Values and nodes are named by index. After clv_graph_prepare() (prepare.h) every value
 *  has a type and a shape, every node is one that backends run, and cut numbers are final:
 *  cut k lies between node k-1 and node k.
 *
 *  One owner; read-only use from several threads is safe once it is built. */

#include <cleave/status.h>
#include <cleave/tensor.h>

#include "base/memory.h"
#include "graph/op.h"

#define CLV_NO_VALUE UINT32_MAX /**< an optional input or output that is absent */
#define CLV_NO_NODE UINT32_MAX

/** What is refused as too large to be a network. */
#define CLV_GRAPH_MAX_NODES 100000u
#define CLV_GRAPH_MAX_VALUES 400000u

typedef enum clv_attr_type {
    CLV_ATTR_INT = 1,
    CLV_ATTR_FLOAT,
    CLV_ATTR_STRING,
    CLV_ATTR_INTS,
    CLV_ATTR_FLOATS,
    CLV_ATTR_TENSOR
} clv_attr_type;

/** An attribute as ONNX names it; a list of strings is one string with commas between. Memory
 *  belongs to the graph. */
typedef struct clv_attr {
    const char *name;
    clv_attr_type type;
    uint32_t count; /**< elements of ints and floats */
    union {
        int64_t i;
        float f;
        const char *s;
        const int64_t *ints;
        const float *floats;
        clv_tensor tensor;
    } v;
} clv_attr;

/** An activation that a pass has fused into the node before it; y = act(x). */
typedef enum clv_activation {
    CLV_ACT_NONE = 0,
    CLV_ACT_RELU,
    CLV_ACT_CLIP,       /**< min(max(x, alpha), beta) */
    CLV_ACT_LEAKY_RELU, /**< x < 0 ? alpha * x : x */
    CLV_ACT_SIGMOID,
    CLV_ACT_HARD_SIGMOID, /**< max(0, min(1, alpha * x + beta)) */
    CLV_ACT_HARD_SWISH,   /**< x * max(0, min(1, x / 6 + 1/2)) */
    CLV_ACT_TANH,
    CLV_ACT_ELU,  /**< x < 0 ? alpha * (exp(x) - 1) : x */
    CLV_ACT_SILU, /**< x / (1 + exp(-alpha * x)): Swish; SiLU with alpha 1 */
    CLV_ACT_COUNT
} clv_activation;

/** What the passes have put into a node. Conv only: y = activation(conv(x) + residual), where
 *  the residual is the node's input 3, of the output's shape. Add: y = activation(a + b). */
typedef struct clv_fusion {
    clv_activation activation;
    float alpha;
    float beta;
} clv_fusion;

/** How 8-bit integers stand for real numbers: real = scale * (q - zero_point). */
typedef struct clv_quant {
    float scale;         /**< > 0; of all elements, unless there are scales */
    int32_t zero_point;  /**< in the range of the type; 0 where there are scales */
    uint32_t axis;       /**< of a constant with scales: its dimension that has n_scales elements */
    uint32_t n_scales;   /**< 0: one scale for the tensor */
    const float *scales; /**< all > 0; memory of the graph */
} clv_quant;

typedef struct clv_value {
    const char *name;  /**< unique in the graph */
    clv_tensor tensor; /**< dtype CLV_NONE: not known yet. data: a constant's, else NULL */
    uint32_t producer; /**< node that makes it, or CLV_NO_NODE */
    /** With uint8 or int8: what the bytes stand for. With float32: the range is known, so a
     *  quantised node may take it in bytes (uint8). NULL: plain numbers. */
    const clv_quant *quant;
    /** The shape is the largest possible one, dimension by dimension; the true one is known when
     *  the value is computed (NonZero, NonMaxSuppression and what follows from them). */
    bool bounded;
} clv_value;

typedef struct clv_node {
    const char *name; /**< for messages; not always unique */
    clv_op op;
    uint32_t n_inputs, n_outputs, n_attrs;
    uint32_t *inputs; /**< values; CLV_NO_VALUE where absent */
    uint32_t *outputs;
    clv_attr *attrs;
    clv_fusion fusion;
    /** Computes on bytes: every input whose value has a quant comes as 8-bit integers (one that is
     *  stored as float32 is quantised on the way in), constants without a quant are real numbers,
     *  and output 0 is what its value's type says, bytes or float32. The result is that of the
     *  operator on the real numbers that the inputs stand for, rounded to nearest even once, at the
     *  output; sums of products are exact in 32 bits. Its inputs and outputs aren't bounded. */
    bool quantised;
} clv_node;

typedef struct clv_graph {
    const char *name;
    uint32_t n_values, n_nodes, n_inputs, n_outputs;
    clv_value *values;
    clv_node *nodes;
    uint32_t *inputs; /**< values that the caller gives; never constants */
    uint32_t *outputs;
    /** Constants whose numbers are only there while they are held (runtime/weight_store.h), or
     *  NULL: all are there. Borrowed. */
    struct clv_weight_store *packed;
    /* private to graph.c */
    uint32_t cap_values, cap_nodes, cap_inputs, cap_outputs;
    uint32_t n_fresh; /* numbers given to fresh names so far */
    clv_arena arena;
    struct clv_blob *blobs;
    struct clv_name_table *names;
} clv_graph;

/** A new, empty graph. @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_graph_create(clv_graph **out, const char *name);

/** A copy with the same numbers of values and nodes. Constants are borrowed: @p graph outlives it.
 *  @return CLV_OK; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_graph_copy(clv_graph **out, const clv_graph *graph, clv_error *err);

/** A copy of a prepared graph that takes @p batch times as many frames at once: its inputs' first
 *  dimension and those that follow from it. Where an operator mixes frames that shows only in its
 *  shapes: it is for measuring. Nodes and values have the same numbers; constants are borrowed, so
 *  @p graph outlives it.
 *  @return CLV_OK; CLV_EUNSUPPORTED with @p err naming what works on one frame alone; CLV_EINVAL,
 *          CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_graph_batch(clv_graph **out, const clv_graph *graph, uint32_t batch,
                                         clv_error *err);

void clv_graph_free(clv_graph *graph); /* NULL is a no-op */

/** Add a value. @p name is copied.
 *  @return CLV_OK; CLV_EFORMAT when the name is taken; CLV_ELIMIT, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_graph_add_value(uint32_t *out, clv_graph *graph, const char *name);

/** The value called @p name, or CLV_NO_VALUE. O(1). */
uint32_t clv_graph_find_value(const clv_graph *graph, const char *name);

/** A name that no value has yet, "stem" or "stem.N"; memory of the graph. NULL: no memory. */
const char *clv_graph_fresh_name(clv_graph *graph, const char *stem);

/** Give a value constant data. clv_graph_own_data(): zeroed, aligned memory that dies with the
 *  graph, for @p bytes; NULL when out of memory. clv_graph_set_constant() borrows @p tensor's
 *  data, which must outlive the graph (a mapped file, or memory from clv_graph_own_data()). */
void *clv_graph_own_data(clv_graph *graph, size_t bytes);
void clv_graph_set_constant(clv_graph *graph, uint32_t value, const clv_tensor *tensor);

/** Say what the 8-bit integers of @p value stand for; @p quant and its scales are copied.
 *  @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_graph_set_quant(clv_graph *graph, uint32_t value,
                                             const clv_quant *quant);

/** Free the constants that no node uses any more and that the graph owns. */
void clv_graph_release_unused(clv_graph *graph);

/** Add a node behind all others. Index arrays are copied; outputs get it as their producer.
 *  @param attrs  Copied, with all that they point to.
 *  @return CLV_OK; CLV_EFORMAT when an output has a producer already, or a wrong number of
 *          inputs or outputs; CLV_ELIMIT, CLV_ENOMEM. */
typedef struct clv_node_desc {
    const char *name;
    clv_op op;
    const uint32_t *inputs;
    uint32_t n_inputs;
    const uint32_t *outputs;
    uint32_t n_outputs;
    const clv_attr *attrs;
    uint32_t n_attrs;
    clv_fusion fusion;
    bool quantised;
} clv_node_desc;
CLV_NODISCARD clv_status clv_graph_add_node(clv_graph *graph, const clv_node_desc *desc,
                                            clv_error *err);

/** Take the last node back; what it made has no producer then. */
void clv_graph_remove_last_node(clv_graph *graph);

/** Put the nodes in another order.
 *  @param order  n_nodes: the node that comes first, and so on; none before what it needs.
 *  @return CLV_OK; CLV_EINVAL when it is no such order; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_graph_reorder(clv_graph *graph, const uint32_t *order);

CLV_NODISCARD clv_status clv_graph_add_input(clv_graph *graph, uint32_t value);
CLV_NODISCARD clv_status clv_graph_add_output(clv_graph *graph, uint32_t value);

/** Every index is in range, nodes are in topological order, each value has one producer, inputs
 *  are no constants, outputs exist, and each quant is a possible one (quant.h). What readers of
 * outside bytes call before anything else. */
CLV_NODISCARD clv_status clv_graph_check(const clv_graph *graph, clv_error *err);

/* --- reading ------------------------------------------------------------------------------ */

static inline bool clv_value_is_constant(const clv_value *value)
{
    return value->tensor.data != NULL;
}

/** Whether the shape of a node's input @p i is only a bound; false where it is absent. */
static inline bool clv_node_input_is_bounded(const clv_graph *graph, const clv_node *node,
                                             uint32_t i)
{
    return i < node->n_inputs && node->inputs[i] != CLV_NO_VALUE &&
           graph->values[node->inputs[i]].bounded;
}

/** The tensor of a node's input or output @p i, or NULL where it is absent. */
const clv_tensor *clv_node_input(const clv_graph *graph, const clv_node *node, uint32_t i);
const clv_tensor *clv_node_output(const clv_graph *graph, const clv_node *node, uint32_t i);

/** An attribute by name and type, or NULL. */
const clv_attr *clv_node_attr(const clv_node *node, const char *name, clv_attr_type type);
int64_t clv_node_attr_int(const clv_node *node, const char *name, int64_t fallback);
float clv_node_attr_float(const clv_node *node, const char *name, float fallback);
const char *clv_node_attr_string(const clv_node *node, const char *name, const char *fallback);

/** How many node inputs and graph outputs use each value; @p counts has n_values elements. */
void clv_graph_count_uses(const clv_graph *graph, uint32_t *counts);

/** Read an integer constant (int64 or int32, rank 0 or 1) as int64.
 *  @param[out] out    Room for @p cap values.
 *  @return CLV_OK; CLV_EUNSUPPORTED when it is not constant; CLV_ESHAPE when it has over @p cap
 *          elements or another type. */
CLV_NODISCARD clv_status clv_tensor_read_ints(int64_t *out, uint32_t *n_out, uint32_t cap,
                                              const clv_tensor *tensor);

/** "node 'conv1' (Conv)", cut to @p cap. @return @p dst. */
char *clv_node_describe(char *dst, size_t cap, const clv_node *node);

/** Multiply-accumulates of one run of the node (other arithmetic counts as none). */
uint64_t clv_node_macs(const clv_graph *graph, const clv_node *node);

#endif
