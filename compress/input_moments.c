/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/input_moments.h"

#include <string.h>

#include "base/error.h"
#include "graph/params.h"
#include "runtime/tensor_set.h"

#define POSITIONS 64u /* of a picture that are looked at */
#define STRIDE 61u    /* a prime: pictures don't show the same positions */

/* Where the vectors of one product come from. */
typedef struct source {
    bool is_conv;
    clv_conv_params conv;
    uint32_t input; /* value */
} source;

typedef struct collector {
    const clv_graph *graph;
    clv_moments *all; /* n_nodes */
    source *sources;  /* n_nodes */
    float *vector;
    size_t sample;
} collector;

uint32_t clv_moments_block_size(const clv_moments *m, uint32_t block)
{
    uint32_t left = m->depth - block * m->size;
    return left < m->size ? left : m->size;
}

/* --- one vector ----------------------------------------------------------------------------- */

/* Lower triangle += x x^T. Behind a Relu most of x is 0. */
static void add_block(float *sums, const float *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        float *row = sums + (size_t)i * n, factor = x[i];
        if (factor == 0.0f)
            continue;
        for (uint32_t j = 0; j <= i; j++)
            row[j] += factor * x[j];
    }
}

static void add_vector(clv_moments *m, uint32_t group, const float *x)
{
    for (uint32_t b = 0; b < m->n_blocks; b++)
        add_block(m->blocks[group * m->n_blocks + b], x + (size_t)b * m->size,
                  clv_moments_block_size(m, b));
}

/* The patch of one channel, of extents @p in, at output position @p at: [taps]. */
static void gather(float *out, const float *plane, const int64_t *in, const clv_window *w,
                   const int64_t *at)
{
    int64_t tap[CLV_MAX_SPATIAL] = {0}, taps = 1;

    for (uint32_t d = 0; d < w->n; d++)
        taps *= w->kernel[d];
    for (int64_t t = 0; t < taps; t++) {
        int64_t offset = 0;
        bool inside = true;
        for (uint32_t d = 0; d < w->n; d++) {
            int64_t x = at[d] * w->stride[d] - w->pad_begin[d] + tap[d] * w->dilation[d];
            inside = inside && x >= 0 && x < in[d];
            offset = offset * in[d] + x;
        }
        out[t] = inside ? plane[offset] : 0.0f;
        for (uint32_t d = w->n; d-- > 0 && ++tap[d] == w->kernel[d];)
            tap[d] = 0;
    }
}

/* --- all vectors of a value ----------------------------------------------------------------- */

static size_t product_of(const int64_t *dims, uint32_t n)
{
    size_t product = 1;

    for (uint32_t i = 0; i < n; i++)
        product *= (size_t)dims[i];
    return product;
}

/* Output position @p p of a batch of pictures. */
static void add_patch(collector *c, clv_moments *m, const source *s, const float *data, size_t p)
{
    const clv_window *w = &s->conv.window;
    const clv_shape *shape = &c->graph->values[s->input].tensor.shape;
    size_t taps = product_of(w->kernel, w->n), plane = product_of(shape->dim + 2, w->n);
    size_t channels = (size_t)shape->dim[1], in = channels / m->groups;
    int64_t at[CLV_MAX_SPATIAL];

    for (uint32_t d = w->n; d-- > 0;) {
        at[d] = (int64_t)(p % (size_t)w->out[d]);
        p /= (size_t)w->out[d];
    }
    for (uint32_t g = 0; g < m->groups; g++) {
        for (size_t i = 0; i < in; i++)
            gather(c->vector + i * taps, data + (p * channels + g * in + i) * plane, shape->dim + 2,
                   w, at);
        add_vector(m, g, c->vector);
    }
}

static void add_value(collector *c, uint32_t k, const float *data, size_t n)
{
    clv_moments *m = &c->all[k];
    const source *s = &c->sources[k];
    size_t positions = n / m->depth;

    if (s->is_conv)
        positions = product_of(s->conv.window.out, s->conv.window.n) *
                    (size_t)c->graph->values[s->input].tensor.shape.dim[0];
    size_t step = positions / POSITIONS + 1, first = c->sample * STRIDE % step;
    for (size_t p = first; p < positions; p += step) {
        if (s->is_conv)
            add_patch(c, m, s, data, p);
        else
            add_vector(m, 0, data + p * m->depth);
        m->count++;
    }
}

static void observe(void *context, uint32_t value, const float *data, size_t n)
{
    collector *c = context;

    for (uint32_t k = 0; k < c->graph->n_nodes; k++) {
        if (c->all[k].blocks != NULL && c->sources[k].input == value)
            add_value(c, k, data, n);
    }
}

/* --- room ----------------------------------------------------------------------------------- */

static clv_status make_room(clv_moments *m, clv_arena *memory)
{
    size_t n;

    m->n_blocks = (m->depth + CLV_MOMENTS_MOST - 1) / CLV_MOMENTS_MOST;
    m->size = (m->depth + m->n_blocks - 1) / m->n_blocks;
    m->n_blocks = (m->depth + m->size - 1) / m->size;
    n = (size_t)m->groups * m->n_blocks;
    float **blocks = clv_arena_alloc(memory, n, sizeof *blocks);
    if (blocks == NULL)
        return CLV_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        size_t size = clv_moments_block_size(m, (uint32_t)(i % m->n_blocks));
        blocks[i] = clv_arena_alloc(memory, size * size, sizeof **blocks);
        if (blocks[i] == NULL)
            return CLV_ENOMEM;
    }
    m->blocks = blocks;
    return CLV_OK;
}

static clv_status open_product(collector *c, clv_arena *memory, uint32_t k)
{
    const clv_node *node = &c->graph->nodes[k];
    const clv_tensor *w = clv_node_input(c->graph, node, 1);
    source *s = &c->sources[k];
    clv_moments *m = &c->all[k];
    size_t n;

    s->input = node->inputs[0];
    s->is_conv = node->op == CLV_OP_CONV;
    if (s->is_conv)
        CLV_TRY(clv_conv_params_of(&s->conv, c->graph, node, NULL));
    CLV_TRY(clv_shape_elems(&n, &w->shape));
    m->groups = s->is_conv ? (uint32_t)s->conv.groups : 1;
    m->depth = (uint32_t)(n / (size_t)w->shape.dim[clv_quant_weights_axis(c->graph, node)]);
    return make_room(m, memory);
}

static clv_status open_collector(collector *c, clv_arena *memory, const clv_quant_plan *plan)
{
    size_t deepest = 1;

    c->all = clv_arena_alloc(memory, c->graph->n_nodes, sizeof *c->all);
    c->sources = clv_calloc(c->graph->n_nodes, sizeof *c->sources);
    if (c->all == NULL || c->sources == NULL)
        return CLV_ENOMEM;
    for (uint32_t k = 0; k < c->graph->n_nodes; k++) {
        if (plan->roles[k] != CLV_ROLE_PRODUCT)
            continue;
        CLV_TRY(open_product(c, memory, k));
        deepest = c->all[k].depth > deepest ? c->all[k].depth : deepest;
    }
    c->vector = clv_calloc(deepest, sizeof *c->vector);
    return c->vector != NULL ? CLV_OK : CLV_ENOMEM;
}

clv_status clv_moments_collect(clv_moments **out, clv_arena *memory, const clv_graph *graph,
                               const clv_quant_plan *plan, clv_simulator *simulator,
                               const clv_samples *samples, clv_sample_range range,
                               const clv_watcher *watcher, clv_error *err)
{
    collector c = {.graph = graph};
    clv_tensor_set inputs = {0};

    clv_status status = open_collector(&c, memory, plan);
    if (status == CLV_OK)
        status = clv_tensor_set_fit(&inputs, graph, graph->inputs, graph->n_inputs);
    if (status != CLV_OK)
        status = clv_fail(err, status, graph->name, "%s", clv_status_text(status));
    for (size_t i = range.first; i < samples->count && status == CLV_OK; i += range.step) {
        status = clv_watcher_tell(watcher, "measuring inputs", i + 1, samples->count, err);
        if (status == CLV_OK)
            status = samples->read(samples->context, i, inputs.tensors, err);
        if (status == CLV_OK)
            status = clv_simulator_run(simulator, inputs.tensors, NULL, (clv_observer){observe, &c},
                                       err);
        c.sample++;
    }
    clv_tensor_set_done(&inputs);
    clv_free(c.vector);
    clv_free(c.sources);
    if (status == CLV_OK)
        *out = c.all;
    return status;
}
