/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PARAMS_EINSUM_H
#define CLV_PARAMS_EINSUM_H

/** @file params_einsum.h: an Einsum's equation as nested loops. */

#include "graph/graph.h"

#define CLV_EINSUM_MAX_INPUTS 8u
#define CLV_EINSUM_MAX_LABELS 16u

/** One loop for each label: those of the output first, in its order, then the summed ones.
 *  Input i's element is at the sum of index[l] * step[i][l]; a label that it doesn't have, or has
 *  with extent 1 where others have more, doesn't move it. */
typedef struct clv_einsum_params {
    uint32_t n_out, n_labels;
    int64_t dim[CLV_EINSUM_MAX_LABELS];
    int64_t step[CLV_EINSUM_MAX_INPUTS][CLV_EINSUM_MAX_LABELS];
} clv_einsum_params;

/** @return CLV_OK; CLV_EFORMAT for an equation that is none; CLV_ESHAPE where the inputs don't fit
 *          it; CLV_EUNSUPPORTED, CLV_ELIMIT for more inputs, labels or steps than are accepted. */
CLV_NODISCARD clv_status clv_einsum_params_of(clv_einsum_params *out, const clv_graph *graph,
                                              const clv_node *node, clv_error *err);

#endif
