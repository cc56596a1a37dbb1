/* SPDX-License-Identifier: Apache-2.0 */
/* The device's state machine through thousands of random histories, against a model of the shell
 * that obeys it and of the world around: frames, replies that are due, doubled or made up, links
 * that flap, networks that fail. Every run can be had again by its seed. */
#include "edge/agent_core.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define N_HISTORIES 20000u
#define MARGIN_US (CLV_AGENT_MARGIN_US + CLV_AGENT_SLICE_US)

#define MAX_FRAMES 64u
#define NO_FRAME UINT64_MAX
#define MAX_NODES 12u

/* Everything that the shell and the world around it are, in one struct. */
typedef struct world {
    clv_agent agent;
    clv_agent_config config;
    uint32_t max_cut; /* is_prefix: what the model ends with here */
    uint64_t random;
    uint64_t now_us;
    uint64_t next_frame;
    bool student_takes_all;
    bool fails;      /* networks fail now and then */
    bool never_late; /* the configuration allows every answer to be in time */
    uint64_t node_us[2][MAX_NODES];
    /* what executions hold */
    uint64_t loaded[2];
    uint32_t step[2];
    /* by slot */
    uint64_t frame_of[CLV_AGENT_MAX_SLOTS];
    bool held[CLV_AGENT_MAX_SLOTS]; /* answered, not released */
    /* by frame */
    bool submitted[MAX_FRAMES], answered[MAX_FRAMES], sent[MAX_FRAMES], replied[MAX_FRAMES];
    bool needs_key[MAX_FRAMES], sent_key[MAX_FRAMES];
    bool chosen[MAX_FRAMES]; /* its cut was asked for */
    uint32_t cut_of[MAX_FRAMES];
} world;

static uint64_t draw(world *w, uint64_t below)
{
    w->random ^= w->random << 13; /* xorshift64 (Marsaglia, 2003) */
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (w->random >> 11) % below;
}

static bool chance(world *w, uint64_t percent)
{
    return draw(w, 100) < percent;
}

static void submit_some(world *w)
{
    if (w->next_frame == MAX_FRAMES)
        return;
    uint32_t slot = clv_agent_reserve(&w->agent);
    if (slot == CLV_AGENT_NO_SLOT)
        return;
    if (chance(w, 5)) { /* its image didn't fit in memory */
        clv_agent_release(&w->agent, slot);
        return;
    }
    uint64_t frame = w->next_frame++;
    assert_false(w->held[slot]);
    w->frame_of[slot] = frame;
    w->submitted[frame] = true;
    clv_agent_submit(&w->agent, slot, frame, w->student_takes_all || chance(w, 80), w->now_us);
}

/* A reply or a refusal to any frame that ever was, or never was. */
static void hear_from_server(world *w)
{
    uint64_t frame = draw(w, MAX_FRAMES);
    uint32_t slot = clv_agent_awaits(&w->agent, frame);

    if (slot == CLV_AGENT_NO_SLOT)
        return;
    assert_true(w->submitted[frame] && w->sent[frame] && !w->answered[frame]);
    assert_int_equal(w->frame_of[slot], frame);
    if (chance(w, 70)) {
        clv_agent_replied(&w->agent, slot);
        w->replied[frame] = true;
    } else if (chance(w, 50)) {
        clv_agent_needs_key(&w->agent, slot);
        w->needs_key[frame] = true;
    } else {
        clv_agent_refused(&w->agent, slot);
    }
    assert_int_equal(clv_agent_awaits(&w->agent, frame), CLV_AGENT_NO_SLOT);
}

static void release_one(world *w)
{
    uint32_t slot = (uint32_t)draw(w, w->config.n_slots);
    if (w->held[slot]) {
        w->held[slot] = false;
        clv_agent_release(&w->agent, slot);
    }
}

/* One that the device can do; beyond the last node now and then. */
static uint32_t draw_cut(world *w)
{
    return (uint32_t)draw(w, w->config.is_prefix ? w->max_cut + 1 : w->config.n_nodes + 2);
}

/* What other threads may do at any time. */
static void disturb(world *w)
{
    while (chance(w, 60)) {
        switch (draw(w, 8)) {
        case 0:
        case 1:
            submit_some(w);
            break;
        case 2:
        case 3:
            hear_from_server(w);
            break;
        case 4:
        case 5:
            release_one(w);
            break;
        case 6:
            clv_agent_set_link(&w->agent, chance(w, 75));
            break;
        default:
            clv_agent_set_cut(&w->agent, chance(w, 50) ? CLV_CUT_AUTO : draw_cut(w));
            break;
        }
    }
}

/* Each frame has a cut of its own, asked for once, before anything of it has run. */
static void obey_choose(world *w, const clv_agent_action *action)
{
    uint64_t frame = w->frame_of[action->slot];

    assert_true(w->config.has_server);
    assert_true(w->submitted[frame] && !w->answered[frame] && !w->sent[frame] && !w->chosen[frame]);
    w->chosen[frame] = true;
    w->cut_of[frame] = draw_cut(w);
    disturb(w);
    clv_agent_chosen(&w->agent, action, w->cut_of[frame]);
}

/* A slot's memory is the frame's that it holds, so what is chosen for it stays. */
static void check_choice(const world *w, uint64_t frame, uint32_t cut)
{
    uint32_t chosen = w->cut_of[frame] < w->config.n_nodes ? w->cut_of[frame] : w->config.n_nodes;
    if (w->chosen[frame])
        assert_int_equal(cut, chosen);
}

static void obey_run(world *w, const clv_agent_action *action)
{
    clv_agent_network network = action->network;
    uint64_t frame = w->frame_of[action->slot];
    uint32_t reached = action->from;
    uint64_t us = 0;

    assert_true(action->from < action->to);
    assert_true(network == CLV_AGENT_STUDENT || !w->config.is_prefix || action->to <= w->max_cut);
    if (action->from == 0)
        w->loaded[network] = frame;
    else
        assert_int_equal(w->step[network], action->from);
    assert_int_equal(w->loaded[network], frame);
    do
        us += w->node_us[network][reached++];
    while (reached < action->to && us + w->node_us[network][reached] <= CLV_AGENT_SLICE_US);
    disturb(w);
    w->now_us += us;
    w->step[network] = reached;
    if (w->fails && chance(w, 3))
        clv_agent_run_failed(&w->agent, action, w->now_us);
    else
        clv_agent_ran(&w->agent, action, reached, w->now_us);
}

static void obey_send(world *w, const clv_agent_action *action)
{
    uint64_t frame = w->frame_of[action->slot];

    check_choice(w, frame, action->cut);
    if (action->cut > 0) {
        assert_int_equal(w->loaded[CLV_AGENT_MODEL], frame);
        assert_int_equal(w->step[CLV_AGENT_MODEL], action->cut);
    }
    if (action->key) { /* once more, if at all */
        assert_true(w->sent[frame] && w->needs_key[frame] && !w->sent_key[frame]);
        w->sent_key[frame] = true;
    }
    for (uint64_t later = frame; !action->key && later < MAX_FRAMES; later++)
        assert_false(w->sent[later]); /* in order, and once */
    w->sent[frame] = true;
    disturb(w);
    w->now_us += draw(w, CLV_AGENT_SLICE_US);
    clv_agent_sent(&w->agent, action, chance(w, 90), w->now_us);
}

static void obey_answer(world *w, const clv_agent_action *action)
{
    uint64_t frame = w->frame_of[action->slot];

    assert_true(w->submitted[frame] && !w->answered[frame]);
    w->answered[frame] = true;
    w->held[action->slot] = true;
    switch (action->source) {
    case CLV_SOURCE_SPLIT:
    case CLV_SOURCE_SERVER:
        assert_true(w->replied[frame]);
        assert_int_equal(action->source == CLV_SOURCE_SERVER, action->cut == 0);
        check_choice(w, frame, action->cut);
        break;
    case CLV_SOURCE_LOCAL:
        assert_false(w->config.is_prefix);
        assert_int_equal(w->loaded[CLV_AGENT_MODEL], frame);
        assert_int_equal(w->step[CLV_AGENT_MODEL], w->config.n_nodes);
        break;
    case CLV_SOURCE_STUDENT:
        assert_int_equal(w->loaded[CLV_AGENT_STUDENT], frame);
        assert_int_equal(w->step[CLV_AGENT_STUDENT], w->config.n_student_nodes);
        break;
    default:
        assert_true(w->fails || w->config.is_prefix);
        break;
    }
    if (w->never_late)
        assert_false(action->late);
}

/* @return false when there was nothing to do. */
static bool step_world(world *w)
{
    clv_agent_action action = clv_agent_next(&w->agent, w->now_us);

    assert_true(action.type == CLV_AGENT_WAIT || action.slot < w->config.n_slots);
    switch (action.type) {
    case CLV_AGENT_CHOOSE:
        obey_choose(w, &action);
        return true;
    case CLV_AGENT_RUN:
        obey_run(w, &action);
        return true;
    case CLV_AGENT_SEND:
        obey_send(w, &action);
        return true;
    case CLV_AGENT_ANSWER:
        obey_answer(w, &action);
        return true;
    default:
        assert_true(action.until_us > w->now_us);
        if (chance(w, 20)) { /* a check of the device's speed */
            w->loaded[CLV_AGENT_MODEL] = NO_FRAME;
            clv_agent_taken_over(&w->agent);
        }
        if (action.until_us != UINT64_MAX && chance(w, 50))
            w->now_us = action.until_us;
        else if (action.until_us != UINT64_MAX)
            w->now_us += draw(w, action.until_us - w->now_us) + 1;
        else
            w->now_us += draw(w, 5000);
        return false;
    }
}

/* Random sizes and times. Where deadlines are kept by all, they leave room for a student run of
 * every slot, as slow as it may be thought to be after one measurement. */
static void build_world(world *w, uint64_t seed)
{
    *w = (world){.random = seed * 0x9e3779b97f4a7c15u + 1};
    uint32_t n_nodes = 1 + (uint32_t)draw(w, MAX_NODES);
    uint32_t n_student = chance(w, 25) ? 0 : 1 + (uint32_t)draw(w, MAX_NODES);
    uint64_t total[2] = {0, 0};
    for (uint32_t i = 0; i < MAX_NODES; i++) {
        for (uint32_t network = 0; network < 2; network++) {
            w->node_us[network][i] = 1 + draw(w, CLV_AGENT_SLICE_US);
            total[network] += i < (network == 0 ? n_nodes : n_student) ? w->node_us[network][i] : 0;
        }
    }
    w->config = (clv_agent_config){.n_slots = 1 + (uint32_t)draw(w, 6),
                                   .n_nodes = n_nodes,
                                   .n_student_nodes = n_student,
                                   .has_server = chance(w, 90),
                                   .cut = (uint32_t)draw(w, n_nodes + 1),
                                   .deadline_us = chance(w, 20) ? 0 : 1 + draw(w, 200000),
                                   .model_us = total[0],
                                   .student_us = total[1]};
    w->config.is_prefix = w->config.has_server && chance(w, 25);
    w->max_cut = (uint32_t)draw(w, n_nodes);
    if (w->config.is_prefix)
        w->config.cut = (uint32_t)draw(w, w->max_cut + 1);
    if (chance(w, 40))
        w->config.cut = CLV_CUT_AUTO;
    w->never_late = n_student > 0 && chance(w, 60);
    w->student_takes_all = w->never_late || chance(w, 50);
    w->fails = !w->never_late && chance(w, 30);
    if (w->never_late)
        w->config.deadline_us =
            w->config.n_slots * (total[1] + total[1] / 2 + 1) + MARGIN_US + draw(w, 50000);
    assert_int_equal(clv_agent_init(&w->agent, &w->config), CLV_OK);
    clv_agent_set_link(&w->agent, chance(w, 70));
}

static void live_through(uint64_t seed)
{
    world w;
    build_world(&w, seed);
    for (int i = 0; i < 250; i++) {
        disturb(&w);
        (void)step_world(&w);
    }
    /* The end: no link any more, so nothing has a reason to wait. */
    clv_agent_set_link(&w.agent, false);
    for (int i = 0; clv_agent_active(&w.agent) > 0; i++) {
        assert_true(i < 10000);
        clv_agent_set_link(&w.agent, false);
        (void)step_world(&w);
    }
    for (uint64_t frame = 0; frame < w.next_frame; frame++)
        assert_true(w.answered[frame]);
    for (uint32_t i = 0; i < w.config.n_slots; i++) {
        if (w.held[i])
            clv_agent_release(&w.agent, i);
    }
    for (uint32_t i = 0; i < w.config.n_slots; i++)
        assert_int_not_equal(clv_agent_reserve(&w.agent), CLV_AGENT_NO_SLOT);
}

static void test_agent_histories__keep_the_laws(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_HISTORIES; seed++)
        live_through(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent_histories__keep_the_laws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
