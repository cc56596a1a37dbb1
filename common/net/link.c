/* SPDX-License-Identifier: Apache-2.0 */
#include "net/link.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "net/channel.h"
#include "net/dials.h"

#define DEFAULT_REDIAL_US 800000u
#define DEFAULT_TIMEOUT_US 2000000u
#define MIN_TIMEOUT_US 100000u
#define MAX_TIMEOUT_US 60000000u
/* How soon to look again at a dial that may have connected. */
#define LOOK_US 10000u
/* A packed request: numbers and a digest, at their largest. */
#define REQUEST_HEADER_ROOM 128u

/* Messages that were sent serve again for the next ones, whichever link sends them. */
static clv_frame_pool frames = CLV_FRAME_POOL_INIT;

struct clv_link {
    clv_link_options options;
    char *url;         /* "tcp://host:port" */
    char *server_name; /* that its certificate must have */
    char device_name[CLV_WIRE_MAX_TEXT];
    clv_digest bundle; /* where options.bundle is given */
    clv_tls_config *tls;
    pthread_t thread;
    bool thread_runs;

    /* The thread's own. */
    clv_link_core core;
    clv_dials *dials;
    nng_stream *stream;  /* connected, not greeted yet */
    clv_error why;       /* of the last input that says why */
    clv_buffer received; /* the receiving callback's: one message */

    pthread_mutex_t events; /* held while on_event() runs; taken before `lock` */
    pthread_mutex_t lock;   /* of all below */
    pthread_cond_t changed;
    bool stop;
    bool dial_ended;
    bool welcomed, ended; /* what the connection's callbacks tell the thread */
    clv_wire_welcome welcome;
    clv_buffer profile; /* that came with it */
    clv_error end_why;
    clv_channel *channel;
    bool up;
    uint32_t in_flight, echoes; /* unanswered */
};

static void lock(clv_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
}

static void unlock(clv_link *link)
{
    (void)pthread_mutex_unlock(&link->lock);
}

/* "host:port", for messages. */
static const char *address_of(const clv_link *link)
{
    return strstr(link->url, "://") + 3;
}

/* --- what the connection tells; on nng's threads ------------------------------------------ */

/* Tell the thread that the connection ended; the first reason counts. */
static void note_end(clv_link *link, const clv_error *why)
{
    lock(link);
    if (!link->ended) {
        link->ended = true;
        link->end_why = *why;
        (void)pthread_cond_signal(&link->changed);
    }
    unlock(link);
}

static void on_channel_end(void *owner, const clv_error *why)
{
    note_end(owner, why);
}

static void on_ready(void *owner)
{
    clv_link *link = owner;
    clv_wire_header hello = {.type = CLV_WIRE_HELLO};

    hello.hello.protocol = CLV_WIRE_PROTOCOL;
    hello.hello.heartbeat_us = clv_link_core_heartbeat_us(&link->core);
    (void)snprintf(hello.hello.software, sizeof hello.hello.software, "cleave " CLEAVE_VERSION);
    memcpy(hello.hello.device_name, link->device_name, sizeof hello.hello.device_name);
    hello.hello.has_bundle = link->options.bundle != NULL;
    hello.hello.bundle = link->bundle;
    clv_frame *frame = clv_frame_of(&frames, &hello);
    lock(link);
    if (frame != NULL && link->channel != NULL)
        (void)!clv_channel_send(link->channel, frame); /* its end is heard of elsewhere */
    else
        clv_frame_give_back(frame);
    unlock(link);
}

static bool on_prologue(void *owner, const clv_wire_prologue *prologue, uint8_t **body_out,
                        clv_error *err)
{
    clv_link *link = owner;

    if (prologue->type == CLV_WIRE_HELLO || prologue->type == CLV_WIRE_REQUEST ||
        prologue->type == CLV_WIRE_ECHO) {
        (void)clv_fail(err, CLV_EFORMAT, NULL, "the server sent a %s",
                       clv_wire_type_name(prologue->type));
        return false;
    }
    if (clv_buffer_reserve(&link->received, clv_wire_body_bytes(prologue)) != CLV_OK) {
        (void)clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
        return false;
    }
    *body_out = link->received.data;
    return true;
}

/* With the lock held. Without memory for the profile the link does without. */
static void keep_welcome(clv_link *link, const clv_wire_welcome *welcome, const uint8_t *profile,
                         size_t profile_bytes)
{
    link->welcomed = true;
    link->welcome = *welcome;
    link->profile.size = 0;
    if (profile_bytes > 0)
        (void)!clv_buffer_append(&link->profile, profile, profile_bytes);
    (void)pthread_cond_signal(&link->changed);
}

static void take_welcome(clv_link *link, const clv_wire_welcome *welcome, const uint8_t *profile,
                         size_t profile_bytes)
{
    if (welcome->protocol != CLV_WIRE_PROTOCOL) {
        clv_error why = CLV_ERROR_INIT;
        (void)clv_fail(&why, CLV_EVERSION, NULL,
                       "the server (%s) speaks protocol %u, this device %u: update the older one",
                       welcome->software, welcome->protocol, CLV_WIRE_PROTOCOL);
        note_end(link, &why);
        return;
    }
    lock(link);
    if (!link->welcomed)
        keep_welcome(link, welcome, profile, profile_bytes);
    unlock(link);
}

/* Tell the owner what became of a request or an echo, unless the link isn't up any more. */
static void tell_answer(clv_link *link, const clv_link_event *event)
{
    uint32_t *waiting = event->type == CLV_LINK_ECHOED ? &link->echoes : &link->in_flight;

    (void)pthread_mutex_lock(&link->events);
    lock(link);
    bool up = link->up;
    if (*waiting > 0)
        (*waiting)--;
    unlock(link);
    if (up)
        link->options.on_event(link->options.context, event);
    (void)pthread_mutex_unlock(&link->events);
}

static void take_refusal(clv_link *link, const clv_wire_refusal *refusal)
{
    clv_error why = CLV_ERROR_INIT;

    if (!refusal->about_frame) {
        (void)clv_fail(&why, refusal->status, NULL, "the server refuses this device: %s",
                       refusal->reason);
        note_end(link, &why);
        return;
    }
    (void)clv_fail(&why, refusal->status, NULL, "%s", refusal->reason);
    clv_link_event event = {.type = CLV_LINK_REFUSED, .error = &why, .frame = refusal->frame};
    tell_answer(link, &event);
}

static void on_message(void *owner, const clv_wire_header *header, const uint8_t *payload,
                       size_t payload_bytes)
{
    clv_link *link = owner;

    if (header->type == CLV_WIRE_WELCOME) {
        take_welcome(link, &header->welcome, payload, payload_bytes);
    } else if (header->type == CLV_WIRE_REFUSAL) {
        take_refusal(link, &header->refusal);
    } else if (header->type == CLV_WIRE_REPLY) {
        const clv_wire_reply *reply = &header->reply;
        clv_link_event event = {.type = CLV_LINK_REPLY,
                                .frame = reply->frame,
                                .payload = payload,
                                .payload_bytes = payload_bytes,
                                .server = {reply->decode_us, reply->queue_us, reply->compute_us,
                                           reply->load_permille, reply->workers}};
        tell_answer(link, &event);
    } else if (header->type == CLV_WIRE_ECHOED) {
        clv_link_event event = {.type = CLV_LINK_ECHOED,
                                .frame = header->echo.number,
                                .server = {.load_permille = header->echo.load_permille,
                                           .workers = header->echo.workers}};
        tell_answer(link, &event);
    } /* a ping has done its work by coming */
}

static void on_dial_end(void *owner)
{
    clv_link *link = owner;
    lock(link);
    link->dial_ended = true;
    (void)pthread_cond_signal(&link->changed);
    unlock(link);
}

/* --- doing what the core says; on the link's thread --------------------------------------- */

static void close_connection(clv_link *link)
{
    lock(link);
    clv_channel *channel = link->channel;
    link->channel = NULL;
    link->up = false;
    unlock(link);
    clv_channel_free(channel); /* its callbacks end here */
    lock(link);
    link->welcomed = link->ended = false;
    unlock(link);
}

static void greet(clv_link *link)
{
    clv_channel *channel;
    clv_error why = CLV_ERROR_INIT;
    clv_channel_options options = {.tls = link->tls,
                                   .server_name = link->server_name,
                                   .max_message_bytes = CLV_WIRE_MAX_MESSAGE_BYTES,
                                   .on_ready = on_ready,
                                   .on_prologue = on_prologue,
                                   .on_message = on_message,
                                   .on_end = on_channel_end,
                                   .owner = link};

    nng_stream *stream = link->stream;
    link->stream = NULL;
    if (clv_channel_create(&channel, &options, stream, &why) != CLV_OK) {
        note_end(link, &why);
        return;
    }
    lock(link);
    link->channel = channel;
    unlock(link);
    clv_channel_start(channel);
}

static void ping(clv_link *link)
{
    clv_wire_header header = {.type = CLV_WIRE_PING};
    clv_frame *frame = clv_frame_of(&frames, &header);
    if (frame != NULL)
        (void)!clv_channel_send(link->channel, frame); /* a lost connection is found elsewhere */
}

static void say(clv_link *link, clv_link_event_type type)
{
    clv_link_event event = {.type = type, .error = &link->why};

    (void)pthread_mutex_lock(&link->events);
    if (type == CLV_LINK_UP) {
        event = (clv_link_event){.type = CLV_LINK_UP,
                                 .bundles = link->welcome.bundles,
                                 .n_bundles = link->welcome.n_bundles,
                                 .profile = link->profile.data,
                                 .profile_bytes = link->profile.size,
                                 .server_name = clv_channel_peer_name(link->channel)};
        lock(link);
        link->up = true;
        link->in_flight = link->echoes = 0;
        unlock(link);
    }
    link->options.on_event(link->options.context, &event);
    (void)pthread_mutex_unlock(&link->events);
}

static void act(clv_link *link, unsigned actions)
{
    if (actions & CLV_LINK_DO_DROP_DIALS)
        clv_dials_drop(link->dials);
    if (actions & CLV_LINK_DO_CLOSE)
        close_connection(link);
    if (actions & CLV_LINK_DO_GREET)
        greet(link);
    if (actions & CLV_LINK_DO_PING)
        ping(link);
    if (actions & CLV_LINK_SAY_UP)
        say(link, CLV_LINK_UP);
    if (actions & CLV_LINK_SAY_DOWN)
        say(link, CLV_LINK_DOWN);
    if (actions & CLV_LINK_SAY_FAILED)
        say(link, CLV_LINK_FAILED);
    if (actions & CLV_LINK_DO_DIAL)
        clv_dials_start(link->dials);
}

/* --- the link's thread -------------------------------------------------------------------- */

static void wait_until(clv_link *link, uint64_t at_us)
{
    struct timespec at = {(time_t)(at_us / 1000000u), (long)(at_us % 1000000u) * 1000};
    (void)pthread_cond_timedwait(&link->changed, &link->lock, &at);
}

/* Silence is the core's discovery: say what it was. */
static void explain_silence(clv_link *link, clv_link_phase phase, const clv_link_input *input)
{
    (void)clv_fail(&link->why, CLV_ETIMEDOUT, address_of(link),
                   phase == CLV_LINK_GREETED
                       ? "nothing was heard from the server for %llu ms"
                       : "connected, but the server said nothing for %llu ms: is it a Cleave "
                         "server, is it overloaded?",
                   (unsigned long long)((input->now_us - input->heard_us) / 1000));
}

/* Refusals don't pass by themselves; everything else may. */
static bool is_rejection(clv_status code)
{
    return code == CLV_EAUTH || code == CLV_EVERSION;
}

/* Take what the callbacks told, if they did; with the lock held. */
static bool take_news(clv_link *link, clv_link_input *input)
{
    if (link->ended) {
        link->ended = false;
        (void)clv_fail(&link->why, link->end_why.code, address_of(link), "%s",
                       link->end_why.message);
        input->what = is_rejection(link->why.code) ? CLV_LINK_REJECTED : CLV_LINK_LOST;
        return true;
    }
    if (link->welcomed && link->core.phase == CLV_LINK_GREETING) {
        input->what = CLV_LINK_WELCOMED;
        return true;
    }
    return false;
}

static void look_at_connection(clv_link *link, clv_link_input *input)
{
    input->now_us = clv_clock_now_us();
    if (link->channel != NULL) {
        clv_channel_state state = clv_channel_look(link->channel);
        input->heard_us = state.heard_us;
        input->sent_us = state.sent_us;
        input->sending = state.sending;
    }
}

/* Wait until there is news, a dial has ended, or it is time.
 * @return false: the link is to stop. */
static bool wait_for_something(clv_link *link, clv_link_input *input, bool *news_out)
{
    uint64_t wake_us = link->core.wake_us;
    uint64_t look_us = clv_clock_now_us() + LOOK_US;
    if (clv_dials_want_a_look(link->dials) && look_us < wake_us)
        wake_us = look_us;

    lock(link);
    bool news = take_news(link, input);
    while (!link->stop && !news && !link->dial_ended && clv_clock_now_us() < wake_us) {
        wait_until(link, wake_us);
        news = take_news(link, input);
    }
    bool stop = link->stop;
    if (!news)
        link->dial_ended = false;
    unlock(link);
    *news_out = news;
    return !stop;
}

/* @return false: the link is to stop. */
static bool next_input(clv_link *link, clv_link_input *input)
{
    for (;;) {
        bool news;
        if (!wait_for_something(link, input, &news))
            return false;
        if (news)
            return true;
        if (clv_dials_take(link->dials, &link->stream, &input->what, &link->why)) {
            on_dial_end(link); /* there may be more */
            return true;
        }
        if (clv_clock_now_us() >= link->core.wake_us) {
            input->what = CLV_LINK_TIME_PASSED;
            return true;
        }
    }
}

static void *run(void *context)
{
    clv_link *link = context;
    clv_link_input input = {.what = CLV_LINK_TIME_PASSED};

    while (next_input(link, &input)) {
        look_at_connection(link, &input);
        clv_link_phase phase = link->core.phase;
        unsigned actions = clv_link_core_step(&link->core, &input);
        if (input.what == CLV_LINK_TIME_PASSED && (actions & CLV_LINK_DO_CLOSE) != 0)
            explain_silence(link, phase, &input);
        act(link, actions);
    }
    return NULL;
}

/* --- lifetime ----------------------------------------------------------------------------- */

static clv_status take_url(clv_link *link, const char *url, const char *server_name, clv_error *err)
{
    static const char prefix[] = "tls+";
    nng_url *parts = NULL;

    if (url == NULL || strncmp(url, "tls+tcp", 7) != 0 || nng_url_parse(&parts, url) != 0)
        return clv_fail(err, CLV_EINVAL, url, "not a server's address: tls+tcp://HOST:PORT");
    bool complete = parts->u_hostname != NULL && parts->u_hostname[0] != '\0' &&
                    parts->u_port != NULL && parts->u_port[0] != '\0';
    if (complete) {
        link->url = clv_strdup(url + sizeof prefix - 1);
        link->server_name = clv_strdup(server_name ? server_name : parts->u_hostname);
    }
    nng_url_free(parts);
    if (!complete)
        return clv_fail(err, CLV_EINVAL, url, "host or port is missing: tls+tcp://HOST:PORT");
    if (link->url == NULL || link->server_name == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    return CLV_OK;
}

static clv_status take_options(clv_link *link, const clv_link_options *options, clv_error *err)
{
    const char *name = options->device_name;

    assert(options->on_event != NULL && options->identity != NULL);
    link->options = *options;
    if (link->options.redial_us == 0)
        link->options.redial_us = DEFAULT_REDIAL_US;
    if (link->options.link_timeout_us == 0)
        link->options.link_timeout_us = DEFAULT_TIMEOUT_US;
    if (link->options.link_timeout_us < MIN_TIMEOUT_US ||
        link->options.link_timeout_us > MAX_TIMEOUT_US)
        return clv_fail(err, CLV_EINVAL, NULL, "a link timeout of %llu us: give 100 ms to 60 s",
                        (unsigned long long)link->options.link_timeout_us);
    if (options->bundle != NULL)
        link->bundle = *options->bundle;
    if (name == NULL)
        name = clv_identity_name(options->identity);
    if (strlen(name) >= sizeof link->device_name)
        return clv_fail(err, CLV_EINVAL, name, "the device's name is too long");
    (void)snprintf(link->device_name, sizeof link->device_name, "%s", name);
    return take_url(link, options->url, options->server_name, err);
}

static clv_status start_thread(clv_link *link, clv_error *err)
{
    uint64_t seed;
    if (clv_random_bytes((uint8_t *)&seed, sizeof seed) != CLV_OK)
        return clv_fail(err, CLV_EINTERNAL, NULL, "the kernel gives no random numbers");
    clv_link_core_init(&link->core, link->options.redial_us, link->options.link_timeout_us, seed,
                       clv_clock_now_us());
    if (pthread_create(&link->thread, NULL, run, link) != 0)
        return clv_fail(err, CLV_EINTERNAL, NULL, "cannot start a thread");
    link->thread_runs = true;
    return CLV_OK;
}

static clv_status prepare(clv_link *link, const clv_link_options *options, clv_error *err)
{
    CLV_TRY(take_options(link, options, err));
    CLV_TRY(clv_tls_config_create(&link->tls, CLV_TLS_DEVICE, options->identity, err));
    clv_dials_options dial_options = {.url = link->url,
                                      .address = address_of(link),
                                      .patience_us = link->options.link_timeout_us,
                                      .on_end = on_dial_end,
                                      .owner = link};
    if (clv_dials_create(&link->dials, &dial_options) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    return start_thread(link, err);
}

clv_status clv_link_create(clv_link **out, const clv_link_options *options, clv_error *err)
{
    pthread_condattr_t attributes;
    clv_link *link = clv_calloc(1, sizeof *link);
    if (link == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    clv_buffer_init(&link->received, CLV_WIRE_MAX_MESSAGE_BYTES);
    clv_buffer_init(&link->profile, CLV_WIRE_MAX_PROFILE_BYTES);
    (void)pthread_mutex_init(&link->events, NULL);
    (void)pthread_mutex_init(&link->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&link->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);

    clv_status status = prepare(link, options, err);
    if (status != CLV_OK) {
        clv_link_free(link);
        return status;
    }
    *out = link;
    return CLV_OK;
}

void clv_link_free(clv_link *link)
{
    if (link == NULL)
        return;
    if (link->thread_runs) {
        lock(link);
        link->stop = true;
        (void)pthread_cond_signal(&link->changed);
        unlock(link);
        (void)pthread_join(link->thread, NULL);
    }
    clv_dials_free(link->dials);
    close_connection(link);
    nng_stream_free(link->stream);
    clv_tls_config_free(link->tls);
    clv_buffer_done(&link->received);
    clv_buffer_done(&link->profile);
    (void)pthread_cond_destroy(&link->changed);
    (void)pthread_mutex_destroy(&link->lock);
    (void)pthread_mutex_destroy(&link->events);
    clv_free(link->server_name);
    clv_free(link->url);
    clv_free(link);
}

/* --- requests ----------------------------------------------------------------------------- */

/* A message is a frame; the type keeps its owners from its inside. */
static clv_frame *frame_of(clv_link_message *message)
{
    return (clv_frame *)(void *)message;
}

clv_status clv_link_message_create(clv_link_message **out, uint8_t **payload_out,
                                   const clv_link_request *request, size_t payload_cap)
{
    clv_wire_header header;
    if (payload_cap > CLV_WIRE_MAX_MESSAGE_BYTES - CLV_WIRE_PROLOGUE_BYTES - REQUEST_HEADER_ROOM)
        return CLV_ELIMIT;
    clv_frame *frame = clv_frame_take(&frames, REQUEST_HEADER_ROOM, payload_cap);
    if (frame == NULL)
        return CLV_ENOMEM;
    header.type = CLV_WIRE_REQUEST;
    header.request = (clv_wire_request){.frame = request->frame,
                                        .bundle = *request->bundle,
                                        .cut = request->cut,
                                        .deadline_us = request->deadline_us,
                                        .prefix = request->prefix,
                                        .suffix = request->suffix,
                                        .payload = request->payload,
                                        .sequence = request->sequence};
    clv_frame_seal(frame, &header, 0);
    *payload_out = clv_frame_payload(frame);
    *out = (clv_link_message *)(void *)frame;
    return CLV_OK;
}

clv_status clv_link_send(clv_link *link, clv_link_message *message, size_t payload_bytes,
                         size_t *wire_bytes_out)
{
    clv_frame *frame = frame_of(message);
    clv_status status = CLV_OK;

    clv_frame_resize(frame, payload_bytes);
    size_t wire_bytes = frame->bytes;
    lock(link);
    if (!link->up)
        status = CLV_ECLOSED;
    else if (link->in_flight >= CLV_LINK_MAX_IN_FLIGHT)
        status = CLV_EAGAIN;
    if (status == CLV_OK) {
        status = clv_channel_send(link->channel, frame);
        frame = NULL;
        link->in_flight += status == CLV_OK;
    }
    unlock(link);
    clv_frame_give_back(frame);
    if (status == CLV_OK && wire_bytes_out != NULL)
        *wire_bytes_out = wire_bytes;
    return status;
}

clv_status clv_link_echo(clv_link *link, uint64_t number, size_t payload_bytes)
{
    clv_wire_header header = {.type = CLV_WIRE_ECHO, .echo = {.number = number}};
    clv_status status = CLV_OK;

    if (payload_bytes > CLV_WIRE_MAX_ECHO_BYTES)
        return CLV_ELIMIT;
    clv_frame *frame = clv_frame_take(&frames, clv_wire_packed_bytes(&header), payload_bytes);
    if (frame == NULL)
        return CLV_ENOMEM;
    memset(clv_frame_payload(frame), 0, payload_bytes);
    clv_frame_seal(frame, &header, payload_bytes);
    lock(link);
    if (!link->up)
        status = CLV_ECLOSED;
    else if (link->echoes >= CLV_LINK_MAX_ECHOES)
        status = CLV_EAGAIN;
    if (status == CLV_OK) {
        status = clv_channel_send(link->channel, frame);
        frame = NULL;
        link->echoes += status == CLV_OK;
    }
    unlock(link);
    clv_frame_give_back(frame);
    return status;
}

void clv_link_message_free(clv_link_message *message)
{
    clv_frame_give_back(frame_of(message));
}
