/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/agent.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

/* A pause is at most two to the power of this many frames. */
#define MAX_UNANSWERED 5u

/* Heads of a reply and its TLS records, which come with what it carries. */
#define REPLY_HEAD_BYTES 100u

#define JPEG "jpeg" /* as profiles call the frame as a picture */

/* --- the plan ------------------------------------------------------------------------------- */

/* What the plan may choose: what send_frame() can do, and what loses nothing or little enough. */
static bool may_ship(const clv_edge *edge, const clv_profile_point *point)
{
    clv_codec codec;

    if (strcmp(point->codec, JPEG) == 0)
        return edge->picture.payload != CLV_PAYLOAD_TENSORS;
    if (clv_codec_find(&codec, point->codec) != CLV_OK)
        return false;
    return codec == CLV_CODEC_RANS ? clv_agent_may_use_point(edge, (clv_precision)point->precision,
                                                             point->cut, point->point)
                                   : point->lossless;
}

static void drop_points(clv_edge *edge)
{
    clv_profile *profile = edge->profile;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < profile->n_points; i++) {
        if (may_ship(edge, &profile->points[i]))
            profile->points[kept++] = profile->points[i];
    }
    profile->n_points = kept;
}

static clv_status check_options(const clv_edge *edge, const clv_edge_options *options,
                                clv_error *err)
{
    bool is_fixed = options->server != NULL && options->cut != CLV_CUT_AUTO;

    if (options->min_depth > edge->max_cut)
        return clv_fail(err, CLV_EINVAL, NULL, "a least depth beyond the largest cut, %u",
                        edge->max_cut);
    if (is_fixed && options->cut < options->min_depth)
        return clv_fail(err, CLV_EINVAL, NULL, "the cut is before the least depth, %u",
                        options->min_depth);
    if (options->cut == CLV_CUT_AUTO && options->profile_ms == 0 && edge->max_cut > 0)
        return clv_fail(err, CLV_EINVAL, NULL,
                        "the cut `auto` needs the device's profile: time to measure it");
    return CLV_OK;
}

/* The device's owner declares what it draws; without that there is nothing to choose by. */
static clv_status take_energy(clv_plan_options *out, const clv_edge_options *options,
                              clv_error *err)
{
    clv_plan_energy e = {options->busy_watts, options->idle_watts, options->joules_per_byte,
                         options->joules_per_mac};
    const double amounts[] = {e.busy_watts, e.idle_watts, e.joules_per_byte, e.joules_per_mac};

    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
        if (!(amounts[i] >= 0.0) || !isfinite(amounts[i]))
            return clv_fail(err, CLV_EINVAL, NULL, "watts and joules are at least 0");
    }
    if (e.busy_watts < e.idle_watts)
        return clv_fail(err, CLV_EINVAL, NULL, "busy watts are at least idle ones");
    if (out->objective == CLV_OBJECTIVE_ENERGY && !(e.busy_watts > 0.0))
        return clv_fail(err, CLV_EINVAL, NULL,
                        "the objective `energy` needs what the device draws: its busy watts");
    out->energy = e;
    return CLV_OK;
}

clv_status clv_agent_plan_init(clv_edge *edge, const clv_edge_options *options, clv_error *err)
{
    const char *objective = options->objective != NULL ? options->objective : "latency";
    uint32_t n_nodes = edge->networks[CLV_AGENT_MODEL].graph->n_nodes;
    clv_plan_options o = CLV_PLAN_OPTIONS_INIT;

    CLV_TRY(check_options(edge, options, err));
    if (clv_objective_find(&o.objective, objective) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, NULL, "no objective is called '%s'", objective);
    CLV_TRY(take_energy(&o, options, err));
    o.limits.min_cut = options->min_depth;
    o.limits.max_cut = edge->max_cut < n_nodes ? edge->max_cut : 0;
    o.limits.deadline_us = options->deadline_us;
    o.payloads_vary = true;
    o.device_precisions = edge->prefixes;
    o.server_precisions = edge->suffixes;
    edge->min_depth = options->min_depth;
    edge->plan.options = o;
    if (edge->profile != NULL)
        drop_points(edge);
    return CLV_OK;
}

void clv_agent_plan_done(clv_edge *edge)
{
    clv_follow_free(edge->plan.follow);
    clv_plan_free(edge->plan.plan);
    edge->plan.follow = NULL;
    edge->plan.plan = NULL;
}

static clv_status make_plan(clv_edge *edge, clv_error *err)
{
    clv_edge_plan *p = &edge->plan;
    clv_follow_options options = CLV_FOLLOW_OPTIONS_INIT;

    if (edge->sequence.cap_bytes > 0)
        options.following = clv_codec_name(CLV_CODEC_RANS);
    CLV_TRY(clv_plan_create(&p->plan, edge->profile, edge->server_profile, &p->options, err));
    clv_status status = clv_follow_create(&p->follow, p->plan, &options);
    return status == CLV_OK ? CLV_OK : clv_fail(err, status, NULL, "%s", clv_status_text(status));
}

/* A plan for this server, unless it is the one that there is. */
static void renew_plan(clv_edge *edge, const clv_link_event *event)
{
    clv_edge_plan *p = &edge->plan;
    clv_error why = CLV_ERROR_INIT;
    clv_digest server;

    bool is_known = clv_digest_of(&server, event->profile, event->profile_bytes) == CLV_OK;
    bool is_same = is_known && memcmp(&server, &p->server, sizeof server) == 0;
    if (p->follow != NULL && edge->server_profile != NULL && is_same)
        return;
    clv_agent_plan_done(edge);
    p->number++;
    if (!is_known || edge->profile == NULL || edge->server_profile == NULL)
        return;
    p->server = server;
    if (make_plan(edge, &why) != CLV_OK) {
        clv_agent_plan_done(edge);
        clv_log_warn("there is no plan for this server: %s", why.message);
    }
}

void clv_agent_plan_link(clv_edge *edge, const clv_link_event *event)
{
    clv_edge_plan *p = &edge->plan;

    memset(p->echoes, 0, sizeof p->echoes);
    if (event->type == CLV_LINK_UP) {
        renew_plan(edge, event);
        if (p->follow != NULL && edge->link_state.up)
            clv_follow_link_up(p->follow, 0.0);
    } else if (p->follow != NULL) {
        clv_follow_link_down(p->follow);
    }
}

/* --- choosing ------------------------------------------------------------------------------- */

/* Where there is no plan, or nothing in it can be done: as much as possible here. */
static uint32_t default_cut(const clv_edge *edge)
{
    return edge->max_cut;
}

uint32_t clv_agent_plan_choose(clv_edge *edge, clv_edge_slot *slot)
{
    clv_edge_plan *p = &edge->plan;

    if (p->follow == NULL)
        return default_cut(edge);
    clv_follow_choice choice = clv_follow_next(p->follow);
    p->check_due = p->check_due || choice.check_device;
    if (choice.echo) {
        p->echo_due = true;
        p->echo_bytes = choice.echo_bytes;
    }
    if (choice.candidate == CLV_PLAN_NONE)
        return default_cut(edge);
    const clv_plan_candidate *c = clv_plan_at(p->plan, choice.candidate);
    if (c->ships && p->pause_frames > 0 && edge->max_cut == clv_edge_cut_count(edge)) {
        p->pause_frames--;
        return edge->max_cut;
    }
    slot->way.plan = p->number;
    slot->way.candidate = choice.candidate;
    slot->way.rung = c->point;
    slot->way.prefix = (clv_precision)c->device_precision;
    slot->way.suffix = (clv_precision)c->server_precision;
    if (!c->ships || clv_codec_find(&slot->way.codec, c->codec) != CLV_OK)
        slot->way.codec = CLV_CODEC_FLOAT;
    if (strcmp(c->codec, JPEG) != 0)
        slot->way.picture.payload = CLV_PAYLOAD_TENSORS;
    p->changes += choice.candidate != p->last && p->has_last;
    p->trials += choice.trial;
    p->last = choice.candidate;
    p->has_last = true;
    return c->cut;
}

/* --- what came of it ------------------------------------------------------------------------ */

/* A server that doesn't answer has a reason that no model of the link knows: it is left alone for
 * some frames, more each time. */
static void begin_pause(clv_edge_plan *p)
{
    p->pause_frames = 1u << p->n_unanswered;
    if (p->n_unanswered < MAX_UNANSWERED)
        p->n_unanswered++;
}

static bool is_planned(const clv_edge *edge, const clv_edge_slot *slot)
{
    return edge->plan.follow != NULL && slot->way.plan == edge->plan.number;
}

/* What the server has to do for others, for each worker; negative: it doesn't say. Ours that it
 * hasn't answered are taken to be there, and not on their way. */
static double others_of(const clv_edge *edge, const clv_server_times *server)
{
    if (server->workers == 0)
        return -1.0;
    double ours = (double)clv_agent_awaiting(&edge->agent) / server->workers;
    double others = server->load_permille / 1000.0 - ours;
    return others > 0.0 ? others : 0.0;
}

void clv_agent_plan_replied(clv_edge *edge, const clv_edge_slot *slot, const clv_link_event *event)
{
    const clv_edge_times *times = &slot->times;

    if (!is_planned(edge, slot))
        return;
    double bytes = (double)(slot->way.message_bytes + event->payload_bytes + REPLY_HEAD_BYTES);
    double others = others_of(edge, &event->server);
    clv_follow_frame frame = {.candidate = slot->way.candidate,
                              .device_us = (double)slot->way.device_us,
                              .encode_us = (double)times->encode_us,
                              .server_us = (double)times->server_us,
                              .waited_us = (double)times->queue_us,
                              .payload_bytes =
                                  slot->way.is_first ? 0.0 : (double)slot->way.payload_bytes,
                              .tells_others = others >= 0.0,
                              .others = others,
                              .link = {.sent_us = slot->sent_us,
                                       .answered_us = clv_clock_now_us(),
                                       .bytes = bytes,
                                       .alone = slot->way.alone}};
    clv_follow_answered(edge->plan.follow, &frame);
    edge->plan.n_unanswered = edge->plan.pause_frames = 0;
}

void clv_agent_plan_ended(clv_edge *edge, const clv_edge_slot *slot, const clv_agent_action *answer)
{
    bool is_late = answer->reason == CLV_AGENT_TOO_SLOW || answer->reason == CLV_AGENT_REFUSED;

    if (!is_planned(edge, slot))
        return;
    if (answer->source == CLV_SOURCE_LOCAL && answer->reason == CLV_AGENT_NONE) {
        clv_follow_frame frame = {.candidate = slot->way.candidate,
                                  .device_us = (double)slot->way.run_us};
        clv_follow_answered(edge->plan.follow, &frame);
    } else if (is_late && slot->sent_us > 0) {
        clv_follow_lost(edge->plan.follow);
        begin_pause(&edge->plan);
    }
}

/* --- news that no frame brings -------------------------------------------------------------- */

static bool has_echoes(const clv_edge_plan *p)
{
    for (uint32_t i = 0; i < CLV_LINK_MAX_ECHOES; i++) {
        if (p->echoes[i].number != 0)
            return true;
    }
    return false;
}

bool clv_agent_plan_is_alone(const clv_edge *edge)
{
    return clv_agent_awaiting(&edge->agent) <= 1 && !has_echoes(&edge->plan);
}

void clv_agent_plan_send_echo(clv_edge *edge)
{
    clv_edge_plan *p = &edge->plan;
    clv_edge_echo *echo = NULL;

    for (uint32_t i = 0; i < CLV_LINK_MAX_ECHOES; i++) {
        if (p->echoes[i].number == 0)
            echo = &p->echoes[i];
    }
    if (!p->echo_due || echo == NULL || !edge->link_state.up)
        return;
    bool is_alone = clv_agent_awaiting(&edge->agent) == 0 && !has_echoes(p);
    size_t bytes = p->echo_bytes;
    uint64_t number = ++p->n_echoes;
    p->echo_due = false;
    /* Noted before it is on its way: the answer may be faster than we are. */
    *echo =
        (clv_edge_echo){number, clv_clock_now_us(), (double)(bytes + REPLY_HEAD_BYTES), is_alone};
    clv_agent_unlock(edge);
    clv_status status = clv_link_echo(edge->link, number, bytes);
    clv_agent_lock(edge);
    if (status != CLV_OK && echo->number == number)
        *echo = (clv_edge_echo){0};
}

void clv_agent_plan_echoed(clv_edge *edge, const clv_link_event *event)
{
    uint64_t number = event->frame;

    for (uint32_t i = 0; i < CLV_LINK_MAX_ECHOES; i++) {
        clv_edge_echo *echo = &edge->plan.echoes[i];
        if (number == 0 || echo->number != number)
            continue;
        clv_link_sample sample = {.sent_us = echo->sent_us,
                                  .answered_us = clv_clock_now_us(),
                                  .bytes = echo->bytes,
                                  .alone = echo->alone};
        *echo = (clv_edge_echo){0};
        if (edge->plan.follow != NULL)
            clv_follow_echoed(edge->plan.follow, &sample, others_of(edge, &event->server));
    }
}

/* A frame at the server, whose inputs are here. Other slots may be being filled. */
static const clv_edge_slot *find_waiting(const clv_edge *edge)
{
    for (uint32_t i = 0; i < edge->n_slots; i++) {
        const clv_edge_slot *slot = &edge->slots[i];
        if (clv_agent_awaits(&edge->agent, slot->frame) == i && slot->prepared[CLV_AGENT_MODEL])
            return slot;
    }
    return NULL;
}

bool clv_agent_plan_check_device(clv_edge *edge)
{
    clv_network *model = &edge->networks[CLV_AGENT_MODEL];
    const clv_edge_slot *slot = find_waiting(edge);
    uint32_t reached;

    if (!edge->plan.check_due || edge->until_ns == NULL || edge->max_cut == 0 || slot == NULL)
        return false;
    edge->plan.check_due = false;
    clv_agent_taken_over(&edge->agent);
    /* With the lock held, or the slot might be filled again meanwhile. Real inputs: what a run
     * leaves in their place may be slow to compute with. */
    clv_network_load_inputs(model, &slot->inputs[CLV_AGENT_MODEL]);
    clv_agent_unlock(edge);
    uint64_t start_us = clv_clock_now_us();
    clv_status status = clv_network_run(&reached, model, 0, edge->max_cut, CLV_AGENT_SLICE_US);
    uint64_t run_us = clv_clock_now_us() - start_us;
    clv_agent_lock(edge);
    uint64_t profiled_ns = edge->until_ns[reached];
    if (status == CLV_OK && edge->plan.follow != NULL && profiled_ns >= CLV_PACE_MIN_NS)
        clv_follow_checked(edge->plan.follow, (double)run_us * 1e3 / (double)profiled_ns);
    return true;
}
