/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SPLIT_H
#define BENCH_SPLIT_H

/** @file split.h: ./dev bench split: a grid of links, devices and networks; what each way of using
 *  a server costs there, by the planner's model of measured profiles and, in some cells, measured
 * in the link laboratory. */

#include <stdio.h>

#include "partitioner/plan.h"
#include "runtime/bundle.h"

enum { SPLIT_RATES = 9, SPLIT_RTTS = 4, SPLIT_SLOWS = 4 };
enum { SPLIT_CELLS = SPLIT_RATES * SPLIT_RTTS * SPLIT_SLOWS, SPLIT_MAX_NETS = 8 };
extern const double split_rates_mbit[SPLIT_RATES];
extern const double split_rtts_ms[SPLIT_RTTS];
extern const double split_slows[SPLIT_SLOWS];

/** A cell of one network's grid: rate * 16 + rtt * 4 + slowdown. */
static inline double split_rate(uint32_t cell)
{
    return split_rates_mbit[cell / (SPLIT_RTTS * SPLIT_SLOWS)];
}
static inline double split_rtt(uint32_t cell)
{
    return split_rtts_ms[cell / SPLIT_SLOWS % SPLIT_RTTS];
}
static inline double split_slow(uint32_t cell)
{
    return split_slows[cell % SPLIT_SLOWS];
}

/** X(NAME, "name"): ways of using a server. */
#define SPLIT_WAYS(X)                                                                              \
    X(DEVICE, "device only")                                                                       \
    X(RAW, "raw to server")                                                                        \
    X(JPEG, "JPEG to server")                                                                      \
    X(FIXED, "best fixed split")                                                                   \
    X(CLEAVE, "Cleave")

typedef enum split_way {
#define SPLIT_ENUM(name, text) SPLIT_##name,
    SPLIT_WAYS(SPLIT_ENUM)
#undef SPLIT_ENUM
        SPLIT_N_WAYS
} split_way;
extern const char *const split_way_names[SPLIT_N_WAYS];

/** What was measured of one way in one cell. */
typedef struct split_measured {
    uint32_t frames;   /**< 0: not measured */
    uint32_t failed;   /**< answered by somebody else than was meant to */
    double latency_ms; /**< median */
    double bytes;      /**< of requests, mean */
    double joules;     /**< by the declared watts from measured times */
    /** Cleave only, in a run of its own with SPLIT_IN_FLIGHT frames on their way; 0: not measured
     */
    double frames_per_s;
} split_measured;

/** cleave-edge's own default. */
#define SPLIT_IN_FLIGHT 4

typedef struct split_net {
    char name[64];
    bool graph_only; /**< its weights are made up: no codec that profits from its activations */
    clv_bundle *bundle;
    clv_profile *profile;
    clv_plan *all;                              /**< nothing dropped */
    clv_plan *plan;                             /**< Cleave's */
    uint32_t choice[SPLIT_CELLS][SPLIT_N_WAYS]; /**< candidates of `all`; CLV_PLAN_NONE */
    clv_plan_cost cost[SPLIT_CELLS][SPLIT_N_WAYS];
    double byte_ns;           /**< of split_rules */
    bool in_lab[SPLIT_CELLS]; /**< it is run in the laboratory */
    split_measured measured[SPLIT_CELLS][SPLIT_N_WAYS];
} split_net;

typedef struct split_rules {
    bool graph_only;
    double min_agreement;       /**< of `rans`: as measured in DIR/NAME.PRECISION.sweep, or as the
                                     bundle says */
    double message_us, byte_ns; /**< processor time of the device for a message, and each byte */
    double jpeg_bytes;          /**< instead of the pictures' own, for another camera; 0: those */
    /** A JPEG that the device makes, of the network's size: quality (0: none agrees enough), bytes,
     *  to resize and encode, to decode and normalise. */
    uint32_t fit_quality;
    double fit_bytes, fit_device_ns, fit_server_ns;
    uint32_t lab_cells; /**< that are run in the laboratory */
} split_rules;

/** Read `DIR/NAME.json` and `DIR/bundles/NAME/net.clv`, plan, and choose every way's candidate in
 *  every cell, and the cells for the laboratory.
 *  @param index  Of the network: others get other cells. */
CLV_NODISCARD clv_status split_net_open(split_net *net, const char *dir, const char *name,
                                        uint32_t index, const split_rules *rules, clv_error *err);
void split_net_close(split_net *net);

clv_world split_world(uint32_t cell);
/** What candidate @p i of `all` costs: by the planner's model, and what it doesn't have: a byte is
 *  work for the device too (encryption above all), which goes on while bytes before it are on the
 *  link, so that the slower of the two counts. */
clv_plan_cost split_cost(const split_net *net, uint32_t i, const clv_world *world);
bool split_way_is_there(const split_net *net, split_way way);
const clv_plan_candidate *split_candidate(const split_net *net, uint32_t cell, split_way way);
/** The cheapest of device only, raw and JPEG, by the model (or as measured). */
double split_simple_ms(const split_net *net, uint32_t cell, bool measured);
double split_ms(const split_net *net, uint32_t cell, split_way way, bool measured);
/** "all", "0 jpeg", "12 rans/3 (int8, float)". */
const char *split_describe(char text[96], const split_net *net, uint32_t cell, split_way way);

/** Frames a second with SPLIT_IN_FLIGHT on their way, by the model: of the slowest stage, or of so
 *  many in a latency. */
double split_frames_per_s(const split_net *net, uint32_t cell, split_way way);

/** Choose `in_lab`: @p count cells, spread over the grid, but none with a way that takes so long
 *  that hardly a frame would be measured. */
void split_choose_cells(split_net *net, uint32_t index, uint32_t count);

/** Write `DIR/NAME-I.lab` for every candidate that is to be measured, NAME-Ip.lab for those that
 *  are Cleave's with several frames on their way, and a line on @p list for each: name, file's
 *  name, seconds, flags of cleave-edge. @return The seconds of all. */
double split_write_runs(FILE *list, const split_net *net, const char *dir, clv_error *err);
/** Read `DIR/NAME-I.out` and -Ip.out, as written by clv_lab --stamp; what isn't there wasn't
 *  measured. */
CLV_NODISCARD clv_status split_read_runs(split_net *net, const char *dir, clv_error *err);

/** Of the answers in file @p path, without stamps: mean bytes of requests, and median time on the
 *  way (all that isn't computing) in us. @return false: there are none. */
bool split_network_time(double *bytes_out, double *us_out, const char *path);

typedef struct split_summary {
    double over[SPLIT_N_WAYS]; /**< geometric mean of the way's latency over Cleave's */
    double worst;              /**< largest of Cleave's latency over the best simple way's */
    const split_net *worst_net;
    uint32_t worst_cell;
    double over_simple;     /**< geometric mean of the best simple way's latency over Cleave's */
    uint32_t cells, behind; /**< behind: Cleave is more than 2% worse than the best simple way */
} split_summary;
split_summary split_summarise(const split_net *nets, uint32_t n, bool measured);

/** Of |model - measured| / measured, over all measured ways. */
typedef struct split_error {
    double median, p90, bias; /**< bias: geometric mean of model / measured */
    uint32_t count;
} split_error;
split_error split_error_of(const split_net *nets, uint32_t n, int way); /* -1: all */
/** The same of Cleave's frames a second; here bias is of measured / model. */
split_error split_rate_error(const split_net *nets, uint32_t n);

void split_write_csv(FILE *out, const split_net *nets, uint32_t n);
/** @param camera  The same networks where JPEGs have a camera's size. */
void split_write_page(FILE *out, const split_net *nets, const split_net *camera, uint32_t n,
                      const char *machine);

#endif
