/* SPDX-License-Identifier: Apache-2.0 */

/* Split, in the layout that the input has: in memory its rows are the outputs' rows one behind the
 * other. Code of our own; Concat (dn_concat.c) is the same backwards. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "graph/params.h"
#include "kernel/onednn/dn_kernel.h"
#include "kernel/onednn/dn_layout.h"
#include "kernel/strided.h"

typedef struct split {
    size_t n_rows;
    uint32_t n_outputs;
    size_t row_elems[]; /* of each output */
} split;

static bool supports(const clv_graph *graph, const clv_node *node)
{
    return !clv_dn_is_constant(graph, node, 0) && clv_node_input(graph, node, 0)->shape.rank > 0;
}

static void run(const void *plan, void *const *addresses)
{
    const split *s = plan;
    const float *src = addresses[0];
    size_t whole = 0;

    for (uint32_t i = 0; i < s->n_outputs; i++)
        whole += s->row_elems[i];
    for (uint32_t i = 0; i < s->n_outputs; i++) {
        size_t n = s->row_elems[i];
        float *dst = addresses[1 + i];
        if (n == 1) {
            clv_strided_copy(dst, 1, src, (ptrdiff_t)whole, s->n_rows, sizeof *dst);
        } else {
            for (size_t row = 0; row < s->n_rows; row++)
                memcpy(dst + row * n, src + row * whole, n * sizeof *dst);
        }
        src += n;
    }
}

static clv_status make_plan(split **out, const clv_dn_job *job, const clv_layout *layout,
                            uint32_t axis)
{
    const clv_shape *shape = &clv_node_input(job->graph, job->node, 0)->shape;
    uint32_t n = job->node->n_outputs, at = 0;
    size_t inner = 1;

    split *s = clv_calloc(1, sizeof *s + n * sizeof s->row_elems[0]);
    if (s == NULL)
        return CLV_ENOMEM;
    s->n_outputs = n;
    s->n_rows = 1;
    for (; layout->perm[at] != axis; at++)
        s->n_rows *= (size_t)shape->dim[layout->perm[at]];
    for (at++; at < shape->rank; at++)
        inner *= (size_t)shape->dim[layout->perm[at]];
    for (uint32_t i = 0; i < n; i++)
        s->row_elems[i] =
            inner * (size_t)clv_node_output(job->graph, job->node, i)->shape.dim[axis];
    *out = s;
    return CLV_OK;
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    const clv_node *node = job->node;
    uint32_t rank = clv_node_input(job->graph, node, 0)->shape.rank, axis = 0;
    clv_layout layout = clv_dn_unblocked(&job->io->inputs[0], rank);
    split *plan = NULL;

    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", 0), rank, node, job->err));
    job->io->inputs[0] = layout;
    clv_dn_kernel_input(kernel, 0, 0);
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        job->io->outputs[i] = layout;
        clv_dn_kernel_output(kernel, (int)i + 1, i);
    }
    CLV_TRY(make_plan(&plan, job, &layout, axis));
    clv_dn_kernel_set_native(kernel, run, plan);
    return CLV_OK;
}

const clv_dn_op clv_dn_split = {supports, compile};
