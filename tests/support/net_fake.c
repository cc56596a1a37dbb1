/* SPDX-License-Identifier: Apache-2.0 */
#include "support/net_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

struct net_fake {
    net_fake_speech speech;
    clv_identity *identity;
    clv_tls_config *tls;
    nng_stream_listener *listener;
    nng_aio *accept;
    int port;
    clv_frame_pool frames;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop, accepted, ended;
    clv_channel *channel;
    uint8_t body[CLV_WIRE_MAX_HEADER_BYTES];
};

static void set(net_fake *fake, bool *flag)
{
    (void)pthread_mutex_lock(&fake->lock);
    *flag = true;
    (void)pthread_cond_signal(&fake->changed);
    (void)pthread_mutex_unlock(&fake->lock);
}

/* The words are sent as they are: a frame whose bytes are no message. */
static void speak(net_fake *fake)
{
    clv_frame *frame = clv_frame_take(&fake->frames, 0, fake->speech.bytes);
    assert_non_null(frame);
    if (fake->speech.bytes > 0) {
        memcpy(clv_frame_payload(frame), fake->speech.data, fake->speech.bytes);
        frame->start = frame->payload_at;
        frame->bytes = fake->speech.bytes;
        (void)!clv_channel_send(fake->channel, frame);
    } else {
        clv_frame_give_back(frame);
    }
    if (fake->speech.then_close)
        set(fake, &fake->ended);
}

static void on_ready(void *owner)
{
    net_fake *fake = owner;
    if (!fake->speech.after_hello)
        speak(fake);
}

static bool on_prologue(void *owner, const clv_wire_prologue *prologue, uint8_t **body_out,
                        clv_error *err)
{
    net_fake *fake = owner;
    (void)err;
    *body_out = fake->body;
    return prologue->payload_bytes == 0;
}

static void on_message(void *owner, const clv_wire_header *header, const uint8_t *payload,
                       size_t payload_bytes)
{
    net_fake *fake = owner;
    (void)payload;
    (void)payload_bytes;
    if (fake->speech.after_hello && header->type == CLV_WIRE_HELLO)
        speak(fake);
}

static void on_end(void *owner, const clv_error *why)
{
    net_fake *fake = owner;
    (void)why;
    set(fake, &fake->ended);
}

static void on_accept(void *context)
{
    net_fake *fake = context;
    if (nng_aio_result(fake->accept) == 0)
        set(fake, &fake->accepted);
}

static void serve_one(net_fake *fake)
{
    clv_channel_options options = {.tls = fake->tls,
                                   .max_message_bytes = CLV_WIRE_MAX_MESSAGE_BYTES,
                                   .on_ready = on_ready,
                                   .on_prologue = on_prologue,
                                   .on_message = on_message,
                                   .on_end = on_end,
                                   .owner = fake};
    assert_int_equal(
        clv_channel_create(&fake->channel, &options, nng_aio_get_output(fake->accept, 0), NULL),
        CLV_OK);
    clv_channel_start(fake->channel);
    (void)pthread_mutex_lock(&fake->lock);
    while (!fake->ended && !fake->stop)
        (void)pthread_cond_wait(&fake->changed, &fake->lock);
    (void)pthread_mutex_unlock(&fake->lock);
    clv_channel_free(fake->channel);
    fake->ended = false;
}

static void *run(void *context)
{
    net_fake *fake = context;
    for (;;) {
        nng_stream_listener_accept(fake->listener, fake->accept);
        (void)pthread_mutex_lock(&fake->lock);
        while (!fake->accepted && !fake->stop)
            (void)pthread_cond_wait(&fake->changed, &fake->lock);
        bool accepted = fake->accepted;
        bool stop = fake->stop;
        fake->accepted = false;
        (void)pthread_mutex_unlock(&fake->lock);
        if (accepted)
            serve_one(fake);
        if (stop)
            return NULL;
    }
}

net_fake *net_fake_start(const net_pki *pki, const net_fake_speech *speech)
{
    net_fake *fake = clv_calloc(1, sizeof *fake);
    assert_non_null(fake);
    fake->speech = *speech;
    (void)pthread_mutex_init(&fake->frames.lock, NULL);
    (void)pthread_mutex_init(&fake->lock, NULL);
    (void)pthread_cond_init(&fake->changed, NULL);
    fake->identity = net_pki_load(pki, "srv");
    assert_int_equal(clv_tls_config_create(&fake->tls, CLV_TLS_SERVER, fake->identity, NULL),
                     CLV_OK);
    assert_int_equal(nng_stream_listener_alloc(&fake->listener, "tcp://127.0.0.1:0"), 0);
    assert_int_equal(nng_stream_listener_listen(fake->listener), 0);
    assert_int_equal(
        nng_stream_listener_get_int(fake->listener, NNG_OPT_TCP_BOUND_PORT, &fake->port), 0);
    assert_int_equal(nng_aio_alloc(&fake->accept, on_accept, fake), 0);
    assert_int_equal(pthread_create(&fake->thread, NULL, run, fake), 0);
    return fake;
}

uint16_t net_fake_port(const net_fake *fake)
{
    return (uint16_t)fake->port;
}

void net_fake_stop(net_fake *fake)
{
    set(fake, &fake->stop);
    (void)pthread_join(fake->thread, NULL);
    nng_stream_listener_close(fake->listener);
    nng_aio_stop(fake->accept);
    nng_aio_free(fake->accept);
    nng_stream_listener_free(fake->listener);
    clv_tls_config_free(fake->tls);
    clv_identity_free(fake->identity);
    clv_frame_pool_done(&fake->frames);
    clv_free(fake);
}

size_t net_fake_put(uint8_t *dst, const clv_wire_header *header)
{
    size_t n = clv_wire_pack(dst + CLV_WIRE_PROLOGUE_BYTES, header);
    clv_wire_prologue prologue = {header->type, (uint32_t)n, 0};
    clv_wire_write_prologue(dst, &prologue);
    return CLV_WIRE_PROLOGUE_BYTES + n;
}
