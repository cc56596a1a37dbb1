/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/quant_graph.h"

#include <string.h>

#include "base/error.h"

clv_status clv_int8_weights_make(clv_int8_weights **out, clv_arena *memory, const clv_graph *graph,
                                 const clv_quant_plan *plan, const clv_weight_options *options)
{
    clv_int8_weights *all = clv_arena_alloc(memory, graph->n_nodes, sizeof *all);
    if (all == NULL)
        return CLV_ENOMEM;
    for (uint32_t k = 0; k < graph->n_nodes; k++) {
        const clv_node *node = &graph->nodes[k];
        if (plan->roles[k] != CLV_ROLE_PRODUCT)
            continue;
        const clv_tensor *w = clv_node_input(graph, node, 1);
        clv_int8_weights *p = &all[k];
        size_t n;
        CLV_TRY(clv_shape_elems(&n, &w->shape));
        p->axis = clv_quant_weights_axis(graph, node);
        p->n_scales = (uint32_t)w->shape.dim[p->axis];
        p->bytes = clv_arena_alloc(memory, n, 1);
        p->scales = clv_arena_alloc(memory, p->n_scales, sizeof *p->scales);
        if (p->bytes == NULL || p->scales == NULL)
            return CLV_ENOMEM;
        clv_quantise_weights(p->bytes, p->scales, w, p->axis, options);
    }
    *out = all;
    return CLV_OK;
}

clv_status clv_quants_of_plan(clv_quant *quants, const clv_quant_plan *plan,
                              const clv_calibration *calibration, clv_range_method method)
{
    clv_histogram *merged = clv_calloc(1, sizeof *merged);
    if (merged == NULL)
        return CLV_ENOMEM;
    memset(quants, 0, plan->n_values * sizeof *quants);
    for (uint32_t g = 0; g < plan->n_values; g++) { /* a group has the number of its first value */
        bool ranged = false;
        if (plan->group[g] != g)
            continue;
        memset(merged, 0, sizeof *merged);
        for (uint32_t v = g; v < plan->n_values; v++) {
            if (plan->group[v] != g || calibration->values[v].histogram == NULL)
                continue;
            ranged = ranged || plan->ranged[v];
            if (plan->source[v])
                clv_histogram_merge(merged, calibration->values[v].histogram);
        }
        if (ranged)
            quants[g] = clv_quant_of_range(clv_range_of(merged, method));
    }
    for (uint32_t v = plan->n_values; v-- > 0;) /* the group's first value last */
        quants[v] = plan->ranged[v] ? quants[plan->group[v]] : (clv_quant){0};
    clv_free(merged);
    return CLV_OK;
}

static clv_status put_weights(clv_graph *graph, const clv_node *node, const clv_int8_weights *p)
{
    clv_tensor w = *clv_node_input(graph, node, 1);
    clv_quant quant = {
        .scale = 1.0f, .axis = p->axis, .n_scales = p->n_scales, .scales = p->scales};
    size_t n;

    CLV_TRY(clv_shape_elems(&n, &w.shape));
    w.dtype = CLV_I8;
    w.data = clv_graph_own_data(graph, n);
    if (w.data == NULL)
        return CLV_ENOMEM;
    memcpy(w.data, p->bytes, n);
    clv_graph_set_constant(graph, node->inputs[1], &w);
    return clv_graph_set_quant(graph, node->inputs[1], &quant);
}

/* Other numbers for a float32 constant. */
static clv_status put_floats(clv_graph *graph, uint32_t v, const float *numbers)
{
    clv_tensor tensor = graph->values[v].tensor;
    size_t n;

    CLV_TRY(clv_shape_elems(&n, &tensor.shape));
    tensor.data = clv_graph_own_data(graph, n * sizeof *numbers);
    if (tensor.data == NULL)
        return CLV_ENOMEM;
    memcpy(tensor.data, numbers, n * sizeof *numbers);
    clv_graph_set_constant(graph, v, &tensor);
    return CLV_OK;
}

/* A value that two nodes read is put twice, with the same numbers. */
static clv_status put_stored(clv_graph *graph, const clv_node *node, const float *const *stored)
{
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        uint32_t v = node->inputs[i];
        if (v != CLV_NO_VALUE && stored[v] != NULL && graph->values[v].tensor.dtype == CLV_F32)
            CLV_TRY(put_floats(graph, v, stored[v]));
    }
    return CLV_OK;
}

static clv_status change(clv_graph *graph, const clv_quant_plan *plan, const clv_quant *quants,
                         const clv_int8_weights *weights, const float *const *bias,
                         const float *const *stored)
{
    for (uint32_t k = 0; k < plan->n_nodes; k++) {
        clv_node *node = &graph->nodes[k];
        node->quantised = plan->quantised[k];
        if (!plan->quantised[k] && stored != NULL)
            CLV_TRY(put_stored(graph, node, stored));
        if (plan->quantised[k] && plan->roles[k] == CLV_ROLE_PRODUCT)
            CLV_TRY(put_weights(graph, node, &weights[k]));
        if (bias != NULL && bias[k] != NULL)
            CLV_TRY(put_floats(graph, node->inputs[2], bias[k]));
    }
    for (uint32_t v = 0; v < plan->n_values; v++) {
        if (!plan->ranged[v])
            continue;
        CLV_TRY(clv_graph_set_quant(graph, v, &quants[v]));
        if (plan->bytes[v])
            graph->values[v].tensor.dtype = CLV_U8;
    }
    return CLV_OK;
}

clv_status clv_quant_graph_make(clv_graph **out, const clv_graph *graph, const clv_quant_plan *plan,
                                const clv_quant *quants, const clv_int8_weights *weights,
                                const float *const *bias, const float *const *stored,
                                clv_error *err)
{
    clv_graph *copy = NULL;

    CLV_TRY(clv_graph_copy(&copy, graph, err));
    clv_status status = change(copy, plan, quants, weights, bias, stored);
    if (status != CLV_OK) {
        clv_graph_free(copy);
        return clv_fail(err, status, graph->name, "out of memory");
    }
    *out = copy;
    return CLV_OK;
}
