/* SPDX-License-Identifier: Apache-2.0 */

/* LRN across channels, in the layout that the input has. */
#include "graph/params.h"
#include "kernel/onednn/dn_kernel.h"
#include "kernel/onednn/dn_layout.h"

typedef struct lrn {
    const clv_shape *shape;
    int64_t size;
    float alpha, beta, bias;
} lrn;

static bool supports(const clv_graph *graph, const clv_node *node)
{
    const clv_shape *shape = &clv_node_input(graph, node, 0)->shape;
    int64_t size = clv_node_attr_int(node, "size", 0);
    return shape->rank == 4 && size % 2 == 1 && size <= shape->dim[1];
}

static dnnl_status_t describe(dnnl_primitive_desc_t *out, const void *params,
                              const clv_layout *layout, const_dnnl_primitive_attr_t attr)
{
    const lrn *l = params;
    dnnl_lrn_desc_t desc;
    dnnl_memory_desc_t data;

    clv_dn_describe(&data, l->shape, layout);
    dnnl_status_t status =
        dnnl_lrn_forward_desc_init(&desc, dnnl_forward_inference, dnnl_lrn_across_channels, &data,
                                   l->size, l->alpha, l->beta, l->bias);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &desc, attr, clv_dn_engine(), NULL);
    return status;
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    lrn l = {.shape = &clv_node_input(job->graph, job->node, 0)->shape,
             .size = clv_node_attr_int(job->node, "size", 0),
             .alpha = clv_node_attr_float(job->node, "alpha", 1e-4f),
             .beta = clv_node_attr_float(job->node, "beta", 0.75f),
             .bias = clv_node_attr_float(job->node, "bias", 1.0f)};

    return clv_dn_kernel_map(kernel, job, describe, &l);
}

const clv_dn_op clv_dn_lrn = {supports, compile};
