/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner/payload_estimate.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#define MAX_CODECS 16u
#define CODEC_FOLLOWS 0.5 /* of how far a sample is off, as a logarithm */
#define OWN_FOLLOWS 0.25
#define MOST_OWN 0.7        /* logarithm: a candidate is at most twice its codec, or half */
#define MOST 3.0            /* logarithm: of all together */
#define SURPRISE 0.2        /* logarithm */
#define NO_CODEC MAX_CODECS /* nothing is shipped */

struct clv_payload_estimate {
    const clv_plan *plan;
    uint32_t n_codecs;
    double codecs[MAX_CODECS]; /* logarithms */
    uint32_t *codec_of;        /* [clv_plan_count()] */
    double *own;               /* [clv_plan_count()]: logarithms */
    double *factors;           /* [clv_plan_count()] */
    double *hope;              /* [clv_plan_count()] */
    uint32_t following;        /* codec whose frames may follow each other */
    double least;
};

/* Codecs by the first candidate that has each. More than MAX_CODECS share the last. */
static void find_codecs(clv_payload_estimate *e)
{
    const char *names[MAX_CODECS];

    for (uint32_t i = 0; i < clv_plan_count(e->plan); i++) {
        const clv_plan_candidate *c = clv_plan_at(e->plan, i);
        uint32_t k = 0;
        e->factors[i] = 1.0;
        while (c->ships && k < e->n_codecs && strcmp(names[k], c->codec) != 0)
            k++;
        if (c->ships && k == e->n_codecs && k < MAX_CODECS)
            names[e->n_codecs++] = c->codec;
        e->codec_of[i] = !c->ships ? NO_CODEC : k < MAX_CODECS ? k : MAX_CODECS - 1;
    }
}

static uint32_t number_of(const clv_payload_estimate *e, const char *codec)
{
    for (uint32_t i = 0; codec != NULL && i < clv_plan_count(e->plan); i++) {
        if (strcmp(clv_plan_at(e->plan, i)->codec, codec) == 0)
            return e->codec_of[i];
    }
    return MAX_CODECS + 1;
}

clv_status clv_payload_estimate_create(clv_payload_estimate **out, const clv_plan *plan,
                                       const char *codec, double least)
{
    uint32_t n = clv_plan_count(plan);
    clv_payload_estimate *e = clv_calloc(1, sizeof *e);

    if (e == NULL)
        return CLV_ENOMEM;
    e->plan = plan;
    e->codec_of = clv_calloc(n, sizeof *e->codec_of);
    e->own = clv_calloc(n, sizeof *e->own);
    e->factors = clv_calloc(n, sizeof *e->factors);
    e->hope = clv_calloc(n, sizeof *e->hope);
    if (e->codec_of == NULL || e->own == NULL || e->factors == NULL || e->hope == NULL) {
        clv_payload_estimate_free(e);
        return CLV_ENOMEM;
    }
    find_codecs(e);
    e->following = number_of(e, codec);
    e->least = least;
    *out = e;
    return CLV_OK;
}

void clv_payload_estimate_free(clv_payload_estimate *e)
{
    if (e == NULL)
        return;
    clv_free(e->codec_of);
    clv_free(e->own);
    clv_free(e->factors);
    clv_free(e->hope);
    clv_free(e);
}

static double within(double value, double most)
{
    return value > most ? most : value < -most ? -most : value;
}

bool clv_payload_estimate_sent(clv_payload_estimate *e, uint32_t candidate, double bytes)
{
    double expected = clv_plan_at(e->plan, candidate)->payload_bytes * e->factors[candidate];
    uint32_t codec = e->codec_of[candidate];
    double off = log(bytes / expected);

    if (codec == NO_CODEC || !isfinite(off))
        return false;
    e->codecs[codec] = within(e->codecs[codec] + CODEC_FOLLOWS * off, MOST);
    e->own[candidate] = within(e->own[candidate] + OWN_FOLLOWS * off, MOST_OWN);
    for (uint32_t i = 0; i < clv_plan_count(e->plan); i++) {
        if (e->codec_of[i] == codec)
            e->factors[i] = exp(e->codecs[codec] + e->own[i]);
    }
    return fabs(off) > SURPRISE;
}

const double *clv_payload_estimate_factors(const clv_payload_estimate *e)
{
    return e->factors;
}

const double *clv_payload_estimate_hope(clv_payload_estimate *e)
{
    for (uint32_t i = 0; i < clv_plan_count(e->plan); i++) {
        bool is_less = clv_payload_estimate_may_follow(e, i) && e->least < e->factors[i];
        e->hope[i] = is_less ? e->least : e->factors[i];
    }
    return e->hope;
}

bool clv_payload_estimate_may_follow(const clv_payload_estimate *e, uint32_t candidate)
{
    return e->codec_of[candidate] == e->following;
}
