/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner/follow.h"

#include <math.h>

#include "base/error.h"
#include "partitioner/payload_estimate.h"
#include "partitioner/residual.h"
#include "partitioner/server_load.h"

#define FOLLOW 0.5      /* weight of a new sample of the slowdown */
#define WORLD_MOVED 0.2 /* an estimate this far off says that the world is another now */
#define MAX_FACTOR CLV_SERVER_LOAD_MAX_FACTOR /* of load and slowdown */
#define LONGEST_TRIAL 8u                      /* times trial_frames */
#define PROBE_US 20000.0                      /* how long a large echo may occupy the link */
#define LEAST_PROBE 4096u
#define MOST_PROBE 65536u
#define LEAST_SHARE 0.01  /* of a latency, that a part has which is learned from */
#define MOST_MISSED 20.0  /* times what was expected of a part */
#define TELLS_RATE 4096.0 /* bytes of a frame that stands for a large echo */
#define MOST_AGAIN 5u     /* frames of a trial that goes on until one has followed another */

/* How long nothing was heard of one side, and when it is tried for that. */
typedef struct silence {
    uint32_t frames, patience;
    bool trying;
} silence;

struct clv_follow {
    const clv_plan *plan;
    clv_follow_options options;
    clv_link_estimate link;
    clv_residual residual;
    clv_server_load load;
    clv_payload_estimate *payloads;
    double slowdown, others; /* others: as the server last said, or CLV_SERVER_LOAD_UNKNOWN */
    silence server, device, following;
    uint32_t again, again_frames; /* the trial that goes on, and for how many frames at most */
    /* Frames; of load: since a frame told it, since the server said how busy it is. */
    uint32_t since_ping, since_rate, since_load, since_told, since_speed;
    uint32_t current; /* candidate, or CLV_PLAN_NONE */
    bool up;
};

/* --- making --------------------------------------------------------------------------------- */

/* The whole network on the server, by its profile. */
static double whole_server_us(const clv_plan *plan)
{
    uint64_t most_ns = 0;

    for (uint32_t i = 0; i < clv_plan_count(plan); i++) {
        const clv_plan_candidate *c = clv_plan_at(plan, i);
        most_ns = c->ships && c->server_ns > most_ns ? c->server_ns : most_ns;
    }
    return (double)most_ns * 1e-3;
}

clv_status clv_follow_create(clv_follow **out, const clv_plan *plan,
                             const clv_follow_options *options)
{
    if (!(options->rtt_us >= 0.0) || !(options->bytes_per_s > 0.0) || !(options->margin >= 0.0) ||
        options->margin >= 1.0 || options->ping_frames == 0 || options->probe_frames == 0 ||
        options->trial_frames == 0 || !(options->least_payload > 0.0) ||
        options->least_payload > 1.0)
        return CLV_EINVAL;
    clv_follow *f = clv_calloc(1, sizeof *f);
    if (f == NULL)
        return CLV_ENOMEM;
    f->plan = plan;
    f->options = *options;
    if (clv_payload_estimate_create(&f->payloads, plan, options->following,
                                    options->least_payload) != CLV_OK) {
        clv_follow_free(f);
        return CLV_ENOMEM;
    }
    clv_server_load_init(&f->load, whole_server_us(plan));
    f->others = CLV_SERVER_LOAD_UNKNOWN;
    f->slowdown = 1.0;
    f->server.patience = options->trial_frames;
    f->device.patience = options->trial_frames;
    f->following.patience = options->trial_frames;
    f->current = CLV_PLAN_NONE;
    clv_link_estimate_init(&f->link, options->rtt_us, options->bytes_per_s);
    clv_residual_init(&f->residual);
    *out = f;
    return CLV_OK;
}

void clv_follow_free(clv_follow *follow)
{
    if (follow == NULL)
        return;
    clv_payload_estimate_free(follow->payloads);
    clv_free(follow);
}

clv_world clv_follow_world(const clv_follow *f)
{
    return (clv_world){.bytes_per_s = f->up ? f->link.bytes_per_s : 0.0,
                       .rtt_us = f->link.rtt_us + f->load.waited_us,
                       .server_load = f->load.factor,
                       .device_slowdown = f->slowdown,
                       .payload_factors = clv_payload_estimate_factors(f->payloads)};
}

/* --- news ----------------------------------------------------------------------------------- */

void clv_follow_link_up(clv_follow *f, double rtt_us)
{
    double known = f->link.bytes_per_s;

    f->up = true;
    f->since_rate = f->options.probe_frames; /* look at once what has become of it */
    f->load.waited_us = 0.0;
    f->others = CLV_SERVER_LOAD_UNKNOWN;
    clv_link_estimate_init(&f->link, rtt_us > 0.0 ? rtt_us : f->link.rtt_us, known);
}

void clv_follow_link_down(clv_follow *f)
{
    f->again_frames = 0;
    f->up = false;
}

static bool is_factor(double value)
{
    return value > 1.0 / MAX_FACTOR && value < MAX_FACTOR;
}

/* Whether @p sample was a surprise. */
static bool follow_value(double *value, double sample)
{
    bool moved = fabs(sample - *value) > WORLD_MOVED * *value;
    *value += FOLLOW * (sample - *value);
    return moved;
}

/* How busy the server says it is. */
static void note_others(clv_follow *f, double others)
{
    f->others = others;
    f->since_told = 0;
}

void clv_follow_echoed(clv_follow *f, const clv_link_sample *sample, double others)
{
    clv_link_estimate_add(&f->link, sample);
    if (sample->bytes >= TELLS_RATE)
        f->since_rate = 0;
    if (!(others >= 0.0) || !isfinite(others))
        return;
    note_others(f, others);
    if (f->since_load > f->options.ping_frames) /* frames know better */
        clv_server_load_told(&f->load, others);
}

void clv_follow_checked(clv_follow *f, double slowdown)
{
    if (!is_factor(slowdown))
        return;
    (void)follow_value(&f->slowdown, slowdown);
    f->since_speed = 0;
}

/* The parts of a cost, as shares of the whole. */
static void share(double out[CLV_RESIDUAL_PARTS], const clv_plan_cost *c)
{
    out[0] = c->device_us / c->latency_us;
    out[1] = c->encode_us / c->latency_us;
    out[2] = (c->link_us + c->rtt_us) / c->latency_us;
    out[3] = c->server_us / c->latency_us;
}

static bool learn_device(clv_follow *f, const clv_follow_frame *frame, const clv_plan_candidate *c)
{
    double sample = frame->device_us / ((double)c->device_ns * 1e-3);

    if (c->device_ns == 0 || !is_factor(sample))
        return false;
    if (c->cut > 0) {
        f->device.frames = 0;
        f->since_speed = 0;
    }
    return follow_value(&f->slowdown, sample);
}

/* Once a frame has followed another, a trial for that is over. */
static bool learn_payload(clv_follow *f, const clv_follow_frame *frame)
{
    if (!(frame->payload_bytes > 0.0))
        return false;
    if (clv_payload_estimate_may_follow(f->payloads, frame->candidate)) {
        f->following.frames = 0;
        f->again_frames = 0;
    }
    return clv_payload_estimate_sent(f->payloads, frame->candidate, frame->payload_bytes);
}

static bool learn_server(clv_follow *f, const clv_follow_frame *frame, const clv_plan_cost *cost)
{
    const clv_plan_candidate *c = clv_plan_at(f->plan, frame->candidate);
    clv_link_sample link = frame->link;
    double sample = frame->server_us / ((double)c->server_ns * 1e-3);
    double away_us = (double)link.answered_us - (double)link.sent_us - frame->server_us;
    double expected_us = cost->link_us + cost->rtt_us;
    double others = frame->tells_others && frame->others >= 0.0 && isfinite(frame->others)
                        ? frame->others
                        : CLV_SERVER_LOAD_UNKNOWN;
    bool moved = fabs(away_us - expected_us) > WORLD_MOVED * expected_us;

    link.server_us = frame->server_us + frame->waited_us;
    clv_link_estimate_add(&f->link, &link);
    if (link.bytes >= TELLS_RATE)
        f->since_rate = 0;
    moved = learn_payload(f, frame) || moved;
    if (others >= 0.0)
        note_others(f, others);
    bool tells = c->server_ns > 0 && is_factor(sample);
    moved =
        clv_server_load_measured(&f->load, tells ? sample : 0.0, frame->waited_us, others) || moved;
    if (tells) {
        f->server.frames = 0;
        f->since_load = 0;
    }
    return moved;
}

static bool is_possible(const clv_follow *f, const clv_follow_frame *frame)
{
    return frame->candidate < clv_plan_count(f->plan) && frame->device_us >= 0.0 &&
           frame->encode_us >= 0.0 && frame->server_us >= 0.0 && frame->waited_us >= 0.0 &&
           isfinite(frame->device_us + frame->encode_us + frame->server_us + frame->waited_us);
}

/* A frame tells of each part of its latency, so each is learned from by itself. */
static void learn_residual(clv_follow *f, const clv_follow_frame *frame, const clv_plan_cost *cost)
{
    double away_us = (double)frame->link.answered_us - (double)frame->link.sent_us;
    const double expected[] = {cost->device_us, cost->encode_us, cost->link_us + cost->rtt_us,
                               cost->server_us};
    const double measured[] = {frame->device_us, frame->encode_us, away_us - frame->server_us,
                               frame->server_us};

    for (unsigned i = 0; i < CLV_RESIDUAL_PARTS; i++) {
        double part[CLV_RESIDUAL_PARTS] = {0.0};
        if (!(expected[i] > LEAST_SHARE * cost->latency_us))
            continue;
        double missed = (measured[i] - expected[i]) / expected[i];
        part[i] = 1.0;
        clv_residual_learn(&f->residual, part, missed < MOST_MISSED ? missed : MOST_MISSED);
    }
}

void clv_follow_answered(clv_follow *f, const clv_follow_frame *frame)
{
    if (!is_possible(f, frame))
        return;
    const clv_plan_candidate *c = clv_plan_at(f->plan, frame->candidate);
    clv_world before = clv_follow_world(f);
    clv_plan_cost cost = clv_plan_cost_in(f->plan, frame->candidate, &before);
    bool moved = learn_device(f, frame, c);
    if (c->ships)
        moved = learn_server(f, frame, &cost) || moved;
    /* When the world moves, the estimates' lag isn't the model's fault. */
    if (!moved && isfinite(cost.latency_us) && (!c->ships || frame->link.alone))
        learn_residual(f, frame, &cost);
}

void clv_follow_lost(clv_follow *f)
{
    f->again_frames = 0;
    clv_link_estimate_lost(&f->link);
}

/* --- choosing ------------------------------------------------------------------------------- */

/* What a candidate is expected to cost; by how much it may be less, in doubt_out. */
static double expect(double *doubt_out, clv_plan_cost *cost, const clv_follow *f,
                     uint32_t candidate, const clv_world *world)
{
    double shares[CLV_RESIDUAL_PARTS];

    *cost = clv_plan_cost_in(f->plan, candidate, world);
    *doubt_out = 0.0;
    if (!(cost->latency_us > 0.0) || !isfinite(cost->latency_us) ||
        clv_plan_options_of(f->plan)->objective != CLV_OBJECTIVE_LATENCY)
        return isfinite(cost->latency_us) ? cost->value : INFINITY;
    share(shares, cost);
    *doubt_out = cost->value * clv_residual_doubt(&f->residual, shares);
    return cost->value * (1.0 + clv_residual_expect(&f->residual, shares));
}

typedef struct option {
    uint32_t candidate;
    bool within;
    double value;
} option;

/* By how much a candidate is ordered: with doubt, it may be better than it looks. */
static option option_of(const clv_follow *f, uint32_t candidate, const clv_world *world,
                        bool doubted)
{
    clv_plan_cost cost;
    double doubt, value = expect(&doubt, &cost, f, candidate, world);

    if (!isfinite(value))
        return (option){CLV_PLAN_NONE, false, INFINITY};
    if (!cost.within)
        return (option){candidate, false, cost.latency_us};
    return (option){candidate, true, doubted ? value - doubt : value};
}

static bool is_better(const option *a, const option *b)
{
    if (a->candidate == CLV_PLAN_NONE || b->candidate == CLV_PLAN_NONE)
        return b->candidate == CLV_PLAN_NONE;
    return a->within != b->within ? a->within : a->value < b->value;
}

/* The candidate that may be the best. Most can't be, whatever was learned of the model's errors. */
static option best_option(const clv_follow *f, const clv_world *world)
{
    double least = clv_residual_least(&f->residual);
    option best = option_of(f, clv_plan_best(f->plan, world).candidate, world, true);

    for (uint32_t i = 0; i < clv_plan_count(f->plan); i++) {
        bool within;
        double value = clv_plan_value_in(&within, f->plan, i, world);
        if (best.within && (!within || value * least >= best.value))
            continue;
        option one = option_of(f, i, world, true);
        best = is_better(&one, &best) ? one : best;
    }
    return best;
}

/* The candidate that frames take, unless there is a trial. */
static void settle(clv_follow *f, bool *within_out)
{
    clv_world world = clv_follow_world(f);
    option current = {CLV_PLAN_NONE, false, INFINITY};
    option best = {CLV_PLAN_NONE, false, INFINITY};

    if (f->current != CLV_PLAN_NONE)
        current = option_of(f, f->current, &world, false);
    if (clv_plan_best(f->plan, &world).candidate != CLV_PLAN_NONE)
        best = best_option(f, &world);
    bool keep = current.candidate != CLV_PLAN_NONE && current.within == best.within &&
                best.value >= (1.0 - f->options.margin) * current.value;

    *within_out = keep ? current.within : best.within;
    f->current = keep ? current.candidate : best.candidate;
}

/* One frame is enough, whatever becomes of it. */
static void start_trial(silence *side, bool is_tried)
{
    side->trying = is_tried;
    side->frames = is_tried ? 0 : side->frames;
}

/* A side that wasn't heard of for long is taken to be as in its profile, but for the work of others
 * that the server speaks of, and what was learned about the model's errors isn't believed. If that
 * makes another candidate clearly the best, it is tried. */
static uint32_t find_trial(clv_follow *f)
{
    clv_world hoped = clv_follow_world(f);
    bool server = f->up && f->server.frames >= f->server.patience;
    bool device = f->device.frames >= f->device.patience;
    bool following = f->up && f->following.frames >= f->following.patience;

    if (!server && !device && !following)
        return CLV_PLAN_NONE;
    if (following)
        hoped.payload_factors = clv_payload_estimate_hope(f->payloads);
    if (server && f->since_load >= f->server.patience) {
        bool is_told = f->since_told < f->server.patience;
        double waited_us;
        hoped.server_load = clv_server_load_hope(&waited_us, &f->load,
                                                 is_told ? f->others : CLV_SERVER_LOAD_UNKNOWN);
        hoped.rtt_us += waited_us - f->load.waited_us;
    }
    if (device && f->since_speed >= f->device.patience)
        hoped.device_slowdown = hoped.device_slowdown > 1.0 ? 1.0 : hoped.device_slowdown;
    clv_plan_choice best = clv_plan_best(f->plan, &hoped);
    clv_plan_cost current = clv_plan_cost_in(f->plan, f->current, &hoped);
    if (best.candidate == f->current || best.candidate == CLV_PLAN_NONE ||
        (current.within == best.within &&
         best.cost.value >= (1.0 - f->options.margin) * current.value))
        return CLV_PLAN_NONE;
    start_trial(&f->server, server);
    start_trial(&f->device, device);
    start_trial(&f->following, following);
    f->again = best.candidate;
    f->again_frames =
        following && clv_payload_estimate_may_follow(f->payloads, best.candidate) ? MOST_AGAIN : 0;
    return best.candidate;
}

/* A frame passes without news, as far as is known; the side that was tried and isn't used has
 * disappointed. */
static void count_frame(silence *side, bool is_used, const clv_follow_options *options)
{
    if (side->trying && !is_used)
        side->patience = side->patience < LONGEST_TRIAL * options->trial_frames ? 2 * side->patience
                                                                                : side->patience;
    else if (is_used)
        side->patience = options->trial_frames;
    side->trying = false;
    side->frames++;
}

/* The next frame's trial, or CLV_PLAN_NONE. */
static uint32_t pass_frame(clv_follow *f)
{
    const clv_plan_candidate *c = clv_plan_at(f->plan, f->current);

    if (f->again_frames > 0) {
        f->again_frames--;
        return f->again;
    }
    count_frame(&f->server, c->ships, &f->options);
    count_frame(&f->device, c->cut > 0, &f->options);
    count_frame(&f->following, clv_payload_estimate_may_follow(f->payloads, f->current),
                &f->options);
    return find_trial(f);
}

/* What is to be measured beside the frame. */
static void add_checks(clv_follow *f, clv_follow_choice *choice)
{
    f->since_ping++;
    f->since_rate++;
    f->since_load++;
    f->since_told++;
    f->since_speed++;
    if (!f->up)
        return;
    choice->check_device = f->since_speed >= f->options.probe_frames;
    if (f->since_rate > f->options.probe_frames) {
        double bytes = f->link.bytes_per_s * PROBE_US * 1e-6;
        choice->echo = true;
        choice->echo_bytes = bytes < LEAST_PROBE  ? LEAST_PROBE
                             : bytes > MOST_PROBE ? MOST_PROBE
                                                  : (uint32_t)bytes;
        f->since_rate = 0;
    } else if (f->since_ping >= f->options.ping_frames) {
        choice->echo = true;
        f->since_ping = 0;
    }
}

clv_follow_choice clv_follow_next(clv_follow *f)
{
    clv_follow_choice choice = {.candidate = CLV_PLAN_NONE};

    settle(f, &choice.within);
    choice.candidate = f->current;
    if (f->current != CLV_PLAN_NONE) {
        uint32_t trial = pass_frame(f);
        choice.trial = trial != CLV_PLAN_NONE;
        choice.candidate = choice.trial ? trial : f->current;
    }
    if (choice.candidate != CLV_PLAN_NONE) {
        clv_plan_cost cost;
        double doubt;
        clv_world world = clv_follow_world(f);
        (void)expect(&doubt, &cost, f, choice.candidate, &world);
        choice.expected_us = cost.latency_us;
    }
    add_checks(f, &choice);
    return choice;
}
