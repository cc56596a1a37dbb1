/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_INFER_H
#define CLV_INFER_H

/** @file infer.h: types and shapes of what a node makes. */

#include "graph/graph.h"

/** Set type and shape of the outputs of @p node from its inputs, which must have theirs. An output
 *  whose shape depends on data that isn't constant gets the largest shape that is possible and is
 *  marked as bounded; so is every output of a node with a bounded input, but for Shape and Size.
 *  Of a quantised node, outputs that are bytes with a quant stay so; shapes are as for float32.
 *  @return CLV_OK; CLV_ESHAPE, CLV_EFORMAT, CLV_EUNSUPPORTED with @p err naming the node. */
CLV_NODISCARD clv_status clv_infer_node(clv_graph *graph, const clv_node *node, clv_error *err);

#endif
