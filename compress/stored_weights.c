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

/* What the bytes stand for. */
static clv_status as_rounded(const float **out, clv_arena *memory, const clv_tensor *tensor,
                             const clv_int8_weights *rounded)
{
    size_t n, inner = 1;

    CLV_TRY(clv_shape_elems(&n, &tensor->shape));
    for (uint32_t d = rounded->axis + 1; d < tensor->shape.rank; d++)
        inner *= (size_t)tensor->shape.dim[d];
    float *weights = clv_arena_alloc(memory, n, sizeof *weights);
    if (weights == NULL)
        return CLV_ENOMEM;
    for (size_t i = 0; i < n; i++)
        weights[i] = rounded->scales[i / inner % rounded->n_scales] * (float)rounded->bytes[i];
    *out = weights;
    return CLV_OK;
}

static clv_status put_rounded(const float **stored, clv_arena *memory, const clv_graph *graph,
                              const clv_weight_packing *packings, const clv_int8_weights *rounded)
{
    for (uint32_t k = 0; k < graph->n_nodes; k++) {
        if (rounded[k].bytes == NULL)
            continue;
        uint32_t v = graph->nodes[k].inputs[1];
        if (packings[v].form == CLV_WEIGHT_INT8)
            CLV_TRY(as_rounded(&stored[v], memory, &graph->values[v].tensor, &rounded[k]));
    }
    return CLV_OK;
}

clv_status clv_stored_weights_make(const float *const **out, clv_arena *memory,
                                   const clv_graph *graph, clv_weight_form form,
                                   const clv_int8_weights *rounded)
{
    clv_weight_packing *packings = clv_arena_alloc(memory, graph->n_values, sizeof *packings);
    const float **stored = clv_arena_alloc(memory, graph->n_values, sizeof *stored);

    if (packings == NULL || stored == NULL)
        return CLV_ENOMEM;
    CLV_TRY(clv_weight_choose(packings, graph, form));
    if (form == CLV_WEIGHT_INT8)
        CLV_TRY(put_rounded(stored, memory, graph, packings, rounded));
    for (uint32_t v = 0; v < graph->n_values; v++) {
        if (packings[v].form != CLV_WEIGHT_FLOAT32 && stored[v] == NULL)
            CLV_TRY(there_and_back(&stored[v], memory, &graph->values[v].tensor, &packings[v]));
    }
    *out = stored;
    return CLV_OK;
}
