/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/sensitivity.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "graph/frontier.h"
#include "runtime/tensor_set.h"

/* Energies of a signal and of its error. */
typedef struct energy {
    double signal, noise;
} energy;

typedef struct meter {
    const clv_graph *graph;
    const clv_quant_plan *plan;
    const clv_quant *quants;
    clv_frontiers *frontiers;
    clv_simulator *plain, *rounded;
    clv_tensor_set inputs, results, frontier; /* results: of the float network */
    clv_tensor_set work;                      /* of the network with one node in int8 */
    energy *local;                            /* n_nodes */
    energy *outputs;                          /* n_nodes * n_outputs */
} meter;

static bool is_f32(const clv_tensor *t)
{
    return t->dtype == CLV_F32;
}

static size_t elems_of(const clv_tensor *t)
{
    size_t n = 0;
    return clv_shape_elems(&n, &t->shape) == CLV_OK ? n : 0;
}

static void add_energy(energy *e, const clv_tensor *x, const clv_tensor *expected)
{
    const float *a = x->data, *b = expected->data;
    size_t n = is_f32(x) ? elems_of(x) : 0;

    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        e->noise += d * d;
        e->signal += (double)b[i] * (double)b[i];
    }
}

static double ratio(const energy *e)
{
    return e->noise > 0.0 ? e->noise / fmax(e->signal, 1e-30) : 0.0;
}

/* Tensors of @p values, taken out of the float network. */
static clv_status take(clv_tensor_set *set, const meter *m, const uint32_t *values, uint32_t n)
{
    CLV_TRY(clv_tensor_set_fit(set, m->graph, values, n));
    for (uint32_t i = 0; i < n; i++) {
        if (set->tensors[i].data != NULL)
            clv_simulator_store(m->plain, values[i], &set->tensors[i]);
    }
    return CLV_OK;
}

static void put(const meter *m, const clv_frontier *at)
{
    for (uint32_t i = 0; i < at->count; i++)
        clv_simulator_load(m->plain, at->values[i], &m->frontier.tensors[i]);
}

/* Give the quantised network the float inputs of node @p k, as it would see them in bytes. */
static clv_status lend_inputs(meter *m, uint32_t k)
{
    const clv_node *node = &m->graph->nodes[k];

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        uint32_t v = node->inputs[i];
        if (v == CLV_NO_VALUE || clv_value_is_constant(&m->graph->values[v]))
            continue;
        CLV_TRY(take(&m->work, m, &v, 1));
        if (m->plan->ranged[v])
            clv_fake_quantise(m->work.tensors[0].data, elems_of(&m->work.tensors[0]),
                              &m->quants[v]);
        clv_simulator_load(m->rounded, v, &m->work.tensors[0]);
    }
    return CLV_OK;
}

/* The float network has run up to node @p k, whose output is in it: run the rest with the output
 * that node k makes in int8. The float network is left behind node k as it was. */
static clv_status try_node(meter *m, uint32_t k, clv_error *err)
{
    const clv_graph *g = m->graph;
    const clv_node *node = &g->nodes[k];
    clv_frontier behind = clv_frontiers_at(m->frontiers, k + 1);
    clv_observer nobody = {NULL, NULL};
    clv_tensor_set exact = {0};

    clv_status status = take(&m->frontier, m, behind.values, behind.count);
    if (status == CLV_OK)
        status = take(&exact, m, node->outputs, 1);
    if (status == CLV_OK)
        status = clv_simulator_step(m->rounded, k, k + 1, nobody, err);
    if (status == CLV_OK)
        status = clv_tensor_set_fit(&m->work, g, node->outputs, 1);
    if (status != CLV_OK)
        goto done;
    clv_simulator_store(m->rounded, node->outputs[0], &m->work.tensors[0]);
    add_energy(&m->local[k], &m->work.tensors[0], &exact.tensors[0]);
    clv_simulator_load(m->plain, node->outputs[0], &m->work.tensors[0]);
    status = clv_simulator_step(m->plain, k + 1, g->n_nodes, nobody, err);
    if (status == CLV_OK)
        status = take(&m->work, m, g->outputs, g->n_outputs);
    if (status != CLV_OK)
        goto done;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        add_energy(&m->outputs[k * g->n_outputs + i], &m->work.tensors[i], &m->results.tensors[i]);
    put(m, &behind);
done:
    clv_tensor_set_done(&exact);
    return status;
}

static bool is_measured(const meter *m, uint32_t k)
{
    return m->plan->quantised[k] && m->plan->roles[k] != CLV_ROLE_MOVE;
}

static clv_status measure_sample(meter *m, clv_error *err)
{
    const clv_graph *g = m->graph;
    clv_observer nobody = {NULL, NULL};

    CLV_TRY(clv_simulator_run(m->plain, m->inputs.tensors, m->results.tensors, nobody, err));
    for (uint32_t i = 0; i < g->n_inputs; i++)
        clv_simulator_load(m->plain, g->inputs[i], &m->inputs.tensors[i]);
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        if (is_measured(m, k))
            CLV_TRY(lend_inputs(m, k));
        CLV_TRY(clv_simulator_step(m->plain, k, k + 1, nobody, err));
        if (is_measured(m, k))
            CLV_TRY(try_node(m, k, err));
    }
    return CLV_OK;
}

static clv_status open_meter(meter *m, const clv_graph *quantised, const clv_backend *backend,
                             unsigned threads, clv_error *err)
{
    const clv_graph *g = m->graph;

    m->local = clv_calloc(g->n_nodes, sizeof *m->local);
    m->outputs = clv_calloc((size_t)g->n_nodes * g->n_outputs, sizeof *m->outputs);
    if (m->local == NULL || m->outputs == NULL)
        return clv_fail(err, CLV_ENOMEM, g->name, "out of memory");
    clv_status status = clv_frontiers_create(&m->frontiers, g);
    if (status == CLV_OK)
        status = clv_tensor_set_fit(&m->inputs, g, g->inputs, g->n_inputs);
    if (status == CLV_OK)
        status = clv_tensor_set_fit(&m->results, g, g->outputs, g->n_outputs);
    if (status != CLV_OK)
        return clv_fail(err, status, g->name, "%s", clv_status_text(status));
    CLV_TRY(clv_simulator_create(&m->plain, g, backend, threads, err));
    return clv_simulator_create(&m->rounded, quantised, backend, threads, err);
}

static void close_meter(meter *m)
{
    clv_frontiers_free(m->frontiers);
    clv_simulator_free(m->plain);
    clv_simulator_free(m->rounded);
    clv_tensor_set_done(&m->inputs);
    clv_tensor_set_done(&m->results);
    clv_tensor_set_done(&m->frontier);
    clv_tensor_set_done(&m->work);
    clv_free(m->local);
    clv_free(m->outputs);
}

clv_status clv_sensitivity_measure(clv_node_noise *noise, const clv_graph *graph,
                                   const clv_graph *quantised, const clv_quant_plan *plan,
                                   const clv_quant *quants, const clv_samples *samples,
                                   clv_sample_range range, const clv_backend *backend,
                                   unsigned threads, const clv_watcher *watcher, clv_error *err)
{
    meter m = {.graph = graph, .plan = plan, .quants = quants};
    size_t done = 0;

    clv_status status = open_meter(&m, quantised, backend, threads, err);
    for (size_t i = range.first; status == CLV_OK && done < range.limit && i < samples->count;
         i += range.step) {
        status = clv_watcher_tell(watcher, "measuring nodes", ++done, range.limit, err);
        if (status == CLV_OK)
            status = samples->read(samples->context, i, m.inputs.tensors, err);
        if (status == CLV_OK)
            status = measure_sample(&m, err);
    }
    for (uint32_t k = 0; k < graph->n_nodes && status == CLV_OK; k++) {
        noise[k] = (clv_node_noise){ratio(&m.local[k]), 0.0};
        for (uint32_t i = 0; i < graph->n_outputs; i++)
            noise[k].output = fmax(noise[k].output, ratio(&m.outputs[k * graph->n_outputs + i]));
    }
    close_meter(&m);
    return status;
}
