/* SPDX-License-Identifier: Apache-2.0 */

/* Conv, with its fused residual and activation. oneDNN chooses the layouts; weights are packed. */
#include "kernel/onednn/dn_conv.h"

#include <string.h>

#include "base/error.h"
#include "kernel/onednn/dn_attr.h"
#include "kernel/onednn/dn_layout.h"

enum { X, W, BIAS, RESIDUAL };

static bool supports(const clv_graph *graph, const clv_node *node)
{
    const clv_tensor *x = clv_node_input(graph, node, X);

    if (x->shape.rank < 3 || x->shape.rank > 2 + CLV_MAX_SPATIAL)
        return false;
    if (!clv_dn_is_constant(graph, node, W) || clv_dn_is_constant(graph, node, RESIDUAL))
        return false;
    return clv_node_input(graph, node, BIAS) == NULL || clv_dn_is_constant(graph, node, BIAS);
}

/* [co, ci, k...] in one group, [g, co / g, ci, k...] in several: the same order of elements. */
static clv_shape weights_shape(const clv_shape *shape, int64_t groups)
{
    clv_shape out = *shape;
    if (groups == 1)
        return out;
    out.rank = shape->rank + 1;
    out.dim[0] = groups;
    out.dim[1] = shape->dim[0] / groups;
    for (uint32_t i = 1; i < shape->rank; i++)
        out.dim[i + 1] = shape->dim[i];
    return out;
}

clv_status clv_dn_conv_describe(clv_dn_conv_form *out, const clv_dn_job *job)
{
    const clv_shape *x = &clv_node_input(job->graph, job->node, X)->shape;
    clv_dn_conv_form c = {0};

    CLV_TRY(clv_conv_params_of(&c.params, job->graph, job->node, job->err));
    if (!clv_dn_window_of(&c.window, &c.params.window, x))
        return CLV_EUNSUPPORTED;
    clv_shape bias = {.rank = 1, .dim = {c.params.out_channels}};
    c.weights_shape =
        weights_shape(&clv_node_input(job->graph, job->node, W)->shape, c.params.groups);
    clv_dn_describe_any(&c.src, x);
    clv_dn_describe_any(&c.weights, &c.weights_shape);
    clv_dn_describe_any(&c.dst, &clv_node_output(job->graph, job->node, 0)->shape);
    clv_dn_describe_plain(&c.bias, &bias);
    c.has_bias = c.params.has_bias;
    *out = c;
    return CLV_OK;
}

/* The first of oneDNN's ways, or the first one that isn't for kernels of one element. */
static dnnl_status_t choose_way(dnnl_primitive_desc_t *out, const dnnl_convolution_desc_t *desc,
                                const_dnnl_primitive_attr_t attr, bool avoids_1x1)
{
    dnnl_primitive_desc_iterator_t ways = NULL;
    dnnl_primitive_desc_t found = NULL;

    dnnl_status_t status =
        dnnl_primitive_desc_iterator_create(&ways, desc, attr, clv_dn_engine(), NULL);
    while (status == dnnl_success) {
        const char *name = "";
        found = dnnl_primitive_desc_iterator_fetch(ways);
        (void)dnnl_primitive_desc_query(found, dnnl_query_impl_info_str, 0, &name);
        if (found == NULL || !avoids_1x1 || strstr(name, "1x1") == NULL)
            break;
        (void)dnnl_primitive_desc_destroy(found);
        status = dnnl_primitive_desc_iterator_next(ways);
        found = NULL;
    }
    (void)dnnl_primitive_desc_iterator_destroy(ways);
    if (found == NULL)
        return status == dnnl_success || status == dnnl_iterator_ends ? dnnl_unimplemented : status;
    *out = found;
    return dnnl_success;
}

static clv_status create_desc(dnnl_primitive_desc_t *out, const clv_dn_job *job,
                              const clv_dn_conv_form *c, const_dnnl_primitive_attr_t attr)
{
    const clv_dn_window *w = &c->window;
    dnnl_convolution_desc_t desc;

    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &desc, dnnl_forward_inference, dnnl_convolution_direct, &c->src, &c->weights,
        c->has_bias ? &c->bias : NULL, &c->dst, w->stride, w->dilation, w->pad_begin, w->pad_end);
    if (status == dnnl_success)
        status = choose_way(out, &desc, attr, c->avoids_1x1);
    return clv_dn_check(status, job);
}

/* oneDNN's own choice of layouts; but when the input comes in another one that isn't plain, and
 * there is fast code for that too, then that, so that a stretch of a network keeps its layout.
 * (Plain is never kept: it would make a blocked output that the next layer must reorder.) */
static clv_status choose_desc(dnnl_primitive_desc_t *out, const clv_dn_job *job,
                              clv_dn_conv_form *c, const_dnnl_primitive_attr_t attr)
{
    const clv_shape *shape = &clv_node_input(job->graph, job->node, X)->shape;
    const clv_layout *found = &job->io->inputs[X];
    dnnl_primitive_desc_t desc = NULL, kept = NULL;
    clv_layout wanted;

    CLV_TRY(create_desc(&desc, job, c, attr));
    *out = desc;
    clv_status status =
        clv_dn_layout_of(&wanted, dnnl_primitive_desc_query_md(desc, dnnl_query_src_md, 0));
    if (status != CLV_OK || clv_layout_is_plain(found, shape) ||
        clv_layout_equal(found, &wanted, shape))
        return CLV_OK;

    dnnl_data_type_t type = c->src.data_type;
    clv_dn_describe(&c->src, shape, found);
    c->src.data_type = type;
    if (create_desc(&kept, job, c, attr) != CLV_OK)
        return CLV_OK;
    if (!clv_dn_is_slow(kept)) {
        *out = kept;
        kept = desc;
    }
    (void)dnnl_primitive_desc_destroy(kept);
    return CLV_OK;
}

static clv_status make(clv_kernel *kernel, const clv_dn_job *job, clv_dn_conv_form *c,
                       const_dnnl_primitive_attr_t attr)
{
    dnnl_primitive_desc_t desc = NULL;

    CLV_TRY(choose_desc(&desc, job, c, attr));
    CLV_TRY(clv_dn_kernel_take(kernel, job, desc));
    CLV_TRY(clv_dn_layout_of(&job->io->inputs[X], clv_dn_kernel_arg(kernel, DNNL_ARG_SRC)));
    return clv_dn_layout_of(&job->io->outputs[0], clv_dn_kernel_arg(kernel, DNNL_ARG_DST));
}

/* Whether each output pixel comes from the input pixel at its place alone. */
static bool is_pointwise(const clv_conv_params *params)
{
    const clv_window *w = &params->window;

    for (uint32_t i = 0; i < w->n; i++) {
        if (w->kernel[i] != 1 || w->stride[i] != 1 || w->pad_begin[i] != 0 || w->pad_end[i] != 0)
            return false;
    }
    return params->groups == 1;
}

/* Then, with channels last, the images of a batch may as well be one tall image. Where they are
 * small that is up to 2.5 times as fast. */
static clv_status make_folded(clv_kernel *kernel, const clv_dn_job *job, const clv_dn_conv_form *c,
                              const_dnnl_primitive_attr_t attr)
{
    clv_shape x = clv_node_input(job->graph, job->node, X)->shape;
    clv_shape y = clv_node_output(job->graph, job->node, 0)->shape;
    clv_layout last = clv_layout_channels_last(x.rank);
    dnnl_primitive_desc_t desc = NULL;
    clv_dn_conv_form folded = *c;

    if (x.dim[0] == 1 || job->io->inputs[X].block > 1)
        return CLV_EUNSUPPORTED; /* nothing to gain */
    x.dim[2] *= x.dim[0];
    y.dim[2] *= y.dim[0];
    x.dim[0] = y.dim[0] = 1;
    clv_dn_describe(&folded.src, &x, &last);
    clv_dn_describe(&folded.dst, &y, &last);
    folded.src.data_type = c->src.data_type;
    folded.dst.data_type = c->dst.data_type;
    CLV_TRY(create_desc(&desc, job, &folded, attr));
    CLV_TRY(clv_dn_kernel_take(kernel, job, desc));
    job->io->inputs[X] = last;
    job->io->outputs[0] = last;
    return CLV_OK;
}

clv_status clv_dn_conv_make(clv_kernel *kernel, const clv_dn_job *job, clv_dn_conv_form *conv,
                            const_dnnl_primitive_attr_t attr)
{
    clv_status status = CLV_EUNSUPPORTED;

    if (is_pointwise(&conv->params))
        status = make_folded(kernel, job, conv, attr);
    if (status == CLV_EUNSUPPORTED)
        status = make(kernel, job, conv, attr);
    CLV_TRY(status);
    clv_dn_kernel_input(kernel, DNNL_ARG_SRC, X);
    clv_dn_kernel_output(kernel, DNNL_ARG_DST, 0);
    if (conv->params.has_residual) {
        job->io->inputs[RESIDUAL] = job->io->outputs[0];
        job->io->inplace_input = RESIDUAL;
    }
    return CLV_OK;
}

static clv_status pack_constants(clv_kernel *kernel, const clv_dn_job *job,
                                 const clv_dn_conv_form *c)
{
    dnnl_memory_desc_t plain;

    clv_dn_describe_plain(&plain, &c->weights_shape);
    CLV_TRY(clv_dn_kernel_pack(kernel, job, DNNL_ARG_WEIGHTS, &plain,
                               clv_node_input(job->graph, job->node, W)->data, 1.0f));
    if (!c->has_bias)
        return CLV_OK;
    const clv_tensor *bias = clv_node_input(job->graph, job->node, BIAS);
    clv_dn_describe_plain(&plain, &bias->shape);
    return clv_dn_kernel_pack(kernel, job, DNNL_ARG_BIAS, &plain, bias->data, 1.0f);
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    dnnl_primitive_attr_t attr = NULL;
    clv_dn_conv_form c;

    CLV_TRY(clv_dn_conv_describe(&c, job));
    CLV_TRY(clv_dn_attr_create(&attr, job, &job->node->fusion, c.params.has_residual));
    clv_status status = clv_dn_conv_make(kernel, job, &c, attr);
    if (status == CLV_OK)
        status = pack_constants(kernel, job, &c);
    (void)dnnl_primitive_attr_destroy(attr);
    return status;
}

const clv_dn_op clv_dn_conv = {supports, compile};
