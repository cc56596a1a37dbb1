/* SPDX-License-Identifier: Apache-2.0 */

/* Slice, in the layout that the input has, so that halves of an image's channels stay channels
 * last. Code of our own: oneDNN has no such primitive. */
#include "base/error.h"
#include "base/memory.h"
#include "graph/params.h"
#include "kernel/onednn/dn_kernel.h"
#include "kernel/onednn/dn_layout.h"
#include "kernel/strided.h"

typedef struct slice {
    size_t begin; /* elements before the first one */
    uint32_t n;   /* axes, outermost first; at least 1 */
    struct {
        size_t count;
        ptrdiff_t step; /* in the input */
        size_t inner;   /* elements of the output that one step is */
    } axis[CLV_MAX_RANK];
} slice;

static bool supports(const clv_graph *graph, const clv_node *node)
{
    clv_slice_params p;
    return !clv_dn_is_constant(graph, node, 0) && clv_node_input(graph, node, 0)->shape.rank > 0 &&
           clv_slice_params_of(&p, graph, node, NULL) == CLV_OK;
}

static void copy_axis(float *dst, const float *src, const slice *s, uint32_t i)
{
    if (i + 1 == s->n) {
        clv_strided_copy(dst, 1, src, s->axis[i].step, s->axis[i].count, sizeof *dst);
        return;
    }
    for (size_t j = 0; j < s->axis[i].count; j++, dst += s->axis[i].inner, src += s->axis[i].step)
        copy_axis(dst, src, s, i + 1);
}

static void run(const void *plan, void *const *addresses)
{
    const slice *s = plan;
    copy_axis(addresses[1], (const float *)addresses[0] + s->begin, s, 0);
}

/* From the innermost axis on; an axis that goes on where the one inside of it ends is that one. */
static void plan_axes(slice *s, const clv_slice_params *p, const clv_shape *shape,
                      const clv_layout *layout)
{
    ptrdiff_t dense = 1;
    size_t inner = 1;
    slice reversed = {0};

    for (uint32_t i = shape->rank; i-- > 0;) {
        uint32_t axis = layout->perm[i], last = reversed.n > 0 ? reversed.n - 1 : 0;
        size_t count = (size_t)p->count[axis];
        ptrdiff_t step = count == 1 ? 0 : (ptrdiff_t)p->step[axis] * dense;
        s->begin += (size_t)p->begin[axis] * (size_t)dense;
        dense *= (ptrdiff_t)shape->dim[axis];
        if (count == 1 && reversed.n > 0)
            continue;
        if (reversed.n > 0 &&
            step == reversed.axis[last].step * (ptrdiff_t)reversed.axis[last].count) {
            reversed.axis[last].count *= count;
        } else {
            reversed.axis[reversed.n].count = count;
            reversed.axis[reversed.n].step = step;
            reversed.axis[reversed.n++].inner = inner;
        }
        inner *= count;
    }
    s->n = reversed.n;
    for (uint32_t i = 0; i < s->n; i++)
        s->axis[i] = reversed.axis[s->n - 1 - i];
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    const clv_shape *shape = &clv_node_input(job->graph, job->node, 0)->shape;
    clv_layout layout = clv_dn_unblocked(&job->io->inputs[0], shape->rank);
    clv_slice_params p;

    CLV_TRY(clv_slice_params_of(&p, job->graph, job->node, job->err));
    slice *plan = clv_calloc(1, sizeof *plan);
    if (plan == NULL)
        return CLV_ENOMEM;
    plan_axes(plan, &p, shape, &layout);
    clv_dn_kernel_input(kernel, 0, 0);
    clv_dn_kernel_output(kernel, 1, 0);
    clv_dn_kernel_set_native(kernel, run, plan);
    job->io->inputs[0] = layout;
    job->io->outputs[0] = layout;
    return CLV_OK;
}

const clv_dn_op clv_dn_slice = {supports, compile};
