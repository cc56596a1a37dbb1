/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/ladder_bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/fidelity.h"
#include "runtime/topk.h"

#define MAX_ANSWER_BYTES ((size_t)256 << 20)

/* --- the float network's answers -------------------------------------------------------------- */

static clv_status keep_tensor(clv_tensor *out, clv_arena *memory, const clv_tensor *tensor)
{
    size_t bytes;

    CLV_TRY(clv_tensor_bytes(&bytes, tensor));
    *out = *tensor;
    out->data = clv_arena_alloc(memory, bytes + 1, 1);
    if (out->data == NULL)
        return CLV_ENOMEM;
    memcpy(out->data, tensor->data, bytes);
    return CLV_OK;
}

static clv_status answer_all(clv_answers *a, clv_cut_probe *probe, const clv_watcher *watcher,
                             clv_error *err)
{
    for (size_t i = 0; i < a->count; i++) {
        CLV_TRY(clv_watcher_tell(watcher, "running the float network", i + 1, a->count, err));
        CLV_TRY(clv_cut_probe_prefix(probe, a->samples, a->first + i * a->step, err));
        CLV_TRY(clv_cut_probe_suffix(probe, err));
        for (uint32_t k = 0; k < a->n_outputs; k++)
            CLV_TRY(keep_tensor(&a->tensors[i * a->n_outputs + k], &a->memory,
                                &probe->outputs.tensors[k]));
    }
    return CLV_OK;
}

/* As many samples as have room. */
static clv_status make_room(clv_answers *a, const clv_cut_probe *probe)
{
    size_t all = 1, bytes, count = a->samples->count;

    for (uint32_t k = 0; k < probe->outputs.count; k++) {
        CLV_TRY(clv_tensor_bytes(&bytes, &probe->outputs.tensors[k]));
        all += bytes;
    }
    a->n_outputs = probe->outputs.count;
    a->classifier = a->n_outputs > 0 && clv_topk_applies(&probe->outputs.tensors[0]);
    a->count = count > a->first ? (count - a->first + a->step - 1) / a->step : 0;
    if (a->count > MAX_ANSWER_BYTES / all)
        a->count = MAX_ANSWER_BYTES / all;
    a->tensors = clv_arena_alloc(&a->memory, a->count * a->n_outputs + 1, sizeof *a->tensors);
    return a->tensors != NULL ? CLV_OK : CLV_ENOMEM;
}

clv_status clv_answers_make(clv_answers *out, const clv_ladder_options *o, size_t first,
                            size_t step, clv_error *err)
{
    clv_cut_probe probe = {0};

    *out = (clv_answers){.samples = &o->samples, .first = first, .step = step};
    clv_status status = clv_cut_probe_init(&probe, o->plain, 0, o->backend, o->threads, err);
    if (status == CLV_OK)
        status = make_room(out, &probe);
    if (status == CLV_OK && out->count == 0)
        status = clv_fail(err, CLV_ELIMIT, o->plain->name, "its outputs are too large to compare");
    if (status == CLV_OK)
        status = answer_all(out, &probe, &o->watcher, err);
    clv_cut_probe_done(&probe);
    return status;
}

void clv_answers_done(clv_answers *answers)
{
    clv_arena_done(&answers->memory);
    *answers = (clv_answers){0};
}

/* --- measuring -------------------------------------------------------------------------------- */

/* Of one rung. */
typedef struct tally {
    double *bytes;          /* of each sample */
    double *error, *energy; /* of each output */
    size_t same;
    clv_box_errors boxes;
} tally;

typedef struct measuring {
    const clv_cut_ladder *ladder;
    clv_cut_probe *probe;
    const clv_answers *answers;
    const clv_ladder_options *options;
    tally *tallies;
    clv_tensor *frontier; /* as the prefix left it */
    uint8_t *payload;
    size_t bound;
    void *scratch;
    clv_arena memory;
} measuring;

static clv_status prepare(measuring *m)
{
    const clv_tensor_set *set = &m->probe->frontier;
    size_t n = m->answers->count, n_outputs = m->answers->n_outputs;

    CLV_TRY(clv_activation_bound(&m->bound, set->tensors, set->planned, set->count));
    m->payload = clv_arena_alloc(&m->memory, m->bound + 1, 1);
    m->frontier = clv_arena_alloc(&m->memory, set->count + 1u, sizeof *m->frontier);
    m->tallies = clv_arena_alloc(&m->memory, m->ladder->n_rungs, sizeof *m->tallies);
    m->scratch = clv_alloc_aligned(m->ladder->scratch_bytes + 1);
    if (m->payload == NULL || m->frontier == NULL || m->tallies == NULL || m->scratch == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < set->count; i++)
        CLV_TRY(keep_tensor(&m->frontier[i], &m->memory, &set->tensors[i]));
    for (uint32_t r = 0; r < m->ladder->n_rungs; r++) {
        m->tallies[r].bytes = clv_arena_alloc(&m->memory, n, sizeof(double));
        m->tallies[r].error = clv_arena_alloc(&m->memory, 2 * n_outputs + 1, sizeof(double));
        if (m->tallies[r].bytes == NULL || m->tallies[r].error == NULL)
            return CLV_ENOMEM;
        m->tallies[r].energy = m->tallies[r].error + n_outputs;
    }
    return CLV_OK;
}

/* Between the probe's frontier and what is kept of it; true shapes go along. */
static void copy_frontier(clv_tensor *to, const clv_tensor *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes = 0;
        to[i].shape = from[i].shape;
        if (clv_tensor_bytes(&bytes, &from[i]) == CLV_OK)
            memcpy(to[i].data, from[i].data, bytes);
    }
}

static void add_error(tally *t, uint32_t k, const clv_tensor *then, const clv_tensor *now)
{
    const float *x = then->data, *y = now->data;
    size_t n;

    if (then->dtype != CLV_F32 || !clv_shape_equal(&then->shape, &now->shape) ||
        clv_shape_elems(&n, &then->shape) != CLV_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        double e = (double)y[i] - x[i];
        t->error[k] += e * e;
        t->energy[k] += (double)x[i] * x[i];
    }
}

static uint32_t best_class(const clv_tensor *scores)
{
    clv_top top = {0};
    (void)clv_topk(&top, 1, scores);
    return top.index;
}

static clv_status compare(measuring *m, tally *t, size_t sample, clv_error *err)
{
    const clv_answers *a = m->answers;
    const clv_tensor *then = &a->tensors[sample * a->n_outputs], *now = m->probe->outputs.tensors;

    for (uint32_t k = 0; k < a->n_outputs; k++)
        add_error(t, k, &then[k], &now[k]);
    if (a->classifier)
        t->same += best_class(&then[0]) == best_class(&now[0]);
    if (m->options->compare_boxes == NULL)
        return CLV_OK;
    return m->options->compare_boxes(m->options->context, &t->boxes, then, now, a->n_outputs, err);
}

/* Through the codec exactly as it will be: payload, decoding, the other half. */
static clv_status go_by(measuring *m, uint32_t rung, size_t sample, clv_error *err)
{
    clv_tensor_set *set = &m->probe->frontier;
    clv_codec_tables tables = clv_cut_ladder_tables(m->ladder, rung, m->scratch);
    size_t bytes;

    copy_frontier(set->tensors, m->frontier, set->count);
    CLV_TRY(clv_activation_encode_by(&bytes, CLV_CODEC_RANS, &tables, set->tensors, set->planned,
                                     set->count, m->payload, m->bound));
    CLV_TRY(clv_activation_decode_by(set->tensors, set->planned, set->count, &tables, m->payload,
                                     bytes, err));
    m->tallies[rung].bytes[sample] = (double)bytes;
    CLV_TRY(clv_cut_probe_suffix(m->probe, err));
    return compare(m, &m->tallies[rung], sample, err);
}

static clv_status go(measuring *m, clv_error *err)
{
    const clv_answers *a = m->answers;
    char what[64];

    (void)snprintf(what, sizeof what, "cut %u, %s: measuring", m->ladder->cut,
                   clv_precision_name(m->ladder->prefix));
    for (size_t i = 0; i < a->count; i++) {
        CLV_TRY(clv_watcher_tell(&m->options->watcher, what, i + 1, a->count, err));
        CLV_TRY(clv_cut_probe_prefix(m->probe, a->samples, a->first + i * a->step, err));
        copy_frontier(m->frontier, m->probe->frontier.tensors, m->probe->frontier.count);
        for (uint32_t r = 0; r < m->ladder->n_rungs; r++)
            CLV_TRY(go_by(m, r, i, err));
    }
    return CLV_OK;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void sum_up_boxes(clv_rung *rung, const clv_box_errors *e)
{
    rung->box_error = rung->score_error = (double)NAN;
    if (e->scores == 0)
        return;
    rung->box_error = e->boxes > 0 ? e->box / (double)e->boxes : 1; /* none is where it was */
    rung->score_error = e->score / (double)e->scores;
}

static void sum_up(const measuring *m, clv_rung *rung, double *error, tally *t)
{
    size_t count = m->answers->count;

    qsort(t->bytes, count, sizeof *t->bytes, compare_doubles);
    rung->bytes_mean = 0;
    for (size_t i = 0; i < count; i++)
        rung->bytes_mean += t->bytes[i] / (double)count;
    rung->bytes_p95 = t->bytes[count * 95 / 100];
    rung->agreement = m->answers->classifier ? (double)t->same / (double)count : (double)NAN;
    *error = 0;
    for (uint32_t k = 0; k < m->answers->n_outputs; k++) {
        double part = t->error[k] > 0 ? t->error[k] / fmax(t->energy[k], 1e-30) : 0;
        *error = isfinite(part) ? fmax(*error, part) : 1e6;
    }
    rung->snr_db = clv_error_db(*error);
    sum_up_boxes(rung, &t->boxes);
}

clv_status clv_ladder_measure(clv_rung *rungs, double *error, const clv_cut_ladder *ladder,
                              clv_cut_probe *probe, const clv_answers *answers,
                              const clv_ladder_options *options, clv_error *err)
{
    measuring m = {.ladder = ladder, .probe = probe, .answers = answers, .options = options};

    clv_status status = prepare(&m);
    if (status == CLV_OK)
        status = go(&m, err);
    for (uint32_t r = 0; r < ladder->n_rungs && status == CLV_OK; r++)
        sum_up(&m, &rungs[r], &error[r], &m.tallies[r]);
    clv_free(m.scratch);
    clv_arena_done(&m.memory);
    return status;
}
