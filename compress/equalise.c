/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/equalise.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#define MAX_ROUNDS 10      /* pairs of a chain pull at each other: a few rounds settle them */
#define LARGEST_POWER 10.0 /* of two, that a channel is scaled by */

typedef struct equaliser {
    clv_graph *graph;
    clv_calibration *calibration; /* NULL: by weights */
    uint32_t *uses;               /* n_values */
    uint32_t *reader;             /* n_values: the last node that reads it */
    bool *owned;                  /* n_values: constants that were copied already */
} equaliser;

/* A convolution whose parameters are its own. */
static bool is_own_conv(const equaliser *e, const clv_node *node)
{
    const clv_tensor *w = clv_node_input(e->graph, node, 1);
    const clv_tensor *b = clv_node_input(e->graph, node, 2);

    return node->op == CLV_OP_CONV && w->data != NULL && w->dtype == CLV_F32 &&
           e->uses[node->inputs[1]] == 1 &&
           (b == NULL || (b->data != NULL && b->dtype == CLV_F32 && e->uses[node->inputs[2]] == 1));
}

static bool scales_through(const clv_node *node)
{
    switch (node->op) {
    case CLV_OP_AVERAGE_POOL:
    case CLV_OP_GLOBAL_AVERAGE_POOL:
    case CLV_OP_GLOBAL_MAX_POOL:
    case CLV_OP_LEAKY_RELU:
    case CLV_OP_RELU:
        return true;
    case CLV_OP_MAX_POOL:
        return node->n_outputs == 1 || node->outputs[1] == CLV_NO_VALUE;
    default:
        return false;
    }
}

/* The convolution that alone reads what @p first makes, or CLV_NO_NODE. */
static uint32_t partner_of(const equaliser *e, const clv_node *first)
{
    clv_activation act = first->fusion.activation;
    uint32_t v = first->outputs[0];

    if (!is_own_conv(e, first) || clv_node_input(e->graph, first, 3) != NULL ||
        (act != CLV_ACT_NONE && act != CLV_ACT_RELU && act != CLV_ACT_LEAKY_RELU))
        return CLV_NO_NODE;
    while (e->uses[v] == 1 && e->reader[v] != CLV_NO_NODE) {
        const clv_node *next = &e->graph->nodes[e->reader[v]];
        if (next->n_inputs == 0 || next->inputs[0] != v)
            break; /* a residual, or an output of the graph */
        if (is_own_conv(e, next))
            return e->reader[v];
        if (!scales_through(next))
            break;
        v = next->outputs[0];
    }
    return CLV_NO_NODE;
}

static float *own_constant(equaliser *e, uint32_t value, size_t *n, clv_error *err)
{
    clv_tensor t = e->graph->values[value].tensor;

    if (clv_shape_elems(n, &t.shape) != CLV_OK)
        return NULL;
    if (e->owned[value])
        return t.data;
    void *copy = clv_graph_own_data(e->graph, *n * sizeof(float));
    if (copy == NULL) {
        (void)clv_fail(err, CLV_ENOMEM, e->graph->values[value].name, "out of memory");
        return NULL;
    }
    memcpy(copy, t.data, *n * sizeof(float));
    t.data = copy;
    clv_graph_set_constant(e->graph, value, &t);
    e->owned[value] = true;
    return copy;
}

static float largest(const float *x, size_t n)
{
    float most = 0.0f;

    for (size_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(x[i]));
    return most;
}

/* A convolution's parameters: [out, in, taps]. */
typedef struct filters {
    float *weights, *bias; /* bias NULL: none */
    size_t out, in, taps;
    size_t groups;
} filters;

static clv_status open_filters(filters *f, equaliser *e, const clv_node *node, clv_error *err)
{
    const clv_tensor *w = clv_node_input(e->graph, node, 1);
    size_t n;

    f->out = (size_t)w->shape.dim[0];
    f->in = (size_t)w->shape.dim[1];
    f->groups = (size_t)clv_node_attr_int(node, "group", 1);
    f->bias = NULL;
    f->weights = own_constant(e, node->inputs[1], &n, err);
    if (f->weights == NULL)
        return CLV_ENOMEM;
    f->taps = n / (f->out * f->in);
    if (clv_node_input(e->graph, node, 2) != NULL) {
        f->bias = own_constant(e, node->inputs[2], &n, err);
        if (f->bias == NULL)
            return CLV_ENOMEM;
    }
    return CLV_OK;
}

/* The weights that input channel @p c of a convolution meets: `count` filters from `first`. */
typedef struct column {
    size_t first, count, in;
} column;

static column column_of(const filters *f, size_t c)
{
    size_t per_group = f->out / f->groups;
    return (column){c / f->in * per_group, per_group, c % f->in};
}

static float column_largest(const filters *f, column c)
{
    float most = 0.0f;

    for (size_t o = c.first; o < c.first + c.count; o++)
        most = fmaxf(most, largest(f->weights + (o * f->in + c.in) * f->taps, f->taps));
    return most;
}

static void scale_all(float *x, size_t n, float factor)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= factor;
}

/* Whether any channel was changed. */
static bool balance(equaliser *e, const clv_node *first, filters *a, filters *b)
{
    clv_value_stats *stats =
        e->calibration != NULL ? &e->calibration->values[first->outputs[0]] : NULL;
    bool changed = false;

    for (size_t c = 0; c < a->out; c++) {
        float *filter = a->weights + c * a->in * a->taps;
        column col = column_of(b, c);
        float before = stats != NULL ? stats->largest[c] : largest(filter, a->in * a->taps);
        float behind = column_largest(b, col);
        double power = rint(0.5 * log2((double)before / (double)behind));
        if (!isfinite(power) || power == 0.0) /* a dead channel, or alike already */
            continue;
        float s = (float)exp2(fmax(-LARGEST_POWER, fmin(power, LARGEST_POWER)));
        scale_all(filter, a->in * a->taps, 1.0f / s);
        if (a->bias != NULL)
            a->bias[c] /= s;
        for (size_t o = col.first; o < col.first + col.count; o++)
            scale_all(b->weights + (o * b->in + col.in) * b->taps, b->taps, s);
        if (stats != NULL) {
            stats->largest[c] /= s;
            stats->sums[c] /= (double)s;
        }
        changed = true;
    }
    return changed;
}

static clv_status sweep(uint32_t *changed, equaliser *e, clv_error *err)
{
    for (uint32_t k = 0; k < e->graph->n_nodes; k++) {
        const clv_node *first = &e->graph->nodes[k];
        uint32_t second = partner_of(e, first);
        filters a, b;
        if (second == CLV_NO_NODE)
            continue;
        CLV_TRY(open_filters(&a, e, first, err));
        CLV_TRY(open_filters(&b, e, &e->graph->nodes[second], err));
        if (a.out == b.in * b.groups && balance(e, first, &a, &b))
            ++*changed;
    }
    return CLV_OK;
}

static void find_readers(equaliser *e)
{
    clv_graph_count_uses(e->graph, e->uses);
    for (uint32_t v = 0; v < e->graph->n_values; v++)
        e->reader[v] = CLV_NO_NODE;
    for (uint32_t k = 0; k < e->graph->n_nodes; k++) {
        for (uint32_t i = 0; i < e->graph->nodes[k].n_inputs; i++) {
            if (e->graph->nodes[k].inputs[i] != CLV_NO_VALUE)
                e->reader[e->graph->nodes[k].inputs[i]] = k;
        }
    }
}

clv_status clv_equalise(uint32_t *pairs, clv_graph *graph, clv_calibration *calibration,
                        clv_error *err)
{
    equaliser e = {.graph = graph,
                   .calibration = calibration,
                   .uses = clv_calloc(graph->n_values, sizeof *e.uses),
                   .reader = clv_calloc(graph->n_values, sizeof *e.reader),
                   .owned = clv_calloc(graph->n_values, sizeof *e.owned)};
    clv_status status = CLV_ENOMEM;
    uint32_t first_changed = 0, changed = 1;

    if (e.uses == NULL || e.reader == NULL || e.owned == NULL) {
        (void)clv_fail(err, status, graph->name, "out of memory");
        goto done;
    }
    find_readers(&e);
    status = CLV_OK;
    for (int round = 0; round < MAX_ROUNDS && changed > 0 && status == CLV_OK; round++) {
        changed = 0;
        status = sweep(&changed, &e, err);
        first_changed = round == 0 ? changed : first_changed;
    }
    if (status == CLV_OK && pairs != NULL)
        *pairs = first_changed;
done:
    clv_free(e.uses);
    clv_free(e.reader);
    clv_free(e.owned);
    return status;
}
