/* SPDX-License-Identifier: Apache-2.0 */
/* ConvInteger and QLinearConv: exact sums of 8-bit products. */
#include "kernel/ref/ref_quantized.h"

/* A convolution whose operands lie at the inputs that its operator has them at. */
typedef struct qconv {
    ref_window window;
    const clv_tensor *x, *w;
    const clv_tensor *x_zero, *w_zero;             /* NULL: 0 */
    const clv_tensor *x_scale, *w_scale, *y_scale; /* NULL: the sum itself is the output */
    const clv_tensor *bias, *y_zero;
    size_t in_channels, out_channels, groups; /* in_channels: of one group */
    size_t in_area, out_area, kernel_area;
} qconv;

static clv_status qconv_of(qconv *out, const clv_graph *graph, const clv_node *node,
                           const clv_tensor *inputs, const clv_tensor *y)
{
    bool linear = node->op == CLV_OP_QLINEAR_CONV;
    clv_conv_params p;
    CLV_TRY(clv_conv_params_of(&p, graph, node, NULL));
    const clv_tensor *x = &inputs[0], *w = &inputs[clv_conv_weights_input(node->op)];

    *out = (qconv){.window = ref_window_of(&p.window, &x->shape),
                   .x = x,
                   .w = w,
                   .x_zero = ref_optional(node, inputs, 2),
                   .w_zero = ref_optional(node, inputs, linear ? 5 : 3),
                   .in_channels = (size_t)w->shape.dim[1],
                   .out_channels = (size_t)p.out_channels,
                   .groups = (size_t)p.groups,
                   .in_area = ref_extent(&x->shape, 2, x->shape.rank),
                   .out_area = ref_extent(&y->shape, 2, y->shape.rank),
                   .kernel_area = ref_extent(&w->shape, 2, w->shape.rank)};
    if (linear) {
        out->x_scale = &inputs[1];
        out->w_scale = &inputs[4];
        out->y_scale = &inputs[6];
        out->y_zero = &inputs[7];
        out->bias = ref_optional(node, inputs, 8);
    }
    return CLV_OK;
}

/* The sum for output @p o of channel @p channel. Padding has the value of x's zero point. */
static int32_t sum_at(const qconv *c, size_t sample, size_t channel, const int64_t *o)
{
    const ref_window *win = &c->window;
    size_t group = sample * c->groups + channel / (c->out_channels / c->groups);
    size_t x_first = group * c->in_channels * c->in_area;
    size_t w_first = channel * c->in_channels * c->kernel_area;
    int32_t x_zero = c->x_zero != NULL ? ref_byte(c->x_zero, 0) : 0;
    int32_t w_zero = c->w_zero != NULL ? ref_byte(c->w_zero, ref_channel(c->w_zero, channel)) : 0;
    int32_t sum = 0;
    ref_range taps[3];

    for (uint32_t d = 0; d < 3; d++)
        taps[d] = ref_window_taps(win, d, o[d], 0, win->in[d]);
    for (size_t ci = 0; ci < c->in_channels; ci++) {
        for (int64_t kz = taps[0].begin; kz < taps[0].end; kz++) {
            int64_t iz = ref_window_at(win, 0, o[0], kz);
            for (int64_t ky = taps[1].begin; ky < taps[1].end; ky++) {
                int64_t iy = ref_window_at(win, 1, o[1], ky);
                size_t row =
                    x_first + ci * c->in_area + (size_t)((iz * win->in[1] + iy) * win->in[2]);
                size_t w_row = w_first + ci * c->kernel_area +
                               (size_t)((kz * win->kernel[1] + ky) * win->kernel[2]);
                for (int64_t kx = taps[2].begin; kx < taps[2].end; kx++) {
                    size_t ix = row + (size_t)ref_window_at(win, 2, o[2], kx);
                    sum = ref_add_product(sum, ref_byte(c->x, ix) - x_zero,
                                          ref_byte(c->w, w_row + (size_t)kx) - w_zero);
                }
            }
        }
    }
    return sum;
}

static void store(clv_tensor *y, size_t i, const qconv *c, size_t channel, int32_t sum)
{
    if (c->y_scale == NULL) {
        ((int32_t *)y->data)[i] = sum;
        return;
    }
    double w_scale = (double)((const float *)c->w_scale->data)[ref_channel(c->w_scale, channel)];
    double scale = (double)*(const float *)c->x_scale->data * w_scale;
    double bias = c->bias != NULL ? ((const int32_t *)c->bias->data)[channel] : 0;
    ref_store_byte(y, i, (sum + bias) * (scale / (double)*(const float *)c->y_scale->data),
                   ref_byte(c->y_zero, 0));
}

clv_status ref_conv_integer(const clv_graph *graph, const clv_node *node, const clv_tensor *inputs,
                            clv_tensor *outputs)
{
    qconv c;
    CLV_TRY(qconv_of(&c, graph, node, inputs, &outputs[0]));
    const int64_t *out = c.window.out;
    size_t planes = (size_t)inputs[0].shape.dim[0] * c.out_channels, i = 0;

    for (size_t plane = 0; plane < planes; plane++) {
        size_t sample = plane / c.out_channels, channel = plane % c.out_channels;
        for (int64_t z = 0; z < out[0]; z++) {
            for (int64_t row = 0; row < out[1]; row++) {
                for (int64_t col = 0; col < out[2]; col++) {
                    int32_t sum = sum_at(&c, sample, channel, (const int64_t[3]){z, row, col});
                    store(&outputs[0], i++, &c, channel, sum);
                }
            }
        }
    }
    return CLV_OK;
}
