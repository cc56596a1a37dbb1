/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BENCH_WORKER_H
#define CLV_BENCH_WORKER_H

/** @file worker.h: a process of its own for each side of a comparison, so that memory and threads
 *  are its own. It reads "run N" lines and answers with N times in microseconds and its resident
 *  memory, and "output" with the number of elements of the first output and those of its last run;
 *  closing its input ends it. Workers of other programs speak the same lines. */

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

typedef struct bench_worker {
    pid_t pid;
    FILE *to, *from;
    double baseline_kib; /* resident memory before it loaded anything */
    double resident_kib; /* after the last runs */
} bench_worker;

/** Start argv[0] and wait for its line "ready BASELINE_KIB". @return 0; -1 when it fails. */
int bench_worker_start(bench_worker *worker, char *const *argv);

/** Run @p n times into @p times_us. @return 0; -1 when the worker has failed. */
int bench_worker_run(bench_worker *worker, unsigned n, double *times_us);

/** The first output of the last run. @return its elements, to be freed; NULL when the worker has
 *  failed. */
double *bench_worker_output(bench_worker *worker, size_t *n_out);

void bench_worker_stop(bench_worker *worker);

/** Our own worker: main() of `bench_kernels --worker BUNDLE THREADS`. */
int bench_worker_main(const char *bundle, unsigned threads);

#endif
