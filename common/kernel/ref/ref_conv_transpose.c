/* SPDX-License-Identifier: Apache-2.0 */
/* ConvTranspose: each input element adds its window of weights to the output. */
#include "kernel/ref/ref_kernels.h"

/* The window goes over the output ("in" of a ref_window), one place for each input ("out"). */
typedef struct transposed {
    ref_window window;
    size_t in_area, out_area, kernel_area;
} transposed;

static transposed transposed_of(const clv_conv_params *p, const clv_tensor *x, const clv_tensor *w,
                                const clv_tensor *y)
{
    transposed t = {.window = ref_window_of(&p->window, &x->shape),
                    .in_area = ref_extent(&x->shape, 2, x->shape.rank),
                    .out_area = ref_extent(&y->shape, 2, y->shape.rank),
                    .kernel_area = ref_extent(&w->shape, 2, w->shape.rank)};
    for (uint32_t d = 0; d < 3; d++) {
        int64_t small = t.window.in[d];
        t.window.in[d] = t.window.out[d];
        t.window.out[d] = small;
    }
    return t;
}

/* Add what kernel element k makes of a channel x to a channel y. */
static void add_tap(float *y, const transposed *t, const float *x, float weight, const int64_t k[3])
{
    const ref_window *w = &t->window;
    ref_range depth = ref_window_outputs(w, 0, k[0]);
    ref_range rows = ref_window_outputs(w, 1, k[1]);
    ref_range cols = ref_window_outputs(w, 2, k[2]);

    for (int64_t iz = depth.begin; iz < depth.end; iz++) {
        int64_t oz = ref_window_at(w, 0, iz, k[0]);
        for (int64_t iy = rows.begin; iy < rows.end; iy++) {
            int64_t oy = ref_window_at(w, 1, iy, k[1]);
            const float *from = x + (iz * w->out[1] + iy) * w->out[2];
            float *to = y + (oz * w->in[1] + oy) * w->in[2];
            for (int64_t ix = cols.begin; ix < cols.end; ix++)
                to[ref_window_at(w, 2, ix, k[2])] += weight * from[ix];
        }
    }
}

/* Add what one input channel gives to one output channel. */
static void add_channel(float *y, const transposed *t, const float *x, const float *weights)
{
    const int64_t *kernel = t->window.kernel;

    for (int64_t kz = 0; kz < kernel[0]; kz++) {
        for (int64_t ky = 0; ky < kernel[1]; ky++) {
            for (int64_t kx = 0; kx < kernel[2]; kx++)
                add_tap(y, t, x, *weights++, (const int64_t[3]){kz, ky, kx});
        }
    }
}

clv_status ref_conv_transpose(const clv_graph *graph, const clv_node *node,
                              const clv_tensor *inputs, clv_tensor *outputs)
{
    clv_conv_params p;
    CLV_TRY(clv_conv_transpose_params_of(&p, graph, node, NULL));
    transposed t = transposed_of(&p, &inputs[0], &inputs[1], &outputs[0]);
    size_t batch = (size_t)inputs[0].shape.dim[0], channels = (size_t)p.out_channels;
    size_t in_channels = (size_t)inputs[0].shape.dim[1] / (size_t)p.groups;
    size_t group_channels = channels / (size_t)p.groups;
    const float *bias = p.has_bias ? inputs[2].data : NULL;

    for (size_t i = 0; i < batch * channels; i++) {
        size_t sample = i / channels, channel = i % channels, group = channel / group_channels;
        float *y = (float *)outputs[0].data + i * t.out_area;
        for (size_t j = 0; j < t.out_area; j++)
            y[j] = bias ? bias[channel] : 0.0f;
        for (size_t ci = group * in_channels; ci < (group + 1) * in_channels; ci++) {
            const float *x = inputs[0].data, *w = inputs[1].data;
            x += (sample * (size_t)p.groups * in_channels + ci) * t.in_area;
            w += (ci * group_channels + channel % group_channels) * t.kernel_area;
            add_channel(y, &t, x, w);
        }
    }
    return CLV_OK;
}
