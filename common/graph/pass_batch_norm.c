/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "graph/pass.h"

/* y = scale * (conv(x) - mean) / sqrt(var + epsilon) + shift: weights and bias of the same
 * convolution without the normalisation. In double, rounded once. */
typedef struct norm {
    const float *scale, *shift, *mean, *var;
    double epsilon;
} norm;

static const float *channel_constants(const clv_graph *graph, const clv_node *node, uint32_t i,
                                      int64_t channels)
{
    const clv_tensor *t = clv_node_input(graph, node, i);
    if (t == NULL || t->data == NULL || t->dtype != CLV_F32 || t->shape.rank != 1 ||
        t->shape.dim[0] != channels)
        return NULL;
    return t->data;
}

static bool read_norm(norm *out, const clv_graph *graph, const clv_node *bn, int64_t channels)
{
    norm n = {channel_constants(graph, bn, 1, channels), channel_constants(graph, bn, 2, channels),
              channel_constants(graph, bn, 3, channels), channel_constants(graph, bn, 4, channels),
              (double)clv_node_attr_float(bn, "epsilon", 1e-5f)};
    *out = n;
    return n.scale != NULL && n.shift != NULL && n.mean != NULL && n.var != NULL;
}

/* A convolution whose parameters are constants and that nothing was fused into. */
static bool is_plain_conv(const clv_graph *graph, const clv_node *conv)
{
    const clv_tensor *w = clv_node_input(graph, conv, 1);
    const clv_tensor *b = clv_node_input(graph, conv, 2);
    return conv->op == CLV_OP_CONV && conv->fusion.activation == CLV_ACT_NONE &&
           clv_node_input(graph, conv, 3) == NULL && w->data != NULL && w->dtype == CLV_F32 &&
           (b == NULL || (b->data != NULL && b->dtype == CLV_F32));
}

static void fold_weights(float *w_out, float *b_out, const float *w, const float *b, const norm *n,
                         size_t channels, size_t filter_elems)
{
    for (size_t c = 0; c < channels; c++) {
        double factor = (double)n->scale[c] / sqrt((double)n->var[c] + n->epsilon);
        for (size_t i = 0; i < filter_elems; i++)
            w_out[c * filter_elems + i] = (float)((double)w[c * filter_elems + i] * factor);
        double bias = b != NULL ? (double)b[c] : 0.0;
        b_out[c] = (float)((bias - (double)n->mean[c]) * factor + (double)n->shift[c]);
    }
}

static clv_status fold(clv_pass *pass, uint32_t conv_index, uint32_t bn_index, const norm *n,
                       clv_error *err)
{
    clv_graph *graph = pass->graph;
    clv_tensor w = *clv_node_input(graph, &graph->nodes[conv_index], 1);
    const clv_tensor *b = clv_node_input(graph, &graph->nodes[conv_index], 2);
    const float *bias = b != NULL ? b->data : NULL;
    clv_shape bias_shape = {.rank = 1, .dim = {w.shape.dim[0]}};
    uint32_t w_new, b_new;
    size_t elems;

    CLV_TRY(clv_shape_elems(&elems, &w.shape));
    const char *stem = graph->nodes[conv_index].name;
    CLV_TRY(clv_pass_new_constant(&w_new, graph, stem, CLV_F32, &w.shape, err));
    CLV_TRY(clv_pass_new_constant(&b_new, graph, stem, CLV_F32, &bias_shape, err));
    size_t channels = (size_t)w.shape.dim[0];
    fold_weights(graph->values[w_new].tensor.data, graph->values[b_new].tensor.data, w.data, bias,
                 n, channels, elems / channels);

    clv_node *conv = &graph->nodes[conv_index];
    uint32_t *inputs = clv_arena_alloc(&graph->arena, 3, sizeof *inputs);
    if (inputs == NULL)
        return clv_fail(err, CLV_ENOMEM, stem, "out of memory");
    memcpy(inputs, (uint32_t[]){conv->inputs[0], w_new, b_new}, 3 * sizeof *inputs);
    conv->inputs = inputs;
    conv->n_inputs = 3;
    conv->outputs[0] = graph->nodes[bn_index].outputs[0];
    graph->values[conv->outputs[0]].producer = conv_index;
    pass->dead[bn_index] = true;
    pass->changes++;
    return CLV_OK;
}

clv_status clv_pass_batch_norm(clv_pass *pass, clv_error *err)
{
    clv_graph *graph = pass->graph;

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const clv_node *bn = &graph->nodes[i];
        if (bn->op != CLV_OP_BATCH_NORMALIZATION)
            continue;
        uint32_t producer = clv_pass_sole_producer(pass, bn->inputs[0]);
        if (producer == CLV_NO_NODE || !is_plain_conv(graph, &graph->nodes[producer]))
            continue;
        norm n;
        int64_t channels = clv_node_input(graph, &graph->nodes[producer], 1)->shape.dim[0];
        if (read_norm(&n, graph, bn, channels))
            CLV_TRY(fold(pass, producer, i, &n, err));
    }
    return CLV_OK;
}
