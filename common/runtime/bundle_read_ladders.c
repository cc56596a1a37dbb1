/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/bundle_ladders.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "graph/frontier.h"
#include "runtime/bundle_format.h"

typedef struct reader {
    clv_ladder_store *store;
    const clv_weights *weights;
    const clv_graph *graph; /* whose frontier it is */
    clv_frontier frontier;
    uint32_t index;   /* of the ladder */
    uint32_t room;    /* for points */
    uint32_t groups;  /* of all points so far */
    uint64_t claimed; /* bytes of all points so far: they don't overlap */
    clv_error *err;
} reader;

void clv_ladder_store_done(clv_ladder_store *store)
{
    for (uint32_t i = 0; i < store->n_points; i++)
        clv_point_free(store->points[i]);
    clv_free(store->points);
    clv_arena_done(&store->memory);
    *store = (clv_ladder_store){0};
}

static clv_status bad(const reader *r, clv_status status, const char *what)
{
    char where[48];
    (void)snprintf(where, sizeof where, "manifest, ladder %u", r->index);
    return clv_fail(r->err, status, where, "%s", what);
}

static clv_status read_point(const clv_point **out, reader *r, const Clv__Pb__CodecPoint *m,
                             const clv_tensor *tensor)
{
    clv_ladder_store *store = r->store;
    clv_point *point;

    if (m->bytes == 0)
        return m->offset == 0 ? CLV_OK : bad(r, CLV_EFORMAT, "a point has a place but no bytes");
    if (m->offset > r->weights->bytes || m->bytes > r->weights->bytes - m->offset ||
        r->claimed + m->bytes > r->weights->bytes)
        return bad(r, CLV_EFORMAT, "a point lies outside of the weights");
    r->claimed += m->bytes;
    if (store->n_points == r->room)
        return bad(r, CLV_ELIMIT, "the model has too many points");
    clv_status status = clv_point_parse(&point, r->weights->data + m->offset, m->bytes, r->err);
    if (status != CLV_OK)
        return clv_error_prefix(r->err, status, "manifest, ladder");
    store->points[store->n_points++] = point;
    r->groups += point->n_groups;
    if (r->groups > CLV_BUNDLE_MAX_GROUPS)
        return bad(r, CLV_ELIMIT, "the model's points have too many groups");
    if (!clv_point_fits(point, tensor))
        return bad(r, CLV_EFORMAT, "a point doesn't fit its tensor");
    *out = point;
    return CLV_OK;
}

static bool in_range(double x, double least, double most)
{
    return isfinite(x) && x >= least && x <= most;
}

static clv_status read_figures(clv_rung *out, const reader *r, const Clv__Pb__Rung *m)
{
    const double most = (double)CLV_BUNDLE_MAX_BYTES;
    bool good = in_range(m->bytes_mean, 0, most) && in_range(m->bytes_p95, 0, most) &&
                in_range(m->agreement, 0, 1) && isfinite(m->snr_db) &&
                in_range(m->box_error, 0, 1e6) && in_range(m->score_error, 0, 1e6);
    if (!good)
        return bad(r, CLV_EFORMAT, "a rung's figure is out of range");
    out->bytes_mean = m->bytes_mean;
    out->bytes_p95 = m->bytes_p95;
    out->agreement = m->classes ? m->agreement : (double)NAN;
    out->snr_db = m->snr_db;
    out->box_error = m->boxes ? m->box_error : (double)NAN;
    out->score_error = m->boxes ? m->score_error : (double)NAN;
    return CLV_OK;
}

static clv_status read_rung(clv_rung *out, const clv_point **points, reader *r,
                            const Clv__Pb__Rung *m)
{
    if (m->n_points != r->frontier.count)
        return bad(r, CLV_EFORMAT, "a rung hasn't one point for each tensor");
    for (uint32_t i = 0; i < r->frontier.count; i++) {
        const clv_value *value = &r->graph->values[r->frontier.values[i]];
        CLV_TRY(read_point(&points[i], r, m->points[i], &value->tensor));
    }
    out->points = points;
    return read_figures(out, r, m);
}

static clv_status read_rungs(clv_cut_ladder *out, reader *r, const Clv__Pb__CutLadder *m)
{
    uint32_t n_rungs = (uint32_t)m->n_rungs, n = r->frontier.count;
    clv_rung *rungs = clv_arena_alloc(&r->store->memory, n_rungs, sizeof *rungs);
    const clv_point **points =
        clv_arena_alloc(&r->store->memory, (size_t)n_rungs * n + 1, sizeof(const clv_point *));

    if (rungs == NULL || points == NULL)
        return bad(r, CLV_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < n_rungs; i++) {
        CLV_TRY(read_rung(&rungs[i], points + (size_t)i * n, r, m->rungs[i]));
        if (i > 0 && rungs[i].bytes_mean > rungs[i - 1].bytes_mean)
            return bad(r, CLV_EFORMAT, "its rungs aren't in order");
    }
    for (size_t i = 0; i < (size_t)n_rungs * n; i++) {
        size_t bytes = points[i] != NULL ? clv_point_scratch_bytes(points[i]) : 0;
        out->scratch_bytes = bytes > out->scratch_bytes ? bytes : out->scratch_bytes;
    }
    out->n_tensors = n;
    out->n_rungs = n_rungs;
    out->rungs = rungs;
    return CLV_OK;
}

/* Frontiers are the same in both forms; types aren't. */
static clv_status read_ladder(clv_cut_ladder *out, reader *r, const clv_model *model,
                              const clv_frontiers *frontiers, const Clv__Pb__CutLadder *m)
{
    r->graph =
        m->prefix < CLV_PRECISION_COUNT ? clv_model_graph(model, (clv_precision)m->prefix) : NULL;
    if (r->graph == NULL)
        return bad(r, CLV_EFORMAT, "there is no such form");
    if (m->cut >= r->graph->n_nodes)
        return bad(r, CLV_EFORMAT, "there is no such cut");
    if (m->n_rungs == 0 || m->n_rungs > CLV_LADDER_MAX_RUNGS)
        return bad(r, CLV_EFORMAT, "it has no rungs, or too many");
    if (clv_cut_ladder_find(model->ladders, r->index, m->cut, (clv_precision)m->prefix) != NULL)
        return bad(r, CLV_EFORMAT, "another one is for the same cut");
    r->frontier = clv_frontiers_at(frontiers, m->cut);
    if (r->frontier.count > CLV_ACTIVATION_MAX_TENSORS)
        return bad(r, CLV_ELIMIT, "too many tensors cross there");
    out->cut = m->cut;
    out->prefix = (clv_precision)m->prefix;
    return read_rungs(out, r, m);
}

static clv_status read_all(clv_model *model, reader *r, const clv_frontiers *frontiers,
                           const Clv__Pb__Model *m)
{
    clv_cut_ladder *ladders = clv_arena_alloc(&r->store->memory, m->n_ladders, sizeof *ladders);
    size_t wanted = 0;

    for (size_t i = 0; i < m->n_ladders; i++) {
        for (size_t k = 0; k < m->ladders[i]->n_rungs; k++)
            wanted += m->ladders[i]->rungs[k]->n_points;
    }
    r->room = wanted < CLV_BUNDLE_MAX_POINTS ? (uint32_t)wanted : CLV_BUNDLE_MAX_POINTS;
    r->store->points = clv_calloc(r->room + 1u, sizeof(clv_point *));
    if (ladders == NULL || r->store->points == NULL)
        return bad(r, CLV_ENOMEM, "out of memory");
    model->ladders = ladders;
    for (; r->index < m->n_ladders; r->index++)
        CLV_TRY(read_ladder(&ladders[r->index], r, model, frontiers, m->ladders[r->index]));
    model->n_ladders = (uint32_t)m->n_ladders;
    return CLV_OK;
}

clv_status clv_bundle_read_ladders(clv_model *model, clv_ladder_store *store,
                                   const Clv__Pb__Model *m, const clv_weights *weights,
                                   clv_error *err)
{
    reader r = {.store = store, .weights = weights, .err = err};
    clv_frontiers *frontiers = NULL;

    if (m->n_ladders == 0)
        return CLV_OK;
    if (m->n_ladders > CLV_BUNDLE_MAX_LADDERS)
        return bad(&r, CLV_ELIMIT, "there are too many ladders");
    clv_status status = clv_frontiers_create(&frontiers, model->graph);
    if (status != CLV_OK)
        return clv_fail(err, status, "manifest, ladders", "no room for the frontiers: %s",
                        clv_status_text(status));
    status = read_all(model, &r, frontiers, m);
    clv_frontiers_free(frontiers);
    return status;
}
