/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/gate.h"

#define NOW 1000000000u
#define HEARTBEAT 500000u

static void test_gate__admits_requests_in_one_phase_only(void **state)
{
    (void)state;
    for (int phase = CLV_GATE_SHAKING; phase <= CLV_GATE_LEAVING; phase++) {
        for (int type = CLV_WIRE_HELLO; type <= CLV_WIRE_ECHOED; type++) {
            clv_wire_prologue prologue = {(clv_wire_type)type, 0, 0};
            clv_error err = CLV_ERROR_INIT;
            bool wanted =
                (phase == CLV_GATE_GREETING && type == CLV_WIRE_HELLO) ||
                (phase == CLV_GATE_UP &&
                 (type == CLV_WIRE_REQUEST || type == CLV_WIRE_PING || type == CLV_WIRE_ECHO));
            clv_status status = clv_gate_admit((clv_gate_phase)phase, &prologue, &err);
            assert_int_equal(status == CLV_OK, wanted);
            assert_int_equal(err.message[0] != '\0', !wanted);
        }
    }
}

static void test_gate__names_the_message_that_may_not_come(void **state)
{
    clv_wire_prologue request = {CLV_WIRE_REQUEST, 0, 0};
    clv_wire_prologue welcome = {CLV_WIRE_WELCOME, 0, 0};
    clv_error err = CLV_ERROR_INIT;
    (void)state;
    assert_int_equal(clv_gate_admit(CLV_GATE_GREETING, &request, &err), CLV_EFORMAT);
    assert_string_equal(err.message, "a request before the greeting");
    assert_int_equal(clv_gate_admit(CLV_GATE_UP, &welcome, &err), CLV_EFORMAT);
    assert_string_equal(err.message, "a welcome is not for a server");
}

static void check_hello(uint32_t protocol, const char *claimed, const char *proved,
                        uint64_t heartbeat_us, clv_status code, const char *words)
{
    clv_error err = CLV_ERROR_INIT;
    assert_int_equal(clv_gate_check_hello(protocol, claimed, proved, heartbeat_us, &err), code);
    assert_non_null(strstr(err.message, words));
}

static void test_gate__takes_a_hello_of_the_proved_name(void **state)
{
    (void)state;
    check_hello(1, "cam-1", "cam-1", HEARTBEAT, CLV_OK, "");
    check_hello(1, "cam-1", "cam-1", 20000, CLV_OK, "");
    check_hello(1, "cam-1", "cam-1", 20000000, CLV_OK, "");
}

static void test_gate__refuses_other_hellos(void **state)
{
    (void)state;
    check_hello(1, "cam-2", "cam-1", HEARTBEAT, CLV_EAUTH,
                "it claims to be 'cam-2' but its certificate is for 'cam-1'");
    check_hello(1, "", "cam-1", HEARTBEAT, CLV_EAUTH, "it claims to be ''");
    check_hello(1, "cam-1", "cam-11", HEARTBEAT, CLV_EAUTH, "it claims to be");
    check_hello(1, "CAM-1", "cam-1", HEARTBEAT, CLV_EAUTH, "it claims to be");
    check_hello(1, "?", "?", HEARTBEAT, CLV_EAUTH, "is no name");
    check_hello(2, "cam-1", "cam-1", HEARTBEAT, CLV_EVERSION, "protocol 2, this server 1");
    check_hello(0, "cam-1", "cam-1", HEARTBEAT, CLV_EVERSION, "protocol 0, this server 1");
    check_hello(1, "cam-1", "cam-1", 0, CLV_EINVAL, "heartbeat");
    check_hello(1, "cam-1", "cam-1", 19999, CLV_EINVAL, "heartbeat");
    check_hello(1, "cam-1", "cam-1", UINT64_MAX, CLV_EINVAL, "heartbeat");
}

static clv_gate_verdict look(clv_gate_phase phase, uint64_t since_ago, uint64_t heard_ago,
                             uint64_t sent_ago)
{
    clv_gate_times times = {.phase = phase,
                            .since_us = NOW - since_ago,
                            .heard_us = NOW - heard_ago,
                            .sent_us = NOW - sent_ago,
                            .heartbeat_us = HEARTBEAT};
    return clv_gate_look(&times, NOW);
}

static void test_gate__gives_a_greeting_its_time(void **state)
{
    (void)state;
    for (int phase = CLV_GATE_SHAKING; phase <= CLV_GATE_GREETING; phase++) {
        clv_gate_phase p = (clv_gate_phase)phase;
        assert_int_equal(look(p, 0, 0, 0), CLV_GATE_STAY);
        assert_int_equal(look(p, CLV_GATE_GREETING_US, 0, 0), CLV_GATE_STAY);
        /* Also when it trickles bytes. */
        assert_int_equal(look(p, CLV_GATE_GREETING_US + 1, 0, 0), CLV_GATE_SLOW);
    }
}

static void test_gate__sends_heartbeats_and_counts_theirs(void **state)
{
    (void)state;
    assert_int_equal(look(CLV_GATE_UP, NOW, 0, HEARTBEAT - 1), CLV_GATE_STAY);
    assert_int_equal(look(CLV_GATE_UP, NOW, 0, HEARTBEAT), CLV_GATE_PING);
    assert_int_equal(look(CLV_GATE_UP, NOW, 16 * HEARTBEAT, 0), CLV_GATE_STAY);
    assert_int_equal(look(CLV_GATE_UP, NOW, 16 * HEARTBEAT + 1, 0), CLV_GATE_SILENT);
    clv_gate_times sending = {
        .phase = CLV_GATE_UP, .heard_us = NOW, .heartbeat_us = HEARTBEAT, .sending = true};
    assert_int_equal(clv_gate_look(&sending, NOW), CLV_GATE_STAY);
}

static void test_gate__lets_the_reason_of_a_refusal_arrive(void **state)
{
    (void)state;
    assert_int_equal(look(CLV_GATE_LEAVING, CLV_GATE_LEAVING_US, NOW, NOW), CLV_GATE_STAY);
    assert_int_equal(look(CLV_GATE_LEAVING, CLV_GATE_LEAVING_US + 1, 0, 0), CLV_GATE_CLOSE);
}

static void test_gate__closes_who_has_left(void **state)
{
    (void)state;
    for (int phase = CLV_GATE_SHAKING; phase <= CLV_GATE_LEAVING; phase++) {
        clv_gate_times times = {.phase = (clv_gate_phase)phase,
                                .since_us = NOW,
                                .heard_us = NOW,
                                .sent_us = NOW,
                                .heartbeat_us = HEARTBEAT,
                                .disconnected = true};
        assert_int_equal(clv_gate_look(&times, NOW),
                         phase == CLV_GATE_LEAVING ? CLV_GATE_CLOSE : CLV_GATE_STAY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gate__admits_requests_in_one_phase_only),
        cmocka_unit_test(test_gate__names_the_message_that_may_not_come),
        cmocka_unit_test(test_gate__takes_a_hello_of_the_proved_name),
        cmocka_unit_test(test_gate__refuses_other_hellos),
        cmocka_unit_test(test_gate__gives_a_greeting_its_time),
        cmocka_unit_test(test_gate__sends_heartbeats_and_counts_theirs),
        cmocka_unit_test(test_gate__lets_the_reason_of_a_refusal_arrive),
        cmocka_unit_test(test_gate__closes_who_has_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
