/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/cut_probe.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "runtime/topk.h"

#define PART_OF_SIGMA 0.5f /* channels are disturbed by this much of their deviation */
#define DIAGONAL 0.5       /* of its mean is added to the diagonal */
#define MAX_KEPT 16384u    /* numbers of a move; of more, sums with random signs */
#define MIN_KEPT 256u
#define MAX_PRODUCTS ((uint64_t)1 << 31) /* of numbers of two moves, for a sample */

/* --- the two halves -------------------------------------------------------------------------- */

clv_status clv_cut_probe_init(clv_cut_probe *p, const clv_graph *graph, uint32_t cut,
                              const clv_backend *backend, unsigned threads, clv_error *err)
{
    clv_program_options options = {.backend = backend, .threads = threads};

    *p = (clv_cut_probe){.graph = graph, .cut = cut};
    if (cut > graph->n_nodes)
        return clv_fail(err, CLV_EINVAL, graph->name, "there is no cut %u", cut);
    CLV_TRY(clv_program_compile(&p->program, graph, &options, err));
    CLV_TRY(clv_exec_create(&p->exec, p->program, err));
    p->values = clv_frontiers_at(clv_program_frontiers(p->program), cut);
    CLV_TRY(clv_tensor_set_fit(&p->inputs, graph, graph->inputs, graph->n_inputs));
    CLV_TRY(clv_tensor_set_fit(&p->frontier, graph, p->values.values, p->values.count));
    return clv_tensor_set_fit(&p->outputs, graph, graph->outputs, graph->n_outputs);
}

clv_status clv_cut_probe_join(clv_cut_probe *p, const clv_graph *form, const clv_graph *like,
                              const clv_backend *backend, unsigned threads, clv_error *err)
{
    clv_program_options options = {.backend = backend, .threads = threads};

    CLV_TRY(clv_tensor_set_fit(&p->outputs, like, like->outputs, like->n_outputs));
    if (form == p->graph)
        return CLV_OK;
    CLV_TRY(clv_program_compile(&p->suffix_program, form, &options, err));
    return clv_exec_create(&p->suffix, p->suffix_program, err);
}

void clv_cut_probe_done(clv_cut_probe *p)
{
    clv_exec_free(p->suffix);
    clv_program_free(p->suffix_program);
    clv_exec_free(p->exec);
    clv_program_free(p->program);
    clv_tensor_set_done(&p->inputs);
    clv_tensor_set_done(&p->frontier);
    clv_tensor_set_done(&p->outputs);
    *p = (clv_cut_probe){0};
}

static clv_status run(clv_cut_probe *p, clv_exec *exec, uint32_t from, uint32_t to, clv_error *err)
{
    clv_status status = clv_exec_run(exec, from, to);
    if (status != CLV_OK)
        return clv_fail(err, status, p->graph->name, "it can't be run: %s",
                        clv_status_text(status));
    return CLV_OK;
}

clv_status clv_cut_probe_prefix(clv_cut_probe *p, const clv_samples *samples, size_t index,
                                clv_error *err)
{
    CLV_TRY(samples->read(samples->context, index, p->inputs.tensors, err));
    for (uint32_t i = 0; i < p->graph->n_inputs; i++)
        clv_exec_load(p->exec, p->graph->inputs[i], &p->inputs.tensors[i]);
    CLV_TRY(run(p, p->exec, 0, p->cut, err));
    for (uint32_t i = 0; i < p->values.count; i++)
        clv_exec_store(p->exec, p->values.values[i], &p->frontier.tensors[i]);
    return CLV_OK;
}

clv_status clv_cut_probe_suffix(clv_cut_probe *p, clv_error *err)
{
    clv_exec *exec = p->suffix != NULL ? p->suffix : p->exec;

    for (uint32_t i = 0; i < p->values.count; i++)
        clv_exec_load(exec, p->values.values[i], &p->frontier.tensors[i]);
    CLV_TRY(run(p, exec, p->cut, p->graph->n_nodes, err));
    for (uint32_t i = 0; i < p->graph->n_outputs; i++)
        clv_exec_store(exec, p->graph->outputs[i], &p->outputs.tensors[i]);
    return CLV_OK;
}

/* --- the metric ------------------------------------------------------------------------------ */

typedef struct metric_job {
    clv_cut_probe *probe;
    uint32_t which, channels;
    size_t elems, n_outputs; /* of a channel; of all float outputs together */
    size_t n_kept;           /* of n_outputs, of a move */
    bool classifier;
    float *saved, *signs;
    float *before, *after; /* outputs, one behind another */
    float *move;           /* of one channel */
    float *moves;          /* [channels, n_kept] */
    uint32_t seed;
} metric_job;

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed ^ *seed >> 15;
}

static size_t float_elems(const clv_tensor *t)
{
    size_t n = 0;
    return t->dtype == CLV_F32 && clv_shape_elems(&n, &t->shape) == CLV_OK ? n : 0;
}

static void keep_outputs(const metric_job *j, float *out)
{
    for (uint32_t i = 0; i < j->probe->outputs.count; i++) {
        const clv_tensor *t = &j->probe->outputs.tensors[i];
        size_t n = float_elems(t);
        if (n > 0)
            memcpy(out, t->data, n * sizeof *out);
        out += n;
    }
}

/* Square roots of the probabilities of scores, or of what are probabilities already. */
static void roots_of(float *out, const float *y, size_t n)
{
    double sum = 0, least = INFINITY, most = -INFINITY;

    for (size_t i = 0; i < n; i++) {
        sum += y[i];
        least = fmin(least, y[i]);
        most = fmax(most, y[i]);
    }
    bool are_scores = least < 0 || fabs(sum - 1) > 1e-3;
    for (size_t i = 0; i < n; i++)
        out[i] = are_scores ? (float)exp(y[i] - most) : y[i];
    sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += out[i];
    for (size_t i = 0; i < n; i++)
        out[i] = sqrtf(out[i] / (float)sum);
}

/* How far the probabilities moved: twice Hellinger's distance, whose square is for small moves
 * what Fisher's information says, and stays finite for large ones. */
static void weigh_class(const metric_job *j, float *move, float *scratch)
{
    roots_of(move, j->after, j->n_outputs);
    roots_of(scratch, j->before, j->n_outputs);
    for (size_t i = 0; i < j->n_outputs; i++)
        move[i] = 2 * (move[i] - scratch[i]);
}

static void weigh_numbers(const metric_job *j, float *move)
{
    size_t at = 0;

    for (uint32_t i = 0; i < j->probe->outputs.count; i++) {
        size_t n = float_elems(&j->probe->outputs.tensors[i]);
        double energy = 1e-30;
        for (size_t k = at; k < at + n; k++)
            energy += (double)j->before[k] * j->before[k];
        for (size_t k = at; k < at + n; k++)
            move[k] = (float)((j->after[k] - j->before[k]) / sqrt(energy));
        at += n;
    }
}

static float deviation_of(const float *x, size_t n)
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++) {
        sum += x[i];
        squares += (double)x[i] * x[i];
    }
    double variance = (squares - sum * sum / (double)n) / (double)n;
    return variance > 0 ? (float)sqrt(variance) : 0;
}

/* Products of two moves are, but for noise, those of what is kept of them: the sums of every
 * n_kept-th number with signs that are the same for all moves. */
static void keep_move(const metric_job *j, float *out, float by)
{
    uint32_t seed = 1;

    memset(out, 0, j->n_kept * sizeof *out);
    for (size_t i = 0; i < j->n_outputs; i++) {
        bool minus = j->n_kept < j->n_outputs && (next_random(&seed) & 1u) != 0;
        out[i % j->n_kept] += (minus ? -j->move[i] : j->move[i]) / by;
    }
}

/* Disturb channel @p c, and keep what that does to the outputs for a unit of it. */
static clv_status move_channel(metric_job *j, uint32_t c, float by, clv_error *err)
{
    float *x = (float *)j->probe->frontier.tensors[j->which].data + c * j->elems;

    memcpy(j->saved, x, j->elems * sizeof *x);
    for (size_t i = 0; i < j->elems; i++)
        x[i] += by * j->signs[i];
    CLV_TRY(clv_cut_probe_suffix(j->probe, err));
    memcpy(x, j->saved, j->elems * sizeof *x);
    keep_outputs(j, j->after);
    if (j->classifier)
        weigh_class(j, j->move, j->after + j->n_outputs);
    else
        weigh_numbers(j, j->move);
    keep_move(j, j->moves + c * j->n_kept, by);
    return CLV_OK;
}

#define LANES 8u

/* In lanes, which compilers vectorise. */
static double product_of(const float *x, const float *y, size_t n)
{
    double sums[LANES] = {0}, sum = 0;
    size_t i = 0;

    for (; i + LANES <= n; i += LANES) {
        for (size_t k = 0; k < LANES; k++)
            sums[k] += (double)x[i + k] * y[i + k];
    }
    for (; i < n; i++)
        sum += (double)x[i] * y[i];
    for (size_t k = 0; k < LANES; k++)
        sum += sums[k];
    return sum;
}

static void add_products(double *metric, const metric_job *j, double weight)
{
    for (uint32_t a = 0; a < j->channels; a++) {
        for (uint32_t b = 0; b <= a; b++) {
            const float *x = j->moves + a * j->n_kept, *y = j->moves + b * j->n_kept;
            metric[(size_t)a * j->channels + b] += weight * product_of(x, y, j->n_kept);
        }
    }
}

static clv_status probe_sample(double *metric, metric_job *j, double weight, clv_error *err)
{
    const clv_tensor *t = &j->probe->frontier.tensors[j->which];
    float whole = deviation_of(t->data, j->channels * j->elems);

    CLV_TRY(clv_cut_probe_suffix(j->probe, err));
    keep_outputs(j, j->before);
    for (size_t i = 0; i < j->elems; i++)
        j->signs[i] = next_random(&j->seed) & 1 ? 1.0f : -1.0f;
    for (uint32_t c = 0; c < j->channels; c++) {
        float own = deviation_of((const float *)t->data + c * j->elems, j->elems);
        float by = PART_OF_SIGMA * fmaxf(own, 0.05f * whole);
        CLV_TRY(move_channel(j, c, by > 0 ? by : 1.0f, err));
    }
    add_products(metric, j, weight);
    return CLV_OK;
}

static void finish(double *metric, uint32_t n)
{
    double trace = 0;

    for (size_t a = 0; a < n; a++)
        trace += metric[a * n + a];
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < a; b++)
            metric[b * n + a] = metric[a * n + b];
        metric[a * n + a] += DIAGONAL * trace / n + 1e-30;
    }
}

/* Few, where there are many channels: what they add is noise of 1 in the root of it. */
static size_t how_many_to_keep(const metric_job *j)
{
    uint64_t most = MAX_PRODUCTS / ((uint64_t)j->channels * j->channels);

    most = most < MIN_KEPT ? MIN_KEPT : most > MAX_KEPT ? MAX_KEPT : most;
    return j->n_outputs < most ? j->n_outputs : (size_t)most;
}

static clv_status make_room(metric_job *j, clv_arena *memory)
{
    size_t n = j->n_outputs;

    j->saved = clv_arena_alloc(memory, j->elems, sizeof *j->saved);
    j->signs = clv_arena_alloc(memory, j->elems, sizeof *j->signs);
    j->before = clv_arena_alloc(memory, n, sizeof *j->before);
    j->after = clv_arena_alloc(memory, 2 * n, sizeof *j->after); /* and probabilities */
    j->move = clv_arena_alloc(memory, n, sizeof *j->move);
    j->n_kept = how_many_to_keep(j);
    j->moves = clv_arena_alloc(memory, j->channels * j->n_kept, sizeof *j->moves);
    return j->saved != NULL && j->signs != NULL && j->before != NULL && j->after != NULL &&
                   j->move != NULL && j->moves != NULL
               ? CLV_OK
               : CLV_ENOMEM;
}

clv_status clv_cut_probe_metric(double *metric, clv_cut_probe *probe, uint32_t which,
                                const clv_samples *samples, size_t limit,
                                const clv_watcher *watcher, clv_error *err)
{
    metric_job j = {.probe = probe, .which = which, .seed = 1};
    size_t count = samples->count < limit ? samples->count : limit, all;
    clv_arena memory = CLV_ARENA_INIT;

    const clv_tensor *t = which < probe->frontier.count ? &probe->frontier.tensors[which] : NULL;
    if (t == NULL || t->dtype != CLV_F32 || t->shape.rank < 2 || t->shape.dim[0] != 1 ||
        clv_shape_elems(&all, &t->shape) != CLV_OK || all == 0)
        return clv_fail(err, CLV_EINVAL, probe->graph->name, "its frontier has no such channels");
    j.channels = (uint32_t)t->shape.dim[1];
    j.elems = all / j.channels;
    j.classifier = probe->outputs.count == 1 && clv_topk_applies(&probe->outputs.tensors[0]);
    for (uint32_t i = 0; i < probe->outputs.count; i++)
        j.n_outputs += float_elems(&probe->outputs.tensors[i]);
    memset(metric, 0, (size_t)j.channels * j.channels * sizeof *metric);
    clv_status status = make_room(&j, &memory);
    for (size_t i = 0; i < count && status == CLV_OK; i++) {
        status = clv_watcher_tell(watcher, "probing", i + 1, count, err);
        if (status == CLV_OK)
            status = clv_cut_probe_prefix(probe, samples, i * samples->count / count, err);
        if (status == CLV_OK)
            status = probe_sample(metric, &j, 1.0 / (double)count, err);
    }
    finish(metric, j.channels);
    clv_arena_done(&memory);
    return status;
}
