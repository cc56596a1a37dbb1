/* SPDX-License-Identifier: Apache-2.0 */
/* DFT and STFT, by the definition. */
#include <math.h>

#include "graph/params_signal.h"
#include "kernel/ref/ref_kernels.h"

#define PI 3.14159265358979323846

/* A strided line of a signal. */
typedef struct line {
    const float *data;
    const float *window; /* what it is multiplied by, or NULL */
    size_t n, stride, parts;
} line;

/* out[0..1] = sum of x[i] * exp(-+ 2 pi bin i / length). */
static void transform(float *out, const line *x, size_t bin, size_t length, bool inverse)
{
    double real = 0, imaginary = 0;

    for (size_t i = 0; i < x->n && i < length; i++) {
        double t = 2 * PI * (double)(bin * i % length) / (double)length;
        double c = cos(t), s = inverse ? sin(t) : -sin(t);
        double w = x->window != NULL ? (double)x->window[i] : 1;
        double re = w * (double)x->data[i * x->stride];
        double im = x->parts == 2 ? w * (double)x->data[i * x->stride + 1] : 0;
        real += re * c - im * s;
        imaginary += re * s + im * c;
    }
    double scale = inverse ? 1 / (double)length : 1;
    out[0] = (float)(real * scale);
    out[1] = (float)(imaginary * scale);
}

clv_status ref_dft(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                   clv_tensor *outputs)
{
    const clv_shape *in = &inputs[0].shape;
    float *dst = outputs[0].data;
    clv_dft_params p;

    CLV_TRY(clv_dft_params_of(&p, graph, node, NULL));
    size_t parts = (size_t)in->dim[in->rank - 1], n = (size_t)in->dim[p.axis];
    size_t outer = ref_extent(in, 0, p.axis), inner = ref_extent(in, p.axis + 1, in->rank - 1);
    for (size_t row = 0; row < outer; row++) {
        for (size_t bin = 0; bin < (size_t)p.bins; bin++) {
            for (size_t i = 0; i < inner; i++, dst += 2) {
                const float *src = (const float *)inputs[0].data + (row * n * inner + i) * parts;
                line x = {src, NULL, n, inner * parts, parts};
                transform(dst, &x, bin, (size_t)p.length, p.inverse);
            }
        }
    }
    return CLV_OK;
}

clv_status ref_stft(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    const clv_shape *in = &inputs[0].shape;
    float *dst = outputs[0].data;
    clv_stft_params p;

    CLV_TRY(clv_stft_params_of(&p, graph, node, NULL));
    size_t parts = (size_t)in->dim[2], samples = (size_t)in->dim[1];
    line x = {.n = (size_t)p.length, .stride = parts, .parts = parts};
    if (node->n_inputs > 2)
        x.window = inputs[2].data;
    for (size_t row = 0; row < (size_t)in->dim[0]; row++) {
        for (size_t frame = 0; frame < (size_t)p.frames; frame++) {
            x.data =
                (const float *)inputs[0].data + (row * samples + frame * (size_t)p.step) * parts;
            for (size_t bin = 0; bin < (size_t)p.bins; bin++, dst += 2)
                transform(dst, &x, bin, (size_t)p.length, false);
        }
    }
    return CLV_OK;
}
