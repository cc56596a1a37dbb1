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
    case CLV_ACT_SILU:
        MAP(float, data, data, n, x, x / (1.0f + expf(-alpha * x)));
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
