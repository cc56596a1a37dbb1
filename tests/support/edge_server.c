/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/activation.h"
#include "net/listener.h"
#include "runtime/bundle.h"
#include "runtime/program.h"
#include "runtime/tensor_set.h"
#include "support/edge_stage.h"

#define MAX_HELD 64u

/* On nng's threads a failed assertion can't leave the test, so what goes wrong there aborts. */
struct edge_server {
    clv_identity *identity;
    clv_listener *listener;
    clv_bundle *bundle;
    clv_program *program;
    clv_exec *exec;
    clv_tensor_set frontier, outputs;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    server_mood mood;
    clv_incoming *held[MAX_HELD];
    uint32_t n_held, n_requests;
    uint64_t last_deadline_us;
    _Atomic uint32_t load_permille;
};

static void check(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "edge_server: %s\n", what);
        abort();
    }
}

/* --- answering ---------------------------------------------------------------------------- */

static void run_suffix(edge_server *server, uint32_t cut, const uint8_t *payload, size_t bytes)
{
    const clv_graph *graph = clv_bundle_main(server->bundle)->graph;
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(server->program), cut);

    check(clv_tensor_set_fit(&server->frontier, graph, frontier.values, frontier.count) == CLV_OK,
          "out of memory");
    check(clv_activation_decode(server->frontier.tensors, server->frontier.planned, frontier.count,
                                payload, bytes, NULL) == CLV_OK,
          "a request's payload is malformed");
    for (uint32_t i = 0; i < frontier.count; i++)
        clv_exec_load(server->exec, frontier.values[i], &server->frontier.tensors[i]);
    check(clv_exec_run(server->exec, cut, graph->n_nodes) == CLV_OK, "the suffix fails");
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        clv_exec_store(server->exec, graph->outputs[i], &server->outputs.tensors[i]);
}

static uint32_t tell_load(void *context, uint32_t *permille_out)
{
    const edge_server *server = context;
    *permille_out = atomic_load(&server->load_permille);
    return 2;
}

static void reply(edge_server *server, clv_incoming *request)
{
    const clv_link_request *header = clv_incoming_header(request);
    const clv_server_times honest = {
        .decode_us = 1, .queue_us = 2, .compute_us = 3, .load_permille = 1500};
    const clv_server_times boast = {
        .decode_us = 1, .queue_us = UINT64_MAX, .compute_us = 3, .load_permille = UINT32_MAX};
    clv_tensor_set *outputs = &server->outputs;
    size_t bytes, bound = 0;
    const uint8_t *payload = clv_incoming_payload(request, &bytes);
    uint8_t *out;

    run_suffix(server, header->cut, payload, bytes);
    check(clv_activation_bound(&bound, outputs->tensors, outputs->planned, outputs->count) ==
              CLV_OK,
          "bound");
    check(clv_incoming_reserve(request, &out, bound) == CLV_OK, "reserve");
    check(clv_activation_encode(&bytes, CLV_CODEC_FLOAT, outputs->tensors, outputs->planned,
                                outputs->count, out, bound) == CLV_OK,
          "encode");
    clv_incoming_send(request, bytes, server->mood == SERVER_BOASTS ? &boast : &honest);
}

static void babble(clv_incoming *request)
{
    const clv_server_times times = {.decode_us = 1};
    uint8_t *out;

    check(clv_incoming_reserve(request, &out, 40) == CLV_OK, "reserve");
    memset(out, 0xa5, 40);
    clv_incoming_send(request, 40, &times);
}

static void on_request(void *context, clv_incoming *request)
{
    edge_server *server = context;

    (void)pthread_mutex_lock(&server->lock);
    server->n_requests++;
    server->last_deadline_us = clv_incoming_header(request)->deadline_us;
    switch (server->mood) {
    case SERVER_ANSWERS:
    case SERVER_BOASTS:
        reply(server, request);
        break;
    case SERVER_HOLDS:
        check(server->n_held < MAX_HELD, "too many requests are held");
        server->held[server->n_held++] = request;
        break;
    case SERVER_REFUSES:
        clv_incoming_refuse(request, CLV_EAGAIN, "the server is having a bad day");
        break;
    case SERVER_BABBLES:
        babble(request);
        break;
    }
    (void)pthread_cond_broadcast(&server->changed);
    (void)pthread_mutex_unlock(&server->lock);
}

/* --- from the test ------------------------------------------------------------------------ */

static void load(edge_server *server, const edge_stage *stage, const char *bundle)
{
    const clv_identity_paths paths = {stage->ca, stage->server_cert, stage->server_key};
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_error err = CLV_ERROR_INIT;

    options.backend = &clv_backend_ref;
    clv_status status = clv_identity_load(&server->identity, &paths, &err);
    if (status == CLV_OK)
        status = clv_bundle_open(&server->bundle, bundle, &err);
    if (status != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    const clv_graph *graph = clv_bundle_main(server->bundle)->graph;
    status = clv_program_compile(&server->program, graph, &options, &err);
    if (status == CLV_OK)
        status = clv_exec_create(&server->exec, server->program, &err);
    if (status == CLV_OK)
        status = clv_tensor_set_fit(&server->outputs, graph, graph->outputs, graph->n_outputs);
    if (status != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
}

edge_server *edge_server_start(const edge_stage *stage, const char *bundle, uint16_t port,
                               bool named)
{
    edge_server *server = calloc(1, sizeof *server);
    clv_error err = CLV_ERROR_INIT;
    char url[64];

    assert_non_null(server);
    (void)pthread_mutex_init(&server->lock, NULL);
    (void)pthread_cond_init(&server->changed, NULL);
    load(server, stage, bundle);
    (void)snprintf(url, sizeof url, "tls+tcp://127.0.0.1:%u", port);
    const clv_listener_options options = {.url = url,
                                          .identity = server->identity,
                                          .on_request = on_request,
                                          .load = tell_load,
                                          .context = server};
    if (clv_listener_create(&server->listener, &options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(
        clv_listener_set_bundles(server->listener, clv_bundle_id(server->bundle), named ? 1 : 0),
        CLV_OK);
    return server;
}

void edge_server_stop(edge_server *server)
{
    if (server == NULL)
        return;
    clv_listener_free(server->listener);
    for (uint32_t i = 0; i < server->n_held; i++) /* nobody hears it any more */
        clv_incoming_refuse(server->held[i], CLV_ECLOSED, "");
    clv_tensor_set_done(&server->frontier);
    clv_tensor_set_done(&server->outputs);
    clv_exec_free(server->exec);
    clv_program_free(server->program);
    clv_bundle_free(server->bundle);
    clv_identity_free(server->identity);
    (void)pthread_cond_destroy(&server->changed);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}

uint16_t edge_server_port(const edge_server *server)
{
    return clv_listener_port(server->listener);
}

void edge_server_set_load(edge_server *server, uint32_t permille)
{
    atomic_store(&server->load_permille, permille);
}

void edge_server_set_mood(edge_server *server, server_mood mood)
{
    (void)pthread_mutex_lock(&server->lock);
    server->mood = mood;
    (void)pthread_mutex_unlock(&server->lock);
}

void edge_server_set_profile(edge_server *server, const uint8_t *data, size_t bytes)
{
    clv_listener_profile profile = {*clv_bundle_id(server->bundle), data, bytes};
    assert_int_equal(clv_listener_set_profiles(server->listener, &profile, 1), CLV_OK);
}

void edge_server_await_held(edge_server *server, uint32_t n)
{
    (void)pthread_mutex_lock(&server->lock);
    while (server->n_held < n)
        (void)pthread_cond_wait(&server->changed, &server->lock);
    (void)pthread_mutex_unlock(&server->lock);
}

void edge_server_let_go(edge_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    for (uint32_t i = 0; i < server->n_held; i++)
        reply(server, server->held[i]);
    server->n_held = 0;
    (void)pthread_mutex_unlock(&server->lock);
}

uint32_t edge_server_requests(edge_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    uint32_t n = server->n_requests;
    (void)pthread_mutex_unlock(&server->lock);
    return n;
}

uint64_t edge_server_last_deadline_us(edge_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    uint64_t us = server->last_deadline_us;
    (void)pthread_mutex_unlock(&server->lock);
    return us;
}
