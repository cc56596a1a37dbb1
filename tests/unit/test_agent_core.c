/* SPDX-License-Identifier: Apache-2.0 */
/* The device's state machine, case by case, with a clock of its own.
 * test_agent_histories.c takes it through random ones. */
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

/* At once where the model still holds it, else from its start; and only once. */
static void test_agent_core__a_frame_whose_reference_is_gone_is_sent_alone(void **state)
{
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, true);

    (void)state;
    uint32_t slot = put_on_way(&agent, 1, 0);
    expect_wait(&agent, 2000, DEADLINE_US - STUDENT_EXPECTED_US - MARGIN_US);
    clv_agent_needs_key(&agent, slot);
    assert_int_equal(clv_agent_awaits(&agent, 1), CLV_AGENT_NO_SLOT);
    clv_agent_action action = clv_agent_next(&agent, 3000);
    assert_int_equal(action.type, CLV_AGENT_SEND);
    assert_int_equal(action.slot, slot);
    assert_int_equal(action.cut, CUT);
    assert_true(action.key);
    assert_int_equal(action.left_us, DEADLINE_US - 3000);
    clv_agent_sent(&agent, &action, true, 3100);
    assert_int_equal(clv_agent_awaits(&agent, 1), slot);

    uint32_t second = submit(&agent, 2, 4000);
    (void)run_all(&agent, 4000, second, CLV_AGENT_MODEL, 1000);
    action = clv_agent_next(&agent, 5000);
    assert_int_equal(action.type, CLV_AGENT_SEND);
    assert_false(action.key);
    clv_agent_sent(&agent, &action, true, 5100);
    uint32_t third = submit(&agent, 3, 5200);
    (void)run_all(&agent, 5200, third, CLV_AGENT_MODEL, 1000);
    (void)send_it(&agent, 6200, third, true, 100);
    clv_agent_needs_key(&agent, second); /* the model holds the third one now */
    (void)run_all(&agent, 7000, second, CLV_AGENT_MODEL, 1000);
    action = clv_agent_next(&agent, 8000);
    assert_int_equal(action.type, CLV_AGENT_SEND);
    assert_true(action.key && action.slot == second);
    clv_agent_sent(&agent, &action, true, 8100);

    clv_agent_replied(&agent, slot);
    (void)expect_answer(&agent, 9000, slot, CLV_SOURCE_SPLIT, CLV_AGENT_NONE);
    clv_agent_needs_key(&agent, second); /* it was a key frame: the server is mad */
    (void)run_all(&agent, 9000, second, CLV_AGENT_STUDENT, STUDENT_US);
    (void)expect_answer(&agent, 17000, second, CLV_SOURCE_STUDENT, CLV_AGENT_REFUSED);
}

/* The student has begun: it answers, unless the server still does. */
static void test_agent_core__a_late_frame_is_not_sent_again(void **state)
{
    clv_agent_config config = default_config();
    clv_agent agent = make_agent(&config, true);
    uint64_t late = DEADLINE_US - STUDENT_EXPECTED_US - MARGIN_US;

    (void)state;
    uint32_t slot = put_on_way(&agent, 1, 0);
    (void)expect_run(&agent, late, slot, CLV_AGENT_STUDENT, 0, N_STUDENT_NODES);
    clv_agent_needs_key(&agent, slot);
    (void)run_all(&agent, late, slot, CLV_AGENT_STUDENT, STUDENT_US);
    (void)expect_answer(&agent, late + STUDENT_US, slot, CLV_SOURCE_STUDENT, CLV_AGENT_TOO_SLOW);
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

/* --- a device that has a prefix of the model alone ------------------------------------------- */

static void test_agent_core__a_prefix_alone_gives_up_where_no_student_is(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.is_prefix = true;
    config.n_student_nodes = 0;
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = put_on_way(&agent, 1, 0);
    /* It waits for its reply until there is no time left, and is answered in time even then. */
    expect_wait(&agent, 50000, DEADLINE_US - MARGIN_US);
    clv_agent_action given_up =
        expect_answer(&agent, DEADLINE_US - MARGIN_US, slot, CLV_SOURCE_NONE, CLV_AGENT_TOO_SLOW);
    assert_false(given_up.late);
    assert_int_equal(clv_agent_awaits(&agent, 1), CLV_AGENT_NO_SLOT);

    slot = put_on_way(&agent, 2, 200000);
    clv_agent_set_link(&agent, false);
    (void)expect_answer(&agent, 210000, slot, CLV_SOURCE_NONE, CLV_AGENT_LINK_DOWN);
    slot = submit(&agent, 3, 300000);
    (void)expect_answer(&agent, 300000, slot, CLV_SOURCE_NONE, CLV_AGENT_LINK_DOWN);
}

static void test_agent_core__a_prefix_alone_falls_back_on_the_student(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.is_prefix = true;
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = put_on_way(&agent, 1, 0);
    clv_agent_set_link(&agent, false);
    uint64_t now = run_all(&agent, 3000, slot, CLV_AGENT_STUDENT, STUDENT_US);
    (void)expect_answer(&agent, now, slot, CLV_SOURCE_STUDENT, CLV_AGENT_LINK_DOWN);

    slot = submit(&agent, 2, 200000);
    clv_agent_action run = expect_run(&agent, 200000, slot, CLV_AGENT_STUDENT, 0, N_STUDENT_NODES);
    clv_agent_run_failed(&agent, &run, 201000);
    (void)expect_answer(&agent, 201000, slot, CLV_SOURCE_NONE, CLV_AGENT_LINK_DOWN);
}

/* --- a cut for each frame ------------------------------------------------------------------ */

static void choose(clv_agent *agent, uint64_t now_us, uint32_t slot, uint32_t cut)
{
    clv_agent_action action = clv_agent_next(agent, now_us);
    assert_int_equal(action.type, CLV_AGENT_CHOOSE);
    assert_int_equal(action.slot, slot);
    clv_agent_chosen(agent, &action, cut);
}

static clv_agent make_asking(bool link_up)
{
    clv_agent_config config = default_config();
    config.cut = CLV_CUT_AUTO;
    return make_agent(&config, link_up);
}

static void test_agent_core__asks_for_each_frames_cut_when_its_turn_comes(void **state)
{
    (void)state;
    clv_agent agent = make_asking(true);
    uint32_t a = submit(&agent, 1, 0), b = submit(&agent, 2, 0), c = submit(&agent, 3, 0);

    choose(&agent, 0, a, 2);
    uint64_t now = run_all(&agent, 0, a, CLV_AGENT_MODEL, 1000);
    now = send_it(&agent, now, a, true, 100);
    choose(&agent, now, b, 0); /* not before: the world may have changed */
    clv_agent_action send = clv_agent_next(&agent, now);
    assert_int_equal(send.type, CLV_AGENT_SEND);
    assert_int_equal(send.cut, 0);
    clv_agent_sent(&agent, &send, true, now);
    choose(&agent, now, c, N_NODES + 5); /* all */
    clv_agent_action run = expect_run(&agent, now, c, CLV_AGENT_MODEL, 0, N_NODES);
    clv_agent_ran(&agent, &run, N_NODES, now + 100);
    (void)expect_answer(&agent, now + 100, c, CLV_SOURCE_LOCAL, CLV_AGENT_NONE);
    clv_agent_replied(&agent, b);
    clv_agent_replied(&agent, a);
    clv_agent_action answer = expect_answer(&agent, now + 200, a, CLV_SOURCE_SPLIT, CLV_AGENT_NONE);
    assert_int_equal(answer.cut, 2);
    (void)expect_answer(&agent, now + 200, b, CLV_SOURCE_SERVER, CLV_AGENT_NONE);
}

static void test_agent_core__a_frame_that_is_to_stay_here_minds_no_link(void **state)
{
    (void)state;
    clv_agent agent = make_asking(true);
    uint32_t slot = submit(&agent, 1, 0);

    choose(&agent, 0, slot, N_NODES);
    clv_agent_action run = expect_run(&agent, 0, slot, CLV_AGENT_MODEL, 0, N_NODES);
    clv_agent_ran(&agent, &run, 4, 1000);
    clv_agent_set_link(&agent, false);
    run = expect_run(&agent, 1000, slot, CLV_AGENT_MODEL, 4, N_NODES);
    clv_agent_ran(&agent, &run, N_NODES, 2000);
    (void)expect_answer(&agent, 2000, slot, CLV_SOURCE_LOCAL, CLV_AGENT_NONE);
}

static void test_agent_core__without_a_link_it_still_asks(void **state)
{
    (void)state;
    clv_agent agent = make_asking(false);
    uint32_t a = submit(&agent, 1, 0), b = submit(&agent, 2, 0);

    choose(&agent, 0, a, CUT); /* badly */
    uint64_t now = run_all(&agent, 0, a, CLV_AGENT_STUDENT, STUDENT_US);
    (void)expect_answer(&agent, now, a, CLV_SOURCE_STUDENT, CLV_AGENT_LINK_DOWN);
    choose(&agent, now, b, N_NODES);
    (void)expect_run(&agent, now, b, CLV_AGENT_MODEL, 0, N_NODES);
}

static void test_agent_core__a_frame_whose_turn_never_comes_is_answered_in_time(void **state)
{
    (void)state;
    clv_agent agent = make_asking(true);
    uint32_t slot = submit(&agent, 1, 0);
    uint64_t now = run_all(&agent, DEADLINE_US - STUDENT_EXPECTED_US - MARGIN_US, slot,
                           CLV_AGENT_STUDENT, STUDENT_US);
    (void)expect_answer(&agent, now, slot, CLV_SOURCE_STUDENT, CLV_AGENT_TOO_SLOW);
}

static void test_agent_core__what_the_execution_lost_is_run_again(void **state)
{
    (void)state;
    clv_agent_config config = default_config();
    config.n_student_nodes = 0;
    clv_agent agent = make_agent(&config, true);
    uint32_t slot = put_on_way(&agent, 1, 0);

    assert_int_equal(clv_agent_awaiting(&agent), 1);
    clv_agent_taken_over(&agent);
    clv_agent_refused(&agent, slot);
    assert_int_equal(clv_agent_awaiting(&agent), 0);
    (void)expect_run(&agent, 5000, slot, CLV_AGENT_MODEL, 0, N_NODES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent_core__a_prefix_alone_gives_up_where_no_student_is),
        cmocka_unit_test(test_agent_core__a_prefix_alone_falls_back_on_the_student),
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
        cmocka_unit_test(test_agent_core__a_frame_whose_reference_is_gone_is_sent_alone),
        cmocka_unit_test(test_agent_core__a_late_frame_is_not_sent_again),
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
        cmocka_unit_test(test_agent_core__asks_for_each_frames_cut_when_its_turn_comes),
        cmocka_unit_test(test_agent_core__a_frame_that_is_to_stay_here_minds_no_link),
        cmocka_unit_test(test_agent_core__without_a_link_it_still_asks),
        cmocka_unit_test(test_agent_core__a_frame_whose_turn_never_comes_is_answered_in_time),
        cmocka_unit_test(test_agent_core__what_the_execution_lost_is_run_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
