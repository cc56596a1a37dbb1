/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/simulate.h"

#include <string.h>

#include "base/error.h"
#include "compress/range.h"
#include "runtime/program.h"

struct clv_simulator {
    const clv_graph *graph; /* quantised */
    clv_graph *twin;        /* the same in float32 */
    clv_program *program;
    clv_exec *exec;
    uint32_t *last_raw_use; /* n_values: last node that reads it in float32; n_nodes for outputs */
    float *shown;           /* room for the largest value */
    float **raw;            /* n_values: room for float32 values that are also read in bytes */
};

/* --- the twin ------------------------------------------------------------------------------- */

/* The real numbers that int8 constant @p value stands for. */
static clv_status dequantise_constant(clv_graph *twin, const clv_value *value, uint32_t index,
                                      clv_error *err)
{
    const clv_quant *q = value->quant;
    const int8_t *bytes = value->tensor.data;
    size_t n, inner = 1;

    CLV_TRY(clv_shape_elems(&n, &value->tensor.shape));
    clv_tensor real = {CLV_F32, value->tensor.shape, clv_graph_own_data(twin, n * sizeof(float))};
    if (real.data == NULL)
        return clv_fail(err, CLV_ENOMEM, value->name, "out of memory");
    for (uint32_t d = q->axis + 1; d < value->tensor.shape.rank; d++)
        inner *= (size_t)value->tensor.shape.dim[d];
    for (size_t i = 0; i < n; i++) {
        float scale = q->n_scales > 0 ? q->scales[i / inner % q->n_scales] : q->scale;
        ((float *)real.data)[i] = scale * (float)(bytes[i] - q->zero_point);
    }
    clv_graph_set_constant(twin, index, &real);
    return CLV_OK;
}

static clv_status make_twin(clv_simulator *s, clv_error *err)
{
    CLV_TRY(clv_graph_copy(&s->twin, s->graph, err));
    for (uint32_t i = 0; i < s->twin->n_nodes; i++)
        s->twin->nodes[i].quantised = false;
    for (uint32_t v = 0; v < s->twin->n_values; v++) {
        const clv_value *value = &s->graph->values[v];
        s->twin->values[v].quant = NULL;
        if (value->quant == NULL)
            continue;
        if (!clv_value_is_constant(value))
            s->twin->values[v].tensor.dtype = CLV_F32;
        else if (value->tensor.dtype == CLV_I8)
            CLV_TRY(dequantise_constant(s->twin, value, v, err));
    }
    return CLV_OK;
}

/* A value of numbers that somebody may look at or round. */
static size_t float_elems(const clv_simulator *s, uint32_t value)
{
    const clv_tensor *t = &s->twin->values[value].tensor;
    size_t n = 0;

    if (t->dtype != CLV_F32 || s->twin->values[value].bounded ||
        clv_value_is_constant(&s->twin->values[value]) || clv_shape_elems(&n, &t->shape) != CLV_OK)
        return 0;
    return n;
}

/* Stored in float32; quantised nodes read it in bytes. */
static bool rounded_on_the_way(const clv_simulator *s, uint32_t value)
{
    const clv_value *v = &s->graph->values[value];
    return v->quant != NULL && v->tensor.dtype == CLV_F32 && float_elems(s, value) > 0;
}

static void find_raw_uses(clv_simulator *s)
{
    const clv_graph *g = s->graph;

    for (uint32_t k = 0; k < g->n_nodes; k++) {
        for (uint32_t i = 0; i < g->nodes[k].n_inputs && !g->nodes[k].quantised; i++) {
            if (g->nodes[k].inputs[i] != CLV_NO_VALUE)
                s->last_raw_use[g->nodes[k].inputs[i]] = k;
        }
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        s->last_raw_use[g->outputs[i]] = g->n_nodes;
}

static clv_status make_room(clv_simulator *s, clv_error *err)
{
    size_t most = 1;

    for (uint32_t v = 0; v < s->twin->n_values; v++)
        most = float_elems(s, v) > most ? float_elems(s, v) : most;
    s->shown = clv_alloc_aligned(most * sizeof(float));
    s->raw = clv_calloc(s->graph->n_values, sizeof(float *));
    s->last_raw_use = clv_calloc(s->graph->n_values, sizeof *s->last_raw_use);
    if (s->shown == NULL || s->raw == NULL || s->last_raw_use == NULL)
        return clv_fail(err, CLV_ENOMEM, s->graph->name, "out of memory");
    find_raw_uses(s);
    for (uint32_t v = 0; v < s->graph->n_values; v++) {
        if (!rounded_on_the_way(s, v) || s->last_raw_use[v] == 0)
            continue;
        s->raw[v] = clv_alloc_aligned(float_elems(s, v) * sizeof(float));
        if (s->raw[v] == NULL)
            return clv_fail(err, CLV_ENOMEM, s->graph->name, "out of memory");
    }
    return CLV_OK;
}

clv_status clv_simulator_create(clv_simulator **out, const clv_graph *graph,
                                const clv_backend *backend, unsigned threads, clv_error *err)
{
    clv_program_options options = {backend, threads, 0, 0};
    clv_simulator *s = clv_calloc(1, sizeof *s);
    if (s == NULL)
        return clv_fail(err, CLV_ENOMEM, graph->name, "out of memory");
    s->graph = graph;
    clv_status status = make_twin(s, err);
    if (status == CLV_OK)
        status = make_room(s, err);
    if (status == CLV_OK)
        status = clv_program_compile(&s->program, s->twin, &options, err);
    if (status == CLV_OK)
        status = clv_exec_create(&s->exec, s->program, err);
    if (status == CLV_OK)
        *out = s;
    else
        clv_simulator_free(s);
    return status;
}

void clv_simulator_free(clv_simulator *s)
{
    if (s == NULL)
        return;
    clv_exec_free(s->exec);
    clv_program_free(s->program);
    clv_graph_free(s->twin);
    clv_free(s->last_raw_use);
    clv_free(s->shown);
    for (uint32_t v = 0; s->raw != NULL && v < s->graph->n_values; v++)
        clv_free(s->raw[v]);
    clv_free(s->raw);
    clv_free(s);
}

/* --- running -------------------------------------------------------------------------------- */

void clv_simulator_load(clv_simulator *s, uint32_t value, const clv_tensor *tensor)
{
    clv_exec_load(s->exec, value, tensor);
}

void clv_simulator_store(const clv_simulator *s, uint32_t value, clv_tensor *tensor)
{
    clv_exec_store(s->exec, value, tensor);
}

static void put(clv_simulator *s, uint32_t value, float *data)
{
    clv_tensor t = {CLV_F32, s->twin->values[value].tensor.shape, data};
    clv_exec_load(s->exec, value, &t);
}

static void take(const clv_simulator *s, uint32_t value, float *data)
{
    clv_tensor t = {CLV_F32, s->twin->values[value].tensor.shape, data};
    clv_exec_store(s->exec, value, &t);
}

/* A value has been made: round it where it is stored in bytes, and show it. */
static void settle(clv_simulator *s, uint32_t value, clv_observer observer)
{
    const clv_value *v = &s->graph->values[value];
    size_t n = float_elems(s, value);
    bool in_bytes = v->quant != NULL && v->tensor.dtype != CLV_F32;

    if (n == 0 || (!in_bytes && observer.observe == NULL))
        return;
    take(s, value, s->shown);
    if (in_bytes) {
        clv_fake_quantise(s->shown, n, v->quant);
        put(s, value, s->shown);
    }
    if (observer.observe != NULL)
        observer.observe(observer.context, value, s->shown, n);
}

/* Quantised node @p k reads float32 values in bytes; others may read them later as they are. */
static clv_status run_on_bytes(clv_simulator *s, uint32_t k)
{
    const clv_node *node = &s->graph->nodes[k];

    for (uint32_t i = 0; i < node->n_inputs; i++) {
        uint32_t v = node->inputs[i];
        if (v == CLV_NO_VALUE || !rounded_on_the_way(s, v))
            continue;
        size_t n = float_elems(s, v);
        take(s, v, s->shown);
        if (s->raw[v] != NULL)
            memcpy(s->raw[v], s->shown, n * sizeof(float));
        clv_fake_quantise(s->shown, n, s->graph->values[v].quant);
        put(s, v, s->shown);
    }
    CLV_TRY(clv_exec_run(s->exec, k, k + 1));
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        uint32_t v = node->inputs[i];
        if (v != CLV_NO_VALUE && s->raw[v] != NULL && s->last_raw_use[v] > k)
            put(s, v, s->raw[v]);
    }
    return CLV_OK;
}

clv_status clv_simulator_step(clv_simulator *s, uint32_t from, uint32_t to, clv_observer observer,
                              clv_error *err)
{
    for (uint32_t k = from; k < to; k++) {
        const clv_node *node = &s->graph->nodes[k];
        clv_status status = node->quantised ? run_on_bytes(s, k) : clv_exec_run(s->exec, k, k + 1);
        if (status != CLV_OK)
            return clv_fail(err, status, node->name, "it can't be run: %s",
                            clv_status_text(status));
        for (uint32_t i = 0; i < node->n_outputs; i++) {
            if (node->outputs[i] != CLV_NO_VALUE)
                settle(s, node->outputs[i], observer);
        }
    }
    return CLV_OK;
}

clv_status clv_simulator_run(clv_simulator *s, const clv_tensor *inputs, clv_tensor *outputs,
                             clv_observer observer, clv_error *err)
{
    const clv_graph *g = s->graph;

    for (uint32_t i = 0; i < g->n_inputs; i++) {
        clv_exec_load(s->exec, g->inputs[i], &inputs[i]);
        settle(s, g->inputs[i], observer);
    }
    CLV_TRY(clv_simulator_step(s, 0, g->n_nodes, observer, err));
    for (uint32_t i = 0; i < g->n_outputs && outputs != NULL; i++)
        clv_exec_store(s->exec, g->outputs[i], &outputs[i]);
    return CLV_OK;
}
