/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_MODEL_FACTS_H
#define CLV_MODEL_FACTS_H

/** @file model_facts.h: what `cleave inspect` counts: the cost of each node, the bytes of each
 *  cut. */

#include "graph/graph.h"

typedef struct node_facts {
    uint64_t params; /**< elements of constant inputs that aren't int64 */
    uint64_t macs;
    size_t activation_bytes; /**< of its outputs */
} node_facts;

typedef struct cut_facts {
    size_t bytes;     /**< of the frontier, uncoded */
    uint32_t tensors; /**< in the frontier */
    bool candidate;   /**< cut 0, the last, or fewer bytes than every cut before */
} cut_facts;

typedef struct model_facts {
    node_facts *nodes; /**< n_nodes */
    cut_facts *cuts;   /**< n_nodes + 1 */
    node_facts total;
} model_facts;

/** @return CLV_OK; CLV_ENOMEM, CLV_ELIMIT. @p out is left untouched on failure. */
CLV_NODISCARD clv_status model_facts_init(model_facts *out, const clv_graph *graph);
void model_facts_done(model_facts *facts);

#define OPERATOR_TEXT_BYTES 64u

/** "Conv+Add+Relu" for what the passes fused. @return @p dst. */
char *operator_text(char dst[OPERATOR_TEXT_BYTES], const clv_node *node);

#endif
