/* SPDX-License-Identifier: Apache-2.0 */

/* Reductions. Means and maxima over the spatial dimensions are global pooling. */
#include "base/error.h"
#include "graph/params.h"
#include "kernel/onednn/dn_layout.h"
#include "kernel/onednn/dn_pool.h"

typedef struct reduction {
    dnnl_alg_kind_t kind;
    float p;            /* of norms */
    clv_shape src, dst; /* of one rank: reduced dimensions have extent 1 */
} reduction;

static void set_kind(reduction *r, clv_op op)
{
    static const struct {
        clv_op op;
        dnnl_alg_kind_t kind;
        float p;
    } kinds[] = {
        {CLV_OP_REDUCE_L1, dnnl_reduction_norm_lp_power_p_sum, 1.0f},
        {CLV_OP_REDUCE_L2, dnnl_reduction_norm_lp_sum, 2.0f},
        {CLV_OP_REDUCE_MAX, dnnl_reduction_max, 0.0f},
        {CLV_OP_REDUCE_MEAN, dnnl_reduction_mean, 0.0f},
        {CLV_OP_REDUCE_MIN, dnnl_reduction_min, 0.0f},
        {CLV_OP_REDUCE_PROD, dnnl_reduction_mul, 0.0f},
        {CLV_OP_REDUCE_SUM, dnnl_reduction_sum, 0.0f},
        {CLV_OP_REDUCE_SUM_SQUARE, dnnl_reduction_norm_lp_power_p_sum, 2.0f},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].op == op) {
            r->kind = kinds[i].kind;
            r->p = kinds[i].p;
        }
    }
}

static bool supports(const clv_graph *graph, const clv_node *node)
{
    uint32_t axes = 0;
    return clv_reduce_axes_of(&axes, graph, node, NULL) == CLV_OK && axes != 0;
}

static dnnl_status_t describe(dnnl_primitive_desc_t *out, const void *params,
                              const clv_layout *layout, const_dnnl_primitive_attr_t attr)
{
    const reduction *r = params;
    dnnl_reduction_desc_t desc;
    dnnl_memory_desc_t src, dst;

    clv_dn_describe(&src, &r->src, layout);
    clv_dn_describe(&dst, &r->dst, layout);
    dnnl_status_t status = dnnl_reduction_desc_init(&desc, r->kind, &src, &dst, r->p, 0.0f);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &desc, attr, clv_dn_engine(), NULL);
    return status;
}

static bool is_spatial(const clv_shape *shape, uint32_t axes)
{
    return shape->rank >= 3 && shape->rank <= 2 + CLV_MAX_SPATIAL &&
           axes == (1u << shape->rank) - 4u; /* all but 0 and 1 */
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    const clv_shape *out = &clv_node_output(job->graph, job->node, 0)->shape;
    reduction r = {.src = clv_node_input(job->graph, job->node, 0)->shape};
    uint32_t axes = 0;

    CLV_TRY(clv_reduce_axes_of(&axes, job->graph, job->node, job->err));
    set_kind(&r, job->node->op);
    if (is_spatial(&r.src, axes) && r.kind == dnnl_reduction_mean)
        return clv_dn_pool_globally(kernel, job, dnnl_pooling_avg_include_padding);
    if (is_spatial(&r.src, axes) && r.kind == dnnl_reduction_max)
        return clv_dn_pool_globally(kernel, job, dnnl_pooling_max);

    r.dst = r.src;
    for (uint32_t i = 0; i < r.src.rank; i++) {
        if ((axes & (1u << i)) != 0)
            r.dst.dim[i] = 1;
    }
    if (out->rank != r.src.rank)
        job->io->inputs[0] = clv_layout_plain(); /* dropping axes keeps no other order */
    CLV_TRY(clv_dn_kernel_map(kernel, job, describe, &r));
    if (out->rank != r.src.rank && !clv_layout_is_plain(&job->io->outputs[0], &r.src))
        return CLV_EUNSUPPORTED;
    return CLV_OK;
}

const clv_dn_op clv_dn_reduce = {supports, compile};
