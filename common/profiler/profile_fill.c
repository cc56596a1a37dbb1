/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profiler/profiler_parts.h"

clv_status clv_point_list_add(clv_point_list *list, const clv_profile_point *point)
{
    if (list->count == CLV_PROFILE_MAX_POINTS)
        return CLV_ELIMIT;
    if (list->count == list->cap) {
        uint32_t cap = 2 * list->cap + 64;
        void *items = clv_realloc_array(list->items, cap, sizeof *list->items);
        if (items == NULL)
            return CLV_ENOMEM;
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = *point;
    return CLV_OK;
}

static int compare_points(const void *left, const void *right)
{
    const clv_profile_point *a = left, *b = right;
    int order = (a->cut > b->cut) - (a->cut < b->cut);

    if (order == 0)
        order = (a->precision > b->precision) - (a->precision < b->precision);
    if (order == 0)
        order = strcmp(a->codec, b->codec);
    return order != 0 ? order : (a->point > b->point) - (a->point < b->point);
}

clv_status clv_point_list_give(clv_profile *profile, clv_point_list *list)
{
    if (list->count > 0)
        qsort(list->items, list->count, sizeof *list->items, compare_points);
    for (uint32_t i = 0; i < list->count; i++)
        CLV_TRY(clv_profile_add_point(profile, &list->items[i]));
    return CLV_OK;
}

/* --- points that weren't measured ------------------------------------------------------------ */

/* Codecs whose cost follows from the bytes alone. */
static const char *const fillable[] = {"float", "uint8", "zstd", "lz4"};

static uint32_t distance(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* The measured point of the codec that lies nearest to the cut, or NULL. Cut 0 is the input, which
 * is unlike what comes behind it: it serves where there is no other. */
static const clv_profile_point *find_nearest(const clv_profile *p, const clv_profile_run *run,
                                             uint32_t cut, const char *codec)
{
    const clv_profile_point *best = NULL;

    for (uint32_t i = 0; i < p->n_points; i++) {
        const clv_profile_point *point = &p->points[i];
        if (point->precision != run->precision || strcmp(point->codec, codec) != 0 ||
            run->cut_bytes[point->cut] == 0)
            continue;
        bool nearer =
            best == NULL || best->cut == 0 || distance(point->cut, cut) < distance(best->cut, cut);
        if (nearer)
            best = point;
    }
    return best;
}

static clv_profile_time scale(clv_profile_time t, double factor)
{
    return (clv_profile_time){(uint64_t)((double)t.min_ns * factor),
                              (uint64_t)((double)t.spread_ns * factor)};
}

static clv_status fill_point(clv_point_list *list, const clv_profile *p, const clv_profile_run *run,
                             uint32_t cut, const char *codec)
{
    if (clv_profile_find_point(p, cut, run->precision, codec, 0) != NULL)
        return CLV_OK;
    const clv_profile_point *near = find_nearest(p, run, cut, codec);
    if (near == NULL)
        return CLV_OK;
    double factor = (double)run->cut_bytes[cut] / (double)run->cut_bytes[near->cut];
    clv_profile_point point = *near;
    point.cut = cut;
    point.mean_bytes *= factor;
    point.p95_bytes *= factor;
    point.encode = scale(near->encode, factor);
    point.decode = scale(near->decode, factor);
    return clv_point_list_add(list, &point);
}

static clv_status fill_run(clv_point_list *list, const clv_profile *p, const clv_profile_run *run)
{
    for (uint32_t cut = 0; cut < p->n_nodes; cut++) {
        for (size_t i = 0; i < sizeof fillable / sizeof fillable[0]; i++)
            CLV_TRY(fill_point(list, p, run, cut, fillable[i]));
    }
    return CLV_OK;
}

static clv_status copy_runs(clv_profile *out, const clv_profile *p)
{
    size_t cuts = (size_t)p->n_nodes + 1;

    memcpy(out->processor, p->processor, sizeof out->processor);
    out->bundle = p->bundle;
    out->threads = p->threads;
    out->preprocess = p->preprocess;
    memcpy(out->nodes, p->nodes, p->n_nodes * sizeof *p->nodes);
    for (uint32_t i = 0; i < p->n_runs; i++) {
        const clv_profile_run *from = &p->runs[i];
        uint32_t index;
        CLV_TRY(clv_profile_add_run(&index, out, from->precision, from->batch));
        clv_profile_run *to = &out->runs[index];
        to->whole = from->whole;
        memcpy(to->nodes, from->nodes, p->n_nodes * sizeof *to->nodes);
        memcpy(to->peak_bytes, from->peak_bytes, cuts * sizeof *to->peak_bytes);
        memcpy(to->cut_bytes, from->cut_bytes, cuts * sizeof *to->cut_bytes);
    }
    return CLV_OK;
}

static clv_status fill(clv_profile *out, clv_point_list *list, const clv_profile *p)
{
    CLV_TRY(copy_runs(out, p));
    for (uint32_t i = 0; i < p->n_points; i++)
        CLV_TRY(clv_point_list_add(list, &p->points[i]));
    for (uint32_t i = 0; i < p->n_runs; i++) {
        if (p->runs[i].batch == 1)
            CLV_TRY(fill_run(list, p, &p->runs[i]));
    }
    return clv_point_list_give(out, list);
}

clv_status clv_profile_fill(clv_profile **out, const clv_profile *profile)
{
    clv_profile *filled = NULL;
    clv_point_list list = {0};

    CLV_TRY(clv_profile_create(&filled, profile->n_nodes));
    clv_status status = fill(filled, &list, profile);
    clv_free(list.items);
    if (status != CLV_OK) {
        clv_profile_free(filled);
        return status;
    }
    *out = filled;
    return CLV_OK;
}
