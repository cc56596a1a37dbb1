/* SPDX-License-Identifier: Apache-2.0 */

/* Transpose. Where the elements already lie as a usual layout of the output has them, nothing
 * moves: networks from TensorFlow are full of transposes between [n, h, w, c] and [n, c, h, w],
 * and the latter is channels last in memory. Else it is a reorder. */
#include "base/error.h"
#include "graph/graph.h"
#include "kernel/onednn/dn_attr.h"
#include "kernel/onednn/dn_layout.h"

static bool supports(const clv_graph *graph, const clv_node *node)
{
    return !clv_dn_is_constant(graph, node, 0) && clv_node_input(graph, node, 0)->shape.rank > 0;
}

/* The layout of the output if each element stays where it is. */
static clv_layout stay(const clv_layout *layout, const clv_node *node, uint32_t rank)
{
    const clv_attr *perm = clv_node_attr(node, "perm", CLV_ATTR_INTS);
    clv_layout out = clv_layout_plain();
    uint8_t to[CLV_MAX_RANK] = {0}; /* the output's axis that each axis of the input becomes */

    for (uint32_t i = 0; i < rank; i++)
        to[perm != NULL ? perm->v.ints[i] : (int64_t)(rank - 1 - i)] = (uint8_t)i;
    for (uint32_t i = 0; i < rank; i++)
        out.perm[i] = to[layout->perm[i]];
    out.block = layout->block;
    out.block_axis = layout->block > 1 ? to[layout->block_axis] : 0;
    return out;
}

/* Whether other kernels like @p layout. */
static bool is_usual(const clv_layout *layout, const clv_shape *shape)
{
    if (clv_layout_is_plain(layout, shape))
        return true;
    clv_layout last = clv_layout_channels_last(shape->rank);
    return shape->rank >= 3 && clv_layout_equal(layout, &last, shape);
}

static void do_nothing(const void *plan, void *const *addresses)
{
    (void)plan;
    (void)addresses;
}

static clv_status make_reorder(clv_kernel *kernel, const clv_dn_job *job, const clv_shape *shape,
                               const clv_layout *found)
{
    dnnl_memory_desc_t from, to;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t desc = NULL;

    clv_dn_describe(&from, shape, found);
    clv_dn_describe_plain(&to, shape);
    CLV_TRY(clv_dn_attr_create(&attr, job, NULL, false));
    clv_status status = clv_dn_check(dnnl_reorder_primitive_desc_create(
                                         &desc, &from, clv_dn_engine(), &to, clv_dn_engine(), attr),
                                     job);
    (void)dnnl_primitive_attr_destroy(attr);
    CLV_TRY(status);
    CLV_TRY(clv_dn_kernel_take(kernel, job, desc));
    clv_dn_kernel_input(kernel, DNNL_ARG_FROM, 0);
    clv_dn_kernel_output(kernel, DNNL_ARG_TO, 0);
    job->io->outputs[0] = clv_layout_plain();
    return CLV_OK;
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    const clv_shape *shape = &clv_node_output(job->graph, job->node, 0)->shape;
    clv_layout layout = stay(&job->io->inputs[0], job->node, shape->rank);

    if (!is_usual(&layout, shape))
        return make_reorder(kernel, job, shape, &layout);
    job->io->outputs[0] = layout;
    job->io->inplace_input = 0;
    clv_dn_kernel_set_native(kernel, do_nothing, NULL);
    return CLV_OK;
}

const clv_dn_op clv_dn_transpose = {supports, compile};
