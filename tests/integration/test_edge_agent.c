/* SPDX-License-Identifier: Apache-2.0 */
/* The agent against a real link and a server in this process that answers, holds, refuses, talks
 * nonsense, dies and comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "support/edge_stage.h"

#define LONG_US 60000000u /* longer than anything takes */
#define DEADLINE_US 300000u

static edge_stage stage;

/* --- helpers ------------------------------------------------------------------------------ */

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

static clv_edge *start(const clv_edge_options *options)
{
    clv_error err = CLV_ERROR_INIT;
    clv_edge *edge = NULL;

    if (clv_edge_create(&edge, options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    return edge;
}

static void await_link(clv_edge *edge)
{
    clv_edge_link_state link;

    if (clv_edge_wait_link(edge, LONG_US) == CLV_OK)
        return;
    clv_edge_link_state_of(edge, &link);
    fail_msg("the link doesn't come up: %s", link.last_error);
}

/* A device with a link that is up. */
static clv_edge *start_linked(edge_server *server, const char *bundle, uint32_t cut,
                              uint64_t deadline_us)
{
    char address[32];
    clv_edge_options options =
        edge_stage_options(&stage, bundle, edge_server_port(server), address);
    options.cut = cut;
    options.deadline_us = deadline_us;
    clv_edge *edge = start(&options);
    await_link(edge);
    return edge;
}

/* An address where nobody listens. */
static uint16_t dead_port(void)
{
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    uint16_t port = edge_server_port(server);
    edge_server_stop(server);
    return port;
}

static void submit_photo(clv_edge *edge, uint32_t seed)
{
    clv_image photo;

    clv_image_init(&photo);
    edge_stage_photo(&photo, 40, 30, seed);
    assert_int_equal(clv_edge_submit(NULL, edge, photo.rgb.data, photo.width, photo.height,
                                     (void *)(uintptr_t)seed),
                     CLV_OK);
    clv_image_done(&photo);
}

/* What is kept of an answer. */
typedef struct given {
    clv_source source;
    uint64_t frame;
    bool late;
    uint32_t cut;
    size_t sent_bytes;
    clv_edge_times times;
    char text[640];
} given;

/* The outputs are, bit for bit, what the network of the answer's source says of the frame. */
static void check_outputs(const clv_edge_answer *answer, const char *bundle)
{
    float expected[STAGE_OUTPUT_FLOATS];
    bool by_student = answer->source == CLV_SOURCE_STUDENT;
    clv_image photo;

    clv_image_init(&photo);
    edge_stage_photo(&photo, 40, 30, (uint32_t)(uintptr_t)answer->user);
    edge_stage_expect(expected, bundle, by_student, &photo);
    clv_image_done(&photo);
    assert_int_equal(answer->error, CLV_OK);
    assert_int_equal(answer->n_outputs, 2);
    assert_string_equal(answer->output_names[0], "classes");
    assert_memory_equal(answer->outputs[0].data, expected, sizeof expected);
    assert_int_equal(answer->n_labels, 5);
    assert_string_equal(answer->labels[4], "eel");
}

/* Take the next answer; check it if it came from one of submit_photo()'s frames. */
static given take(clv_edge *edge, const char *bundle)
{
    clv_edge_answer answer;
    assert_int_equal(clv_edge_next(&answer, edge, LONG_US), CLV_OK);
    if (bundle != NULL)
        check_outputs(&answer, bundle);
    given g = {.source = answer.source,
               .frame = answer.frame,
               .late = answer.late,
               .cut = answer.cut,
               .sent_bytes = answer.sent_bytes,
               .times = answer.times};
    (void)snprintf(g.text, sizeof g.text, "%s", answer.error_text ? answer.error_text : "");
    clv_edge_release(edge, &answer);
    return g;
}

static given ask(clv_edge *edge, const char *bundle, uint32_t seed)
{
    submit_photo(edge, seed);
    return take(edge, bundle);
}

static void expect_text(const given *g, const char *part)
{
    if (strstr(g->text, part) == NULL)
        fail_msg("'%s' doesn't say '%s'", g->text, part);
}

/* --- without a server --------------------------------------------------------------------- */

static void test_edge_agent__without_a_server_the_model_runs_here(void **state)
{
    (void)state;
    char address[32];
    clv_edge_options options = edge_stage_options(&stage, stage.bundle, 0, address);
    options.cut = 3;
    clv_edge *edge = start(&options);

    for (uint32_t seed = 1; seed <= 3; seed++) {
        given g = ask(edge, stage.bundle, seed);
        assert_int_equal(g.source, CLV_SOURCE_LOCAL);
        assert_int_equal(g.frame, seed);
        assert_int_equal(g.cut, clv_edge_cut_count(edge));
        assert_int_equal(g.sent_bytes, 0);
        assert_true(g.times.total_us >= g.times.device_us);
        assert_string_equal(g.text, "");
    }
    assert_int_equal(clv_edge_wait_link(edge, 0), CLV_EINVAL);
    clv_edge_free(edge);
}

static void test_edge_agent__tells_what_the_model_takes(void **state)
{
    (void)state;
    char address[32];
    uint32_t width, height;
    clv_edge_options options = edge_stage_options(&stage, stage.bundle, 0, address);
    clv_edge *edge = start(&options);
    assert_int_equal(clv_edge_image_size(&width, &height, edge), CLV_OK);
    assert_int_equal(width, STAGE_SIDE);
    assert_int_equal(height, STAGE_SIDE);
    assert_int_equal(clv_edge_cut_count(edge), edge_stage_nodes(stage.bundle));
    assert_int_equal(clv_edge_set_cut(edge, CLV_CUT_ALL), CLV_OK);
    assert_int_equal(clv_edge_set_cut(edge, clv_edge_cut_count(edge) + 1), CLV_EINVAL);
    clv_edge_free(edge);

    options.bundle = stage.tensors;
    edge = start(&options);
    assert_int_equal(clv_edge_image_size(&width, &height, edge), CLV_EUNSUPPORTED);
    assert_int_equal(clv_edge_submit(NULL, edge, (const uint8_t *)"abc", 1, 1, NULL),
                     CLV_EUNSUPPORTED);
    clv_edge_free(edge);
}

static void test_edge_agent__refuses_what_is_no_frame(void **state)
{
    (void)state;
    static float data[3 * STAGE_SIDE * STAGE_SIDE];
    char address[32];
    clv_edge_options options = edge_stage_options(&stage, stage.bundle, 0, address);
    options.in_flight = 1; /* what is refused gives its slot back */
    clv_edge *edge = start(&options);
    clv_tensor input = {CLV_F32, {4, {1, 3, STAGE_SIDE, STAGE_SIDE}}, data};

    assert_int_equal(clv_edge_submit(NULL, edge, (const uint8_t *)"", 0, 5, NULL), CLV_EINVAL);
    assert_int_equal(
        clv_edge_submit(NULL, edge, (const uint8_t *)"", CLV_IMAGE_MAX_SIDE + 1, 1, NULL),
        CLV_ELIMIT);
    assert_int_equal(clv_edge_submit_tensors(NULL, edge, &input, 2, NULL), CLV_EINVAL);
    input.dtype = CLV_U8;
    assert_int_equal(clv_edge_submit_tensors(NULL, edge, &input, 1, NULL), CLV_EINVAL);
    input.dtype = CLV_F32;
    input.shape.dim[3]--;
    assert_int_equal(clv_edge_submit_tensors(NULL, edge, &input, 1, NULL), CLV_ESHAPE);
    assert_int_equal(ask(edge, stage.bundle, 1).source, CLV_SOURCE_LOCAL);
    clv_edge_free(edge);
}

static void test_edge_agent__close_gives_the_last_answers_first(void **state)
{
    (void)state;
    char address[32];
    clv_edge_answer answer;
    clv_edge_options options = edge_stage_options(&stage, stage.bundle, 0, address);
    clv_edge *edge = start(&options);

    assert_int_equal(clv_edge_next(&answer, edge, 1000), CLV_ETIMEDOUT);
    submit_photo(edge, 1);
    submit_photo(edge, 2);
    clv_edge_close(edge);
    assert_int_equal(clv_edge_submit(NULL, edge, (const uint8_t *)"abc", 1, 1, NULL), CLV_ECLOSED);
    assert_int_equal(take(edge, stage.bundle).frame, 1);
    assert_int_equal(take(edge, stage.bundle).frame, 2);
    assert_int_equal(clv_edge_next(&answer, edge, LONG_US), CLV_ECLOSED);
    clv_edge_free(edge);
}

static void test_edge_agent__allocates_nothing_for_a_frame(void **state)
{
    (void)state;
    char address[32];
    clv_edge_options options = edge_stage_options(&stage, stage.bundle, 0, address);
    clv_edge *edge = start(&options);
    clv_image photo;

    clv_image_init(&photo);
    edge_stage_photo(&photo, 40, 30, 1);
    for (uint32_t seed = 0; seed < 2 * options.in_flight; seed++)
        (void)ask(edge, NULL, seed);
    clv_memory_fail_after(1);
    for (int i = 0; i < 20; i++) {
        clv_status status =
            clv_edge_submit(NULL, edge, photo.rgb.data, photo.width, photo.height, NULL);
        if (status != CLV_OK) {
            clv_memory_fail_after(0);
            assert_int_equal(status, CLV_OK);
        }
        given g = take(edge, NULL);
        if (g.source != CLV_SOURCE_LOCAL) {
            clv_memory_fail_after(0);
            assert_int_equal(g.source, CLV_SOURCE_LOCAL);
        }
    }
    clv_memory_fail_after(0);
    clv_image_done(&photo);
    clv_edge_free(edge);
}

static void test_edge_agent__survives_every_failed_allocation(void **state)
{
    (void)state;
    char address[32];
    clv_edge_options options = edge_stage_options(&stage, stage.bundle, 0, address);
    clv_status status = CLV_ENOMEM;

    for (uint64_t n = 1; status != CLV_OK; n++) {
        clv_error err = CLV_ERROR_INIT;
        clv_edge *edge = NULL;
        clv_memory_fail_after(n);
        status = clv_edge_create(&edge, &options, &err);
        clv_memory_fail_after(0);
        if (status != CLV_OK) {
            assert_null(edge);
            assert_true(err.message[0] != '\0');
        }
        clv_edge_free(edge);
        assert_true(n < 100000);
    }
}

static clv_status try_to_start(const clv_edge_options *options, clv_error *err)
{
    clv_edge *edge = NULL;
    *err = (clv_error)CLV_ERROR_INIT;
    clv_status status = clv_edge_create(&edge, options, err);
    clv_edge_free(edge);
    return status;
}

static void test_edge_agent__says_what_is_wrong_with_its_options(void **state)
{
    (void)state;
    char address[32], path[STAGE_PATH_BYTES + 8];
    clv_error err;
    const clv_edge_options good = edge_stage_options(&stage, stage.bundle, 1, address);

    clv_edge_options options = good;
    options.bundle = NULL;
    assert_int_equal(try_to_start(&options, &err), CLV_EINVAL);
    options.bundle = "/nowhere/model.clv";
    assert_int_equal(try_to_start(&options, &err), CLV_ENOENT);
    assert_non_null(strstr(err.location, "/nowhere/model.clv"));
    options = good;
    options.backend = "abacus";
    assert_int_equal(try_to_start(&options, &err), CLV_EINVAL);
    assert_non_null(strstr(err.message, "abacus"));
    options = good;
    options.codec = "morse";
    assert_int_equal(try_to_start(&options, &err), CLV_EINVAL);
    assert_non_null(strstr(err.message, "morse"));
    options = good;
    options.cut = 1000;
    assert_int_equal(try_to_start(&options, &err), CLV_EINVAL);
    assert_non_null(strstr(err.message, "1000"));
    options = good;
    options.in_flight = 65;
    assert_int_equal(try_to_start(&options, &err), CLV_EINVAL);
    options = good;
    options.key = NULL;
    assert_int_equal(try_to_start(&options, &err), CLV_EINVAL);
    options.key = stage.other_key;
    assert_int_equal(try_to_start(&options, &err), CLV_EAUTH);

    /* One bit of a weight: only the digest shows it. */
    (void)snprintf(path, sizeof path, "%s/bad.clv", stage.dir);
    FILE *from = fopen(stage.bundle, "rb"), *to = fopen(path, "wb");
    assert_true(from != NULL && to != NULL);
    int c, last = EOF;
    while ((c = fgetc(from)) != EOF) {
        if (last != EOF)
            (void)fputc(last, to);
        last = c;
    }
    (void)fputc(last ^ 1, to);
    assert_int_equal(fclose(from) | fclose(to), 0);
    options = good;
    options.bundle = path;
    assert_int_equal(try_to_start(&options, &err), CLV_EFORMAT);
}

/* --- with one ----------------------------------------------------------------------------- */

static void test_edge_agent__every_cut_gives_the_same_answer(void **state)
{
    (void)state;
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    clv_edge *edge = start_linked(server, stage.bundle, 0, 0);
    uint32_t n = clv_edge_cut_count(edge);

    for (uint32_t cut = 0; cut <= n; cut++) {
        assert_int_equal(clv_edge_set_cut(edge, cut), CLV_OK);
        given g = ask(edge, stage.bundle, cut + 1);
        clv_source wanted =
            cut == 0 ? CLV_SOURCE_SERVER : (cut == n ? CLV_SOURCE_LOCAL : CLV_SOURCE_SPLIT);
        assert_int_equal(g.source, wanted);
        assert_int_equal(g.cut, cut);
        assert_int_equal(g.sent_bytes > 0, cut < n);
        assert_string_equal(g.text, "");
        if (cut < n) {
            assert_true(g.times.queue_us <= 2 && g.times.server_us <= 4);
            assert_true(g.times.network_us <= g.times.total_us);
        }
    }
    assert_int_equal(edge_server_requests(server), n);
    clv_edge_free(edge);
    edge_server_stop(server);
}

static void test_edge_agent__the_lossy_codec_ships_less(void **state)
{
    (void)state;
    char address[32];
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    clv_edge_options options =
        edge_stage_options(&stage, stage.bundle, edge_server_port(server), address);
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        options.codec = i == 0 ? "float" : "uint8";
        options.cut = 1;
        clv_edge *edge = start(&options);
        await_link(edge);
        given g = ask(edge, NULL, 1);
        assert_int_equal(g.source, CLV_SOURCE_SPLIT);
        bytes[i] = g.sent_bytes;
        clv_edge_free(edge);
    }
    assert_true(bytes[1] < bytes[0] / 2);
    edge_server_stop(server);
}

static void test_edge_agent__many_frames_are_on_their_way_at_once(void **state)
{
    (void)state;
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    clv_edge *edge = start_linked(server, stage.bundle, 2, 0);

    edge_server_set_mood(server, SERVER_HOLDS);
    for (uint32_t seed = 1; seed <= 4; seed++)
        submit_photo(edge, seed);
    edge_server_await_held(server, 4);
    edge_server_let_go(server);
    uint64_t seen = 0;
    for (int i = 0; i < 4; i++) {
        given g = take(edge, stage.bundle);
        assert_int_equal(g.source, CLV_SOURCE_SPLIT);
        seen |= UINT64_C(1) << g.frame;
    }
    assert_int_equal(seen, 0x1e);
    clv_edge_free(edge);
    edge_server_stop(server);
}

static void test_edge_agent__the_student_answers_what_the_server_does_not(void **state)
{
    (void)state;
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    clv_edge *edge = start_linked(server, stage.bundle, 2, 0);

    edge_server_set_mood(server, SERVER_REFUSES);
    given g = ask(edge, stage.bundle, 1);
    assert_int_equal(g.source, CLV_SOURCE_STUDENT);
    assert_true(g.sent_bytes > 0);
    expect_text(&g, "refused");
    expect_text(&g, "bad day");

    edge_server_set_mood(server, SERVER_BABBLES);
    g = ask(edge, stage.bundle, 2);
    assert_int_equal(g.source, CLV_SOURCE_STUDENT);
    expect_text(&g, "malformed");

    edge_server_set_mood(server, SERVER_ANSWERS);
    assert_int_equal(ask(edge, stage.bundle, 3).source, CLV_SOURCE_SPLIT);
    clv_edge_free(edge);
    edge_server_stop(server);
}

static void test_edge_agent__a_deadline_is_kept_and_a_late_reply_dropped(void **state)
{
    (void)state;
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    clv_edge *edge = start_linked(server, stage.bundle, 2, DEADLINE_US);

    edge_server_set_mood(server, SERVER_HOLDS);
    given g = ask(edge, stage.bundle, 1);
    assert_int_equal(g.source, CLV_SOURCE_STUDENT);
    assert_false(g.late);
    assert_in_range(g.times.total_us, DEADLINE_US / 4, DEADLINE_US);
    expect_text(&g, "in time");

    edge_server_set_mood(server, SERVER_ANSWERS);
    edge_server_let_go(server);
    for (uint32_t seed = 2; seed < 10; seed++) {
        g = ask(edge, stage.bundle, seed);
        assert_int_equal(g.source, CLV_SOURCE_SPLIT);
        assert_int_equal(g.frame, seed);
    }
    clv_edge_free(edge);
    edge_server_stop(server);
}

/* --- links that fail ---------------------------------------------------------------------- */

static void test_edge_agent__the_student_answers_while_nobody_listens(void **state)
{
    (void)state;
    char address[32];
    clv_edge_link_state link;
    clv_edge_options options = edge_stage_options(&stage, stage.bundle, dead_port(), address);
    clv_edge *edge = start(&options);

    assert_int_equal(clv_edge_wait_link(edge, 1000), CLV_ETIMEDOUT);
    given g = ask(edge, stage.bundle, 1);
    assert_int_equal(g.source, CLV_SOURCE_STUDENT);
    assert_int_equal(g.sent_bytes, 0);
    expect_text(&g, "the link is down");
    clv_edge_link_state_of(edge, &link);
    assert_false(link.up);
    clv_edge_free(edge);

    options.bundle = stage.alone; /* nobody else can */
    edge = start(&options);
    g = ask(edge, stage.alone, 1);
    assert_int_equal(g.source, CLV_SOURCE_LOCAL);
    expect_text(&g, "the link is down");
    clv_edge_free(edge);
}

static void test_edge_agent__frames_on_a_link_that_drops_are_answered_here(void **state)
{
    (void)state;
    const char *const bundles[] = {stage.bundle, stage.alone};
    const clv_source sources[] = {CLV_SOURCE_STUDENT, CLV_SOURCE_LOCAL};

    for (int i = 0; i < 2; i++) {
        edge_server *server = edge_server_start(&stage, bundles[i], 0, true);
        clv_edge *edge = start_linked(server, bundles[i], 2, 0);
        edge_server_set_mood(server, SERVER_HOLDS);
        for (uint32_t seed = 1; seed <= 3; seed++)
            submit_photo(edge, seed);
        edge_server_await_held(server, 3);
        edge_server_stop(server);
        for (uint64_t frame = 1; frame <= 3; frame++) {
            given g = take(edge, bundles[i]);
            assert_int_equal(g.frame, frame);
            assert_int_equal(g.source, sources[i]);
            expect_text(&g, "the link is down");
        }
        clv_edge_free(edge);
    }
}

/* A stream of frames on three slots while the server dies and returns twice. */
static void test_edge_agent__a_server_may_die_and_come_back(void **state)
{
    (void)state;
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    uint16_t port = edge_server_port(server);
    clv_edge *edge = start_linked(server, stage.bundle, 2, DEADLINE_US);
    uint32_t submitted = 0, answered = 0;

    submit_photo(edge, ++submitted);
    submit_photo(edge, ++submitted);
    for (int life = 0; life < 2; life++) {
        for (int phase = 0; phase < 2; phase++) { /* alive, dead */
            clv_source wanted = phase == 0 ? CLV_SOURCE_SPLIT : CLV_SOURCE_STUDENT;
            if (phase == 0 && server == NULL) {
                server = edge_server_start(&stage, stage.bundle, port, true);
                await_link(edge);
            } else if (phase == 1) {
                edge_server_stop(server);
                server = NULL;
            }
            for (int in_a_row = 0; in_a_row < 20;) {
                submit_photo(edge, ++submitted);
                given g = take(edge, stage.bundle);
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

static void test_edge_agent__a_server_without_the_bundle_is_no_server(void **state)
{
    (void)state;
    char address[32];
    clv_edge_link_state link;
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, false);
    clv_edge_options options =
        edge_stage_options(&stage, stage.bundle, edge_server_port(server), address);
    clv_edge *edge = start(&options);

    await_reason(edge, &link);
    assert_non_null(strstr(link.last_error, "bundle"));
    given g = ask(edge, stage.bundle, 1);
    assert_int_equal(g.source, CLV_SOURCE_STUDENT);
    expect_text(&g, "bundle");
    assert_int_equal(edge_server_requests(server), 0);
    clv_edge_free(edge);
    edge_server_stop(server);
}

static void test_edge_agent__wrong_keys_show_in_the_state_of_the_link(void **state)
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
    clv_edge *edge = start(&options);
    await_reason(edge, &link);
    assert_int_equal(ask(edge, stage.bundle, 1).source, CLV_SOURCE_STUDENT);
    clv_edge_free(edge);

    options = edge_stage_options(&stage, stage.bundle, edge_server_port(server), address);
    options.server_name = "somebody.else";
    edge = start(&options);
    await_reason(edge, &link);
    assert_int_equal(ask(edge, stage.bundle, 1).source, CLV_SOURCE_STUDENT);
    clv_edge_free(edge);
    assert_int_equal(edge_server_requests(server), 0);
    edge_server_stop(server);
}

/* --- tensors ------------------------------------------------------------------------------ */

static void test_edge_agent__takes_tensors_as_they_are(void **state)
{
    (void)state;
    static float data[3 * STAGE_SIDE * STAGE_SIDE];
    const clv_tensor input = {CLV_F32, {4, {1, 3, STAGE_SIDE, STAGE_SIDE}}, data};
    char address[32];
    edge_server *server = edge_server_start(&stage, stage.tensors, 0, true);
    clv_edge *edge = start_linked(server, stage.tensors, 2, 0);
    uint64_t frame = 0;

    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++)
        data[i] = (float)(i % 17) / 17.0f;
    assert_int_equal(clv_edge_submit_tensors(&frame, edge, &input, 1, NULL), CLV_OK);
    assert_int_equal(frame, 1);
    assert_int_equal(take(edge, NULL).source, CLV_SOURCE_SPLIT);
    clv_edge_free(edge);
    edge_server_stop(server);

    /* The student of this bundle takes the same tensor; that of the other takes a smaller one. */
    const char *const bundles[] = {stage.tensors, stage.bundle};
    const clv_source sources[] = {CLV_SOURCE_STUDENT, CLV_SOURCE_LOCAL};
    for (int i = 0; i < 2; i++) {
        clv_edge_options options = edge_stage_options(&stage, bundles[i], dead_port(), address);
        edge = start(&options);
        assert_int_equal(clv_edge_submit_tensors(NULL, edge, &input, 1, NULL), CLV_OK);
        assert_int_equal(take(edge, NULL).source, sources[i]);
        clv_edge_free(edge);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edge_agent__without_a_server_the_model_runs_here),
        cmocka_unit_test(test_edge_agent__tells_what_the_model_takes),
        cmocka_unit_test(test_edge_agent__refuses_what_is_no_frame),
        cmocka_unit_test(test_edge_agent__close_gives_the_last_answers_first),
        cmocka_unit_test(test_edge_agent__allocates_nothing_for_a_frame),
        cmocka_unit_test(test_edge_agent__survives_every_failed_allocation),
        cmocka_unit_test(test_edge_agent__says_what_is_wrong_with_its_options),
        cmocka_unit_test(test_edge_agent__every_cut_gives_the_same_answer),
        cmocka_unit_test(test_edge_agent__the_lossy_codec_ships_less),
        cmocka_unit_test(test_edge_agent__many_frames_are_on_their_way_at_once),
        cmocka_unit_test(test_edge_agent__the_student_answers_what_the_server_does_not),
        cmocka_unit_test(test_edge_agent__a_deadline_is_kept_and_a_late_reply_dropped),
        cmocka_unit_test(test_edge_agent__the_student_answers_while_nobody_listens),
        cmocka_unit_test(test_edge_agent__frames_on_a_link_that_drops_are_answered_here),
        cmocka_unit_test(test_edge_agent__a_server_may_die_and_come_back),
        cmocka_unit_test(test_edge_agent__a_server_without_the_bundle_is_no_server),
        cmocka_unit_test(test_edge_agent__wrong_keys_show_in_the_state_of_the_link),
        cmocka_unit_test(test_edge_agent__takes_tensors_as_they_are),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
