/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_CALIBRATE_H
#define CLV_CALIBRATE_H

/** @file calibrate.h: runs a float graph on samples and remembers what its values are like, in
 *  memory that doesn't grow with the samples. */

#include "compress/histogram.h"
#include "compress/simulate.h"

/** Inputs to calibrate with. */
typedef struct clv_samples {
    size_t count;
    void *context;
    /** Put sample @p index into @p inputs, one float32 or other tensor for each graph input. */
    clv_status (*read)(void *context, size_t index, clv_tensor *inputs, clv_error *err);
} clv_samples;

/** Who is told how far long work is, and may end it. */
typedef struct clv_watcher {
    /** "calibrating", 12 of 64. @return CLV_OK, or what ends the work. NULL: nobody looks. */
    clv_status (*progress)(void *context, const char *what, size_t done, size_t total,
                           clv_error *err);
    void *context;
} clv_watcher;

CLV_NODISCARD clv_status clv_watcher_tell(const clv_watcher *watcher, const char *what, size_t done,
                                          size_t total, clv_error *err);

/** What one value is like. Channels are its dimension 1. */
typedef struct clv_value_stats {
    clv_histogram *histogram; /**< NULL: not collected */
    uint32_t n_channels;      /**< 0: it has none */
    double *sums;             /**< of all numbers of a channel */
    float *largest;           /**< magnitude in a channel */
    uint64_t n_summed;        /**< numbers in each sum */
} clv_value_stats;

typedef struct clv_calibration {
    uint32_t n_values;
    clv_value_stats *values;
    clv_arena memory;
} clv_calibration; /* all zero is empty */

/** Make room for @p graph's float32 values: their channels, and histograms if wanted. */
CLV_NODISCARD clv_status clv_calibration_init(clv_calibration *out, const clv_graph *graph,
                                              bool histograms);
void clv_calibration_done(clv_calibration *calibration); /* idempotent */

/** Run samples @p first, @p first + @p step, ... and add what every value was.
 *  @return CLV_OK; CLV_EFORMAT where a value was a NaN or infinite; errors of samples and runs. */
typedef struct clv_sample_range {
    size_t first, step, limit; /**< at most limit of them; 0: no limit */
} clv_sample_range;
CLV_NODISCARD clv_status clv_calibrate(clv_calibration *calibration, clv_simulator *simulator,
                                       const clv_graph *graph, const clv_samples *samples,
                                       clv_sample_range range, const clv_watcher *watcher,
                                       clv_error *err);

/** Mean of channel @p c; 0 where nothing was seen. */
double clv_channel_mean(const clv_value_stats *stats, uint32_t c);

#endif
