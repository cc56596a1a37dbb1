/* SPDX-License-Identifier: Apache-2.0 */

/* Concat of float32 or of bytes, in the layout that most of the inputs' elements have. Whatever
 * that is, in memory each input is so many rows and the output's rows are theirs one behind the
 * other. It is code of our own: oneDNN 2.6 takes 2 to 18 times as long. Bytes that mean something
 * else than the output's go through a table. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "graph/params.h"
#include "graph/quant.h"
#include "kernel/onednn/dn_kernel.h"
#include "kernel/quantise.h"

#define N_BYTES 256u

typedef struct part {
    size_t row_bytes;
    bool has_table;
    uint8_t table[N_BYTES];
} part;

typedef struct concat {
    size_t n_rows;
    uint32_t n_inputs;
    part parts[];
} concat;

/* All float32, or all bytes of one scale each. */
static bool supports(const clv_graph *graph, const clv_node *node)
{
    bool bytes = clv_node_output_quant(graph, node, 0) != NULL;

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const clv_quant *quant = clv_node_input_quant(graph, node, i);
        if ((quant != NULL) != bytes || (bytes && quant->n_scales > 0))
            return false;
    }
    return clv_node_input(graph, node, 0)->shape.rank >= 1;
}

static void look_up(char *dst, const char *src, size_t n, const uint8_t *table)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (char)table[(uint8_t)src[i]];
}

static void run(const void *plan, void *const *addresses)
{
    const concat *c = plan;
    char *dst = addresses[c->n_inputs];

    for (size_t row = 0; row < c->n_rows; row++) {
        for (uint32_t i = 0; i < c->n_inputs; i++) {
            const part *p = &c->parts[i];
            const char *src = (const char *)addresses[i] + row * p->row_bytes;
            if (p->has_table)
                look_up(dst, src, p->row_bytes, p->table);
            else
                memcpy(dst, src, p->row_bytes);
            dst += p->row_bytes;
        }
    }
}

/* Reordering the others costs least. */
static clv_layout largest_layout(const clv_dn_job *job)
{
    clv_layout best = clv_layout_plain();
    size_t most = 0;

    for (uint32_t i = 0; i < job->node->n_inputs; i++) {
        const clv_tensor *input = clv_node_input(job->graph, job->node, i);
        size_t n = 0;
        if (input->data == NULL && clv_shape_elems(&n, &input->shape) == CLV_OK && n > most) {
            most = n;
            best = job->io->inputs[i];
        }
    }
    return best;
}

/* Blocks can be laid side by side only when they are whole. */
static bool has_whole_blocks(const clv_dn_job *job, const clv_layout *layout, uint32_t axis)
{
    if (layout->block <= 1 || layout->block_axis != axis)
        return true;
    for (uint32_t i = 0; i < job->node->n_inputs; i++) {
        if (clv_node_input(job->graph, job->node, i)->shape.dim[axis] % layout->block != 0)
            return false;
    }
    return true;
}

/* Rows of `shape`: the dimensions that lie outside of `axis`. */
static size_t count_rows(const clv_shape *shape, const clv_layout *layout, uint32_t axis)
{
    size_t rows = 1;

    for (uint32_t i = 0; layout->perm[i] != axis; i++) {
        int64_t dim = shape->dim[layout->perm[i]];
        if (layout->block > 1 && layout->perm[i] == layout->block_axis)
            dim = (dim + layout->block - 1) / layout->block;
        rows *= (size_t)dim;
    }
    return rows;
}

static void make_table(part *p, const clv_dn_job *job, uint32_t i)
{
    const clv_quant *in = clv_node_input_quant(job->graph, job->node, i);
    const clv_quant *out = clv_node_output_quant(job->graph, job->node, 0);
    clv_dtype in_type = clv_node_input_type(job->graph, job->node, i);
    clv_dtype out_type = clv_node_output(job->graph, job->node, 0)->dtype;
    uint8_t bytes[N_BYTES];
    float real[N_BYTES];

    if (in == NULL || clv_quant_equal(in, in_type, out, out_type))
        return;
    for (uint32_t k = 0; k < N_BYTES; k++)
        bytes[k] = (uint8_t)k;
    clv_dequantise_f32(real, bytes, N_BYTES, in, in_type);
    clv_quantise_f32(p->table, real, N_BYTES, out, out_type);
    p->has_table = true;
}

static clv_status make_plan(concat **out, const clv_dn_job *job, const clv_layout *layout,
                            uint32_t axis)
{
    uint32_t n = job->node->n_inputs;

    concat *c = clv_calloc(1, sizeof *c + n * sizeof c->parts[0]);
    if (c == NULL)
        return CLV_ENOMEM;
    c->n_inputs = n;
    c->n_rows = count_rows(&clv_node_input(job->graph, job->node, 0)->shape, layout, axis);
    for (uint32_t i = 0; i < n; i++) {
        clv_tensor input = *clv_node_input(job->graph, job->node, i);
        size_t bytes = 0;
        input.dtype = clv_node_input_type(job->graph, job->node, i);
        clv_status status = clv_layout_bytes(&bytes, layout, &input);
        if (status != CLV_OK) {
            clv_free(c);
            return status;
        }
        c->parts[i].row_bytes = bytes / c->n_rows;
        make_table(&c->parts[i], job, i);
    }
    *out = c;
    return CLV_OK;
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    const clv_node *node = job->node;
    uint32_t rank = clv_node_input(job->graph, node, 0)->shape.rank, axis = 0;
    clv_layout layout = largest_layout(job);
    concat *plan = NULL;

    CLV_TRY(clv_axis_of(&axis, clv_node_attr_int(node, "axis", 0), rank, node, job->err));
    if (!has_whole_blocks(job, &layout, axis))
        layout = clv_layout_channels_last(rank);
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const clv_tensor *input = clv_node_input(job->graph, node, i);
        if (input->data != NULL) {
            CLV_TRY(clv_dn_kernel_keep(kernel, (int)i, input, &layout, 1));
        } else {
            job->io->inputs[i] = layout;
            clv_dn_kernel_input(kernel, (int)i, i);
        }
    }
    clv_dn_kernel_output(kernel, (int)node->n_inputs, 0);
    job->io->outputs[0] = layout;
    CLV_TRY(make_plan(&plan, job, &layout, axis));
    clv_dn_kernel_set_native(kernel, run, plan);
    return CLV_OK;
}

const clv_dn_op clv_dn_concat = {supports, compile};
