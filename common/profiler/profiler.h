/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PROFILER_H
#define CLV_PROFILER_H

/** @file profiler.h: measures a network on this machine: what plans are made of
 *  (partitioner/profile.h). How, and what the figures mean: docs/profile.md.
 *
 *  Where one thread does all work its own processor time is what counts: a machine that is busy
 *  with other things has the same profile as an idle one. With several threads it is the clock on
 *  the wall.
 *
 *  Nodes are timed where they run: warm, one after the other, in the arena and with the caches of a
 *  real run, in whole passes with a reading of the clock between two nodes. Other passes run
 *  without, for comparison. A cut's codecs are timed on what is in the execution when a pass comes
 *  by: taking the frontier out and encoding it, decoding it and putting it in.
 *
 *  Allocates. The executions are the profiler's while it measures. */

#include "partitioner/profile.h"
#include "runtime/bundle.h"
#include "runtime/program.h"

/** A program that is measured. */
typedef struct clv_profiler_form {
    clv_precision precision;
    const clv_program *program;
    clv_exec *exec; /**< of it */
    uint32_t to;    /**< nodes [0, to) are compiled; those behind are left at 0 */
    /** Out, may be NULL: [n_nodes + 1], the median of each node's time in ns, then the whole's. */
    uint64_t *median_ns;
} clv_profiler_form;

/** An encoded image, JPEG or PNG. */
typedef struct clv_profiler_picture {
    const uint8_t *data;
    size_t bytes;
} clv_profiler_picture;

typedef struct clv_profiler_options {
    const clv_model *model;   /**< main model of the bundle */
    const clv_digest *bundle; /**< its id */
    unsigned threads;         /**< that the programs were compiled for */
    const clv_profiler_form *forms;
    uint32_t n_forms;
    /** What the network sees; at most CLV_PROFILER_MAX_PICTURES. None: a made-up image, or noise
     *  where the model takes none. Only with pictures are the bytes of `zstd`, `lz4`, `jpeg`
     *  and `pixels` those of real frames. */
    const clv_profiler_picture *pictures;
    uint32_t n_pictures;
    uint32_t passes;     /**< at most, of each kind; at least 1 */
    uint64_t budget_us;  /**< for the nodes of one form: no pass begins after it, but for the
                              first CLV_PROFILER_MIN_PASSES; UINT64_MAX: no bound */
    uint32_t max_cuts;   /**< that codecs are measured at; spread over the network */
    uint32_t codec_runs; /**< of each codec, for each picture; 0: codecs aren't measured */
    uint64_t codec_us;   /**< budget for the codecs of one form; at least one cut is measured */
    /** Numbers of frames to run together, besides one; their nodes are measured once all forms are,
     *  in another budget_us for each form: sizes for which it doesn't last are left out, and so is
     *  what can't run so (clv_graph_batch()) or takes a GiB. Forms are compiled whole. */
    const uint32_t *batches;
    uint32_t n_batches;
    const clv_backend *backend; /**< for the batches; NULL: the best one */
    clv_error *batch_note;      /**< out: why a form has no such runs; may be NULL */
    /** Between two pieces of work; false: give up. May be NULL. */
    bool (*go_on)(void *context, size_t done, size_t total);
    void *context;
} clv_profiler_options;

#define CLV_PROFILER_MIN_PASSES 3u
#define CLV_PROFILER_MAX_PASSES 1000u
#define CLV_PROFILER_MAX_PICTURES 64u

/** Measure. Of forms that run the same nodes there is one.
 *  @return CLV_OK; CLV_EINVAL (options); CLV_ECLOSED: go_on() said so; what decoding a picture or
 *          a run say, with @p err; CLV_ELIMIT, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_profiler_measure(clv_profile **out,
                                              const clv_profiler_options *options, clv_error *err);

/** Add to @p profile, which was measured at some cuts, points at all others: of the codecs that
 *  take every tensor, by the nearest cut that was measured and the bytes that cross (`rans` is as
 *  the bundle says, so it isn't guessed).
 *  @param[out] out  A profile with the same runs.
 *  @return CLV_OK; CLV_ELIMIT, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_profile_fill(clv_profile **out, const clv_profile *profile);

/** Set run->cut_bytes of every run from the forms of @p model, and names, operators and costs of
 *  the nodes: what a profile that came over the wire doesn't have.
 *  @return CLV_OK; CLV_EFORMAT: the model has other nodes, or no such form. */
CLV_NODISCARD clv_status clv_profile_describe(clv_profile *profile, const clv_model *model);

/** The sum of the nodes' times over the time of the whole: near 1, or the profile is none.
 *  0 where nothing took time. */
double clv_profile_sum_ratio(const clv_profile_run *run, uint32_t n_nodes);

#endif
