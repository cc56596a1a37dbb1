/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "profiler/profiler_parts.h"

/* One codec at one cut, with what was measured of it. */
typedef struct entry {
    uint32_t cut;
    clv_codec codec;
    uint32_t point;
    const clv_rung *rung; /* of `rans` */
    clv_time_samples encode, decode;
    double *bytes; /* [n_bytes]: a picture each */
    uint32_t n_bytes;
    bool failed; /* it can't carry this frontier */
} entry;

typedef struct prober {
    const clv_profiler_options *options;
    const clv_profiler_form *form;
    const clv_profiler_inputs *inputs;
    const clv_graph *graph;
    clv_stopwatch watch; /* codecs work on one thread */
    bool *chosen;        /* [n_nodes + 1] */
    uint32_t n_chosen;
    entry *entries; /* in order of cut */
    uint32_t n_entries, cap_entries;
    clv_arena memory;
    clv_tensor_set frontier, original, decoded;
    clv_buffer payload, scratch;
    clv_codec_tables tables; /* of the ladder at hand */
} prober;

/* What goes last leaves the frontier in the execution as it was: these are lossless. */
static const clv_codec general[] = {CLV_CODEC_UINT8, CLV_CODEC_LZ4, CLV_CODEC_ZSTD,
                                    CLV_CODEC_FLOAT};
#define N_GENERAL (sizeof general / sizeof general[0])

/* --- which cuts ------------------------------------------------------------------------------ */

/* The last cut that is measured: behind the last node nothing is shipped. */
static uint32_t last_cut(const prober *p)
{
    return p->form->to < p->graph->n_nodes ? p->form->to : p->graph->n_nodes - 1;
}

static const clv_cut_ladder *ladder_at(const prober *p, uint32_t cut)
{
    const clv_model *model = p->options->model;
    return clv_cut_ladder_find(model->ladders, model->n_ladders, cut, p->form->precision);
}

/* Those that have a ladder, and as many others as are wanted, evenly spread. */
static void choose_cuts(prober *p)
{
    uint32_t n = last_cut(p) + 1;
    uint32_t wanted = p->options->max_cuts < n ? p->options->max_cuts : n;

    for (uint32_t i = 0; i < wanted; i++)
        p->chosen[(uint64_t)i * n / wanted] = true;
    for (uint32_t k = 0; k < n; k++) {
        p->chosen[k] = p->chosen[k] || ladder_at(p, k) != NULL;
        p->n_chosen += p->chosen[k];
    }
}

static clv_status add_entry(prober *p, uint32_t cut, clv_codec codec, uint32_t point,
                            const clv_rung *rung)
{
    size_t n = (size_t)p->inputs->count * p->options->codec_runs;

    if (p->n_entries == p->cap_entries) {
        uint32_t cap = 2 * p->cap_entries + 64;
        void *entries = clv_realloc_array(p->entries, cap, sizeof *p->entries);
        if (entries == NULL)
            return CLV_ENOMEM;
        p->entries = entries;
        p->cap_entries = cap;
    }
    entry *e = &p->entries[p->n_entries++];
    *e = (entry){.cut = cut, .codec = codec, .point = point, .rung = rung};
    e->encode.ns = clv_arena_alloc(&p->memory, n, sizeof *e->encode.ns);
    e->decode.ns = clv_arena_alloc(&p->memory, n, sizeof *e->decode.ns);
    e->bytes = clv_arena_alloc(&p->memory, p->inputs->count, sizeof *e->bytes);
    return e->encode.ns != NULL && e->decode.ns != NULL && e->bytes != NULL ? CLV_OK : CLV_ENOMEM;
}

static clv_status add_entries(prober *p)
{
    for (uint32_t k = 0; k <= last_cut(p); k++) {
        const clv_cut_ladder *ladder = ladder_at(p, k);
        for (uint32_t i = 0; ladder != NULL && i < ladder->n_rungs; i++)
            CLV_TRY(add_entry(p, k, CLV_CODEC_RANS, i, &ladder->rungs[i]));
        for (uint32_t i = 0; p->chosen[k] && i < N_GENERAL; i++)
            CLV_TRY(add_entry(p, k, general[i], 0, NULL));
    }
    return CLV_OK;
}

/* --- one cut --------------------------------------------------------------------------------- */

static clv_status take_tables(prober *p, const clv_cut_ladder *ladder)
{
    if (ladder != NULL)
        CLV_TRY(clv_buffer_resize(&p->scratch, ladder->scratch_bytes));
    p->tables = clv_cut_ladder_tables(ladder, 0, p->scratch.data);
    return CLV_OK;
}

/* As the device does it: out of the execution, and into a payload. */
static clv_status encode(prober *p, const clv_frontier *frontier, const entry *e, size_t *bytes_out)
{
    clv_tensor_set *set = &p->frontier;

    for (uint32_t i = 0; i < frontier->count && e->cut > 0; i++)
        clv_exec_store(p->form->exec, frontier->values[i], &set->tensors[i]);
    p->tables.use = e->point;
    return clv_activation_encode_by(bytes_out, e->codec, p->tables.points ? &p->tables : NULL,
                                    set->tensors, set->planned, set->count, p->payload.data,
                                    p->payload.size);
}

/* As the server does it. */
static clv_status decode(prober *p, const clv_frontier *frontier, size_t bytes)
{
    clv_tensor_set *set = &p->decoded;

    CLV_TRY(clv_activation_decode_by(set->tensors, set->planned, set->count,
                                     p->tables.points ? &p->tables : NULL, p->payload.data, bytes,
                                     NULL));
    for (uint32_t i = 0; i < frontier->count; i++)
        clv_exec_load(p->form->exec, frontier->values[i], &set->tensors[i]);
    return CLV_OK;
}

static void note(clv_time_samples *samples, uint64_t ns)
{
    samples->ns[samples->count++] = ns;
}

static clv_status probe(prober *p, const clv_frontier *frontier, entry *e)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < p->options->codec_runs && !e->failed; i++) {
        uint64_t start = p->watch.now_ns();
        clv_status status = encode(p, frontier, e, &bytes);
        uint64_t encoded = p->watch.now_ns();
        if (status == CLV_OK)
            status = decode(p, frontier, bytes);
        uint64_t end = p->watch.now_ns();
        if (status == CLV_ENOMEM)
            return status;
        e->failed = status != CLV_OK;
        note(&e->encode, clv_stopwatch_between(&p->watch, start, encoded));
        note(&e->decode, clv_stopwatch_between(&p->watch, encoded, end));
    }
    e->bytes[e->n_bytes++] = (double)bytes;
    return CLV_OK;
}

/* The inputs are the frontier of cut 0, and never leave an execution. */
static void copy_inputs(prober *p, const clv_frontier *frontier, const clv_tensor_set *inputs)
{
    for (uint32_t i = 0; i < frontier->count; i++) {
        for (uint32_t j = 0; j < inputs->count; j++) {
            size_t bytes = 0;
            if (p->graph->inputs[j] == frontier->values[i] &&
                clv_tensor_bytes(&bytes, &inputs->tensors[j]) == CLV_OK)
                memcpy(p->frontier.tensors[i].data, inputs->tensors[j].data, bytes);
        }
    }
}

/* What a lossy codec made of the frontier is neither the next codec's source nor the next node's.
 */
static void put_back(prober *p, const clv_frontier *frontier, uint32_t cut)
{
    /* Nothing was taken out of the execution at cut 0: there the inputs are still in `frontier`. */
    const clv_tensor_set *from = cut > 0 ? &p->original : &p->frontier;

    for (uint32_t i = 0; i < frontier->count; i++)
        clv_exec_load(p->form->exec, frontier->values[i], &from->tensors[i]);
}

/* @param at  Entries of the cut begin there. @return Where those of the next begin. */
static clv_status probe_cut(prober *p, uint32_t cut, uint32_t *at, const clv_tensor_set *inputs)
{
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(p->form->program), cut);
    size_t bound;

    CLV_TRY(clv_tensor_set_fit(&p->frontier, p->graph, frontier.values, frontier.count));
    CLV_TRY(clv_tensor_set_fit(&p->decoded, p->graph, frontier.values, frontier.count));
    CLV_TRY(clv_activation_bound(&bound, p->frontier.tensors, p->frontier.planned, frontier.count));
    CLV_TRY(clv_buffer_resize(&p->payload, bound));
    CLV_TRY(take_tables(p, ladder_at(p, cut)));
    CLV_TRY(clv_tensor_set_fit(&p->original, p->graph, frontier.values, frontier.count));
    if (cut == 0)
        copy_inputs(p, &frontier, inputs);
    for (uint32_t i = 0; i < frontier.count && cut > 0; i++)
        clv_exec_store(p->form->exec, frontier.values[i], &p->original.tensors[i]);
    for (; *at < p->n_entries && p->entries[*at].cut == cut; (*at)++) {
        CLV_TRY(probe(p, &frontier, &p->entries[*at]));
        put_back(p, &frontier, cut);
    }
    return CLV_OK;
}

/* --- a pass ---------------------------------------------------------------------------------- */

static void skip_cut(const prober *p, uint32_t cut, uint32_t *at)
{
    while (*at < p->n_entries && p->entries[*at].cut == cut)
        (*at)++;
}

/* Whether there is time left for chosen cut number @p index: each has its share. */
static bool has_time(const prober *p, uint64_t start_us, uint32_t index)
{
    double spent_us = (double)(clv_clock_now_us() - start_us);
    return index == 0 || spent_us < (double)p->options->codec_us * index / p->n_chosen;
}

static clv_status pass(prober *p, uint32_t picture)
{
    const clv_profiler_options *o = p->options;
    const clv_tensor_set *inputs = &p->inputs->sets[picture];
    uint32_t at = 0, index = 0;
    uint64_t start_us = clv_clock_now_us();

    clv_profiler_load(p->form, inputs);
    for (uint32_t k = 0; k <= last_cut(p); k++) {
        if (k > 0)
            CLV_TRY(clv_exec_run(p->form->exec, k - 1, k));
        if (!p->chosen[k])
            continue;
        if (o->go_on != NULL && !o->go_on(o->context, index, p->n_chosen))
            return CLV_ECLOSED;
        if (has_time(p, start_us, index++))
            CLV_TRY(probe_cut(p, k, &at, inputs));
        else
            skip_cut(p, k, &at);
    }
    return CLV_OK;
}

/* --- what comes of it ------------------------------------------------------------------------ */

static double mean_of(const double *values, uint32_t n)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++)
        sum += values[i];
    return n > 0 ? sum / n : 0.0;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double clv_percentile_95(double *values, uint32_t n)
{
    if (n == 0)
        return 0.0;
    qsort(values, n, sizeof *values, compare_doubles);
    return values[((uint64_t)n * 95 + 99) / 100 - 1];
}

/* Some rungs in front of which int8 runs carry its bytes as they are. */
static bool is_lossless(const entry *e, uint32_t n_tensors)
{
    if (e->rung == NULL)
        return e->codec != CLV_CODEC_UINT8;
    for (uint32_t i = 0; i < n_tensors; i++) {
        if (e->rung->points[i] != NULL && !e->rung->points[i]->lossless)
            return false;
    }
    return true;
}

/* The bundle knows the bytes of its points over many pictures, we over few. A network without
 * classes has nothing to disagree on. */
static clv_profile_point point_of(const prober *p, entry *e)
{
    const clv_cut_ladder *ladder = ladder_at(p, e->cut);
    clv_profile_point point = {.cut = e->cut,
                               .precision = p->form->precision,
                               .point = e->point,
                               .mean_bytes = mean_of(e->bytes, e->n_bytes),
                               .encode = clv_time_samples_sum_up(&e->encode, NULL),
                               .decode = clv_time_samples_sum_up(&e->decode, NULL),
                               .lossless = is_lossless(e, ladder != NULL ? ladder->n_tensors : 0)};

    (void)snprintf(point.codec, sizeof point.codec, "%s", clv_codec_name(e->codec));
    point.p95_bytes = clv_percentile_95(e->bytes, e->n_bytes);
    point.agreement = point.lossless ? 1.0 : 0.0;
    if (e->rung != NULL) {
        point.mean_bytes = e->rung->bytes_mean;
        point.p95_bytes = e->rung->bytes_p95;
        point.agreement = isnan(e->rung->agreement) ? 1.0 : e->rung->agreement;
    }
    return point;
}

static clv_status give(clv_point_list *list, prober *p)
{
    for (uint32_t i = 0; i < p->n_entries; i++) {
        entry *e = &p->entries[i];
        if (e->failed || e->n_bytes == 0)
            continue;
        clv_profile_point point = point_of(p, e);
        CLV_TRY(clv_point_list_add(list, &point));
    }
    return CLV_OK;
}

static clv_status run(clv_point_list *list, prober *p)
{
    p->chosen = clv_calloc((size_t)p->graph->n_nodes + 1, sizeof *p->chosen);
    if (p->chosen == NULL)
        return CLV_ENOMEM;
    choose_cuts(p);
    CLV_TRY(add_entries(p));
    for (uint32_t i = 0; i < p->inputs->count; i++)
        CLV_TRY(pass(p, i));
    return give(list, p);
}

clv_status clv_profiler_points(clv_point_list *list, const clv_profiler_options *options,
                               const clv_profiler_form *form, const clv_profiler_inputs *inputs,
                               clv_error *err)
{
    prober p = {.options = options,
                .form = form,
                .inputs = inputs,
                .graph = clv_program_graph(form->program),
                .watch = clv_stopwatch_for(1)};

    if (p.graph->n_nodes == 0)
        return CLV_OK;
    clv_buffer_init(&p.payload, SIZE_MAX);
    clv_buffer_init(&p.scratch, SIZE_MAX);
    clv_status status = run(list, &p);
    clv_buffer_done(&p.payload);
    clv_buffer_done(&p.scratch);
    clv_tensor_set_done(&p.frontier);
    clv_tensor_set_done(&p.original);
    clv_tensor_set_done(&p.decoded);
    clv_arena_done(&p.memory);
    clv_free(p.entries);
    clv_free(p.chosen);
    if (status != CLV_OK)
        return clv_fail(err, status, p.graph->name, "the codecs can't be measured: %s",
                        clv_status_text(status));
    return CLV_OK;
}
