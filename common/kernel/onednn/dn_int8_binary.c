/* SPDX-License-Identifier: Apache-2.0 */

/* Add, Sub and Mul of bytes: one operand has the output's shape, the other the same or one element
 * for each channel (of each image, or of all) or for all. By code of our own. */
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "graph/quant.h"
#include "kernel/onednn/dn_int8.h"
#include "kernel/onednn/dn_layout.h"
#include "kernel/onednn/dn_parallel.h"
#include "kernel/onednn/dn_simd.h"

/* Rows of the full operand, each of which meets one row of the other. */
typedef struct binary {
    size_t n_rows, row;       /* row: elements of one */
    size_t rows_each;         /* rows that meet the same row of the other */
    size_t n_other;           /* rows of the other */
    bool is_product, is_real; /* is_real: the other one is float32, in steps (added) or real */
    uint8_t flip, other_flip;
    float zero, other_zero; /* zero points, flipped */
    float scale, other_scale;
    float add, low, high;
    unsigned threads;
} binary;

typedef struct frame {
    const binary *binary;
    const uint8_t *full;
    const void *other;
    uint8_t *y;
} frame;

/* --- running ------------------------------------------------------------------------------- */

CLV_ALWAYS_INLINE void add_row(const binary *p, uint8_t *y, const uint8_t *a, const uint8_t *b)
{
    const float scale = p->scale, other = p->other_scale, low = p->low, high = p->high;
    const float add = p->add - p->zero * scale - p->other_zero * other;
    const uint8_t flip = p->flip, other_flip = p->other_flip;

    for (size_t i = 0; i < p->row; i++) {
        float v = (float)(a[i] ^ flip) * scale + (float)(b[i] ^ other_flip) * other;
        y[i] = clv_dn_round(v + add, low, high);
    }
}

CLV_ALWAYS_INLINE void multiply_row(const binary *p, uint8_t *y, const uint8_t *a, const uint8_t *b)
{
    const float scale = p->scale, add = p->add, low = p->low, high = p->high;
    const int zero = (int)p->zero, other_zero = (int)p->other_zero;
    const uint8_t flip = p->flip, other_flip = p->other_flip;

    for (size_t i = 0; i < p->row; i++) {
        int product = ((a[i] ^ flip) - zero) * ((b[i] ^ other_flip) - other_zero);
        y[i] = clv_dn_round((float)product * scale + add, low, high);
    }
}

CLV_ALWAYS_INLINE void combine_real_row(const binary *p, uint8_t *y, const uint8_t *a,
                                        const float *b)
{
    const float scale = p->scale, other = p->other_scale, add = p->add, zero = p->zero;
    const float low = p->low, high = p->high;
    const uint8_t flip = p->flip;

    if (p->is_product) {
        for (size_t i = 0; i < p->row; i++)
            y[i] = clv_dn_round(((float)(a[i] ^ flip) - zero) * scale * b[i] + add, low, high);
        return;
    }
    for (size_t i = 0; i < p->row; i++)
        y[i] = clv_dn_round(((float)(a[i] ^ flip) - zero) * scale + b[i] * other + add, low, high);
}

CLV_ALWAYS_INLINE void make_rows(const frame *f, size_t from, size_t to)
{
    const binary *p = f->binary;

    for (size_t i = from; i < to; i++) {
        size_t other = i / p->rows_each % p->n_other * p->row;
        const uint8_t *a = f->full + i * p->row;
        uint8_t *y = f->y + i * p->row;
        if (p->is_real)
            combine_real_row(p, y, a, (const float *)f->other + other);
        else if (p->is_product)
            multiply_row(p, y, a, (const uint8_t *)f->other + other);
        else
            add_row(p, y, a, (const uint8_t *)f->other + other);
    }
}

static void make_rows_plain(const void *context, size_t from, size_t to)
{
    make_rows(context, from, to);
}

CLV_AVX2 static void make_rows_avx2(const void *context, size_t from, size_t to)
{
    make_rows(context, from, to);
}

static void run(const void *plan, void *const *addresses)
{
    const binary *p = plan;
    frame f = {p, addresses[0], addresses[1], addresses[2]};
    clv_dn_parallel(p->threads, p->n_rows, clv_cpu_has_avx2() ? make_rows_avx2 : make_rows_plain,
                    &f);
}

/* --- compiling ----------------------------------------------------------------------------- */

static bool full_operand(uint32_t *out, const clv_graph *graph, const clv_node *node)
{
    const clv_shape *y = &clv_node_output(graph, node, 0)->shape;

    for (uint32_t i = 0; i < 2; i++) {
        const clv_tensor *x = clv_node_input(graph, node, i);
        if (x->data == NULL && clv_shape_equal(&x->shape, y) &&
            clv_node_input_quant(graph, node, i) != NULL) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool supports(const clv_graph *graph, const clv_node *node)
{
    clv_dn_operand y = clv_dn_operand_out(graph, node);
    float low, high;
    uint32_t full;

    if (!full_operand(&full, graph, node) || !clv_dn_operand_is_bytes(&y) ||
        !clv_dn_bounds_of(&low, &high, &node->fusion, &y))
        return false;
    const clv_quant *quant = clv_node_input_quant(graph, node, 1 - full);
    if (quant != NULL)
        return quant->n_scales == 0;
    return clv_node_input(graph, node, 1 - full)->dtype == CLV_F32;
}

/* How the rows of both operands meet, in @p layout. Return false for any other broadcast. */
static bool find_rows(binary *p, const clv_shape *full, const clv_shape *other,
                      const clv_layout *layout)
{
    size_t outer = 1, spread = 1, inner = 1; /* extents: shared, broadcast, shared */
    uint32_t i = 0;

    for (; i < full->rank && other->dim[layout->perm[i]] == full->dim[layout->perm[i]]; i++)
        outer *= (size_t)full->dim[layout->perm[i]];
    for (; i < full->rank && other->dim[layout->perm[i]] == 1; i++)
        spread *= (size_t)full->dim[layout->perm[i]];
    for (; i < full->rank; i++) {
        if (other->dim[layout->perm[i]] != full->dim[layout->perm[i]])
            return false;
        inner *= (size_t)full->dim[layout->perm[i]];
    }
    if (spread == 1) { /* one row would be one thread's */
        inner *= outer;
        outer = 1;
    }
    p->n_other = outer;
    p->rows_each = spread;
    p->n_rows = outer * spread;
    p->row = inner;
    return true;
}

/* y = scale * (a - zero) (+ or *) other_scale * (b - other_zero) + add, in steps of y. */
static void set_numbers(binary *p, const clv_dn_job *job, uint32_t full)
{
    clv_dn_operand a = clv_dn_operand_in(job->graph, job->node, full);
    clv_dn_operand b = clv_dn_operand_in(job->graph, job->node, 1 - full);
    clv_dn_operand y = clv_dn_operand_out(job->graph, job->node);
    bool is_difference = job->node->op == CLV_OP_SUB;

    p->is_product = job->node->op == CLV_OP_MUL;
    p->is_real = !clv_dn_operand_is_bytes(&b);
    p->flip = clv_dn_flip_of(&a);
    p->other_flip = clv_dn_flip_of(&b);
    p->zero = (float)clv_dn_flipped_zero(&a);
    p->other_zero = (float)clv_dn_flipped_zero(&b);
    p->scale = a.scale / y.scale;
    p->other_scale = b.scale / y.scale;
    if (p->is_product)
        p->scale = p->is_real ? a.scale / y.scale : a.scale * b.scale / y.scale;
    if (is_difference && full == 0)
        p->other_scale = -p->other_scale;
    if (is_difference && full == 1)
        p->scale = -p->scale;
    p->add = (float)y.zero_point;
    (void)clv_dn_bounds_of(&p->low, &p->high, &job->node->fusion, &y);
}

/* Order of the operands: that of the full one if that goes. */
static clv_status choose_layout(clv_layout *out, binary *p, const clv_dn_job *job, uint32_t full,
                                const clv_shape *other)
{
    const clv_shape *shape = &clv_node_input(job->graph, job->node, full)->shape;
    const clv_tensor *stored = clv_node_input(job->graph, job->node, 1 - full);
    bool is_rigid = stored->data == NULL && stored->shape.rank != other->rank;
    clv_layout choices[] = {job->io->inputs[full],
                            clv_layout_channels_last(shape->rank < 2 ? 2 : shape->rank),
                            clv_layout_plain()};

    for (size_t i = 0; i < 3; i++) {
        if (i == 1 && shape->rank < 3)
            continue; /* channels last is a notion of images */
        if (choices[i].block > 1 || !find_rows(p, shape, other, &choices[i]))
            continue;
        if (is_rigid && !clv_layout_is_plain(&choices[i], other))
            continue; /* of a lower rank it has no such layout */
        *out = choices[i];
        return CLV_OK;
    }
    return CLV_EUNSUPPORTED;
}

static clv_status add_other(clv_kernel *kernel, const clv_dn_job *job, uint32_t i,
                            const clv_shape *promoted, const clv_layout *layout)
{
    clv_tensor other = *clv_node_input(job->graph, job->node, i);
    bool is_promoted = other.shape.rank != promoted->rank;

    other.shape = *promoted;
    if (other.data != NULL)
        return clv_dn_kernel_keep(kernel, 1, &other, layout, 1);
    job->io->inputs[i] = is_promoted ? clv_layout_plain() : *layout;
    clv_dn_kernel_input(kernel, 1, i);
    return CLV_OK;
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    binary p = {.threads = clv_dn_kernel_threads(kernel)};
    clv_layout layout;
    uint32_t full;

    if (!full_operand(&full, job->graph, job->node))
        return CLV_EUNSUPPORTED;
    clv_shape other = clv_dn_promote(&clv_node_input(job->graph, job->node, 1 - full)->shape,
                                     clv_node_output(job->graph, job->node, 0)->shape.rank);
    set_numbers(&p, job, full);
    CLV_TRY(choose_layout(&layout, &p, job, full, &other));
    if (!isfinite(p.scale) || !isfinite(p.other_scale))
        return CLV_EUNSUPPORTED;
    clv_dn_kernel_input(kernel, 0, full);
    CLV_TRY(add_other(kernel, job, 1 - full, &other, &layout));
    clv_dn_kernel_output(kernel, 2, 0);
    binary *plan = clv_calloc(1, sizeof *plan);
    if (plan == NULL)
        return CLV_ENOMEM;
    *plan = p;
    clv_dn_kernel_set_native(kernel, run, plan);
    job->io->inputs[full] = job->io->outputs[0] = layout;
    return CLV_OK;
}

const clv_dn_op clv_dn_int8_binary = {supports, compile};
