/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/ref/ref_kernels.h"

/* Input channels that are added in one pass over the output: each output element is then loaded
 * and stored once for four products. The order of the sums is fixed all the same. */
#define UNROLL 4

typedef struct conv {
    ref_window window;
    size_t in_area, out_area, kernel_area; /* elements of one channel */
    size_t in_channels;                    /* of one group */
} conv;

static conv conv_of(const clv_conv_params *p, const clv_tensor *x, const clv_tensor *w,
                    const clv_tensor *y)
{
    conv c = {.window = ref_window_of(&p->window, &x->shape),
              .in_area = ref_extent(&x->shape, 2, x->shape.rank),
              .out_area = ref_extent(&y->shape, 2, y->shape.rank),
              .kernel_area = ref_extent(&w->shape, 2, w->shape.rank),
              .in_channels = (size_t)w->shape.dim[1]};
    ref_window_flatten(&c.window);
    return c;
}

static void add_row(float *restrict y, const float *restrict x, size_t stride, float w, size_t n)
{
    if (stride == 1) {
        for (size_t i = 0; i < n; i++)
            y[i] += w * x[i];
    } else {
        for (size_t i = 0; i < n; i++)
            y[i] += w * x[i * stride];
    }
}

/* The same for UNROLL channels that are @p gap elements apart, with weights @p w. */
static void add_rows(float *restrict y, const float *restrict x, size_t gap, size_t stride,
                     const float *restrict w, size_t n)
{
    const float *restrict x1 = x + gap, *restrict x2 = x1 + gap, *restrict x3 = x2 + gap;

    if (stride == 1) {
        for (size_t i = 0; i < n; i++)
            y[i] += w[0] * x[i] + w[1] * x1[i] + w[2] * x2[i] + w[3] * x3[i];
    } else {
        for (size_t i = 0; i < n; i++) {
            size_t at = i * stride;
            y[i] += w[0] * x[at] + w[1] * x1[at] + w[2] * x2[at] + w[3] * x3[at];
        }
    }
}

/* Add what kernel element k of @p n_channels (1 or UNROLL) channels gives to a channel of y. */
static void add_tap(float *y, const conv *c, const float *x, const float *weights,
                    size_t n_channels, const int64_t k[3])
{
    const ref_window *win = &c->window;
    ref_range depth = ref_window_outputs(win, 0, k[0]);
    ref_range rows = ref_window_outputs(win, 1, k[1]);
    ref_range cols = ref_window_outputs(win, 2, k[2]);
    size_t n = (size_t)(cols.end - cols.begin), stride = (size_t)win->stride[2];
    size_t tap = (size_t)((k[0] * win->kernel[1] + k[1]) * win->kernel[2] + k[2]);
    float w[UNROLL];

    if (n == 0)
        return;
    for (size_t i = 0; i < n_channels; i++)
        w[i] = weights[i * c->kernel_area + tap];
    for (int64_t oz = depth.begin; oz < depth.end; oz++) {
        int64_t iz = ref_window_at(win, 0, oz, k[0]);
        for (int64_t oy = rows.begin; oy < rows.end; oy++) {
            int64_t iy = ref_window_at(win, 1, oy, k[1]);
            int64_t ix = ref_window_at(win, 2, cols.begin, k[2]);
            float *out = y + (oz * win->out[1] + oy) * win->out[2] + cols.begin;
            const float *in = x + (iz * win->in[1] + iy) * win->in[2] + ix;
            if (n_channels == UNROLL)
                add_rows(out, in, c->in_area, stride, w, n);
            else
                add_row(out, in, stride, w[0], n);
        }
    }
}

/* One channel of the output from all channels of its group. */
static void convolve(float *y, const conv *c, const float *x, const float *weights)
{
    const int64_t *kernel = c->window.kernel;
    size_t n;

    for (size_t ci = 0; ci < c->in_channels; ci += n) {
        n = c->in_channels - ci >= UNROLL ? UNROLL : 1;
        for (int64_t kz = 0; kz < kernel[0]; kz++) {
            for (int64_t ky = 0; ky < kernel[1]; ky++) {
                for (int64_t kx = 0; kx < kernel[2]; kx++)
                    add_tap(y, c, x + ci * c->in_area, weights + ci * c->kernel_area, n,
                            (const int64_t[3]){kz, ky, kx});
            }
        }
    }
}

clv_status ref_conv(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                    clv_tensor *outputs)
{
    clv_conv_params p;
    CLV_TRY(clv_conv_params_of(&p, graph, node, NULL));
    conv c = conv_of(&p, &inputs[0], &inputs[1], &outputs[0]);
    size_t batch = (size_t)inputs[0].shape.dim[0];
    size_t channels = (size_t)p.out_channels, group_channels = channels / (size_t)p.groups;
    const float *x = inputs[0].data, *weights = inputs[1].data;
    const float *bias = p.has_bias ? inputs[2].data : NULL;
    const float *residual = p.has_residual ? inputs[3].data : NULL;
    float *y = outputs[0].data;

    for (size_t i = 0; i < batch * channels; i++) {
        size_t sample = i / channels, channel = i % channels;
        size_t group = sample * (size_t)p.groups + channel / group_channels;
        float *plane = y + i * c.out_area;
        for (size_t j = 0; j < c.out_area; j++)
            plane[j] = bias ? bias[channel] : 0.0f;
        convolve(plane, &c, x + group * c.in_channels * c.in_area,
                 weights + channel * c.in_channels * c.kernel_area);
        for (size_t j = 0; residual != NULL && j < c.out_area; j++)
            plane[j] += residual[i * c.out_area + j];
        clv_ref_activate(plane, c.out_area, &node->fusion);
    }
    return CLV_OK;
}
