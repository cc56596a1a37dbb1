/* SPDX-License-Identifier: Apache-2.0 */
/* Latency and memory of whole models beside ONNX Runtime's, in float32 and in int8, interleaved: a
 * few runs of one, a few of the next, many times, so that all see the same machine. Called by
 * bench/kernels.sh. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "worker.h"

#define ROUNDS 16u
#define RUNS 8u /* in a round */
#define WARM_US                                                                                    \
    200000.0 /* before each round: idle threads wake up on one core and part only later */
#define MAX_SAMPLES (ROUNDS * RUNS)

typedef struct side {
    bench_worker worker;
    double times_us[MAX_SAMPLES];
    size_t n;
    double median_us, resident_mib, increment_mib;
} side;

/* Runs that don't count, until the other side's turn is forgotten; then those that do. */
static int add_round(side *s)
{
    double times[RUNS];

    if (s->worker.pid == 0)
        return 0; /* the yardstick isn't there */
    for (double warm_us = 0.0; warm_us < WARM_US;) {
        if (bench_worker_run(&s->worker, RUNS, times) != 0)
            return -1;
        for (unsigned i = 0; i < RUNS; i++)
            warm_us += times[i];
    }
    if (bench_worker_run(&s->worker, RUNS, times) != 0)
        return -1;
    for (unsigned i = 0; i < RUNS && s->n < MAX_SAMPLES; i++)
        s->times_us[s->n++] = times[i];
    return 0;
}

static void finish(side *s)
{
    s->median_us = bench_median(s->times_us, s->n);
    s->resident_mib = s->n ? s->worker.resident_kib / 1024.0 : NAN;
    s->increment_mib = s->n ? (s->worker.resident_kib - s->worker.baseline_kib) / 1024.0 : NAN;
    bench_worker_stop(&s->worker);
}

/* Of one model with some number of threads. */
enum { OURS, THEIRS, OURS_INT8, THEIRS_INT8, N_SIDES };

static int measure(side sides[N_SIDES])
{
    int failed = 0;

    for (unsigned r = 0; r < ROUNDS && !failed; r++) {
        for (int i = 0; i < N_SIDES; i++)
            failed |= add_round(&sides[i]);
    }
    return failed;
}

/* How far the two int8 outputs are apart, over how far they are from 0; NAN: not known. */
static double disagreement(side *ours, side *theirs)
{
    size_t n = 0, m = 0;
    double error = 0.0, size = 0.0;

    if (ours->n == 0 || theirs->n == 0)
        return NAN;
    double *a = bench_worker_output(&ours->worker, &n);
    double *b = bench_worker_output(&theirs->worker, &m);
    for (size_t i = 0; a != NULL && b != NULL && n == m && i < n; i++) {
        error += (a[i] - b[i]) * (a[i] - b[i]);
        size += b[i] * b[i];
    }
    free(a);
    free(b);
    return size > 0.0 ? sqrt(error / size) : NAN;
}

/* Number or null: JSON has no NaN. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* What is measured: NAME MODEL.onnx BUNDLE QDQ.onnx INT8_BUNDLE OF_FLOAT of the command line. */
typedef struct model {
    const char *name;
    unsigned threads;
    double of_float; /* goal of our int8 latency over our float one; 0: none */
} model;

static void report_pair(bench_report *report, const model *m, const char *precision,
                        const side *ours, const side *theirs)
{
    (void)printf(
        "%-14s %-7s %u thread%s  %8.2f ms  %8.2f ms  %5.2f   %7.1f MiB  %7.1f MiB  %5.2f\n",
        m->name, precision, m->threads, m->threads == 1 ? " " : "s", ours->median_us / 1e3,
        theirs->median_us / 1e3, ours->median_us / theirs->median_us, ours->resident_mib,
        theirs->increment_mib, ours->resident_mib / theirs->increment_mib);
    (void)fflush(stdout);
    bench_report_row(report,
                     json_pack("{s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "model", m->name,
                               "precision", precision, "threads", (int)m->threads, "cleave_us",
                               number(ours->median_us), "onnxruntime_us", number(theirs->median_us),
                               "cleave_resident_mib", number(ours->resident_mib),
                               "onnxruntime_increment_mib", number(theirs->increment_mib),
                               "onnxruntime_resident_mib", number(theirs->resident_mib), "samples",
                               json_integer((json_int_t)ours->n)));
}

static void at_most(bench_report *report, const model *m, const char *what, double value,
                    double goal)
{
    char text[160];
    (void)snprintf(text, sizeof text, "%s, %u thread%s: %s", m->name, m->threads,
                   m->threads == 1 ? "" : "s", what);
    bench_report_at_most(report, text, value, goal);
}

static void report_model(bench_report *report, const model *m, const side sides[N_SIDES],
                         double apart)
{
    const side *ours = &sides[OURS], *theirs = &sides[THEIRS];
    const side *ours8 = &sides[OURS_INT8], *theirs8 = &sides[THEIRS_INT8];

    report_pair(report, m, "float32", ours, theirs);
    report_pair(report, m, "int8", ours8, theirs8);
    at_most(report, m, "float32 latency / onnxruntime", ours->median_us / theirs->median_us, 1.0);
    at_most(report, m, "resident memory / onnxruntime", ours->resident_mib / theirs->increment_mib,
            0.5);
    at_most(report, m, "int8 latency / onnxruntime's int8", ours8->median_us / theirs8->median_us,
            0.85);
    at_most(report, m, "int8 outputs apart from onnxruntime's, relative RMS", apart, 0.2);
    if (m->of_float > 0.0 && m->threads == 1)
        at_most(report, m, "int8 latency / our float32", ours8->median_us / ours->median_us,
                m->of_float);
}

static int start_all(side sides[N_SIDES], const char *self, const char *yardstick, char **argv,
                     unsigned threads)
{
    /* bundle or model of each side, by its place behind NAME */
    static const int file[N_SIDES] = {[OURS] = 2, [THEIRS] = 1, [OURS_INT8] = 4, [THEIRS_INT8] = 3};
    char count[16];
    int failed = 0;

    (void)snprintf(count, sizeof count, "%u", threads);
    for (int i = 0; i < N_SIDES && !failed; i++) {
        bool is_ours = i == OURS || i == OURS_INT8;
        const char *words[] = {is_ours ? self : "node", is_ours ? "--worker" : yardstick,
                               argv[file[i]], count};
        char *copies[5] = {NULL};
        if (!is_ours && yardstick[0] == '\0')
            continue;
        for (int k = 0; k < 4; k++)
            copies[k] = strdup(words[k]);
        failed = bench_worker_start(&sides[i].worker, copies);
        for (int k = 0; k < 4; k++)
            free(copies[k]);
    }
    return failed;
}

/* argv: as of `model` */
static int bench_model(bench_report *report, const char *self, const char *yardstick, char **argv,
                       unsigned threads)
{
    const model m = {argv[0], threads, strtod(argv[5], NULL)};
    double apart = NAN;
    side *sides = calloc(N_SIDES, sizeof *sides);
    if (sides == NULL)
        abort();

    int failed = start_all(sides, self, yardstick, argv, threads);
    if (!failed)
        failed = measure(sides);
    if (!failed)
        apart = disagreement(&sides[OURS_INT8], &sides[THEIRS_INT8]);
    for (int i = 0; i < N_SIDES; i++)
        finish(&sides[i]);
    if (failed)
        (void)fprintf(stderr, "bench: %s with %u threads failed\n", m.name, threads);
    else
        report_model(report, &m, sides, apart);
    free(sides);
    return failed;
}

int main(int argc, char **argv)
{
    bench_report report;
    int failed = 0;

    if (argc == 4 && strcmp(argv[1], "--worker") == 0)
        return bench_worker_main(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    if (argc < 9 || (argc - 3) % 6 != 0) {
        (void)fprintf(stderr, "usage: bench_kernels OUT.json ORT_WORKER.js|'' "
                              "{NAME MODEL BUNDLE QDQ_MODEL INT8_BUNDLE OF_FLOAT}...\n");
        return 2;
    }
    bench_report_open(&report, "kernels", "./dev bench kernels");
    (void)printf("%-14s %-7s %-9s  %11s  %11s  %5s   %11s  %11s  %5s\n", "model", "", "", "cleave",
                 "ORT", "ratio", "cleave RSS", "ORT RSS*", "ratio");
    for (int i = 3; i + 5 < argc; i += 6) {
        for (unsigned threads = 1; threads <= 2; threads++)
            failed |= bench_model(&report, argv[0], argv[2], argv + i, threads);
    }
    (void)printf("* ONNX Runtime's share: its process less the same process before it was loaded; "
                 "ours is the whole process.\n");
    failed |= bench_report_close(&report, argv[1]);
    return failed ? 1 : 0;
}
