/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/codec_ladder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "runtime/topk.h"

#define MAX_FEATURE_BYTES ((size_t)1 << 30)
#define METRIC_SAMPLES 64u
#define MAX_TURNED 256u /* channels: beyond, a transform isn't worth its time */
#define N_STEPS 6u

static const double turned_steps[N_STEPS] = {0.03, 0.045, 0.06, 0.08, 0.1, 0.13};
static const double channel_steps[N_STEPS] = {0.2, 0.4, 0.6, 0.9, 1.3, 1.8};

typedef struct ladder_job {
    clv_cut_probe *probe;
    const clv_samples *samples;
    const clv_watcher *watcher;
    clv_features features;
    float *x;
    size_t elems, n_outputs; /* of the tensor; of all float outputs */
    bool classifier;
    float *answers; /* [samples, n_outputs] */
    double *metric;
    clv_arena memory;
} ladder_job;

static size_t float_elems(const clv_tensor *t)
{
    size_t n = 0;
    return t->dtype == CLV_F32 && clv_shape_elems(&n, &t->shape) == CLV_OK ? n : 0;
}

static clv_status look_at_cut(ladder_job *j, clv_error *err)
{
    const clv_tensor_set *outputs = &j->probe->outputs;
    const clv_tensor *t = j->probe->frontier.tensors;
    const char *name = j->probe->graph->name;

    if (j->probe->frontier.count != 1 || t->dtype != CLV_F32 || t->shape.rank < 2 ||
        t->shape.dim[0] != 1 || float_elems(t) == 0 || j->samples->count == 0)
        return clv_fail(err, CLV_EINVAL, name, "no single tensor with channels crosses there");
    j->elems = float_elems(t);
    j->classifier = outputs->count > 0 && clv_topk_applies(&outputs->tensors[0]);
    for (uint32_t i = 0; i < outputs->count; i++)
        j->n_outputs += float_elems(&outputs->tensors[i]);
    uint32_t channels = (uint32_t)t->shape.dim[1];
    uint32_t rows = t->shape.rank == 4 ? (uint32_t)t->shape.dim[2] : 1;
    size_t count = j->samples->count;
    if ((j->elems + j->n_outputs) > MAX_FEATURE_BYTES / sizeof(float) / count)
        return clv_fail(err, CLV_ELIMIT, name, "too much crosses there to design with");
    j->x = clv_arena_alloc(&j->memory, count * j->elems, sizeof *j->x);
    j->answers = clv_arena_alloc(&j->memory, count * j->n_outputs, sizeof *j->answers);
    j->metric = clv_arena_alloc(&j->memory, (size_t)channels * channels, sizeof *j->metric);
    if (j->x == NULL || j->answers == NULL || j->metric == NULL)
        return clv_fail(err, CLV_ENOMEM, name, "out of memory");
    j->features =
        (clv_features){j->x, count, channels, rows, (uint32_t)(j->elems / channels / rows)};
    return CLV_OK;
}

static void keep_outputs(const ladder_job *j, float *out)
{
    for (uint32_t i = 0; i < j->probe->outputs.count; i++) {
        const clv_tensor *t = &j->probe->outputs.tensors[i];
        if (float_elems(t) > 0)
            memcpy(out, t->data, float_elems(t) * sizeof *out);
        out += float_elems(t);
    }
}

static clv_status collect(ladder_job *j, clv_error *err)
{
    for (size_t i = 0; i < j->samples->count; i++) {
        CLV_TRY(clv_watcher_tell(j->watcher, "crossing", i + 1, j->samples->count, err));
        CLV_TRY(clv_cut_probe_prefix(j->probe, j->samples, i, err));
        memcpy(j->x + i * j->elems, j->probe->frontier.tensors[0].data, j->elems * sizeof *j->x);
        CLV_TRY(clv_cut_probe_suffix(j->probe, err));
        keep_outputs(j, j->answers + i * j->n_outputs);
    }
    return CLV_OK;
}

/* --- measuring ------------------------------------------------------------------------------- */

/* What a point needs while it is measured. */
typedef struct bench_of_point {
    uint8_t *coded;
    void *scratch;
    double *bytes;
    double *error, *energy; /* of each output */
    float *now;             /* outputs, one behind another */
    size_t same;
} bench_of_point;

static int64_t best_of(const clv_tensor *like, float *data)
{
    clv_tensor t = {CLV_F32, like->shape, data};
    clv_top top = {0};
    (void)clv_topk(&top, 1, &t);
    return top.index;
}

static void compare_outputs(const ladder_job *j, bench_of_point *b, size_t sample)
{
    const clv_tensor_set *outputs = &j->probe->outputs;
    float *then = j->answers + sample * j->n_outputs;
    size_t at = 0;

    keep_outputs(j, b->now);
    if (j->classifier)
        b->same += best_of(&outputs->tensors[0], b->now) == best_of(&outputs->tensors[0], then);
    for (uint32_t i = 0; i < outputs->count; i++) {
        for (size_t n = float_elems(&outputs->tensors[i]); n > 0; n--, at++) {
            double e = (double)b->now[at] - then[at];
            b->error[i] += e * e;
            b->energy[i] += (double)then[at] * then[at];
        }
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void sum_up(const ladder_job *j, bench_of_point *b, clv_codec_rung *rung)
{
    size_t count = j->samples->count;

    qsort(b->bytes, count, sizeof *b->bytes, compare_doubles);
    for (size_t i = 0; i < count; i++)
        rung->bytes_mean += b->bytes[i] / (double)count;
    rung->bytes_p95 = b->bytes[count * 95 / 100];
    rung->agreement = j->classifier ? (double)b->same / (double)count : 1;
    for (uint32_t i = 0; i < j->probe->outputs.count; i++)
        rung->error = fmax(rung->error, b->energy[i] > 0 ? b->error[i] / b->energy[i] : 0);
}

static clv_status measure_with(ladder_job *j, bench_of_point *b, clv_codec_rung *rung,
                               clv_error *err)
{
    size_t bytes, bound = clv_point_bound(rung->point);

    for (size_t i = 0; i < j->samples->count; i++) {
        CLV_TRY(clv_point_encode(&bytes, rung->point, j->x + i * j->elems, b->scratch, b->coded,
                                 bound));
        CLV_TRY(clv_point_decode(j->probe->frontier.tensors[0].data, rung->point, b->scratch,
                                 b->coded, bytes));
        b->bytes[i] = (double)bytes;
        CLV_TRY(clv_cut_probe_suffix(j->probe, err));
        compare_outputs(j, b, i);
    }
    sum_up(j, b, rung);
    return CLV_OK;
}

static clv_status measure(ladder_job *j, clv_codec_rung *rung, clv_error *err)
{
    clv_status status = CLV_ENOMEM;
    size_t n_outputs = j->probe->outputs.count + 1u;
    bench_of_point b = {.coded = clv_calloc(clv_point_bound(rung->point), 1),
                        .scratch = clv_alloc_aligned(clv_point_scratch_bytes(rung->point)),
                        .bytes = clv_calloc(j->samples->count, sizeof *b.bytes),
                        .error = clv_calloc(n_outputs, sizeof *b.error),
                        .energy = clv_calloc(n_outputs, sizeof *b.energy),
                        .now = clv_calloc(j->n_outputs + 1, sizeof *b.now)};

    if (b.coded != NULL && b.scratch != NULL && b.bytes != NULL && b.error != NULL &&
        b.energy != NULL && b.now != NULL)
        status = measure_with(j, &b, rung, err);
    clv_free(b.coded);
    clv_free(b.scratch);
    clv_free(b.bytes);
    clv_free(b.error);
    clv_free(b.energy);
    clv_free(b.now);
    return status;
}

/* --- the ladder ------------------------------------------------------------------------------ */

static clv_status add_rung(clv_codec_ladder *out, ladder_job *j, bool transform, double step,
                           clv_error *err)
{
    clv_codec_rung rung = {.transform = transform, .step = step};
    clv_design_options o = CLV_DESIGN_OPTIONS_INIT;

    o.metric = j->metric;
    o.transform = transform;
    o.step = step;
    CLV_TRY(clv_codec_design(&rung.point, &j->features, &o));
    clv_status status = measure(j, &rung, err);
    if (status == CLV_OK)
        out->rungs[out->count++] = rung;
    else
        clv_point_free(rung.point);
    return status;
}

static clv_status add_rungs(clv_codec_ladder *out, ladder_job *j, clv_error *err)
{
    bool can_turn = j->features.channels <= MAX_TURNED;
    size_t all = can_turn ? 2 * N_STEPS : N_STEPS;

    for (size_t i = 0; i < all; i++) {
        bool turned = i >= N_STEPS;
        CLV_TRY(clv_watcher_tell(j->watcher, "designing", i + 1, all, err));
        CLV_TRY(
            add_rung(out, j, turned, turned ? turned_steps[i - N_STEPS] : channel_steps[i], err));
    }
    return CLV_OK;
}

static int compare_rungs(const void *a, const void *b)
{
    const clv_codec_rung *x = a, *y = b;
    if (x->bytes_mean != y->bytes_mean)
        return x->bytes_mean > y->bytes_mean ? -1 : 1;
    return x->error < y->error ? 1 : x->error > y->error ? -1 : 0;
}

/* From the cheapest one up: what isn't better than a cheaper one goes. */
static void prune(clv_codec_ladder *l)
{
    double least = INFINITY;
    uint32_t kept = l->count;

    qsort(l->rungs, l->count, sizeof *l->rungs, compare_rungs);
    for (uint32_t i = l->count; i-- > 0;) {
        if (l->rungs[i].error < least) {
            least = l->rungs[i].error;
            clv_codec_rung held = l->rungs[i];
            l->rungs[i].point = NULL;
            l->rungs[--kept] = held;
        } else {
            clv_point_free(l->rungs[i].point);
            l->rungs[i].point = NULL;
        }
    }
    memmove(l->rungs, l->rungs + kept, (l->count - kept) * sizeof *l->rungs);
    l->count -= kept;
}

clv_status clv_codec_ladder_make(clv_codec_ladder *out, clv_cut_probe *probe,
                                 const clv_samples *samples, const clv_watcher *watcher,
                                 clv_error *err)
{
    ladder_job j = {.probe = probe, .samples = samples, .watcher = watcher};

    *out = (clv_codec_ladder){0};
    clv_status status = look_at_cut(&j, err);
    if (status == CLV_OK)
        status = collect(&j, err);
    if (status == CLV_OK)
        status = clv_cut_probe_metric(j.metric, probe, 0, samples, METRIC_SAMPLES, watcher, err);
    if (status == CLV_OK)
        status = add_rungs(out, &j, err);
    if (status == CLV_OK)
        prune(out);
    clv_arena_done(&j.memory);
    return status;
}

void clv_codec_ladder_done(clv_codec_ladder *ladder)
{
    for (uint32_t i = 0; i < ladder->count; i++)
        clv_point_free(ladder->rungs[i].point);
    *ladder = (clv_codec_ladder){0};
}

const clv_codec_rung *clv_codec_ladder_pick(const clv_codec_ladder *ladder, double min_agreement)
{
    for (uint32_t i = ladder->count; i-- > 0;) {
        if (ladder->rungs[i].agreement >= min_agreement)
            return &ladder->rungs[i];
    }
    return NULL;
}
