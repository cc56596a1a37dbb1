/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "net/listener_parts.h"

/* The keeper looks at all connections this often, or twice in the shortest heartbeat. */
#define TICK_US 50000u
/* Connections that haven't greeted; beyond that the oldest makes room. */
#define MAX_UNGREETED 1024u

void clv_listener_lock(clv_listener *listener)
{
    (void)pthread_mutex_lock(&listener->lock);
}

void clv_listener_unlock(clv_listener *listener)
{
    (void)pthread_mutex_unlock(&listener->lock);
}

void clv_listener_wake_keeper(clv_listener *listener)
{
    listener->news = true;
    (void)pthread_cond_signal(&listener->changed);
}

/* --- the list of connections; with the lock held ------------------------------------------ */

static void append(clv_listener *listener, clv_peer *peer)
{
    peer->previous = listener->last;
    if (listener->last != NULL)
        listener->last->next = peer;
    else
        listener->first = peer;
    listener->last = peer;
    listener->refs++;
}

static void detach(clv_listener *listener, clv_peer *peer)
{
    if (peer->previous != NULL)
        peer->previous->next = peer->next;
    else
        listener->first = peer->next;
    if (peer->next != NULL)
        peer->next->previous = peer->previous;
    else
        listener->last = peer->previous;
    peer->next = peer->previous = NULL;
}

/* --- accepting ---------------------------------------------------------------------------- */

/* The oldest connection that hasn't greeted, if there are too many of them. */
static clv_peer *find_excess(const clv_listener *listener)
{
    clv_peer *oldest = NULL;
    unsigned count = 0;

    for (clv_peer *peer = listener->first; peer != NULL; peer = peer->next) {
        if (peer->phase == CLV_GATE_SHAKING || peer->phase == CLV_GATE_GREETING) {
            count++;
            if (oldest == NULL)
                oldest = peer;
        }
    }
    return count > MAX_UNGREETED ? oldest : NULL;
}

static void take_connection(clv_listener *listener, nng_stream *stream)
{
    clv_peer *peer = clv_peer_create(listener, stream);
    if (peer == NULL)
        return;
    clv_listener_lock(listener);
    append(listener, peer);
    clv_peer *excess = find_excess(listener);
    if (excess != NULL) {
        excess->since_us = 0; /* its time is over */
        (void)clv_fail(&excess->why, CLV_ELIMIT, NULL,
                       "it makes room: over %u connections wait to be greeted", MAX_UNGREETED);
    }
    bool stop = listener->stop;
    clv_listener_unlock(listener);
    if (!stop)
        clv_channel_start(peer->channel);
}

static void accept_next(clv_listener *listener)
{
    nng_stream_listener_accept(listener->stream, listener->accept);
}

static void on_accept(void *context)
{
    clv_listener *listener = context;
    int code = nng_aio_result(listener->accept);

    if (code == 0)
        take_connection(listener, nng_aio_get_output(listener->accept, 0));
    clv_listener_lock(listener);
    bool stop = listener->stop;
    listener->accept_paused = code != 0; /* out of file descriptors or memory: not at once again */
    clv_listener_unlock(listener);
    if (!stop && code == 0)
        accept_next(listener);
}

/* --- the keeper: time limits, heartbeats, the end of connections --------------------------- */

static clv_gate_verdict look(clv_peer *peer, uint64_t now_us)
{
    clv_channel_state state = clv_channel_look(peer->channel);
    clv_gate_times times = {.phase = peer->phase,
                            .since_us = peer->since_us,
                            .heard_us = state.heard_us,
                            .sent_us = state.sent_us,
                            .heartbeat_us = peer->heartbeat_us,
                            .sending = state.sending,
                            .disconnected = state.disconnected};
    return clv_gate_look(&times, now_us);
}

static void note_timeout(clv_peer *peer, clv_gate_verdict verdict, uint64_t now_us)
{
    peer->timed_out = verdict == CLV_GATE_SLOW || verdict == CLV_GATE_SILENT;
    if (verdict == CLV_GATE_SLOW && peer->why.code == CLV_OK)
        (void)clv_fail(&peer->why, CLV_ETIMEDOUT, NULL, "it was not greeted within %u s",
                       CLV_GATE_GREETING_US / 1000000u);
    else if (verdict == CLV_GATE_SILENT)
        (void)clv_fail(
            &peer->why, CLV_ETIMEDOUT, NULL, "nothing was heard of it for %llu ms",
            (unsigned long long)((now_us - clv_channel_look(peer->channel).heard_us) / 1000));
    peer->phase = CLV_GATE_LEAVING; /* its channel's end is our doing from here on */
}

/* Look at everybody. @return A list, by `next`, of those whose time is over. */
static clv_peer *look_at_all(clv_listener *listener, uint64_t now_us, uint64_t *tick_us_out)
{
    clv_peer *over = NULL;
    uint64_t tick_us = TICK_US;

    for (clv_peer *peer = listener->first, *next; peer != NULL; peer = next) {
        next = peer->next;
        clv_gate_verdict verdict = look(peer, now_us);
        if (verdict == CLV_GATE_PING) {
            clv_peer_ping(peer);
        } else if (verdict != CLV_GATE_STAY) {
            note_timeout(peer, verdict, now_us);
            detach(listener, peer);
            peer->next = over;
            over = peer;
        }
        if (peer->phase == CLV_GATE_UP && peer->heartbeat_us / 2 < tick_us)
            tick_us = peer->heartbeat_us / 2;
    }
    *tick_us_out = tick_us;
    return over;
}

static void end_peer(clv_peer *peer)
{
    clv_channel_stop(peer->channel); /* no callback of it comes after this */
    bool said_goodbye = peer->why.code == CLV_ECLOSED || peer->why.code == CLV_OK;
    if (peer->was_up)
        clv_peer_tell(peer, "left", said_goodbye ? NULL : &peer->why);
    else if (peer->timed_out)
        clv_peer_tell(peer, "refused", &peer->why);
    clv_peer_release(peer);
}

static void end_peers(clv_peer *list)
{
    while (list != NULL) {
        clv_peer *next = list->next;
        end_peer(list);
        list = next;
    }
}

static void wait_for_news(clv_listener *listener, uint64_t tick_us)
{
    uint64_t at_us = clv_clock_now_us() + tick_us;
    struct timespec at = {(time_t)(at_us / 1000000u), (long)(at_us % 1000000u) * 1000};

    if (!listener->news && !listener->stop)
        (void)pthread_cond_timedwait(&listener->changed, &listener->lock, &at);
    listener->news = false;
}

static void *keep(void *context)
{
    clv_listener *listener = context;

    clv_listener_lock(listener);
    while (!listener->stop) {
        uint64_t tick_us;
        clv_peer *over = look_at_all(listener, clv_clock_now_us(), &tick_us);
        bool accept = listener->accept_paused;
        listener->accept_paused = false;
        clv_listener_unlock(listener);
        if (accept)
            accept_next(listener);
        end_peers(over);
        clv_listener_lock(listener);
        wait_for_news(listener, tick_us);
    }
    clv_listener_unlock(listener);
    return NULL;
}

/* --- lifetime ----------------------------------------------------------------------------- */

static clv_status open_port(clv_listener *listener, const char *url, clv_error *err)
{
    int port = 0;

    if (url == NULL || strncmp(url, "tls+tcp", 7) != 0)
        return clv_fail(err, CLV_EINVAL, url, "not an address to listen on: tls+tcp://HOST:PORT");
    int code = nng_stream_listener_alloc(&listener->stream, url + sizeof "tls+" - 1);
    if (code != 0)
        return clv_fail(err, CLV_EINVAL, url, "not an address to listen on: %s",
                        nng_strerror(code));
    code = nng_stream_listener_set_bool(listener->stream, NNG_OPT_TCP_NODELAY, true);
    if (code == 0)
        code = nng_stream_listener_listen(listener->stream);
    if (code == NNG_EADDRINUSE)
        return clv_fail(err, CLV_EIO, url, "something else listens there: choose another port");
    if (code == 0)
        code = nng_stream_listener_get_int(listener->stream, NNG_OPT_TCP_BOUND_PORT, &port);
    if (code != 0)
        return clv_fail(err, CLV_EIO, url, "cannot listen: %s", nng_strerror(code));
    listener->port = (uint16_t)port;
    return CLV_OK;
}

static clv_status start(clv_listener *listener, clv_error *err)
{
    const clv_listener_options *options = &listener->options;

    if (options->max_message_bytes > CLV_WIRE_MAX_MESSAGE_BYTES)
        return clv_fail(err, CLV_EINVAL, NULL, "messages of %zu bytes: at most %zu",
                        options->max_message_bytes, CLV_WIRE_MAX_MESSAGE_BYTES);
    CLV_TRY(clv_tls_config_create(&listener->tls, CLV_TLS_SERVER, options->identity, err));
    CLV_TRY(open_port(listener, options->url, err));
    if (nng_aio_alloc(&listener->accept, on_accept, listener) != 0)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    if (pthread_create(&listener->keeper, NULL, keep, listener) != 0)
        return clv_fail(err, CLV_EINTERNAL, NULL, "cannot start a thread");
    listener->keeper_runs = true;
    accept_next(listener);
    return CLV_OK;
}

clv_status clv_listener_create(clv_listener **out, const clv_listener_options *options,
                               clv_error *err)
{
    pthread_condattr_t attributes;

    assert(options->on_request != NULL && options->identity != NULL);
    clv_listener *listener = clv_calloc(1, sizeof *listener);
    if (listener == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    listener->options = *options;
    if (listener->options.max_message_bytes == 0)
        listener->options.max_message_bytes = CLV_WIRE_MAX_MESSAGE_BYTES;
    listener->refs = 1;
    (void)pthread_mutex_init(&listener->frames.lock, NULL);
    (void)pthread_mutex_init(&listener->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&listener->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);

    clv_status status = start(listener, err);
    if (status != CLV_OK) {
        clv_listener_free(listener);
        return status;
    }
    *out = listener;
    return CLV_OK;
}

void clv_listener_release(clv_listener *listener)
{
    clv_listener_lock(listener);
    bool last = --listener->refs == 0;
    clv_listener_unlock(listener);
    if (!last)
        return;
    clv_tls_config_free(listener->tls);
    clv_free(listener->profiles);
    clv_incoming_free_idle(listener);
    clv_frame_pool_done(&listener->frames);
    (void)pthread_mutex_destroy(&listener->frames.lock);
    (void)pthread_cond_destroy(&listener->changed);
    (void)pthread_mutex_destroy(&listener->lock);
    clv_free(listener);
}

void clv_listener_free(clv_listener *listener)
{
    if (listener == NULL)
        return;
    clv_listener_lock(listener);
    listener->stop = true;
    clv_listener_wake_keeper(listener);
    clv_listener_unlock(listener);
    if (listener->stream != NULL)
        nng_stream_listener_close(listener->stream);
    nng_aio_stop(listener->accept);
    if (listener->keeper_runs)
        (void)pthread_join(listener->keeper, NULL);
    nng_aio_free(listener->accept);
    nng_stream_listener_free(listener->stream);

    clv_listener_lock(listener);
    clv_peer *all = listener->first;
    for (clv_peer *peer = all; peer != NULL; peer = peer->next)
        peer->phase = CLV_GATE_LEAVING; /* for no reason of theirs */
    listener->first = listener->last = NULL;
    clv_listener_unlock(listener);
    end_peers(all);
    clv_listener_release(listener);
}

uint16_t clv_listener_port(const clv_listener *listener)
{
    return listener->port;
}

clv_status clv_listener_set_bundles(clv_listener *listener, const clv_digest *ids, uint32_t n_ids)
{
    if (n_ids > CLV_WIRE_MAX_BUNDLES)
        return CLV_ELIMIT;
    clv_listener_lock(listener);
    if (n_ids > 0)
        memcpy(listener->bundles, ids, n_ids * sizeof *ids);
    listener->n_bundles = n_ids;
    clv_listener_unlock(listener);
    return CLV_OK;
}

/* One block: the list, then the bytes of all. */
static clv_listener_profile *copy_profiles(const clv_listener_profile *profiles, uint32_t n)
{
    size_t total = n * sizeof *profiles;

    for (uint32_t i = 0; i < n; i++)
        total += profiles[i].bytes;
    clv_listener_profile *copy = clv_calloc(total + 1, 1);
    if (copy == NULL)
        return NULL;
    uint8_t *at = (uint8_t *)(copy + n);
    for (uint32_t i = 0; i < n; i++) {
        copy[i] = profiles[i];
        copy[i].data = at;
        if (profiles[i].bytes > 0)
            memcpy(at, profiles[i].data, profiles[i].bytes);
        at += profiles[i].bytes;
    }
    return copy;
}

clv_status clv_listener_set_profiles(clv_listener *listener, const clv_listener_profile *profiles,
                                     uint32_t n_profiles)
{
    if (n_profiles > CLV_WIRE_MAX_BUNDLES)
        return CLV_ELIMIT;
    clv_listener_profile *fresh = copy_profiles(profiles, n_profiles);
    if (fresh == NULL)
        return CLV_ENOMEM;
    clv_listener_lock(listener);
    clv_listener_profile *old = listener->profiles;
    listener->profiles = fresh;
    listener->n_profiles = n_profiles;
    clv_listener_unlock(listener);
    clv_free(old);
    return CLV_OK;
}
