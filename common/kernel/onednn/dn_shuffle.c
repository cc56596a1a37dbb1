/* SPDX-License-Identifier: Apache-2.0 */

/* ChannelShuffle in the layout that the input has. Code of our own: oneDNN's shuffle is fast in
 * blocks of channels only, and its convolutions like channels last. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "graph/graph.h"
#include "kernel/onednn/dn_kernel.h"
#include "kernel/onednn/dn_layout.h"
#include "kernel/strided.h"

/* In memory [outer, groups, size, inner] becomes [outer, size, groups, inner]. */
typedef struct shuffle {
    size_t outer, groups, size, inner;
} shuffle;

static bool supports(const clv_graph *graph, const clv_node *node)
{
    return !clv_dn_is_constant(graph, node, 0);
}

static void run(const void *plan, void *const *addresses)
{
    const shuffle *s = plan;
    const float *src = addresses[0];
    float *dst = addresses[1];
    size_t whole = s->groups * s->size * s->inner;

    for (size_t o = 0; o < s->outer; o++, dst += whole) {
        for (size_t g = 0; g < s->groups; g++) {
            if (s->inner == 1) {
                clv_strided_copy(dst + g, (ptrdiff_t)s->groups, src, 1, s->size, sizeof *dst);
                src += s->size;
                continue;
            }
            for (size_t i = 0; i < s->size; i++, src += s->inner)
                memcpy(dst + (i * s->groups + g) * s->inner, src, s->inner * sizeof *dst);
        }
    }
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    const clv_shape *shape = &clv_node_input(job->graph, job->node, 0)->shape;
    clv_layout layout = clv_dn_unblocked(&job->io->inputs[0], shape->rank);
    bool outside = true;

    shuffle *plan = clv_calloc(1, sizeof *plan);
    if (plan == NULL)
        return CLV_ENOMEM;
    *plan = (shuffle){1, (size_t)clv_node_attr_int(job->node, "groups", 1), 1, 1};
    plan->size = (size_t)shape->dim[1] / plan->groups;
    for (uint32_t i = 0; i < shape->rank; i++) {
        if (layout.perm[i] == 1)
            outside = false;
        else if (outside)
            plan->outer *= (size_t)shape->dim[layout.perm[i]];
        else
            plan->inner *= (size_t)shape->dim[layout.perm[i]];
    }
    clv_dn_kernel_input(kernel, 0, 0);
    clv_dn_kernel_output(kernel, 1, 0);
    clv_dn_kernel_set_native(kernel, run, plan);
    job->io->inputs[0] = layout;
    job->io->outputs[0] = layout;
    return CLV_OK;
}

const clv_dn_op clv_dn_shuffle = {supports, compile};
