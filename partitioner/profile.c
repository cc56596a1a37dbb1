/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner/profile.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"

clv_status clv_profile_create(clv_profile **out, uint32_t n_nodes)
{
    if (n_nodes > CLV_GRAPH_MAX_NODES)
        return CLV_ELIMIT;
    clv_profile *profile = clv_calloc(1, sizeof *profile);
    if (profile == NULL)
        return CLV_ENOMEM;
    profile->n_nodes = n_nodes;
    profile->nodes = clv_arena_alloc(&profile->arena, (size_t)n_nodes + 1, sizeof *profile->nodes);
    if (profile->nodes == NULL) {
        clv_profile_free(profile);
        return CLV_ENOMEM;
    }
    *out = profile;
    return CLV_OK;
}

void clv_profile_free(clv_profile *profile)
{
    if (profile == NULL)
        return;
    clv_arena_done(&profile->arena);
    clv_free(profile->runs);
    clv_free(profile->points);
    clv_free(profile);
}

clv_status clv_profile_add_run(uint32_t *index_out, clv_profile *profile, unsigned precision,
                               uint32_t batch)
{
    size_t cuts = (size_t)profile->n_nodes + 1;

    if (batch == 0)
        return CLV_EINVAL;
    if (profile->n_runs >= CLV_PROFILE_MAX_RUNS || batch > CLV_PROFILE_MAX_BATCH)
        return CLV_ELIMIT;
    clv_profile_run run = {.precision = precision, .batch = batch};
    run.nodes = clv_arena_alloc(&profile->arena, cuts, sizeof *run.nodes);
    run.peak_bytes = clv_arena_alloc(&profile->arena, cuts, sizeof *run.peak_bytes);
    run.cut_bytes = clv_arena_alloc(&profile->arena, cuts, sizeof *run.cut_bytes);
    if (run.nodes == NULL || run.peak_bytes == NULL || run.cut_bytes == NULL)
        return CLV_ENOMEM;
    void *runs =
        clv_realloc_array(profile->runs, (size_t)profile->n_runs + 1, sizeof *profile->runs);
    if (runs == NULL)
        return CLV_ENOMEM;
    profile->runs = runs;
    profile->runs[profile->n_runs] = run;
    *index_out = profile->n_runs++;
    return CLV_OK;
}

clv_status clv_profile_add_point(clv_profile *profile, const clv_profile_point *point)
{
    uint32_t n = profile->n_points;

    if (point->cut > profile->n_nodes || (n > 0 && profile->points[n - 1].cut > point->cut))
        return CLV_EINVAL;
    if (n >= CLV_PROFILE_MAX_POINTS)
        return CLV_ELIMIT;
    if (n == profile->cap_points) {
        uint32_t cap = 2 * n + 16;
        void *points = clv_realloc_array(profile->points, cap, sizeof *profile->points);
        if (points == NULL)
            return CLV_ENOMEM;
        profile->points = points;
        profile->cap_points = cap;
    }
    profile->points[profile->n_points++] = *point;
    return CLV_OK;
}

/* --- what is possible ----------------------------------------------------------------------- */

static bool time_is_possible(const clv_profile_time *t)
{
    return t->min_ns <= CLV_PROFILE_MAX_VALUE && t->spread_ns <= CLV_PROFILE_MAX_VALUE;
}

static bool has_end(const char *text, size_t cap)
{
    return memchr(text, 0, cap) != NULL;
}

static clv_status check_run(const clv_profile *p, uint32_t index, clv_error *err)
{
    const clv_profile_run *run = &p->runs[index];
    uint64_t total = 0;
    char where[32];

    (void)snprintf(where, sizeof where, "run %u", index);
    for (uint32_t i = 0; i < index; i++) {
        if (p->runs[i].precision == run->precision && p->runs[i].batch == run->batch)
            return clv_fail(err, CLV_EFORMAT, where, "is there twice");
    }
    if (!time_is_possible(&run->whole))
        return clv_fail(err, CLV_ELIMIT, where, "takes too long");
    for (uint32_t i = 0; i < p->n_nodes; i++) {
        total += time_is_possible(&run->nodes[i]) ? run->nodes[i].min_ns : CLV_PROFILE_MAX_VALUE;
        if (total >= CLV_PROFILE_MAX_VALUE)
            return clv_fail(err, CLV_ELIMIT, where, "node %u takes too long", i);
    }
    for (uint32_t k = 0; k <= p->n_nodes; k++) {
        if (run->peak_bytes[k] > CLV_PROFILE_MAX_VALUE || run->cut_bytes[k] > CLV_PROFILE_MAX_VALUE)
            return clv_fail(err, CLV_ELIMIT, where, "cut %u has too many bytes", k);
    }
    return CLV_OK;
}

static bool bytes_are_possible(double bytes)
{
    return bytes >= 0.0 && bytes <= (double)CLV_PROFILE_MAX_VALUE; /* false for a NaN */
}

static clv_status check_point(const clv_profile *p, uint32_t index, clv_error *err)
{
    const clv_profile_point *point = &p->points[index];
    char where[32];

    (void)snprintf(where, sizeof where, "point %u", index);
    if (!has_end(point->codec, sizeof point->codec) || point->codec[0] == '\0')
        return clv_fail(err, CLV_EFORMAT, where, "its codec has no name");
    if (point->cut > p->n_nodes || (index > 0 && p->points[index - 1].cut > point->cut))
        return clv_fail(err, CLV_EFORMAT, where, "its cut is %u: not in order, or none",
                        point->cut);
    if (!bytes_are_possible(point->mean_bytes) || !bytes_are_possible(point->p95_bytes))
        return clv_fail(err, CLV_ELIMIT, where, "a number of bytes that can't be");
    if (!time_is_possible(&point->encode) || !time_is_possible(&point->decode))
        return clv_fail(err, CLV_ELIMIT, where, "takes too long");
    if (!(point->agreement >= 0.0 && point->agreement <= 1.0))
        return clv_fail(err, CLV_EFORMAT, where, "its agreement isn't in 0 .. 1");
    return CLV_OK;
}

clv_status clv_profile_check(const clv_profile *profile, clv_error *err)
{
    if (!has_end(profile->processor, sizeof profile->processor))
        return clv_fail(err, CLV_EFORMAT, "processor", "its name has no end");
    if (!time_is_possible(&profile->preprocess))
        return clv_fail(err, CLV_ELIMIT, "preprocess", "takes too long");
    if (profile->n_runs > CLV_PROFILE_MAX_RUNS || profile->n_points > CLV_PROFILE_MAX_POINTS)
        return clv_fail(err, CLV_ELIMIT, NULL, "too many runs or points");
    for (uint32_t i = 0; i < profile->n_nodes; i++) {
        const clv_profile_node *node = &profile->nodes[i];
        if (!has_end(node->name, sizeof node->name) || !has_end(node->op, sizeof node->op))
            return clv_fail(err, CLV_EFORMAT, "nodes", "the name of node %u has no end", i);
    }
    for (uint32_t i = 0; i < profile->n_runs; i++)
        CLV_TRY(check_run(profile, i, err));
    for (uint32_t i = 0; i < profile->n_points; i++)
        CLV_TRY(check_point(profile, i, err));
    return CLV_OK;
}

/* --- looking up ----------------------------------------------------------------------------- */

const clv_profile_run *clv_profile_find_run(const clv_profile *profile, unsigned precision,
                                            uint32_t batch)
{
    for (uint32_t i = 0; i < profile->n_runs; i++) {
        if (profile->runs[i].precision == precision && profile->runs[i].batch == batch)
            return &profile->runs[i];
    }
    return NULL;
}

uint32_t clv_profile_points_from(const clv_profile *profile, uint32_t cut)
{
    uint32_t low = 0, high = profile->n_points;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (profile->points[middle].cut < cut)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const clv_profile_point *clv_profile_find_point(const clv_profile *profile, uint32_t cut,
                                                unsigned precision, const char *codec,
                                                uint32_t point)
{
    for (uint32_t i = clv_profile_points_from(profile, cut);
         i < profile->n_points && profile->points[i].cut == cut; i++) {
        const clv_profile_point *p = &profile->points[i];
        if (p->precision == precision && p->point == point && strcmp(p->codec, codec) == 0)
            return p;
    }
    return NULL;
}
