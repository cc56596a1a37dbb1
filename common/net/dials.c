/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dials.h"

#include <pthread.h>

#include "base/error.h"
#include "base/memory.h"

typedef struct dial {
    clv_dials *dials;
    nng_stream_dialer *dialer; /* a fresh one for each dial; NULL: the place is free */
    nng_aio *aio;
    bool ended; /* under the lock */
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

static void on_end(void *context)
{
    dial *d = context;
    clv_dials *dials = d->dials;
    (void)pthread_mutex_lock(&dials->lock);
    d->ended = true;
    (void)pthread_mutex_unlock(&dials->lock);
    dials->options.on_end(dials->options.owner);
}

/* Waits for its callback. @return The connection that it made, or NULL with the code. */
static nng_stream *finish(dial *d, int *code_out)
{
    nng_aio_stop(d->aio);
    *code_out = d->aio ? nng_aio_result(d->aio) : NNG_ENOMEM;
    nng_stream *stream = *code_out == 0 ? nng_aio_get_output(d->aio, 0) : NULL;
    nng_aio_free(d->aio);
    nng_stream_dialer_free(d->dialer);
    *d = (dial){NULL, NULL, NULL, false};
    return stream;
}

static int start(dial *d)
{
    uint64_t patience_us = d->dials->options.patience_us;
    int code = nng_stream_dialer_alloc(&d->dialer, d->dials->options.url);
    if (code == 0)
        code = nng_stream_dialer_set_bool(d->dialer, NNG_OPT_TCP_NODELAY, true);
    if (code == 0)
        code = nng_aio_alloc(&d->aio, on_end, d);
    if (code == 0) {
        nng_aio_set_timeout(d->aio, (nng_duration)(patience_us / 1000));
        nng_stream_dialer_dial(d->dialer, d->aio);
    }
    return code;
}

void clv_dials_start(clv_dials *dials)
{
    for (unsigned i = 0; i < CLV_LINK_MAX_DIALS; i++) {
        dial *d = &dials->places[i];
        if (d->dials != NULL)
            continue;
        d->dials = dials;
        if (start(d) != 0) { /* out of memory: ends as a dial that nobody answers */
            d->ended = true;
            dials->options.on_end(dials->options.owner);
        }
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

static dial *find_ended(clv_dials *dials)
{
    dial *found = NULL;
    (void)pthread_mutex_lock(&dials->lock);
    for (unsigned i = 0; i < CLV_LINK_MAX_DIALS && found == NULL; i++) {
        if (dials->places[i].ended)
            found = &dials->places[i];
    }
    (void)pthread_mutex_unlock(&dials->lock);
    return found;
}

bool clv_dials_take(clv_dials *dials, nng_stream **stream_out, clv_link_happening *happening,
                    clv_error *err)
{
    int code;
    dial *d = find_ended(dials);
    if (d == NULL)
        return false;
    *stream_out = finish(d, &code);
    *happening = *stream_out ? CLV_LINK_CONNECTED : explain(dials, code, err);
    return true;
}

void clv_dials_drop(clv_dials *dials)
{
    for (unsigned i = 0; i < CLV_LINK_MAX_DIALS; i++) {
        int code;
        if (dials->places[i].dials != NULL)
            nng_stream_free(finish(&dials->places[i], &code));
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
