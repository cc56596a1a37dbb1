/* SPDX-License-Identifier: Apache-2.0 */

/* ConvTranspose as oneDNN's deconvolution, which chooses the layouts; weights are packed. */
#include "base/error.h"
#include "graph/params.h"
#include "kernel/onednn/dn_attr.h"
#include "kernel/onednn/dn_layout.h"

enum { X, W, BIAS };

#define LARGEST ((int64_t)1 << 24) /* beyond, the ints inside of oneDNN might not hold it */

typedef struct deconv {
    dnnl_memory_desc_t src, weights, bias, dst;
    bool has_bias;
    clv_shape weights_shape; /* as oneDNN has them: [co, ci, k...] or [g, co / g, ci / g, k...] */
    clv_layout weights_layout;
    dnnl_dims_t stride, dilation, pad_begin, pad_end;
} deconv;

static bool supports(const clv_graph *graph, const clv_node *node)
{
    const clv_tensor *x = clv_node_input(graph, node, X), *bias = clv_node_input(graph, node, BIAS);

    return x->shape.rank >= 3 && x->shape.rank <= 2 + CLV_MAX_SPATIAL &&
           !clv_dn_is_constant(graph, node, X) && clv_dn_is_constant(graph, node, W) &&
           (bias == NULL || bias->data != NULL);
}

/* ONNX has the input's channels first: the same memory with two axes swapped. */
static void describe_weights(deconv *d, const clv_shape *w, int64_t groups)
{
    uint32_t first = groups > 1, rank = w->rank + first;
    clv_shape shape = {.rank = rank, .dim = {groups}};
    clv_layout layout = clv_layout_plain();

    shape.dim[first] = w->dim[1];
    shape.dim[first + 1] = w->dim[0] / groups;
    for (uint32_t i = 2; i < w->rank; i++)
        shape.dim[first + i] = w->dim[i];
    layout.perm[first] = (uint8_t)(first + 1);
    layout.perm[first + 1] = (uint8_t)first;
    d->weights_shape = shape;
    d->weights_layout = layout;
    clv_dn_describe_any(&d->weights, &shape);
}

/* oneDNN wants the padding that makes the output's extent. Output padding makes it negative at the
 * end. @return false where padding eats whole windows, or numbers are too large. */
static bool describe_window(deconv *d, const clv_window *w, const clv_shape *x)
{
    for (uint32_t i = 0; i < w->n; i++) {
        if (w->kernel[i] > LARGEST || w->dilation[i] > LARGEST / w->kernel[i] ||
            w->stride[i] > LARGEST || x->dim[2 + i] > LARGEST / w->stride[i])
            return false;
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t end = (x->dim[2 + i] - 1) * w->stride[i] + reach - w->pad_begin[i] - w->out[i];
        if (w->pad_begin[i] < 0 || w->pad_begin[i] >= reach || end >= reach || end <= -w->stride[i])
            return false;
        d->stride[i] = w->stride[i];
        d->dilation[i] = w->dilation[i] - 1; /* oneDNN counts the holes */
        d->pad_begin[i] = w->pad_begin[i];
        d->pad_end[i] = end;
    }
    return true;
}

static clv_status make(clv_kernel *kernel, const clv_dn_job *job, const deconv *d)
{
    dnnl_deconvolution_desc_t desc;
    dnnl_primitive_desc_t made = NULL;
    dnnl_primitive_attr_t attr = NULL;

    CLV_TRY(clv_dn_attr_create(&attr, job, NULL, false));
    dnnl_status_t said = dnnl_dilated_deconvolution_forward_desc_init(
        &desc, dnnl_forward_inference, dnnl_deconvolution_direct, &d->src, &d->weights,
        d->has_bias ? &d->bias : NULL, &d->dst, d->stride, d->dilation, d->pad_begin, d->pad_end);
    if (said == dnnl_success)
        said = dnnl_primitive_desc_create(&made, &desc, attr, clv_dn_engine(), NULL);
    (void)dnnl_primitive_attr_destroy(attr);
    CLV_TRY(clv_dn_check(said, job));
    CLV_TRY(clv_dn_kernel_take(kernel, job, made));
    CLV_TRY(clv_dn_layout_of(&job->io->inputs[X], clv_dn_kernel_arg(kernel, DNNL_ARG_SRC)));
    return clv_dn_layout_of(&job->io->outputs[0], clv_dn_kernel_arg(kernel, DNNL_ARG_DST));
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    const clv_shape *x = &clv_node_input(job->graph, job->node, X)->shape;
    const clv_tensor *w = clv_node_input(job->graph, job->node, W);
    const clv_tensor *bias = clv_node_input(job->graph, job->node, BIAS);
    clv_conv_params params;
    dnnl_memory_desc_t plain;
    deconv d = {.has_bias = bias != NULL};

    CLV_TRY(clv_conv_transpose_params_of(&params, job->graph, job->node, job->err));
    describe_weights(&d, &w->shape, params.groups);
    clv_dn_describe_any(&d.src, x);
    clv_dn_describe_any(&d.dst, &clv_node_output(job->graph, job->node, 0)->shape);
    if (bias != NULL)
        clv_dn_describe_plain(&d.bias, &bias->shape);
    if (!describe_window(&d, &params.window, x))
        return CLV_EUNSUPPORTED;
    CLV_TRY(make(kernel, job, &d));

    clv_dn_kernel_input(kernel, DNNL_ARG_SRC, X);
    clv_dn_kernel_output(kernel, DNNL_ARG_DST, 0);
    clv_dn_describe(&plain, &d.weights_shape, &d.weights_layout);
    CLV_TRY(clv_dn_kernel_pack(kernel, job, DNNL_ARG_WEIGHTS, &plain, w->data, 1.0f));
    if (bias == NULL)
        return CLV_OK;
    return clv_dn_kernel_pack(kernel, job, DNNL_ARG_BIAS, &d.bias, bias->data, 1.0f);
}

const clv_dn_op clv_dn_conv_transpose = {supports, compile};
