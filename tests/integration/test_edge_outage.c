/* SPDX-License-Identifier: Apache-2.0 */
/* The agent when the link or the server fails: nobody listens, the server dies and comes back, has
 * no such bundle, has other keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/edge_device.h"

#define DEADLINE_US 300000u

static edge_stage stage;

static int open_stage(void **state)
{
    (void)state;
    edge_stage_open(&stage);
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    edge_stage_close(&stage);
    return 0;
}

static void test_edge_outage__the_student_answers_while_nobody_listens(void **state)
{
    (void)state;
    char address[32];
    clv_edge_link_state link;
    clv_edge_options options =
        edge_stage_options(&stage, stage.bundle, device_dead_port(&stage), address);
    clv_edge *edge = device_start(&options);

    assert_int_equal(clv_edge_wait_link(edge, 1000), CLV_ETIMEDOUT);
    device_answer g = device_ask(edge, stage.bundle, 1);
    assert_int_equal(g.source, CLV_SOURCE_STUDENT);
    assert_int_equal(g.sent_bytes, 0);
    device_expect_text(&g, "the link is down");
    clv_edge_link_state_of(edge, &link);
    assert_false(link.up);
    clv_edge_free(edge);

    options.bundle = stage.alone; /* nobody else can */
    edge = device_start(&options);
    g = device_ask(edge, stage.alone, 1);
    assert_int_equal(g.source, CLV_SOURCE_LOCAL);
    device_expect_text(&g, "the link is down");
    clv_edge_free(edge);
}

static void test_edge_outage__frames_on_a_link_that_drops_are_answered_here(void **state)
{
    (void)state;
    const char *const bundles[] = {stage.bundle, stage.alone};
    const clv_source sources[] = {CLV_SOURCE_STUDENT, CLV_SOURCE_LOCAL};

    for (int i = 0; i < 2; i++) {
        edge_server *server = edge_server_start(&stage, bundles[i], 0, true);
        clv_edge *edge = device_start_linked(&stage, server, bundles[i], 2, 0);
        edge_server_set_mood(server, SERVER_HOLDS);
        for (uint32_t seed = 1; seed <= 3; seed++)
            device_submit(edge, seed);
        edge_server_await_held(server, 3);
        edge_server_stop(server);
        for (uint64_t frame = 1; frame <= 3; frame++) {
            device_answer g = device_take(edge, bundles[i]);
            assert_int_equal(g.frame, frame);
            assert_int_equal(g.source, sources[i]);
            device_expect_text(&g, "the link is down");
        }
        clv_edge_free(edge);
    }
}

/* A stream of frames on three slots while the server dies and returns twice. */
static void test_edge_outage__a_server_may_die_and_come_back(void **state)
{
    (void)state;
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    uint16_t port = edge_server_port(server);
    clv_edge *edge = device_start_linked(&stage, server, stage.bundle, 2, DEADLINE_US);
    uint32_t submitted = 0, answered = 0;

    device_submit(edge, ++submitted);
    device_submit(edge, ++submitted);
    for (int life = 0; life < 2; life++) {
        for (int phase = 0; phase < 2; phase++) { /* alive, dead */
            clv_source wanted = phase == 0 ? CLV_SOURCE_SPLIT : CLV_SOURCE_STUDENT;
            if (phase == 0 && server == NULL) {
                server = edge_server_start(&stage, stage.bundle, port, true);
                device_await_link(edge);
            } else if (phase == 1) {
                edge_server_stop(server);
                server = NULL;
            }
            for (int in_a_row = 0; in_a_row < 20;) {
                device_submit(edge, ++submitted);
                device_answer g = device_take(edge, stage.bundle);
                assert_true(g.source == CLV_SOURCE_SPLIT || g.source == CLV_SOURCE_STUDENT);
                assert_false(g.late);
                answered++;
                in_a_row = g.source == wanted ? in_a_row + 1 : 0;
            }
        }
    }
    clv_edge_close(edge);
    clv_edge_answer answer;
    while (clv_edge_next(&answer, edge, LONG_US) == CLV_OK) {
        clv_edge_release(edge, &answer);
        answered++;
    }
    assert_int_equal(answered, submitted);
    clv_edge_free(edge);
}

/* Wait until the link says why it isn't up. */
static void await_reason(clv_edge *edge, clv_edge_link_state *link)
{
    uint64_t until_us = clv_clock_now_us() + LONG_US;
    do {
        assert_int_equal(clv_edge_wait_link(edge, 1000), CLV_ETIMEDOUT);
        clv_edge_link_state_of(edge, link);
    } while (link->last_error[0] == '\0' && clv_clock_now_us() < until_us);
    assert_true(link->last_error[0] != '\0');
    assert_false(link->up);
}

static void test_edge_outage__a_server_without_the_bundle_is_no_server(void **state)
{
    (void)state;
    char address[32];
    clv_edge_link_state link;
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, false);
    clv_edge_options options =
        edge_stage_options(&stage, stage.bundle, edge_server_port(server), address);
    clv_edge *edge = device_start(&options);

    await_reason(edge, &link);
    assert_non_null(strstr(link.last_error, "bundle"));
    device_answer g = device_ask(edge, stage.bundle, 1);
    assert_int_equal(g.source, CLV_SOURCE_STUDENT);
    device_expect_text(&g, "bundle");
    assert_int_equal(edge_server_requests(server), 0);
    clv_edge_free(edge);
    edge_server_stop(server);
}

static void test_edge_outage__wrong_keys_show_in_the_state_of_the_link(void **state)
{
    (void)state;
    char address[32];
    clv_edge_link_state link;
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    clv_edge_options options =
        edge_stage_options(&stage, stage.bundle, edge_server_port(server), address);

    options.ca = stage.other_ca; /* a device of another CA: neither trusts the other */
    options.cert = stage.other_cert;
    options.key = stage.other_key;
    clv_edge *edge = device_start(&options);
    await_reason(edge, &link);
    assert_int_equal(device_ask(edge, stage.bundle, 1).source, CLV_SOURCE_STUDENT);
    clv_edge_free(edge);

    options = edge_stage_options(&stage, stage.bundle, edge_server_port(server), address);
    options.server_name = "somebody.else";
    edge = device_start(&options);
    await_reason(edge, &link);
    assert_int_equal(device_ask(edge, stage.bundle, 1).source, CLV_SOURCE_STUDENT);
    clv_edge_free(edge);
    assert_int_equal(edge_server_requests(server), 0);
    edge_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edge_outage__the_student_answers_while_nobody_listens),
        cmocka_unit_test(test_edge_outage__frames_on_a_link_that_drops_are_answered_here),
        cmocka_unit_test(test_edge_outage__a_server_may_die_and_come_back),
        cmocka_unit_test(test_edge_outage__a_server_without_the_bundle_is_no_server),
        cmocka_unit_test(test_edge_outage__wrong_keys_show_in_the_state_of_the_link),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
