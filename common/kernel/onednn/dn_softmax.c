/* SPDX-License-Identifier: Apache-2.0 */

/* Softmax and LogSoftmax over one axis, in the layout that the input has. */
#include "base/error.h"
#include "graph/params.h"
#include "kernel/onednn/dn_kernel.h"
#include "kernel/onednn/dn_layout.h"

typedef struct softmax {
    const clv_shape *shape;
    dnnl_alg_kind_t kind;
    uint32_t axis;
} softmax;

#define SHORT_AXIS 4 /* up to here oneDNN's cost for each row makes plain C faster */

static bool supports(const clv_graph *graph, const clv_node *node)
{
    const clv_shape *shape = &clv_node_input(graph, node, 0)->shape;
    uint32_t axis = 0;
    return clv_axis_of(&axis, clv_node_attr_int(node, "axis", -1), shape->rank, node, NULL) ==
               CLV_OK &&
           shape->dim[axis] > SHORT_AXIS;
}

static dnnl_status_t describe(dnnl_primitive_desc_t *out, const void *params,
                              const clv_layout *layout, const_dnnl_primitive_attr_t attr)
{
    const softmax *s = params;
    dnnl_softmax_v2_desc_t desc;
    dnnl_memory_desc_t data;

    clv_dn_describe(&data, s->shape, layout);
    dnnl_status_t status = dnnl_softmax_v2_forward_desc_init(&desc, dnnl_forward_inference, s->kind,
                                                             &data, &data, (int)s->axis);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &desc, attr, clv_dn_engine(), NULL);
    return status;
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    softmax s = {.shape = &clv_node_input(job->graph, job->node, 0)->shape,
                 .kind =
                     job->node->op == CLV_OP_SOFTMAX ? dnnl_softmax_accurate : dnnl_softmax_log};

    CLV_TRY(clv_axis_of(&s.axis, clv_node_attr_int(job->node, "axis", -1), s.shape->rank, job->node,
                        job->err));
    return clv_dn_kernel_map(kernel, job, describe, &s);
}

const clv_dn_op clv_dn_softmax = {supports, compile};
