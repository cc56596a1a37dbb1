/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/stored_weights.h"

#include "base/error.h"

static clv_status there_and_back(const float **out, clv_arena *memory, const clv_tensor *tensor,
                                 const clv_weight_packing *packing)
{
    size_t n, bytes;

    CLV_TRY(clv_shape_elems(&n, &tensor->shape));
    CLV_TRY(clv_weight_bytes(&bytes, packing, n));
    float *weights = clv_arena_alloc(memory, n, sizeof *weights);
    uint8_t *packed = clv_alloc_aligned(bytes);
    if (weights == NULL || packed == NULL) {
        clv_free(packed);
        return CLV_ENOMEM;
    }
    clv_status status = clv_weight_pack(packed, packing, tensor->data, n);
    if (status == CLV_OK)
        clv_weight_unpack(weights, packing, packed, n);
    clv_free(packed);
    *out = weights;
    return status;
}

clv_status clv_stored_weights_make(const float *const **out, clv_arena *memory,
                                   const clv_graph *graph, clv_weight_form form)
{
    clv_weight_packing *packings = clv_arena_alloc(memory, graph->n_values, sizeof *packings);
    const float **stored = clv_arena_alloc(memory, graph->n_values, sizeof *stored);

    if (packings == NULL || stored == NULL)
        return CLV_ENOMEM;
    CLV_TRY(clv_weight_choose(packings, graph, form));
    for (uint32_t v = 0; v < graph->n_values; v++) {
        if (packings[v].form != CLV_WEIGHT_FLOAT32)
            CLV_TRY(there_and_back(&stored[v], memory, &graph->values[v].tensor, &packings[v]));
    }
    *out = stored;
    return CLV_OK;
}
