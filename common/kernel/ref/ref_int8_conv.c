/* SPDX-License-Identifier: Apache-2.0 */
/* Conv and ConvTranspose over bytes: the sums of one channel of the output at a time, then what
 * they count. Padding adds nothing: it is the number 0. */
#include <string.h>

#include "kernel/quantise.h"
#include "kernel/ref/ref_int8.h"

#define UNROLL 4u /* input channels that are added in one pass over the sums */

/* The sums of a channel of the output. What may pass int32 is carried over into totals before. */
typedef struct sums {
    int32_t *part;
    int64_t *total; /* NULL: part can't overflow */
    size_t n, terms;
} sums;

typedef struct qconv {
    clv_conv_params p;
    ref_window window; /* over the output where transposed, one place for each input */
    bool transposed;
    size_t in_area, out_area, kernel_area; /* elements of one channel */
    size_t in_channels, group_channels;    /* of one group, in the input and the output */
} qconv;

/* What lies in scratch memory. */
typedef struct workspace {
    sums sums;
    int16_t *x; /* a sample, less its zero point */
    float *real, *residual;
} workspace;

static clv_status qconv_of(qconv *out, const ref_int8 *k)
{
    const clv_graph *graph = &k->twin->graph;
    const clv_node *node = &k->twin->node;
    const clv_tensor *x = clv_node_input(graph, node, 0), *w = clv_node_input(graph, node, 1);
    const clv_tensor *y = clv_node_output(graph, node, 0);
    qconv c = {.transposed = node->op == CLV_OP_CONV_TRANSPOSE};

    if (c.transposed)
        CLV_TRY(clv_conv_transpose_params_of(&c.p, graph, node, NULL));
    else
        CLV_TRY(clv_conv_params_of(&c.p, graph, node, NULL));
    c.window = ref_window_of(&c.p.window, &x->shape);
    if (!c.transposed)
        ref_window_flatten(&c.window);
    for (uint32_t d = 0; c.transposed && d < 3; d++) {
        int64_t small = c.window.in[d];
        c.window.in[d] = c.window.out[d];
        c.window.out[d] = small;
    }
    c.in_area = ref_extent(&x->shape, 2, x->shape.rank);
    c.out_area = ref_extent(&y->shape, 2, y->shape.rank);
    c.kernel_area = ref_extent(&w->shape, 2, w->shape.rank);
    c.in_channels = (size_t)(x->shape.dim[1] / c.p.groups);
    c.group_channels = (size_t)(c.p.out_channels / c.p.groups);
    *out = c;
    return CLV_OK;
}

/* --- sums ---------------------------------------------------------------------------------- */

static void clear_sums(sums *s)
{
    memset(s->part, 0, s->n * sizeof *s->part);
    if (s->total != NULL)
        memset(s->total, 0, s->n * sizeof *s->total);
    s->terms = 0;
}

/* Before @p terms more products are added to any sum. */
static void reserve_terms(sums *s, size_t terms)
{
    s->terms += terms;
    if (s->total == NULL || s->terms <= REF_INT8_TERMS)
        return;
    for (size_t i = 0; i < s->n; i++) {
        s->total[i] += s->part[i];
        s->part[i] = 0;
    }
    s->terms = terms;
}

static void read_sums(float *real, const sums *s, float multiplier, float bias)
{
    if (s->total == NULL) {
        for (size_t i = 0; i < s->n; i++)
            real[i] = (float)s->part[i] * multiplier + bias;
    } else {
        for (size_t i = 0; i < s->n; i++)
            real[i] = (float)(s->total[i] + s->part[i]) * multiplier + bias;
    }
}

/* --- convolution --------------------------------------------------------------------------- */

static void add_row(int32_t *restrict y, const int16_t *restrict x, size_t stride, int16_t w,
                    size_t n)
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
static void add_rows(int32_t *restrict y, const int16_t *restrict x, size_t gap, size_t stride,
                     const int16_t *restrict w, size_t n)
{
    const int16_t *restrict x1 = x + gap, *restrict x2 = x1 + gap, *restrict x3 = x2 + gap;

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

/* Add what kernel element k of @p n_channels (1 or UNROLL) channels gives, by weights @p w. */
static void add_tap(int32_t *y, const qconv *c, const int16_t *x, const int16_t *w,
                    size_t n_channels, const int64_t k[3])
{
    const ref_window *win = &c->window;
    ref_range depth = ref_window_outputs(win, 0, k[0]);
    ref_range rows = ref_window_outputs(win, 1, k[1]);
    ref_range cols = ref_window_outputs(win, 2, k[2]);
    size_t n = (size_t)(cols.end - cols.begin), stride = (size_t)win->stride[2];

    for (int64_t oz = depth.begin; n > 0 && oz < depth.end; oz++) {
        int64_t iz = ref_window_at(win, 0, oz, k[0]);
        for (int64_t oy = rows.begin; oy < rows.end; oy++) {
            int64_t iy = ref_window_at(win, 1, oy, k[1]);
            int64_t ix = ref_window_at(win, 2, cols.begin, k[2]);
            int32_t *out = y + (oz * win->out[1] + oy) * win->out[2] + cols.begin;
            const int16_t *in = x + (iz * win->in[1] + iy) * win->in[2] + ix;
            if (n_channels == UNROLL)
                add_rows(out, in, c->in_area, stride, w, n);
            else
                add_row(out, in, stride, w[0], n);
        }
    }
}

/* The same for ConvTranspose: each element of x goes to where kernel element k lies. */
static void spread_tap(int32_t *y, const qconv *c, const int16_t *x, int16_t weight,
                       const int64_t k[3])
{
    const ref_window *win = &c->window;
    ref_range depth = ref_window_outputs(win, 0, k[0]);
    ref_range rows = ref_window_outputs(win, 1, k[1]);
    ref_range cols = ref_window_outputs(win, 2, k[2]);

    for (int64_t iz = depth.begin; iz < depth.end; iz++) {
        int64_t oz = ref_window_at(win, 0, iz, k[0]);
        for (int64_t iy = rows.begin; iy < rows.end; iy++) {
            int64_t oy = ref_window_at(win, 1, iy, k[1]);
            const int16_t *from = x + (iz * win->out[1] + iy) * win->out[2];
            int32_t *to = y + (oz * win->in[1] + oy) * win->in[2];
            for (int64_t ix = cols.begin; ix < cols.end; ix++)
                to[ref_window_at(win, 2, ix, k[2])] += weight * from[ix];
        }
    }
}

/* Element @p at of the weights, less their zero point. */
static int16_t weight_at(const clv_tensor *w, int32_t zero_point, size_t at)
{
    int32_t q = w->dtype == CLV_I8 ? ((const int8_t *)w->data)[at] : ((const uint8_t *)w->data)[at];
    return (int16_t)(q - zero_point);
}

/* Where the weights of input channel @p ci (of its group) for output channel @p channel begin. */
static size_t weights_begin(const qconv *c, size_t channel, size_t ci)
{
    size_t group = channel / c->group_channels, in_group = channel % c->group_channels;
    return c->transposed
               ? ((group * c->in_channels + ci) * c->group_channels + in_group) * c->kernel_area
               : (channel * c->in_channels + ci) * c->kernel_area;
}

/* All of one channel of the output, from the channels @p x of its group. */
static void add_channel(sums *s, const qconv *c, const int16_t *x, const clv_tensor *w,
                        int32_t w_zero, size_t channel)
{
    const int64_t *kernel = c->window.kernel;
    int16_t taps[UNROLL];
    size_t n;

    for (size_t ci = 0; ci < c->in_channels; ci += n) {
        const int16_t *from = x + ci * c->in_area;
        size_t tap = 0;
        n = !c->transposed && c->in_channels - ci >= UNROLL ? UNROLL : 1;
        for (int64_t kz = 0; kz < kernel[0]; kz++) {
            for (int64_t ky = 0; ky < kernel[1]; ky++) {
                for (int64_t kx = 0; kx < kernel[2]; kx++, tap++) {
                    const int64_t at[3] = {kz, ky, kx};
                    for (size_t i = 0; i < n; i++)
                        taps[i] = weight_at(w, w_zero, weights_begin(c, channel, ci + i) + tap);
                    reserve_terms(s, n);
                    if (c->transposed)
                        spread_tap(s->part, c, from, taps[0], at);
                    else
                        add_tap(s->part, c, from, taps, n, at);
                }
            }
        }
    }
}

/* --- one run ------------------------------------------------------------------------------- */

static size_t lay_out(workspace *ws, const qconv *c, char *scratch)
{
    size_t at = 0, area = c->out_area;
    bool wide = c->in_channels * c->kernel_area > REF_INT8_TERMS;
    size_t x_elems = (size_t)c->p.groups * c->in_channels * c->in_area;

    ws->sums = (sums){.n = area};
    ws->sums.part = (void *)ref_int8_cut(scratch, &at, area * sizeof(int32_t));
    if (wide)
        ws->sums.total = (void *)ref_int8_cut(scratch, &at, area * sizeof(int64_t));
    ws->real = (void *)ref_int8_cut(scratch, &at, area * sizeof(float));
    ws->residual = (void *)ref_int8_cut(scratch, &at, c->p.has_residual ? area * sizeof(float) : 0);
    ws->x = (void *)ref_int8_cut(scratch, &at, x_elems * sizeof(int16_t));
    return at;
}

static void read_sample(int16_t *dst, const clv_tensor *x, size_t first, size_t n,
                        int32_t zero_point)
{
    const uint8_t *u = (const uint8_t *)x->data + first;
    const int8_t *s = (const int8_t *)x->data + first;

    if (x->dtype == CLV_I8) {
        for (size_t i = 0; i < n; i++)
            dst[i] = (int16_t)(s[i] - zero_point);
    } else {
        for (size_t i = 0; i < n; i++)
            dst[i] = (int16_t)(u[i] - zero_point);
    }
}

static void add_residual(const ref_int8 *k, const workspace *ws, const clv_tensor *residual,
                         size_t first)
{
    const clv_quant *quant = clv_node_input_quant(k->graph, k->node, 3);
    size_t n = ws->sums.n;

    if (quant != NULL)
        clv_dequantise_f32(ws->residual, (const uint8_t *)residual->data + first, n, quant,
                           residual->dtype);
    else
        memcpy(ws->residual, (const float *)residual->data + first, n * sizeof(float));
    for (size_t i = 0; i < n; i++)
        ws->real[i] += ws->residual[i];
}

static clv_status run_conv(const ref_int8 *k, const clv_tensor *inputs, clv_tensor *outputs,
                           char *scratch)
{
    const clv_quant *x_quant = clv_node_input_quant(k->graph, k->node, 0);
    const clv_quant *w_quant = clv_node_input_quant(k->graph, k->node, 1);
    workspace ws;
    qconv c;

    CLV_TRY(qconv_of(&c, k));
    (void)lay_out(&ws, &c, scratch);
    const float *bias = c.p.has_bias ? inputs[2].data : NULL;
    size_t batch = (size_t)inputs[0].shape.dim[0], channels = (size_t)c.p.out_channels;
    size_t group_elems = c.in_channels * c.in_area, elems = (size_t)c.p.groups * group_elems;
    for (size_t sample = 0; sample < batch; sample++) {
        read_sample(ws.x, &inputs[0], sample * elems, elems, x_quant->zero_point);
        for (size_t channel = 0; channel < channels; channel++) {
            size_t group = channel / c.group_channels;
            size_t scale = c.transposed ? channel % c.group_channels : channel;
            size_t first = (sample * channels + channel) * c.out_area;
            clear_sums(&ws.sums);
            add_channel(&ws.sums, &c, ws.x + group * group_elems, &inputs[1], w_quant->zero_point,
                        channel);
            read_sums(ws.real, &ws.sums, clv_quant_multiplier(x_quant, w_quant, scale),
                      bias != NULL ? bias[channel] : 0.0f);
            if (c.p.has_residual)
                add_residual(k, &ws, &inputs[3], first);
            ref_int8_store(k, &outputs[0], first, ws.real, c.out_area);
        }
    }
    return CLV_OK;
}

clv_status ref_int8_plan_conv(ref_int8 *k)
{
    bool transposed = k->node->op == CLV_OP_CONV_TRANSPOSE;
    const clv_quant *residual = clv_node_input_quant(k->graph, k->node, 3);
    workspace unused;
    qconv c;

    if ((k->node->op != CLV_OP_CONV && !transposed) ||
        !ref_int8_is_product(k, transposed ? 1 : 0) ||
        clv_node_input_quant(k->graph, k->node, 2) != NULL ||
        (residual != NULL && residual->n_scales > 0))
        return CLV_EUNSUPPORTED;
    CLV_TRY(qconv_of(&c, k));
    k->scratch_bytes = lay_out(&unused, &c, NULL);
    k->run = run_conv;
    return CLV_OK;
}
