/* SPDX-License-Identifier: Apache-2.0 */

/* Resize, nearest and linear. oneDNN knows one mapping of coordinates, half pixels with the exact
 * ratio of the extents: what comes to the same thing is its resampling. The others are code of our
 * own in the layout that the input has, one pass over each axis that changes. Bytes become numbers
 * for it and bytes again. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "graph/params_resize.h"
#include "kernel/onednn/dn_int8.h"
#include "kernel/onednn/dn_layout.h"
#include "kernel/onednn/dn_simd.h"

#define MAX_PASSES 3u

/* An output element is a * input[first] + b * input[second]; of nearest, input[first]. */
typedef struct taps {
    uint32_t first, second;
    float a, b;
} taps;

/* One axis: [outer, in, inner] to [outer, out, inner]. */
typedef struct pass {
    size_t outer, in, out, inner;
    size_t taps_at; /* index of its taps, one for each of out */
} pass;

/* How bytes become numbers and numbers bytes; of a Resize in floats nothing. */
typedef struct byte_ends {
    bool x_signed, y_signed;
    size_t n_in, n_out;
    float x_zero, y_zero, scale; /* scale: of steps of y for one of x */
} byte_ends;

typedef struct resize {
    byte_ends ends;
    bool linear;
    uint32_t n_passes;
    pass passes[MAX_PASSES];
    taps taps[];
} resize;

static bool is_identity(const clv_resize_axis *axis)
{
    return axis->scale == 1 && axis->in == axis->out;
}

static bool read_params(clv_resize_params *p, const clv_graph *graph, const clv_node *node)
{
    const clv_shape *x = &clv_node_input(graph, node, 0)->shape;
    uint32_t n = 0;

    if (clv_resize_params_of(p, graph, node, NULL) != CLV_OK || p->mode == CLV_RESIZE_CUBIC ||
        p->transform == CLV_RESIZE_TF_CROP || p->exclude_outside)
        return false;
    for (uint32_t i = 0; i < x->rank; i++) {
        n += !is_identity(&p->axis[i]);
        if (p->axis[i].n_taps > 2) /* antialiasing */
            return false;
    }
    return n <= MAX_PASSES;
}

static bool supports(const clv_graph *graph, const clv_node *node)
{
    clv_resize_params p;
    return !clv_dn_is_constant(graph, node, 0) && read_params(&p, graph, node);
}

static bool supports_bytes(const clv_graph *graph, const clv_node *node)
{
    clv_dn_operand x = clv_dn_operand_in(graph, node, 0), y = clv_dn_operand_out(graph, node);
    return clv_dn_operand_is_bytes(&x) && clv_dn_operand_is_bytes(&y) && supports(graph, node);
}

/* --- oneDNN's resampling ------------------------------------------------------------------ */

typedef struct resampling {
    const clv_shape *src, *dst;
    dnnl_alg_kind_t kind;
} resampling;

static double clamp_position(double x, int64_t n)
{
    return fmin(fmax(x, 0), (double)(n - 1));
}

/* Whether oneDNN takes each element of the axis from where ONNX does. */
static bool is_resampling(const clv_resize_params *p, const clv_resize_axis *axis)
{
    double ratio = (double)axis->in / (double)axis->out;

    for (int64_t o = 0; o < axis->out; o++) {
        double x = ((double)o + 0.5) * ratio - 0.5, to_tie = fabs(x - floor(x) - 0.5);
        double want = clamp_position(clv_resize_position(p, axis, o), axis->in);
        if (p->mode == CLV_RESIZE_LINEAR && fabs(clamp_position(x, axis->in) - want) > 1e-7)
            return false;
        if (p->mode == CLV_RESIZE_NEAREST && /* it rounds in float */
            (to_tie < 1e-3 ||
             (int64_t)clamp_position(floor(x + 0.5), axis->in) != clv_resize_nearest(p, axis, o)))
            return false;
    }
    return true;
}

static dnnl_status_t describe(dnnl_primitive_desc_t *out, const void *params,
                              const clv_layout *layout, const_dnnl_primitive_attr_t attr)
{
    const resampling *r = params;
    dnnl_resampling_desc_t desc;
    dnnl_memory_desc_t src, dst;

    clv_dn_describe(&src, r->src, layout);
    clv_dn_describe(&dst, r->dst, layout);
    dnnl_status_t status =
        dnnl_resampling_forward_desc_init(&desc, dnnl_forward_inference, r->kind, NULL, &src, &dst);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &desc, attr, clv_dn_engine(), NULL);
    return status;
}

static clv_status resample(clv_kernel *kernel, const clv_dn_job *job, const clv_resize_params *p)
{
    resampling r = {.src = &clv_node_input(job->graph, job->node, 0)->shape,
                    .dst = &clv_node_output(job->graph, job->node, 0)->shape,
                    .kind = p->mode == CLV_RESIZE_NEAREST ? dnnl_resampling_nearest
                                                          : dnnl_resampling_linear};

    if (r.src->rank < 3 || r.src->rank > 5)
        return CLV_EUNSUPPORTED;
    for (uint32_t i = 0; i < r.src->rank; i++) {
        if (!is_identity(&p->axis[i]) && (i < 2 || !is_resampling(p, &p->axis[i])))
            return CLV_EUNSUPPORTED;
    }
    return clv_dn_kernel_map(kernel, job, describe, &r);
}

/* --- our own ------------------------------------------------------------------------------ */

static void blend(float *restrict dst, const float *restrict x, const float *restrict y,
                  const taps *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = t->a * x[i] + t->b * y[i];
}

static void run_pass(float *dst, const float *src, const resize *r, const pass *p)
{
    const taps *all = r->taps + p->taps_at;

    for (size_t o = 0; o < p->outer; o++, src += p->in * p->inner) {
        for (size_t i = 0; i < p->out; i++, dst += p->inner) {
            const float *x = src + all[i].first * p->inner;
            const float *y = src + all[i].second * p->inner;
            if (!r->linear)
                memcpy(dst, x, p->inner * sizeof *dst);
            else if (p->inner == 1)
                *dst = all[i].a * *x + all[i].b * *y;
            else
                blend(dst, x, y, &all[i], p->inner);
        }
    }
}

/* Scratch memory has two halves, for what lies between the passes. */
static void run_passes(const resize *r, const float *src, float *y, float *memory)
{
    float *scratch[2] = {memory, memory};
    size_t largest = 0;

    for (uint32_t i = 0; i + 1 < r->n_passes; i++) {
        size_t n = r->passes[i].outer * r->passes[i].out * r->passes[i].inner;
        largest = n > largest ? n : largest;
    }
    scratch[1] += largest;
    for (uint32_t i = 0; i < r->n_passes; i++) {
        float *dst = i + 1 < r->n_passes ? scratch[i % 2] : y;
        run_pass(dst, src, r, &r->passes[i]);
        src = dst;
    }
}

static void run(const void *plan, void *const *addresses)
{
    run_passes(plan, addresses[0], addresses[1], addresses[2]);
}

/* Scratch memory: the numbers of the input and of the output, then that of the passes. */
static void run_bytes(const void *plan, void *const *addresses)
{
    const resize *r = plan;
    const byte_ends *ends = &r->ends;
    const float low = ends->y_signed ? INT8_MIN : 0, high = low + UINT8_MAX;
    const uint8_t *x = addresses[0];
    uint8_t *y = addresses[1];
    float *from = addresses[2], *to = from + ends->n_in;

    if (ends->x_signed) {
        for (size_t i = 0; i < ends->n_in; i++)
            from[i] = (float)(int8_t)x[i] - ends->x_zero;
    } else {
        for (size_t i = 0; i < ends->n_in; i++)
            from[i] = (float)x[i] - ends->x_zero;
    }
    run_passes(r, from, to, to + ends->n_out);
    for (size_t i = 0; i < ends->n_out; i++)
        y[i] = clv_dn_round(to[i] * ends->scale + ends->y_zero, low, high);
}

static taps find_taps(const clv_resize_params *p, const clv_resize_axis *axis, int64_t o)
{
    if (p->mode == CLV_RESIZE_NEAREST) {
        uint32_t nearest = (uint32_t)clv_resize_nearest(p, axis, o);
        return (taps){nearest, nearest, 1.0f, 0.0f};
    }
    double x = clamp_position(clv_resize_position(p, axis, o), axis->in), below = floor(x);
    uint32_t first = (uint32_t)below;
    return (taps){first, first + (first + 1 < axis->in), (float)(1 - (x - below)),
                  (float)(x - below)};
}

/* The innermost axis first: while an image grows, the dear pass is over the fewest rows.
 * @return floats of scratch memory. */
static size_t plan_passes(resize *r, const clv_resize_params *p, const clv_shape *shape,
                          const clv_layout *layout)
{
    size_t n_taps = 0, most = 0, inner = 1;

    for (uint32_t i = shape->rank; i-- > 0;) {
        const clv_resize_axis *axis = &p->axis[layout->perm[i]];
        if (!is_identity(axis)) {
            pass *next = &r->passes[r->n_passes++];
            *next = (pass){1, (size_t)axis->in, (size_t)axis->out, inner, n_taps};
            for (uint32_t j = 0; j < i; j++)
                next->outer *= (size_t)shape->dim[layout->perm[j]];
            for (int64_t o = 0; o < axis->out; o++)
                r->taps[n_taps++] = find_taps(p, axis, o);
            size_t n = next->outer * next->out * inner;
            most = n > most ? n : most;
        }
        inner *= (size_t)axis->out;
    }
    return r->n_passes > 1 ? (r->n_passes - 1) * most : 0;
}

static size_t elems_of(const clv_shape *shape)
{
    size_t n = 1;

    for (uint32_t i = 0; i < shape->rank; i++)
        n *= (size_t)shape->dim[i];
    return n;
}

/* @return floats of scratch memory. */
static size_t look_at_ends(byte_ends *out, const clv_dn_job *job)
{
    clv_dn_operand x = clv_dn_operand_in(job->graph, job->node, 0);
    clv_dn_operand y = clv_dn_operand_out(job->graph, job->node);

    *out = (byte_ends){.x_signed = x.dtype == CLV_I8,
                       .y_signed = y.dtype == CLV_I8,
                       .x_zero = (float)x.zero_point,
                       .y_zero = (float)y.zero_point,
                       .scale = x.scale / y.scale};
    out->n_in = elems_of(&clv_node_input(job->graph, job->node, 0)->shape);
    out->n_out = elems_of(&clv_node_output(job->graph, job->node, 0)->shape);
    return out->n_in + out->n_out;
}

static clv_status make_own(clv_kernel *kernel, const clv_dn_job *job, const clv_resize_params *p)
{
    const clv_shape *shape = &clv_node_input(job->graph, job->node, 0)->shape;
    clv_layout layout = clv_dn_unblocked(&job->io->inputs[0], shape->rank);
    bool bytes = job->node->quantised;
    size_t n_taps = 0;

    for (uint32_t i = 0; i < shape->rank; i++)
        n_taps += is_identity(&p->axis[i]) ? 0 : (size_t)p->axis[i].out;
    if (n_taps == 0)
        return CLV_EUNSUPPORTED; /* a copy */
    resize *plan = clv_calloc(1, sizeof *plan + n_taps * sizeof plan->taps[0]);
    if (plan == NULL)
        return CLV_ENOMEM;
    plan->linear = p->mode == CLV_RESIZE_LINEAR;
    size_t scratch = plan_passes(plan, p, shape, &layout);
    clv_dn_kernel_input(kernel, 0, 0);
    clv_dn_kernel_output(kernel, 1, 0);
    if (bytes)
        scratch += look_at_ends(&plan->ends, job);
    clv_dn_kernel_scratch(kernel, job, scratch * sizeof(float));
    clv_dn_kernel_set_native(kernel, bytes ? run_bytes : run, plan);
    job->io->inputs[0] = layout;
    job->io->outputs[0] = layout;
    return CLV_OK;
}

static clv_status compile(clv_kernel *kernel, const clv_dn_job *job)
{
    const clv_shape *shape = &clv_node_input(job->graph, job->node, 0)->shape;
    clv_resize_params p;

    if (!read_params(&p, job->graph, job->node))
        return CLV_EUNSUPPORTED;
    if (shape->rank >= 3) { /* one pixel is plain as well, but what it becomes should not be */
        clv_layout last = clv_layout_channels_last(shape->rank);
        if (clv_layout_equal(&job->io->inputs[0], &last, shape))
            job->io->inputs[0] = last;
    }
    if (job->node->quantised)
        return make_own(kernel, job, &p);
    clv_status status = resample(kernel, job, &p);
    return status == CLV_EUNSUPPORTED ? make_own(kernel, job, &p) : status;
}

const clv_dn_op clv_dn_resize = {supports, compile};
const clv_dn_op clv_dn_int8_resize = {supports_bytes, compile};
