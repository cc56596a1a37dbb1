/* SPDX-License-Identifier: Apache-2.0 */
/* BatchNormalization, LRN. */
#include <math.h>

#include "kernel/ref/ref_kernels.h"

clv_status ref_batch_norm(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                          clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    size_t channels = shape->rank > 1 ? (size_t)shape->dim[1] : 1;
    const float *scale = inputs[1].data, *shift = inputs[2].data;
    const float *mean = inputs[3].data, *variance = inputs[4].data;
    float epsilon = clv_node_attr_float(node, "epsilon", 1e-5f);
    const float *x = inputs[0].data;
    float *y = outputs[0].data;
    (void)graph;

    if (clv_node_attr_int(node, "training_mode", 0) != 0)
        return CLV_EUNSUPPORTED;
    for (uint32_t i = 1; i < 5; i++) {
        if (ref_elems(&inputs[i]) != channels)
            return CLV_ESHAPE;
    }
    size_t planes = ref_extent(shape, 0, shape->rank > 2 ? 2 : shape->rank);
    size_t area = shape->rank > 2 ? ref_extent(shape, 2, shape->rank) : 1;
    for (size_t i = 0; i < planes; i++, x += area, y += area) {
        size_t c = i % channels;
        float factor = scale[c] / sqrtf(variance[c] + epsilon);
        for (size_t j = 0; j < area; j++)
            y[j] = (x[j] - mean[c]) * factor + shift[c];
    }
    return CLV_OK;
}

/* One sample, [channels, area]. y first holds the sum of squares over neighbouring channels. */
static void normalise_sample(float *y, const float *x, size_t channels, size_t area,
                             const clv_node *node, int64_t size)
{
    float alpha = clv_node_attr_float(node, "alpha", 1e-4f) / (float)size;
    float beta = clv_node_attr_float(node, "beta", 0.75f);
    float bias = clv_node_attr_float(node, "bias", 1.0f);
    size_t before = (size_t)(size - 1) / 2, after = (size_t)size / 2;

    for (size_t c = 0; c < channels; c++, y += area) {
        size_t first = c > before ? c - before : 0;
        size_t last = after < channels - 1 - c ? c + after : channels - 1;
        for (size_t j = 0; j < area; j++)
            y[j] = 0.0f;
        for (size_t from = first; from <= last; from++) {
            for (size_t j = 0; j < area; j++)
                y[j] += x[from * area + j] * x[from * area + j];
        }
        for (size_t j = 0; j < area; j++)
            y[j] = x[c * area + j] / powf(bias + alpha * y[j], beta);
    }
}

clv_status ref_lrn(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                   clv_tensor *outputs)
{
    const clv_shape *shape = &inputs[0].shape;
    int64_t size = clv_node_attr_int(node, "size", 0);
    (void)graph;

    if (size < 1 || shape->rank < 2)
        return CLV_ESHAPE;
    size_t channels = (size_t)shape->dim[1], area = ref_extent(shape, 2, shape->rank);
    for (size_t i = 0; i < (size_t)shape->dim[0]; i++) {
        size_t at = i * channels * area;
        normalise_sample((float *)outputs[0].data + at, (const float *)inputs[0].data + at,
                         channels, area, node, size);
    }
    return CLV_OK;
}
