/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that follow each other over the real link, coded as differences to what a cleave-server
 * process has answered: fewer bytes, the same answers; and the same answers from a server that
 * holds nothing, and from another one in the middle of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <cleave/edge.h>

#include "base/error.h"
#include "edge/agent.h"
#include "support/server_process.h"
#include "support/tiny_ladders.h"

#define LINK_US 20000000u
#define SEED 5u
#define CUT 1u
#define FRAMES 12u
#define HEADER_BYTES 60u /* of a request, at least */

static const tiny_model_options model = {2, 6, 12};

typedef struct stage {
    server_process server;
    tiny_forms forms;
    tiny_ladders ladders;
    char bundle[1024], url[64], ca[1024], cert[1024], key[1024];
} stage;

static clv_edge *start_at(stage *s, clv_precision prefix, bool key_frames_only, uint32_t cut)
{
    clv_edge_options options = CLV_EDGE_OPTIONS_INIT;
    clv_error err = CLV_ERROR_INIT;
    clv_edge *edge = NULL;

    (void)snprintf(s->url, sizeof s->url, "localhost:%u", s->server.port);
    options.bundle = s->bundle;
    options.server = s->url;
    options.ca = s->ca;
    options.cert = s->cert;
    options.key = s->key;
    options.codec = "rans";
    options.cut = cut;
    options.objective = "bytes";
    options.min_depth = options.max_cut = CUT;
    options.precision = clv_precision_name(prefix);
    options.key_frames_only = key_frames_only;
    if (clv_edge_create(&edge, &options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(clv_edge_wait_link(edge, LINK_US), CLV_OK);
    return edge;
}

static clv_edge *start(stage *s, clv_precision prefix, bool key_frames_only)
{
    return start_at(s, prefix, key_frames_only, CUT);
}

static void submit(clv_edge *edge, const stage *s)
{
    clv_tensor input = s->forms.original->values[s->forms.original->inputs[0]].tensor;
    input.data = tiny_model_input(&model, SEED);
    assert_int_equal(clv_edge_submit_tensors(NULL, edge, &input, 1, NULL), CLV_OK);
    clv_free(input.data);
}

/* The server's answer to a frame, which is that of one process. @return bytes that were sent. */
static size_t take(clv_edge *edge, const tiny_split_result *expected)
{
    clv_edge_answer answer;

    assert_int_equal(clv_edge_next(&answer, edge, LINK_US), CLV_OK);
    if (answer.error_text != NULL)
        fail_msg("%s", answer.error_text);
    assert_int_equal(answer.source, CLV_SOURCE_SPLIT);
    assert_int_equal(answer.n_outputs, expected->outputs.count);
    for (uint32_t i = 0; i < answer.n_outputs; i++) {
        size_t bytes;
        assert_int_equal(clv_tensor_bytes(&bytes, &expected->outputs.tensors[i]), CLV_OK);
        assert_memory_equal(answer.outputs[i].data, expected->outputs.tensors[i].data, bytes);
    }
    size_t sent = answer.sent_bytes;
    clv_edge_release(edge, &answer);
    return sent;
}

static void expect(tiny_split_result *out, const stage *s, clv_precision prefix)
{
    const tiny_split split = {prefix, CLV_PRECISION_FLOAT, CUT};
    *out = (tiny_split_result){0};
    (void)tiny_ladders_run(out, &s->ladders, &s->forms, &split, 0, SEED);
}

static void test_temporal_link__a_still_scene_takes_less(void **state)
{
    stage *s = *state;
    tiny_split_result expected;

    server_process_start(&s->server, NULL);
    for (int p = 0; p < CLV_PRECISION_COUNT; p++) {
        expect(&expected, s, (clv_precision)p);
        for (int alone = 0; alone < 2; alone++) {
            clv_edge *edge = start(s, (clv_precision)p, alone);
            size_t first = 0;
            for (uint32_t i = 0; i < FRAMES; i++) {
                submit(edge, s);
                size_t sent = take(edge, &expected);
                first = i == 0 ? sent : first;
                if (alone || i == 0)
                    assert_int_equal(sent, first);
                else
                    assert_true(sent - HEADER_BYTES < (first - HEADER_BYTES) / 2);
            }
            clv_edge_free(edge);
        }
        tiny_split_result_done(&expected);
    }
}

/* What the plan thinks by now of the last frame's payload, over the profile's. */
static double payload_factor(clv_edge *edge)
{
    clv_agent_lock(edge);
    const clv_edge_plan *p = &edge->plan;
    assert_non_null(p->follow);
    assert_string_equal(clv_plan_at(p->plan, p->last)->codec, "rans");
    double factor = clv_follow_world(p->follow).payload_factors[p->last];
    clv_agent_unlock(edge);
    return factor;
}

static void test_temporal_link__a_plan_learns_what_they_take(void **state)
{
    stage *s = *state;
    tiny_split_result expected;
    double factors[2];

    server_process_start(&s->server, NULL);
    expect(&expected, s, CLV_PRECISION_FLOAT);
    for (int alone = 0; alone < 2; alone++) {
        clv_edge *edge = start_at(s, CLV_PRECISION_FLOAT, alone, CLV_CUT_AUTO);
        for (uint32_t i = 0; i < 2 * FRAMES; i++) {
            submit(edge, s);
            (void)take(edge, &expected);
        }
        factors[alone] = payload_factor(edge);
        clv_edge_free(edge);
    }
    assert_true(factors[0] < 0.6 * factors[1]);
    tiny_split_result_done(&expected);
}

/* Many on their way at once: each after the newest that is answered by then. */
static void test_temporal_link__frames_in_flight_are_all_answered(void **state)
{
    stage *s = *state;
    tiny_split_result expected;

    server_process_start(&s->server, NULL);
    expect(&expected, s, CLV_PRECISION_FLOAT);
    clv_edge *edge = start(s, CLV_PRECISION_FLOAT, false);
    for (uint32_t i = 0; i < 20 * FRAMES; i++) {
        submit(edge, s);
        if (i >= 3)
            (void)take(edge, &expected);
    }
    for (uint32_t i = 0; i < 3; i++)
        (void)take(edge, &expected);
    clv_edge_free(edge);
    tiny_split_result_done(&expected);
}

/* It asks for key frames, and gets them; after a few the device goes without references. */
static void test_temporal_link__a_server_that_holds_nothing_answers(void **state)
{
    static const char *const flags[] = {"--reference-bytes", "0", NULL};
    stage *s = *state;
    tiny_split_result expected;
    size_t sent[FRAMES];

    server_process_start(&s->server, flags);
    expect(&expected, s, CLV_PRECISION_FLOAT);
    clv_edge *edge = start(s, CLV_PRECISION_FLOAT, false);
    for (uint32_t i = 0; i < FRAMES; i++) {
        submit(edge, s);
        sent[i] = take(edge, &expected);
        assert_true(sent[i] + 2 >= sent[0]); /* what was answered was a key frame */
    }
    assert_true(server_process_logged(&s->server, "frame 2: refused: frame 1 isn't held here"));
    assert_true(server_process_logged(&s->server, "frame 4: refused: frame 3 isn't held here"));
    assert_false(server_process_logged(&s->server, "frame 5: refused"));
    clv_edge_free(edge);
    tiny_split_result_done(&expected);
}

static void test_temporal_link__another_server_answers_the_next_frame(void **state)
{
    stage *s = *state;
    tiny_split_result expected;

    server_process_start(&s->server, NULL);
    expect(&expected, s, CLV_PRECISION_FLOAT);
    clv_edge *edge = start(s, CLV_PRECISION_FLOAT, false);
    submit(edge, s);
    size_t key = take(edge, &expected);
    submit(edge, s);
    size_t difference = take(edge, &expected);
    assert_true(difference < key);

    server_process_signal(&s->server, 9);
    assert_int_equal(server_process_wait(&s->server), -9);
    clv_edge_link_state link;
    do
        clv_edge_link_state_of(edge, &link);
    while (link.up);
    server_process_start(&s->server, NULL); /* on the same port */
    assert_int_equal(clv_edge_wait_link(edge, LINK_US), CLV_OK);
    submit(edge, s);
    assert_int_equal(take(edge, &expected), key);
    submit(edge, s);
    assert_int_equal(take(edge, &expected), difference);
    clv_edge_free(edge);
    tiny_split_result_done(&expected);
}

static int setup(void **state)
{
    static stage s;

    server_process_init(&s.server);
    tiny_forms_init(&s.forms, &model, NULL);
    tiny_ladders_init(&s.ladders, &s.forms);
    (void)snprintf(s.bundle, sizeof s.bundle, "%s/points.clv", s.server.bundles);
    (void)tiny_forms_write(&s.forms, s.bundle);
    (void)snprintf(s.ca, sizeof s.ca, "%s/ca.crt", s.server.pki);
    (void)snprintf(s.cert, sizeof s.cert, "%s/device-1.crt", s.server.pki);
    (void)snprintf(s.key, sizeof s.key, "%s/device-1.key", s.server.pki);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    stage *s = *state;

    server_process_done(&s->server);
    tiny_ladders_done(&s->ladders);
    tiny_forms_done(&s->forms);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_temporal_link__a_still_scene_takes_less, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_temporal_link__a_plan_learns_what_they_take, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_temporal_link__frames_in_flight_are_all_answered,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_temporal_link__a_server_that_holds_nothing_answers,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_temporal_link__another_server_answers_the_next_frame,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
