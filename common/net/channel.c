/* SPDX-License-Identifier: Apache-2.0 */
#include "net/channel.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

/* What may wait for a peer that doesn't read; one frame may be as large as it likes. */
#define MAX_QUEUED 128u
#define MAX_QUEUED_BYTES CLV_WIRE_MAX_MESSAGE_BYTES

struct clv_channel {
    clv_channel_options options;
    nng_stream *stream;
    nng_aio *rx, *tx;

    /* The receiving side's own: only one of its callbacks runs at a time. */
    uint8_t prologue_bytes[CLV_WIRE_PROLOGUE_BYTES];
    clv_wire_prologue prologue;
    uint8_t *body;
    size_t filled; /* bytes of the message that are here, its prologue included */
    bool ended;    /* on_end() was called: what comes is thrown away */

    pthread_mutex_t lock; /* of all below, and of the stream's calls */
    clv_tls *tls;
    clv_frame *first, *last;
    size_t first_sent; /* bytes of the first frame that are encrypted */
    unsigned n_queued;
    size_t queued_bytes;
    bool tx_busy;
    bool closing; /* nng 1.5.2: a receive or send begun after a close never ends */
    clv_channel_state state;
};

static void lock(clv_channel *channel)
{
    (void)pthread_mutex_lock(&channel->lock);
}

static void unlock(clv_channel *channel)
{
    (void)pthread_mutex_unlock(&channel->lock);
}

/* --- sending; all of it with the lock held ------------------------------------------------ */

static void close_stream(clv_channel *channel)
{
    if (!channel->closing) {
        channel->closing = true;
        nng_stream_close(channel->stream);
    }
}

static void drop_first(clv_channel *channel)
{
    clv_frame *frame = channel->first;
    channel->first = frame->next;
    if (channel->first == NULL)
        channel->last = NULL;
    channel->first_sent = 0;
    channel->n_queued--;
    channel->queued_bytes -= frame->bytes;
    clv_frame_give_back(frame);
}

static void encrypt_queue(clv_channel *channel)
{
    while (channel->first != NULL) {
        const clv_frame *frame = channel->first;
        size_t taken;
        clv_status status = clv_tls_write(channel->tls, clv_frame_data(frame) + channel->first_sent,
                                          frame->bytes - channel->first_sent, &taken, NULL);
        if (status == CLV_EAGAIN)
            return;
        if (status != CLV_OK) {
            close_stream(channel);
            return;
        }
        channel->first_sent += taken;
        if (channel->first_sent == frame->bytes)
            drop_first(channel);
    }
}

/* Hand what there is to the stream, unless it is at work: its callback goes on. */
static void pump(clv_channel *channel)
{
    nng_iov iov;

    if (channel->tx_busy || channel->closing)
        return;
    encrypt_queue(channel);
    const uint8_t *data = clv_tls_output(channel->tls, &iov.iov_len);
    if (iov.iov_len == 0 || channel->closing)
        return;
    iov.iov_buf = (void *)(uintptr_t)data; /* only read */
    (void)nng_aio_set_iov(channel->tx, 1, &iov);
    channel->tx_busy = true;
    nng_stream_send(channel->stream, channel->tx);
}

static void on_sent(void *context)
{
    clv_channel *channel = context;

    lock(channel);
    channel->tx_busy = false;
    if (nng_aio_result(channel->tx) != 0) {
        close_stream(channel); /* the receiving side hears of it */
    } else {
        channel->state.sent_us = clv_clock_now_us();
        clv_tls_output_done(channel->tls, nng_aio_count(channel->tx));
        pump(channel);
    }
    unlock(channel);
}

static bool has_room(const clv_channel *channel, const clv_frame *frame)
{
    return channel->n_queued == 0 || (channel->n_queued < MAX_QUEUED &&
                                      channel->queued_bytes + frame->bytes <= MAX_QUEUED_BYTES);
}

static void append(clv_channel *channel, clv_frame *frame)
{
    frame->next = NULL;
    if (channel->last != NULL)
        channel->last->next = frame;
    else
        channel->first = frame;
    channel->last = frame;
    channel->n_queued++;
    channel->queued_bytes += frame->bytes;
}

clv_status clv_channel_send(clv_channel *channel, clv_frame *frame)
{
    clv_status status = CLV_OK;

    lock(channel);
    if (channel->closing)
        status = CLV_ECLOSED;
    else if (!has_room(channel, frame))
        status = CLV_EAGAIN;
    if (status == CLV_OK) {
        append(channel, frame);
        pump(channel);
    }
    unlock(channel);
    if (status != CLV_OK)
        clv_frame_give_back(frame);
    return status;
}

/* --- receiving ---------------------------------------------------------------------------- */

static void end(clv_channel *channel, const clv_error *why)
{
    if (channel->ended)
        return;
    channel->ended = true;
    channel->options.on_end(channel->options.owner, why);
}

static void end_stream(clv_channel *channel, int nng_code)
{
    clv_error why = CLV_ERROR_INIT;
    lock(channel);
    bool ready = clv_tls_is_ready(channel->tls);
    channel->state.disconnected = true;
    unlock(channel);

    const char *when = ready ? "without a goodbye" : "during the TLS handshake";
    if (nng_code == NNG_ETIMEDOUT)
        (void)clv_fail(&why, CLV_ETIMEDOUT, NULL, "the connection timed out");
    else
        (void)clv_fail(&why, CLV_EIO, NULL, "the other end closed the connection %s", when);
    end(channel, &why);
}

/* @return CLV_OK: the handshake is done, now or before; CLV_EAGAIN; why it failed. */
static clv_status shake_hands(clv_channel *channel, clv_error *err)
{
    lock(channel);
    bool was_ready = clv_tls_is_ready(channel->tls);
    clv_status status = was_ready ? CLV_OK : clv_tls_handshake(channel->tls, err);
    pump(channel);
    unlock(channel);
    if (status == CLV_OK && !was_ready)
        channel->options.on_ready(channel->options.owner);
    return status;
}

static size_t message_bytes(const clv_channel *channel)
{
    if (channel->filled < CLV_WIRE_PROLOGUE_BYTES)
        return CLV_WIRE_PROLOGUE_BYTES;
    return CLV_WIRE_PROLOGUE_BYTES + clv_wire_body_bytes(&channel->prologue);
}

/* Read on to the end of the prologue or of the message. */
static clv_status read_some(clv_channel *channel, clv_error *err)
{
    size_t filled = channel->filled;
    uint8_t *dst = filled < CLV_WIRE_PROLOGUE_BYTES
                       ? channel->prologue_bytes + filled
                       : channel->body + (filled - CLV_WIRE_PROLOGUE_BYTES);
    size_t n;

    lock(channel);
    clv_status status = clv_tls_read(channel->tls, dst, message_bytes(channel) - filled, &n, err);
    unlock(channel);
    if (status == CLV_OK)
        channel->filled += n;
    return status;
}

static clv_status take_prologue(clv_channel *channel, clv_error *err)
{
    const clv_channel_options *o = &channel->options;
    CLV_TRY(clv_wire_parse_prologue(&channel->prologue, channel->prologue_bytes,
                                    o->max_message_bytes, err));
    if (!o->on_prologue(o->owner, &channel->prologue, &channel->body, err))
        return CLV_EFORMAT;
    return CLV_OK;
}

static clv_status take_message(clv_channel *channel, clv_error *err)
{
    const clv_wire_prologue *p = &channel->prologue;
    clv_wire_header header;
    CLV_TRY(clv_wire_unpack(&header, p->type, channel->body, p->header_bytes, err));
    channel->filled = 0;
    const uint8_t *payload = p->payload_bytes > 0 ? channel->body + p->header_bytes : NULL;
    channel->options.on_message(channel->options.owner, &header, payload, p->payload_bytes);
    return CLV_OK;
}

/* All that can be read now. @return CLV_EAGAIN: more bytes are needed; why it ended. */
static clv_status take_messages(clv_channel *channel, clv_error *err)
{
    for (;;) {
        CLV_TRY(read_some(channel, err));
        if (channel->filled == CLV_WIRE_PROLOGUE_BYTES)
            CLV_TRY(take_prologue(channel, err));
        if (channel->filled == message_bytes(channel))
            CLV_TRY(take_message(channel, err));
    }
}

static void consume(clv_channel *channel)
{
    clv_error why = CLV_ERROR_INIT;
    clv_status status = shake_hands(channel, &why);
    if (status == CLV_OK)
        status = take_messages(channel, &why);
    if (status == CLV_EAGAIN)
        return;
    lock(channel);
    pump(channel); /* an alert of TLS may tell the peer why */
    unlock(channel);
    end(channel, &why);
}

/* @return Whether a receive is under way. */
static bool receive(clv_channel *channel)
{
    nng_iov iov;

    lock(channel);
    bool go = !channel->closing;
    if (go) {
        if (channel->ended) /* read on, so that closing doesn't reset what was sent last */
            clv_tls_input_done(channel->tls, 0);
        iov.iov_buf = clv_tls_input(channel->tls, &iov.iov_len);
        (void)nng_aio_set_iov(channel->rx, 1, &iov);
        nng_stream_recv(channel->stream, channel->rx);
    }
    unlock(channel);
    return go;
}

static void on_received(void *context)
{
    clv_channel *channel = context;
    int code = nng_aio_result(channel->rx);

    if (code != 0) {
        end_stream(channel, code);
        return;
    }
    lock(channel);
    clv_tls_input_done(channel->tls, nng_aio_count(channel->rx));
    channel->state.heard_us = clv_clock_now_us();
    channel->state.heard_any = true;
    unlock(channel);
    if (!channel->ended)
        consume(channel);
    if (!receive(channel))
        end_stream(channel, NNG_ECLOSED);
}

/* --- lifetime ----------------------------------------------------------------------------- */

clv_status clv_channel_create(clv_channel **out, const clv_channel_options *options,
                              nng_stream *stream, clv_error *err)
{
    clv_channel *channel = clv_calloc(1, sizeof *channel);
    if (channel == NULL) {
        nng_stream_free(stream);
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    }
    channel->options = *options;
    channel->stream = stream;
    channel->state.heard_us = channel->state.sent_us = clv_clock_now_us();
    (void)pthread_mutex_init(&channel->lock, NULL);

    clv_status status = clv_tls_create(&channel->tls, options->tls, options->server_name, err);
    if (status == CLV_OK && (nng_aio_alloc(&channel->rx, on_received, channel) != 0 ||
                             nng_aio_alloc(&channel->tx, on_sent, channel) != 0))
        status = clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    if (status != CLV_OK) {
        clv_channel_free(channel);
        return status;
    }
    *out = channel;
    return CLV_OK;
}

void clv_channel_start(clv_channel *channel)
{
    lock(channel);
    if (clv_tls_handshake(channel->tls, NULL) == CLV_EAGAIN)
        pump(channel); /* a device speaks first */
    unlock(channel);
    (void)receive(channel);
}

void clv_channel_stop(clv_channel *channel)
{
    lock(channel);
    if (channel->tls != NULL && !channel->closing) {
        /* What fits into the kernel's buffer leaves before the close. */
        clv_tls_say_goodbye(channel->tls);
        pump(channel);
    }
    close_stream(channel);
    unlock(channel);
    nng_aio_stop(channel->rx);
    nng_aio_stop(channel->tx);
}

void clv_channel_free(clv_channel *channel)
{
    if (channel == NULL)
        return;
    clv_channel_stop(channel);
    nng_aio_free(channel->rx);
    nng_aio_free(channel->tx);
    nng_stream_free(channel->stream);
    while (channel->first != NULL)
        drop_first(channel);
    clv_tls_free(channel->tls);
    (void)pthread_mutex_destroy(&channel->lock);
    clv_free(channel);
}

clv_channel_state clv_channel_look(clv_channel *channel)
{
    lock(channel);
    clv_channel_state state = channel->state;
    state.sending = channel->tx_busy || channel->first != NULL;
    state.disconnected = state.disconnected || channel->closing;
    unlock(channel);
    return state;
}

const char *clv_channel_peer_name(const clv_channel *channel)
{
    return clv_tls_peer_name(channel->tls);
}
