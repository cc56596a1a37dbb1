/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner/link_estimate.h"

#include <math.h>

/* A message up to this size, which fits one packet, tells the round trip. */
#define SMALL_BYTES 1400.0

/* Time on the link that can't be told from jitter: a part of the round trip, and at least this. */
#define JITTER_OF_RTT 0.02
#define JITTER_US 50.0

void clv_link_estimate_init(clv_link_estimate *link, double rtt_us, double bytes_per_s)
{
    *link = (clv_link_estimate){.rtt_us = rtt_us, .bytes_per_s = bytes_per_s};
}

static double least(const double *values, uint32_t n)
{
    double result = INFINITY;
    for (uint32_t i = 0; i < n; i++)
        result = values[i] < result ? values[i] : result;
    return result;
}

static double greatest(const double *values, uint32_t n)
{
    double result = 0.0;
    for (uint32_t i = 0; i < n; i++)
        result = values[i] > result ? values[i] : result;
    return result;
}

static void add_rtt(clv_link_estimate *link, double rtt_us)
{
    link->rtts[link->n_rtts++ % CLV_LINK_RTT_SAMPLES] = rtt_us;
    uint32_t n = link->n_rtts < CLV_LINK_RTT_SAMPLES ? link->n_rtts : CLV_LINK_RTT_SAMPLES;
    link->rtt_us = least(link->rtts, n);
}

static void add_rate(clv_link_estimate *link, double bytes_per_s)
{
    link->rates[link->n_rates++ % CLV_LINK_RATE_SAMPLES] = bytes_per_s;
    uint32_t n = link->n_rates < CLV_LINK_RATE_SAMPLES ? link->n_rates : CLV_LINK_RATE_SAMPLES;
    link->bytes_per_s = greatest(link->rates, n);
}

/* Until the first small message, a round trip is what the rate leaves of a large one. */
static void guess_rtt(clv_link_estimate *link, double path_us)
{
    if (link->rtt_us <= 0.0)
        link->rtt_us = path_us / 2.0;
    else if (path_us < link->rtt_us) /* nothing is quicker than a round trip */
        add_rtt(link, path_us);
}

void clv_link_estimate_add(clv_link_estimate *link, const clv_link_sample *sample)
{
    double path_us = (double)sample->answered_us - (double)sample->sent_us - sample->server_us;

    if (!(path_us > 0.0) || !(sample->bytes >= 0.0) || !(sample->server_us >= 0.0))
        return;
    if (sample->bytes <= SMALL_BYTES) {
        double on_link_us = link->bytes_per_s > 0.0 ? sample->bytes / link->bytes_per_s * 1e6 : 0.0;
        double rtt_us = path_us > 2.0 * on_link_us ? path_us - on_link_us : path_us / 2.0;
        if (sample->alone || link->rtt_us <= 0.0 || rtt_us < link->rtt_us)
            add_rtt(link, rtt_us);
        return;
    }
    guess_rtt(link, path_us);
    double left_us = (double)sample->answered_us - sample->server_us - link->rtt_us;
    double from_us = (double)sample->sent_us;
    from_us = link->left_us > from_us ? link->left_us : from_us;
    double least_us = JITTER_OF_RTT * link->rtt_us;
    least_us = least_us > JITTER_US ? least_us : JITTER_US;
    double on_link_us = left_us - from_us;
    add_rate(link, sample->bytes / (on_link_us > least_us ? on_link_us : least_us) * 1e6);
    link->left_us = left_us > link->left_us ? left_us : link->left_us;
}

void clv_link_estimate_lost(clv_link_estimate *link)
{
    double half = link->bytes_per_s / 2.0;

    link->n_rates = 0;
    if (half > 0.0)
        add_rate(link, half);
}
