/* SPDX-License-Identifier: Apache-2.0 */

/* MaxPool, AveragePool and their global forms, in the layout that the input has. */
#include "kernel/onednn/dn_pool.h"

#include "base/error.h"
#include "graph/params.h"
#include "kernel/onednn/dn_layout.h"
#include "kernel/onednn/dn_window.h"

typedef struct pool {
    dnnl_alg_kind_t kind;
    clv_shape src, dst; /* of one rank */
    clv_dn_window window;
} pool;

static bool supports(const clv_graph *graph, const clv_node *node)
{
    uint32_t rank = clv_node_input(graph, node, 0)->shape.rank;
    return rank >= 3 && rank <= 2 + CLV_MAX_SPATIAL;
}

static dnnl_status_t describe(dnnl_primitive_desc_t *out, const void *params,
                              const clv_layout *layout, const_dnnl_primitive_attr_t attr)
{
    const pool *p = params;
    const clv_dn_window *w = &p->window;
    dnnl_pooling_v2_desc_t desc;
    dnnl_memory_desc_t src, dst;

    clv_dn_describe(&src, &p->src, layout);
    clv_dn_describe(&dst, &p->dst, layout);
    dnnl_status_t status = dnnl_pooling_v2_forward_desc_init(&desc, dnnl_forward_inference, p->kind,
                                                             &src, &dst, w->stride, w->kernel,
                                                             w->dilation, w->pad_begin, w->pad_end);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &desc, attr, clv_dn_engine(), NULL);
    return status;
}

/* The order that `layout` gives to the first `rank` axes, where the others have extent 1. */
static clv_layout first_axes(const clv_layout *layout, uint32_t rank)
{
    clv_layout out = clv_layout_plain();
    uint32_t n = 0;

    for (uint32_t i = 0; i < CLV_MAX_RANK; i++) {
        if (layout->perm[i] < rank)
            out.perm[n++] = layout->perm[i];
    }
    out.block = layout->block;
    out.block_axis = layout->block_axis;
    return out;
}

static clv_status make(clv_kernel *kernel, const clv_dn_job *job, const pool *p)
{
    CLV_TRY(clv_dn_kernel_map(kernel, job, describe, p));
    job->io->outputs[0] =
        first_axes(&job->io->outputs[0], clv_node_output(job->graph, job->node, 0)->shape.rank);
    return CLV_OK;
}

/* oneDNN wants the end padding that makes its floor(...) + 1 the output's extent, and divides by
 * the whole window where padding counts; ONNX doesn't count what ceil_mode adds.
 * Return false when that makes a difference. */
static bool set_window(pool *p, const clv_pool_params *params, bool average)
{
    const clv_window *w = &params->window;

    if (!clv_dn_window_of(&p->window, w, &p->src))
        return false;
    for (uint32_t i = 0; i < w->n; i++) {
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t room = p->src.dim[2 + i] + w->pad_begin[i] - reach;
        int64_t used = (w->out[i] - 1) * w->stride[i] - room; /* end padding that windows touch */

        if ((room + w->pad_end[i]) / w->stride[i] + 1 != w->out[i])
            p->window.pad_end[i] = used;
        if (average && params->count_include_pad && used > w->pad_end[i])
            return false;
    }
    return true;
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    bool average = job->node->op == CLV_OP_AVERAGE_POOL;
    clv_pool_params params;

    CLV_TRY(clv_pool_params_of(&params, job->graph, job->node, job->err));
    pool p = {.kind = dnnl_pooling_max,
              .src = clv_node_input(job->graph, job->node, 0)->shape,
              .dst = clv_node_output(job->graph, job->node, 0)->shape};
    if (average)
        p.kind = params.count_include_pad ? dnnl_pooling_avg_include_padding
                                          : dnnl_pooling_avg_exclude_padding;
    if (!set_window(&p, &params, average))
        return CLV_EUNSUPPORTED;
    return make(kernel, job, &p);
}

clv_status clv_dn_pool_globally(clv_kernel *kernel, const clv_dn_job *job, dnnl_alg_kind_t kind)
{
    pool p = {.kind = kind, .src = clv_node_input(job->graph, job->node, 0)->shape};

    p.dst = p.src;
    for (uint32_t i = 2; i < p.src.rank; i++) {
        p.dst.dim[i] = 1;
        p.window.kernel[i - 2] = p.src.dim[i];
        p.window.stride[i - 2] = 1;
    }
    return make(kernel, job, &p);
}

static clv_status compile_global(clv_kernel *kernel, const clv_dn_job *job)
{
    bool average = job->node->op == CLV_OP_GLOBAL_AVERAGE_POOL;
    return clv_dn_pool_globally(kernel, job,
                                average ? dnnl_pooling_avg_include_padding : dnnl_pooling_max);
}

const clv_dn_op clv_dn_pool = {supports, compile};
const clv_dn_op clv_dn_global_pool = {supports, compile_global};
