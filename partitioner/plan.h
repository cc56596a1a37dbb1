/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PLAN_H
#define CLV_PLAN_H

/** @file plan.h: where to split a network, and how to ship what crosses, for any state of the
 * world.
 *
 *  A candidate is a cut of the order in which nodes run (clv_exec_run(exec, 0, cut) on the device),
 *  the precision of each half and a codec's operating point. Shipping the input, as pixels, JPEG or
 *  by a codec (cut 0), and doing everything on the device, which ships nothing, are candidates too.
 *  In a world it costs
 *
 *      latency = slowdown x device + bytes / bandwidth + round trip + load x server
 *      frame   = the slowest of these stages, when frames follow each other: device | link | server
 *      energy  = of the device: busy and idle watts, joules a byte, joules a MAC (declared)
 *
 *  each of which only grows with the candidate's device time, bytes and server time. So one that is
 *  at most as good in all of them as another is never needed, in no world and for no objective: the
 *  plan keeps the few that are left, and choosing is looking at each: their lower envelope is
 *  evaluated where the world is and never written down. clv_plan_best() allocates nothing. A plan
 * is immutable; threads share it. Pure. docs/planner.md */

#include "partitioner/profile.h"

/** X(NAME, "name") */
#define CLV_OBJECTIVE_LIST(X)                                                                      \
    X(LATENCY, "latency")       /* of one frame */                                                 \
    X(THROUGHPUT, "throughput") /* frames a second: of the slowest stage */                        \
    X(ENERGY, "energy")         /* of the device, for a frame */                                   \
    X(BYTES, "bytes")           /* that cross the link, for a frame */

typedef enum clv_objective {
#define CLV_OBJECTIVE_ENUM(name, text) CLV_OBJECTIVE_##name,
    CLV_OBJECTIVE_LIST(CLV_OBJECTIVE_ENUM)
#undef CLV_OBJECTIVE_ENUM
        CLV_OBJECTIVE_COUNT
} clv_objective;

/** Static; "invalid" for a value that is none. */
const char *clv_objective_name(clv_objective objective);
/** @return CLV_OK; CLV_ENOENT. */
CLV_NODISCARD clv_status clv_objective_find(clv_objective *out, const char *name);

/** What the device draws. Declared by its owner, not measured. */
typedef struct clv_plan_energy {
    double busy_watts;      /**< while it computes; at least idle_watts */
    double idle_watts;      /**< while it waits for the answer */
    double joules_per_byte; /**< sent or received */
    double joules_per_mac;  /**< besides busy_watts */
} clv_plan_energy;

/** What a choice must keep. 0: no such limit. The last two depend on the world. */
typedef struct clv_plan_limits {
    uint32_t min_cut;             /**< privacy: nothing is shipped from a cut before this one */
    uint32_t max_cut;             /**< nodes from this one on aren't on the device; 0: all are */
    uint64_t device_memory_bytes; /**< weights, activations and scratch of the prefix */
    double min_agreement;         /**< of the codec's point */
    double bytes_per_s;           /**< of a stream of frames_per_s */
    uint64_t deadline_us;         /**< for the latency with p95_bytes */
    double device_mj;             /**< millijoules a frame */
} clv_plan_limits;

typedef struct clv_plan_options {
    clv_objective objective;
    clv_plan_limits limits;
    clv_plan_energy energy;
    uint64_t
        device_precisions; /**< bit p: precision p is allowed; 0: every one that was measured */
    uint64_t server_precisions;
    uint32_t server_batch;  /**< frames that the server runs together; its profile has such a run */
    double frames_per_s;    /**< only for limits.bytes_per_s */
    uint32_t message_bytes; /**< heads of a request and its answer, TLS and TCP included */
    bool keep_dominated;    /**< keep what is never needed too: to show it */
    /** Keep what is never needed only because of another codec's candidate: payload_factors may
     * turn that round. */
    bool payloads_vary;
} clv_plan_options;

#define CLV_PLAN_OPTIONS_INIT                                                                      \
    {                                                                                              \
        .objective = CLV_OBJECTIVE_LATENCY, .energy = {6.0, 2.5, 4e-7, 0.0}, .server_batch = 1,    \
        .frames_per_s = 10.0, .message_bytes = 400,                                                \
    }

typedef struct clv_plan_candidate {
    bool ships;   /**< false: everything runs on the device, and the codec is "" */
    uint32_t cut; /**< n_nodes where it doesn't ship */
    unsigned device_precision, server_precision;
    char codec[CLV_PROFILE_CODEC_BYTES];
    uint32_t point;
    double agreement;
    uint64_t device_ns; /**< preprocessing and nodes */
    uint64_t encode_ns;
    uint64_t server_ns;      /**< decoding, preprocessing of pixels, nodes, of a whole batch */
    double payload_bytes;    /**< mean, without what follows */
    double bytes, p95_bytes; /**< with message_bytes and the answer */
    uint64_t peak_bytes, device_macs;
} clv_plan_candidate;

/** A state of the world. */
typedef struct clv_world {
    double bytes_per_s;     /**< of the link; 0: it is down */
    double rtt_us;          /**< round trip of an empty request, waiting at the server included */
    double server_load;     /**< the server's time over its profile's; 1: idle */
    double device_slowdown; /**< the device's time over its profile's; 1: as measured */
    /** [clv_plan_count()]: each candidate's payload over its profile's; NULL: 1. Limits that don't
     *  depend on the world go by the profile. Borrowed. */
    const double *payload_factors;
} clv_world;

#define CLV_WORLD_INIT                                                                             \
    {                                                                                              \
        0.0, 0.0, 1.0, 1.0, NULL                                                                   \
    }

/** What a candidate costs in a world; infinite where it ships and the link is down. */
typedef struct clv_plan_cost {
    double device_us, encode_us, link_us, rtt_us, server_us;
    double latency_us;     /**< their sum */
    double p95_latency_us; /**< with p95_bytes */
    double stage_us;       /**< the slowest of device and encode, link, server a frame */
    double device_mj;
    double bytes;
    double value; /**< of the objective; less is better */
    bool within;  /**< the limits that depend on the world */
} clv_plan_cost;

#define CLV_PLAN_NONE UINT32_MAX

typedef struct clv_plan_choice {
    uint32_t candidate; /**< CLV_PLAN_NONE: the link is down, and nothing may run without it */
    bool within;        /**< false: no candidate keeps the limits, and this one is the fastest */
    clv_plan_cost cost; /**< where there is a candidate */
} clv_plan_choice;

typedef struct clv_plan clv_plan;

/** Plan.
 *  @param device, server  Of one bundle; borrowed for the call. @p server NULL: there is none.
 *  @return CLV_OK; CLV_EINVAL with @p err: impossible options, profiles of different bundles,
 *          no such run; CLV_ENOENT: nothing keeps the limits; CLV_ELIMIT; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_plan_create(clv_plan **out, const clv_profile *device,
                                         const clv_profile *server, const clv_plan_options *options,
                                         clv_error *err);
void clv_plan_free(clv_plan *plan); /* NULL is a no-op */

/** In order of cut; what ships before what doesn't. */
uint32_t clv_plan_count(const clv_plan *plan);
const clv_plan_candidate *clv_plan_at(const clv_plan *plan, uint32_t candidate);
const clv_plan_options *clv_plan_options_of(const clv_plan *plan);
uint32_t clv_plan_nodes(const clv_plan *plan);      /**< of the network */
uint32_t clv_plan_considered(const clv_plan *plan); /**< candidates before any was dropped */

clv_plan_cost clv_plan_cost_in(const clv_plan *plan, uint32_t candidate, const clv_world *world);

/** Its value and within alone, in a fraction of the time. */
double clv_plan_value_in(bool *within_out, const clv_plan *plan, uint32_t candidate,
                         const clv_world *world);

/** The best candidate; of equal ones the faster, then the first. */
clv_plan_choice clv_plan_best(const clv_plan *plan, const clv_world *world);

/** Where one candidate is the best, over bandwidth. */
typedef struct clv_plan_piece {
    uint32_t candidate; /**< as in clv_plan_choice */
    double from_bytes_per_s, to_bytes_per_s;
} clv_plan_piece;

/** The best candidates from @p from to @p to bytes a second, all else as in @p world. For latency
 *  without limits that depend on the world, whose pieces are the lines of an envelope, pieces
 *  narrower than a millionth of their bandwidth may be missing; otherwise, those narrower than
 *  1/256 of the range may.
 *  @return how many there are; the first @p cap are written. */
uint32_t clv_plan_pieces(clv_plan_piece *out, uint32_t cap, const clv_plan *plan,
                         const clv_world *world, double from, double to);

#endif
