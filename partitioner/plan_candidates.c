/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner/plan_candidates.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* Both halves' programs, and what nodes before the cut at hand cost. */
typedef struct collector {
    clv_plan_candidates *out;
    const clv_profile *device, *server;
    const clv_plan_options *options;
    const clv_profile_run *front, *back;
    uint64_t before_ns, behind_ns, macs;
} collector;

static bool keeps_limits(const clv_plan_candidate *c, const clv_plan_options *o)
{
    const clv_plan_limits *l = &o->limits;

    if (l->max_cut > 0 && c->cut > l->max_cut)
        return false;
    if (l->device_memory_bytes > 0 && c->peak_bytes > l->device_memory_bytes)
        return false;
    if (!c->ships)
        return true;
    return c->cut >= l->min_cut && c->agreement >= l->min_agreement &&
           (l->bytes_per_s <= 0.0 || c->bytes * o->frames_per_s <= l->bytes_per_s);
}

static clv_status add(clv_plan_candidates *list, const clv_plan_candidate *c,
                      const clv_plan_options *options)
{
    list->considered++;
    if (!keeps_limits(c, options))
        return CLV_OK;
    if (list->count == list->cap) {
        uint32_t cap = 2 * list->cap + 64;
        if (cap > CLV_PLAN_MAX_CANDIDATES)
            return CLV_ELIMIT;
        void *items = clv_realloc_array(list->items, cap, sizeof *list->items);
        if (items == NULL)
            return CLV_ENOMEM;
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = *c;
    return CLV_OK;
}

/* What the cut alone decides. */
static clv_plan_candidate at_cut(const collector *s, uint32_t cut)
{
    return (clv_plan_candidate){.ships = true,
                                .cut = cut,
                                .device_precision = s->front->precision,
                                .device_ns = s->device->preprocess.min_ns + s->before_ns,
                                .device_macs = s->macs,
                                .peak_bytes = s->front->peak_bytes[cut]};
}

static bool is_frame(const char *codec)
{
    return strcmp(codec, "pixels") == 0 || strcmp(codec, "jpeg") == 0;
}

/* A way to ship from the cut at hand. The server decodes each frame of a batch. */
static clv_status add_point(collector *s, const clv_profile_point *p)
{
    clv_plan_candidate c = at_cut(s, p->cut);
    uint64_t batch = s->back->batch;
    const clv_profile_point *decoded =
        clv_profile_find_point(s->server, p->cut, p->precision, p->codec, p->point);
    double fixed =
        (double)s->options->message_bytes + (double)s->back->cut_bytes[s->device->n_nodes];

    c.server_precision = s->back->precision;
    c.server_ns = s->behind_ns + batch * (decoded != NULL ? decoded : p)->decode.min_ns;
    if (is_frame(p->codec)) {
        c.device_ns -= s->device->preprocess.min_ns;
        c.server_ns += batch * s->server->preprocess.min_ns;
    }
    memcpy(c.codec, p->codec, sizeof c.codec);
    c.point = p->point;
    c.agreement = p->lossless ? 1.0 : p->agreement;
    c.encode_ns = p->encode.min_ns;
    c.payload_bytes = p->mean_bytes;
    c.bytes = p->mean_bytes + fixed;
    c.p95_bytes = (p->p95_bytes > p->mean_bytes ? p->p95_bytes : p->mean_bytes) + fixed;
    return add(s->out, &c, s->options);
}

/* Every measured point of the cut, and the elements as they are. */
static clv_status add_cut(collector *s, uint32_t cut)
{
    double plain = (double)s->front->cut_bytes[cut];
    clv_profile_point raw = {.cut = cut,
                             .precision = s->front->precision,
                             .codec = "float",
                             .mean_bytes = plain,
                             .p95_bytes = plain,
                             .lossless = true};
    bool has_raw = false;

    for (uint32_t i = clv_profile_points_from(s->device, cut);
         i < s->device->n_points && s->device->points[i].cut == cut; i++) {
        const clv_profile_point *p = &s->device->points[i];
        if (p->precision != s->front->precision)
            continue;
        has_raw = has_raw || strcmp(p->codec, raw.codec) == 0;
        CLV_TRY(add_point(s, p));
    }
    return has_raw ? CLV_OK : add_point(s, &raw);
}

static clv_status add_pair(collector *s)
{
    uint32_t n = s->device->n_nodes;

    s->before_ns = 0;
    s->behind_ns = 0;
    s->macs = 0;
    for (uint32_t i = 0; i < n; i++)
        s->behind_ns += s->back->nodes[i].min_ns;
    for (uint32_t cut = 0; cut < n; cut++) {
        CLV_TRY(add_cut(s, cut));
        s->before_ns += s->front->nodes[cut].min_ns;
        s->behind_ns -= s->back->nodes[cut].min_ns;
        s->macs += s->device->nodes[cut].macs;
    }
    return CLV_OK;
}

static clv_status add_local(collector *s)
{
    uint32_t n = s->device->n_nodes;

    s->before_ns = 0;
    s->macs = 0;
    for (uint32_t i = 0; i < n; i++) {
        s->before_ns += s->front->nodes[i].min_ns;
        s->macs += s->device->nodes[i].macs;
    }
    clv_plan_candidate c = at_cut(s, n);
    c.ships = false;
    c.agreement = 1.0;
    return add(s->out, &c, s->options);
}

static bool is_allowed(const clv_profile_run *run, uint64_t precisions, uint32_t batch)
{
    return run->batch == batch &&
           (precisions == 0 || (run->precision < 64 && (precisions >> run->precision & 1u) != 0));
}

clv_status clv_plan_candidates_collect(clv_plan_candidates *out, const clv_profile *device,
                                       const clv_profile *server, const clv_plan_options *options,
                                       clv_error *err)
{
    collector s = {.out = out, .device = device, .server = server, .options = options};
    clv_status status = CLV_OK;

    for (uint32_t i = 0; i < device->n_runs && status == CLV_OK; i++) {
        s.front = &device->runs[i];
        if (!is_allowed(s.front, options->device_precisions, 1))
            continue;
        for (uint32_t j = 0; server != NULL && j < server->n_runs && status == CLV_OK; j++) {
            s.back = &server->runs[j];
            if (is_allowed(s.back, options->server_precisions, options->server_batch))
                status = add_pair(&s);
        }
        if (status == CLV_OK)
            status = add_local(&s);
    }
    if (status != CLV_OK)
        return clv_fail(err, status, "plan", "%s", clv_status_text(status));
    if (out->considered == 0)
        return clv_fail(err, CLV_EINVAL, "plan", "the device's profile has no run as is wanted");
    return CLV_OK;
}

/* --- what is never needed ------------------------------------------------------------------- */

/* Whether what @p a ships is no larger than that of @p b, of the same codec, whatever becomes of
 * both their payloads. */
static bool ships_no_more(const clv_plan_candidate *a, const clv_plan_candidate *b)
{
    double fixed_a = a->bytes - a->payload_bytes, fixed_b = b->bytes - b->payload_bytes;

    return strcmp(a->codec, b->codec) == 0 && a->payload_bytes <= b->payload_bytes &&
           fixed_a <= fixed_b && a->p95_bytes - fixed_a <= b->p95_bytes - fixed_b;
}

/* Whether @p a is at least as good as @p b in everything that costs are made of. */
static bool is_as_good(const clv_plan_candidate *a, const clv_plan_candidate *b, bool macs_count,
                       bool by_codec)
{
    if (by_codec && a->ships && !ships_no_more(a, b))
        return false;
    return a->device_ns + a->encode_ns <= b->device_ns + b->encode_ns && a->bytes <= b->bytes &&
           a->p95_bytes <= b->p95_bytes && a->server_ns <= b->server_ns && a->ships <= b->ships &&
           (!macs_count || a->device_macs <= b->device_macs);
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* An order in which no candidate is behind one that it could drop, unless they are equal; then the
 * better answer comes first. */
static int compare_costs(const void *left, const void *right)
{
    const clv_plan_candidate *a = left, *b = right;
    int order = compare_u64(a->device_ns + a->encode_ns, b->device_ns + b->encode_ns);

    if (order == 0 && a->bytes != b->bytes)
        order = a->bytes < b->bytes ? -1 : 1;
    if (order == 0 && a->p95_bytes != b->p95_bytes)
        order = a->p95_bytes < b->p95_bytes ? -1 : 1;
    if (order == 0)
        order = compare_u64(a->server_ns, b->server_ns);
    if (order == 0)
        order = (int)a->ships - (int)b->ships;
    if (order == 0)
        order = compare_u64(a->device_macs, b->device_macs);
    if (order == 0 && a->agreement != b->agreement)
        order = a->agreement > b->agreement ? -1 : 1;
    return order != 0 ? order : compare_u64(a->cut, b->cut);
}

static int compare_places(const void *left, const void *right)
{
    const clv_plan_candidate *a = left, *b = right;
    int order = compare_u64(a->cut, b->cut);

    if (order == 0)
        order = (int)b->ships - (int)a->ships;
    if (order == 0 && a->bytes != b->bytes)
        order = a->bytes < b->bytes ? 1 : -1;
    return order != 0 ? order : compare_costs(left, right);
}

void clv_plan_candidates_drop_dominated(clv_plan_candidates *candidates, bool macs_count,
                                        bool by_codec)
{
    clv_plan_candidate *items = candidates->items;
    uint32_t kept = 0;

    if (candidates->count == 0)
        return;
    qsort(items, candidates->count, sizeof *items, compare_costs);
    for (uint32_t i = 0; i < candidates->count; i++) {
        bool needed = true;
        for (uint32_t k = 0; k < kept && needed; k++)
            needed = !is_as_good(&items[k], &items[i], macs_count, by_codec);
        if (needed)
            items[kept++] = items[i];
    }
    candidates->count = kept;
    qsort(items, kept, sizeof *items, compare_places);
}
