/* SPDX-License-Identifier: Apache-2.0 */
/* What a device knows of its own speed, and of its server's. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "profiler/profile_bytes.h"
#include "runtime/bundle.h"
#include "support/edge_device.h"
#include "support/tiny_model.h"

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

static clv_edge_stats stats_of(clv_edge *edge)
{
    clv_edge_stats stats;
    clv_edge_stats_of(edge, &stats);
    return stats;
}

static clv_edge *start_local(const char *state_folder, unsigned profile_ms)
{
    char address[32];
    clv_edge_options options = edge_stage_options(&stage, stage.bundle, 0, address);
    options.state = state_folder;
    options.profile_ms = profile_ms;
    return device_start(&options);
}

/* A model of milliseconds on the plain backend: long enough for clocks. */
static void test_edge_profile__every_frame_is_compared_with_it(void **state)
{
    const tiny_model_options slow = {.seed = 3, .channels = 64, .size = 16};
    char path[STAGE_PATH_BYTES + 16], address[32];
    float *data = tiny_model_input(&slow, 1);
    clv_tensor input = {.dtype = CLV_F32, .shape = {4, {1, 64, 16, 16}}, .data = data};
    clv_edge_answer answer;
    (void)state;

    (void)snprintf(path, sizeof path, "%s/slow.clv", stage.dir);
    (void)tiny_model_write(path, &slow);
    clv_edge_options options = edge_stage_options(&stage, path, 0, address);
    options.profile_ms = 20;
    clv_edge *edge = device_start(&options);
    clv_edge_stats stats = stats_of(edge);
    assert_true(stats.has_profile);
    assert_false(stats.has_server_profile);
    assert_int_equal(stats.frames_measured, 0);
    assert_int_equal(stats.pace_permille, 0);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(clv_edge_submit_tensors(NULL, edge, &input, 1, NULL), CLV_OK);
        assert_int_equal(clv_edge_next(&answer, edge, LONG_US), CLV_OK);
        assert_int_equal(answer.source, CLV_SOURCE_LOCAL);
        clv_edge_release(edge, &answer);
        stats = stats_of(edge);
        assert_int_equal(stats.frames_measured, i);
        assert_true(stats.last_pace_permille > 500); /* none is twice as fast as the fastest */
        assert_true(stats.pace_permille > 500);
    }
    clv_edge_free(edge);
    clv_free(data);
}

static void test_edge_profile__a_device_can_do_without(void **state)
{
    (void)state;
    clv_edge *edge = start_local(NULL, 0);
    assert_int_equal(device_ask(edge, stage.bundle, 1).source, CLV_SOURCE_LOCAL);
    clv_edge_stats stats = stats_of(edge);
    assert_false(stats.has_profile);
    assert_int_equal(stats.frames_measured, 0);
    clv_edge_free(edge);
}

static void find_profile(char path[STAGE_PATH_BYTES])
{
    char command[STAGE_PATH_BYTES + 64];
    (void)snprintf(command, sizeof command, "ls '%s'/*.profile 2>/dev/null", stage.dir);
    FILE *list = popen(command, "r");
    assert_non_null(list);
    assert_non_null(fgets(path, STAGE_PATH_BYTES, list));
    path[strcspn(path, "\n")] = '\0';
    char more[8];
    assert_null(fgets(more, sizeof more, list)); /* one for all starts */
    assert_int_equal(pclose(list), 0);
}

static void test_edge_profile__it_is_kept_until_it_is_damaged(void **state)
{
    char path[STAGE_PATH_BYTES];
    struct stat first, second;
    (void)state;

    clv_edge_free(start_local(stage.dir, 20));
    find_profile(path);
    assert_int_equal(stat(path, &first), 0);
    assert_int_equal(first.st_mode & 0777, 0600);
    clv_edge *edge = start_local(stage.dir, 20);
    assert_true(stats_of(edge).has_profile);
    clv_edge_free(edge);
    find_profile(path);
    assert_int_equal(stat(path, &second), 0);
    assert_true(first.st_ino == second.st_ino); /* not written again */

    assert_int_equal(truncate(path, first.st_size - 1), 0);
    edge = start_local(stage.dir, 20);
    assert_true(stats_of(edge).has_profile);
    clv_edge_free(edge);
    find_profile(path);
    assert_int_equal(stat(path, &second), 0);
    assert_true(first.st_ino != second.st_ino);
    clv_edge_free(start_local(stage.dir, 20)); /* it is a good one */
    assert_int_equal(stat(path, &first), 0);
    assert_true(first.st_ino == second.st_ino);
    assert_int_equal(remove(path), 0);
}

static void test_edge_profile__it_serves_without_a_folder(void **state)
{
    (void)state;
    clv_edge *edge = start_local("/nonexistent", 20);
    assert_true(stats_of(edge).has_profile);
    assert_int_equal(device_ask(edge, stage.bundle, 1).source, CLV_SOURCE_LOCAL);
    clv_edge_free(edge);
}

/* --- the server's --------------------------------------------------------------------------- */

/* One that a server could have sent. */
static clv_buffer pack(uint32_t n_nodes, bool right_bundle, unsigned precision)
{
    clv_profile *p;
    clv_bundle *bundle;
    clv_buffer bytes;
    uint32_t index;

    assert_int_equal(clv_bundle_open(&bundle, stage.bundle, NULL), CLV_OK);
    assert_int_equal(clv_profile_create(&p, n_nodes), CLV_OK);
    if (right_bundle)
        p->bundle = *clv_bundle_id(bundle);
    clv_bundle_free(bundle);
    assert_int_equal(clv_profile_add_run(&index, p, precision, 1), CLV_OK);
    for (uint32_t i = 0; i < n_nodes; i++)
        p->runs[0].nodes[i].min_ns = 1000;
    clv_buffer_init(&bytes, 1 << 20);
    assert_int_equal(clv_profile_pack(&bytes, p, false), CLV_OK);
    clv_profile_free(p);
    return bytes;
}

/* A link to a server that greets with @p profile, which is freed. */
static bool is_of_use(edge_server *server, clv_buffer profile)
{
    edge_server_set_profile(server, profile.data, profile.size);
    clv_edge *edge = device_start_linked(&stage, server, stage.bundle, 1, 0);
    bool used = stats_of(edge).has_server_profile;
    /* Whatever came with the greeting, frames are answered. */
    assert_int_equal(device_ask(edge, stage.bundle, 1).source, CLV_SOURCE_SPLIT);
    clv_edge_free(edge);
    clv_buffer_done(&profile);
    return used;
}

static void test_edge_profile__the_servers_comes_with_the_greeting(void **state)
{
    uint32_t n = edge_stage_nodes(stage.bundle);
    (void)state;
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    clv_buffer garbage;

    assert_true(is_of_use(server, pack(n, true, CLV_PRECISION_FLOAT)));
    assert_false(is_of_use(server, pack(n, false, CLV_PRECISION_FLOAT)));
    assert_false(is_of_use(server, pack(n + 1, true, CLV_PRECISION_FLOAT)));
    assert_false(is_of_use(server, pack(n, true, CLV_PRECISION_INT8))); /* it has no such form */
    clv_buffer_init(&garbage, 1 << 20);
    assert_int_equal(clv_buffer_resize(&garbage, 100000), CLV_OK);
    memset(garbage.data, 0x5a, garbage.size);
    assert_false(is_of_use(server, garbage));
    clv_buffer cut = pack(n, true, CLV_PRECISION_FLOAT);
    cut.size--;
    assert_false(is_of_use(server, cut));
    clv_buffer_init(&garbage, 1);
    assert_false(is_of_use(server, garbage)); /* none at all */
    edge_server_stop(server);
}

static void test_edge_profile__replies_say_how_busy_the_server_is(void **state)
{
    (void)state;
    edge_server *server = edge_server_start(&stage, stage.bundle, 0, true);
    clv_edge *edge = device_start_linked(&stage, server, stage.bundle, 1, 0);
    assert_int_equal(stats_of(edge).server_load_permille, 0);
    (void)device_ask(edge, stage.bundle, 1);
    assert_int_equal(stats_of(edge).server_load_permille, 1500);
    edge_server_set_mood(server, SERVER_BOASTS);
    (void)device_ask(edge, stage.bundle, 2);
    assert_true(stats_of(edge).server_load_permille == UINT32_MAX);
    clv_edge_free(edge);
    edge_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edge_profile__every_frame_is_compared_with_it),
        cmocka_unit_test(test_edge_profile__a_device_can_do_without),
        cmocka_unit_test(test_edge_profile__it_is_kept_until_it_is_damaged),
        cmocka_unit_test(test_edge_profile__it_serves_without_a_folder),
        cmocka_unit_test(test_edge_profile__the_servers_comes_with_the_greeting),
        cmocka_unit_test(test_edge_profile__replies_say_how_busy_the_server_is),
    };
    return cmocka_run_group_tests(tests, open_stage, close_stage);
}
