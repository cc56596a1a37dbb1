/* SPDX-License-Identifier: Apache-2.0 */
/* What a server tells devices of itself: how fast it is, and how busy. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "profiler/profile_bytes.h"
#include "profiler/profiler.h"
#include "support/link_client.h"
#include "support/server_process.h"
#include "support/tiny_forms.h"
#include "support/tiny_run.h"

static const tiny_model_options quick = {.seed = 1, .channels = 4, .size = 8};
/* Tens of milliseconds on the plain backend: longer than it takes to send a dozen requests. */
static const tiny_model_options slow = {.seed = 3, .channels = 128, .size = 16};

static int setup(void **state)
{
    static server_process server;
    server_process_init(&server);
    *state = &server;
    return 0;
}

static int teardown(void **state)
{
    server_process_done(*state);
    return 0;
}

static void path_in_bundles(char dst[SERVER_PATH_BYTES + 64], const server_process *server,
                            const char *name)
{
    (void)snprintf(dst, SERVER_PATH_BYTES + 64, "%s/%s", server->bundles, name);
}

static clv_digest put_both(const server_process *server, tiny_forms *forms)
{
    char path[SERVER_PATH_BYTES + 64];
    path_in_bundles(path, server, "both.clv");
    tiny_forms_init(forms, &quick, NULL);
    return tiny_forms_write(forms, path);
}

static clv_profile *take_profile(const link_client *client)
{
    clv_error err = CLV_ERROR_INIT;
    clv_profile *profile = NULL;
    size_t bytes;
    const uint8_t *data = link_client_profile(client, &bytes);
    if (data == NULL)
        fail_msg("the greeting has no profile");
    if (clv_profile_unpack(&profile, data, bytes, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    return profile;
}

static int stop(server_process *server)
{
    server_process_signal(server, SIGTERM);
    return server_process_wait(server);
}

static void test_server_profile__the_greeting_says_what_nodes_take(void **state)
{
    server_process *server = *state;
    tiny_forms forms;
    clv_digest id = put_both(server, &forms), other = {{7}};
    server_process_start(server, NULL);
    link_client *client = link_client_ask(server, "device-1", &id);
    clv_profile *profile = take_profile(client);

    assert_memory_equal(&profile->bundle, &id, sizeof id);
    assert_int_equal(profile->n_nodes, forms.original->n_nodes);
    for (unsigned p = 0; p < CLV_PRECISION_COUNT; p++) {
        const clv_profile_run *run = clv_profile_find_run(profile, p, 1);
        assert_non_null(run);
        assert_true(run->whole.min_ns > 0);
        assert_non_null(clv_profile_find_point(profile, 0, p, "float", 0));
        assert_true(clv_profile_find_point(profile, 0, p, "float", 0)->decode.min_ns > 0);
    }
    assert_int_equal(clv_profile_describe(profile, &forms.model), CLV_OK);
    assert_true(profile->runs[0].cut_bytes[0] > 0);
    clv_profile_free(profile);
    link_client_free(client);

    size_t bytes; /* whoever asks for something else, or for nothing, gets nothing */
    client = link_client_ask(server, "device-1", &other);
    assert_null(link_client_profile(client, &bytes));
    link_client_free(client);
    client = link_client_create(server, "device-1");
    assert_null(link_client_profile(client, &bytes));
    link_client_free(client);
    assert_int_equal(stop(server), 0);
    tiny_forms_done(&forms);
}

/* 2, 4 and 6 frames together, of both forms; also from the file. */
static void test_server_profile__batches_are_in_the_greeting(void **state)
{
    static const uint32_t batches[] = {1, 2, 4, 6};
    server_process *server = *state;
    const char *const flags[] = {
        "--state", server->folder, "--profile-batch", "6", "--profile-ms", "2000", NULL};
    tiny_forms forms;
    clv_digest id = put_both(server, &forms);

    for (int start = 0; start < 2; start++) {
        server_process_start(server, flags);
        link_client *client = link_client_ask(server, "device-1", &id);
        clv_profile *profile = take_profile(client);
        assert_int_equal(profile->n_runs, 2 * sizeof batches / sizeof batches[0]);
        for (unsigned p = 0; p < CLV_PRECISION_COUNT; p++) {
            for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++)
                assert_non_null(clv_profile_find_run(profile, p, batches[i]));
        }
        clv_profile_free(profile);
        link_client_free(client);
        assert_int_equal(stop(server), 0);
    }
    assert_true(server_process_logged(server, "from an earlier start"));
    tiny_forms_done(&forms);
}

static void test_server_profile__the_next_start_remembers(void **state)
{
    server_process *server = *state;
    const char *const flags[] = {"--state", server->folder, NULL};
    tiny_forms forms;
    clv_digest id = put_both(server, &forms);

    server_process_start(server, flags);
    link_client *client = link_client_ask(server, "device-1", &id);
    clv_profile *first = take_profile(client);
    link_client_free(client);
    assert_int_equal(stop(server), 0);
    assert_false(server_process_logged(server, "kept from an earlier start"));

    server_process_start(server, flags);
    client = link_client_ask(server, "device-1", &id);
    clv_profile *second = take_profile(client);
    link_client_free(client);
    assert_int_equal(stop(server), 0);
    assert_true(server_process_logged(server, "kept from an earlier start"));
    assert_memory_equal(first->runs[0].nodes, second->runs[0].nodes,
                        first->n_nodes * sizeof *first->runs[0].nodes);
    clv_profile_free(first);
    clv_profile_free(second);
    tiny_forms_done(&forms);
}

static void test_server_profile__a_bundle_that_comes_later_has_one_too(void **state)
{
    server_process *server = *state;
    tiny_forms forms;

    server_process_start(server, NULL);
    clv_digest id = put_both(server, &forms);
    server_process_signal(server, SIGHUP);
    server_process_await(server, "READY=1");
    link_client *client = link_client_ask(server, "device-1", &id);
    clv_profile_free(take_profile(client));
    link_client_free(client);
    assert_int_equal(stop(server), 0);
    tiny_forms_done(&forms);
}

static void test_server_profile__it_can_be_left_out(void **state)
{
    server_process *server = *state;
    const char *const flags[] = {"--profile-ms", "0", "--state", "/nonexistent", NULL};
    tiny_forms forms;
    size_t bytes;
    clv_digest id = put_both(server, &forms);

    server_process_start(server, flags);
    link_client *client = link_client_ask(server, "device-1", &id);
    assert_null(link_client_profile(client, &bytes));
    link_client_free(client);
    assert_int_equal(stop(server), 0);
    tiny_forms_done(&forms);
}

/* A folder that can't be written costs the next start time, and this one a line of the log. */
static void test_server_profile__it_serves_without_a_folder(void **state)
{
    server_process *server = *state;
    const char *const flags[] = {"--state", "/nonexistent", NULL};
    tiny_forms forms;
    clv_digest id = put_both(server, &forms);

    server_process_start(server, flags);
    link_client *client = link_client_ask(server, "device-1", &id);
    clv_profile_free(take_profile(client));
    link_client_free(client);
    assert_int_equal(stop(server), 0);
    assert_true(server_process_logged(server, "profile can't be kept: /nonexistent/"));
    tiny_forms_done(&forms);
}

static void test_server_profile__replies_say_how_busy_it_is(void **state)
{
    enum { N = 8 };
    server_process *server = *state;
    char path[SERVER_PATH_BYTES + 64];
    tiny_run run;
    path_in_bundles(path, server, "slow.clv");
    clv_digest id = tiny_model_write(path, &slow);
    tiny_run_init(&run, &slow, &clv_backend_ref, 11);
    tiny_run_prefix(&run, 1);
    server_process_start(
        server, (const char *const[]){"--workers", "1", "--queue", "20", "--backend", "ref", NULL});
    link_client *client = link_client_create(server, "device-1");

    for (uint64_t frame = 1; frame <= N; frame++) {
        clv_link_request request = {.frame = frame, .bundle = &id, .cut = 1};
        link_client_send(client, &request, run.payload, run.payload_bytes);
    }
    uint32_t busiest = 0;
    clv_server_times told = link_client_echo(client, 1);
    assert_in_range(told.load_permille, 0, N * 1000); /* how many are left is a race */
    assert_int_equal(told.workers, 1);
    for (uint64_t frame = 1; frame <= N; frame++) {
        uint32_t load = link_client_await(client, frame)->times.load_permille;
        assert_in_range(load, 1000, N * 1000); /* itself at least, all of them at most */
        assert_int_equal(load % 1000, 0);
        busiest = load > busiest ? load : busiest;
    }
    assert_true(busiest > 1000);
    assert_int_equal(link_client_await(client, N)->times.load_permille, 1000); /* the last one */
    assert_int_equal(link_client_await(client, N)->times.workers, 1);
    /* A worker is free a little after its answer has left. */
    for (uint64_t number = 2; link_client_echo(client, number).load_permille != 0; number++)
        assert_true(number < 1000000);
    link_client_free(client);
    tiny_run_done(&run);
    assert_int_equal(stop(server), 0);
}

#define SERVER_TEST(name)                                                                          \
    cmocka_unit_test_setup_teardown(test_server_profile__##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(the_greeting_says_what_nodes_take),
        SERVER_TEST(batches_are_in_the_greeting),
        SERVER_TEST(the_next_start_remembers),
        SERVER_TEST(a_bundle_that_comes_later_has_one_too),
        SERVER_TEST(it_can_be_left_out),
        SERVER_TEST(it_serves_without_a_folder),
        SERVER_TEST(replies_say_how_busy_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
