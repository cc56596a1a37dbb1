/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "support/link_client.h"
#include "support/server_process.h"
#include "support/tiny_run.h"

static const tiny_model_options quick = {.seed = 1, .channels = 4, .size = 8};
static const tiny_model_options other = {.seed = 2, .channels = 4, .size = 8};
/* Tens of milliseconds on the plain backend: longer than it takes to send a dozen requests. */
static const tiny_model_options slow = {.seed = 3, .channels = 128, .size = 16};

static const char *const one_slow_worker[] = {"--workers", "1",   "--queue", "20",
                                              "--backend", "ref", NULL};

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

static clv_digest put(const server_process *server, const char *name,
                      const tiny_model_options *options)
{
    char path[SERVER_PATH_BYTES + 64];
    (void)snprintf(path, sizeof path, "%s/%s", server->bundles, name);
    return tiny_model_write(path, options);
}

static void take_away(const server_process *server, const char *name)
{
    char path[SERVER_PATH_BYTES + 64];
    (void)snprintf(path, sizeof path, "%s/%s", server->bundles, name);
    assert_int_equal(unlink(path), 0);
}

static void send_cut(link_client *client, uint64_t frame, const clv_digest *bundle, uint32_t cut,
                     const tiny_run *run)
{
    clv_link_request request = {.frame = frame, .bundle = bundle, .cut = cut};
    link_client_send(client, &request, run->payload, run->payload_bytes);
}

static void assert_answered(link_client *client, uint64_t frame, const tiny_run *run)
{
    const client_answer *answer = link_client_await(client, frame);
    if (answer->replies != 1)
        fail_msg("frame %llu was refused: %s", (unsigned long long)frame, answer->refusal.message);
    assert_int_equal(answer->payload_bytes, run->answer_bytes);
    assert_memory_equal(answer->payload, run->answer, run->answer_bytes);
}

static void assert_refused(link_client *client, uint64_t frame, clv_status status, const char *text)
{
    const client_answer *answer = link_client_await(client, frame);
    assert_int_equal(answer->refusals, 1);
    assert_int_equal(answer->refusal.code, status);
    if (strstr(answer->refusal.message, text) == NULL)
        fail_msg("'%s' isn't in '%s'", text, answer->refusal.message);
}

static int stop(server_process *server)
{
    server_process_signal(server, SIGTERM);
    return server_process_wait(server);
}

/* The first law: at every cut, the answer is that of the whole model, to the bit. */
static void test_server__every_cut_gives_the_bytes_of_a_local_run(void **state)
{
    server_process *server = *state;
    clv_digest id = put(server, "tiny.clv", &quick);
    tiny_run run;
    tiny_run_init(&run, &quick, NULL, 11);
    server_process_start(server, NULL);
    link_client *client = link_client_create(server, "device-1");

    clv_digest greeted;
    assert_int_equal(link_client_bundles(client, &greeted, 1), 1);
    assert_memory_equal(&greeted, &id, sizeof id);
    for (uint32_t cut = 0; cut < run.graph->n_nodes; cut++) {
        tiny_run_prefix(&run, cut);
        send_cut(client, cut, &id, cut, &run);
        assert_answered(client, cut, &run);
    }
    link_client_free(client);
    tiny_run_done(&run);
    assert_int_equal(stop(server), 0);
    assert_true(server_process_logged(server, "device-1"));
}

static void test_server__what_cannot_be_answered_is_refused_in_words(void **state)
{
    server_process *server = *state;
    clv_digest id = put(server, "tiny.clv", &quick), unknown = {{1}};
    tiny_run run;
    tiny_run_init(&run, &quick, NULL, 11);
    server_process_start(server, NULL);
    link_client *client = link_client_create(server, "device-1");
    uint32_t n = run.graph->n_nodes;

    tiny_run_prefix(&run, 1);
    send_cut(client, 1, &unknown, 1, &run);
    assert_refused(client, 1, CLV_ENOENT, "doesn't have the device's bundle");
    send_cut(client, 2, &id, n, &run);
    assert_refused(client, 2, CLV_EINVAL, "nothing is left for a server");
    send_cut(client, 3, &id, n + 1, &run);
    assert_refused(client, 3, CLV_EINVAL, "no such cut");
    send_cut(client, 4, &id, n - 1, &run); /* the frontier of another cut */
    assert_int_equal(link_client_await(client, 4)->refusals, 1);
    for (uint64_t i = 0; i < 32; i++) { /* every byte of the payload's head is hostile */
        clv_link_request request = {.frame = 10 + i, .bundle = &id, .cut = 1};
        run.payload[i] ^= 0xff;
        link_client_send(client, &request, run.payload, run.payload_bytes - (size_t)i);
        run.payload[i] ^= 0xff;
        const client_answer *answer = link_client_await(client, 10 + i);
        assert_int_equal(answer->refusals, 1);
        assert_true(answer->refusal.message[0] != '\0');
    }
    send_cut(client, 100, &id, 1, &run); /* and it still serves */
    assert_answered(client, 100, &run);
    link_client_free(client);
    tiny_run_done(&run);
    assert_int_equal(stop(server), 0);
}

static void test_server__two_devices_get_their_own_answers(void **state)
{
    enum { N = 60 };
    server_process *server = *state;
    clv_digest id = put(server, "a.clv", &quick), id_other = put(server, "b.clv", &other);
    tiny_run runs[2];
    link_client *clients[2];
    tiny_run_init(&runs[0], &quick, NULL, 11);
    tiny_run_init(&runs[1], &other, NULL, 12);
    server_process_start(server, (const char *const[]){"--workers", "3", "--queue", "200", NULL});
    clients[0] = link_client_create(server, "device-1");
    clients[1] = link_client_create(server, "device-2");

    for (uint64_t frame = 0; frame < N; frame++) {
        uint32_t cut = (uint32_t)frame % runs[0].graph->n_nodes;
        for (int i = 0; i < 2; i++) {
            tiny_run_prefix(&runs[i], cut);
            send_cut(clients[i], frame, i == 0 ? &id : &id_other, cut, &runs[i]);
        }
    }
    for (uint64_t frame = 0; frame < N; frame++) {
        for (int i = 0; i < 2; i++)
            assert_answered(clients[i], frame, &runs[i]);
    }
    for (int i = 0; i < 2; i++) {
        link_client_free(clients[i]);
        tiny_run_done(&runs[i]);
    }
    assert_int_equal(stop(server), 0);
    assert_true(server_process_logged(server, "120 requests answered, 0 refused"));
}

static void test_server__reload_takes_the_folder_as_it_is(void **state)
{
    server_process *server = *state;
    char broken[SERVER_PATH_BYTES + 64];
    clv_digest id = put(server, "a.clv", &quick);
    (void)snprintf(broken, sizeof broken, "%s/broken.clv", server->bundles);
    assert_int_equal(clv_file_write(broken, "not a bundle", 12, 0600, NULL), CLV_OK);
    tiny_run run, run_other;
    tiny_run_init(&run, &quick, NULL, 11);
    tiny_run_init(&run_other, &other, NULL, 11);
    tiny_run_prefix(&run, 1);
    tiny_run_prefix(&run_other, 1);
    server_process_start(server, NULL);
    assert_true(server_process_logged(server, "left out"));
    assert_true(server_process_logged(server, broken));
    link_client *client = link_client_create(server, "device-1");
    send_cut(client, 1, &id, 1, &run);
    assert_answered(client, 1, &run);

    take_away(server, "a.clv");
    clv_digest id_other = put(server, "b.clv", &other);
    server_process_signal(server, SIGHUP);
    server_process_await(server, "RELOADING=1");
    server_process_await(server, "READY=1");
    send_cut(client, 2, &id, 1, &run);
    assert_refused(client, 2, CLV_ENOENT, "doesn't have the device's bundle");
    send_cut(client, 3, &id_other, 1, &run_other);
    assert_answered(client, 3, &run_other);
    link_client_free(client);

    client = link_client_create(server, "device-1"); /* a new greeting names the new set */
    clv_digest greeted[2];
    assert_int_equal(link_client_bundles(client, greeted, 2), 1);
    assert_memory_equal(&greeted[0], &id_other, sizeof id_other);
    link_client_free(client);
    tiny_run_done(&run_other);
    tiny_run_done(&run);
    assert_int_equal(stop(server), 0);
}

/* Send frames 1 .. n of the slow model and wait until the server has taken them all in: it refuses
 * the unknown bundle behind them at once. */
static void load_server(link_client *client, const clv_digest *id, uint64_t n, const tiny_run *run)
{
    clv_digest unknown = {{1}};
    for (uint64_t frame = 1; frame <= n; frame++)
        send_cut(client, frame, id, 1, run);
    send_cut(client, 0, &unknown, 1, run);
    assert_refused(client, 0, CLV_ENOENT, "");
}

static void test_server__reload_lets_requests_in_flight_finish(void **state)
{
    server_process *server = *state;
    clv_digest id = put(server, "slow.clv", &slow);
    tiny_run run;
    tiny_run_init(&run, &slow, &clv_backend_ref, 11);
    tiny_run_prefix(&run, 1);
    server_process_start(server, one_slow_worker);
    link_client *client = link_client_create(server, "device-1");
    load_server(client, &id, 8, &run);
    take_away(server, "slow.clv");
    server_process_signal(server, SIGHUP);
    server_process_await(server, "READY=1");
    send_cut(client, 9, &id, 1, &run);
    assert_refused(client, 9, CLV_ENOENT, "");
    for (uint64_t frame = 1; frame <= 8; frame++)
        assert_answered(client, frame, &run);
    link_client_free(client);
    tiny_run_done(&run);
    assert_int_equal(stop(server), 0);
}

static void test_server__overflow_is_refused_at_once(void **state)
{
    enum { N = 12 };
    server_process *server = *state;
    clv_digest id = put(server, "slow.clv", &slow);
    tiny_run run;
    uint32_t refused = 0;
    tiny_run_init(&run, &slow, &clv_backend_ref, 11);
    tiny_run_prefix(&run, 1);
    server_process_start(
        server, (const char *const[]){"--workers", "1", "--queue", "2", "--backend", "ref", NULL});
    link_client *client = link_client_create(server, "device-1");
    load_server(client, &id, N, &run);
    for (uint64_t frame = 1; frame <= N; frame++) {
        const client_answer *answer = link_client_await(client, frame);
        if (answer->replies == 1) {
            assert_answered(client, frame, &run);
            continue;
        }
        assert_refused(client, frame, CLV_EAGAIN, "its queue is full");
        refused++;
    }
    assert_in_range(refused, 1, N - 3); /* one runs, two wait */
    link_client_free(client);
    tiny_run_done(&run);
    assert_int_equal(stop(server), 0);
}

static void test_server__deadline_that_cannot_be_met_is_refused(void **state)
{
    server_process *server = *state;
    clv_digest id = put(server, "slow.clv", &slow);
    tiny_run run;
    tiny_run_init(&run, &slow, &clv_backend_ref, 11);
    tiny_run_prefix(&run, 1);
    server_process_start(server, one_slow_worker);
    link_client *client = link_client_create(server, "device-1");
    send_cut(client, 10, &id, 1, &run); /* from which it learns what one takes */
    assert_answered(client, 10, &run);
    load_server(client, &id, 8, &run);
    clv_link_request hurried = {.frame = 11, .bundle = &id, .cut = 1, .deadline_us = 1};
    link_client_send(client, &hurried, run.payload, run.payload_bytes);
    assert_refused(client, 11, CLV_ETIMEDOUT, "deadline");
    clv_link_request patient = {
        .frame = 12, .bundle = &id, .cut = 1, .deadline_us = UINT64_C(600000000)};
    link_client_send(client, &patient, run.payload, run.payload_bytes);
    assert_answered(client, 12, &run);
    link_client_free(client);
    tiny_run_done(&run);
    assert_int_equal(stop(server), 0);
}

static void test_server__drain_answers_what_was_accepted(void **state)
{
    server_process *server = *state;
    clv_digest id = put(server, "slow.clv", &slow);
    tiny_run run;
    tiny_run_init(&run, &slow, &clv_backend_ref, 11);
    tiny_run_prefix(&run, 1);
    server_process_start(server, one_slow_worker);
    link_client *client = link_client_create(server, "device-1");
    load_server(client, &id, 8, &run);
    server_process_signal(server, SIGTERM);
    server_process_await(server, "STOPPING=1");
    for (uint64_t frame = 1; frame <= 8; frame++)
        assert_answered(client, frame, &run);
    assert_int_equal(server_process_wait(server), 0);
    assert_true(server_process_logged(server, "8 requests answered, 1 refused"));
    link_client_free(client);
    tiny_run_done(&run);
}

static void test_server__drain_without_time_refuses_what_waits(void **state)
{
    server_process *server = *state;
    clv_digest id = put(server, "slow.clv", &slow);
    tiny_run run;
    uint32_t answered = 0;
    tiny_run_init(&run, &slow, &clv_backend_ref, 11);
    tiny_run_prefix(&run, 1);
    server_process_start(server,
                         (const char *const[]){"--workers", "1", "--queue", "20", "--backend",
                                               "ref", "--drain-ms", "0", NULL});
    link_client *client = link_client_create(server, "device-1");
    load_server(client, &id, 12, &run);
    server_process_signal(server, SIGINT);
    for (uint64_t frame = 1; frame <= 12; frame++) {
        const client_answer *answer = link_client_await(client, frame);
        answered += answer->replies;
        if (answer->replies == 0)
            assert_refused(client, frame, CLV_ECLOSED, "shutting down");
    }
    assert_in_range(answered, 0, 11);
    assert_int_equal(server_process_wait(server), 0);
    link_client_free(client);
    tiny_run_done(&run);
}

static void test_server__mistakes_have_their_exit_codes(void **state)
{
    server_process *server = *state;
    char ini[SERVER_PATH_BYTES + 16], ca[SERVER_PATH_BYTES + 16];
    (void)snprintf(ini, sizeof ini, "%s/server.ini", server->folder);
    (void)snprintf(ca, sizeof ca, "%s/ca.crt", server->pki);

    assert_int_equal(server_process_run(server, (const char *const[]){"--workerz", "1", NULL}), 2);
    assert_true(server_process_logged(server, "--workerz: unknown flag; did you mean --workers?"));
    assert_int_equal(server_process_run(server, (const char *const[]){NULL}), 2);
    assert_true(server_process_logged(server, "--bundles: is needed"));
    assert_int_equal(server_process_run(server, (const char *const[]){"--config", ini, NULL}), 3);
    assert_int_equal(clv_file_write(ini, "[server]\nqueue = 1e9\n", 21, 0600, NULL), CLV_OK);
    assert_int_equal(server_process_run(server, (const char *const[]){"--config", ini, NULL}), 3);
    assert_true(server_process_logged(server, "server.ini:2: queue: must be a whole number"));
    const char *const no_key[] = {"--bundles", server->bundles, "--ca",         ca,  "--cert",
                                  ca,          "--key",         "/nonexistent", NULL};
    assert_int_equal(server_process_run(server, no_key), 3);
    assert_true(server_process_logged(server, "/nonexistent"));
}

/* Another try may find the port free: so this isn't a mistake in the settings. */
static void test_server__a_port_that_is_taken_is_a_failure(void **state)
{
    server_process *server = *state;
    char address[32], ca[SERVER_PATH_BYTES + 32], cert[SERVER_PATH_BYTES + 32],
        key[SERVER_PATH_BYTES + 32];
    (void)snprintf(ca, sizeof ca, "%s/ca.crt", server->pki);
    (void)snprintf(cert, sizeof cert, "%s/localhost.crt", server->pki);
    (void)snprintf(key, sizeof key, "%s/localhost.key", server->pki);
    server_process_start(server, NULL);
    assert_true(server_process_logged(server, "no bundle is served"));

    (void)snprintf(address, sizeof address, "127.0.0.1:%u", server->port);
    server_process second = *server;
    const char *const flags[] = {"--listen", address, "--bundles", server->bundles,
                                 "--ca",     ca,      "--cert",    cert,
                                 "--key",    key,     NULL};
    assert_int_equal(server_process_run(&second, flags), 1);
    assert_true(server_process_logged(server, "something else listens there"));
    assert_int_equal(stop(server), 0);
}

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(test_server__##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(every_cut_gives_the_bytes_of_a_local_run),
        SERVER_TEST(what_cannot_be_answered_is_refused_in_words),
        SERVER_TEST(two_devices_get_their_own_answers),
        SERVER_TEST(reload_takes_the_folder_as_it_is),
        SERVER_TEST(reload_lets_requests_in_flight_finish),
        SERVER_TEST(overflow_is_refused_at_once),
        SERVER_TEST(deadline_that_cannot_be_met_is_refused),
        SERVER_TEST(drain_answers_what_was_accepted),
        SERVER_TEST(drain_without_time_refuses_what_waits),
        SERVER_TEST(mistakes_have_their_exit_codes),
        SERVER_TEST(a_port_that_is_taken_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
