/* SPDX-License-Identifier: Apache-2.0 */
/* Latency and memory of whole models beside ONNX Runtime's, interleaved: a few runs of one, a few
 * of the other, many times, so that both see the same machine. Called by bench/kernels.sh. */
#include <math.h>
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

static int measure(side *ours, side *theirs)
{
    int failed = 0;

    for (unsigned r = 0; r < ROUNDS && !failed; r++)
        failed = add_round(ours) | add_round(theirs);
    finish(ours);
    finish(theirs);
    return failed;
}

/* Number or null: JSON has no NaN. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static void report_pair(bench_report *report, const char *name, unsigned threads, const side *ours,
                        const side *theirs)
{
    char text[160];
    double latency = ours->median_us / theirs->median_us;
    double memory = ours->resident_mib / theirs->increment_mib;

    (void)printf("%-14s %u thread%s  %8.2f ms  %8.2f ms  %5.2f   %7.1f MiB  %7.1f MiB  %5.2f\n",
                 name, threads, threads == 1 ? " " : "s", ours->median_us / 1e3,
                 theirs->median_us / 1e3, latency, ours->resident_mib, theirs->increment_mib,
                 memory);
    bench_report_row(report,
                     json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "model", name, "threads",
                               (int)threads, "cleave_us", number(ours->median_us), "onnxruntime_us",
                               number(theirs->median_us), "cleave_resident_mib",
                               number(ours->resident_mib), "onnxruntime_increment_mib",
                               number(theirs->increment_mib), "onnxruntime_resident_mib",
                               number(theirs->resident_mib), "samples",
                               json_integer((json_int_t)ours->n)));
    (void)snprintf(text, sizeof text, "%s, %u threads: latency / onnxruntime", name, threads);
    bench_report_at_most(report, text, latency, 1.0);
    (void)snprintf(text, sizeof text, "%s, %u threads: resident memory / onnxruntime", name,
                   threads);
    bench_report_at_most(report, text, memory, 0.5);
}

/* argv: NAME MODEL.onnx BUNDLE */
static int bench_model(bench_report *report, const char *self, const char *yardstick, char **model,
                       unsigned threads)
{
    char count[16];
    side *ours = calloc(1, sizeof *ours), *theirs = calloc(1, sizeof *theirs);
    if (ours == NULL || theirs == NULL)
        abort();
    (void)snprintf(count, sizeof count, "%u", threads);
    char *mine[] = {strdup(self), strdup("--worker"), model[2], count, NULL};
    char *other[] = {strdup("node"), strdup(yardstick), model[1], count, NULL};

    int failed = bench_worker_start(&ours->worker, mine);
    if (yardstick[0] != '\0')
        failed |= bench_worker_start(&theirs->worker, other);
    if (!failed)
        failed = measure(ours, theirs);
    if (failed)
        (void)fprintf(stderr, "bench: %s with %u threads failed\n", model[0], threads);
    else
        report_pair(report, model[0], threads, ours, theirs);
    bench_worker_stop(&ours->worker);
    bench_worker_stop(&theirs->worker);
    free(mine[0]);
    free(mine[1]);
    free(other[0]);
    free(other[1]);
    free(ours);
    free(theirs);
    return failed;
}

int main(int argc, char **argv)
{
    bench_report report;
    int failed = 0;

    if (argc == 4 && strcmp(argv[1], "--worker") == 0)
        return bench_worker_main(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    if (argc < 6 || (argc - 3) % 3 != 0) {
        (void)fprintf(stderr,
                      "usage: bench_kernels OUT.json ORT_WORKER.js|'' {NAME MODEL BUNDLE}...\n");
        return 2;
    }
    bench_report_open(&report, "kernels", "./dev bench kernels");
    (void)printf("%-14s %-9s  %11s  %11s  %5s   %11s  %11s  %5s\n", "model", "", "cleave", "ORT",
                 "ratio", "cleave RSS", "ORT RSS*", "ratio");
    for (int i = 3; i + 2 < argc; i += 3) {
        for (unsigned threads = 1; threads <= 2; threads++)
            failed |= bench_model(&report, argv[0], argv[2], argv + i, threads);
    }
    (void)printf("* ONNX Runtime's share: its process less the same process before it was loaded; "
                 "ours is the whole process.\n");
    failed |= bench_report_close(&report, argv[1]);
    return failed ? 1 : 0;
}
