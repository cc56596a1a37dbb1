/* SPDX-License-Identifier: Apache-2.0 */

/* BatchNormalization that no pass could fold, and PRelu: constants for each channel. */
#include "base/error.h"
#include "graph/graph.h"
#include "kernel/onednn/dn_kernel.h"
#include "kernel/onednn/dn_layout.h"

typedef struct batch_norm {
    const clv_shape *shape;
    float epsilon;
} batch_norm;

typedef struct prelu {
    const clv_shape *shape;
    clv_shape slope;
} prelu;

static bool supports_batch_norm(const clv_graph *graph, const clv_node *node)
{
    const clv_shape *x = &clv_node_input(graph, node, 0)->shape;

    if (x->rank < 2)
        return false;
    for (uint32_t i = 1; i < 5; i++) {
        const clv_tensor *c = clv_node_input(graph, node, i);
        if (c == NULL || c->data == NULL || c->shape.rank != 1 || c->shape.dim[0] != x->dim[1])
            return false;
    }
    return true;
}

static dnnl_status_t describe_batch_norm(dnnl_primitive_desc_t *out, const void *params,
                                         const clv_layout *layout, const_dnnl_primitive_attr_t attr)
{
    const batch_norm *b = params;
    dnnl_batch_normalization_desc_t desc;
    dnnl_memory_desc_t data;

    clv_dn_describe(&data, b->shape, layout);
    dnnl_status_t status = dnnl_batch_normalization_forward_desc_init(
        &desc, dnnl_forward_inference, &data, b->epsilon,
        dnnl_use_global_stats | dnnl_use_scale | dnnl_use_shift);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &desc, attr, clv_dn_engine(), NULL);
    return status;
}

static clv_status compile_batch_norm(clv_kernel *kernel, const clv_dn_job *job)
{
    static const int args[] = {DNNL_ARG_SRC, DNNL_ARG_SCALE, DNNL_ARG_SHIFT, DNNL_ARG_MEAN,
                               DNNL_ARG_VARIANCE};
    batch_norm b = {.shape = &clv_node_input(job->graph, job->node, 0)->shape,
                    .epsilon = clv_node_attr_float(job->node, "epsilon", 1e-5f)};
    clv_layout plain = clv_layout_plain();

    CLV_TRY(clv_dn_kernel_map(kernel, job, describe_batch_norm, &b));
    for (uint32_t i = 1; i < 5; i++)
        CLV_TRY(clv_dn_kernel_keep(kernel, args[i], clv_node_input(job->graph, job->node, i),
                                   &plain, 1));
    return CLV_OK;
}

static bool supports_prelu(const clv_graph *graph, const clv_node *node)
{
    const clv_shape *x = &clv_node_input(graph, node, 0)->shape;
    const clv_tensor *slope = clv_node_input(graph, node, 1);

    if (slope->data == NULL || slope->shape.rank > x->rank)
        return false;
    clv_shape wide = clv_dn_promote(&slope->shape, x->rank);
    for (uint32_t i = 0; i < x->rank; i++) {
        if (wide.dim[i] != 1 && wide.dim[i] != x->dim[i])
            return false;
    }
    return true;
}

static dnnl_status_t describe_prelu(dnnl_primitive_desc_t *out, const void *params,
                                    const clv_layout *layout, const_dnnl_primitive_attr_t attr)
{
    const prelu *p = params;
    dnnl_prelu_desc_t desc;
    dnnl_memory_desc_t data, slope;

    clv_dn_describe(&data, p->shape, layout);
    clv_dn_describe(&slope, &p->slope, layout);
    dnnl_status_t status =
        dnnl_prelu_forward_desc_init(&desc, dnnl_forward_inference, &data, &slope);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &desc, attr, clv_dn_engine(), NULL);
    return status;
}

static clv_status compile_prelu(clv_kernel *kernel, const clv_dn_job *job)
{
    if (clv_dn_eltwise.supports(job->graph, job->node))
        return clv_dn_eltwise.compile(kernel, job);

    clv_tensor slope = *clv_node_input(job->graph, job->node, 1);
    prelu p = {.shape = &clv_node_input(job->graph, job->node, 0)->shape};

    slope.shape = p.slope = clv_dn_promote(&slope.shape, p.shape->rank);
    CLV_TRY(clv_dn_kernel_map(kernel, job, describe_prelu, &p));
    return clv_dn_kernel_keep(kernel, DNNL_ARG_WEIGHTS, &slope, &job->io->inputs[0], 1);
}

const clv_dn_op clv_dn_batch_norm = {supports_batch_norm, compile_batch_norm};
const clv_dn_op clv_dn_prelu = {supports_prelu, compile_prelu};
