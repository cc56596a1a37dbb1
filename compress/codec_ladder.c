/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/codec_ladder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "compress/ladder_bench.h"

#define MAX_FEATURE_BYTES ((size_t)256 << 20)
#define FEW_SAMPLES 8u
#define METRIC_RUNS 2048u /* of the network's rest, at most, but for MIN_METRIC_SAMPLES */
#define MIN_METRIC_SAMPLES 4u
#define MAX_METRIC_SAMPLES 64u
#define MAX_TURNED 256u /* channels: beyond, a transform isn't worth its time */
#define N_STEPS 6u
#define N_WIDE_STEPS 3u
#define N_CANDIDATES (N_WIDE_STEPS + 2 * N_STEPS)
#define LOSSLESS_GROUPS 16u
#define LEAST_SNR_DB 3.0
#define LEAST_AGREEMENT 0.5

_Static_assert(N_CANDIDATES + 1 <= CLV_LADDER_MAX_RUNGS, "and a lossless one");

/* Of up to 256 levels, with a transform or without; then of up to 31. */
static const double wide_turned_steps[N_WIDE_STEPS] = {0.006, 0.012, 0.024};
static const double wide_channel_steps[N_WIDE_STEPS] = {0.1, 0.2, 0.35};
static const double turned_steps[N_STEPS] = {0.03, 0.045, 0.06, 0.08, 0.1, 0.13};
static const double channel_steps[N_STEPS] = {0.2, 0.4, 0.6, 0.9, 1.3, 1.8};

/* One tensor of the frontier; channels 0: it travels as it is. */
typedef struct crossing {
    uint32_t channels, rows, cols;
    size_t elems;
    double *metric; /* [channels, channels] */
    float *x;       /* [samples, elems] */
    uint8_t *bytes; /* the same, where they are bytes */
} crossing;

/* The design and measuring of one cut. */
typedef struct ladder_job {
    const clv_ladder_options *o;
    clv_codec_ladders *out;
    const clv_answers *answers;
    clv_samples design; /* that points are designed on */
    uint32_t cut;
    crossing *crossings;
    uint32_t n_tensors;
    bool can_turn; /* all that have points */
    clv_arena memory;
} ladder_job;

/* --- the samples that are designed on --------------------------------------------------------- */

static clv_status read_every_second(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    const clv_samples *all = context;
    return all->read(all->context, 2 * index, inputs, err);
}

static clv_samples samples_to_design_on(const clv_samples *all)
{
    if (all->count < FEW_SAMPLES)
        return *all;
    union {
        const clv_samples *in;
        void *out;
    } context = {.in = all}; /* only read */
    return (clv_samples){(all->count + 1) / 2, context.out, read_every_second};
}

/* --- what crosses ----------------------------------------------------------------------------- */

static void look_at(crossing *c, const clv_tensor *t, bool bounded)
{
    size_t elems;

    if (t->dtype != CLV_F32 || bounded || t->shape.rank < 2 || t->shape.dim[0] != 1 ||
        clv_shape_elems(&elems, &t->shape) != CLV_OK || elems == 0 || elems > CLV_POINT_MAX_ELEMS ||
        t->shape.dim[1] > CLV_POINT_MAX_CHANNELS)
        return;
    c->channels = (uint32_t)t->shape.dim[1];
    c->rows = t->shape.rank == 4 ? (uint32_t)t->shape.dim[2] : 1;
    c->elems = elems;
    c->cols = (uint32_t)(elems / c->channels / c->rows);
}

static clv_status look_at_cut(ladder_job *j, clv_cut_probe *probe)
{
    j->n_tensors = probe->frontier.count;
    j->can_turn = true;
    j->crossings = clv_arena_alloc(&j->memory, j->n_tensors + 1u, sizeof *j->crossings);
    if (j->crossings == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < j->n_tensors; i++) {
        crossing *c = &j->crossings[i];
        look_at(c, &probe->frontier.tensors[i], probe->frontier.planned[i].bounded);
        j->can_turn &= c->channels <= MAX_TURNED;
        c->metric =
            clv_arena_alloc(&j->memory, (size_t)c->channels * c->channels + 1, sizeof *c->metric);
        if (c->metric == NULL)
            return CLV_ENOMEM;
    }
    return CLV_OK;
}

static clv_status find_metrics(ladder_job *j, clv_cut_probe *probe, clv_error *err)
{
    for (uint32_t i = 0; i < j->n_tensors; i++) {
        crossing *c = &j->crossings[i];
        if (c->channels == 0)
            continue;
        size_t limit = METRIC_RUNS / c->channels;
        limit = limit < MIN_METRIC_SAMPLES ? MIN_METRIC_SAMPLES : limit;
        limit = limit > MAX_METRIC_SAMPLES ? MAX_METRIC_SAMPLES : limit;
        CLV_TRY(clv_cut_probe_metric(c->metric, probe, i, &j->design, limit, &j->o->watcher, err));
    }
    return CLV_OK;
}

/* As many samples as have room; the last ones are left out. */
static clv_status make_room(ladder_job *j, clv_arena *memory, size_t *count_out)
{
    size_t bytes = 1, count = j->design.count;

    for (uint32_t i = 0; i < j->n_tensors; i++)
        bytes += j->crossings[i].channels > 0 ? j->crossings[i].elems * (sizeof(float) + 1) : 0;
    count = count < MAX_FEATURE_BYTES / bytes ? count : MAX_FEATURE_BYTES / bytes;
    if (count == 0)
        return CLV_ELIMIT;
    for (uint32_t i = 0; i < j->n_tensors; i++) {
        crossing *c = &j->crossings[i];
        size_t n = c->channels > 0 ? c->elems * count : 0;
        c->x = clv_arena_alloc(memory, n + 1, sizeof *c->x);
        c->bytes = clv_arena_alloc(memory, n + 1, 1);
        if (c->x == NULL || c->bytes == NULL)
            return CLV_ENOMEM;
    }
    *count_out = count;
    return CLV_OK;
}

static void keep(crossing *c, const clv_tensor *t, size_t sample)
{
    float *x = c->x + sample * c->elems;
    uint8_t *bytes = c->bytes + sample * c->elems;

    if (t->dtype == CLV_F32) {
        memcpy(x, t->data, c->elems * sizeof *x);
        return;
    }
    memcpy(bytes, t->data, c->elems);
    for (size_t e = 0; e < c->elems; e++)
        x[e] = bytes[e];
}

/* What crosses behind this prefix; a tensor that it leaves in a type of its own has no points. */
static clv_status collect(ladder_job *j, clv_cut_probe *probe, size_t count, clv_error *err)
{
    for (size_t s = 0; s < count; s++) {
        CLV_TRY(clv_watcher_tell(&j->o->watcher, "crossing", s + 1, count, err));
        CLV_TRY(clv_cut_probe_prefix(probe, &j->design, s, err));
        for (uint32_t i = 0; i < j->n_tensors; i++) {
            const clv_tensor *t = &probe->frontier.tensors[i];
            if (j->crossings[i].channels > 0 && (t->dtype == CLV_F32 || t->dtype == CLV_U8))
                keep(&j->crossings[i], t, s);
        }
    }
    return CLV_OK;
}

/* --- designing -------------------------------------------------------------------------------- */

/* Points of one candidate after another, a run of n_tensors each. */
typedef struct candidates {
    const clv_point **points;
    clv_rung rungs[CLV_LADDER_MAX_RUNGS];
    double error[CLV_LADDER_MAX_RUNGS];
    uint32_t count;
} candidates;

/* The store owns every point from here on. */
static clv_status own(clv_codec_ladders *out, clv_point *point)
{
    if (out->n_points == out->room) {
        uint32_t room = out->room > 0 ? out->room * 2 : 64;
        clv_point **grown = clv_realloc_array(out->points, room, sizeof *grown);
        if (grown == NULL) {
            clv_point_free(point);
            return CLV_ENOMEM;
        }
        out->points = grown;
        out->room = room;
    }
    out->points[out->n_points++] = point;
    return CLV_OK;
}

/* How a candidate is designed. */
typedef struct recipe {
    double step; /* 0: lossless */
    bool turned, wide;
} recipe;

/* Number @p i of N_CANDIDATES; those with a transform come last but for the wide ones. */
static recipe recipe_of(size_t i, bool can_turn)
{
    if (i < N_WIDE_STEPS)
        return (recipe){can_turn ? wide_turned_steps[i] : wide_channel_steps[i], can_turn, true};
    i -= N_WIDE_STEPS;
    return i < N_STEPS ? (recipe){channel_steps[i], false, false}
                       : (recipe){turned_steps[i - N_STEPS], true, false};
}

static clv_status design_point(clv_point **out, const crossing *c, size_t count, bool is_bytes,
                               const recipe *how)
{
    clv_features features = {c->x, count, c->channels, c->rows, c->cols};
    clv_design_options o = CLV_DESIGN_OPTIONS_INIT;

    if (!(how->step > 0))
        return clv_codec_design_lossless(out, c->bytes, count, c->channels, c->rows, c->cols,
                                         LOSSLESS_GROUPS);
    o.metric = c->metric;
    o.transform = how->turned;
    o.step = how->step;
    o.wide = how->wide;
    o.bytes = is_bytes;
    return clv_codec_design(out, &features, &o);
}

static clv_status add_candidate(ladder_job *j, candidates *all, const clv_cut_probe *probe,
                                size_t count, recipe how)
{
    const clv_point **points = all->points + (size_t)all->count * j->n_tensors;

    for (uint32_t i = 0; i < j->n_tensors; i++) {
        clv_dtype dtype = probe->frontier.tensors[i].dtype;
        const crossing *c = &j->crossings[i];
        clv_point *point;
        if (c->channels == 0 || (dtype != CLV_U8 && (dtype != CLV_F32 || !(how.step > 0))))
            continue;
        CLV_TRY(design_point(&point, c, count, dtype == CLV_U8, &how));
        CLV_TRY(own(j->out, point));
        points[i] = point;
    }
    all->rungs[all->count].points = points;
    all->count++;
    return CLV_OK;
}

static bool any_bytes(const ladder_job *j, const clv_cut_probe *probe)
{
    for (uint32_t i = 0; i < j->n_tensors; i++) {
        if (j->crossings[i].channels > 0 && probe->frontier.tensors[i].dtype == CLV_U8)
            return true;
    }
    return false;
}

static clv_status design(ladder_job *j, candidates *all, const clv_cut_probe *probe, size_t count,
                         clv_error *err)
{
    size_t wanted = j->can_turn ? N_CANDIDATES : N_CANDIDATES - N_STEPS;
    char what[48];

    (void)snprintf(what, sizeof what, "cut %u: designing", j->cut);
    all->points = clv_arena_alloc(&j->out->memory, (size_t)CLV_LADDER_MAX_RUNGS * j->n_tensors + 1,
                                  sizeof(const clv_point *));
    if (all->points == NULL)
        return CLV_ENOMEM;
    if (any_bytes(j, probe))
        CLV_TRY(add_candidate(j, all, probe, count, (recipe){0}));
    for (size_t i = 0; i < wanted; i++) {
        CLV_TRY(clv_watcher_tell(&j->o->watcher, what, i + 1, wanted, err));
        CLV_TRY(add_candidate(j, all, probe, count, recipe_of(i, j->can_turn)));
    }
    return CLV_OK;
}

/* --- the ladder ------------------------------------------------------------------------------- */

/* Whether answers are still of use. */
static bool is_useful(const clv_rung *rung)
{
    return rung->snr_db >= LEAST_SNR_DB &&
           (isnan(rung->agreement) || rung->agreement >= LEAST_AGREEMENT);
}

/* Indices of the rungs that stay, most bytes first: what isn't better than a cheaper one goes, and
 * what is of no use, unless none is. */
static uint32_t prune(uint32_t *kept, const candidates *all)
{
    uint32_t order[CLV_LADDER_MAX_RUNGS], n = 0;
    double least = (double)INFINITY;

    for (uint32_t i = 0; i < all->count; i++) { /* by bytes, then by error */
        uint32_t at = i;
        for (; at > 0; at--) {
            const clv_rung *a = &all->rungs[order[at - 1]], *b = &all->rungs[i];
            bool in_order =
                a->bytes_mean < b->bytes_mean ||
                (!(a->bytes_mean > b->bytes_mean) && all->error[order[at - 1]] <= all->error[i]);
            if (in_order)
                break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    for (uint32_t i = 0; i < all->count; i++) {
        bool is_last = i + 1 == all->count && n == 0;
        if (all->error[order[i]] < least && (is_useful(&all->rungs[order[i]]) || is_last)) {
            least = all->error[order[i]];
            kept[n++] = order[i];
        }
    }
    for (uint32_t i = 0; i < n / 2; i++) {
        uint32_t held = kept[i];
        kept[i] = kept[n - 1 - i];
        kept[n - 1 - i] = held;
    }
    return n;
}

static size_t scratch_of(const clv_point *const *points, size_t n)
{
    size_t most = 0;

    for (size_t i = 0; i < n; i++) {
        size_t bytes = points[i] != NULL ? clv_point_scratch_bytes(points[i]) : 0;
        most = bytes > most ? bytes : most;
    }
    return most;
}

static clv_status add_ladder(ladder_job *j, const candidates *all, clv_precision prefix)
{
    clv_cut_ladder *ladder = &j->out->items[j->out->count];
    uint32_t kept[CLV_LADDER_MAX_RUNGS], n = prune(kept, all);
    clv_rung *rungs = clv_arena_alloc(&j->out->memory, n, sizeof *rungs);
    const clv_point **points =
        clv_arena_alloc(&j->out->memory, (size_t)n * j->n_tensors + 1, sizeof(const clv_point *));

    if (rungs == NULL || points == NULL)
        return CLV_ENOMEM;
    for (uint32_t r = 0; r < n; r++) {
        const clv_point **own_points = points + (size_t)r * j->n_tensors;
        rungs[r] = all->rungs[kept[r]];
        memcpy(own_points, rungs[r].points, j->n_tensors * sizeof(const clv_point *));
        rungs[r].points = own_points;
    }
    *ladder = (clv_cut_ladder){.cut = j->cut,
                               .prefix = prefix,
                               .n_tensors = j->n_tensors,
                               .n_rungs = n,
                               .rungs = rungs,
                               .scratch_bytes = scratch_of(points, (size_t)n * j->n_tensors)};
    j->out->count++;
    return CLV_OK;
}

/* Whether a candidate has any point. */
static bool has_points(const ladder_job *j, const candidates *all)
{
    for (uint32_t i = 0; i < j->n_tensors; i++) {
        if (all->points[(size_t)(all->count - 1) * j->n_tensors + i] != NULL)
            return true;
    }
    return false;
}

static clv_status make_ladder(ladder_job *j, clv_cut_probe *probe, clv_precision prefix,
                              clv_error *err)
{
    clv_arena memory = CLV_ARENA_INIT;
    candidates all = {0};
    size_t count = 0;

    clv_status status = make_room(j, &memory, &count);
    if (status == CLV_OK)
        status = collect(j, probe, count, err);
    if (status == CLV_OK)
        status = design(j, &all, probe, count, err);
    clv_arena_done(&memory);
    if (status != CLV_OK || !has_points(j, &all))
        return status;
    clv_cut_ladder trial = {.cut = j->cut,
                            .prefix = prefix,
                            .n_tensors = j->n_tensors,
                            .n_rungs = all.count,
                            .rungs = all.rungs,
                            .scratch_bytes =
                                scratch_of(all.points, (size_t)all.count * j->n_tensors)};
    CLV_TRY(clv_ladder_measure(all.rungs, all.error, &trial, probe, j->answers, j->o, err));
    j->out->designed_on = count;
    return add_ladder(j, &all, prefix);
}

static clv_status make_for(ladder_job *j, clv_precision prefix, clv_error *err)
{
    const clv_ladder_options *o = j->o;
    const clv_graph *front = prefix == CLV_PRECISION_INT8 ? o->int8 : o->plain;
    const clv_graph *back = o->keeps_float ? o->plain : o->int8;
    clv_cut_probe probe = {0};

    clv_status status = clv_cut_probe_init(&probe, front, j->cut, o->backend, o->threads, err);
    if (status == CLV_OK)
        status = clv_cut_probe_join(&probe, back, o->plain, o->backend, o->threads, err);
    if (status == CLV_OK)
        status = make_ladder(j, &probe, prefix, err);
    clv_cut_probe_done(&probe);
    return status;
}

static clv_status make_for_cut(ladder_job *j, clv_error *err)
{
    const clv_ladder_options *o = j->o;
    clv_cut_probe probe = {0};

    clv_status status = clv_cut_probe_init(&probe, o->plain, j->cut, o->backend, o->threads, err);
    if (status == CLV_OK)
        status = look_at_cut(j, &probe);
    if (status == CLV_OK)
        status = find_metrics(j, &probe, err);
    clv_cut_probe_done(&probe);
    if (status == CLV_OK && o->keeps_float)
        status = make_for(j, CLV_PRECISION_FLOAT, err);
    if (status == CLV_OK && o->int8 != NULL)
        status = make_for(j, CLV_PRECISION_INT8, err);
    return status;
}

static clv_status make_all(clv_codec_ladders *out, const clv_ladder_options *o,
                           const clv_answers *answers, const uint32_t *cuts, uint32_t n_cuts,
                           clv_error *err)
{
    for (uint32_t i = 0; i < n_cuts; i++) {
        ladder_job j = {.o = o,
                        .out = out,
                        .answers = answers,
                        .design = samples_to_design_on(&o->samples),
                        .cut = cuts[i]};
        if (cuts[i] >= o->plain->n_nodes)
            return clv_fail(err, CLV_EINVAL, o->plain->name, "there is no cut %u", cuts[i]);
        clv_status status = make_for_cut(&j, err);
        clv_arena_done(&j.memory);
        if (status != CLV_OK && err != NULL && err->message[0] == '\0')
            return clv_fail(err, status, o->plain->name, "cut %u has no ladder: %s", cuts[i],
                            clv_status_text(status));
        if (status != CLV_OK)
            return status;
    }
    return CLV_OK;
}

clv_status clv_codec_ladders_make(clv_codec_ladders *out, const clv_ladder_options *o,
                                  const uint32_t *cuts, uint32_t n_cuts, clv_error *err)
{
    bool few = o->samples.count < FEW_SAMPLES;
    clv_answers answers = {0};

    *out = (clv_codec_ladders){0};
    if (o->samples.count == 0)
        return clv_fail(err, CLV_EINVAL, o->plain->name, "there are no samples to design with");
    out->items = clv_arena_alloc(&out->memory, 2 * (size_t)n_cuts + 1, sizeof *out->items);
    clv_status status = out->items != NULL ? CLV_OK : CLV_ENOMEM;
    if (status == CLV_OK)
        status = clv_answers_make(&answers, o, few ? 0 : 1, few ? 1 : 2, err);
    if (status == CLV_OK)
        status = make_all(out, o, &answers, cuts, n_cuts, err);
    out->measured_on = answers.count;
    clv_answers_done(&answers);
    return status;
}

void clv_codec_ladders_done(clv_codec_ladders *ladders)
{
    for (uint32_t i = 0; i < ladders->n_points; i++)
        clv_point_free(ladders->points[i]);
    clv_free(ladders->points);
    clv_arena_done(&ladders->memory);
    *ladders = (clv_codec_ladders){0};
}
