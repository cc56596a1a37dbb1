/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_GRAPH_BUILDER_H
#define CLV_GRAPH_BUILDER_H

/** @file graph_builder.h: graphs for tests, a line a node. Running out of memory, and what the
 * graph refuses, aborts the test. */

#include "graph/graph.h"

/** Up to four dimensions; 0 ends the list. */
typedef struct gb_dims {
    int64_t d[4];
} gb_dims;

clv_graph *gb_create(void);

/** A float32 graph input. */
uint32_t gb_input(clv_graph *graph, const char *name, gb_dims dims);

/** A float32 constant of numbers in [-1, 1) that depend on its name. */
uint32_t gb_constant(clv_graph *graph, const char *name, gb_dims dims);

/** A float32 constant vector of given numbers, or an int64 one. */
uint32_t gb_floats(clv_graph *graph, const char *name, const float *values, uint32_t n);
uint32_t gb_ints(clv_graph *graph, const char *name, const int64_t *values, uint32_t n);

/** A float32 constant of no dimensions. */
uint32_t gb_scalar(clv_graph *graph, const char *name, float value);

/** A node named after its output, or outputs; both are names with blanks between them ("x w -": '-'
 *  is an absent one). @return the first output's value. */
uint32_t gb_node(clv_graph *graph, clv_op op, const char *inputs, const char *outputs);

/** A 3x3 Conv of 3 channels to 3 that keeps the size, with weights "w_OUTPUT" and no bias. */
void gb_conv(clv_graph *graph, const char *input, const char *output);

/** An attribute of the last node. */
void gb_attr_float(clv_graph *graph, const char *name, float value);
void gb_attr_string(clv_graph *graph, const char *name, const char *value);
void gb_attr_int(clv_graph *graph, const char *name, int64_t value);
void gb_attr_ints(clv_graph *graph, const char *name, const int64_t *values, uint32_t n);

/** Nodes in words: "a = Add x 3; b = HardSigmoid a {alpha=0.25 beta=0.5}; y = Mul x b". A number
 * that is no value's name becomes a scalar constant of that name. Attributes are ints with a comma
 *  ({perm=0,2,1 axes=1,}), a float with a point, an int, or else a string. */
void gb_lines(clv_graph *graph, const char *lines);

void gb_output(clv_graph *graph, const char *name);

/** clv_graph_prepare() with the reference kernels; fails the test when that fails. */
void gb_prepare(clv_graph *graph);

/** "Conv Conv+Add+Relu Softmax": the operators in order, fusions included. Static memory. */
const char *gb_describe(const clv_graph *graph);

/** Run @p graph on @p backend with one input and one output, both float32.
 *  @return the output; free with clv_free(). */
float *gb_run(const clv_graph *graph, const char *backend, const float *input, size_t *n_out);

#endif
