/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/agent_core.h"

#include <assert.h>
#include <string.h>

#define NO_DEADLINE UINT64_MAX

const char *clv_agent_reason_text(clv_agent_reason reason)
{
    static const char *const texts[] = {
#define CLV_AGENT_REASON_TEXT(name, text) text,
        CLV_AGENT_REASON_LIST(CLV_AGENT_REASON_TEXT)
#undef CLV_AGENT_REASON_TEXT
    };
    return (unsigned)reason < CLV_AGENT_REASON_COUNT ? texts[reason] : "";
}

/* --- times -------------------------------------------------------------------------------- */

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static clv_agent_estimate first_estimate(uint64_t us)
{
    return (clv_agent_estimate){.mean_us = us, .deviation_us = us / 4};
}

static void learn(clv_agent_estimate *estimate, uint64_t us)
{
    uint64_t off = distance(us, estimate->mean_us);
    estimate->deviation_us = (3 * estimate->deviation_us + off) / 4;
    estimate->mean_us = (7 * estimate->mean_us + us) / 8;
}

static uint64_t expected_us(const clv_agent_estimate *estimate)
{
    return estimate->mean_us + 2 * estimate->deviation_us;
}

/* An action that isn't a fallback has ended: urgent frames had to wait for it. */
static void learn_blocking(clv_agent *agent, uint64_t us)
{
    if (us > agent->blocked_us)
        agent->blocked_us = us;
}

/* With every frame, so that one long action is forgotten even when it has sent all frames to their
 * fallbacks ever since. */
static void forget_blocking(clv_agent *agent)
{
    agent->blocked_us -= (agent->blocked_us - CLV_AGENT_SLICE_US) / 32;
}

/* --- slots -------------------------------------------------------------------------------- */

clv_status clv_agent_init(clv_agent *agent, const clv_agent_config *config)
{
    if (config->n_slots == 0 || config->n_slots > CLV_AGENT_MAX_SLOTS || config->n_nodes == 0)
        return CLV_EINVAL;
    memset(agent, 0, sizeof *agent);
    agent->config = *config;
    clv_agent_set_cut(agent, config->cut);
    agent->owner = CLV_AGENT_NO_SLOT;
    agent->student_owner = CLV_AGENT_NO_SLOT;
    agent->model_time = first_estimate(config->model_us);
    agent->student_time = first_estimate(config->student_us);
    agent->blocked_us = CLV_AGENT_SLICE_US;
    return CLV_OK;
}

void clv_agent_set_cut(clv_agent *agent, uint32_t cut)
{
    agent->asks = cut == CLV_CUT_AUTO && agent->config.has_server;
    agent->config.cut = cut < agent->config.n_nodes ? cut : agent->config.n_nodes;
}

void clv_agent_taken_over(clv_agent *agent)
{
    agent->owner = CLV_AGENT_NO_SLOT;
}

uint32_t clv_agent_awaiting(const clv_agent *agent)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < agent->n_active; i++)
        n += agent->slots[agent->order[i]].awaiting;
    return n;
}

uint32_t clv_agent_active(const clv_agent *agent)
{
    return agent->n_active;
}

uint32_t clv_agent_reserve(clv_agent *agent)
{
    for (uint32_t i = 0; i < agent->config.n_slots; i++) {
        if (agent->slots[i].state == CLV_AGENT_FREE) {
            agent->slots[i].state = CLV_AGENT_RESERVED;
            return i;
        }
    }
    return CLV_AGENT_NO_SLOT;
}

void clv_agent_release(clv_agent *agent, uint32_t slot)
{
    assert(slot < agent->config.n_slots);
    assert(agent->slots[slot].state == CLV_AGENT_RESERVED ||
           agent->slots[slot].state == CLV_AGENT_ANSWERED);
    agent->slots[slot].state = CLV_AGENT_FREE;
}

static void fall_back(clv_agent_slot *slot, clv_agent_reason reason)
{
    if (slot->falling_back)
        return; /* the first reason is the one that counts */
    slot->falling_back = true;
    slot->reason = reason;
}

/* A frame that wants the server needs the link. */
static void mind_link(const clv_agent *agent, clv_agent_slot *slot)
{
    if (slot->split && !slot->undecided && !agent->link_up)
        fall_back(slot, CLV_AGENT_LINK_DOWN);
}

void clv_agent_submit(clv_agent *agent, uint32_t index, uint64_t frame, bool student_ok,
                      uint64_t now_us)
{
    assert(index < agent->config.n_slots);
    assert(agent->slots[index].state == CLV_AGENT_RESERVED);
    const clv_agent_config *config = &agent->config;

    agent->slots[index] = (clv_agent_slot){
        .state = CLV_AGENT_ACTIVE,
        .frame = frame,
        .submitted_us = now_us,
        .deadline_us = config->deadline_us > 0 ? now_us + config->deadline_us : NO_DEADLINE,
        .cut = config->has_server ? config->cut : config->n_nodes,
        .undecided = agent->asks,
        .split = config->has_server && (agent->asks || config->cut < config->n_nodes),
        .student_ok = student_ok && config->n_student_nodes > 0,
        .model_ok = !config->is_prefix,
    };
    agent->order[agent->n_active++] = index;
    forget_blocking(agent);
    mind_link(agent, &agent->slots[index]);
}

void clv_agent_chosen(clv_agent *agent, const clv_agent_action *choose, uint32_t cut)
{
    assert(choose->type == CLV_AGENT_CHOOSE);
    clv_agent_slot *slot = &agent->slots[choose->slot];

    if (slot->falling_back)
        return; /* while it was being chosen */
    slot->undecided = false;
    slot->cut = cut < agent->config.n_nodes ? cut : agent->config.n_nodes;
    slot->split = slot->cut < agent->config.n_nodes;
    assert(slot->split || slot->model_ok);
    mind_link(agent, slot);
}

/* --- what others tell --------------------------------------------------------------------- */

void clv_agent_set_link(clv_agent *agent, bool up)
{
    agent->link_up = up;
    for (uint32_t i = 0; !up && i < agent->n_active; i++) {
        clv_agent_slot *slot = &agent->slots[agent->order[i]];
        slot->awaiting = false;
        mind_link(agent, slot);
    }
}

uint32_t clv_agent_awaits(const clv_agent *agent, uint64_t frame)
{
    for (uint32_t i = 0; i < agent->n_active; i++) {
        const clv_agent_slot *slot = &agent->slots[agent->order[i]];
        if (slot->frame == frame)
            return slot->awaiting ? agent->order[i] : CLV_AGENT_NO_SLOT;
    }
    return CLV_AGENT_NO_SLOT;
}

void clv_agent_replied(clv_agent *agent, uint32_t slot)
{
    assert(slot < agent->config.n_slots && agent->slots[slot].awaiting);
    agent->slots[slot].awaiting = false;
    agent->slots[slot].replied = true;
}

void clv_agent_needs_key(clv_agent *agent, uint32_t slot)
{
    assert(slot < agent->config.n_slots && agent->slots[slot].awaiting);
    if (agent->slots[slot].key) { /* as if it had nothing to do with others */
        clv_agent_refused(agent, slot);
        return;
    }
    agent->slots[slot].key = true;
    agent->slots[slot].awaiting = false;
}

void clv_agent_refused(clv_agent *agent, uint32_t slot)
{
    assert(slot < agent->config.n_slots && agent->slots[slot].awaiting);
    agent->slots[slot].awaiting = false;
    fall_back(&agent->slots[slot], CLV_AGENT_REFUSED);
}

/* --- outcomes ----------------------------------------------------------------------------- */

/* How long the action took that ends now. */
static uint64_t end_action(clv_agent *agent, const clv_agent_slot *slot, uint64_t now_us)
{
    uint64_t us = now_us - agent->busy_since_us;
    if (!slot->falling_back)
        learn_blocking(agent, us);
    return us;
}

void clv_agent_ran(clv_agent *agent, const clv_agent_action *run, uint32_t reached, uint64_t now_us)
{
    assert(run->type == CLV_AGENT_RUN && reached > run->from && reached <= run->to);
    clv_agent_slot *slot = &agent->slots[run->slot];
    uint64_t us = end_action(agent, slot, now_us);

    if (run->network == CLV_AGENT_STUDENT) {
        slot->student_step = reached;
        slot->student_us += us;
        if (reached == agent->config.n_student_nodes)
            learn(&agent->student_time, slot->student_us);
    } else {
        slot->model_step = reached;
        slot->model_us += us;
        if (reached == agent->config.n_nodes)
            learn(&agent->model_time, slot->model_us);
    }
}

void clv_agent_run_failed(clv_agent *agent, const clv_agent_action *run, uint64_t now_us)
{
    assert(run->type == CLV_AGENT_RUN);
    clv_agent_slot *slot = &agent->slots[run->slot];
    (void)end_action(agent, slot, now_us);

    if (run->network == CLV_AGENT_STUDENT)
        slot->student_ok = false;
    else
        slot->model_ok = false;
    fall_back(slot, CLV_AGENT_RUN_FAILED);
}

void clv_agent_sent(clv_agent *agent, const clv_agent_action *send, bool ok, uint64_t now_us)
{
    assert(send->type == CLV_AGENT_SEND);
    clv_agent_slot *slot = &agent->slots[send->slot];
    (void)end_action(agent, slot, now_us);
    if (ok)
        return;
    slot->awaiting = false;
    fall_back(slot, CLV_AGENT_NOT_SENT);
}

/* --- deadlines ---------------------------------------------------------------------------- */

/* What the frame's fallback is expected to take. All of it even where it has begun: a more urgent
 * frame may take the network over, and then it begins again. */
static uint64_t fallback_us(const clv_agent *agent, const clv_agent_slot *slot)
{
    if (!slot->student_ok && !slot->model_ok)
        return 0; /* to give it up takes no time */
    return expected_us(slot->student_ok ? &agent->student_time : &agent->model_time);
}

/* Whether a deadline changes anything for the frame: there is another way than the one it is on,
 * if only that of giving it up. */
static bool minds_deadline(const clv_agent_slot *slot)
{
    return slot->deadline_us != NO_DEADLINE && !slot->replied && (slot->student_ok || slot->split);
}

/* The latest start of a fallback of @p run_us that still ends before the deadline and before
 * @p next_start, when the next frame's fallback starts. Where not all have room, each frame looks
 * after itself; where this one alone has none, only the way that it is on can answer it by its
 * deadline, and so has time until then. */
static uint64_t latest_start(const clv_agent_slot *slot, uint64_t run_us, uint64_t next_start)
{
    uint64_t end = slot->deadline_us < next_start ? slot->deadline_us : next_start;

    if (end >= slot->submitted_us + run_us)
        return end - run_us;
    if (slot->deadline_us >= slot->submitted_us + run_us)
        return slot->deadline_us - run_us;
    return slot->deadline_us;
}

/* Send every frame to its fallback whose last moment for that has come, seen from the newest to
 * the oldest. @return when the next one is due; UINT64_MAX: none. */
static uint64_t engage_due(clv_agent *agent, uint64_t now_us)
{
    uint64_t margin = CLV_AGENT_MARGIN_US + agent->blocked_us;
    uint64_t next_start = UINT64_MAX;
    uint64_t next_due = UINT64_MAX;

    for (uint32_t i = agent->n_active; i-- > 0;) {
        clv_agent_slot *slot = &agent->slots[agent->order[i]];
        if (!minds_deadline(slot))
            continue;
        uint64_t start = latest_start(slot, fallback_us(agent, slot), next_start);
        next_start = start;
        if (slot->falling_back)
            continue;
        if (start <= now_us + margin)
            fall_back(slot, CLV_AGENT_TOO_SLOW);
        else if (start - margin < next_due)
            next_due = start - margin;
    }
    return next_due;
}

/* --- what to do next ---------------------------------------------------------------------- */

/* Where the main model's run ends for the frame. */
static uint32_t model_end(const clv_agent *agent, const clv_agent_slot *slot)
{
    return slot->split && !slot->falling_back ? slot->cut : agent->config.n_nodes;
}

/* Whether the frame can be answered now. */
static bool find_source(clv_source *out, const clv_agent *agent, uint32_t index)
{
    const clv_agent_slot *slot = &agent->slots[index];

    if (slot->replied)
        *out = slot->cut == 0 ? CLV_SOURCE_SERVER : CLV_SOURCE_SPLIT;
    else if (agent->student_owner == index && slot->student_step == agent->config.n_student_nodes)
        *out = CLV_SOURCE_STUDENT;
    else if (agent->owner == index && slot->model_step == agent->config.n_nodes)
        *out = CLV_SOURCE_LOCAL;
    else if (slot->falling_back && !slot->model_ok && !slot->student_ok)
        *out = CLV_SOURCE_NONE;
    else
        return false;
    return true;
}

static clv_agent_action answer(clv_agent *agent, uint32_t position, clv_source source,
                               uint64_t now_us)
{
    uint32_t index = agent->order[position];
    clv_agent_slot *slot = &agent->slots[index];
    /* A reply that overtook the fallback, or a model that ended before it, is what was wanted. */
    bool wanted = slot->replied || (source == CLV_SOURCE_LOCAL && !slot->split);

    slot->state = CLV_AGENT_ANSWERED;
    slot->awaiting = false;
    agent->n_active--;
    memmove(&agent->order[position], &agent->order[position + 1],
            (agent->n_active - position) * sizeof agent->order[0]);
    return (clv_agent_action){.type = CLV_AGENT_ANSWER,
                              .slot = index,
                              .cut = slot->cut,
                              .source = source,
                              .reason = wanted ? CLV_AGENT_NONE : slot->reason,
                              .late = now_us > slot->deadline_us};
}

static clv_agent_action run_student(clv_agent *agent, uint32_t index)
{
    clv_agent_slot *slot = &agent->slots[index];

    if (agent->student_owner != index) {
        agent->student_owner = index;
        slot->student_step = 0;
        slot->student_us = 0;
    }
    return (clv_agent_action){.type = CLV_AGENT_RUN,
                              .slot = index,
                              .network = CLV_AGENT_STUDENT,
                              .from = slot->student_step,
                              .to = agent->config.n_student_nodes};
}

static clv_agent_action send_frame(clv_agent *agent, uint32_t index, uint64_t now_us)
{
    clv_agent_slot *slot = &agent->slots[index];
    uint64_t left = 0;

    if (slot->deadline_us != NO_DEADLINE)
        left = slot->deadline_us > now_us ? slot->deadline_us - now_us : 1;
    /* From here on: its reply may be there before the sender has returned. */
    slot->awaiting = true;
    return (clv_agent_action){
        .type = CLV_AGENT_SEND, .slot = index, .cut = slot->cut, .left_us = left, .key = slot->key};
}

static clv_agent_action run_model(clv_agent *agent, uint32_t index, uint64_t now_us)
{
    clv_agent_slot *slot = &agent->slots[index];
    uint32_t end = model_end(agent, slot);

    if (end == 0)
        return send_frame(agent, index, now_us);
    if (agent->owner != index) {
        agent->owner = index;
        slot->model_step = 0;
        slot->model_us = 0;
    }
    if (slot->model_step == end)
        return send_frame(agent, index, now_us);
    return (clv_agent_action){.type = CLV_AGENT_RUN,
                              .slot = index,
                              .network = CLV_AGENT_MODEL,
                              .from = slot->model_step,
                              .to = end};
}

/* The oldest frame that needs its fallback. */
static uint32_t find_fallback(const clv_agent *agent)
{
    for (uint32_t i = 0; i < agent->n_active; i++) {
        if (agent->slots[agent->order[i]].falling_back)
            return agent->order[i];
    }
    return CLV_AGENT_NO_SLOT;
}

/* The oldest frame that is on the way that was wanted, and not at the server. */
static uint32_t find_unsent(const clv_agent *agent)
{
    for (uint32_t i = 0; i < agent->n_active; i++) {
        const clv_agent_slot *slot = &agent->slots[agent->order[i]];
        if (!slot->awaiting && !slot->falling_back)
            return agent->order[i];
    }
    return CLV_AGENT_NO_SLOT;
}

clv_agent_action clv_agent_next(clv_agent *agent, uint64_t now_us)
{
    uint64_t next_due = engage_due(agent, now_us);

    agent->busy_since_us = now_us;
    for (uint32_t i = 0; i < agent->n_active; i++) {
        clv_source source = CLV_SOURCE_NONE;
        if (find_source(&source, agent, agent->order[i]))
            return answer(agent, i, source, now_us);
    }
    uint32_t index = find_fallback(agent);
    if (index != CLV_AGENT_NO_SLOT)
        return agent->slots[index].student_ok ? run_student(agent, index)
                                              : run_model(agent, index, now_us);
    index = find_unsent(agent);
    if (index != CLV_AGENT_NO_SLOT && agent->slots[index].undecided)
        return (clv_agent_action){.type = CLV_AGENT_CHOOSE, .slot = index};
    if (index != CLV_AGENT_NO_SLOT)
        return run_model(agent, index, now_us);
    return (clv_agent_action){.type = CLV_AGENT_WAIT, .until_us = next_due};
}
