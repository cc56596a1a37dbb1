/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/quant_weights.h"

#include <math.h>

#define STEPS 24       /* scales that are tried below the largest */
#define SMALLEST 0.52f /* of the largest: what the last step is */

/* Elements of one channel: runs of `inner`, `stride` apart, `runs` of them. */
typedef struct channel {
    const float *first;
    size_t inner, stride, runs;
} channel;

static float largest(const channel *c)
{
    float most = 0.0f;

    for (size_t r = 0; r < c->runs; r++) {
        for (size_t i = 0; i < c->inner; i++)
            most = fmaxf(most, fabsf(c->first[r * c->stride + i]));
    }
    return most;
}

static float to_byte(float x, float inverse, float limit)
{
    float q = rintf(x * inverse);
    return q > limit ? limit : q < -limit ? -limit : q;
}

static double squared_error(const channel *c, float scale, float limit)
{
    float inverse = 1.0f / scale;
    double error = 0.0;

    for (size_t r = 0; r < c->runs; r++) {
        float sum = 0.0f;
        for (size_t i = 0; i < c->inner; i++) {
            float x = c->first[r * c->stride + i];
            float d = x - to_byte(x, inverse, limit) * scale;
            sum += d * d;
        }
        error += (double)sum;
    }
    return error;
}

static float choose_scale(const channel *c, const clv_weight_options *options)
{
    float limit = (float)options->limit, most = largest(c) / limit, best = most;

    if (!(most >= 1e-30f) || !isfinite(most))
        return 1.0f; /* all zero */
    if (options->method == CLV_WEIGHT_MINMAX)
        return most;
    double least = squared_error(c, most, limit);
    for (int i = 1; i <= STEPS; i++) {
        float scale = most * (1.0f - (1.0f - SMALLEST) * (float)i / STEPS);
        double error = squared_error(c, scale, limit);
        if (error < least) {
            least = error;
            best = scale;
        }
    }
    return best;
}

void clv_quantise_weights(int8_t *bytes, float *scales, const clv_tensor *weights, uint32_t axis,
                          const clv_weight_options *options)
{
    size_t channels = (size_t)weights->shape.dim[axis], inner = 1, runs = 1;
    const float *data = weights->data;

    for (uint32_t d = 0; d < weights->shape.rank; d++) {
        if (d != axis)
            *(d < axis ? &runs : &inner) *= (size_t)weights->shape.dim[d];
    }
    for (size_t k = 0; k < channels; k++) {
        channel c = {data + k * inner, inner, channels * inner, runs};
        scales[k] = choose_scale(&c, options);
        for (size_t r = 0; r < runs; r++) {
            for (size_t i = 0; i < inner; i++) {
                size_t at = k * inner + r * c.stride + i;
                bytes[at] = (int8_t)to_byte(data[at], 1.0f / scales[k], (float)options->limit);
            }
        }
    }
}
