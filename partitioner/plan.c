/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner/plan.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "partitioner/plan_candidates.h"

#define GRID 256u          /* bandwidths at which clv_plan_pieces() looks first */
#define NARROWEST 1.000001 /* to / from of an interval that isn't parted any more */

/* What latency is made of, close together for the look-up. */
typedef struct line {
    double device_us, bytes, more_bytes, server_us; /* more_bytes: 95th percentile less mean */
    double ships;                                   /* 1 or 0 */
} line;

struct clv_plan {
    clv_plan_options options;
    clv_plan_candidates candidates;
    line *lines; /* [candidates.count] */
    uint32_t n_nodes;
};

static const char *const objective_names[] = {
#define CLV_OBJECTIVE_TEXT(name, text) [CLV_OBJECTIVE_##name] = (text),
    CLV_OBJECTIVE_LIST(CLV_OBJECTIVE_TEXT)
#undef CLV_OBJECTIVE_TEXT
};

const char *clv_objective_name(clv_objective objective)
{
    return (unsigned)objective < CLV_OBJECTIVE_COUNT ? objective_names[objective] : "invalid";
}

clv_status clv_objective_find(clv_objective *out, const char *name)
{
    for (unsigned i = 0; i < CLV_OBJECTIVE_COUNT; i++) {
        if (strcmp(objective_names[i], name) == 0) {
            *out = (clv_objective)i;
            return CLV_OK;
        }
    }
    return CLV_ENOENT;
}

/* --- making --------------------------------------------------------------------------------- */

static bool is_amount(double value)
{
    return value >= 0.0 && isfinite(value);
}

static clv_status check(const clv_profile *device, const clv_profile *server,
                        const clv_plan_options *o, clv_error *err)
{
    const clv_plan_energy *e = &o->energy;
    const clv_plan_limits *l = &o->limits;

    if ((unsigned)o->objective >= CLV_OBJECTIVE_COUNT)
        return clv_fail(err, CLV_EINVAL, "plan", "no such objective");
    if (!is_amount(e->busy_watts) || !is_amount(e->idle_watts) || !is_amount(e->joules_per_byte) ||
        !is_amount(e->joules_per_mac) || e->busy_watts < e->idle_watts)
        return clv_fail(err, CLV_EINVAL, "plan",
                        "watts and joules are at least 0, and busy watts at least idle ones");
    if (!is_amount(l->min_agreement) || l->min_agreement > 1.0 || !is_amount(l->bytes_per_s) ||
        !is_amount(l->device_mj) || !is_amount(o->frames_per_s))
        return clv_fail(err, CLV_EINVAL, "plan", "a limit that can't be");
    if (server == NULL)
        return CLV_OK;
    if (server->n_nodes != device->n_nodes ||
        memcmp(&server->bundle, &device->bundle, sizeof device->bundle) != 0)
        return clv_fail(err, CLV_EINVAL, "plan", "the profiles are of different bundles");
    for (uint32_t i = 0; i < server->n_runs; i++) {
        if (server->runs[i].batch == o->server_batch)
            return CLV_OK;
    }
    return clv_fail(err, CLV_EINVAL, "plan", "the server's profile has no run of batch %u",
                    o->server_batch);
}

static clv_status make_lines(clv_plan *plan)
{
    plan->lines = clv_calloc(plan->candidates.count, sizeof *plan->lines);
    if (plan->lines == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < plan->candidates.count; i++) {
        const clv_plan_candidate *c = &plan->candidates.items[i];
        plan->lines[i] = (line){.device_us = (double)(c->device_ns + c->encode_ns) * 1e-3,
                                .bytes = c->bytes,
                                .more_bytes = c->p95_bytes - c->bytes,
                                .server_us = (double)c->server_ns * 1e-3,
                                .ships = c->ships ? 1.0 : 0.0};
    }
    return CLV_OK;
}

clv_status clv_plan_create(clv_plan **out, const clv_profile *device, const clv_profile *server,
                           const clv_plan_options *options, clv_error *err)
{
    CLV_TRY(check(device, server, options, err));
    clv_plan *plan = clv_calloc(1, sizeof *plan);
    if (plan == NULL)
        return clv_fail(err, CLV_ENOMEM, "plan", "%s", clv_status_text(CLV_ENOMEM));
    plan->options = *options;
    plan->n_nodes = device->n_nodes;
    clv_status status =
        clv_plan_candidates_collect(&plan->candidates, device, server, options, err);
    if (status == CLV_OK && plan->candidates.count == 0)
        status = clv_fail(err, CLV_ENOENT, "plan",
                          "none of %u ways to run this network keeps the limits",
                          plan->candidates.considered);
    if (status == CLV_OK) {
        if (!options->keep_dominated)
            clv_plan_candidates_drop_dominated(&plan->candidates,
                                               options->energy.joules_per_mac > 0.0);
        status = make_lines(plan);
        if (status != CLV_OK)
            (void)clv_fail(err, status, "plan", "%s", clv_status_text(status));
    }
    if (status == CLV_OK)
        *out = plan;
    else
        clv_plan_free(plan);
    return status;
}

void clv_plan_free(clv_plan *plan)
{
    if (plan == NULL)
        return;
    clv_free(plan->candidates.items);
    clv_free(plan->lines);
    clv_free(plan);
}

uint32_t clv_plan_count(const clv_plan *plan)
{
    return plan->candidates.count;
}

const clv_plan_candidate *clv_plan_at(const clv_plan *plan, uint32_t candidate)
{
    return &plan->candidates.items[candidate];
}

const clv_plan_options *clv_plan_options_of(const clv_plan *plan)
{
    return &plan->options;
}

uint32_t clv_plan_nodes(const clv_plan *plan)
{
    return plan->n_nodes;
}

uint32_t clv_plan_considered(const clv_plan *plan)
{
    return plan->candidates.considered;
}

/* --- choosing ------------------------------------------------------------------------------- */

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double value_of(const clv_plan_cost *cost, clv_objective objective)
{
    switch (objective) {
    case CLV_OBJECTIVE_THROUGHPUT:
        return cost->stage_us;
    case CLV_OBJECTIVE_ENERGY:
        return cost->device_mj;
    case CLV_OBJECTIVE_BYTES:
        return isfinite(cost->latency_us) ? cost->bytes : INFINITY;
    case CLV_OBJECTIVE_LATENCY:
    case CLV_OBJECTIVE_COUNT:
        break;
    }
    return cost->latency_us;
}

clv_plan_cost clv_plan_cost_in(const clv_plan *plan, uint32_t candidate, const clv_world *world)
{
    const clv_plan_candidate *c = &plan->candidates.items[candidate];
    const clv_plan_options *o = &plan->options;
    clv_plan_cost cost = {.device_us = world->device_slowdown * (double)c->device_ns * 1e-3,
                          .encode_us = world->device_slowdown * (double)c->encode_ns * 1e-3};
    double busy_us = cost.device_us + cost.encode_us, more_us = 0.0;

    cost.stage_us = busy_us;
    if (c->ships) {
        bool up = world->bytes_per_s > 0.0;
        cost.bytes = c->bytes;
        cost.link_us = up ? c->bytes / world->bytes_per_s * 1e6 : INFINITY;
        more_us = up ? (c->p95_bytes - c->bytes) / world->bytes_per_s * 1e6 : 0.0;
        cost.rtt_us = world->rtt_us;
        cost.server_us = world->server_load * (double)c->server_ns * 1e-3;
        cost.stage_us = larger(cost.stage_us, cost.link_us);
        cost.stage_us = larger(cost.stage_us, cost.server_us / o->server_batch);
    }
    double away_us = cost.link_us + cost.rtt_us + cost.server_us;
    cost.latency_us = busy_us + away_us;
    cost.p95_latency_us = cost.latency_us + more_us;
    cost.device_mj = (o->energy.busy_watts * busy_us + o->energy.idle_watts * away_us) * 1e-3 +
                     (o->energy.joules_per_byte * cost.bytes +
                      o->energy.joules_per_mac * (double)c->device_macs) *
                         1e3;
    cost.value = value_of(&cost, o->objective);
    cost.within =
        (o->limits.deadline_us == 0 || cost.p95_latency_us <= (double)o->limits.deadline_us) &&
        (o->limits.device_mj <= 0.0 || cost.device_mj <= o->limits.device_mj);
    return cost;
}

/* What keeps the limits comes first; among what doesn't, the fastest. */
static bool is_better(const clv_plan_cost *a, const clv_plan_cost *b)
{
    if (a->within != b->within)
        return a->within;
    if (a->within && a->value != b->value)
        return a->value < b->value;
    return a->latency_us < b->latency_us;
}

/* The fastest candidate, and the fastest that keeps the deadline. */
static clv_plan_choice best_by_latency(const clv_plan *plan, const clv_world *world)
{
    bool up = world->bytes_per_s > 0.0;
    double us_per_byte = up ? 1e6 / world->bytes_per_s : 0.0, deadline = INFINITY;
    double least = INFINITY, least_within = INFINITY;
    uint32_t fastest = CLV_PLAN_NONE, within = CLV_PLAN_NONE;

    if (plan->options.limits.deadline_us > 0)
        deadline = (double)plan->options.limits.deadline_us;
    for (uint32_t i = 0; i < plan->candidates.count; i++) {
        const line *l = &plan->lines[i];
        double latency = world->device_slowdown * l->device_us + us_per_byte * l->bytes +
                         l->ships * (world->rtt_us + world->server_load * l->server_us);
        if (!up && l->ships > 0.0)
            continue;
        if (latency < least) {
            least = latency;
            fastest = i;
        }
        if (latency < least_within && latency + us_per_byte * l->more_bytes <= deadline) {
            least_within = latency;
            within = i;
        }
    }
    clv_plan_choice choice = {.candidate = within != CLV_PLAN_NONE ? within : fastest};
    choice.within = within != CLV_PLAN_NONE;
    if (choice.candidate != CLV_PLAN_NONE)
        choice.cost = clv_plan_cost_in(plan, choice.candidate, world);
    return choice;
}

clv_plan_choice clv_plan_best(const clv_plan *plan, const clv_world *world)
{
    if (plan->options.objective == CLV_OBJECTIVE_LATENCY && plan->options.limits.device_mj <= 0.0)
        return best_by_latency(plan, world);
    clv_plan_choice best = {.candidate = CLV_PLAN_NONE};

    for (uint32_t i = 0; i < plan->candidates.count; i++) {
        clv_plan_cost cost = clv_plan_cost_in(plan, i, world);
        if (!isfinite(cost.latency_us))
            continue;
        if (best.candidate == CLV_PLAN_NONE || is_better(&cost, &best.cost))
            best = (clv_plan_choice){i, cost.within, cost};
    }
    return best;
}

/* --- over bandwidth ------------------------------------------------------------------------- */

typedef struct pieces {
    clv_plan_piece *out;
    uint32_t cap, count;
    const clv_plan *plan;
    clv_world world;
} pieces;

static uint32_t best_at(pieces *p, double bytes_per_s)
{
    p->world.bytes_per_s = bytes_per_s;
    return clv_plan_best(p->plan, &p->world).candidate;
}

/* From @p at on, @p candidate is the best. */
static void begin_piece(pieces *p, uint32_t candidate, double at)
{
    if (p->count > 0 && p->count <= p->cap)
        p->out[p->count - 1].to_bytes_per_s = at;
    if (p->count < p->cap)
        p->out[p->count] = (clv_plan_piece){candidate, at, at};
    p->count++;
}

/* The changes between two bandwidths with different candidates; the first's piece has begun. */
static void part(pieces *p, double from, uint32_t first, double to, uint32_t last)
{
    double middle = sqrt(from) * sqrt(to);

    if (first == last)
        return;
    if (to <= from * NARROWEST || middle <= from || middle >= to) {
        begin_piece(p, last, middle);
        return;
    }
    uint32_t between = best_at(p, middle);
    part(p, from, first, middle, between);
    part(p, middle, between, to, last);
}

uint32_t clv_plan_pieces(clv_plan_piece *out, uint32_t cap, const clv_plan *plan,
                         const clv_world *world, double from, double to)
{
    pieces p = {.out = out, .cap = cap, .plan = plan, .world = *world};
    double last = from;
    uint32_t candidate = best_at(&p, from);

    begin_piece(&p, candidate, from);
    for (uint32_t i = 1; i <= GRID; i++) {
        double at = i == GRID ? to : from * pow(to / from, (double)i / GRID);
        uint32_t next = best_at(&p, at);
        part(&p, last, candidate, at, next);
        candidate = next;
        last = at;
    }
    if (p.count <= cap && p.count > 0)
        out[p.count - 1].to_bytes_per_s = to;
    return p.count;
}
