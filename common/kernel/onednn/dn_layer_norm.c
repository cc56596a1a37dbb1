/* SPDX-License-Identifier: Apache-2.0 */

/* LayerNormalization over the last axes, as rows of one plain matrix. */
#include "base/error.h"
#include "graph/params.h"
#include "kernel/onednn/dn_attr.h"
#include "kernel/onednn/dn_layout.h"

enum { X, SCALE, BIAS };

/* The input as [rows, what is normalised]. */
static bool matrix_of(clv_shape *out, const clv_graph *graph, const clv_node *node)
{
    const clv_shape *x = &clv_node_input(graph, node, X)->shape;
    clv_shape matrix = {.rank = 2, .dim = {1, 1}};
    uint32_t axis = 0;

    if (clv_axis_of(&axis, clv_node_attr_int(node, "axis", -1), x->rank, node, NULL) != CLV_OK)
        return false;
    for (uint32_t i = 0; i < x->rank; i++)
        matrix.dim[i < axis ? 0 : 1] *= x->dim[i];
    *out = matrix;
    return true;
}

/* One for each column. */
static bool is_row(const clv_tensor *tensor, const clv_shape *matrix)
{
    size_t n = 0;
    return clv_shape_elems(&n, &tensor->shape) == CLV_OK && n == (size_t)matrix->dim[1];
}

static bool supports(const clv_graph *graph, const clv_node *node)
{
    const clv_tensor *bias = clv_node_input(graph, node, BIAS);
    clv_shape matrix;

    return node->n_outputs == 1 && !clv_dn_is_constant(graph, node, X) &&
           matrix_of(&matrix, graph, node) && is_row(clv_node_input(graph, node, SCALE), &matrix) &&
           (bias == NULL || is_row(bias, &matrix));
}

static clv_status make(clv_kernel *kernel, const clv_dn_job *job, bool has_bias)
{
    dnnl_layer_normalization_desc_t desc;
    dnnl_primitive_desc_t made = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_memory_desc_t data, statistics;
    clv_shape matrix, column = {.rank = 1};
    float epsilon = clv_node_attr_float(job->node, "epsilon", 1e-5f);
    unsigned flags = dnnl_use_scale | (has_bias ? dnnl_use_shift : 0u);

    if (!matrix_of(&matrix, job->graph, job->node))
        return CLV_EUNSUPPORTED;
    column.dim[0] = matrix.dim[0];
    clv_dn_describe_plain(&data, &matrix);
    clv_dn_describe_plain(&statistics, &column);
    CLV_TRY(clv_dn_attr_create(&attr, job, NULL, false));
    dnnl_status_t said = dnnl_layer_normalization_forward_desc_init(
        &desc, dnnl_forward_inference, &data, &statistics, epsilon, flags);
    if (said == dnnl_success)
        said = dnnl_primitive_desc_create(&made, &desc, attr, clv_dn_engine(), NULL);
    (void)dnnl_primitive_attr_destroy(attr);
    CLV_TRY(clv_dn_check(said, job));
    return clv_dn_kernel_take(kernel, job, made);
}

static clv_status add_row(clv_kernel *kernel, const clv_dn_job *job, int arg, uint32_t i)
{
    const clv_tensor *row = clv_node_input(job->graph, job->node, i);
    clv_layout plain = clv_layout_plain();

    if (row->data != NULL)
        return clv_dn_kernel_keep(kernel, arg, row, &plain, 1);
    job->io->inputs[i] = plain;
    clv_dn_kernel_input(kernel, arg, i);
    return CLV_OK;
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    bool has_bias = clv_node_input(job->graph, job->node, BIAS) != NULL;

    CLV_TRY(make(kernel, job, has_bias));
    clv_dn_kernel_input(kernel, DNNL_ARG_SRC, X);
    clv_dn_kernel_output(kernel, DNNL_ARG_DST, 0);
    job->io->inputs[X] = clv_layout_plain();
    job->io->outputs[0] = clv_layout_plain();
    CLV_TRY(add_row(kernel, job, DNNL_ARG_SCALE, SCALE));
    return has_bias ? add_row(kernel, job, DNNL_ARG_SHIFT, BIAS) : CLV_OK;
}

const clv_dn_op clv_dn_layer_norm = {supports, compile};
