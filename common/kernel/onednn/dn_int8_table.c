/* SPDX-License-Identifier: Apache-2.0 */

/* Functions of one element over bytes: a table of 256, in the layout that the input has. */
#include "base/error.h"
#include "base/memory.h"
#include "graph/quant.h"
#include "kernel/onednn/dn_int8.h"
#include "kernel/onednn/dn_parallel.h"
#include "kernel/quantise.h"
#include "kernel/ref/ref.h"

#define N_BYTES 256

typedef struct table {
    size_t n;
    unsigned threads;
    uint8_t bytes[N_BYTES];
} table;

typedef struct frame {
    const table *table;
    const uint8_t *x;
    uint8_t *y;
} frame;

static bool is_bound(const clv_graph *graph, const clv_node *node, uint32_t i)
{
    const clv_tensor *bound = clv_node_input(graph, node, i);
    return bound == NULL || (bound->data != NULL && clv_node_input_quant(graph, node, i) == NULL);
}

static bool supports(const clv_graph *graph, const clv_node *node)
{
    clv_dn_operand x = clv_dn_operand_in(graph, node, 0), y = clv_dn_operand_out(graph, node);

    return clv_dn_operand_is_bytes(&x) && clv_dn_operand_is_bytes(&y) && is_bound(graph, node, 1) &&
           is_bound(graph, node, 2);
}

static void look_up(const void *context, size_t from, size_t to)
{
    const frame *f = context;
    const uint8_t *bytes = f->table->bytes, *x = f->x;
    uint8_t *y = f->y;

    for (size_t i = from; i < to; i++)
        y[i] = bytes[x[i]];
}

static void run(const void *plan, void *const *addresses)
{
    const table *t = plan;
    frame f = {t, addresses[0], addresses[1]};
    clv_dn_parallel(t->threads, t->n, look_up, &f);
}

/* What the operator makes of each byte, by the reference. */
static clv_status fill(table *t, const clv_dn_job *job)
{
    clv_tensor inputs[3] = {{0}}, output = {CLV_F32, {.rank = 1, .dim = {N_BYTES}}, NULL};
    float x[N_BYTES], y[N_BYTES];
    clv_float_twin *twin = NULL;
    uint8_t bytes[N_BYTES];

    for (int i = 0; i < N_BYTES; i++)
        bytes[i] = (uint8_t)i;
    clv_dequantise_f32(x, bytes, N_BYTES, clv_node_input_quant(job->graph, job->node, 0),
                       clv_node_input_type(job->graph, job->node, 0));
    inputs[0] = output;
    inputs[0].data = x;
    output.data = y;
    for (uint32_t i = 1; i < job->node->n_inputs; i++) {
        if (clv_node_input(job->graph, job->node, i) != NULL)
            inputs[i] = *clv_node_input(job->graph, job->node, i);
    }
    CLV_TRY(clv_float_twin_create(&twin, job->graph, job->node));
    clv_status status = clv_ref_evaluate(&twin->graph, &twin->node, inputs, &output);
    clv_free(twin);
    CLV_TRY(status);
    clv_quantise_f32(t->bytes, y, N_BYTES, clv_node_output_quant(job->graph, job->node, 0),
                     clv_node_output(job->graph, job->node, 0)->dtype);
    return CLV_OK;
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    clv_tensor x = *clv_node_input(job->graph, job->node, 0);
    clv_layout layout = job->io->inputs[0];
    table t = {.threads = clv_dn_kernel_threads(kernel)};

    x.dtype = CLV_U8;
    if (layout.block > 1 || job->node->n_inputs > 3)
        return CLV_EUNSUPPORTED; /* padding would not stay zero */
    CLV_TRY(clv_layout_bytes(&t.n, &layout, &x));
    CLV_TRY(fill(&t, job));
    table *plan = clv_calloc(1, sizeof *plan);
    if (plan == NULL)
        return CLV_ENOMEM;
    *plan = t;
    clv_dn_kernel_input(kernel, 0, 0);
    clv_dn_kernel_output(kernel, 1, 0);
    clv_dn_kernel_set_native(kernel, run, plan);
    job->io->outputs[0] = layout;
    return CLV_OK;
}

const clv_dn_op clv_dn_int8_table = {supports, compile};
