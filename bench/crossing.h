/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BENCH_CROSSING_H
#define CLV_BENCH_CROSSING_H

/** @file crossing.h: what crosses a cut of a classifier on the images of some folders, and what the
 *  network answers. Failures end the program. */

#include "bench/report.h"
#include "compress/calibration_images.h"
#include "compress/codec_design.h"
#include "compress/cut_probe.h"

#define BENCH_MAX_SETS 8
#define BENCH_MAX_CLASSES 1001

typedef struct bench_set {
    clv_calibration_images *images;
    clv_samples samples;
} bench_set;

typedef struct bench_state {
    clv_graph *graph;
    clv_input_spec spec;
    bench_set design;
    bench_set sets[BENCH_MAX_SETS]; /**< measured on */
    int n_sets;
    bench_report report;
    const char *model;
} bench_state;

/** What crossed one cut: a tensor [1, channels, rows, cols]. */
typedef struct bench_crossing {
    clv_cut_probe probe;
    clv_features design, seen;
    int64_t *answers; /**< of the float network on what was seen */
    double *metric;
    float *roots; /**< [seen, BENCH_MAX_CLASSES] of the probabilities */
    size_t classes;
    const char *name;
} bench_crossing;

_Noreturn void bench_die(const char *what, const clv_error *err);

/** Zeroed memory; out of memory aborts. */
void *bench_room(size_t count, size_t size);

/** @p text: FIT:DIR. */
void bench_open_set(bench_set *set, const char *text, clv_input_spec spec);

/** Images that are measured on. */
size_t bench_n_seen(const bench_state *b);

/** Run all images to the cut, and on to their answers. */
void bench_cross(bench_crossing *c, const bench_state *b, uint32_t cut);

/** Put @p x where the tensor crosses, and run the rest. */
void bench_load_crossing(bench_crossing *c, const float *x);
void bench_suffix(bench_crossing *c);

/** The best class of the last run. */
int64_t bench_answer_of(const bench_crossing *c);

/** Hellinger's distance, squared, of the last run's probabilities to those of image @p i. */
double bench_distance_to(const bench_crossing *c, size_t i);

#endif
