/* SPDX-License-Identifier: Apache-2.0 */
/* One input, one output of the same shape. Input and output may be the same memory. */
#include <math.h>
#include <string.h>

#include "kernel/ref/ref_kernels.h"

/* Comparisons are written so that a NaN comes through. */
static inline float clip(float x, float low, float high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

static inline float hard_sigmoid(float x, float alpha, float beta)
{
    return clip(alpha * x + beta, 0.0f, 1.0f);
}

/* dst[i] = expr, where x stands for src[i]; they may be the same memory. */
#define MAP(type, dst, src, n, x, expr)                                                            \
    do {                                                                                           \
        for (size_t map_i = 0; map_i < (n); map_i++) {                                             \
            const type x = (src)[map_i];                                                           \
            (dst)[map_i] = (expr);                                                                 \
        }                                                                                          \
    } while (0)

void clv_ref_activate(float *data, size_t n, const clv_fusion *fusion)
{
    const float alpha = fusion->alpha, beta = fusion->beta;

    switch (fusion->activation) {
    case CLV_ACT_NONE:
    case CLV_ACT_COUNT:
        break;
    case CLV_ACT_RELU:
        MAP(float, data, data, n, x, x < 0.0f ? 0.0f : x);
        break;
    case CLV_ACT_CLIP:
        MAP(float, data, data, n, x, clip(x, alpha, beta));
        break;
    case CLV_ACT_LEAKY_RELU:
        MAP(float, data, data, n, x, x < 0.0f ? alpha * x : x);
        break;
    case CLV_ACT_SIGMOID:
        MAP(float, data, data, n, x, 1.0f / (1.0f + expf(-x)));
        break;
    case CLV_ACT_HARD_SIGMOID:
        MAP(float, data, data, n, x, hard_sigmoid(x, alpha, beta));
        break;
    case CLV_ACT_HARD_SWISH:
        MAP(float, data, data, n, x, x *hard_sigmoid(x, 1.0f / 6.0f, 0.5f));
        break;
    case CLV_ACT_TANH:
        MAP(float, data, data, n, x, tanhf(x));
        break;
    case CLV_ACT_ELU:
        MAP(float, data, data, n, x, x < 0.0f ? alpha * expm1f(x) : x);
        break;
    }
}

static float *copy_floats(const clv_tensor *input, clv_tensor *output)
{
    if (output->data != input->data)
        memcpy(output->data, input->data, ref_bytes(input));
    return output->data;
}

clv_status ref_activation(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                          clv_tensor *outputs)
{
    clv_fusion activation;
    if (!clv_activation_of(&activation, graph, node))
        return CLV_EUNSUPPORTED;
    clv_ref_activate(copy_floats(&inputs[0], &outputs[0]), ref_elems(&inputs[0]), &activation);
    return CLV_OK;
}

/* Clip by bounds that may be made by other nodes, which no fusion can express. */
clv_status ref_clip(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    clv_fusion activation = {CLV_ACT_CLIP, -INFINITY, INFINITY};
    (void)graph;

    for (uint32_t i = 1; i < node->n_inputs; i++) {
        if (inputs[i].data == NULL)
            continue;
        if (ref_elems(&inputs[i]) != 1)
            return CLV_ESHAPE;
        *(i == 1 ? &activation.alpha : &activation.beta) = *(const float *)inputs[i].data;
    }
    clv_ref_activate(copy_floats(&inputs[0], &outputs[0]), ref_elems(&inputs[0]), &activation);
    return CLV_OK;
}

clv_status ref_exp(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                   clv_tensor *outputs)
{
    float *data = copy_floats(&inputs[0], &outputs[0]);
    size_t n = ref_elems(&inputs[0]);
    (void)graph;
    (void)node;
    MAP(float, data, data, n, x, expf(x));
    return CLV_OK;
}

clv_status ref_sqrt(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    float *data = copy_floats(&inputs[0], &outputs[0]);
    size_t n = ref_elems(&inputs[0]);
    (void)graph;
    (void)node;
    MAP(float, data, data, n, x, sqrtf(x));
    return CLV_OK;
}

/* Integers wrap round, so the lowest one is its own negative. */
clv_status ref_neg(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                   clv_tensor *outputs)
{
    const void *src = inputs[0].data;
    void *dst = outputs[0].data;
    size_t n = ref_elems(&inputs[0]);
    (void)graph;
    (void)node;

    switch (inputs[0].dtype) {
    case CLV_F32:
        MAP(float, (float *)dst, (const float *)src, n, x, -x);
        return CLV_OK;
    case CLV_F64:
        MAP(double, (double *)dst, (const double *)src, n, x, -x);
        return CLV_OK;
    case CLV_I32:
        MAP(uint32_t, (uint32_t *)dst, (const uint32_t *)src, n, x, 0u - x);
        return CLV_OK;
    case CLV_I64:
        MAP(uint64_t, (uint64_t *)dst, (const uint64_t *)src, n, x, UINT64_C(0) - x);
        return CLV_OK;
    default:
        return CLV_EUNSUPPORTED;
    }
}
