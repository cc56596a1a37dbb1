/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PROFILE_H
#define CLV_PROFILE_H

/** @file profile.h: what was measured of one bundle on one machine. Device and server have one
 *  each, and a plan is made of both (plan.h). Plain data; measuring, reading and writing are
 *  others' work. All memory is the profile's: clv_profile_free() frees it. One owner while it is
 *  built, then immutable. */

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/memory.h"

#define CLV_PROFILE_NAME_BYTES 128u
#define CLV_PROFILE_CODEC_BYTES 16u
#define CLV_PROFILE_MAX_RUNS 64u
#define CLV_PROFILE_MAX_POINTS 1000000u
#define CLV_PROFILE_MAX_BATCH 4096u

/** The largest time, and the largest number of bytes, of one entry: 2^40 (18 minutes, 1 TiB). */
#define CLV_PROFILE_MAX_VALUE ((uint64_t)1 << 40)

/** A time that was measured many times. */
typedef struct clv_profile_time {
    uint64_t min_ns;    /**< the least: what plans are made of */
    uint64_t spread_ns; /**< 90th percentile less min_ns */
} clv_profile_time;

typedef struct clv_profile_node {
    char name[CLV_PROFILE_NAME_BYTES]; /**< may be cut short */
    char op[32];                       /**< name of the operator */
    uint64_t macs;                     /**< clv_node_macs(); for one frame */
} clv_profile_node;

/** The nodes of one program, run in sequence, warm. Times are of the whole batch. */
typedef struct clv_profile_run {
    unsigned precision;      /**< number of runtime/precision.h */
    uint32_t batch;          /**< frames; at least 1 */
    clv_profile_time whole;  /**< nodes [0, n_nodes) without a clock in between */
    clv_profile_time *nodes; /**< [n_nodes] */
    /** [n_nodes + 1]: memory that a device needs to run [0, k): weights, activations, scratch. */
    uint64_t *peak_bytes;
    uint64_t *cut_bytes; /**< [n_nodes + 1]: the frontier of one frame, as this program stores it */
} clv_profile_run;

/** One way in which what crosses one cut may travel, for one frame. Besides the codecs of
 *  codec/activation.h there are, at cut 0, `pixels` and `jpeg`: the frame itself, which the server
 *  then preprocesses: decode is to pixels, encode from pixels (0: the camera gives JPEG). */
typedef struct clv_profile_point {
    uint32_t cut;
    unsigned precision; /**< of the program that made what is encoded */
    char codec[CLV_PROFILE_CODEC_BYTES];
    uint32_t point;    /**< operating point of codecs that have several; else 0 */
    double mean_bytes; /**< of the payload */
    double p95_bytes;  /**< 95th percentile over frames; at least mean_bytes where known, or 0 */
    clv_profile_time encode, decode; /**< on this machine */
    bool lossless;
    double agreement; /**< with the unsplit network at the same precision, 0 .. 1; lossless: 1 */
} clv_profile_point;

typedef struct clv_profile {
    char processor[CLV_PROFILE_NAME_BYTES];
    clv_digest bundle; /**< its id */
    uint32_t threads;  /**< of one run */
    uint32_t n_nodes;
    clv_profile_node *nodes;
    clv_profile_time preprocess; /**< pixels to the network's input; 0: unknown or none */
    uint32_t n_runs, n_points;
    clv_profile_run *runs;
    clv_profile_point *points; /**< in order of cut */
    /* private */
    uint32_t cap_points;
    clv_arena arena;
} clv_profile;

/** A profile of @p n_nodes nodes, without runs and points, all else 0.
 *  @return CLV_OK; CLV_ELIMIT (no graph has so many nodes); CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_profile_create(clv_profile **out, uint32_t n_nodes);
void clv_profile_free(clv_profile *profile); /* NULL is a no-op */

/** A run with arrays of zeros, to be filled in through @p index_out into runs. Pointers to runs are
 *  good until the next is added.
 *  @return CLV_OK; CLV_EINVAL: batch 0; CLV_ELIMIT: too many runs; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_profile_add_run(uint32_t *index_out, clv_profile *profile,
                                             unsigned precision, uint32_t batch);

/** Add a copy of @p point behind the others: its cut isn't before that of the last.
 *  @return CLV_OK; CLV_EINVAL: out of order or no such cut; CLV_ELIMIT: too many; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_profile_add_point(clv_profile *profile,
                                               const clv_profile_point *point);

/** Whether everything is possible: what readers of files and messages call after they have built
 *  one. @return CLV_OK; CLV_EFORMAT, CLV_ELIMIT with @p err naming what. */
CLV_NODISCARD clv_status clv_profile_check(const clv_profile *profile, clv_error *err);

/** NULL: there is none. */
const clv_profile_run *clv_profile_find_run(const clv_profile *profile, unsigned precision,
                                            uint32_t batch);
const clv_profile_point *clv_profile_find_point(const clv_profile *profile, uint32_t cut,
                                                unsigned precision, const char *codec,
                                                uint32_t point);

/** The first point of @p cut or of one behind it, as an index; n_points: there is none. */
uint32_t clv_profile_points_from(const clv_profile *profile, uint32_t cut);

#endif
