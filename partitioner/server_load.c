/* SPDX-License-Identifier: Apache-2.0 */
#include "partitioner/server_load.h"

#include <math.h>

#define FOLLOW 0.5 /* weight of a new sample */
#define SURPRISE 0.2
#define FEW_OTHERS 0.5 /* requests a worker, which keep nobody waiting */

void clv_server_load_init(clv_server_load *load, double whole_us)
{
    *load = (clv_server_load){.factor = 1.0, .base = 1.0, .whole_us = whole_us};
}

static void follow(double *value, double sample)
{
    *value += FOLLOW * (sample - *value);
}

/* The first sample is all that is known. */
static void follow_from_none(double *value, double sample)
{
    if (*value > 0.0)
        follow(value, sample);
    else
        *value = sample;
}

/* What a request of others adds to a wait. */
static double each_us(const clv_server_load *load)
{
    return load->each_us > 0.0 ? load->each_us : load->factor * load->whole_us;
}

static double expected_wait_us(const clv_server_load *load, double others)
{
    return others >= 1.0 ? each_us(load) * (others - 0.5) : 0.0;
}

static double at_most(double factor)
{
    return factor < CLV_SERVER_LOAD_MAX_FACTOR ? factor : CLV_SERVER_LOAD_MAX_FACTOR;
}

bool clv_server_load_measured(clv_server_load *load, double factor, double waited_us, double others)
{
    bool moved = factor > 0.0 && fabs(factor - load->factor) > SURPRISE * load->factor;

    follow(&load->waited_us, waited_us);
    if (others >= 1.0 && waited_us > 0.0)
        follow_from_none(&load->each_us, waited_us / (others - 0.5));
    if (factor <= 0.0)
        return false;
    follow(&load->factor, factor);
    if (others >= 0.0 && others < FEW_OTHERS)
        follow(&load->base, factor);
    else if (others >= FEW_OTHERS)
        follow_from_none(&load->slope, factor > load->base ? (factor - load->base) / others : 0.0);
    return moved;
}

void clv_server_load_told(clv_server_load *load, double others)
{
    if (!(others >= 0.0) || !isfinite(others))
        return;
    follow(&load->factor, at_most(load->base + load->slope * others));
    follow(&load->waited_us, expected_wait_us(load, others));
}

double clv_server_load_hope(double *waited_us_out, const clv_server_load *load, double others)
{
    double known = others >= 0.0 && isfinite(others) ? others : 0.0;
    double waited_us = expected_wait_us(load, known);
    double factor = at_most(1.0 + load->slope * known);

    *waited_us_out = waited_us < load->waited_us ? waited_us : load->waited_us;
    return factor < load->factor ? factor : load->factor;
}
