/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CASE_NODE_H
#define CLV_CASE_NODE_H

/** @file case_node.h: a graph of one node with data for its inputs and the outputs that are right:
 *  what tests of kernels are made of. Running out of memory aborts the test. */

#include "graph/graph.h"

#define CASE_MAX_INPUTS 9u
#define CASE_MAX_OUTPUTS 4u
#define CASE_MAX_ATTRS 10u

typedef struct node_case {
    char name[192];
    clv_op op;
    clv_fusion fusion;
    uint32_t n_inputs, n_outputs, n_attrs;
    clv_tensor inputs[CASE_MAX_INPUTS];         /**< own their data; dtype CLV_NONE: absent */
    bool constant[CASE_MAX_INPUTS];             /**< a constant of the graph, not made by a node */
    const clv_quant *in_quant[CASE_MAX_INPUTS]; /**< borrowed; NULL: plain numbers */
    const clv_quant *out_quant[CASE_MAX_OUTPUTS]; /**< of outputs that come in bytes */
    bool stored_as_float[CASE_MAX_INPUTS]; /**< the input's value is float32, it comes in bytes */
    clv_attr attrs[CASE_MAX_ATTRS];        /**< borrow what they point to */
    double tolerance;                      /**< of float32 outputs, relative to the largest one */
    /* from case_build() on */
    clv_graph *graph;
    clv_tensor expected[CASE_MAX_OUTPUTS]; /**< own their data */
    /** Outputs in bytes: what is expected before it is rounded and saturated, in steps of the scale
     *  from the zero point on; NULL: exactly what is expected. Owned. */
    double *steps[CASE_MAX_OUTPUTS];
    double slack; /**< how far from half-way between two bytes ref must know which is nearer */
    struct case_bytes *bytes; /**< of case_quantised.h; owned */
} node_case;

/** Start a case with one output, a tolerance of 1e-5 and a name for messages. */
CLV_PRINTF(2, 3) node_case *case_create(clv_op op, const char *name, ...);
void case_free(node_case *c); /* NULL is a no-op */

/** Attributes. Names, strings and arrays are borrowed. */
void case_int(node_case *c, const char *name, int64_t value);
void case_float(node_case *c, const char *name, float value);
void case_string(node_case *c, const char *name, const char *value);
void case_ints(node_case *c, const char *name, const int64_t *values, uint32_t n);
void case_floats(node_case *c, const char *name, const float *values, uint32_t n);

/** A shape from its dimensions: CASE_SHAPE(1, 3, 8, 8). */
#define CASE_SHAPE(...)                                                                            \
    ((clv_shape){.rank = (uint32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),           \
                 .dim = {__VA_ARGS__}})

/** Add an input. @p data is copied; NULL leaves zeros. @return its data. */
void *case_input(node_case *c, clv_dtype dtype, clv_shape shape, const void *data);
void case_absent_input(node_case *c);
/** A float32 input of random numbers in [-range, range). */
float *case_random_input(node_case *c, clv_shape shape, float range, uint64_t *seed);
/** Called for each input of random numbers from now on, to put others there: those that 8 bits can
 *  stand for (case_quantised.h). NULL: nothing is. */
typedef void case_draw_fn(node_case *c, uint32_t input, float range, uint64_t *seed);
void case_draw_with(case_draw_fn *draw);
/** Make the input that was added last a constant. */
void case_make_constant(node_case *c);
/** A constant int64 vector. */
void case_const_ints(node_case *c, const int64_t *values, uint32_t n);

/** Make the graph, infer types and shapes, and make room for what is expected.
 *  @return what clv_graph_add_node() or clv_infer_node() says. */
CLV_NODISCARD clv_status case_build(node_case *c, clv_error *err);

/** The graph alone, again, of what the case has become; what is expected stays. */
CLV_NODISCARD clv_status case_rebuild(node_case *c, clv_error *err);

/** As case_build(), where failing is a failed test. */
void case_must_build(node_case *c);

static inline const clv_node *case_node(const node_case *c)
{
    return &c->graph->nodes[0];
}

/** Product of the dimensions [from, to). */
size_t case_extent(const clv_shape *shape, uint32_t from, uint32_t to);
size_t case_elems(const clv_tensor *tensor);

/** Deterministic random numbers (splitmix64). */
uint64_t case_random(uint64_t *seed);
int64_t case_random_between(uint64_t *seed, int64_t low, int64_t high); /**< both included */
float case_random_float(uint64_t *seed, float range);                   /**< [-range, range) */

#endif
