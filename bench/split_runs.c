/* SPDX-License-Identifier: Apache-2.0 */
/* Cells that are run for real: scripts for the laboratory, and its devices' answers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/error.h"
#include "runtime/precision.h"
#include "split.h"

#define NETS 5u /* that the cells are spread over; also where some are left out */
/* A frame of the cell before, and the first under the new link, don't count. */
#define FRAMES 8.0
#define LEAST_SECONDS 1.2
#define LEAST_FRAMES 3.3 /* of slow ways, so many in any case */
#define MOST_SECONDS 4.0
#define SETTLE_SECONDS 0.15
/* A cell with a slower way isn't run. */
#define MOST_LATENCY_US 4.5e6
#define PIPELINED_FRAMES 24.0
/* Those of the cell before, as many that are on their way when the last one comes, and a few. */
#define PIPELINED_LEAST (2.0 * SPLIT_IN_FLIGHT + 3)
#define MAX_FRAMES 4096u
#define MAX_LINE 65536u

/* Steps by the golden ratio visit the grid evenly; so do the rates, round trips and slowdowns. */
#define GOLDEN_STEP 89u

static bool is_quick_enough(const split_net *net, uint32_t cell)
{
    for (split_way way = SPLIT_DEVICE; way < SPLIT_N_WAYS; way++)
        if (split_way_is_there(net, way) && net->cost[cell][way].latency_us > MOST_LATENCY_US)
            return false;
    return true;
}

void split_choose_cells(split_net *net, uint32_t index, uint32_t count)
{
    uint32_t chosen = 0;

    for (uint32_t i = 0; i < SPLIT_CELLS && chosen < count; i++) {
        uint32_t cell = (i * NETS + index + 1) * GOLDEN_STEP % SPLIT_CELLS;
        if (net->in_lab[cell] || !is_quick_enough(net, cell))
            continue;
        net->in_lab[cell] = true;
        chosen++;
    }
}

static double seconds_for(double latency_us)
{
    double frame_s = 1.15 * latency_us / 1e6;
    double most_s = fmax(MOST_SECONDS, LEAST_FRAMES * frame_s);
    return fmin(fmax(FRAMES * frame_s + 2 * SETTLE_SECONDS, LEAST_SECONDS), most_s);
}

static double seconds_pipelined(const clv_plan_cost *cost)
{
    double frame_s = fmax(cost->stage_us, cost->latency_us / SPLIT_IN_FLIGHT) / 1e6;
    double least_s = 1.15 * PIPELINED_LEAST * frame_s + 2 * SETTLE_SECONDS;
    double most_s = fmax(MOST_SECONDS, least_s);
    return fmin(fmax(1.15 * PIPELINED_FRAMES * frame_s, LEAST_SECONDS), most_s);
}

static bool is_run(const split_net *net, uint32_t cell, uint32_t candidate)
{
    for (split_way way = SPLIT_DEVICE; way < SPLIT_N_WAYS; way++)
        if (net->choice[cell][way] == candidate)
            return true;
    return false;
}

/* What is run of one candidate: frames one by one, or several on their way. */
typedef struct run_of {
    const split_net *net;
    uint32_t candidate;
    bool pipelined;
} run_of;

/* The phases of a run: calls @p visit for each measured cell, in order. */
typedef void phase_visitor(void *context, uint32_t cell, double from_s, double to_s);

static double walk(const run_of *run, phase_visitor *visit, void *context)
{
    const split_net *net = run->net;
    double at_s = 0.01;

    for (uint32_t cell = 0; cell < SPLIT_CELLS; cell++) {
        /* A device by itself has one stage. */
        bool wanted = run->pipelined ? net->choice[cell][SPLIT_CLEAVE] == run->candidate &&
                                           clv_plan_at(net->all, run->candidate)->ships
                                     : is_run(net, cell, run->candidate);
        if (!net->in_lab[cell] || !wanted)
            continue;
        clv_world world = split_world(cell);
        clv_plan_cost cost = split_cost(net, run->candidate, &world);
        double to_s =
            at_s + (run->pipelined ? seconds_pipelined(&cost) : seconds_for(cost.latency_us));
        visit(context, cell, at_s, to_s);
        at_s = to_s;
    }
    return at_s;
}

static void write_phase(void *context, uint32_t cell, double from_s, double to_s)
{
    FILE *script = context;

    (void)to_s;
    (void)fprintf(script, "%.3f phase cell-%u\n%.3f rate %g\n%.3f delay %g\n%.3f device %g\n",
                  from_s, cell, from_s, split_rate(cell), from_s, split_rtt(cell) / 2, from_s,
                  split_slow(cell));
}

/* What makes cleave-edge take this rung of the bundle's ladder. */
static void write_rung(FILE *list, const split_net *net, const clv_plan_candidate *c)
{
    const clv_model *model = clv_bundle_main(net->bundle);
    const clv_cut_ladder *ladder = clv_cut_ladder_find(model->ladders, model->n_ladders, c->cut,
                                                       (clv_precision)c->device_precision);

    if (strcmp(c->codec, "rans") == 0 && ladder != NULL && c->point < ladder->n_rungs)
        (void)fprintf(list, "--min-agreement 0.001 --min-snr %.9g ",
                      ladder->rungs[c->point].snr_db * (1 - 1e-7));
}

static void write_flags(FILE *list, const split_net *net, const clv_plan_candidate *c,
                        bool pipelined)
{
    const char *device = clv_precision_name((clv_precision)c->device_precision);
    const char *server = clv_precision_name((clv_precision)c->server_precision);
    bool fitted = strcmp(c->codec, "jpeg-fit") == 0;

    (void)fprintf(list, "--in-flight %d ", pipelined ? SPLIT_IN_FLIGHT : 1);
    write_rung(list, net, c);
    if (!c->ships)
        (void)fprintf(list, "--cut all --precision %s\n", device);
    else if (fitted)
        (void)fprintf(list, "--cut 0 --codec %s:%u --precision %s --suffix %s\n", c->codec,
                      c->point, device, server);
    else
        (void)fprintf(list, "--cut %u --codec %s --precision %s --suffix %s\n", c->cut, c->codec,
                      device, server);
}

/* @return its seconds; 0: it isn't run in any cell; below 0: it failed. */
static double write_run(FILE *list, const run_of *run, const char *dir, clv_error *err)
{
    const char *name = run->net->name, *kind = run->pipelined ? "p" : "";
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%s-%u%s.lab", dir, name, run->candidate, kind);
    FILE *script = fopen(path, "w");
    if (script == NULL) {
        (void)clv_fail(err, CLV_EIO, path, "cannot be written");
        return -1;
    }
    double end_s = walk(run, write_phase, script);
    (void)fclose(script);
    if (end_s < 0.1) {
        (void)remove(path);
        return 0;
    }
    (void)fprintf(list, "%s %s-%u%s %.3f ", name, name, run->candidate, kind, end_s + 0.2);
    write_flags(list, run->net, clv_plan_at(run->net->all, run->candidate), run->pipelined);
    return end_s;
}

double split_write_runs(FILE *list, const split_net *net, const char *dir, clv_error *err)
{
    double total_s = 0;

    for (uint32_t candidate = 0; candidate < clv_plan_count(net->all); candidate++) {
        for (int pipelined = 0; pipelined < 2; pipelined++) {
            const run_of run = {net, candidate, pipelined == 1};
            double more_s = write_run(list, &run, dir, err);
            if (more_s < 0)
                return more_s;
            total_s += more_s;
        }
    }
    return total_s;
}

/* --- answers ---------------------------------------------------------------------------------- */

typedef struct answer {
    double from_s, to_s, busy_ms, total_ms, bytes;
    bool meant;
} answer;

typedef struct answers {
    split_net *net;
    run_of run;
    answer *items;
    size_t count;
} answers;

static double us_of(const json_t *us, const char *name)
{
    return json_number_value(json_object_get(us, name)) / 1000;
}

static void add_answer(answers *a, double at_s, const json_t *line)
{
    const char *source = json_string_value(json_object_get(line, "source"));
    const json_t *us = json_object_get(line, "us");
    const clv_plan_candidate *c = clv_plan_at(a->net->all, a->run.candidate);
    const char *wanted = !c->ships ? "local" : c->cut == 0 ? "server" : "split";

    if (source == NULL || us == NULL || a->count == MAX_FRAMES)
        return;
    double total_ms = us_of(us, "total");
    a->items[a->count++] =
        (answer){.from_s = at_s - total_ms / 1000,
                 .to_s = at_s,
                 .busy_ms = us_of(us, "preprocess") + us_of(us, "device") + us_of(us, "encode"),
                 .total_ms = total_ms,
                 .bytes = json_number_value(json_object_get(line, "bytes")),
                 .meant = strcmp(source, wanted) == 0};
}

static void read_answers(answers *a, const char *path)
{
    static char text[MAX_LINE];
    FILE *in = fopen(path, "r");

    if (in == NULL)
        return; /* nothing was measured */
    while (fgets(text, sizeof text, in) != NULL) {
        char *end;
        double at_s = strtod(text, &end);
        json_t *line = *end == '\t' ? json_loads(end + 1, 0, NULL) : NULL;
        if (line != NULL)
            add_answer(a, at_s, line);
        json_decref(line);
    }
    (void)fclose(in);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double joules_of(const answers *a, const answer *frame)
{
    const clv_plan_energy *e = &clv_plan_options_of(a->net->all)->energy;
    const clv_plan_candidate *c = clv_plan_at(a->net->all, a->run.candidate);
    double idle_ms = frame->total_ms - frame->busy_ms;
    double heads = c->ships ? c->bytes - c->payload_bytes : 0;

    return (e->busy_watts * frame->busy_ms + e->idle_watts * idle_ms) / 1000 +
           e->joules_per_byte * (frame->bytes + heads);
}

#define LEAST_ANSWERS 3u

/* Answers that came in this phase, less the settling: how many in the time from first to last. */
static void take_rate(void *context, uint32_t cell, double from_s, double to_s)
{
    answers *a = context;
    double first_s = 0, last_s = 0;
    uint32_t n = 0;

    for (size_t i = 0; i < a->count; i++) {
        const answer *frame = &a->items[i];
        if (frame->from_s < from_s + SETTLE_SECONDS || frame->to_s > to_s || !frame->meant)
            continue;
        first_s = n == 0 ? frame->to_s : first_s;
        last_s = frame->to_s;
        n++;
    }
    if (n >= LEAST_ANSWERS && last_s > first_s)
        a->net->measured[cell][SPLIT_CLEAVE].frames_per_s = (n - 1) / (last_s - first_s);
}

/* The frames that began and ended in this phase, less the settling. */
static void take_phase(void *context, uint32_t cell, double from_s, double to_s)
{
    answers *a = context;
    split_measured m = {.frames_per_s = a->net->measured[cell][SPLIT_CLEAVE].frames_per_s};
    double *times = calloc(a->count + 1, sizeof *times);

    for (size_t i = 0; i < a->count && times != NULL; i++) {
        const answer *frame = &a->items[i];
        if (frame->from_s < from_s + SETTLE_SECONDS || frame->to_s > to_s)
            continue;
        if (!frame->meant) {
            m.failed++;
            continue;
        }
        times[m.frames++] = frame->total_ms;
        m.bytes += frame->bytes;
        m.joules += joules_of(a, frame);
    }
    if (m.frames > 0) {
        qsort(times, m.frames, sizeof *times, by_size);
        m.latency_ms = (times[(m.frames - 1) / 2] + times[m.frames / 2]) / 2;
        m.bytes /= m.frames;
        m.joules /= m.frames;
    }
    free(times);
    for (split_way way = SPLIT_DEVICE; way < SPLIT_N_WAYS; way++)
        if (a->net->choice[cell][way] == a->run.candidate)
            a->net->measured[cell][way] = m;
}

static void read_run(answers *a, const char *dir)
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%s-%u%s.out", dir, a->net->name, a->run.candidate,
                   a->run.pipelined ? "p" : "");
    a->count = 0;
    read_answers(a, path);
    (void)walk(&a->run, a->run.pipelined ? take_rate : take_phase, a);
}

clv_status split_read_runs(split_net *net, const char *dir, clv_error *err)
{
    answers a = {.net = net, .items = calloc(MAX_FRAMES, sizeof *a.items)};

    if (a.items == NULL)
        return clv_fail(err, CLV_ENOMEM, net->name, "out of memory");
    for (int pipelined = 0; pipelined < 2; pipelined++) {
        for (uint32_t i = 0; i < clv_plan_count(net->all); i++) {
            a.run = (run_of){net, i, pipelined == 1};
            read_run(&a, dir);
        }
    }
    free(a.items);
    return CLV_OK;
}

bool split_network_time(double *bytes_out, double *us_out, const char *path)
{
    static double times[MAX_FRAMES];
    static char text[MAX_LINE];
    double bytes = 0;
    size_t n = 0;
    FILE *in = fopen(path, "r");

    while (in != NULL && n < MAX_FRAMES && fgets(text, sizeof text, in) != NULL) {
        json_t *line = json_loads(text, 0, NULL);
        double network = us_of(json_object_get(line, "us"), "network") * 1000;
        if (network > 0) {
            bytes += json_number_value(json_object_get(line, "bytes"));
            times[n++] = network;
        }
        json_decref(line);
    }
    if (in != NULL)
        (void)fclose(in);
    if (n == 0)
        return false;
    qsort(times, n, sizeof times[0], by_size);
    *us_out = times[n / 2];
    *bytes_out = bytes / (double)n;
    return true;
}

static split_error sum_up(double *errors, uint32_t count, double log_bias)
{
    split_error e = {.count = count};

    if (count == 0)
        return e;
    qsort(errors, count, sizeof errors[0], by_size);
    e.median = errors[count / 2];
    e.p90 = errors[count * 9 / 10];
    e.bias = exp(log_bias / count);
    return e;
}

split_error split_error_of(const split_net *nets, uint32_t n, int only)
{
    static double errors[SPLIT_MAX_NETS * SPLIT_CELLS * SPLIT_N_WAYS];
    uint32_t count = 0;
    double bias = 0;

    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t cell = 0; cell < SPLIT_CELLS; cell++) {
            for (int way = 0; way < SPLIT_N_WAYS; way++) {
                const split_measured *m = &nets[i].measured[cell][way];
                if (m->frames == 0 || (only >= 0 && way != only))
                    continue;
                double model = split_ms(&nets[i], cell, (split_way)way, false);
                bias += log(model / m->latency_ms);
                errors[count++] = fabs(model - m->latency_ms) / m->latency_ms;
            }
        }
    }
    return sum_up(errors, count, bias);
}

split_error split_rate_error(const split_net *nets, uint32_t n)
{
    static double errors[SPLIT_MAX_NETS * SPLIT_CELLS];
    uint32_t count = 0;
    double bias = 0;

    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t cell = 0; cell < SPLIT_CELLS; cell++) {
            double measured = nets[i].measured[cell][SPLIT_CLEAVE].frames_per_s;
            if (measured <= 0)
                continue;
            double model = split_frames_per_s(&nets[i], cell, SPLIT_CLEAVE);
            bias += log(measured / model);
            errors[count++] = fabs(model - measured) / measured;
        }
    }
    return sum_up(errors, count, bias);
}
