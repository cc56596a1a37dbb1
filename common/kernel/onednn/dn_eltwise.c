/* SPDX-License-Identifier: Apache-2.0 */

/* Activations and functions of one element, in the layout that the input has. */
#include <string.h>

#include "graph/params.h"
#include "kernel/onednn/dn_attr.h"
#include "kernel/onednn/dn_layout.h"

typedef struct eltwise {
    const clv_shape *shape;
    clv_dn_step step;
} eltwise;

/* A constant of one element. */
static bool read_scalar(float *out, const clv_tensor *tensor)
{
    size_t n = 0;
    if (tensor->data == NULL || clv_shape_elems(&n, &tensor->shape) != CLV_OK || n != 1)
        return false;
    *out = *(const float *)tensor->data;
    return true;
}

/* Operators that have no parameter. Not Log and Softplus: oneDNN 2.6 gives log(1) as -1.4e-6, and
 * a softplus of -20 below zero. */
static const struct {
    clv_op op;
    clv_dn_step step;
} functions[] = {
    {CLV_OP_ABS, {dnnl_eltwise_abs, 0.0f, 0.0f}},
    {CLV_OP_EXP, {dnnl_eltwise_exp, 0.0f, 0.0f}},
    {CLV_OP_MISH, {dnnl_eltwise_mish, 0.0f, 0.0f}},
    {CLV_OP_NEG, {dnnl_eltwise_linear, -1.0f, 0.0f}},
    {CLV_OP_RECIPROCAL, {dnnl_eltwise_pow, 1.0f, -1.0f}},
    {CLV_OP_ROUND, {dnnl_eltwise_round, 0.0f, 0.0f}},
    {CLV_OP_SQRT, {dnnl_eltwise_sqrt, 0.0f, 0.0f}},
};

/* The operator as one step of oneDNN. HardSigmoid would be two. */
static bool step_of(clv_dn_step *out, const clv_graph *graph, const clv_node *node)
{
    clv_dn_step steps[CLV_DN_MAX_STEPS];
    clv_fusion activation;

    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (functions[i].op == node->op) {
            *out = functions[i].step;
            return true;
        }
    }
    *out = (clv_dn_step){dnnl_eltwise_pow, 1.0f, 0.0f};
    switch (node->op) {
    case CLV_OP_GELU:
        out->kind = strcmp(clv_node_attr_string(node, "approximate", "none"), "tanh") == 0
                        ? dnnl_eltwise_gelu_tanh
                        : dnnl_eltwise_gelu_erf;
        return true;
    case CLV_OP_POW:
        return read_scalar(&out->beta, clv_node_input(graph, node, 1));
    case CLV_OP_PRELU: /* with one slope for all; the others are in dn_norm.c */
        out->kind = dnnl_eltwise_relu;
        return read_scalar(&out->alpha, clv_node_input(graph, node, 1));
    default:
        if (!clv_activation_of(&activation, graph, node) ||
            clv_dn_steps_of(steps, &activation) != 1)
            return false;
        *out = steps[0];
        return true;
    }
}

static bool supports(const clv_graph *graph, const clv_node *node)
{
    clv_dn_step step;
    const clv_shape *out = &clv_node_output(graph, node, 0)->shape;
    return clv_shape_equal(&clv_node_input(graph, node, 0)->shape, out) &&
           step_of(&step, graph, node);
}

static dnnl_status_t describe(dnnl_primitive_desc_t *out, const void *params,
                              const clv_layout *layout, const_dnnl_primitive_attr_t attr)
{
    const eltwise *e = params;
    dnnl_eltwise_desc_t desc;
    dnnl_memory_desc_t data;

    clv_dn_describe(&data, e->shape, layout);
    dnnl_status_t status = dnnl_eltwise_forward_desc_init(
        &desc, dnnl_forward_inference, e->step.kind, &data, e->step.alpha, e->step.beta);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &desc, attr, clv_dn_engine(), NULL);
    return status;
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    eltwise e = {.shape = &clv_node_input(job->graph, job->node, 0)->shape};

    if (!step_of(&e.step, job->graph, job->node))
        return CLV_EUNSUPPORTED;
    return clv_dn_kernel_map(kernel, job, describe, &e);
}

const clv_dn_op clv_dn_eltwise = {supports, compile};
