/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TOOL_ORDER_H
#define CLV_TOOL_ORDER_H

/** @file tool_order.h: an order of a network's nodes in which its best splits are cuts. */

#include "graph/graph.h"

/** Put the nodes of @p graph, which is prepared, in the order that clv_cut_order() gives for times
 *  that are guessed: a MAC takes as long as a byte that is written, and the device is 16 times as
 *  slow as the server. So the best splits are nested, and all of them are cuts afterwards. Those of
 *  true times hardly differ: it is bytes that decide (docs/planner.md).
 *  @param[out] n_moved_out  How many nodes have another number now.
 *  @return CLV_OK; CLV_ENOMEM, CLV_ELIMIT with @p err. */
CLV_NODISCARD clv_status tool_order_nodes(uint32_t *n_moved_out, clv_graph *graph, clv_error *err);

#endif
