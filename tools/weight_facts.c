/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/weight_facts.h"

#include "base/error.h"
#include "graph/quant.h"
#include "runtime/weight_store.h"

static void count(weight_facts *facts, const clv_graph *graph, uint32_t v)
{
    const clv_value *value = &graph->values[v];
    const clv_packed_weights *packed = clv_weight_store_find(graph->packed, v);
    size_t n = 0, bytes = 0;

    if (clv_shape_elems(&n, &value->tensor.shape) != CLV_OK ||
        clv_tensor_bytes(&bytes, &value->tensor) != CLV_OK)
        return; /* a reader has checked it */
    bool quantised = value->quant != NULL && clv_dtype_is_byte(value->tensor.dtype);
    facts->float_bytes += quantised ? n * sizeof(float) : bytes;
    if (quantised) {
        facts->quantised_bytes += bytes;
    } else if (value->tensor.dtype == CLV_F32) {
        bytes = packed != NULL ? packed->n_bytes : bytes;
        facts->by_form[packed != NULL ? packed->packing.form : CLV_WEIGHT_FLOAT32] += bytes;
    } else {
        facts->other_bytes += bytes;
    }
    facts->stored_bytes += bytes;
}

clv_status weight_facts_init(weight_facts *out, const clv_graph *graph)
{
    weight_facts facts = {0};
    uint32_t *uses = clv_calloc(graph->n_values, sizeof *uses);

    if (uses == NULL)
        return CLV_ENOMEM;
    clv_graph_count_uses(graph, uses);
    for (uint32_t v = 0; v < graph->n_values; v++) {
        if (uses[v] > 0 && clv_value_is_constant(&graph->values[v]))
            count(&facts, graph, v);
    }
    clv_free(uses);
    *out = facts;
    return CLV_OK;
}
