/* SPDX-License-Identifier: Apache-2.0 */

/* Conv of bytes by constant int8 weights, with its fused residual and activation. */
#include <string.h>

#include "base/error.h"
#include "kernel/onednn/dn_int8_conv.h"
#include "kernel/onednn/dn_int8_dense.h"
#include "kernel/onednn/dn_int8_vector.h"
#include "kernel/onednn/dn_layout.h"

enum { X, W, BIAS, RESIDUAL };

static bool has_bytes(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    clv_dn_operand operand = clv_dn_operand_in(graph, node, i);
    return clv_dn_operand_is_bytes(&operand);
}

static bool supports(const clv_graph *graph, const clv_node *node)
{
    uint32_t rank = clv_node_input(graph, node, X)->shape.rank;

    if (rank < 3 || rank > 2 + CLV_MAX_SPATIAL || clv_dn_is_constant(graph, node, X) ||
        !has_bytes(graph, node, X) || !clv_dn_int8_has_weights(graph, node, W, 0))
        return false;
    if (clv_dn_is_constant(graph, node, RESIDUAL))
        return false;
    return clv_dn_int8_has_bias(graph, node, BIAS);
}

/* oneDNN knows where the padding is, so it is for it to take off the source's zero point there;
 * without padding a part of the bias does. */
static bool is_padded(const clv_conv_params *params)
{
    const clv_window *w = &params->window;

    for (uint32_t i = 0; i < w->n; i++) {
        if (w->pad_begin[i] != 0 || w->pad_end[i] != 0)
            return true;
    }
    return false;
}

static clv_dn_sums sums_of(const clv_dn_job *job, const clv_conv_params *params)
{
    const clv_graph *graph = job->graph;
    const clv_node *node = job->node;
    const clv_tensor *bias = clv_node_input(graph, node, BIAS);
    clv_dn_sums sums = {.x = clv_dn_operand_in(graph, node, X),
                        .y = clv_dn_operand_out(graph, node),
                        .bias = bias == NULL ? NULL : bias->data,
                        .has_zero_point = !is_padded(params)};

    clv_dn_int8_weights(&sums.weights, graph, node, W, 0);
    if (params->has_residual)
        sums.residual = clv_dn_operand_in(graph, node, RESIDUAL);
    return sums;
}

static clv_status pack_constants(clv_kernel *kernel, const clv_dn_job *job,
                                 const clv_dn_conv_form *c, const clv_dn_requant *requant)
{
    dnnl_memory_desc_t plain;

    clv_dn_describe_plain(&plain, &c->weights_shape);
    plain.data_type = dnnl_s8;
    CLV_TRY(clv_dn_kernel_pack(kernel, job, DNNL_ARG_WEIGHTS, &plain,
                               clv_node_input(job->graph, job->node, W)->data, 1.0f));
    return c->has_bias
               ? clv_dn_kernel_pack(kernel, job, DNNL_ARG_BIAS, &c->bias, requant->bias, 1.0f)
               : CLV_OK;
}

/* Without VNNI oneDNN 2.6 has code for kernels of one element that is wrong for some strides (AVX2
 * with two threads where channels are no multiple of 16, AVX-512 for widths of 1 and 5). */
static bool is_unsafe_1x1(const clv_conv_params *params)
{
    const clv_window *w = &params->window;
    bool strided = false;

    for (uint32_t i = 0; i < w->n; i++) {
        if (w->kernel[i] != 1)
            return false;
        strided = strided || w->stride[i] != 1;
    }
    return strided && !clv_dn_has_vnni();
}

static clv_status make(clv_kernel *kernel, const clv_dn_job *job, clv_dn_conv_form *c,
                       const clv_dn_sums *sums)
{
    clv_dn_requant requant = {0};
    dnnl_primitive_attr_t attr = NULL;

    CLV_TRY(clv_dn_requant_of(&requant, job, sums));
    c->src.data_type = clv_dn_type_of(sums->x.dtype);
    c->weights.data_type = dnnl_s8;
    c->dst.data_type = clv_dn_type_of(sums->y.dtype);
    c->has_bias = clv_dn_requant_has_bias(&requant);
    c->avoids_1x1 = is_unsafe_1x1(&c->params);
    const clv_dn_int8_attr options = {
        .requant = &requant,
        .residual = sums->residual.dtype,
        .src_zero_point = sums->has_zero_point ? 0 : sums->x.zero_point,
        .mask = 1 << 1,
    };
    clv_status status = clv_dn_int8_attr_create(&attr, job, &options);
    if (status == CLV_OK)
        status = clv_dn_conv_make(kernel, job, c, attr);
    if (status == CLV_OK)
        status = pack_constants(kernel, job, c, &requant);
    (void)dnnl_primitive_attr_destroy(attr);
    clv_dn_requant_done(&requant);
    return status;
}

/* One pixel of an image, one weight for each channel: rows times a matrix. */
static bool is_product(const clv_dn_conv_form *c, const clv_dn_job *job)
{
    const clv_shape *x = &clv_node_input(job->graph, job->node, X)->shape;

    for (uint32_t i = 0; i < c->params.window.n; i++) {
        if (x->dim[2 + i] != 1 || c->params.window.kernel[i] != 1 || c->params.window.out[i] != 1)
            return false;
    }
    return c->params.groups == 1 && !is_padded(&c->params);
}

/* oneDNN adds to what lies where the output is going to. */
static bool has_fitting_residual(const clv_dn_sums *sums)
{
    return sums->residual.dtype == CLV_NONE ||
           clv_dn_operand_is_bytes(&sums->residual) == clv_dn_operand_is_bytes(&sums->y);
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    clv_dn_conv_form c;

    CLV_TRY(clv_dn_conv_describe(&c, job));
    clv_dn_sums sums = sums_of(job, &c.params);
    clv_status status = clv_dn_int8_depthwise(kernel, job, &c, &sums);
    if (status == CLV_EUNSUPPORTED && is_product(&c, job))
        status = clv_dn_int8_vector(kernel, job,
                                    clv_node_input(job->graph, job->node, X)->shape.dim[0], &sums);
    bool has_other = has_fitting_residual(&sums) && clv_dn_int8_is_exact(&sums);
    if (status == CLV_EUNSUPPORTED && (!has_other || clv_dn_int8_dense_is_faster(job, &c)))
        status = clv_dn_int8_dense_conv(kernel, job, &c, &sums);
    return status == CLV_EUNSUPPORTED && has_other ? make(kernel, job, &c, &sums) : status;
}

const clv_dn_op clv_dn_int8_conv = {supports, compile};
