/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BUNDLE_GRAPH_H
#define CLV_BUNDLE_GRAPH_H

/** @file bundle_graph.h: a graph <-> its messages in the manifest (proto/bundle.proto). */

#include <bundle.pb-c.h>

#include "graph/graph.h"

/** The weights section, as bytes that a reader has. */
typedef struct clv_weights {
    const uint8_t *data;
    size_t bytes;
} clv_weights;

/** Build a prepared graph; constants borrow from @p weights. Types and shapes of what nodes make
 * are inferred here, so a bundle can't lie about them.
 *  @return CLV_OK; CLV_EFORMAT and the errors of inference, with @p err naming the place. */
CLV_NODISCARD clv_status clv_bundle_read_graph(clv_graph **out, const Clv__Pb__Graph *message,
                                               const clv_weights *weights, clv_error *err);

/** The constants of a bundle in the order in which they are written. */
typedef struct clv_weight_list {
    clv_tensor *tensors;
    uint64_t *offsets;
    size_t count, cap;
    uint64_t bytes; /**< of the section so far */
} clv_weight_list;

/** Make the message of @p graph in @p arena, adding its constants to @p weights. */
CLV_NODISCARD clv_status clv_bundle_write_graph(Clv__Pb__Graph **out, clv_arena *arena,
                                                clv_weight_list *weights, const clv_graph *graph);

#endif
