/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BUNDLE_GRAPH_H
#define CLV_BUNDLE_GRAPH_H

/** @file bundle_graph.h: a graph <-> its messages in the manifest (proto/bundle.proto). */

#include <bundle.pb-c.h>

#include "runtime/weight_form.h"

/** The weights section, as bytes that a reader has. */
typedef struct clv_weights {
    const uint8_t *data;
    size_t bytes;
} clv_weights;

/** Build a prepared graph; constants borrow from @p weights. Free it with
 * clv_bundle_free_graph(). Types and shapes of what nodes make
 * are inferred here, so a bundle can't lie about them.
 *  @return CLV_OK; CLV_EFORMAT and the errors of inference, with @p err naming the place. */
CLV_NODISCARD clv_status clv_bundle_read_graph(clv_graph **out, const Clv__Pb__Graph *message,
                                               const clv_weights *weights, clv_error *err);

/** With its packed constants. NULL is a no-op. */
void clv_bundle_free_graph(clv_graph *graph);

/** Bytes of the weights section. */
typedef struct clv_weight_item {
    const void *data;   /**< what is written */
    size_t bytes;       /**< of it */
    const void *source; /**< the constant's data, which others may share */
    uint8_t *own;       /**< data, where it was packed for this */
    uint64_t offset;
} clv_weight_item;

/** The constants of a bundle in the order in which they are written: that of the nodes which use
 *  them first, so that a prefix of the network has a prefix of each graph's weights. */
typedef struct clv_weight_list {
    clv_weight_form form; /**< for the float32 weights that are added */
    clv_weight_item *items;
    size_t count, cap;
    uint64_t bytes; /**< of the section so far */
} clv_weight_list;

void clv_weight_list_done(clv_weight_list *list); /* idempotent */

/** Append bytes that are nobody's weights. Takes @p own over in every case. */
CLV_NODISCARD clv_status clv_weight_list_add(uint64_t *offset_out, clv_weight_list *list,
                                             uint8_t *own, size_t bytes);

/** Make the message of @p graph in @p arena, adding its constants to @p weights. Constants that
 *  are packed already stay as they are. */
CLV_NODISCARD clv_status clv_bundle_write_graph(Clv__Pb__Graph **out, clv_arena *arena,
                                                clv_weight_list *weights, const clv_graph *graph);

#endif
