/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts that change from frame to frame: because somebody says so, and because the plan does. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "profiler/profile_bytes.h"
#include "runtime/bundle.h"
#include "support/edge_device.h"
#include "support/tiny_model.h"

#define N_CHANGES 1000u
#define N_PHOTOS 8u
#define IN_FLIGHT 8u

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITISED true
#else
#define IS_SANITISED false
#endif

static edge_stage stage;

static int open_stage(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    edge_stage_open(&stage);
    return 0;
}

static int close_stage(void **state)
{
    (void)state;
    edge_stage_close(&stage);
    return 0;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* --- changes by force ----------------------------------------------------------------------- */

static uint64_t resident_bytes(void)
{
    unsigned long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
    assert_int_equal(fclose(file), 0);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Every frame at another cut than the one before it, several of them in flight. */
static void test_edge_auto__a_thousand_changes_of_the_cut_lose_nothing(void **state)
{
    static uint32_t cut_of[N_CHANGES + 1];
    uint32_t random = 7, cut = 0, n_taken = 0;
    uint64_t before = 0;
    char address[32];
    (void)state;

    edge_server *server = edge_server_start(&stage, stage.alone, 0, true);
    clv_edge_options options =
        edge_stage_options(&stage, stage.alone, edge_server_port(server), address);
    options.in_flight = IN_FLIGHT;
    clv_edge *edge = device_start(&options);
    device_await_link(edge);
    uint32_t n_nodes = clv_edge_cut_count(edge);
    for (uint32_t frame = 1; n_taken < N_CHANGES; frame++) {
        if (frame <= N_CHANGES) {
            cut = (cut + 1 + next_random(&random) % n_nodes) % (n_nodes + 1);
            cut_of[frame] = cut;
            assert_int_equal(clv_edge_set_cut(edge, cut), CLV_OK);
            device_submit(edge, 1 + frame % N_PHOTOS);
        }
        if (frame < IN_FLIGHT)
            continue;
        device_answer g = device_take(edge, stage.alone); /* bit by bit the unsplit network's */
        n_taken++;
        assert_in_range(g.frame, 1, N_CHANGES);
        assert_int_equal(g.cut, cut_of[g.frame]); /* each is answered once: then it is this */
        assert_int_equal(g.source, g.cut == 0         ? CLV_SOURCE_SERVER
                                   : g.cut == n_nodes ? CLV_SOURCE_LOCAL
                                                      : CLV_SOURCE_SPLIT);
        cut_of[g.frame] = UINT32_MAX;
        if (n_taken == N_CHANGES / 5)
            before = resident_bytes();
    }
    if (!IS_SANITISED) /* a sanitiser keeps what was freed */
        assert_true(resident_bytes() <= before + before / 10);
    clv_edge_free(edge);
    edge_server_stop(server);
}

/* --- changes by the plan -------------------------------------------------------------------- */

/* A model of milliseconds on the plain backend, and a server that says how fast it is. */
typedef struct show {
    char bundle[STAGE_PATH_BYTES + 16];
    float *input;
    float expected[STAGE_OUTPUT_FLOATS];
    bool has_expected;
    edge_server *server;
    clv_edge *edge;
} show;

static const tiny_model_options slow = {.seed = 3, .channels = 64, .size = 16};

static void greet_with(const show *s, uint64_t node_ns)
{
    uint32_t n_nodes = edge_stage_nodes(s->bundle), index;
    clv_profile *p;
    clv_bundle *bundle;
    clv_buffer bytes;

    assert_int_equal(clv_bundle_open(&bundle, s->bundle, NULL), CLV_OK);
    assert_int_equal(clv_profile_create(&p, n_nodes), CLV_OK);
    p->bundle = *clv_bundle_id(bundle);
    clv_bundle_free(bundle);
    assert_int_equal(clv_profile_add_run(&index, p, CLV_PRECISION_FLOAT, 1), CLV_OK);
    for (uint32_t i = 0; i < n_nodes; i++)
        p->runs[0].nodes[i].min_ns = node_ns;
    clv_buffer_init(&bytes, 1 << 20);
    assert_int_equal(clv_profile_pack(&bytes, p, false), CLV_OK);
    edge_server_set_profile(s->server, bytes.data, bytes.size);
    clv_profile_free(p);
    clv_buffer_done(&bytes);
}

static clv_edge_options show_options(const show *s, char address[32])
{
    clv_edge_options options =
        edge_stage_options(&stage, s->bundle, edge_server_port(s->server), address);
    options.cut = CLV_CUT_AUTO;
    options.profile_ms = 20;
    return options;
}

static show begin(uint64_t server_node_ns)
{
    show s = {.input = tiny_model_input(&slow, 1)};

    (void)snprintf(s.bundle, sizeof s.bundle, "%s/slow.clv", stage.dir);
    (void)tiny_model_write(s.bundle, &slow);
    s.server = edge_server_start(&stage, s.bundle, 0, true);
    greet_with(&s, server_node_ns);
    return s;
}

static void end(show *s)
{
    clv_edge_free(s->edge);
    edge_server_stop(s->server);
    clv_free(s->input);
}

/* The source of the next frame's answer, which is the same every time, whoever gives it. */
static clv_source ask(show *s, uint32_t *cut_out)
{
    clv_tensor input = {.dtype = CLV_F32, .shape = {4, {1, 64, 16, 16}}, .data = s->input};
    clv_edge_answer answer;

    assert_int_equal(clv_edge_submit_tensors(NULL, s->edge, &input, 1, NULL), CLV_OK);
    assert_int_equal(clv_edge_next(&answer, s->edge, LONG_US), CLV_OK);
    assert_int_equal(answer.error, CLV_OK);
    if (!s->has_expected)
        memcpy(s->expected, answer.outputs[0].data, sizeof s->expected);
    s->has_expected = true;
    assert_memory_equal(answer.outputs[0].data, s->expected, sizeof s->expected);
    clv_source source = answer.source;
    if (cut_out != NULL)
        *cut_out = answer.cut;
    clv_edge_release(s->edge, &answer);
    return source;
}

static bool is_shipped(clv_source source)
{
    return source == CLV_SOURCE_SPLIT || source == CLV_SOURCE_SERVER;
}

/* Frames until one is shipped; fails where none is. */
static uint32_t frames_until_shipped(show *s, uint32_t most)
{
    for (uint32_t i = 1; i <= most; i++) {
        if (is_shipped(ask(s, NULL)))
            return i;
    }
    fail_msg("no frame of %u is shipped", most);
    return 0;
}

static clv_edge_stats stats_of(clv_edge *edge)
{
    clv_edge_stats stats;
    clv_edge_stats_of(edge, &stats);
    return stats;
}

static void test_edge_auto__a_fast_server_gets_frames_once_the_link_is_known(void **state)
{
    show s = begin(1);
    char address[32];
    (void)state;

    clv_edge_options options = show_options(&s, address);
    s.edge = device_start(&options);
    device_await_link(s.edge);
    assert_true(stats_of(s.edge).has_plan);
    (void)frames_until_shipped(&s, 50);
    for (uint32_t i = 0; i < 10; i++) /* with their echoes */
        (void)ask(&s, NULL);
    clv_edge_stats stats = stats_of(s.edge);
    assert_true(stats.rtt_us > 0 && stats.bytes_per_s > 0);
    if (!IS_SANITISED) {                      /* whose time at the server passes for the link's */
        assert_true(stats.bytes_per_s > 2e6); /* an echo has told: this is no 1 MB/s */
        assert_true(stats.rtt_us < 20000);
    }
    end(&s);
}

static void test_edge_auto__a_slow_server_gets_none(void **state)
{
    show s = begin(UINT64_C(1000000000));
    char address[32];
    uint32_t cut;
    (void)state;

    clv_edge_options options = show_options(&s, address);
    s.edge = device_start(&options);
    device_await_link(s.edge);
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(ask(&s, &cut), CLV_SOURCE_LOCAL);
        assert_int_equal(cut, clv_edge_cut_count(s.edge));
    }
    assert_int_equal(edge_server_requests(s.server), 0);
    end(&s);
}

/* No frame goes there, so only echoes say how busy it is. */
static void test_edge_auto__echoes_tell_how_busy_the_server_is(void **state)
{
    show s = begin(UINT64_C(1000000000));
    char address[32];
    uint32_t frames = 0;
    (void)state;

    edge_server_set_load(s.server, 2500);
    clv_edge_options options = show_options(&s, address);
    s.edge = device_start(&options);
    device_await_link(s.edge);
    while (stats_of(s.edge).server_load_permille != 2500 && ++frames < 1000)
        assert_int_equal(ask(&s, NULL), CLV_SOURCE_LOCAL);
    assert_in_range(frames, 1, 999);
    assert_int_equal(edge_server_requests(s.server), 0);
    end(&s);
}

static clv_source ask_often(show *s, uint32_t n)
{
    clv_source source = CLV_SOURCE_NONE;
    for (uint32_t i = 0; i < n; i++)
        source = ask(s, NULL);
    return source;
}

/* A joule a byte keeps every frame here; where only computing costs anything, none is. */
static void test_edge_auto__energy_is_what_its_owner_declares(void **state)
{
    show s = begin(1);
    char address[32];
    (void)state;

    clv_edge_options options = show_options(&s, address);
    options.objective = "energy";
    options.busy_watts = 5.0;
    options.joules_per_byte = 1.0;
    s.edge = device_start(&options);
    device_await_link(s.edge);
    assert_int_equal(ask_often(&s, 40), CLV_SOURCE_LOCAL);
    assert_int_equal(edge_server_requests(s.server), 0);
    clv_edge_free(s.edge);
    options.joules_per_byte = 0.0;
    s.edge = device_start(&options);
    device_await_link(s.edge);
    (void)frames_until_shipped(&s, 50);
    end(&s);
}

static void test_edge_auto__without_a_server_or_its_profile_all_runs_here(void **state)
{
    show s = begin(1);
    char address[32];
    (void)state;

    edge_server_set_profile(s.server, NULL, 0);
    clv_edge_options options = show_options(&s, address);
    s.edge = device_start(&options);
    assert_int_equal(ask(&s, NULL), CLV_SOURCE_LOCAL); /* before the link is up, or after */
    device_await_link(s.edge);
    assert_false(stats_of(s.edge).has_plan);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(ask(&s, NULL), CLV_SOURCE_LOCAL);
    assert_int_equal(clv_edge_set_cut(s.edge, 1), CLV_OK); /* it can still be told */
    assert_int_equal(ask(&s, NULL), CLV_SOURCE_SPLIT);
    end(&s);
}

static void test_edge_auto__a_link_that_comes_and_goes_loses_nothing(void **state)
{
    show s = begin(1);
    char address[32];
    (void)state;

    clv_edge_options options = show_options(&s, address);
    uint16_t port = edge_server_port(s.server);
    s.edge = device_start(&options);
    device_await_link(s.edge);
    (void)frames_until_shipped(&s, 50);
    for (uint32_t round = 0; round < 3; round++) {
        edge_server_stop(s.server);
        for (uint32_t i = 0; i < 5; i++)
            assert_int_equal(ask(&s, NULL), CLV_SOURCE_LOCAL);
        s.server = edge_server_start(&stage, s.bundle, port, true);
        greet_with(&s, 1);
        device_await_link(s.edge);
        (void)frames_until_shipped(&s, 50);
    }
    end(&s);
}

static void test_edge_auto__nothing_leaves_before_the_least_depth(void **state)
{
    show s = begin(1);
    char address[32];
    uint32_t cut, n_shipped = 0;
    (void)state;

    clv_edge_options options = show_options(&s, address);
    options.min_depth = 1;
    s.edge = device_start(&options);
    device_await_link(s.edge);
    for (uint32_t i = 0; i < 60; i++) {
        if (is_shipped(ask(&s, &cut))) {
            assert_true(cut >= 1);
            n_shipped++;
        }
    }
    assert_true(n_shipped > 0);
    assert_int_equal(clv_edge_set_cut(s.edge, 0), CLV_EINVAL);
    assert_int_equal(clv_edge_set_cut(s.edge, 1), CLV_OK);
    end(&s);
}

static void test_edge_auto__refuses_what_can_not_be(void **state)
{
    show s = begin(1);
    clv_error err = CLV_ERROR_INIT;
    char address[32];
    (void)state;

    clv_edge_options options = show_options(&s, address);
    options.profile_ms = 0;
    assert_int_equal(clv_edge_create(&s.edge, &options, &err), CLV_EINVAL);
    options = show_options(&s, address);
    options.objective = "fun";
    assert_int_equal(clv_edge_create(&s.edge, &options, &err), CLV_EINVAL);
    assert_non_null(strstr(err.message, "fun"));
    options = show_options(&s, address);
    options.objective = "energy";
    assert_int_equal(clv_edge_create(&s.edge, &options, &err), CLV_EINVAL);
    assert_non_null(strstr(err.message, "busy watts"));
    options.busy_watts = 2.0;
    options.idle_watts = 3.0;
    assert_int_equal(clv_edge_create(&s.edge, &options, &err), CLV_EINVAL);
    options.idle_watts = -1.0;
    assert_int_equal(clv_edge_create(&s.edge, &options, &err), CLV_EINVAL);
    options = show_options(&s, address);
    options.min_depth = edge_stage_nodes(s.bundle) + 1;
    assert_int_equal(clv_edge_create(&s.edge, &options, &err), CLV_EINVAL);
    options = show_options(&s, address);
    options.min_depth = 2;
    options.cut = 1;
    assert_int_equal(clv_edge_create(&s.edge, &options, &err), CLV_EINVAL);
    end(&s);
}

/* Every reply is refused, or never comes: frames are answered here by their deadline, and after
 * some of them no more are sent. */
static void test_edge_auto__a_server_that_refuses_is_left_alone(void **state)
{
    show s = begin(1);
    char address[32];
    (void)state;

    clv_edge_options options = show_options(&s, address);
    s.edge = device_start(&options);
    device_await_link(s.edge);
    (void)frames_until_shipped(&s, 50);
    edge_server_set_mood(s.server, SERVER_REFUSES);
    uint32_t before = edge_server_requests(s.server);
    for (uint32_t i = 0; i < 60; i++)
        assert_int_equal(ask(&s, NULL), CLV_SOURCE_LOCAL);
    assert_true(edge_server_requests(s.server) - before < 20);
    edge_server_set_mood(s.server, SERVER_ANSWERS);
    (void)frames_until_shipped(&s, 100);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edge_auto__a_thousand_changes_of_the_cut_lose_nothing),
        cmocka_unit_test(test_edge_auto__a_fast_server_gets_frames_once_the_link_is_known),
        cmocka_unit_test(test_edge_auto__a_slow_server_gets_none),
        cmocka_unit_test(test_edge_auto__echoes_tell_how_busy_the_server_is),
        cmocka_unit_test(test_edge_auto__energy_is_what_its_owner_declares),
        cmocka_unit_test(test_edge_auto__without_a_server_or_its_profile_all_runs_here),
        cmocka_unit_test(test_edge_auto__a_link_that_comes_and_goes_loses_nothing),
        cmocka_unit_test(test_edge_auto__nothing_leaves_before_the_least_depth),
        cmocka_unit_test(test_edge_auto__refuses_what_can_not_be),
        cmocka_unit_test(test_edge_auto__a_server_that_refuses_is_left_alone),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
