/* SPDX-License-Identifier: Apache-2.0 */
#include "support/link_client.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/memory.h"

#define PATIENCE_S 60
#define MAX_BUNDLES 16u

struct link_client {
    clv_identity *identity;
    clv_link *link;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool up;
    clv_error last_error;
    clv_digest bundles[MAX_BUNDLES];
    uint32_t n_bundles;
    uint8_t *profile;
    size_t profile_bytes;
    uint64_t last_echo;
    clv_server_times echo_times;
    client_answer answers[CLIENT_MAX_FRAMES];
};

static void keep_answer(link_client *client, const clv_link_event *event)
{
    if (event->frame >= CLIENT_MAX_FRAMES)
        return;
    client_answer *answer = &client->answers[event->frame];
    if (event->type == CLV_LINK_REFUSED) {
        answer->refusals++;
        answer->refusal = *event->error;
        return;
    }
    answer->replies++;
    answer->times = event->server;
    answer->payload_bytes = event->payload_bytes;
    if (event->payload_bytes <= sizeof answer->payload)
        memcpy(answer->payload, event->payload, event->payload_bytes);
}

static void on_event(void *context, const clv_link_event *event)
{
    link_client *client = context;

    (void)pthread_mutex_lock(&client->lock);
    switch (event->type) {
    case CLV_LINK_UP:
        client->up = true;
        client->n_bundles = event->n_bundles < MAX_BUNDLES ? event->n_bundles : MAX_BUNDLES;
        memcpy(client->bundles, event->bundles, client->n_bundles * sizeof *client->bundles);
        client->profile_bytes = event->profile_bytes;
        clv_free(client->profile);
        client->profile = clv_calloc(event->profile_bytes + 1, 1);
        if (client->profile != NULL && event->profile_bytes > 0)
            memcpy(client->profile, event->profile, event->profile_bytes);
        break;
    case CLV_LINK_DOWN:
    case CLV_LINK_FAILED:
        client->up = false;
        client->last_error = *event->error;
        break;
    case CLV_LINK_REPLY:
    case CLV_LINK_REFUSED:
        keep_answer(client, event);
        break;
    case CLV_LINK_ECHOED:
        client->last_echo = event->frame;
        client->echo_times = event->server;
        break;
    }
    (void)pthread_cond_broadcast(&client->changed);
    (void)pthread_mutex_unlock(&client->lock);
}

/* The lock is held. @return false: patience is at its end. */
static bool wait_for_change(link_client *client, const struct timespec *until)
{
    return pthread_cond_timedwait(&client->changed, &client->lock, until) != ETIMEDOUT;
}

static struct timespec patience(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += PATIENCE_S;
    return t;
}

static void await_up(link_client *client)
{
    struct timespec until = patience();
    bool in_time = true;

    (void)pthread_mutex_lock(&client->lock);
    while (!client->up && in_time)
        in_time = wait_for_change(client, &until);
    bool up = client->up;
    (void)pthread_mutex_unlock(&client->lock);
    if (!up)
        fail_msg("no link: %s: %s", client->last_error.location, client->last_error.message);
}

static void load_identity(link_client *client, const server_process *server, const char *device)
{
    char ca[SERVER_PATH_BYTES + 16], cert[SERVER_PATH_BYTES + 64], key[SERVER_PATH_BYTES + 64];
    clv_error err = CLV_ERROR_INIT;
    (void)snprintf(ca, sizeof ca, "%s/ca.crt", server->pki);
    (void)snprintf(cert, sizeof cert, "%s/%s.crt", server->pki, device);
    (void)snprintf(key, sizeof key, "%s/%s.key", server->pki, device);
    clv_identity_paths paths = {ca, cert, key};
    if (clv_identity_load(&client->identity, &paths, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
}

link_client *link_client_create(const server_process *server, const char *device)
{
    return link_client_ask(server, device, NULL);
}

const uint8_t *link_client_profile(const link_client *client, size_t *bytes_out)
{
    *bytes_out = client->profile_bytes;
    return client->profile_bytes > 0 ? client->profile : NULL;
}

link_client *link_client_ask(const server_process *server, const char *device,
                             const clv_digest *bundle)
{
    char url[64];
    clv_error err = CLV_ERROR_INIT;
    link_client *client = clv_calloc(1, sizeof *client);
    assert_non_null(client);
    (void)pthread_mutex_init(&client->lock, NULL);
    (void)pthread_cond_init(&client->changed, NULL);
    load_identity(client, server, device);
    (void)snprintf(url, sizeof url, "tls+tcp://127.0.0.1:%u", server->port);
    clv_link_options options = {.url = url,
                                .server_name = "localhost",
                                .identity = client->identity,
                                .bundle = bundle,
                                .link_timeout_us = UINT64_C(1000000) * PATIENCE_S,
                                .on_event = on_event,
                                .context = client};
    if (clv_link_create(&client->link, &options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    await_up(client);
    return client;
}

void link_client_free(link_client *client)
{
    if (client == NULL)
        return;
    clv_link_free(client->link);
    clv_identity_free(client->identity);
    clv_free(client->profile);
    (void)pthread_cond_destroy(&client->changed);
    (void)pthread_mutex_destroy(&client->lock);
    clv_free(client);
}

uint32_t link_client_bundles(link_client *client, clv_digest *ids, uint32_t cap)
{
    (void)pthread_mutex_lock(&client->lock);
    uint32_t n = client->n_bundles < cap ? client->n_bundles : cap;
    memcpy(ids, client->bundles, n * sizeof *ids);
    (void)pthread_mutex_unlock(&client->lock);
    return n;
}

void link_client_send(link_client *client, const clv_link_request *request, const uint8_t *payload,
                      size_t bytes)
{
    clv_link_message *message;
    uint8_t *room;

    assert_true(request->frame < CLIENT_MAX_FRAMES);
    assert_int_equal(clv_link_message_create(&message, &room, request, bytes), CLV_OK);
    memcpy(room, payload, bytes);
    assert_int_equal(clv_link_send(client->link, message, bytes, NULL), CLV_OK);
}

clv_server_times link_client_echo(link_client *client, uint64_t number)
{
    struct timespec until = patience();
    bool in_time = true;

    assert_int_equal(clv_link_echo(client->link, number, 0), CLV_OK);
    (void)pthread_mutex_lock(&client->lock);
    while (client->last_echo != number && in_time)
        in_time = wait_for_change(client, &until);
    clv_server_times times = client->echo_times;
    (void)pthread_mutex_unlock(&client->lock);
    assert_true(in_time);
    return times;
}

const client_answer *link_client_await(link_client *client, uint64_t frame)
{
    client_answer *answer = &client->answers[frame];
    struct timespec until = patience();
    bool in_time = true;

    (void)pthread_mutex_lock(&client->lock);
    while (answer->replies + answer->refusals == 0 && in_time)
        in_time = wait_for_change(client, &until);
    uint32_t n = answer->replies + answer->refusals;
    (void)pthread_mutex_unlock(&client->lock);
    if (n != 1)
        fail_msg("frame %llu has %u answers; the link says: %s", (unsigned long long)frame, n,
                 client->last_error.message);
    assert_in_range(answer->payload_bytes, 0, sizeof answer->payload);
    return answer;
}
