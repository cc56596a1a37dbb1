/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/fidelity.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "runtime/tensor_set.h"
#include "runtime/topk.h"

#define MAX_OUTPUT_BYTES ((size_t)256 << 20)

double clv_error_db(double error)
{
    return error > 1e-20 ? -10.0 * log10(error) : 200.0;
}

static clv_status measure_outputs(clv_reference *r)
{
    const clv_graph *g = r->graph;
    size_t bytes = 1, most;

    r->elems = clv_arena_alloc(&r->memory, g->n_outputs, sizeof *r->elems);
    if (r->elems == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const clv_value *v = &g->values[g->outputs[i]];
        if (v->tensor.dtype == CLV_F32 && !v->bounded)
            CLV_TRY(clv_shape_elems(&r->elems[i], &v->tensor.shape));
        bytes += r->elems[i] * sizeof(float);
    }
    r->classifier = g->n_outputs > 0 && clv_topk_applies(&g->values[g->outputs[0]].tensor);
    size_t step = r->range.step, first = r->range.first, all = r->samples->count;
    r->count = all > first ? (all - first + step - 1) / step : 0;
    most = r->range.limit > 0 && r->range.limit < r->count ? r->range.limit : r->count;
    r->count = most < MAX_OUTPUT_BYTES / bytes ? most : MAX_OUTPUT_BYTES / bytes;
    r->outputs = clv_arena_alloc(&r->memory, r->count * g->n_outputs, sizeof *r->outputs);
    return r->outputs != NULL ? CLV_OK : CLV_ENOMEM;
}

/* Called with the outputs of each sample in turn. */
typedef clv_status (*answer_fn)(void *context, size_t sample, const clv_tensor *outputs);

static clv_status run_samples(clv_simulator *simulator, const clv_reference *r, answer_fn answer,
                              void *context, const char *what, const clv_watcher *watcher,
                              clv_error *err)
{
    clv_tensor_set inputs = {0}, outputs = {0};
    const clv_graph *g = r->graph;

    clv_status status = clv_tensor_set_fit(&inputs, g, g->inputs, g->n_inputs);
    if (status == CLV_OK)
        status = clv_tensor_set_fit(&outputs, g, g->outputs, g->n_outputs);
    for (size_t i = 0; i < r->count && status == CLV_OK; i++) {
        size_t sample = r->range.first + i * r->range.step;
        status = clv_watcher_tell(watcher, what, i + 1, r->count, err);
        if (status == CLV_OK)
            status = r->samples->read(r->samples->context, sample, inputs.tensors, err);
        if (status == CLV_OK)
            status = clv_simulator_run(simulator, inputs.tensors, outputs.tensors,
                                       (clv_observer){NULL, NULL}, err);
        if (status == CLV_OK)
            status = answer(context, i, outputs.tensors);
    }
    clv_tensor_set_done(&inputs);
    clv_tensor_set_done(&outputs);
    return status;
}

static clv_status keep_answer(void *context, size_t sample, const clv_tensor *outputs)
{
    clv_reference *r = context;

    for (uint32_t i = 0; i < r->graph->n_outputs; i++) {
        size_t n = r->elems[i];
        float *copy = clv_arena_alloc(&r->memory, n, sizeof *copy);
        if (copy == NULL)
            return CLV_ENOMEM;
        if (n > 0)
            memcpy(copy, outputs[i].data, n * sizeof *copy);
        r->outputs[sample * r->graph->n_outputs + i] = copy;
    }
    return CLV_OK;
}

clv_status clv_reference_make(clv_reference *reference, clv_simulator *simulator,
                              const clv_graph *graph, const clv_samples *samples,
                              clv_sample_range range, const clv_watcher *watcher, clv_error *err)
{
    *reference = (clv_reference){.graph = graph, .samples = samples, .range = range};
    clv_status status = measure_outputs(reference);
    if (status != CLV_OK)
        return clv_fail(err, status, graph->name, "%s", clv_status_text(status));
    return run_samples(simulator, reference, keep_answer, reference, "running the float network",
                       watcher, err);
}

void clv_reference_done(clv_reference *reference)
{
    clv_arena_done(&reference->memory);
    *reference = (clv_reference){0};
}

/* --- comparing ------------------------------------------------------------------------------ */

typedef struct comparison {
    const clv_reference *reference;
    size_t same;
    double lost;            /* confidence */
    double *noise, *signal; /* n_outputs */
} comparison;

static clv_top best_class(const clv_tensor *shape, float *scores)
{
    clv_tensor tensor = *shape;
    clv_top top = {0};

    tensor.data = scores;
    (void)clv_topk(&top, 1, &tensor);
    return top;
}

/* How much less sure the float network is of the class that the other one gives. */
static void compare_classes(comparison *c, const clv_tensor *output, float *expected)
{
    clv_top own = best_class(output, expected), other = best_class(output, output->data);
    float score = expected[other.index];
    bool distribution = own.confidence >= own.score && own.confidence <= own.score;
    double sure = (double)own.confidence;

    c->same += own.index == other.index;
    if (own.index != other.index)
        c->lost += distribution ? sure - (double)score
                                : sure - sure * exp((double)score - (double)own.score);
}

static clv_status compare_answer(void *context, size_t sample, const clv_tensor *outputs)
{
    comparison *c = context;
    const clv_reference *r = c->reference;
    float *const *expected = &r->outputs[sample * r->graph->n_outputs];

    for (uint32_t i = 0; i < r->graph->n_outputs; i++) {
        const float *x = outputs[i].data;
        for (size_t e = 0; e < r->elems[i]; e++) {
            double d = (double)x[e] - (double)expected[i][e];
            c->noise[i] += d * d;
            c->signal[i] += (double)expected[i][e] * (double)expected[i][e];
        }
    }
    if (r->classifier)
        compare_classes(c, &outputs[0], expected[0]);
    return CLV_OK;
}

clv_status clv_fidelity_measure(clv_fidelity *out, clv_simulator *simulator,
                                const clv_reference *reference, const clv_watcher *watcher,
                                clv_error *err)
{
    uint32_t n = reference->graph->n_outputs;
    double *sums = clv_calloc(2 * (size_t)n, sizeof *sums);
    comparison c = {reference, 0, 0.0, sums, sums + n};
    clv_fidelity f = {1.0, 0.0, 0.0};

    if (sums == NULL)
        return clv_fail(err, CLV_ENOMEM, reference->graph->name, "out of memory");
    clv_status status =
        run_samples(simulator, reference, compare_answer, &c, "comparing with float", watcher, err);
    for (uint32_t i = 0; i < n; i++) {
        double error = c.noise[i] > 0.0 ? c.noise[i] / fmax(c.signal[i], 1e-30) : 0.0;
        f.error = isfinite(error) ? fmax(f.error, error) : INFINITY;
    }
    f.drop = f.error;
    if (reference->classifier && reference->count > 0) {
        f.agreement = (double)c.same / (double)reference->count;
        f.drop = fmax(f.drop, c.lost / (double)reference->count);
    }
    clv_free(sums);
    if (status == CLV_OK)
        *out = f;
    return status;
}
