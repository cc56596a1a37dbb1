/* SPDX-License-Identifier: Apache-2.0 */
/* The device's state machine, with a clock of its own: single cases first, then thousands of
 * random histories against a model of the shell that obeys it. */
#include "edge/agent_core.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define N_NODES 10u
#define N_STUDENT_NODES 4u
#define CUT 6u
#define DEADLINE_US 100000u
#define STUDENT_US 8000u
#define MODEL_US 40000u

/* What a student that took STUDENT_US once is expected to take, with the margin before it. */
#define STUDENT_EXPECTED_US (STUDENT_US + STUDENT_US / 2)
#define MARGIN_US (CLV_AGENT_MARGIN_US + CLV_AGENT_SLICE_US)

static clv_agent_config default_config(void)
{
    return (clv_agent_config){.n_slots = 4,
                              .n_nodes = N_NODES,
                              .n_student_nodes = N_STUDENT_NODES,
                              .has_server = true,
                              .cut = CUT,
                              .deadline_us = DEADLINE_US,
                              .model_us = MODEL_US,
                              .student_us = STUDENT_US};
}

static clv_agent make_agent(const clv_agent_config *config, bool link_up)
{
    clv_agent agent;
    assert_int_equal(clv_agent_init(&agent, config), CLV_OK);
    clv_agent_set_link(&agent, link_up);
    return agent;
}

static uint32_t submit(clv_agent *agent, uint64_t frame, uint64_t now_us)
{
    uint32_t slot = clv_agent_reserve(agent);
    assert_int_not_equal(slot, CLV_AGENT_NO_SLOT);
    clv_agent_submit(agent, slot, frame, true, now_us);
    return slot;
}

static clv_agent_action expect_run(clv_agent *agent, uint64_t now_us, uint32_t slot,
                                   clv_agent_network network, uint32_t from, uint32_t to)
{
    clv_agent_action action = clv_agent_next(agent, now_us);
    assert_int_equal(action.type, CLV_AGENT_RUN);
    assert_int_equal(action.slot, slot);
    assert_int_equal(action.network, network);
    assert_int_equal(action.from, from);
    assert_int_equal(action.to, to);
    return action;
}

static void expect_wait(clv_agent *agent, uint64_t now_us, uint64_t until_us)
{
    clv_agent_action action = clv_agent_next(agent, now_us);
    assert_int_equal(action.type, CLV_AGENT_WAIT);
    assert_int_equal(action.until_us, until_us);
}

static clv_agent_action expect_answer(clv_agent *agent, uint64_t now_us, uint32_t slot,
                                      clv_source source, clv_agent_reason reason)
{
    clv_agent_action action = clv_agent_next(agent, now_us);
    assert_int_equal(action.type, CLV_AGENT_ANSWER);
    assert_int_equal(action.slot, slot);
    assert_int_equal(action.source, source);
    assert_int_equal(action.reason, reason);
    return action;
}

/* Run what the agent asks for in one slice of @p us. @return the time after it. */
static uint64_t run_all(clv_agent *agent, uint64_t now_us, uint32_t slot, clv_agent_network network,
                        uint64_t us)
{
    uint32_t to = network == CLV_AGENT_STUDENT ? N_STUDENT_NODES : 0;
    clv_agent_action action = clv_agent_next(agent, now_us);
    assert_int_equal(action.type, CLV_AGENT_RUN);
    assert_int_equal(action.slot, slot);
    assert_int_equal(action.network, network);
    if (to != 0)
        assert_int_equal(action.to, to);
    clv_agent_ran(agent, &action, action.to, now_us + us);
    return now_us + us;
}

static uint64_t send_it(clv_agent *agent, uint64_t now_us, uint32_t slot, bool ok, uint64_t us)
{
    clv_agent_action action = clv_agent_next(agent, now_us);
    assert_int_equal(action.type, CLV_AGENT_SEND);
    assert_int_equal(action.slot, slot);
    clv_agent_sent(agent, &action, ok, now_us + us);
    return now_us + us;
}

/* Submit a frame at @p now_us and bring it on its way. */
static uint32_t put_on_way(clv_agent *agent, uint64_t frame, uint64_t now_us)
{
    uint32_t slot = submit(agent, frame, now_us);
    uint64_t now = run_all(agent, now_us, slot, CLV_AGENT_MODEL, 1000);
    (void)send_it(agent, now, slot, true, 100);
    return slot;
}

/* --- the ways of a frame ------------------------------------------------------------------ */

static void test_agent_core__splits_a_frame_and_answers_with_the_reply(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = submit(&agent, 7, 1000);

    clv_agent_action run = expect_run(&agent, 1000, slot, CLV_AGENT_MODEL, 0, CUT);
    clv_agent_ran(&agent, &run, 2, 2000);
    run = expect_run(&agent, 2000, slot, CLV_AGENT_MODEL, 2, CUT);
    clv_agent_ran(&agent, &run, CUT, 3000);

    clv_agent_action send = clv_agent_next(&agent, 3000);
    assert_int_equal(send.type, CLV_AGENT_SEND);
    assert_int_equal(send.cut, CUT);
    assert_int_equal(send.left_us, DEADLINE_US - 2000);
    clv_agent_sent(&agent, &send, true, 3500);

    assert_int_equal(clv_agent_awaits(&agent, 7), slot);
    clv_agent_replied(&agent, slot);
    clv_agent_action answer = expect_answer(&agent, 9000, slot, CLV_SOURCE_SPLIT, CLV_AGENT_NONE);
    assert_int_equal(answer.cut, CUT);
    assert_false(answer.late);
    assert_int_equal(clv_agent_active(&agent), 0);
    expect_wait(&agent, 9000, UINT64_MAX);
}

static void test_agent_core__cut_0_sends_the_input_without_a_run(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.cut = 0;
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = submit(&agent, 1, 0);

    (void)send_it(&agent, 0, slot, true, 100);
    clv_agent_replied(&agent, slot);
    (void)expect_answer(&agent, 200, slot, CLV_SOURCE_SERVER, CLV_AGENT_NONE);
}

static void test_agent_core__cut_n_needs_no_link(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.cut = CLV_CUT_ALL;
    clv_agent agent = make_agent(&config, false);
    uint32_t slot = submit(&agent, 1, 0);

    clv_agent_action run = expect_run(&agent, 0, slot, CLV_AGENT_MODEL, 0, N_NODES);
    clv_agent_ran(&agent, &run, N_NODES, 500);
    clv_agent_action answer = expect_answer(&agent, 500, slot, CLV_SOURCE_LOCAL, CLV_AGENT_NONE);
    assert_int_equal(answer.cut, N_NODES);
}

static void test_agent_core__without_a_server_the_cut_is_ignored(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.has_server = false;
    clv_agent agent = make_agent(&config, false);
    uint32_t slot = submit(&agent, 1, 0);

    clv_agent_action run = expect_run(&agent, 0, slot, CLV_AGENT_MODEL, 0, N_NODES);
    clv_agent_ran(&agent, &run, N_NODES, 500);
    clv_agent_action answer = expect_answer(&agent, 500, slot, CLV_SOURCE_LOCAL, CLV_AGENT_NONE);
    assert_int_equal(answer.cut, N_NODES);
}

static void test_agent_core__a_new_cut_is_for_new_frames(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, true);
    uint32_t first = submit(&agent, 1, 0);
    clv_agent_set_cut(&agent, 3);
    uint32_t second = submit(&agent, 2, 0);

    clv_agent_action run = expect_run(&agent, 0, first, CLV_AGENT_MODEL, 0, CUT);
    clv_agent_ran(&agent, &run, CUT, 100);
    uint64_t now = send_it(&agent, 100, first, true, 100);
    (void)expect_run(&agent, now, second, CLV_AGENT_MODEL, 0, 3);
}

static void test_agent_core__the_next_frame_starts_while_one_is_on_its_way(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, true);
    uint32_t first = put_on_way(&agent, 1, 0);
    uint32_t second = put_on_way(&agent, 2, 2000);

    clv_agent_replied(&agent, clv_agent_awaits(&agent, 2)); /* replies come in any order */
    (void)expect_answer(&agent, 5000, second, CLV_SOURCE_SPLIT, CLV_AGENT_NONE);
    clv_agent_replied(&agent, clv_agent_awaits(&agent, 1));
    (void)expect_answer(&agent, 5000, first, CLV_SOURCE_SPLIT, CLV_AGENT_NONE);
}

/* --- the link ----------------------------------------------------------------------------- */

static void test_agent_core__without_the_link_the_student_answers_at_once(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.deadline_us = 0;
    clv_agent agent = make_agent(&config, false);
    uint32_t slot = submit(&agent, 1, 0);

    uint64_t now = run_all(&agent, 0, slot, CLV_AGENT_STUDENT, STUDENT_US);
    (void)expect_answer(&agent, now, slot, CLV_SOURCE_STUDENT, CLV_AGENT_LINK_DOWN);
}

static void test_agent_core__a_dropped_link_sends_its_frames_to_the_student(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.deadline_us = 0;
    clv_agent agent = make_agent(&config, true);
    uint32_t sent = put_on_way(&agent, 1, 0);
    uint32_t running = submit(&agent, 2, 2000);
    clv_agent_action run = expect_run(&agent, 2000, running, CLV_AGENT_MODEL, 0, CUT);
    clv_agent_set_link(&agent, false); /* in the middle of a slice */
    clv_agent_ran(&agent, &run, 3, 3000);

    assert_int_equal(clv_agent_awaits(&agent, 1), CLV_AGENT_NO_SLOT);
    uint64_t now = run_all(&agent, 3000, sent, CLV_AGENT_STUDENT, STUDENT_US);
    (void)expect_answer(&agent, now, sent, CLV_SOURCE_STUDENT, CLV_AGENT_LINK_DOWN);
    now = run_all(&agent, now, running, CLV_AGENT_STUDENT, STUDENT_US);
    (void)expect_answer(&agent, now, running, CLV_SOURCE_STUDENT, CLV_AGENT_LINK_DOWN);

    clv_agent_set_link(&agent, true);
    clv_agent_release(&agent, sent);
    (void)expect_run(&agent, now, submit(&agent, 3, now), CLV_AGENT_MODEL, 0, CUT);
}

static void test_agent_core__without_a_student_the_model_goes_on_here(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.n_student_nodes = 0;
    config.deadline_us = 0;
    clv_agent agent = make_agent(&config, true);
    uint32_t sent = put_on_way(&agent, 1, 0);
    uint32_t running = submit(&agent, 2, 2000);
    clv_agent_action run = expect_run(&agent, 2000, running, CLV_AGENT_MODEL, 0, CUT);
    clv_agent_ran(&agent, &run, 3, 3000);
    clv_agent_replied(&agent, sent);
    (void)expect_answer(&agent, 3000, sent, CLV_SOURCE_SPLIT, CLV_AGENT_NONE);
    clv_agent_set_link(&agent, false);

    run = expect_run(&agent, 3000, running, CLV_AGENT_MODEL, 3, N_NODES);
    clv_agent_ran(&agent, &run, N_NODES, 4000);
    (void)expect_answer(&agent, 4000, running, CLV_SOURCE_LOCAL, CLV_AGENT_LINK_DOWN);
}

static void test_agent_core__a_sent_frame_goes_on_where_the_model_still_holds_it(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.n_student_nodes = 0;
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = put_on_way(&agent, 1, 0);
    clv_agent_set_link(&agent, false);

    clv_agent_action run = expect_run(&agent, 3000, slot, CLV_AGENT_MODEL, CUT, N_NODES);
    clv_agent_ran(&agent, &run, N_NODES, 4000);
    (void)expect_answer(&agent, 4000, slot, CLV_SOURCE_LOCAL, CLV_AGENT_LINK_DOWN);
}

static void test_agent_core__a_sent_frame_starts_again_where_another_took_the_model(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.n_student_nodes = 0;
    clv_agent agent = make_agent(&config, true);
    uint32_t first = put_on_way(&agent, 1, 0);
    (void)put_on_way(&agent, 2, 2000);
    clv_agent_set_link(&agent, false);

    (void)expect_run(&agent, 3000, first, CLV_AGENT_MODEL, 0, N_NODES);
}

static void test_agent_core__a_refused_frame_goes_to_the_student(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.deadline_us = 0;
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = put_on_way(&agent, 1, 0);

    expect_wait(&agent, 5000, UINT64_MAX);
    clv_agent_refused(&agent, slot);
    uint64_t now = run_all(&agent, 5000, slot, CLV_AGENT_STUDENT, STUDENT_US);
    (void)expect_answer(&agent, now, slot, CLV_SOURCE_STUDENT, CLV_AGENT_REFUSED);
}

static void test_agent_core__a_frame_that_cannot_be_sent_goes_to_the_student(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.cut = 0;
    config.deadline_us = 0;
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = submit(&agent, 1, 0);

    uint64_t now = send_it(&agent, 0, slot, false, 100);
    assert_int_equal(clv_agent_awaits(&agent, 1), CLV_AGENT_NO_SLOT);
    now = run_all(&agent, now, slot, CLV_AGENT_STUDENT, STUDENT_US);
    (void)expect_answer(&agent, now, slot, CLV_SOURCE_STUDENT, CLV_AGENT_NOT_SENT);
}

static void test_agent_core__a_reply_may_come_before_the_sender_returns(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.cut = 0;
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = submit(&agent, 1, 0);
    clv_agent_action send = clv_agent_next(&agent, 0);
    assert_int_equal(send.type, CLV_AGENT_SEND);

    assert_int_equal(clv_agent_awaits(&agent, 1), slot);
    clv_agent_replied(&agent, slot);
    clv_agent_sent(&agent, &send, true, 100);
    (void)expect_answer(&agent, 100, slot, CLV_SOURCE_SERVER, CLV_AGENT_NONE);
}

static void test_agent_core__only_frames_on_their_way_await_a_reply(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = submit(&agent, 5, 0);

    assert_int_equal(clv_agent_awaits(&agent, 5), CLV_AGENT_NO_SLOT); /* not sent yet */
    uint64_t now = run_all(&agent, 0, slot, CLV_AGENT_MODEL, 1000);
    now = send_it(&agent, now, slot, true, 100);
    assert_int_equal(clv_agent_awaits(&agent, 4), CLV_AGENT_NO_SLOT); /* never submitted */
    assert_int_equal(clv_agent_awaits(&agent, 5), slot);
    clv_agent_replied(&agent, slot);
    assert_int_equal(clv_agent_awaits(&agent, 5), CLV_AGENT_NO_SLOT); /* twice */
    (void)expect_answer(&agent, now, slot, CLV_SOURCE_SPLIT, CLV_AGENT_NONE);
    assert_int_equal(clv_agent_awaits(&agent, 5), CLV_AGENT_NO_SLOT); /* answered */
    clv_agent_release(&agent, slot);
    assert_int_equal(put_on_way(&agent, 6, now), slot);
    assert_int_equal(clv_agent_awaits(&agent, 5), CLV_AGENT_NO_SLOT); /* its slot has moved on */
}

/* --- deadlines ---------------------------------------------------------------------------- */

static void test_agent_core__without_a_reply_the_student_answers_by_the_deadline(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = put_on_way(&agent, 1, 0);
    uint64_t due = DEADLINE_US - STUDENT_EXPECTED_US - MARGIN_US;

    expect_wait(&agent, 2000, due);
    expect_wait(&agent, due - 1, due);
    uint64_t now = run_all(&agent, due, slot, CLV_AGENT_STUDENT, STUDENT_US);
    clv_agent_action answer =
        expect_answer(&agent, now, slot, CLV_SOURCE_STUDENT, CLV_AGENT_TOO_SLOW);
    assert_false(answer.late);
    assert_int_equal(clv_agent_awaits(&agent, 1), CLV_AGENT_NO_SLOT); /* too late */
}

static void test_agent_core__a_reply_that_overtakes_the_student_wins(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = put_on_way(&agent, 1, 0);
    uint64_t now = DEADLINE_US - STUDENT_EXPECTED_US;

    clv_agent_action run = expect_run(&agent, now, slot, CLV_AGENT_STUDENT, 0, N_STUDENT_NODES);
    clv_agent_ran(&agent, &run, 1, now + 1000);
    clv_agent_replied(&agent, clv_agent_awaits(&agent, 1));
    (void)expect_answer(&agent, now + 1000, slot, CLV_SOURCE_SPLIT, CLV_AGENT_NONE);
    expect_wait(&agent, now + 1000, UINT64_MAX);
}

static void test_agent_core__an_urgent_frame_preempts_a_prefix_that_then_goes_on(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, true);
    uint32_t urgent = put_on_way(&agent, 1, 0);
    uint64_t now = DEADLINE_US - STUDENT_EXPECTED_US - MARGIN_US - 500;
    uint32_t next = submit(&agent, 2, now);
    clv_agent_action run = expect_run(&agent, now, next, CLV_AGENT_MODEL, 0, CUT);
    now += CLV_AGENT_SLICE_US;
    clv_agent_ran(&agent, &run, 4, now);

    now = run_all(&agent, now, urgent, CLV_AGENT_STUDENT, STUDENT_US);
    (void)expect_answer(&agent, now, urgent, CLV_SOURCE_STUDENT, CLV_AGENT_TOO_SLOW);
    (void)expect_run(&agent, now, next, CLV_AGENT_MODEL, 4, CUT);
}

static void test_agent_core__frames_with_one_deadline_leave_room_for_each_other(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, true);
    uint32_t slots[3];
    for (uint32_t i = 0; i < 3; i++)
        slots[i] = put_on_way(&agent, i + 1, 0);

    uint64_t now = DEADLINE_US - 3 * STUDENT_EXPECTED_US - MARGIN_US;
    expect_wait(&agent, now - 1, now);
    for (uint32_t i = 0; i < 3; i++) {
        /* As slow as it is expected to be, so that nothing is learned that gives more time. */
        clv_agent_action run =
            expect_run(&agent, now, slots[i], CLV_AGENT_STUDENT, 0, N_STUDENT_NODES);
        now += STUDENT_EXPECTED_US;
        clv_agent_ran(&agent, &run, N_STUDENT_NODES, now);
        clv_agent_action answer =
            expect_answer(&agent, now, slots[i], CLV_SOURCE_STUDENT, CLV_AGENT_TOO_SLOW);
        assert_false(answer.late);
        if (i < 2) { /* the next one waits for its own last moment, or it has come */
            clv_agent_action next = clv_agent_next(&agent, now);
            now = next.type == CLV_AGENT_WAIT ? next.until_us : now;
        }
    }
}

static void test_agent_core__a_frame_with_a_reply_needs_no_room(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, true);
    (void)put_on_way(&agent, 1, 0);
    uint32_t second = put_on_way(&agent, 2, 0);
    uint64_t now = DEADLINE_US - 2 * STUDENT_EXPECTED_US - MARGIN_US;

    clv_agent_replied(&agent, second);
    (void)expect_answer(&agent, now, second, CLV_SOURCE_SPLIT, CLV_AGENT_NONE);
    expect_wait(&agent, now, DEADLINE_US - STUDENT_EXPECTED_US - MARGIN_US);
}

static void test_agent_core__a_student_that_cannot_be_in_time_waits_for_the_reply(void **state)
{
    (void)state;
    const uint64_t start = 10 * DEADLINE_US;
    clv_agent_config config = default_config();
    config.student_us = 2 * DEADLINE_US;
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = put_on_way(&agent, 1, start);

    expect_wait(&agent, start + 2000, start + DEADLINE_US - MARGIN_US);
    uint64_t now = run_all(&agent, start + DEADLINE_US, slot, CLV_AGENT_STUDENT, STUDENT_US);
    clv_agent_action answer =
        expect_answer(&agent, now, slot, CLV_SOURCE_STUDENT, CLV_AGENT_TOO_SLOW);
    assert_true(answer.late);
}

static void test_agent_core__a_slow_local_model_gives_way_to_the_student(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.cut = CLV_CUT_ALL;
    clv_agent agent = make_agent(&config, false);
    uint32_t slot = submit(&agent, 1, 0);
    clv_agent_action run = expect_run(&agent, 0, slot, CLV_AGENT_MODEL, 0, N_NODES);
    clv_agent_ran(&agent, &run, 5, DEADLINE_US - STUDENT_EXPECTED_US);

    uint64_t now =
        run_all(&agent, DEADLINE_US - STUDENT_EXPECTED_US, slot, CLV_AGENT_STUDENT, STUDENT_US);
    (void)expect_answer(&agent, now, slot, CLV_SOURCE_STUDENT, CLV_AGENT_TOO_SLOW);
}

static void test_agent_core__a_slower_student_is_started_earlier(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, false);
    uint64_t now = 0;
    for (uint64_t frame = 1; frame <= 60; frame++) {
        uint32_t slot = submit(&agent, frame, now);
        now = run_all(&agent, now, slot, CLV_AGENT_STUDENT, 3 * STUDENT_US);
        (void)expect_answer(&agent, now, slot, CLV_SOURCE_STUDENT, CLV_AGENT_LINK_DOWN);
        clv_agent_release(&agent, slot);
    }
    clv_agent_set_link(&agent, true);
    (void)put_on_way(&agent, 100, now);
    clv_agent_action wait = clv_agent_next(&agent, now + 2000);
    assert_int_equal(wait.type, CLV_AGENT_WAIT);
    uint64_t before_deadline = now + DEADLINE_US - wait.until_us;
    assert_in_range(before_deadline, 3 * STUDENT_US, 3 * STUDENT_US + MARGIN_US + 500);
}

static void test_agent_core__long_actions_widen_the_margin_and_are_forgotten(void **state)
{
    (void)state;
    const uint64_t long_us = 30000;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = submit(&agent, 1, 0);
    uint64_t now = run_all(&agent, 0, slot, CLV_AGENT_MODEL, long_us);
    now = send_it(&agent, now, slot, true, 100);
    expect_wait(&agent, now, DEADLINE_US - STUDENT_EXPECTED_US - long_us - CLV_AGENT_MARGIN_US);
    clv_agent_replied(&agent, slot);
    (void)expect_answer(&agent, now, slot, CLV_SOURCE_SPLIT, CLV_AGENT_NONE);
    clv_agent_release(&agent, slot);

    for (uint64_t frame = 2; frame < 400; frame++) {
        slot = put_on_way(&agent, frame, now);
        clv_agent_replied(&agent, slot);
        (void)expect_answer(&agent, now, slot, CLV_SOURCE_SPLIT, CLV_AGENT_NONE);
        clv_agent_release(&agent, slot);
    }
    (void)put_on_way(&agent, 400, now);
    clv_agent_action wait = clv_agent_next(&agent, now);
    assert_in_range(now + DEADLINE_US - wait.until_us, STUDENT_EXPECTED_US + MARGIN_US,
                    STUDENT_EXPECTED_US + MARGIN_US + 100);
}

/* --- failures ----------------------------------------------------------------------------- */

static void test_agent_core__a_student_that_fails_leaves_it_to_the_model(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, false);
    uint32_t slot = submit(&agent, 1, 0);
    clv_agent_action run = expect_run(&agent, 0, slot, CLV_AGENT_STUDENT, 0, N_STUDENT_NODES);
    clv_agent_run_failed(&agent, &run, 100);

    uint64_t now = run_all(&agent, 100, slot, CLV_AGENT_MODEL, 1000);
    (void)expect_answer(&agent, now, slot, CLV_SOURCE_LOCAL, CLV_AGENT_LINK_DOWN);
}

static void test_agent_core__when_all_fails_the_answer_is_none(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = submit(&agent, 1, 0);
    clv_agent_action run = expect_run(&agent, 0, slot, CLV_AGENT_MODEL, 0, CUT);
    clv_agent_run_failed(&agent, &run, 100);
    run = expect_run(&agent, 100, slot, CLV_AGENT_STUDENT, 0, N_STUDENT_NODES);
    clv_agent_run_failed(&agent, &run, 200);

    (void)expect_answer(&agent, 200, slot, CLV_SOURCE_NONE, CLV_AGENT_RUN_FAILED);
    assert_int_equal(clv_agent_active(&agent), 0);
}

static void test_agent_core__a_student_with_other_inputs_is_not_asked(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, false);
    uint32_t slot = clv_agent_reserve(&agent);
    clv_agent_submit(&agent, slot, 1, false, 0);

    (void)expect_run(&agent, 0, slot, CLV_AGENT_MODEL, 0, N_NODES);
}

static void test_agent_core__slots_run_out_and_come_back(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, false);
    for (uint32_t i = 0; i < config.n_slots; i++)
        assert_int_equal(clv_agent_reserve(&agent), i);
    assert_int_equal(clv_agent_reserve(&agent), CLV_AGENT_NO_SLOT);
    clv_agent_release(&agent, 2);
    assert_int_equal(clv_agent_reserve(&agent), 2);
}

static void test_agent_core__refuses_a_config_without_room_or_nodes(void **state)
{
    (void)state;
    clv_agent agent;
    clv_agent_config config = default_config();
    config.n_slots = 0;
    assert_int_equal(clv_agent_init(&agent, &config), CLV_EINVAL);
    config.n_slots = CLV_AGENT_MAX_SLOTS + 1;
    assert_int_equal(clv_agent_init(&agent, &config), CLV_EINVAL);
    config = default_config();
    config.n_nodes = 0;
    assert_int_equal(clv_agent_init(&agent, &config), CLV_EINVAL);
}

/* --- random histories --------------------------------------------------------------------- */

#define MAX_FRAMES 64u
#define MAX_NODES 12u

/* Everything that the shell and the world around it are, in one struct. */
typedef struct world {
    clv_agent agent;
    clv_agent_config config;
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
            clv_agent_set_cut(&w->agent, (uint32_t)draw(w, w->config.n_nodes + 2));
            break;
        }
    }
}

static void obey_run(world *w, const clv_agent_action *action)
{
    clv_agent_network network = action->network;
    uint64_t frame = w->frame_of[action->slot];
    uint32_t reached = action->from;
    uint64_t us = 0;

    assert_true(action->from < action->to);
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

    if (action->cut > 0) {
        assert_int_equal(w->loaded[CLV_AGENT_MODEL], frame);
        assert_int_equal(w->step[CLV_AGENT_MODEL], action->cut);
    }
    for (uint64_t later = frame; later < MAX_FRAMES; later++)
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
        break;
    case CLV_SOURCE_LOCAL:
        assert_int_equal(w->loaded[CLV_AGENT_MODEL], frame);
        assert_int_equal(w->step[CLV_AGENT_MODEL], w->config.n_nodes);
        break;
    case CLV_SOURCE_STUDENT:
        assert_int_equal(w->loaded[CLV_AGENT_STUDENT], frame);
        assert_int_equal(w->step[CLV_AGENT_STUDENT], w->config.n_student_nodes);
        break;
    default:
        assert_true(w->fails);
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

static void test_agent_core__random_histories_keep_the_laws(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20000; seed++)
        live_through(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent_core__splits_a_frame_and_answers_with_the_reply),
        cmocka_unit_test(test_agent_core__cut_0_sends_the_input_without_a_run),
        cmocka_unit_test(test_agent_core__cut_n_needs_no_link),
        cmocka_unit_test(test_agent_core__without_a_server_the_cut_is_ignored),
        cmocka_unit_test(test_agent_core__a_new_cut_is_for_new_frames),
        cmocka_unit_test(test_agent_core__the_next_frame_starts_while_one_is_on_its_way),
        cmocka_unit_test(test_agent_core__without_the_link_the_student_answers_at_once),
        cmocka_unit_test(test_agent_core__a_dropped_link_sends_its_frames_to_the_student),
        cmocka_unit_test(test_agent_core__without_a_student_the_model_goes_on_here),
        cmocka_unit_test(test_agent_core__a_sent_frame_goes_on_where_the_model_still_holds_it),
        cmocka_unit_test(test_agent_core__a_sent_frame_starts_again_where_another_took_the_model),
        cmocka_unit_test(test_agent_core__a_refused_frame_goes_to_the_student),
        cmocka_unit_test(test_agent_core__a_frame_that_cannot_be_sent_goes_to_the_student),
        cmocka_unit_test(test_agent_core__a_reply_may_come_before_the_sender_returns),
        cmocka_unit_test(test_agent_core__only_frames_on_their_way_await_a_reply),
        cmocka_unit_test(test_agent_core__without_a_reply_the_student_answers_by_the_deadline),
        cmocka_unit_test(test_agent_core__a_reply_that_overtakes_the_student_wins),
        cmocka_unit_test(test_agent_core__an_urgent_frame_preempts_a_prefix_that_then_goes_on),
        cmocka_unit_test(test_agent_core__frames_with_one_deadline_leave_room_for_each_other),
        cmocka_unit_test(test_agent_core__a_frame_with_a_reply_needs_no_room),
        cmocka_unit_test(test_agent_core__a_student_that_cannot_be_in_time_waits_for_the_reply),
        cmocka_unit_test(test_agent_core__a_slow_local_model_gives_way_to_the_student),
        cmocka_unit_test(test_agent_core__a_slower_student_is_started_earlier),
        cmocka_unit_test(test_agent_core__long_actions_widen_the_margin_and_are_forgotten),
        cmocka_unit_test(test_agent_core__a_student_that_fails_leaves_it_to_the_model),
        cmocka_unit_test(test_agent_core__when_all_fails_the_answer_is_none),
        cmocka_unit_test(test_agent_core__a_student_with_other_inputs_is_not_asked),
        cmocka_unit_test(test_agent_core__slots_run_out_and_come_back),
        cmocka_unit_test(test_agent_core__refuses_a_config_without_room_or_nodes),
        cmocka_unit_test(test_agent_core__random_histories_keep_the_laws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
