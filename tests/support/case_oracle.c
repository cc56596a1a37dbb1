/* SPDX-License-Identifier: Apache-2.0 */
#include "support/case_oracle.h"

#include <math.h>

double oracle_activate(const clv_fusion *fusion, double x)
{
    double alpha = (double)fusion->alpha, beta = (double)fusion->beta;

    switch (fusion->activation) {
    case CLV_ACT_RELU:
        return fmax(x, 0.0);
    case CLV_ACT_CLIP:
        return fmin(fmax(x, alpha), beta);
    case CLV_ACT_LEAKY_RELU:
        return x < 0.0 ? alpha * x : x;
    case CLV_ACT_SIGMOID:
        return 1.0 / (1.0 + exp(-x));
    case CLV_ACT_HARD_SIGMOID:
        return fmax(0.0, fmin(1.0, alpha * x + beta));
    case CLV_ACT_HARD_SWISH:
        return x * fmax(0.0, fmin(1.0, x / 6.0 + 0.5));
    case CLV_ACT_TANH:
        return tanh(x);
    case CLV_ACT_ELU:
        return x < 0.0 ? alpha * (exp(x) - 1.0) : x;
    case CLV_ACT_SILU:
        return x / (1.0 + exp(-alpha * x));
    case CLV_ACT_NONE:
    case CLV_ACT_COUNT:
        break;
    }
    return x;
}

/* Split @p flat into coordinates in a box, the last one fastest. */
static void coordinates(int64_t *at, int64_t flat, const int64_t *box, uint32_t n)
{
    for (uint32_t i = n; i-- > 0;) {
        at[i] = flat % box[i];
        flat /= box[i];
    }
}

static int64_t volume(const int64_t *box, uint32_t n)
{
    int64_t v = 1;
    for (uint32_t i = 0; i < n; i++)
        v *= box[i];
    return v;
}

/* The input element that kernel element @p k sees for output @p o, or -1 outside of the input.
 * @p in_padding  whether it lies in the declared padding. */
static int64_t sees(bool *in_padding, const window_spec *s, const int64_t *o, const int64_t *k)
{
    int64_t flat = 0;
    bool inside = true, padded = true;

    for (uint32_t d = 0; d < s->n; d++) {
        int64_t i = o[d] * s->stride[d] + k[d] * s->dilation[d] - s->pads[d];
        inside = inside && i >= 0 && i < s->in[d];
        padded = padded && i >= -s->pads[d] && i < s->in[d] + s->pads[s->n + d];
        flat = flat * s->in[d] + i;
    }
    *in_padding = padded && !inside;
    return inside ? flat : -1;
}

void oracle_conv(float *y, const window_spec *s, const float *x, const float *w, const float *bias,
                 const float *residual, const clv_fusion *fusion)
{
    int64_t out[3], o[3], k[3], in_area = volume(s->in, s->n), taps = volume(s->kernel, s->n);
    int64_t in_group = s->channels / s->groups, out_group = s->out_channels / s->groups;
    bool unused;

    for (uint32_t d = 0; d < s->n; d++)
        out[d] = (s->in[d] + s->pads[d] + s->pads[s->n + d] -
                  ((s->kernel[d] - 1) * s->dilation[d] + 1)) /
                     s->stride[d] +
                 1;
    int64_t area = volume(out, s->n), total = s->batch * s->out_channels * area;
    for (int64_t i = 0; i < total; i++) {
        int64_t n = i / (s->out_channels * area), co = i / area % s->out_channels;
        double sum = bias ? (double)bias[co] : 0.0;
        coordinates(o, i % area, out, s->n);
        for (int64_t j = 0; j < in_group * taps; j++) {
            int64_t ci = co / out_group * in_group + j / taps;
            coordinates(k, j % taps, s->kernel, s->n);
            int64_t at = sees(&unused, s, o, k);
            if (at >= 0)
                sum += (double)w[co * in_group * taps + j] *
                       (double)x[(n * s->channels + ci) * in_area + at];
        }
        sum += residual ? (double)residual[i] : 0.0;
        y[i] = (float)oracle_activate(fusion, sum);
    }
}

void oracle_pool(float *y, const window_spec *s, const int64_t *out, bool is_max, const float *x)
{
    int64_t o[3], k[3], in_area = volume(s->in, s->n), taps = volume(s->kernel, s->n);
    int64_t area = volume(out, s->n);

    for (int64_t i = 0; i < s->batch * s->channels * area; i++) {
        double sum = 0.0, max = -HUGE_VAL, count = 0.0;
        coordinates(o, i % area, out, s->n);
        for (int64_t j = 0; j < taps; j++) {
            bool in_padding;
            coordinates(k, j, s->kernel, s->n);
            int64_t at = sees(&in_padding, s, o, k);
            if (at >= 0) {
                sum += (double)x[i / area * in_area + at];
                max = fmax(max, (double)x[i / area * in_area + at]);
            }
            count += at >= 0 || (in_padding && s->count_include_pad) ? 1.0 : 0.0;
        }
        y[i] = (float)(is_max ? max : sum / count);
    }
}

size_t oracle_broadcast_index(size_t flat, const clv_shape *out, const clv_shape *in)
{
    int64_t at[CLV_MAX_RANK], index = 0;

    coordinates(at, (int64_t)flat, out->dim, out->rank);
    for (uint32_t i = 0; i < in->rank; i++) {
        int64_t here = at[out->rank - in->rank + i];
        index = index * in->dim[i] + (in->dim[i] == 1 ? 0 : here);
    }
    return (size_t)index;
}

void oracle_gemm(float *y, const gemm_spec *s, const float *a, const float *b, const clv_tensor *c)
{
    const clv_shape out = {.rank = 2, .dim = {s->m, s->n}};

    for (int64_t i = 0; i < s->m * s->n; i++) {
        int64_t row = i / s->n, col = i % s->n;
        double sum = 0.0;
        for (int64_t k = 0; k < s->k; k++)
            sum += (double)a[s->trans_a ? k * s->m + row : row * s->k + k] *
                   (double)b[s->trans_b ? col * s->k + k : k * s->n + col];
        sum *= (double)s->alpha;
        if (c != NULL)
            sum += (double)s->beta *
                   (double)((const float *)
                                c->data)[oracle_broadcast_index((size_t)i, &out, &c->shape)];
        y[i] = (float)sum;
    }
}
