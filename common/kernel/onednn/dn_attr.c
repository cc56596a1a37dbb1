/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_attr.h"

uint32_t clv_dn_steps_of(clv_dn_step out[CLV_DN_MAX_STEPS], const clv_fusion *fusion)
{
    switch (fusion->activation) {
    case CLV_ACT_RELU:
        out[0] = (clv_dn_step){dnnl_eltwise_relu, 0.0f, 0.0f};
        return 1;
    case CLV_ACT_CLIP:
        out[0] = (clv_dn_step){dnnl_eltwise_clip, fusion->alpha, fusion->beta};
        return 1;
    case CLV_ACT_LEAKY_RELU:
        out[0] = (clv_dn_step){dnnl_eltwise_relu, fusion->alpha, 0.0f};
        return 1;
    case CLV_ACT_SIGMOID:
        out[0] = (clv_dn_step){dnnl_eltwise_logistic, 0.0f, 0.0f};
        return 1;
    case CLV_ACT_HARD_SIGMOID:
        out[0] = (clv_dn_step){dnnl_eltwise_linear, fusion->alpha, fusion->beta};
        out[1] = (clv_dn_step){dnnl_eltwise_clip, 0.0f, 1.0f};
        return 2;
    case CLV_ACT_HARD_SWISH:
        out[0] = (clv_dn_step){dnnl_eltwise_hardswish, 0.0f, 0.0f};
        return 1;
    case CLV_ACT_TANH:
        out[0] = (clv_dn_step){dnnl_eltwise_tanh, 0.0f, 0.0f};
        return 1;
    case CLV_ACT_ELU:
        out[0] = (clv_dn_step){dnnl_eltwise_elu, fusion->alpha, 0.0f};
        return 1;
    case CLV_ACT_SILU:
        out[0] = (clv_dn_step){dnnl_eltwise_swish, fusion->alpha, 0.0f};
        return 1;
    case CLV_ACT_NONE:
    case CLV_ACT_COUNT:
        break;
    }
    return 0;
}

static dnnl_status_t add_post_ops(dnnl_primitive_attr_t attr, const clv_fusion *fusion, bool sum)
{
    clv_dn_step steps[CLV_DN_MAX_STEPS];
    uint32_t n_steps = fusion == NULL ? 0 : clv_dn_steps_of(steps, fusion);
    dnnl_post_ops_t ops = NULL;

    dnnl_status_t status = dnnl_post_ops_create(&ops);
    if (status == dnnl_success && sum)
        status = dnnl_post_ops_append_sum(ops, 1.0f);
    for (uint32_t i = 0; i < n_steps && status == dnnl_success; i++)
        status =
            dnnl_post_ops_append_eltwise(ops, 1.0f, steps[i].kind, steps[i].alpha, steps[i].beta);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(attr, ops);
    (void)dnnl_post_ops_destroy(ops);
    return status;
}

clv_status clv_dn_attr_create(dnnl_primitive_attr_t *out, const clv_dn_job *job,
                              const clv_fusion *fusion, bool sum)
{
    dnnl_primitive_attr_t attr = NULL;

    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success)
        status = add_post_ops(attr, fusion, sum);
    if (status != dnnl_success) {
        (void)dnnl_primitive_attr_destroy(attr);
        return clv_dn_check(status, job);
    }
    *out = attr;
    return CLV_OK;
}
