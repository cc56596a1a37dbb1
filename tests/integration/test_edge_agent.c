/* SPDX-License-Identifier: Apache-2.0 */
/* The agent without a server, and with one in this process that answers, holds, refuses and talks
 * nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
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

/* --- without a server --------------------------------------------------------------------- */

static void test_edge_agent__without_a_server_the_model_runs_here(void **state)
{
    (void)state;
    char address[32];
    clv_edge_options options = edge_stage_options(&stage, stage.bundle, 0, address);
    options.cut = 3;
    clv_edge *edge = device_start(&options);

    for (uint32_t seed = 1; seed <= 3; seed++) {
        device_answer g = device_ask(edge, stage.bundle, seed);
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
    clv_edge *edge = device_start(&options);
    assert_int_equal(clv_edge_image_size(&width, &height, edge), CLV_OK);
    assert_int_equal(width, STAGE_SIDE);
    assert_int_equal(height, STAGE_SIDE);
    assert_int_equal(clv_edge_cut_count(edge), edge_stage_nodes(stage.bundle));
    assert_int_equal(clv_edge_set_cut(edge, CLV_CUT_ALL), CLV_OK);
    assert_int_equal(clv_edge_set_cut(edge, clv_edge_cut_count(edge) + 1), CLV_EINVAL);
    clv_edge_free(edge);

    options.bundle = stage.tensors;
    edge = device_start(&options);
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
    clv_edge *edge = device_start(&options);
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
    assert_int_equal(device_ask(edge, stage.bundle, 1).source, CLV_SOURCE_LOCAL);
    clv_edge_free(edge);
}

static void test_edge_agent__close_gives_the_last_answers_first(void **state)
{
    (void)state;
    char address[32];
    clv_edge_answer answer;
    clv_edge_options options = edge_stage_options(&stage, stage.bundle, 0, address);
    clv_edge *edge = device_start(&options);

    assert_int_equal(clv_edge_next(&answer, edge, 1000), CLV_ETIMEDOUT);
    device_submit(edge, 1);
    device_submit(edge, 2);
    clv_edge_close(edge);
    assert_int_equal(clv_edge_submit(NULL, edge, (const uint8_t *)"abc", 1, 1, NULL), CLV_ECLOSED);
    assert_int_equal(device_take(edge, stage.bundle).frame, 1);
    assert_int_equal(device_take(edge, stage.bundle).frame, 2);
    assert_int_equal(clv_edge_next(&answer, edge, LONG_US), CLV_ECLOSED);
    clv_edge_free(edge);
}

static void test_edge_agent__allocates_nothing_for_a_frame(void **state)
{
    (void)state;
    char address[32];
    clv_edge_options options = edge_stage_options(&stage, stage.bundle, 0, address);
    clv_edge *edge = device_start(&options);
    clv_image photo;

    clv_image_init(&photo);
    edge_stage_photo(&photo, 40, 30, 1);
    for (uint32_t seed = 0; seed < 2 * options.in_flight; seed++)
        (void)device_ask(edge, NULL, seed);
    clv_memory_fail_after(1);
    for (int i = 0; i < 20; i++) {
        clv_status status =
            clv_edge_submit(NULL, edge, photo.rgb.data, photo.width, photo.height, NULL);
        if (status != CLV_OK) {
            clv_memory_fail_after(0);
            assert_int_equal(status, CLV_OK);
        }
        device_answer g = device_take(edge, NULL);
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
    clv_edge *edge = device_start_linked(&stage, server, stage.bundle, 0, 0);
    uint32_t n = clv_edge_cut_count(edge);

    for (uint32_t cut = 0; cut <= n; cut++) {
        assert_int_equal(clv_edge_set_cut(edge, cut), CLV_OK);
        device_answer g = device_ask(edge, stage.bundle, cut + 1);
        clv_source wanted =
            cut == 0 ? CLV_SOURCE_SERVER : (cut == n ? CLV_SOURCE_LOCAL : CLV_SOURCE_SPLIT);
        assert_int_equal(g.source, wanted);
        assert_int_equal(g.cut, cut);
        assert_int_equal(g.sent_bytes > 0, cut < n);
        assert_string_equal(g.text, "");
        if (cut < n) {
            assert_true(g.times.queue_us <= 2 && g.times.server_us <= 4);
            assert_in_range(g.times.network_us, 1, g.times.total_us);
            assert_int_equal(edge_server_last_deadline_us(server), 0);
        }
    }
    assert_int_equal(edge_server_requests(server), n);
    clv_edge_free(edge);
    edge_server_stop(server);
}

/* A device that never has more than a prefix: cuts up to there are the same as ever, and what the
 * server can't answer is the student's. */
static void test_edge_agent__a_largest_cut_bounds_what_runs_here(void **state)
{
    (void)state;
    char address[32];
    clv_error err;
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    clv_edge_options options =
        edge_stage_options(&stage, stage.bundle, edge_server_port(server), address);
    for (uint32_t max_cut = 0; max_cut < 3; max_cut++) {
        options.max_cut = max_cut;
        clv_edge *edge = device_start(&options);
        device_await_link(edge);
        assert_true(clv_edge_has_student(edge));
        for (uint32_t cut = 0; cut <= max_cut; cut++) {
            assert_int_equal(clv_edge_set_cut(edge, cut), CLV_OK);
            assert_int_equal(device_ask(edge, stage.bundle, cut + 1).source,
                             cut == 0 ? CLV_SOURCE_SERVER : CLV_SOURCE_SPLIT);
        }
        assert_int_equal(clv_edge_set_cut(edge, max_cut + 1), CLV_EINVAL);
        assert_int_equal(clv_edge_set_cut(edge, CLV_CUT_ALL), CLV_EINVAL);
        clv_edge_free(edge);
    }
    edge_server_stop(server);

    clv_edge *edge = device_start(&options); /* nobody answers now */
    assert_int_equal(device_ask(edge, stage.bundle, 9).source, CLV_SOURCE_STUDENT);
    clv_edge_free(edge);
    options.cut = 3;
    assert_int_equal(try_to_start(&options, &err), CLV_EINVAL);
    assert_non_null(strstr(err.message, "beyond the largest one, 2"));
    options.cut = CLV_CUT_ALL;
    assert_int_equal(try_to_start(&options, &err), CLV_EINVAL);
    options.cut = 0;
    options.server = NULL;
    assert_int_equal(try_to_start(&options, &err), CLV_EINVAL);
    assert_non_null(strstr(err.message, "server"));
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
        clv_edge *edge = device_start(&options);
        device_await_link(edge);
        device_answer g = device_ask(edge, NULL, 1);
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
    clv_edge *edge = device_start_linked(&stage, server, stage.bundle, 2, 0);

    edge_server_set_mood(server, SERVER_HOLDS);
    for (uint32_t seed = 1; seed <= 4; seed++)
        device_submit(edge, seed);
    edge_server_await_held(server, 4);
    edge_server_let_go(server);
    uint64_t seen = 0;
    for (int i = 0; i < 4; i++) {
        device_answer g = device_take(edge, stage.bundle);
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
    clv_edge *edge = device_start_linked(&stage, server, stage.bundle, 2, 0);

    edge_server_set_mood(server, SERVER_REFUSES);
    device_answer g = device_ask(edge, stage.bundle, 1);
    assert_int_equal(g.source, CLV_SOURCE_STUDENT);
    assert_true(g.sent_bytes > 0);
    device_expect_text(&g, "refused");
    device_expect_text(&g, "bad day");

    edge_server_set_mood(server, SERVER_BABBLES);
    g = device_ask(edge, stage.bundle, 2);
    assert_int_equal(g.source, CLV_SOURCE_STUDENT);
    device_expect_text(&g, "malformed");
    assert_null(strstr(g.text, "bad day"));

    edge_server_set_mood(server, SERVER_BOASTS);
    g = device_ask(edge, stage.bundle, 3);
    assert_int_equal(g.source, CLV_SOURCE_SPLIT);
    assert_true(g.times.queue_us <= g.times.total_us);

    edge_server_set_mood(server, SERVER_ANSWERS);
    assert_int_equal(device_ask(edge, stage.bundle, 3).source, CLV_SOURCE_SPLIT);
    clv_edge_free(edge);
    edge_server_stop(server);
}

static void test_edge_agent__a_deadline_is_kept_and_a_late_reply_dropped(void **state)
{
    (void)state;
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    clv_edge *edge = device_start_linked(&stage, server, stage.bundle, 2, DEADLINE_US);

    edge_server_set_mood(server, SERVER_HOLDS);
    device_answer g = device_ask(edge, stage.bundle, 1);
    assert_int_equal(g.source, CLV_SOURCE_STUDENT);
    assert_true(g.times.total_us >= DEADLINE_US / 4); /* whether it is late, a busy machine decides:
                                                         test_agent_core has a clock of its own */
    device_expect_text(&g, "in time");
    assert_in_range(edge_server_last_deadline_us(server), DEADLINE_US / 4, DEADLINE_US);

    edge_server_set_mood(server, SERVER_ANSWERS);
    edge_server_let_go(server);
    for (uint32_t seed = 2; seed < 10; seed++) {
        g = device_ask(edge, stage.bundle, seed);
        assert_int_equal(g.source, CLV_SOURCE_SPLIT);
        assert_int_equal(g.frame, seed);
    }
    clv_edge_free(edge);
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
    clv_edge *edge = device_start_linked(&stage, server, stage.tensors, 2, 0);
    uint64_t frame = 0;

    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++)
        data[i] = (float)(i % 17) / 17.0f;
    assert_int_equal(clv_edge_submit_tensors(&frame, edge, &input, 1, NULL), CLV_OK);
    assert_int_equal(frame, 1);
    assert_int_equal(device_take(edge, NULL).source, CLV_SOURCE_SPLIT);
    clv_edge_free(edge);
    edge_server_stop(server);

    /* The student of the first takes the same tensor; those of the others take a smaller one. */
    const char *const bundles[] = {stage.tensors, stage.misfits, stage.bundle};
    const clv_source sources[] = {CLV_SOURCE_STUDENT, CLV_SOURCE_LOCAL, CLV_SOURCE_LOCAL};
    for (int i = 0; i < 3; i++) {
        clv_edge_options options =
            edge_stage_options(&stage, bundles[i], device_dead_port(&stage), address);
        edge = device_start(&options);
        assert_int_equal(clv_edge_submit_tensors(NULL, edge, &input, 1, NULL), CLV_OK);
        assert_int_equal(device_take(edge, NULL).source, sources[i]);
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
        cmocka_unit_test(test_edge_agent__a_largest_cut_bounds_what_runs_here),
        cmocka_unit_test(test_edge_agent__the_lossy_codec_ships_less),
        cmocka_unit_test(test_edge_agent__many_frames_are_on_their_way_at_once),
        cmocka_unit_test(test_edge_agent__the_student_answers_what_the_server_does_not),
        cmocka_unit_test(test_edge_agent__a_deadline_is_kept_and_a_late_reply_dropped),
        cmocka_unit_test(test_edge_agent__takes_tensors_as_they_are),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
