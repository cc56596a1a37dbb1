/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/calibrate.h"

#include <math.h>

#include "base/error.h"
#include "runtime/tensor_set.h"

clv_status clv_watcher_tell(const clv_watcher *watcher, const char *what, size_t done, size_t total,
                            clv_error *err)
{
    if (watcher == NULL || watcher->progress == NULL)
        return CLV_OK;
    return watcher->progress(watcher->context, what, done, total, err);
}

clv_status clv_calibration_init(clv_calibration *out, const clv_graph *graph, bool histograms)
{
    *out = (clv_calibration){.n_values = graph->n_values};
    out->values = clv_arena_alloc(&out->memory, graph->n_values, sizeof *out->values);
    if (out->values == NULL)
        return CLV_ENOMEM;
    for (uint32_t v = 0; v < graph->n_values; v++) {
        const clv_tensor *t = &graph->values[v].tensor;
        clv_value_stats *stats = &out->values[v];
        if (t->dtype != CLV_F32 || t->data != NULL)
            continue;
        stats->n_channels = t->shape.rank >= 2 ? (uint32_t)t->shape.dim[1] : 0;
        stats->sums = clv_arena_alloc(&out->memory, stats->n_channels, sizeof *stats->sums);
        stats->largest = clv_arena_alloc(&out->memory, stats->n_channels, sizeof *stats->largest);
        if (histograms)
            stats->histogram = clv_arena_alloc(&out->memory, 1, sizeof *stats->histogram);
        if (stats->sums == NULL || stats->largest == NULL ||
            (histograms && stats->histogram == NULL))
            return CLV_ENOMEM;
    }
    return CLV_OK;
}

void clv_calibration_done(clv_calibration *calibration)
{
    clv_arena_done(&calibration->memory);
    *calibration = (clv_calibration){0};
}

double clv_channel_mean(const clv_value_stats *stats, uint32_t c)
{
    return stats->n_summed > 0 ? stats->sums[c] / (double)stats->n_summed : 0.0;
}

/* [n, channels, inner] */
static void add_channels(clv_value_stats *stats, const float *data, size_t n, size_t outer)
{
    size_t inner = n / (outer * stats->n_channels);

    for (size_t o = 0; o < outer; o++) {
        for (uint32_t c = 0; c < stats->n_channels; c++) {
            const float *x = data + (o * stats->n_channels + c) * inner;
            float sum = 0.0f, most = stats->largest[c];
            for (size_t i = 0; i < inner; i++) {
                float size = fabsf(x[i]);
                sum += x[i];
                most = size > most ? size : most;
            }
            stats->sums[c] += (double)sum;
            stats->largest[c] = most;
        }
    }
    stats->n_summed += outer * inner;
}

typedef struct collector {
    clv_calibration *calibration;
    const clv_graph *graph;
} collector;

static void collect(void *context, uint32_t value, const float *data, size_t n)
{
    collector *c = context;
    clv_value_stats *stats = &c->calibration->values[value];
    size_t outer = (size_t)c->graph->values[value].tensor.shape.dim[0];

    if (stats->histogram != NULL)
        clv_histogram_add(stats->histogram, data, n);
    if (stats->n_channels > 0 && n > 0)
        add_channels(stats, data, n, outer);
}

static clv_status check_finite(const clv_calibration *calibration, const clv_graph *graph,
                               clv_error *err)
{
    for (uint32_t v = 0; v < graph->n_values && v < calibration->n_values; v++) {
        const clv_histogram *h = calibration->values[v].histogram;
        if (h != NULL && h->not_finite > 0)
            return clv_fail(err, CLV_EFORMAT, graph->values[v].name,
                            "it has no range: %llu of its numbers are NaN or infinite",
                            (unsigned long long)h->not_finite);
    }
    return CLV_OK;
}

clv_status clv_calibrate(clv_calibration *calibration, clv_simulator *simulator,
                         const clv_graph *graph, const clv_samples *samples, clv_sample_range range,
                         const clv_watcher *watcher, clv_error *err)
{
    collector c = {calibration, graph};
    clv_tensor_set inputs = {0};
    size_t done = 0, total = samples->count > range.first
                                 ? (samples->count - range.first + range.step - 1) / range.step
                                 : 0;

    total = range.limit > 0 && range.limit < total ? range.limit : total;
    clv_status status = clv_tensor_set_fit(&inputs, graph, graph->inputs, graph->n_inputs);
    for (size_t i = range.first; done < total && status == CLV_OK; i += range.step) {
        status = clv_watcher_tell(watcher, "calibrating", ++done, total, err);
        if (status == CLV_OK)
            status = samples->read(samples->context, i, inputs.tensors, err);
        if (status == CLV_OK)
            status = clv_simulator_run(simulator, inputs.tensors, NULL, (clv_observer){collect, &c},
                                       err);
    }
    clv_tensor_set_done(&inputs);
    return status == CLV_OK ? check_finite(calibration, graph, err) : status;
}
