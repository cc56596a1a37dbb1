/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that make their elements from a few numbers. */
#include <math.h>
#include <string.h>

#include "kernel/ref/ref_kernels.h"
#include "kernel/ref/ref_number.h"

#define PI 3.14159265358979323846

static ref_number from_double(double x)
{
    return (ref_number){.kind = REF_FLOATING, .f = x};
}

clv_status ref_size(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    (void)graph;
    (void)node;
    *(int64_t *)outputs[0].data = (int64_t)ref_elems(&inputs[0]);
    return CLV_OK;
}

clv_status ref_eye_like(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                        clv_tensor *outputs)
{
    int64_t rows = outputs[0].shape.dim[0], cols = outputs[0].shape.dim[1];
    int64_t k = clv_node_attr_int(node, "k", 0);
    (void)graph;
    (void)inputs;

    memset(outputs[0].data, 0, ref_bytes(&outputs[0]));
    if (k <= -rows || k >= cols)
        return CLV_OK;
    for (int64_t row = k < 0 ? -k : 0; row < rows && row + k < cols; row++)
        ref_number_store(outputs[0].data, outputs[0].dtype, (size_t)(row * cols + row + k),
                         from_double(1.0));
    return CLV_OK;
}

clv_status ref_sequence(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                        clv_tensor *outputs)
{
    ref_number start = ref_number_load(inputs[0].data, inputs[0].dtype, 0);
    ref_number delta = ref_number_load(inputs[2].data, inputs[2].dtype, 0);
    size_t n = ref_elems(&outputs[0]);
    (void)graph;
    (void)node;

    for (size_t i = 0; i < n; i++) {
        ref_number x = start;
        x.f = start.f + (double)i * delta.f;
        x.bits = start.bits + i * delta.bits;
        ref_number_store(outputs[0].data, outputs[0].dtype, i, x);
    }
    return CLV_OK;
}

/* --- windows of signals: a0 - a1 cos(t) + a2 cos(2t), t going round once -------------------- */

static clv_status fill_window(const clv_node *node, clv_tensor *out, double a0, double a1,
                              double a2)
{
    size_t n = ref_elems(out);
    bool periodic = clv_node_attr_int(node, "periodic", 1) != 0;
    double turn = periodic ? (double)n : (double)(n - 1);

    for (size_t i = 0; i < n; i++) {
        double t = n > 1 ? 2 * PI * (double)i / turn : PI; /* a window of one is its middle */
        ref_number_store(out->data, out->dtype, i, from_double(a0 - a1 * cos(t) + a2 * cos(2 * t)));
    }
    return CLV_OK;
}

clv_status ref_hann_window(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                           clv_tensor *outputs)
{
    (void)graph;
    (void)inputs;
    return fill_window(node, &outputs[0], 0.5, 0.5, 0.0);
}

clv_status ref_hamming_window(const clv_graph *graph, const clv_node *node,
                              const clv_tensor *inputs, clv_tensor *outputs)
{
    (void)graph;
    (void)inputs;
    return fill_window(node, &outputs[0], 25.0 / 46, 21.0 / 46, 0.0);
}

clv_status ref_blackman_window(const clv_graph *graph, const clv_node *node,
                               const clv_tensor *inputs, clv_tensor *outputs)
{
    (void)graph;
    (void)inputs;
    return fill_window(node, &outputs[0], 0.42, 0.5, 0.08);
}

/* --- MelWeightMatrix ------------------------------------------------------------------------- */

static double to_mel(double hertz)
{
    return 2595 * log10(1 + hertz / 700);
}

static double from_mel(double mel)
{
    return 700 * (pow(10, mel / 2595) - 1);
}

/* The triangle over the spectrum's bins low..centre..high, 1 at its centre. */
static double triangle(double bin, double low, double centre, double high)
{
    if (bin == centre)
        return 1.0;
    if (bin < low || bin >= high)
        return 0.0;
    return bin < centre ? (bin - low) / (centre - low) : (high - bin) / (high - centre);
}

clv_status ref_mel(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                   clv_tensor *outputs)
{
    double length = clv_element_number(&inputs[1], 0), rate = clv_element_number(&inputs[2], 0);
    double low = to_mel(clv_element_number(&inputs[3], 0));
    double high = to_mel(clv_element_number(&inputs[4], 0));
    int64_t spectrum = outputs[0].shape.dim[0], mels = outputs[0].shape.dim[1];
    double step = (high - low) / (double)(mels + 2);
    (void)graph;
    (void)node;

    for (int64_t m = 0; m < mels; m++) {
        double edge[3];
        for (int64_t i = 0; i < 3; i++)
            edge[i] = floor((length + 1) * from_mel(low + (double)(m + i) * step) / rate);
        for (int64_t bin = 0; bin < spectrum; bin++)
            ref_number_store(outputs[0].data, outputs[0].dtype, (size_t)(bin * mels + m),
                             from_double(triangle((double)bin, edge[0], edge[1], edge[2])));
    }
    return CLV_OK;
}
