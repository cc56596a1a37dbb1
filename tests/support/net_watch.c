/* SPDX-License-Identifier: Apache-2.0 */
#include "support/net_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define PATIENCE_SECONDS 60

void net_watch_init(net_watch *watch)
{
    memset(watch, 0, sizeof *watch);
    (void)pthread_mutex_init(&watch->lock, NULL);
    (void)pthread_cond_init(&watch->changed, NULL);
}

void net_watch_done(net_watch *watch)
{
    (void)pthread_cond_destroy(&watch->changed);
    (void)pthread_mutex_destroy(&watch->lock);
}

uint64_t net_watch_sum(const uint8_t *data, size_t bytes)
{
    uint64_t sum = 1469598103934665603u;
    for (size_t i = 0; i < bytes; i++)
        sum = (sum ^ data[i]) * 1099511628211u;
    return sum;
}

/* --- writing down ------------------------------------------------------------------------- */

static void note_answer(net_watch *watch, const clv_link_event *event)
{
    net_answer *answer = &watch->answers[event->frame % NET_WATCH_MAX_FRAMES];

    watch->misfits += !watch->up;
    watch->n_answers++;
    if (event->type == CLV_LINK_REPLY) {
        answer->replies++;
        answer->payload_bytes = event->payload_bytes;
        answer->sum = net_watch_sum(event->payload, event->payload_bytes);
        answer->times = event->server;
    } else {
        answer->refusals++;
        answer->error = *event->error;
    }
}

static void note_up(net_watch *watch, const clv_link_event *event)
{
    watch->misfits += watch->up;
    watch->up = true;
    (void)snprintf(watch->server_name, sizeof watch->server_name, "%s", event->server_name);
    watch->n_bundles = event->n_bundles;
    watch->profile_bytes = event->profile_bytes;
    watch->profile_sum = net_watch_sum(event->profile, event->profile_bytes);
    for (uint32_t i = 0; i < event->n_bundles && i < 2; i++)
        watch->bundles[i] = event->bundles[i];
}

void net_watch_on_link(void *context, const clv_link_event *event)
{
    net_watch *watch = context;

    (void)pthread_mutex_lock(&watch->lock);
    watch->events[event->type]++;
    if (event->error != NULL)
        watch->errors[event->type] = *event->error;
    switch (event->type) {
    case CLV_LINK_UP:
        note_up(watch, event);
        break;
    case CLV_LINK_DOWN:
        watch->misfits += !watch->up;
        watch->up = false;
        break;
    case CLV_LINK_FAILED:
        watch->misfits += watch->up;
        break;
    case CLV_LINK_REPLY:
    case CLV_LINK_REFUSED:
        note_answer(watch, event);
        break;
    case CLV_LINK_ECHOED:
        watch->last_echo = event->frame;
        watch->echo_times = event->server;
        watch->misfits += !watch->up;
        break;
    }
    (void)pthread_cond_broadcast(&watch->changed);
    (void)pthread_mutex_unlock(&watch->lock);
}

void net_watch_on_device(void *context, const char *device, const char *what,
                         const clv_error *error)
{
    net_watch *watch = context;

    (void)pthread_mutex_lock(&watch->lock);
    if (watch->n_told < NET_WATCH_MAX_TOLD) {
        net_told *told = &watch->told[watch->n_told++];
        (void)snprintf(told->device, sizeof told->device, "%s", device);
        (void)snprintf(told->what, sizeof told->what, "%s", what);
        if (error != NULL)
            told->error = *error;
    }
    (void)pthread_cond_broadcast(&watch->changed);
    (void)pthread_mutex_unlock(&watch->lock);
}

/* --- waiting ------------------------------------------------------------------------------ */

static struct timespec deadline(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += PATIENCE_SECONDS;
    return at;
}

/* One wait with the lock held; when the time is over, fail with what was seen. */
static void wait_or_fail(net_watch *watch, const struct timespec *until, const char *what)
{
    if (pthread_cond_timedwait(&watch->changed, &watch->lock, until) == 0)
        return;
    (void)pthread_mutex_unlock(&watch->lock);
    for (unsigned i = 0; i < watch->n_told; i++)
        print_error("log: '%s' %s: %s\n", watch->told[i].device, watch->told[i].what,
                    watch->told[i].error.message);
    fail_msg("waited in vain for %s; up %u, down %u (%s), failed %u (%s), answers %u", what,
             watch->events[CLV_LINK_UP], watch->events[CLV_LINK_DOWN],
             watch->errors[CLV_LINK_DOWN].message, watch->events[CLV_LINK_FAILED],
             watch->errors[CLV_LINK_FAILED].message, watch->n_answers);
}

void net_watch_await(net_watch *watch, clv_link_event_type type, unsigned count)
{
    static const char *const names[] = {"up", "down", "failed", "reply", "refused", "echoed"};
    struct timespec until = deadline();

    (void)pthread_mutex_lock(&watch->lock);
    while (watch->events[type] < count)
        wait_or_fail(watch, &until, names[type]);
    (void)pthread_mutex_unlock(&watch->lock);
}

void net_watch_await_answers(net_watch *watch, unsigned count)
{
    struct timespec until = deadline();

    (void)pthread_mutex_lock(&watch->lock);
    while (watch->n_answers < count)
        wait_or_fail(watch, &until, "answers");
    (void)pthread_mutex_unlock(&watch->lock);
}

static const net_told *find_told(const net_watch *watch, const char *what, const char *words)
{
    for (unsigned i = 0; i < watch->n_told; i++) {
        const net_told *told = &watch->told[i];
        bool fits =
            words == NULL || (words[0] == '\0' ? told->error.code == CLV_OK
                                               : strstr(told->error.message, words) != NULL);
        if (strcmp(told->what, what) == 0 && fits)
            return told;
    }
    return NULL;
}

net_told net_watch_await_told(net_watch *watch, const char *what, const char *words)
{
    struct timespec until = deadline();
    const net_told *found;

    (void)pthread_mutex_lock(&watch->lock);
    while ((found = find_told(watch, what, words)) == NULL)
        wait_or_fail(watch, &until, what);
    net_told told = *found;
    (void)pthread_mutex_unlock(&watch->lock);
    return told;
}

unsigned net_watch_count_told(net_watch *watch, const char *what)
{
    unsigned count = 0;
    (void)pthread_mutex_lock(&watch->lock);
    for (unsigned i = 0; i < watch->n_told; i++)
        count += strcmp(watch->told[i].what, what) == 0;
    (void)pthread_mutex_unlock(&watch->lock);
    return count;
}
