/* SPDX-License-Identifier: Apache-2.0 */
#include "support/net_ends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- the server --------------------------------------------------------------------------- */

static void echo(clv_incoming *request)
{
    size_t bytes;
    uint8_t *answer;
    clv_server_times times = {1, 2, 3, 40, 5};
    const uint8_t *payload = clv_incoming_payload(request, &bytes);

    if (clv_incoming_reserve(request, &answer, bytes) != CLV_OK) {
        clv_incoming_refuse(request, CLV_ENOMEM, "no memory");
        return;
    }
    if (bytes > 0)
        memcpy(answer, payload, bytes);
    clv_incoming_send(request, bytes, &times);
}

static void echo_held(net_server *server)
{
    while (server->n_held > 0)
        echo(server->held[--server->n_held]);
}

static void on_request(void *context, clv_incoming *request)
{
    net_server *server = context;

    if (server->manner == NET_ECHO) {
        echo(request);
        return;
    }
    if (server->manner == NET_REFUSE) {
        clv_incoming_refuse(request, CLV_EAGAIN, "no room");
        return;
    }
    (void)pthread_mutex_lock(&server->lock);
    server->held[server->n_held++] = request;
    if (server->manner == NET_REVERSE && server->n_held == 4)
        echo_held(server);
    (void)pthread_mutex_unlock(&server->lock);

    (void)pthread_mutex_lock(&server->watch->lock);
    (void)pthread_cond_broadcast(&server->watch->changed);
    (void)pthread_mutex_unlock(&server->watch->lock);
}

static void on_device(void *context, const char *device, const char *what, const clv_error *error)
{
    const net_server *server = context;
    net_watch_on_device(server->watch, device, what, error);
}

static uint32_t tell_load(void *context, uint32_t *permille_out)
{
    const net_server *server = context;
    *permille_out = server->manner == NET_HOLD ? 1234 : 0;
    return 3;
}

void net_server_start(net_server *server, const net_pki *pki, net_manner manner, uint16_t port,
                      size_t max_message_bytes, net_watch *watch)
{
    char url[64];
    clv_error err = CLV_ERROR_INIT;

    memset(server, 0, sizeof *server);
    (void)pthread_mutex_init(&server->lock, NULL);
    server->watch = watch;
    server->manner = manner;
    server->identity = net_pki_load(pki, "srv");
    (void)snprintf(url, sizeof url, "tls+tcp://127.0.0.1:%u", port);
    clv_listener_options options = {.url = url,
                                    .identity = server->identity,
                                    .max_message_bytes = max_message_bytes,
                                    .on_request = on_request,
                                    .on_device = on_device,
                                    .load = tell_load,
                                    .context = server};
    if (clv_listener_create(&server->listener, &options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    (void)snprintf(server->url, sizeof server->url, "tls+tcp://127.0.0.1:%u",
                   clv_listener_port(server->listener));
}

void net_server_let_go(net_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    echo_held(server);
    (void)pthread_mutex_unlock(&server->lock);
}

void net_server_await_held(net_server *server, unsigned count)
{
    net_watch *watch = server->watch;
    for (;;) {
        (void)pthread_mutex_lock(&watch->lock);
        (void)pthread_mutex_lock(&server->lock);
        bool enough = server->n_held >= count;
        (void)pthread_mutex_unlock(&server->lock);
        if (!enough)
            (void)pthread_cond_wait(&watch->changed, &watch->lock);
        (void)pthread_mutex_unlock(&watch->lock);
        if (enough)
            return;
    }
}

void net_server_stop(net_server *server)
{
    clv_listener_free(server->listener);
    net_server_let_go(server); /* answers that nobody gets */
    clv_identity_free(server->identity);
    (void)pthread_mutex_destroy(&server->lock);
}

/* --- devices ------------------------------------------------------------------------------ */

clv_link_options net_device_options(const net_server *server, const clv_identity *identity,
                                    net_watch *watch)
{
    return (clv_link_options){.url = server->url,
                              .server_name = "srv",
                              .identity = identity,
                              .redial_us = 100000,
                              .link_timeout_us = 20000000,
                              .on_event = net_watch_on_link,
                              .context = watch};
}

clv_link *net_device_start(const clv_link_options *options)
{
    clv_link *link = NULL;
    clv_error err = CLV_ERROR_INIT;
    if (clv_link_create(&link, options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    return link;
}

uint64_t net_device_send(clv_link *link, uint64_t frame, size_t bytes)
{
    clv_digest bundle;
    clv_link_message *message;
    uint8_t *payload;
    size_t wire_bytes = 0;

    memset(bundle.bytes, 0xb0, sizeof bundle.bytes);
    clv_link_request request = {.frame = frame, .bundle = &bundle, .cut = 3, .deadline_us = 5};
    assert_int_equal(clv_link_message_create(&message, &payload, &request, bytes + 100), CLV_OK);
    uint32_t random = (uint32_t)(frame * 2654435761u + 1);
    for (size_t i = 0; i < bytes; i++)
        payload[i] = (uint8_t)((random = random * 1664525u + 1013904223u) >> 24);
    uint64_t sum = net_watch_sum(payload, bytes);
    assert_int_equal(clv_link_send(link, message, bytes, &wire_bytes), CLV_OK);
    assert_in_range(wire_bytes, bytes + 16 + 34, bytes + 16 + 96);
    return sum;
}
