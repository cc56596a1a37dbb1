/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_PROFILER_PARTS_H
#define CLV_PROFILER_PARTS_H

/** @file profiler_parts.h: the inside of clv_profiler_measure(): profiler.c (the whole, and the
 *  nodes), profiler_batches.c (several frames together), profiler_inputs.c (what the network sees),
 * profiler_points.c (codecs). */

#include "media/image.h"
#include "profiler/profiler.h"
#include "runtime/tensor_set.h"

/** Times of one thing; min and spread of them. */
typedef struct clv_time_samples {
    uint64_t *ns;
    uint32_t count;
} clv_time_samples;

/** Sorts the samples. */
clv_profile_time clv_time_samples_sum_up(clv_time_samples *samples, uint64_t *median_out);

/** What the network sees, for each picture: inputs in the model's order. */
typedef struct clv_profiler_inputs {
    clv_tensor_set *sets;        /**< [count] */
    uint32_t count;              /**< at least 1 */
    clv_profile_time preprocess; /**< from pixels to the input */
    bool has_frames;             /**< it takes images: what follows is known */
    clv_profile_time encode;     /**< from pixels to JPEG; 0: the pictures are JPEGs */
    clv_profile_time decode;     /**< from JPEG to pixels */
    double mean_file_bytes, p95_file_bytes, mean_pixel_bytes, p95_pixel_bytes;
    bool all_jpeg;     /**< the camera makes them */
} clv_profiler_inputs; /* all zero is empty */

/** @param inputs  For clv_profiler_inputs_done() in any case. */
CLV_NODISCARD clv_status clv_profiler_inputs_init(clv_profiler_inputs *inputs,
                                                  const clv_profiler_options *options,
                                                  clv_error *err);
void clv_profiler_inputs_done(clv_profiler_inputs *inputs);

/** Measure the nodes of @p form into @p run. */
CLV_NODISCARD clv_status clv_profiler_nodes(clv_profile_run *run,
                                            const clv_profiler_options *options,
                                            const clv_profiler_form *form,
                                            const clv_profiler_inputs *inputs, clv_error *err);

/** Add runs of the options' batches of @p form, whose run of one frame is there. */
CLV_NODISCARD clv_status clv_profiler_batches(clv_profile *profile,
                                              const clv_profiler_options *options,
                                              const clv_profiler_form *form,
                                              const clv_profiler_inputs *inputs, clv_error *err);

/** Points in any order. */
typedef struct clv_point_list {
    clv_profile_point *items;
    uint32_t count, cap;
} clv_point_list; /* all zero is empty */

CLV_NODISCARD clv_status clv_point_list_add(clv_point_list *list, const clv_profile_point *point);

/** Add what shipping @p form's frontiers costs. */
CLV_NODISCARD clv_status clv_profiler_points(clv_point_list *list,
                                             const clv_profiler_options *options,
                                             const clv_profiler_form *form,
                                             const clv_profiler_inputs *inputs, clv_error *err);

/** What tells the time: of this thread where all work is done by it, so that what else the machine
 *  does isn't measured; otherwise everybody's. */
typedef struct clv_stopwatch {
    uint64_t (*now_ns)(void);
    uint64_t cost_ns; /**< of a reading */
} clv_stopwatch;

clv_stopwatch clv_stopwatch_for(unsigned threads);

/** The time from @p before to @p after, without the reading. */
uint64_t clv_stopwatch_between(const clv_stopwatch *watch, uint64_t before, uint64_t after);

/** Put the inputs in. */
void clv_profiler_load(const clv_profiler_form *form, const clv_tensor_set *inputs);

/** Sort the points and add them to @p profile. */
CLV_NODISCARD clv_status clv_point_list_give(clv_profile *profile, clv_point_list *list);

/** The 95th percentile of @p n values, which are sorted by it. */
double clv_percentile_95(double *values, uint32_t n);

#endif
