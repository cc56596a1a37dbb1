/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles to plans, and what each way costs in each cell. */
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "base/error.h"
#include "runtime/bundle.h"
#include "runtime/precision.h"
#include "split.h"
#include "tools/tool_profile.h"

/* A full packet's payload: 1448 of 1500 bytes are ours. */
#define PAYLOAD_PART (1448.0 / 1500.0)
/* What cleave-edge asks of outputs that are no classes. */
#define LEAST_SNR_DB 20.0

const double split_rates_mbit[SPLIT_RATES] = {0.5, 1, 2, 5, 10, 20, 50, 100, 200};
const double split_rtts_ms[SPLIT_RTTS] = {5, 20, 50, 100};
const double split_slows[SPLIT_SLOWS] = {2, 8, 32, 64};
const char *const split_way_names[SPLIT_N_WAYS] = {
#define SPLIT_NAME(name, text) text,
    SPLIT_WAYS(SPLIT_NAME)
#undef SPLIT_NAME
};

clv_world split_world(uint32_t cell)
{
    clv_world world = CLV_WORLD_INIT;

    world.bytes_per_s = split_rate(cell) * 1e6 / 8 * PAYLOAD_PART;
    world.rtt_us = split_rtt(cell) * 1000;
    world.device_slowdown = split_slow(cell);
    return world;
}

/* --- what agrees ------------------------------------------------------------------------------ */

#define MAX_AGREEMENTS 1024u

/* Of `cleave eval --codec-sweep`: on the photographs that JPEG's qualities were chosen on, too. A
 * bundle's own figures are of a dozen images. */
typedef struct agreement {
    uint32_t cut, point;
    unsigned precision;
    double part, bytes;
} agreement;

typedef struct agreements {
    agreement items[MAX_AGREEMENTS];
    uint32_t count;
    bool has[2]; /* precisions */
} agreements;

static void read_sweep(agreements *a, const char *path, unsigned precision)
{
    json_t *rows = json_load_file(path, 0, NULL), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const char *codec = json_string_value(json_object_get(row, "codec"));
        if (codec == NULL || strcmp(codec, "rans") != 0 || a->count == MAX_AGREEMENTS)
            continue;
        a->items[a->count++] =
            (agreement){.cut = (uint32_t)json_integer_value(json_object_get(row, "cut")),
                        .point = (uint32_t)json_number_value(json_object_get(row, "point")),
                        .precision = precision,
                        .part = json_number_value(json_object_get(row, "agreement")),
                        .bytes = json_number_value(json_object_get(row, "bytes_mean"))};
        a->has[precision] = true;
    }
    json_decref(rows);
}

static void read_sweeps(agreements *a, const char *dir, const char *name)
{
    char path[4096];

    memset(a, 0, sizeof *a);
    for (unsigned precision = 0; precision < 2; precision++) {
        (void)snprintf(path, sizeof path, "%s/%s.%s.sweep", dir, name,
                       clv_precision_name((clv_precision)precision));
        read_sweep(a, path, precision);
    }
}

/* Of the cut's points that agree enough the one of fewest bytes. */
static bool is_cheapest(const agreements *a, const clv_profile_point *p, double min_agreement)
{
    uint32_t best = CLV_NO_RUNG;
    double least = INFINITY;

    for (uint32_t i = 0; i < a->count; i++) {
        const agreement *at = &a->items[i];
        if (at->cut == p->cut && at->precision == p->precision && at->part >= min_agreement &&
            at->bytes < least) {
            least = at->bytes;
            best = at->point;
        }
    }
    return best == p->point;
}

/* --- profiles --------------------------------------------------------------------------------- */

/* Points that the device really would use. `pixels` is none: cleave-edge ships cut 0's tensor in
 * bytes instead, as many of them. Of `rans` it takes the cheapest that agrees enough. */
static bool is_wanted(const clv_profile_point *p, const clv_model *model, const split_rules *rules,
                      const agreements *a)
{
    if (strcmp(p->codec, "pixels") == 0)
        return false;
    if (rules->graph_only)
        return strcmp(p->codec, "float") == 0 || strcmp(p->codec, "uint8") == 0 ||
               strcmp(p->codec, "jpeg") == 0;
    if (strcmp(p->codec, "rans") != 0)
        return p->cut == 0 || p->lossless;
    if (p->precision < 2 && a->has[p->precision])
        return is_cheapest(a, p, rules->min_agreement);
    const clv_cut_ladder *ladder =
        clv_cut_ladder_find(model->ladders, model->n_ladders, p->cut, (clv_precision)p->precision);
    if (ladder == NULL)
        return false;
    double snr_db = isnan(ladder->rungs[0].agreement) ? LEAST_SNR_DB : -INFINITY;
    return clv_cut_ladder_pick(ladder, rules->min_agreement, snr_db) == p->point;
}

/* The device's JPEG of the network's size. The candidate also has the whole of preprocessing in its
 * device's time, so that is taken off. */
static clv_status add_fit(clv_profile *profile, const clv_profile_point *camera,
                          const split_rules *rules)
{
    clv_profile_point point = *camera;
    double more_ns = rules->fit_device_ns - (double)profile->preprocess.min_ns;

    if (rules->fit_quality == 0)
        return CLV_OK;
    (void)snprintf(point.codec, sizeof point.codec, "jpeg-fit");
    point.point = rules->fit_quality;
    point.mean_bytes = point.p95_bytes = rules->fit_bytes;
    point.encode = (clv_profile_time){(uint64_t)(fmax(more_ns, 0) + rules->message_us * 1000), 0};
    point.decode = (clv_profile_time){(uint64_t)rules->fit_server_ns, 0};
    return clv_profile_add_point(profile, &point);
}

static clv_status keep_wanted(clv_profile **out, const clv_profile *from, const clv_model *model,
                              const split_rules *rules, const agreements *a)
{
    clv_profile *profile;
    clv_status status = CLV_OK;

    CLV_TRY(clv_profile_create(&profile, from->n_nodes));
    memcpy(profile->processor, from->processor, sizeof profile->processor);
    memcpy(profile->nodes, from->nodes, from->n_nodes * sizeof *from->nodes);
    profile->bundle = from->bundle;
    profile->threads = from->threads;
    profile->preprocess = from->preprocess;
    for (uint32_t i = 0; i < from->n_runs && status == CLV_OK; i++) {
        const clv_profile_run *run = &from->runs[i];
        uint32_t at;
        status = clv_profile_add_run(&at, profile, run->precision, run->batch);
        if (status != CLV_OK)
            break;
        clv_profile_run *copy = &profile->runs[at];
        copy->whole = run->whole;
        memcpy(copy->nodes, run->nodes, from->n_nodes * sizeof *run->nodes);
        memcpy(copy->peak_bytes, run->peak_bytes, (from->n_nodes + 1) * sizeof *run->peak_bytes);
        memcpy(copy->cut_bytes, run->cut_bytes, (from->n_nodes + 1) * sizeof *run->cut_bytes);
    }
    for (uint32_t i = 0; i < from->n_points && status == CLV_OK; i++) {
        clv_profile_point point = from->points[i];
        if (!is_wanted(&point, model, rules, a))
            continue;
        if (rules->jpeg_bytes > 0 && strcmp(point.codec, "jpeg") == 0) {
            point.decode.min_ns =
                (uint64_t)((double)point.decode.min_ns * rules->jpeg_bytes / point.mean_bytes);
            point.mean_bytes = point.p95_bytes = rules->jpeg_bytes;
        }
        point.encode.min_ns += (uint64_t)(rules->message_us * 1000);
        status = clv_profile_add_point(profile, &point);
        if (status == CLV_OK && strcmp(point.codec, "jpeg") == 0)
            status = add_fit(profile, &point, rules);
    }
    if (status == CLV_OK)
        *out = profile;
    else
        clv_profile_free(profile);
    return status;
}

/* --- candidates ------------------------------------------------------------------------------- */

static bool belongs(const clv_plan_candidate *c, split_way way)
{
    switch (way) {
    case SPLIT_DEVICE:
        return !c->ships;
    case SPLIT_RAW:
        return c->ships && c->cut == 0 && strcmp(c->codec, "uint8") == 0;
    case SPLIT_JPEG:
        return c->ships && c->cut == 0 && strncmp(c->codec, "jpeg", 4) == 0;
    case SPLIT_FIXED:
        return c->ships && c->cut > 0;
    case SPLIT_CLEAVE:
    case SPLIT_N_WAYS:
        break;
    }
    return false;
}

clv_plan_cost split_cost(const split_net *net, uint32_t i, const clv_world *world)
{
    const clv_plan_energy *e = &clv_plan_options_of(net->all)->energy;
    clv_plan_cost cost = clv_plan_cost_in(net->all, i, world);

    if (!clv_plan_at(net->all, i)->ships)
        return cost;
    double sending_us = net->byte_ns * cost.bytes * world->device_slowdown / 1000;
    double more_us = fmax(sending_us - cost.link_us, 0);
    cost.latency_us += more_us;
    cost.stage_us = fmax(cost.stage_us, cost.device_us + cost.encode_us + sending_us);
    cost.device_mj +=
        ((e->busy_watts - e->idle_watts) * sending_us + e->idle_watts * more_us) / 1000;
    return cost;
}

static uint32_t cheapest(const split_net *net, split_way way, const clv_world *world)
{
    uint32_t best = CLV_PLAN_NONE;
    double least = INFINITY;

    for (uint32_t i = 0; i < clv_plan_count(net->all); i++) {
        if (!belongs(clv_plan_at(net->all, i), way))
            continue;
        double latency_us = split_cost(net, i, world).latency_us;
        if (latency_us < least) {
            least = latency_us;
            best = i;
        }
    }
    return best;
}

/* The one split that is the best in hindsight: of the least geometric mean over the grid. */
static uint32_t best_fixed(const split_net *net)
{
    uint32_t best = CLV_PLAN_NONE;
    double least = INFINITY;

    for (uint32_t i = 0; i < clv_plan_count(net->all); i++) {
        if (!belongs(clv_plan_at(net->all, i), SPLIT_FIXED))
            continue;
        double sum = 0;
        for (uint32_t cell = 0; cell < SPLIT_CELLS; cell++) {
            clv_world world = split_world(cell);
            sum += log(split_cost(net, i, &world).latency_us);
        }
        if (sum < least) {
            least = sum;
            best = i;
        }
    }
    return best;
}

/* The same candidate in the plan from which nothing was dropped. */
static uint32_t in_all(const split_net *net, const clv_plan_candidate *c)
{
    for (uint32_t i = 0; i < clv_plan_count(net->all); i++) {
        const clv_plan_candidate *a = clv_plan_at(net->all, i);
        if (a->ships == c->ships && a->cut == c->cut && a->point == c->point &&
            a->device_precision == c->device_precision &&
            a->server_precision == c->server_precision && strcmp(a->codec, c->codec) == 0)
            return i;
    }
    return CLV_PLAN_NONE;
}

/* Of those that the plan has kept. */
static uint32_t cheapest_planned(const split_net *net, const clv_world *world)
{
    uint32_t best = CLV_PLAN_NONE;
    double least = INFINITY;

    for (uint32_t k = 0; k < clv_plan_count(net->plan); k++) {
        uint32_t i = in_all(net, clv_plan_at(net->plan, k));
        double latency_us =
            i != CLV_PLAN_NONE ? split_cost(net, i, world).latency_us : (double)INFINITY;
        if (latency_us < least) {
            least = latency_us;
            best = i;
        }
    }
    return best;
}

static void choose(split_net *net)
{
    uint32_t fixed = best_fixed(net);

    for (uint32_t cell = 0; cell < SPLIT_CELLS; cell++) {
        clv_world world = split_world(cell);
        uint32_t *choice = net->choice[cell];
        for (split_way way = SPLIT_DEVICE; way <= SPLIT_JPEG; way++)
            choice[way] = cheapest(net, way, &world);
        choice[SPLIT_FIXED] = fixed;
        choice[SPLIT_CLEAVE] = cheapest_planned(net, &world);
        for (split_way way = SPLIT_DEVICE; way < SPLIT_N_WAYS; way++)
            if (choice[way] != CLV_PLAN_NONE)
                net->cost[cell][way] = split_cost(net, choice[way], &world);
    }
}

clv_status split_net_open(split_net *net, const char *dir, const char *name, uint32_t index,
                          const split_rules *rules, clv_error *err)
{
    clv_plan_options options = CLV_PLAN_OPTIONS_INIT;
    clv_profile *read = NULL;
    static agreements a;
    char path[4096];

    memset(net, 0, sizeof *net);
    (void)snprintf(net->name, sizeof net->name, "%s", name);
    net->graph_only = rules->graph_only;
    net->byte_ns = rules->byte_ns;
    (void)snprintf(path, sizeof path, "%s/bundles/%s/net.clv", dir, name);
    CLV_TRY(clv_bundle_open(&net->bundle, path, err));
    (void)snprintf(path, sizeof path, "%s/%s.json", dir, name);
    read_sweeps(&a, dir, name);
    clv_status status = tool_profile_read(&read, path, net->bundle, err);
    if (status == CLV_OK)
        status = keep_wanted(&net->profile, read, clv_bundle_main(net->bundle), rules, &a);
    clv_profile_free(read);
    if (status != CLV_OK)
        return clv_fail(err, status, path, "%s", clv_status_text(status));
    CLV_TRY(clv_plan_create(&net->plan, net->profile, net->profile, &options, err));
    options.keep_dominated = true;
    CLV_TRY(clv_plan_create(&net->all, net->profile, net->profile, &options, err));
    choose(net);
    split_choose_cells(net, index, rules->lab_cells);
    return CLV_OK;
}

void split_net_close(split_net *net)
{
    clv_plan_free(net->plan);
    clv_plan_free(net->all);
    clv_profile_free(net->profile);
    clv_bundle_free(net->bundle);
}

/* --- figures ---------------------------------------------------------------------------------- */

bool split_way_is_there(const split_net *net, split_way way)
{
    return net->choice[0][way] != CLV_PLAN_NONE;
}

const clv_plan_candidate *split_candidate(const split_net *net, uint32_t cell, split_way way)
{
    return clv_plan_at(net->all, net->choice[cell][way]);
}

double split_ms(const split_net *net, uint32_t cell, split_way way, bool measured)
{
    if (!split_way_is_there(net, way))
        return INFINITY;
    return measured ? net->measured[cell][way].latency_ms : net->cost[cell][way].latency_us / 1000;
}

double split_simple_ms(const split_net *net, uint32_t cell, bool measured)
{
    double least = INFINITY;

    for (split_way way = SPLIT_DEVICE; way <= SPLIT_JPEG; way++)
        least = fmin(least, split_ms(net, cell, way, measured));
    return least;
}

const char *split_describe(char text[96], const split_net *net, uint32_t cell, split_way way)
{
    const clv_plan_candidate *c = split_candidate(net, cell, way);
    const char *device = clv_precision_name((clv_precision)c->device_precision);
    const char *server = clv_precision_name((clv_precision)c->server_precision);

    if (!c->ships)
        (void)snprintf(text, 96, "all here, %s", device);
    else if (c->cut == 0)
        (void)snprintf(text, 96, "0 %s%s%.0u, %s", c->codec, c->point > 0 ? ":" : "", c->point,
                       server);
    else
        (void)snprintf(text, 96, "%u %s/%u, %s-%s", c->cut, c->codec, c->point, device, server);
    return text;
}

double split_frames_per_s(const split_net *net, uint32_t cell, split_way way)
{
    const clv_plan_cost *cost = &net->cost[cell][way];
    return 1e6 / fmax(cost->stage_us, cost->latency_us / SPLIT_IN_FLIGHT);
}

static bool is_complete(const split_net *net, uint32_t cell)
{
    for (split_way way = SPLIT_DEVICE; way < SPLIT_N_WAYS; way++)
        if (split_way_is_there(net, way) && net->measured[cell][way].frames == 0)
            return false;
    return true;
}

split_summary split_summarise(const split_net *nets, uint32_t n, bool measured)
{
    split_summary s = {.worst = 0};
    double sums[SPLIT_N_WAYS] = {0}, simple = 0;

    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t cell = 0; cell < SPLIT_CELLS; cell++) {
            if (measured && !is_complete(&nets[i], cell))
                continue;
            double own = split_ms(&nets[i], cell, SPLIT_CLEAVE, measured);
            double worse = own / split_simple_ms(&nets[i], cell, measured);
            for (split_way way = SPLIT_DEVICE; way < SPLIT_N_WAYS; way++)
                sums[way] += log(split_ms(&nets[i], cell, way, measured) / own);
            simple -= log(worse);
            s.cells++;
            s.behind += worse > 1.02;
            if (worse > s.worst) {
                s.worst = worse;
                s.worst_net = &nets[i];
                s.worst_cell = cell;
            }
        }
    }
    for (split_way way = SPLIT_DEVICE; way < SPLIT_N_WAYS; way++)
        s.over[way] = exp(sums[way] / s.cells);
    s.over_simple = exp(simple / s.cells);
    return s;
}
