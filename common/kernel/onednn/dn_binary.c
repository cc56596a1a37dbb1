/* SPDX-License-Identifier: Apache-2.0 */

/* Add, Sub, Mul, Div, Max and Min of two: one operand has the output's shape and keeps its layout,
 * the other may be broadcast. Add may have a fused activation. */
#include "base/error.h"
#include "graph/graph.h"
#include "kernel/onednn/dn_kernel.h"
#include "kernel/onednn/dn_layout.h"

/* A constant row shorter than this is repeated, if that goes: oneDNN handles the end of each row
 * one element at a time, which makes (x, y, rgb) * rgb 20 times slower than need be. */
#define LONG_ROW 64

typedef struct binary {
    dnnl_alg_kind_t kind;
    bool has_activation;
    uint32_t full, other;   /* inputs */
    clv_shape shape;        /* of the output */
    clv_shape other_shape;  /* promoted to the output's rank */
    bool other_constant;    /* can be packed into any layout */
    bool other_is_promoted; /* as a tensor it has a lower rank */
} binary;

static bool kind_of(dnnl_alg_kind_t *out, clv_op op)
{
    switch (op) {
    case CLV_OP_ADD:
        *out = dnnl_binary_add;
        return true;
    case CLV_OP_SUB:
        *out = dnnl_binary_sub;
        return true;
    case CLV_OP_MUL:
        *out = dnnl_binary_mul;
        return true;
    case CLV_OP_DIV:
        *out = dnnl_binary_div;
        return true;
    case CLV_OP_MAX:
        *out = dnnl_binary_max;
        return true;
    case CLV_OP_MIN:
        *out = dnnl_binary_min;
        return true;
    default:
        return false;
    }
}

/* oneDNN broadcasts its second operand only, so the first must be the full one. */
static bool plan(binary *out, const clv_graph *graph, const clv_node *node)
{
    if (node->n_inputs != 2) /* Max and Min may have any number */
        return false;
    const clv_shape *a = &clv_node_input(graph, node, 0)->shape;
    const clv_shape *b = &clv_node_input(graph, node, 1)->shape;
    binary p = {.shape = clv_node_output(graph, node, 0)->shape};

    if (!kind_of(&p.kind, node->op))
        return false;
    bool commutes = p.kind != dnnl_binary_sub && p.kind != dnnl_binary_div;
    bool a_first = clv_shape_equal(a, &p.shape) && !clv_dn_is_constant(graph, node, 0);
    bool b_first = clv_shape_equal(b, &p.shape) && !clv_dn_is_constant(graph, node, 1);
    if (!a_first && !(b_first && commutes))
        return false;
    const clv_shape *other = a_first ? b : a;
    p.has_activation = node->fusion.activation != CLV_ACT_NONE;
    p.full = a_first ? 0 : 1;
    p.other = 1 - p.full;
    p.other_shape = clv_dn_promote(other, p.shape.rank);
    p.other_constant = clv_dn_is_constant(graph, node, p.other);
    p.other_is_promoted = other->rank < p.shape.rank;
    *out = p;
    return true;
}

static bool supports(const clv_graph *graph, const clv_node *node)
{
    binary p;
    return plan(&p, graph, node);
}

/* The layout of the other operand where the full one has `layout`: the same, as far as it goes.
 * Return false when there is none. */
static bool other_layout(clv_layout *out, const binary *p, const clv_layout *layout)
{
    clv_layout other = *layout;

    if (layout->block > 1) {
        int64_t dim = p->shape.dim[layout->block_axis];
        /* oneDNN 2.6 runs past the end of padded blocks that are no vector wide */
        if (dim % layout->block != 0)
            return false;
        if (p->other_shape.dim[layout->block_axis] != dim)
            other = clv_layout_plain();
    }
    if (p->other_is_promoted && !p->other_constant) {
        if (!clv_layout_is_plain(&other, &p->other_shape))
            return false;
        other = clv_layout_plain();
    }
    *out = other;
    return true;
}

/* Both operands as they lie in memory: neighbouring dimensions that are broadcast alike become
 * one. oneDNN is slow where the innermost dimension is short, and refuses many broadcasts. */
static void collapse(clv_shape *full, clv_shape *other, const binary *p, const clv_layout *layout)
{
    clv_shape f = {.rank = 0}, o = {.rank = 0};
    bool spread_before = false;

    for (uint32_t i = 0; i < p->shape.rank; i++) {
        int64_t dim = p->shape.dim[layout->perm[i]];
        bool spread = p->other_shape.dim[layout->perm[i]] == 1;
        if (dim == 1)
            continue;
        if (f.rank == 0 || spread != spread_before) {
            f.dim[f.rank++] = 1;
            o.dim[o.rank++] = 1;
        }
        f.dim[f.rank - 1] *= dim;
        o.dim[o.rank - 1] *= spread ? 1 : dim;
        spread_before = spread;
    }
    *full = f;
    *other = o;
}

/* How often to repeat a constant that is one row of the collapsed full operand. */
static int64_t repeats_of(const binary *p, const clv_layout *layout, const clv_shape *full,
                          const clv_shape *other)
{
    int64_t n = 1;

    if (!p->other_constant || layout->block > 1 || full->rank != 2 || other->dim[0] != 1)
        return 1;
    while (full->dim[1] * n < LONG_ROW && full->dim[0] % (2 * n) == 0)
        n *= 2;
    return n;
}

static dnnl_status_t describe(dnnl_primitive_desc_t *out, const void *params,
                              const clv_layout *layout, const_dnnl_primitive_attr_t attr)
{
    const binary *p = params;
    dnnl_binary_desc_t desc;
    dnnl_memory_desc_t full, other;
    clv_layout second;
    clv_shape f, o;

    if (!other_layout(&second, p, layout))
        return dnnl_unimplemented;
    collapse(&f, &o, p, layout);
    if (layout->block > 1 && f.rank > 1) { /* within a block the order is another one */
        if (p->has_activation)
            return dnnl_unimplemented; /* crashes where a block is no vector */
        clv_dn_describe(&full, &p->shape, layout);
        clv_dn_describe(&other, &p->other_shape, &second);
    } else {
        int64_t n = repeats_of(p, layout, &f, &o);
        if (n > 1) {
            f.dim[0] /= n;
            f.dim[1] *= n;
            o.dim[1] *= n;
        }
        clv_dn_describe_plain(&full, &f);
        clv_dn_describe_plain(&other, &o);
    }
    dnnl_status_t status = dnnl_binary_desc_init(&desc, p->kind, &full, &other, &full);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &desc, attr, clv_dn_engine(), NULL);
    return status;
}

/* `layout` is the full operand's, `second` the other one's. */
static clv_status add_other(clv_kernel *kernel, const clv_dn_job *job, const binary *p,
                            const clv_layout *layout, const clv_layout *second)
{
    clv_tensor other = *clv_node_input(job->graph, job->node, p->other);
    clv_shape f, o;

    if (!p->other_constant) {
        job->io->inputs[p->other] = *second;
        clv_dn_kernel_input(kernel, DNNL_ARG_SRC_1, p->other);
        return CLV_OK;
    }
    other.shape = p->other_shape;
    collapse(&f, &o, p, layout);
    return clv_dn_kernel_keep(kernel, DNNL_ARG_SRC_1, &other, second,
                              (size_t)repeats_of(p, layout, &f, &o));
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    const clv_layout *found = job->io->inputs;
    clv_layout second;
    binary p;

    if (!plan(&p, job->graph, job->node))
        return CLV_EUNSUPPORTED;
    clv_layout layout = found[p.full];
    if (!p.other_constant && clv_shape_equal(&p.shape, &p.other_shape) && !p.other_is_promoted &&
        clv_layout_is_plain(&layout, &p.shape))
        layout = found[p.other]; /* plain is what the rest of a program likes least */

    CLV_TRY(clv_dn_kernel_follow(kernel, job, &layout, p.shape.rank, describe, &p));
    if (!other_layout(&second, &p, &layout))
        return CLV_EINTERNAL;
    clv_dn_kernel_input(kernel, DNNL_ARG_SRC_0, p.full);
    clv_dn_kernel_output(kernel, DNNL_ARG_DST, 0);
    job->io->inputs[p.full] = layout;
    job->io->outputs[0] = layout;
    return add_other(kernel, job, &p, &layout, &second);
}

const clv_dn_op clv_dn_binary = {supports, compile};
