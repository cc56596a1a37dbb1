/* SPDX-License-Identifier: Apache-2.0 */

/* Which depthwise convolutions run on our own code, and what it needs to know. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernel/onednn/dn_depthwise.h"
#include "kernel/onednn/dn_int8_conv.h"
#include "kernel/onednn/dn_parallel.h"
#include "kernel/onednn/dn_simd.h"

/* A convolution with its constants behind it. */
typedef struct plan {
    clv_depthwise form;
    bool has_pairs;
    size_t n_items; /* of the loop: rows, or strips of rows */
} plan;

typedef struct frame {
    const plan *plan;
    const uint8_t *x;
    uint8_t *y;
} frame;

static void run_items(const void *context, size_t from, size_t to)
{
    const frame *f = context;

    if (f->plan->has_pairs)
        clv_depthwise_avx2(&f->plan->form, f->x, f->y, from, to);
    else
        clv_depthwise_plain(&f->plan->form, f->x, f->y, from, to);
}

static void run(const void *data, void *const *addresses)
{
    const plan *p = data;
    frame f = {p, addresses[0], addresses[1]};
    clv_dn_parallel(p->form.threads, p->n_items, run_items, &f);
}

/* Bytes in, bytes out, one weight plane for each channel. */
static bool is_ours(const clv_dn_conv_form *c, const clv_dn_job *job, const clv_dn_sums *sums)
{
    const clv_shape *x = &clv_node_input(job->graph, job->node, 0)->shape;

    return (x->rank == 3 || x->rank == 4) && c->params.groups == x->dim[1] &&
           c->params.out_channels == x->dim[1] && !c->params.has_residual &&
           clv_dn_operand_is_bytes(&sums->y) &&
           c->params.window.kernel[0] <= CLV_DEPTHWISE_MAX_ROWS;
}

/* Extents and the window; a signal is an image of one row. */
static clv_depthwise form_of(const clv_dn_conv_form *c, const clv_dn_job *job)
{
    const clv_shape *x = &clv_node_input(job->graph, job->node, 0)->shape;
    const clv_window *w = &c->params.window;
    uint32_t last = w->n - 1;
    clv_depthwise d = {
        .batch = (size_t)x->dim[0],
        .channels = (size_t)x->dim[1],
        .h = last == 0 ? 1 : (size_t)x->dim[2],
        .w = (size_t)x->dim[2 + last],
        .out_h = last == 0 ? 1 : (size_t)w->out[0],
        .out_w = (size_t)w->out[last],
        .kernel_h = last == 0 ? 1 : (size_t)w->kernel[0],
        .kernel_w = (size_t)w->kernel[last],
        .stride_h = last == 0 ? 1 : (size_t)w->stride[0],
        .stride_w = (size_t)w->stride[last],
        .dilation_h = last == 0 ? 1 : (size_t)w->dilation[0],
        .dilation_w = (size_t)w->dilation[last],
        .pad_h = last == 0 ? 0 : (size_t)w->pad_begin[0],
        .pad_w = (size_t)w->pad_begin[last],
    };
    return d;
}

/* The bound nearest to @p x that the output's bytes have, flipped. */
static uint8_t bound_of(const clv_depthwise *d, float x)
{
    float shifted = rintf(fminf(fmaxf(x, -1e3f), 1e3f)) + (d->out_flip ? 128.0f : 0.0f);
    return (uint8_t)fminf(fmaxf(shifted, 0.0f), UINT8_MAX);
}

/* Whether rounding can't meet a number that is too large for an integer. */
static bool is_small(const clv_depthwise *d)
{
    const float most = (float)(d->kernel_h * d->kernel_w) * UINT8_MAX * -INT8_MIN;

    for (size_t c = 0; c < d->channels; c++) {
        if (!(clv_dn_curve_most(&d->curve, most * d->scale[c] + fabsf(d->bias[c])) < 2e9f))
            return false;
    }
    return true;
}

static void fill_constants(clv_depthwise *d, const clv_dn_requant *r, const int8_t *weights,
                           float *scale, int8_t *ordered, uint8_t *blank)
{
    size_t area = d->kernel_h * d->kernel_w;
    double zero = (double)r->zero_point + (d->out_flip ? 128.0 : 0.0);

    if (clv_dn_curve_is_there(&d->curve)) {
        d->curve.offset = (float)zero;
        zero = 0.0;
    }
    for (size_t c = 0; c < d->channels; c++) {
        scale[c] = r->scale[c];
        scale[d->channels + c] = (float)((double)r->scale[c] * (double)r->bias[c] + zero);
        for (size_t k = 0; k < area; k++)
            ordered[k * d->channels + c] = weights[c * area + k];
    }
    memset(blank, d->zero ^ d->flip, d->channels);
    d->scale = scale;
    d->bias = scale + d->channels;
    d->weights = ordered;
    d->blank = blank;
    d->low = bound_of(d, r->low);
    d->high = bound_of(d, r->high);
}

/* The plan, with its arrays behind it in one piece of memory: the kernel's to free. */
static clv_status make_plan(plan **out, const clv_depthwise *form, const clv_dn_requant *r,
                            const int8_t *weights)
{
    bool fast = clv_cpu_has_avx2() && form->channels >= CLV_DEPTHWISE_LANES;
    size_t n = form->channels, n_weights = form->kernel_h * form->kernel_w * n;
    size_t n_pairs = fast ? clv_depthwise_avx2_pack(NULL, form) : 0, head;

    if (!clv_align_up(&head, sizeof(plan)))
        return CLV_ENOMEM;
    char *memory =
        clv_alloc_aligned(head + n_pairs * sizeof(int16_t) + 2 * n * sizeof(float) + n_weights + n);
    if (memory == NULL)
        return CLV_ENOMEM;
    plan *p = (plan *)(void *)memory;
    int16_t *pairs = (int16_t *)(void *)(memory + head);
    float *scale = (float *)(void *)(pairs + n_pairs);
    int8_t *ordered = (int8_t *)(scale + 2 * n);
    p->form = *form;
    fill_constants(&p->form, r, weights, scale, ordered, (uint8_t *)ordered + n_weights);
    p->n_items = form->batch * form->out_h;
    if (fast && is_small(&p->form)) {
        size_t rows = clv_depthwise_avx2_rows(form);
        (void)clv_depthwise_avx2_pack(pairs, &p->form);
        p->form.pairs = pairs;
        p->has_pairs = true;
        p->n_items = form->batch * ((form->out_h + rows - 1) / rows);
    }
    *out = p;
    return CLV_OK;
}

clv_status clv_dn_int8_depthwise(clv_kernel *kernel, const clv_dn_job *job,
                                 const clv_dn_conv_form *c, const clv_dn_sums *sums)
{
    clv_dn_sums flipped = *sums;
    clv_dn_requant requant = {0};
    plan *p = NULL;

    if (!is_ours(c, job, sums))
        return CLV_EUNSUPPORTED;
    clv_depthwise form = form_of(c, job);
    if (sums->x.dtype == CLV_I8) { /* the same numbers as bytes from 0 on */
        form.flip = 0x80;
        flipped.x.zero_point += 128;
    }
    flipped.has_zero_point = true; /* padding counts as bytes of that value */
    form.zero = (uint8_t)flipped.x.zero_point;
    form.out_flip = sums->y.dtype == CLV_I8 ? 0x80 : 0;
    form.threads = clv_dn_kernel_threads(kernel);
    CLV_TRY(clv_dn_requant_of(&requant, job, &flipped));
    bool ours = clv_dn_curve_of(&form.curve, &job->node->fusion, &requant, &sums->y);
    clv_status status =
        ours ? make_plan(&p, &form, &requant, sums->weights.data) : CLV_EUNSUPPORTED;
    clv_dn_requant_done(&requant);
    CLV_TRY(status);

    clv_layout last =
        clv_layout_channels_last(clv_node_input(job->graph, job->node, 0)->shape.rank);
    job->io->inputs[0] = job->io->outputs[0] = last;
    clv_dn_kernel_input(kernel, 0, 0);
    clv_dn_kernel_output(kernel, 1, 0);
    clv_dn_kernel_set_native(kernel, run, p);
    return CLV_OK;
}
