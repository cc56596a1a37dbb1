/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner/plan.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "partitioner/plan_candidates.h"

#define GRID 256u          /* bandwidths at which clv_plan_pieces() looks first */
#define NARROWEST 1.000001 /* to / from of an interval that isn't parted any more */

/* What costs are made of, close together for the look-up. */
typedef struct line {
    double device_us, bytes, more_bytes, server_us; /* more_bytes: 95th percentile less mean */
    double payload;                                 /* of bytes: what its factor is about */
    double ships;                                   /* 1 or 0 */
    double macs_mj;
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
    const clv_plan_energy *e = &plan->options.energy;

    plan->lines = clv_calloc(plan->candidates.count, sizeof *plan->lines);
    if (plan->lines == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < plan->candidates.count; i++) {
        const clv_plan_candidate *c = &plan->candidates.items[i];
        plan->lines[i] = (line){.device_us = (double)(c->device_ns + c->encode_ns) * 1e-3,
                                .bytes = c->bytes,
                                .more_bytes = c->p95_bytes - c->bytes,
                                .payload = c->payload_bytes,
                                .server_us = (double)c->server_ns * 1e-3,
                                .ships = c->ships ? 1.0 : 0.0,
                                .macs_mj = e->joules_per_mac * (double)c->device_macs * 1e3};
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
            clv_plan_candidates_drop_dominated(
                &plan->candidates, options->energy.joules_per_mac > 0.0, options->payloads_vary);
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

/* A world, as what lines are multiplied by. */
typedef struct weights {
    double slowdown, us_per_byte, rtt_us, load; /* us_per_byte is infinite where the link is down */
    double deadline_us, most_mj;                /* infinite: no such limit */
    const double *factors;                      /* of payloads, or NULL */
} weights;

static weights weights_of(const clv_plan *plan, const clv_world *world)
{
    const clv_plan_limits *l = &plan->options.limits;
    return (weights){.slowdown = world->device_slowdown,
                     .us_per_byte = world->bytes_per_s > 0.0 ? 1e6 / world->bytes_per_s : INFINITY,
                     .rtt_us = world->rtt_us,
                     .load = world->server_load,
                     .factors = world->payload_factors,
                     .deadline_us = l->deadline_us > 0 ? (double)l->deadline_us : INFINITY,
                     .most_mj = l->device_mj > 0.0 ? l->device_mj : INFINITY};
}

/* One candidate: what a look-up needs of its cost. */
typedef struct score {
    double latency_us, more_us, link_us, server_us, device_us, bytes, mj, value;
    bool within;
} score;

static inline score score_of(const clv_plan *plan, uint32_t candidate, const weights *w)
{
    const clv_plan_options *o = &plan->options;
    const line *l = &plan->lines[candidate];
    double factor = w->factors != NULL ? w->factors[candidate] : 1.0;
    bool ships = l->ships > 0.0;
    score s = {.device_us = w->slowdown * l->device_us};

    s.bytes = ships ? l->bytes + (factor - 1.0) * l->payload : 0.0;
    s.link_us = ships ? w->us_per_byte * s.bytes : 0.0;
    s.more_us = ships && l->more_bytes > 0.0 ? w->us_per_byte * factor * l->more_bytes : 0.0;
    s.server_us = ships ? w->load * l->server_us : 0.0;
    double away_us = s.link_us + l->ships * w->rtt_us + s.server_us;
    s.latency_us = s.device_us + away_us;
    s.mj = (o->energy.busy_watts * s.device_us + o->energy.idle_watts * away_us) * 1e-3 +
           o->energy.joules_per_byte * s.bytes * 1e3 + l->macs_mj;
    s.within = s.latency_us + s.more_us <= w->deadline_us && s.mj <= w->most_mj;
    s.value = s.latency_us;
    if (o->objective == CLV_OBJECTIVE_THROUGHPUT)
        s.value = larger(larger(s.device_us, s.link_us), s.server_us / o->server_batch);
    else if (o->objective == CLV_OBJECTIVE_ENERGY)
        s.value = s.mj;
    else if (o->objective == CLV_OBJECTIVE_BYTES)
        s.value = s.bytes;
    return s;
}

clv_plan_cost clv_plan_cost_in(const clv_plan *plan, uint32_t candidate, const clv_world *world)
{
    const clv_plan_candidate *c = &plan->candidates.items[candidate];
    weights w = weights_of(plan, world);
    score s = score_of(plan, candidate, &w);

    return (clv_plan_cost){.device_us = world->device_slowdown * (double)c->device_ns * 1e-3,
                           .encode_us = world->device_slowdown * (double)c->encode_ns * 1e-3,
                           .link_us = s.link_us,
                           .rtt_us = c->ships ? world->rtt_us : 0.0,
                           .server_us = s.server_us,
                           .latency_us = s.latency_us,
                           .p95_latency_us = s.latency_us + s.more_us,
                           .stage_us = larger(larger(s.device_us, s.link_us),
                                              s.server_us / plan->options.server_batch),
                           .device_mj = s.mj,
                           .bytes = s.bytes,
                           .value = isfinite(s.latency_us) ? s.value : INFINITY,
                           .within = s.within};
}

double clv_plan_value_in(bool *within_out, const clv_plan *plan, uint32_t candidate,
                         const clv_world *world)
{
    weights w = weights_of(plan, world);
    score s = score_of(plan, candidate, &w);

    *within_out = s.within;
    return isfinite(s.latency_us) ? s.value : INFINITY;
}

/* What keeps the limits comes first; among what doesn't, the fastest. */
static bool is_better(const score *a, const score *b)
{
    if (a->within != b->within)
        return a->within;
    if (a->within && a->value != b->value)
        return a->value < b->value;
    return a->latency_us < b->latency_us;
}

clv_plan_choice clv_plan_best(const clv_plan *plan, const clv_world *world)
{
    weights w = weights_of(plan, world);
    score best = {.latency_us = INFINITY, .value = INFINITY};
    clv_plan_choice choice = {.candidate = CLV_PLAN_NONE};

    for (uint32_t i = 0; i < plan->candidates.count; i++) {
        score s = score_of(plan, i, &w);
        if (s.latency_us < INFINITY &&
            (choice.candidate == CLV_PLAN_NONE || is_better(&s, &best))) {
            best = s;
            choice.candidate = i;
        }
    }
    choice.within = best.within;
    if (choice.candidate != CLV_PLAN_NONE)
        choice.cost = clv_plan_cost_in(plan, choice.candidate, world);
    return choice;
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
