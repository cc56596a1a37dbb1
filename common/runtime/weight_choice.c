/* SPDX-License-Identifier: Apache-2.0 */
/* Which constants of a graph are packed, and where their output channels are. */
#include <math.h>

#include "runtime/weight_form.h"

#define FEWEST_WEIGHTS 256u   /* smaller tensors stay plain */
#define LARGEST_HALF 65504.0f /* float16 has no larger numbers */
#define FEWEST_SHARED 16384u  /* INT4: smaller ones are INT8, most accuracy for few bytes */
#define FEWEST_IN_CHANNEL 32u /* INT4: with fewer (depthwise) they are INT8 as well */
#define GROUP 32u             /* INT4: weights with one scale */

/* Whether input @p i of @p node is weights that kernels pack and no shape follows from. */
static bool is_weight_input(const clv_node *node, uint32_t i)
{
    switch (node->op) {
    case CLV_OP_CONV:
    case CLV_OP_CONV_TRANSPOSE:
    case CLV_OP_GEMM:
        return i == 1;
    case CLV_OP_MATMUL:
        return i <= 1;
    case CLV_OP_RNN:
    case CLV_OP_GRU:
    case CLV_OP_LSTM:
        return i == 1 || i == 2;
    default:
        return false;
    }
}

void clv_weight_find(bool *out, const clv_graph *graph)
{
    for (uint32_t v = 0; v < graph->n_values; v++)
        out[v] = clv_value_is_constant(&graph->values[v]) &&
                 graph->values[v].tensor.dtype == CLV_F32 && graph->values[v].quant == NULL;
    for (uint32_t k = 0; k < graph->n_nodes; k++) {
        const clv_node *node = &graph->nodes[k];
        for (uint32_t i = 0; i < node->n_inputs; i++) {
            if (node->inputs[i] != CLV_NO_VALUE && !is_weight_input(node, i))
                out[node->inputs[i]] = false;
        }
    }
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        out[graph->outputs[i]] = false;
}

/* Elements of dimensions [from, to). */
static uint64_t product(const clv_shape *shape, uint32_t from, uint32_t to)
{
    uint64_t n = 1;
    for (uint32_t i = from; i < to; i++)
        n *= (uint64_t)shape->dim[i];
    return n;
}

/* Channels are the elements of dimensions [from, to) together, and repeat. */
static clv_weight_packing by_channel(clv_weight_form form, const clv_shape *shape, uint32_t from,
                                     uint32_t to)
{
    return (clv_weight_packing){form, (uint32_t)product(shape, from, to),
                                product(shape, to, shape->rank)};
}

static clv_weight_packing packing_of(clv_weight_form form, const clv_node *node, uint32_t input,
                                     const clv_shape *shape)
{
    uint32_t rank = shape->rank;

    switch (node->op) {
    case CLV_OP_CONV: /* [out, in / groups, ...] */
        return by_channel(form, shape, 0, 1);
    case CLV_OP_CONV_TRANSPOSE: /* [in, out / groups, ...] */
        return by_channel(form, shape, 1, 2);
    case CLV_OP_GEMM: /* [in, out], or the other way round */
        return clv_node_attr_int(node, "transB", 0) != 0 ? by_channel(form, shape, 0, 1)
                                                         : by_channel(form, shape, 1, 2);
    case CLV_OP_MATMUL:
        if (rank < 2)
            return by_channel(form, shape, 0, 0);
        return input == 0 ? by_channel(form, shape, rank - 2, rank - 1) /* [..., out, in] */
                          : by_channel(form, shape, rank - 1, rank);    /* [..., in, out] */
    default: /* [directions, gates * hidden, in] */
        return by_channel(form, shape, 0, 2);
    }
}

/* Whether @p form can hold the numbers of @p tensor. */
static bool fits(clv_weight_form form, const clv_tensor *tensor, size_t n)
{
    const float *x = tensor->data;
    float limit = form == CLV_WEIGHT_FLOAT16 ? LARGEST_HALF : INFINITY;
    bool fit = true;

    for (size_t i = 0; i < n; i++)
        fit &= isfinite(x[i]) && fabsf(x[i]) <= limit;
    return fit;
}

/* Where a channel's weights lie together, groups of them have scales of their own. */
static clv_weight_packing refine_int4(clv_weight_packing packing, size_t n)
{
    bool together = packing.run == n / packing.n_scales;

    if (n < FEWEST_SHARED || n / packing.n_scales < FEWEST_IN_CHANNEL)
        packing.form = CLV_WEIGHT_INT8;
    else if (together)
        packing = (clv_weight_packing){CLV_WEIGHT_INT4, (uint32_t)((n + GROUP - 1) / GROUP), GROUP};
    return packing;
}

static clv_weight_packing choose(clv_weight_form form, const clv_node *node, uint32_t input,
                                 const clv_tensor *tensor)
{
    const clv_weight_packing plain = {.form = CLV_WEIGHT_FLOAT32};
    size_t n = 0, bytes;

    if (clv_shape_elems(&n, &tensor->shape) != CLV_OK || n < FEWEST_WEIGHTS || n > UINT32_MAX ||
        !fits(form, tensor, n))
        return plain;
    if (form == CLV_WEIGHT_FLOAT16)
        return (clv_weight_packing){.form = form};
    clv_weight_packing packing = packing_of(form, node, input, &tensor->shape);
    if (form == CLV_WEIGHT_INT4)
        packing = refine_int4(packing, n);
    bool smaller = clv_weight_bytes(&bytes, &packing, n) == CLV_OK && bytes < n * sizeof(float);
    return smaller ? packing : plain;
}

clv_status clv_weight_choose(clv_weight_packing *out, const clv_graph *graph, clv_weight_form form)
{
    bool *wanted = clv_calloc(graph->n_values, sizeof *wanted);
    if (wanted == NULL)
        return CLV_ENOMEM;
    for (uint32_t v = 0; v < graph->n_values; v++)
        out[v] = (clv_weight_packing){.form = CLV_WEIGHT_FLOAT32};
    if (form != CLV_WEIGHT_FLOAT32)
        clv_weight_find(wanted, graph);
    for (uint32_t k = 0; k < graph->n_nodes; k++) {
        const clv_node *node = &graph->nodes[k];
        for (uint32_t i = 0; i < node->n_inputs; i++) {
            uint32_t v = node->inputs[i];
            if (v == CLV_NO_VALUE || !wanted[v])
                continue;
            wanted[v] = false; /* the first node that reads it decides */
            out[v] = choose(form, node, i, &graph->values[v].tensor);
        }
    }
    clv_free(wanted);
    return CLV_OK;
}
