/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/pass_weights.h"

#include <math.h>
#include <string.h>

#include "graph/params.h"

/* All weights that one run of a pass makes, together: chains of Muls in a hostile file. */
#define MAX_NEW_BYTES ((size_t)1 << 31)

clv_status clv_affine_init(clv_affine *out, uint32_t axis, size_t n)
{
    clv_affine a = {axis, n, clv_calloc(n, sizeof *a.factor), clv_calloc(n, sizeof *a.shift)};
    if (a.factor == NULL || a.shift == NULL) {
        clv_affine_done(&a);
        return CLV_ENOMEM;
    }
    *out = a;
    return CLV_OK;
}

void clv_affine_done(clv_affine *affine)
{
    clv_free(affine->factor);
    clv_free(affine->shift);
    *affine = (clv_affine){0};
}

/* --- which weights make which channel ------------------------------------------------------- */

/* Weights seen as [outer, channels of one group, inner]; outer is spread over the groups. */
typedef struct weights {
    const clv_tensor *w, *bias;
    uint32_t axis; /* of the output */
    size_t channels, outer, inner, groups;
} weights;

static bool constant_floats(const clv_tensor *t)
{
    return t->data != NULL && t->dtype == CLV_F32;
}

static size_t extent(const clv_shape *shape, uint32_t from)
{
    size_t n = 1;
    for (uint32_t i = from; i < shape->rank; i++)
        n *= (size_t)shape->dim[i];
    return n;
}

static bool is_bias_of(const clv_tensor *bias, size_t channels)
{
    return constant_floats(bias) && bias->shape.rank == 1 && (size_t)bias->shape.dim[0] == channels;
}

static bool read_layout(weights *out, const clv_graph *graph, const clv_node *node)
{
    const clv_tensor *w = clv_node_input(graph, node, 1);
    const clv_shape *s = &w->shape;
    weights p = {.w = w, .bias = clv_node_input(graph, node, 2), .outer = 1, .groups = 1};

    p.axis = node->op == CLV_OP_MATMUL ? clv_node_output(graph, node, 0)->shape.rank - 1 : 1;
    switch (node->op) {
    case CLV_OP_CONV:
        p.channels = (size_t)s->dim[0];
        p.inner = extent(s, 1);
        break;
    case CLV_OP_CONV_TRANSPOSE:
        p.groups = (size_t)clv_node_attr_int(node, "group", 1);
        p.channels = (size_t)s->dim[1] * p.groups;
        p.outer = (size_t)s->dim[0];
        p.inner = extent(s, 2);
        break;
    case CLV_OP_GEMM:
    case CLV_OP_MATMUL: {
        bool trans = node->op == CLV_OP_GEMM && clv_node_attr_int(node, "transB", 0) != 0;
        if (s->rank != 2 || (p.bias != NULL && clv_node_attr_float(node, "beta", 1.0f) != 1.0f))
            return false;
        p.channels = (size_t)s->dim[trans ? 0 : 1];
        p.inner = trans ? (size_t)s->dim[1] : 1;
        p.outer = trans ? 1 : (size_t)s->dim[0];
        break;
    }
    default:
        return false;
    }
    *out = p;
    return p.channels > 0 && extent(s, 0) > 0 && (p.bias == NULL || is_bias_of(p.bias, p.channels));
}

static bool read_weights(weights *out, const clv_graph *graph, const clv_node *node)
{
    bool has = node->op == CLV_OP_CONV || node->op == CLV_OP_CONV_TRANSPOSE ||
               node->op == CLV_OP_GEMM || node->op == CLV_OP_MATMUL;
    return has && node->fusion.activation == CLV_ACT_NONE && !node->quantised &&
           clv_node_input(graph, node, 3) == NULL &&
           constant_floats(clv_node_input(graph, node, 1)) &&
           clv_node_input(graph, node, 0)->data == NULL &&
           clv_node_output(graph, node, 0)->shape.rank >= 2 && read_layout(out, graph, node);
}

bool clv_weights_channels(uint32_t *axis_out, size_t *n_out, const clv_pass *pass, uint32_t index,
                          bool input)
{
    const clv_node *node = &pass->graph->nodes[index];
    weights p;

    if (!read_weights(&p, pass->graph, node) || (input && node->op != CLV_OP_CONV))
        return false;
    *axis_out = p.axis;
    *n_out = input ? (size_t)clv_node_input(pass->graph, node, 0)->shape.dim[1] : p.channels;
    return true;
}

/* --- new weights ----------------------------------------------------------------------------- */

/* The node's new constants, to be filled; the old ones in @p p move when values are added. */
static clv_status make_constants(uint32_t *w_out, uint32_t *b_out, bool *enough, clv_pass *pass,
                                 const clv_node *node, weights *p, clv_error *err)
{
    clv_graph *graph = pass->graph;
    clv_shape w_shape = p->w->shape, b_shape = {.rank = 1, .dim = {(int64_t)p->channels}};
    size_t bytes;

    CLV_TRY(clv_tensor_bytes(&bytes, p->w));
    *enough = bytes <= MAX_NEW_BYTES - pass->new_bytes;
    if (!*enough)
        return CLV_OK;
    pass->new_bytes += bytes;
    CLV_TRY(clv_pass_new_constant(w_out, graph, node->name, CLV_F32, &w_shape, err));
    CLV_TRY(clv_pass_new_constant(b_out, graph, node->name, CLV_F32, &b_shape, err));
    p->w = clv_node_input(graph, node, 1);
    p->bias = clv_node_input(graph, node, 2);
    return CLV_OK;
}

static bool all_zero(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (values[i] != 0.0)
            return false;
    }
    return true;
}

/* w and b of factor * (w * x + b) + shift. */
static void scale_weights(float *w_new, float *b_new, const weights *p, const clv_affine *a)
{
    const float *w = p->w->data, *b = p->bias != NULL ? p->bias->data : NULL;
    size_t per_group = p->channels / p->groups, at = 0;

    for (size_t o = 0; o < p->outer; o++) {
        size_t first = o * p->groups / p->outer * per_group;
        for (size_t c = 0; c < per_group; c++) {
            double factor = a->factor[first + c];
            for (size_t i = 0; i < p->inner; i++, at++)
                w_new[at] = (float)((double)w[at] * factor);
        }
    }
    for (size_t c = 0; c < p->channels; c++)
        b_new[c] = (float)((b != NULL ? (double)b[c] : 0.0) * a->factor[c] + a->shift[c]);
}

/* A MatMul of matrices that gets a bias is a Gemm. */
static clv_status set_inputs(clv_pass *pass, clv_node *node, uint32_t w, uint32_t bias,
                             clv_error *err)
{
    uint32_t *inputs = clv_arena_alloc(&pass->graph->arena, 3, sizeof *inputs);
    if (inputs == NULL)
        return clv_fail(err, CLV_ENOMEM, node->name, "out of memory");
    memcpy(inputs, (uint32_t[]){node->inputs[0], w, bias}, 3 * sizeof *inputs);
    node->inputs = inputs;
    node->n_inputs = bias == CLV_NO_VALUE ? 2 : 3;
    if (node->op == CLV_OP_MATMUL && bias != CLV_NO_VALUE)
        node->op = CLV_OP_GEMM;
    return CLV_OK;
}

clv_status clv_weights_take_behind(bool *done, clv_pass *pass, uint32_t index, uint32_t behind,
                                   const clv_affine *affine, clv_error *err)
{
    clv_graph *graph = pass->graph;
    clv_node *node = &graph->nodes[index];
    uint32_t w, b;
    weights p;

    *done = false;
    if (!read_weights(&p, graph, node))
        return CLV_OK;
    bool wants_bias = p.bias != NULL || !all_zero(affine->shift, affine->n);
    if (node->op == CLV_OP_MATMUL && wants_bias && clv_node_input(graph, node, 0)->shape.rank != 2)
        return CLV_OK;
    if (node->op == CLV_OP_GEMM && clv_node_attr_float(node, "beta", 1.0f) != 1.0f)
        return CLV_OK;
    CLV_TRY(make_constants(&w, &b, done, pass, node, &p, err));
    if (!*done)
        return CLV_OK;
    scale_weights(graph->values[w].tensor.data, graph->values[b].tensor.data, &p, affine);
    CLV_TRY(set_inputs(pass, node, w, wants_bias ? b : CLV_NO_VALUE, err));
    node->outputs[0] = graph->nodes[behind].outputs[0];
    graph->values[node->outputs[0]].producer = index;
    pass->dead[behind] = true;
    pass->changes++;
    return CLV_OK;
}

/* Nothing but pixels of the input under the window. */
static bool has_padding(const clv_graph *graph, const clv_node *conv)
{
    clv_conv_params p;
    if (clv_conv_params_of(&p, graph, conv, NULL) != CLV_OK)
        return true;
    for (uint32_t i = 0; i < p.window.n; i++) {
        if (p.window.pad_begin[i] != 0 || p.window.pad_end[i] != 0)
            return true;
    }
    return false;
}

/* w and b of w * (factor * x + shift) + b, of a Conv whose weights are [co, ci / groups, inner]. */
static void scale_inputs(float *w_new, float *b_new, const weights *p, size_t groups,
                         const clv_affine *a)
{
    const float *w = p->w->data, *b = p->bias != NULL ? p->bias->data : NULL;
    size_t per_group = (size_t)p->w->shape.dim[1], inner = p->inner / per_group, at = 0;

    for (size_t c = 0; c < p->channels; c++) {
        size_t first = c * groups / p->channels * per_group;
        double sum = b != NULL ? (double)b[c] : 0.0;
        for (size_t i = 0; i < per_group; i++) {
            for (size_t k = 0; k < inner; k++, at++) {
                sum += (double)w[at] * a->shift[first + i];
                w_new[at] = (float)((double)w[at] * a->factor[first + i]);
            }
        }
        b_new[c] = (float)sum;
    }
}

clv_status clv_weights_take_before(bool *done, clv_pass *pass, uint32_t index, uint32_t x,
                                   const clv_affine *affine, clv_error *err)
{
    clv_graph *graph = pass->graph;
    clv_node *node = &graph->nodes[index];
    bool shifts = !all_zero(affine->shift, affine->n);
    uint32_t w, b;
    weights p;

    *done = false;
    if (!read_weights(&p, graph, node) || (shifts && has_padding(graph, node)))
        return CLV_OK;
    CLV_TRY(make_constants(&w, &b, done, pass, node, &p, err));
    if (!*done)
        return CLV_OK;
    scale_inputs(graph->values[w].tensor.data, graph->values[b].tensor.data, &p,
                 (size_t)clv_node_attr_int(node, "group", 1), affine);
    CLV_TRY(set_inputs(pass, node, w, shifts || p.bias != NULL ? b : CLV_NO_VALUE, err));
    pass->dead[graph->values[node->inputs[0]].producer] = true;
    node->inputs[0] = x;
    pass->changes++;
    return CLV_OK;
}

/* --- BatchNormalization ---------------------------------------------------------------------- */

static const float *channel_constants(const clv_graph *graph, const clv_node *node, uint32_t i,
                                      size_t n)
{
    const clv_tensor *t = clv_node_input(graph, node, i);
    return t != NULL && is_bias_of(t, n) ? t->data : NULL;
}

clv_status clv_affine_of_batch_norm(clv_affine *out, const clv_graph *graph, const clv_node *node,
                                    size_t n)
{
    const float *scale = channel_constants(graph, node, 1, n);
    const float *shift = channel_constants(graph, node, 2, n);
    const float *mean = channel_constants(graph, node, 3, n);
    const float *var = channel_constants(graph, node, 4, n);
    double epsilon = (double)clv_node_attr_float(node, "epsilon", 1e-5f);

    if (scale == NULL || shift == NULL || mean == NULL || var == NULL)
        return CLV_EUNSUPPORTED;
    CLV_TRY(clv_affine_init(out, 1, n));
    for (size_t c = 0; c < n; c++) {
        out->factor[c] = (double)scale[c] / sqrt((double)var[c] + epsilon);
        out->shift[c] = (double)shift[c] - (double)mean[c] * out->factor[c];
    }
    return CLV_OK;
}
