/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_int8_dense.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernel/onednn/dn_dense.h"
#include "kernel/onednn/dn_parallel.h"
#include "kernel/onednn/dn_simd.h"
#include "kernel/onednn/dn_winograd.h"

typedef struct frame {
    const clv_dense *dense;
    void *const *addresses; /* x, y, scratch, residual */
} frame;

static void run_pieces(const void *context, size_t from, size_t to)
{
    const frame *f = context;
    const clv_dense *d = f->dense;

    for (size_t i = from; i < to; i++) {
        const void *residual = d->residual == CLV_DENSE_NONE ? NULL : f->addresses[3];
        int16_t *scratch = (int16_t *)f->addresses[2] + i * d->strip_elems;
        if (d->winograd)
            clv_winograd_avx2(d, f->addresses[0], f->addresses[1], residual, scratch, i);
        else
            clv_dense_avx2(d, f->addresses[0], f->addresses[1], residual, scratch, i);
    }
}

static void run(const void *plan, void *const *addresses)
{
    frame f = {plan, addresses};
    clv_dn_parallel((unsigned)f.dense->pieces, f.dense->pieces, run_pieces, &f);
}

static clv_dense_type type_of(clv_dtype dtype)
{
    return dtype == CLV_U8    ? CLV_DENSE_U8
           : dtype == CLV_I8  ? CLV_DENSE_I8
           : dtype == CLV_F32 ? CLV_DENSE_F32
                              : CLV_DENSE_NONE;
}

/* The plan, with its arrays behind it in one piece of memory: the kernel's to free. */
static clv_status make_plan(clv_dense **out, const clv_dense *form, const clv_dn_requant *r,
                            const clv_dn_weights *w)
{
    size_t n_weights = form->winograd ? clv_winograd_n_weights(form) : clv_dense_n_weights(form);
    size_t head;
    size_t n = (w->n + CLV_DENSE_PANEL - 1) / CLV_DENSE_PANEL * CLV_DENSE_PANEL;

    if (!clv_align_up(&head, sizeof *form))
        return CLV_ENOMEM;
    size_t bytes =
        head + n_weights * sizeof(int16_t) + form->n_runs * sizeof(size_t) + 2 * n * sizeof(float);
    char *memory = clv_alloc_aligned(bytes);
    if (memory == NULL)
        return CLV_ENOMEM;
    memset(memory, 0, bytes);
    clv_dense *d = (clv_dense *)(void *)memory;
    int16_t *weights = (int16_t *)(void *)(memory + head);
    size_t *runs = (size_t *)(void *)(weights + n_weights);
    float *scale = (float *)(void *)(runs + form->n_runs);
    double zero = clv_dn_curve_is_there(&form->curve) ? 0.0 : r->zero_point;
    *d = *form;
    if (d->winograd)
        clv_winograd_pack(weights, d, w->data, w->step, w->step_each);
    else
        clv_dense_pack(weights, d, w->data, w->step, w->step_each);
    clv_dense_fill_runs(runs, d);
    for (size_t c = 0; c < w->n; c++) {
        scale[c] = r->scale[c];
        scale[n + c] = (float)((double)r->scale[c] * (double)r->bias[c] + zero);
    }
    d->weights = weights;
    d->runs = runs;
    d->scale = scale;
    d->bias = scale + n;
    *out = d;
    return CLV_OK;
}

static clv_status make(clv_kernel *kernel, const clv_dn_job *job, clv_dense *d,
                       const clv_dn_sums *sums)
{
    clv_dn_sums centred = *sums;
    clv_dn_requant requant = {0};
    clv_dense *plan = NULL;

    if (!clv_cpu_has_avx2() || sums->weights.n_each > INT32_MAX / (UINT8_MAX * -INT8_MIN) ||
        !clv_dense_plan(d))
        return CLV_EUNSUPPORTED;
    if (clv_winograd_suits(d))
        clv_winograd_plan(d);
    centred.has_zero_point = false; /* it is taken off before */
    d->pieces = clv_dn_kernel_threads(kernel);
    d->zero = sums->x.zero_point;
    d->x = type_of(sums->x.dtype);
    d->y = type_of(sums->y.dtype);
    d->residual = type_of(sums->residual.dtype);
    CLV_TRY(clv_dn_requant_of(&requant, job, &centred));
    d->low = requant.low;
    d->high = requant.high;
    d->residual_scale = requant.residual_scale;
    bool ours = clv_dn_curve_of(&d->curve, &job->node->fusion, &requant, &sums->y);
    clv_status status = ours ? make_plan(&plan, d, &requant, &sums->weights) : CLV_EUNSUPPORTED;
    clv_dn_requant_done(&requant);
    CLV_TRY(status);
    clv_dn_kernel_input(kernel, 0, 0);
    clv_dn_kernel_output(kernel, 1, 0);
    clv_dn_kernel_scratch(kernel, job, d->pieces * d->strip_elems * sizeof(int16_t));
    clv_dn_kernel_set_native(kernel, run, plan);
    return CLV_OK;
}

static clv_dense form_of(const clv_dn_conv_form *c, const clv_shape *x)
{
    const clv_window *w = &c->params.window;
    uint32_t last = w->n - 1;
    bool flat = last == 0; /* a signal is an image of one row */

    return (clv_dense){
        .batch = (size_t)x->dim[0],
        .channels = (size_t)x->dim[1],
        .h = flat ? 1 : (size_t)x->dim[2],
        .w = (size_t)x->dim[2 + last],
        .out_h = flat ? 1 : (size_t)w->out[0],
        .out_w = (size_t)w->out[last],
        .out_channels = (size_t)c->params.out_channels,
        .kernel_h = flat ? 1 : (size_t)w->kernel[0],
        .kernel_w = (size_t)w->kernel[last],
        .stride_h = flat ? 1 : (size_t)w->stride[0],
        .stride_w = (size_t)w->stride[last],
        .dilation_h = flat ? 1 : (size_t)w->dilation[0],
        .dilation_w = (size_t)w->dilation[last],
        .pad_h = flat ? 0 : (size_t)w->pad_begin[0],
        .pad_w = (size_t)w->pad_begin[last],
    };
}

bool clv_dn_int8_dense_is_faster(const clv_dn_job *job, const clv_dn_conv_form *c)
{
    const clv_shape *x = &clv_node_input(job->graph, job->node, 0)->shape;

    if (x->rank != 4 || c->params.groups != 1 || !clv_cpu_has_avx2() || clv_dn_has_vnni())
        return false;
    clv_dense d = form_of(c, x);
    return clv_winograd_suits(&d);
}

clv_status clv_dn_int8_dense_conv(clv_kernel *kernel, const clv_dn_job *job,
                                  const clv_dn_conv_form *c, const clv_dn_sums *sums)
{
    const clv_shape *x = &clv_node_input(job->graph, job->node, 0)->shape;
    const clv_layout last = clv_layout_channels_last(x->rank);

    if ((x->rank != 3 && x->rank != 4) || c->params.groups != 1)
        return CLV_EUNSUPPORTED;
    clv_dense d = form_of(c, x);
    CLV_TRY(make(kernel, job, &d, sums));
    job->io->inputs[0] = job->io->outputs[0] = last;
    if (d.residual != CLV_DENSE_NONE) {
        job->io->inputs[3] = last;
        clv_dn_kernel_input(kernel, 3, 3);
    }
    return CLV_OK;
}

clv_status clv_dn_int8_dense_rows(clv_kernel *kernel, const clv_dn_job *job, int64_t rows,
                                  const clv_dn_sums *sums)
{
    clv_dense d = {.batch = 1,
                   .channels = sums->weights.n_each,
                   .h = (size_t)rows,
                   .w = 1,
                   .out_h = (size_t)rows,
                   .out_w = 1,
                   .out_channels = sums->weights.n,
                   .kernel_h = 1,
                   .kernel_w = 1,
                   .stride_h = 1,
                   .stride_w = 1,
                   .dilation_h = 1,
                   .dilation_w = 1};

    CLV_TRY(make(kernel, job, &d, sums));
    job->io->inputs[0] = job->io->outputs[0] = clv_layout_plain();
    return CLV_OK;
}
