/* SPDX-License-Identifier: Apache-2.0 */
/* How long planning takes: parting graphs of 500 nodes of several kinds. Called by bench/plan.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "partitioner/cuts.h"
#include "partitioner/follow.h"
#include "partitioner/plan.h"
#include "report.h"

enum { NODES = 500, MAX_READERS = 8, REPEATS = 101 };

/* A graph of NODES nodes that make a tensor each; tensor 0 is the input. */
typedef struct problem {
    clv_cut_problem p;
    uint64_t device_ns[NODES], server_ns[NODES];
    clv_cut_tensor tensors[NODES + 1];
    uint32_t readers[NODES + 1][MAX_READERS];
} problem;

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Node @p reader reads what @p maker makes (-1: the input), if there is room. */
static void read_from(problem *b, int maker, uint32_t reader)
{
    clv_cut_tensor *t = &b->tensors[maker + 1];
    if (t->n_consumers < MAX_READERS)
        b->readers[maker + 1][t->n_consumers++] = reader;
}

/* 0: a chain. 1: with a shortcut over every second node. 2: blocks of four branches of four nodes
 * and a node that joins them. 3: nodes that read any two of the 24 before them: one large part. */
static void connect(problem *b, int kind, uint32_t *state)
{
    for (uint32_t i = 0; i < NODES; i++) {
        uint32_t in_block = i % 17;
        int before = (int)i - 1, window = i < 24 ? (int)i : 24;
        if (kind == 1 && i % 3 == 2)
            read_from(b, before - 2, i);
        if (kind == 2 && in_block == 0) {
            for (uint32_t branch = 1; i > 0 && branch < 4; branch++)
                read_from(b, (int)i - 1 - 4 * (int)branch, i);
        } else if (kind == 2 && in_block % 4 == 1) {
            before = (int)(i - in_block);
        } else if (kind == 3 && i > 0) {
            read_from(b, before - (int)(next_random(state) % (uint32_t)window), i);
            before -= (int)(next_random(state) % (uint32_t)window);
        }
        read_from(b, before, i);
    }
}

static void make(problem *b, int kind, uint32_t *state)
{
    memset(b, 0, sizeof *b);
    for (uint32_t i = 0; i < NODES; i++) {
        b->server_ns[i] = 2000 + next_random(state) % 100000;
        b->device_ns[i] = b->server_ns[i] * (4 + next_random(state) % 12);
    }
    for (uint32_t t = 0; t <= NODES; t++)
        b->tensors[t] =
            (clv_cut_tensor){.producer = t == 0 ? CLV_CUT_OUTSIDE : t - 1,
                             .consumers = b->readers[t],
                             .bytes = 1000 + next_random(state) % 800000 * 400 / (t + 50),
                             .is_answer = t == NODES};
    connect(b, kind, state);
    for (uint32_t t = 0; t < NODES; t++) /* what nobody reads is an answer */
        b->tensors[t].is_answer = b->tensors[t].n_consumers == 0;
    b->p = (clv_cut_problem){NODES, NODES + 1, b->device_ns, b->server_ns, NULL, b->tensors};
}

/* The median of what one plan, and the plans for all bandwidths, take. */
static int measure(double *one_us_out, double *all_us_out, uint32_t *n_sets_out, const problem *b)
{
    double one[REPEATS], all[REPEATS];
    bool on_device[NODES];
    clv_cut_cost cost;

    for (int i = 0; i < REPEATS; i++) {
        clv_cut_sweep *sweep;
        uint64_t start = clv_clock_now_us();
        if (clv_cut_best(on_device, &cost, &b->p, 8.0 * (double)(1 + i % 50) * 2.0) != CLV_OK)
            return 1;
        uint64_t middle = clv_clock_now_us();
        if (clv_cut_sweep_create(&sweep, &b->p) != CLV_OK)
            return 1;
        all[i] = (double)(clv_clock_now_us() - middle);
        one[i] = (double)(middle - start);
        *n_sets_out = sweep->n_sets;
        clv_cut_sweep_free(sweep);
    }
    *one_us_out = bench_median(one, REPEATS);
    *all_us_out = bench_median(all, REPEATS);
    return 0;
}

static int bench_cuts(bench_report *report)
{
    static const char *const kinds[] = {"chain", "shortcuts", "four branches", "any of 24 before"};
    double most_us = 0.0;
    problem *b = clv_calloc(1, sizeof *b);
    uint32_t state = 1;
    int failed = b == NULL;

    (void)printf("%-20s  %12s  %16s  %6s\n", "500 nodes", "one plan, us", "all bandwidths",
                 "plans");
    for (int kind = 0; kind < 4 && !failed; kind++) {
        double one_us = 0.0, all_us = 0.0;
        uint32_t n_sets = 0;
        make(b, kind, &state);
        failed = measure(&one_us, &all_us, &n_sets, b);
        (void)printf("%-20s  %12.0f  %16.0f  %6u\n", kinds[kind], one_us, all_us, n_sets);
        bench_report_row(report, json_pack("{s:s, s:f, s:f, s:i}", "graph", kinds[kind], "one_us",
                                           one_us, "all_us", all_us, "plans", (int)n_sets));
        most_us = one_us > most_us ? one_us : most_us;
    }
    clv_free(b);
    bench_report_at_most(report, "500 nodes: one plan, us", most_us, 1000.0);
    return failed;
}

/* --- the look-up ---------------------------------------------------------------------------- */

/* 500 nodes, whose tensors shrink behind the first few, with codec points at each cut. */
static int fill(clv_profile **out, int is_server, uint32_t *state)
{
    uint32_t run;
    clv_profile *p;

    if (clv_profile_create(&p, NODES) != CLV_OK)
        return 1;
    int failed = 0;
    *out = p;
    for (unsigned precision = 0; precision < 2; precision++) {
        failed |= clv_profile_add_run(&run, p, precision, 1) != CLV_OK;
        for (uint32_t i = 0; i < NODES && !failed; i++)
            p->runs[run].nodes[i].min_ns =
                (is_server ? 10000 : 100000) + next_random(state) % 50000;
        for (uint32_t k = 0; k <= NODES && !failed; k++)
            p->runs[run].cut_bytes[k] = 4000 + next_random(state) % 40000 * 1000 / (k + 10);
    }
    for (uint32_t k = 0; k < NODES && !failed; k++) {
        for (uint32_t i = 0; i < 8; i++) {
            double bytes = (double)p->runs[i % 2].cut_bytes[k] / (4.0 + i);
            clv_profile_point point = {.cut = k,
                                       .precision = i % 2,
                                       .codec = "rans",
                                       .point = i / 2,
                                       .mean_bytes = bytes,
                                       .p95_bytes = bytes,
                                       .agreement = 1.0,
                                       .encode.min_ns = (uint64_t)bytes * 4,
                                       .decode.min_ns = (uint64_t)bytes * 4};
            failed |= clv_profile_add_point(p, &point) != CLV_OK;
        }
    }
    return failed;
}

static double lookup_us(const clv_plan *plan)
{
    enum { LOOKUPS = 10000 };
    double sum = 0.0; /* so that no look-up is left out */
    uint64_t start = clv_clock_now_us();

    for (int i = 0; i < LOOKUPS; i++) {
        clv_world world = {1e4 * (1 + i), 5000.0, 1.0, 1.0 + i % 7, NULL};
        sum += clv_plan_best(plan, &world).cost.latency_us;
    }
    return sum > 0.0 ? (double)(clv_clock_now_us() - start) / LOOKUPS : 0.0;
}

static double follow_us(clv_follow *follow)
{
    enum { FRAMES = 2000 };

    clv_follow_link_up(follow, 5000.0);
    uint64_t start = clv_clock_now_us();
    for (int i = 0; i < FRAMES; i++)
        (void)clv_follow_next(follow);
    return (double)(clv_clock_now_us() - start) / FRAMES;
}

/* For each objective; energy with a limit on itself. */
static int bench_objectives(bench_report *report, const clv_profile *device,
                            const clv_profile *server)
{
    double most_us = 0.0, next_us = 0.0;

    for (unsigned i = 0; i < CLV_OBJECTIVE_COUNT; i++) {
        clv_plan_options options = CLV_PLAN_OPTIONS_INIT;
        clv_follow_options follow_options = CLV_FOLLOW_OPTIONS_INIT;
        clv_follow *follow = NULL;
        clv_plan *plan;
        clv_error err;
        options.objective = (clv_objective)i;
        options.limits.device_mj = i == CLV_OBJECTIVE_ENERGY ? 500.0 : 0.0;
        uint64_t start = clv_clock_now_us();
        if (clv_plan_create(&plan, device, server, &options, &err) != CLV_OK)
            return 1;
        double made_us = (double)(clv_clock_now_us() - start), us = lookup_us(plan);
        if (clv_follow_create(&follow, plan, &follow_options) == CLV_OK)
            next_us = follow_us(follow);
        clv_follow_free(follow);
        (void)printf("%-10s  %u candidates, %u left in %.0f us; a look-up takes %.2f us, a frame "
                     "that is followed %.2f us\n",
                     clv_objective_name((clv_objective)i), clv_plan_considered(plan),
                     clv_plan_count(plan), made_us, us, next_us);
        bench_report_row(report, json_pack("{s:s, s:i, s:i, s:f, s:f, s:f}", "objective",
                                           clv_objective_name((clv_objective)i), "candidates",
                                           (int)clv_plan_considered(plan), "left",
                                           (int)clv_plan_count(plan), "made_us", made_us,
                                           "lookup_us", us, "follow_us", next_us));
        most_us = us > most_us ? us : most_us;
        clv_plan_free(plan);
    }
    bench_report_at_most(report, "a look-up, us", most_us, 50.0);
    return 0;
}

static int bench_lookup(bench_report *report)
{
    uint32_t state = 2;
    clv_profile *device = NULL, *server = NULL;

    int failed = fill(&device, 0, &state) != 0 || fill(&server, 1, &state) != 0;
    failed = failed || bench_objectives(report, device, server) != 0;
    clv_profile_free(device);
    clv_profile_free(server);
    return failed;
}

int main(int argc, char **argv)
{
    bench_report report;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: bench_plan OUT.json\n");
        return 2;
    }
    bench_report_open(&report, "plan", "./dev bench plan");
    int failed = bench_cuts(&report) | bench_lookup(&report);
    failed |= bench_report_close(&report, argv[1]);
    return failed ? 1 : 0;
}
