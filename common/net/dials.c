/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dials.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

/* nng 1.5.2 may report a connection that is only on its way: it takes a poll event of the socket
 * from before connect() for its success. So a dial has two steps: nng's, then, if the peer has no
 * address yet, a receive that ends if the connection fails, while clv_dials_take() looks whether
 * it has come (a server of Cleave never speaks first). */
typedef struct dial {
    clv_dials *dials;          /* NULL: the place is free */
    nng_stream_dialer *dialer; /* a fresh one for each dial */
    nng_aio *aio;
    nng_stream *stream; /* nng has said that it is connected */
    uint64_t started_us;
    uint8_t unexpected; /* what the second step would receive */
    bool ended;         /* the step has; under the lock */
} dial;

struct clv_dials {
    clv_dials_options options;
    pthread_mutex_t lock;
    dial places[CLV_LINK_MAX_DIALS];
};

clv_status clv_dials_create(clv_dials **out, const clv_dials_options *options)
{
    clv_dials *dials = clv_calloc(1, sizeof *dials);
    if (dials == NULL)
        return CLV_ENOMEM;
    dials->options = *options;
    (void)pthread_mutex_init(&dials->lock, NULL);
    *out = dials;
    return CLV_OK;
}

/* --- one dial ----------------------------------------------------------------------------- */

static void set_ended(dial *d, bool ended)
{
    (void)pthread_mutex_lock(&d->dials->lock);
    d->ended = ended;
    (void)pthread_mutex_unlock(&d->dials->lock);
}

static bool has_ended(dial *d)
{
    (void)pthread_mutex_lock(&d->dials->lock);
    bool ended = d->ended;
    (void)pthread_mutex_unlock(&d->dials->lock);
    return ended;
}

static void on_end(void *context)
{
    dial *d = context;
    clv_dials *dials = d->dials;
    set_ended(d, true);
    dials->options.on_end(dials->options.owner);
}

static void set_patience(dial *d)
{
    uint64_t patience_us = d->dials->options.patience_us;
    uint64_t spent_us = clv_clock_now_us() - d->started_us;
    uint64_t left_ms = spent_us < patience_us ? (patience_us - spent_us) / 1000 : 0;
    nng_aio_set_timeout(d->aio, left_ms > 0 ? (nng_duration)left_ms : 1);
}

static int start(dial *d)
{
    int code = nng_stream_dialer_alloc(&d->dialer, d->dials->options.url);
    if (code == 0)
        code = nng_stream_dialer_set_bool(d->dialer, NNG_OPT_TCP_NODELAY, true);
    if (code == 0)
        code = nng_aio_alloc(&d->aio, on_end, d);
    if (code == 0) {
        d->started_us = clv_clock_now_us();
        set_patience(d);
        nng_stream_dialer_dial(d->dialer, d->aio);
    }
    return code;
}

static bool has_peer(nng_stream *stream)
{
    nng_sockaddr peer;
    return nng_stream_get_addr(stream, NNG_OPT_REMADDR, &peer) == 0;
}

/* nng says that it is connected: see whether it is. */
static void start_second_step(dial *d)
{
    nng_iov iov = {&d->unexpected, 1};

    d->stream = nng_aio_get_output(d->aio, 0);
    if (has_peer(d->stream))
        return;
    set_ended(d, false);
    set_patience(d);
    (void)nng_aio_set_iov(d->aio, 1, &iov);
    nng_stream_recv(d->stream, d->aio);
}

/* Waits for its callback. @return The connection, however far it is; NULL: there is none. */
static nng_stream *finish(dial *d)
{
    nng_aio_stop(d->aio);
    nng_stream *stream = d->stream;
    if (stream == NULL && d->aio != NULL && nng_aio_result(d->aio) == 0)
        stream = nng_aio_get_output(d->aio, 0);
    nng_aio_free(d->aio);
    nng_stream_dialer_free(d->dialer);
    *d = (dial){.dials = NULL};
    return stream;
}

/* --- all of them -------------------------------------------------------------------------- */

void clv_dials_start(clv_dials *dials)
{
    for (unsigned i = 0; i < CLV_LINK_MAX_DIALS; i++) {
        dial *d = &dials->places[i];
        if (d->dials != NULL)
            continue;
        d->dials = dials;
        if (start(d) != 0) /* out of memory: ends as a dial that nobody answers */
            on_end(d);
        return;
    }
}

static clv_link_happening explain(const clv_dials *dials, int code, clv_error *err)
{
    const char *address = dials->options.address;

    switch (code) {
    case NNG_ECONNREFUSED:
        (void)clv_fail(err, CLV_EIO, address,
                       "nobody listens there: does the server run, is the port right?");
        return CLV_LINK_TURNED_AWAY;
    case NNG_EADDRINVAL:
        (void)clv_fail(err, CLV_ENOENT, address,
                       "the host's address cannot be found: is its name right?");
        return CLV_LINK_TURNED_AWAY;
    case NNG_EAGAIN:
        (void)clv_fail(err, CLV_EIO, address,
                       "the host's address cannot be found now: no name server answers");
        return CLV_LINK_UNANSWERED;
    case NNG_ETIMEDOUT:
    case NNG_ECANCELED:
        (void)clv_fail(err, CLV_ETIMEDOUT, address,
                       "no answer within %llu ms: the host is down, the network is, or something "
                       "between drops it",
                       (unsigned long long)(dials->options.patience_us / 1000));
        return CLV_LINK_UNANSWERED;
    case NNG_EUNREACHABLE:
        (void)clv_fail(err, CLV_EIO, address, "there is no way to the host: the network is down");
        return CLV_LINK_UNANSWERED;
    default:
        (void)clv_fail(err, code == NNG_ENOMEM ? CLV_ENOMEM : CLV_EIO, address,
                       "cannot connect: %s", nng_strerror(code));
        return CLV_LINK_UNANSWERED;
    }
}

/* @return Whether it is over, with the connection or the reason. */
static bool take_one(dial *d, nng_stream **stream_out, clv_link_happening *happening,
                     clv_error *err)
{
    clv_dials *dials = d->dials;
    bool ended = has_ended(d);

    if (ended && d->stream == NULL && d->aio != NULL && nng_aio_result(d->aio) == 0) {
        start_second_step(d);
        ended = has_ended(d);
    }
    if (d->stream != NULL && has_peer(d->stream)) {
        *stream_out = finish(d);
        *happening = CLV_LINK_CONNECTED;
        return true;
    }
    if (!ended)
        return false;
    int code = d->aio ? nng_aio_result(d->aio) : NNG_ENOMEM;
    if (d->stream != NULL && code != NNG_ETIMEDOUT)
        code = NNG_ECONNREFUSED; /* the receive only tells that the connection failed */
    nng_stream_free(finish(d));
    *stream_out = NULL;
    *happening = explain(dials, code, err);
    return true;
}

bool clv_dials_take(clv_dials *dials, nng_stream **stream_out, clv_link_happening *happening,
                    clv_error *err)
{
    for (unsigned i = 0; i < CLV_LINK_MAX_DIALS; i++) {
        dial *d = &dials->places[i];
        if (d->dials != NULL && take_one(d, stream_out, happening, err))
            return true;
    }
    return false;
}

bool clv_dials_want_a_look(const clv_dials *dials)
{
    for (unsigned i = 0; i < CLV_LINK_MAX_DIALS; i++) {
        if (dials->places[i].stream != NULL)
            return true;
    }
    return false;
}

void clv_dials_drop(clv_dials *dials)
{
    for (unsigned i = 0; i < CLV_LINK_MAX_DIALS; i++) {
        if (dials->places[i].dials != NULL)
            nng_stream_free(finish(&dials->places[i]));
    }
}

void clv_dials_free(clv_dials *dials)
{
    if (dials == NULL)
        return;
    clv_dials_drop(dials);
    (void)pthread_mutex_destroy(&dials->lock);
    clv_free(dials);
}
