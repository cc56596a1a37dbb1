/* SPDX-License-Identifier: Apache-2.0 */
/* Cells that are run for real: scripts for the laboratory, and its devices' answers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/error.h"
#include "runtime/precision.h"
#include "split.h"

#define CELLS_EACH 6u
#define NETS 5u /* that the cells are spread over; also where some are left out */
/* A frame of the cell before, and the first under the new link, don't count. */
#define FRAMES 7.0
#define LEAST_SECONDS 1.2
#define MOST_SECONDS 12.0
#define SETTLE_SECONDS 0.15
#define MAX_FRAMES 4096u
#define MAX_LINE 65536u

/* Steps by the golden ratio visit the grid evenly; so do the rates, round trips and slowdowns. */
#define GOLDEN_STEP 89u

bool split_is_measured(uint32_t index, uint32_t cell)
{
    for (uint32_t i = 0; i < CELLS_EACH; i++)
        if ((i * NETS + index + 1) * GOLDEN_STEP % SPLIT_CELLS == cell)
            return true;
    return false;
}

static double seconds_for(double latency_us)
{
    double seconds = FRAMES * 1.15 * latency_us / 1e6 + 2 * SETTLE_SECONDS;
    return fmin(fmax(seconds, LEAST_SECONDS), MOST_SECONDS);
}

static bool is_run(const split_net *net, uint32_t cell, uint32_t candidate)
{
    for (split_way way = SPLIT_DEVICE; way < SPLIT_N_WAYS; way++)
        if (net->choice[cell][way] == candidate)
            return true;
    return false;
}

/* The phases of one candidate: calls @p visit for each measured cell, in order. */
typedef void phase_visitor(void *context, uint32_t cell, double from_s, double to_s);

static double walk(const split_net *net, uint32_t index, uint32_t candidate, phase_visitor *visit,
                   void *context)
{
    double at_s = 0.01;

    for (uint32_t cell = 0; cell < SPLIT_CELLS; cell++) {
        if (!split_is_measured(index, cell) || !is_run(net, cell, candidate))
            continue;
        clv_world world = split_world(cell);
        double to_s = at_s + seconds_for(clv_plan_cost_in(net->all, candidate, &world).latency_us);
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

static void write_flags(FILE *list, const clv_plan_candidate *c)
{
    const char *device = clv_precision_name((clv_precision)c->device_precision);
    const char *server = clv_precision_name((clv_precision)c->server_precision);

    if (!c->ships)
        (void)fprintf(list, "--cut all --precision %s\n", device);
    else
        (void)fprintf(list, "--cut %u --codec %s --precision %s --suffix %s\n", c->cut, c->codec,
                      device, server);
}

double split_write_runs(FILE *list, const split_net *net, uint32_t index, const char *dir,
                        clv_error *err)
{
    double total_s = 0;
    char path[4096];

    for (uint32_t candidate = 0; candidate < clv_plan_count(net->all); candidate++) {
        (void)snprintf(path, sizeof path, "%s/%s-%u.lab", dir, net->name, candidate);
        FILE *script = fopen(path, "w");
        if (script == NULL) {
            (void)clv_fail(err, CLV_EIO, path, "cannot be written");
            return -1;
        }
        double end_s = walk(net, index, candidate, write_phase, script);
        (void)fclose(script);
        if (end_s < 0.1) { /* it isn't run in any cell */
            (void)remove(path);
            continue;
        }
        (void)fprintf(list, "%s %u %.3f ", net->name, candidate, end_s + 0.2);
        write_flags(list, clv_plan_at(net->all, candidate));
        total_s += end_s;
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
    uint32_t candidate;
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
    const clv_plan_candidate *c = clv_plan_at(a->net->all, a->candidate);
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
    const clv_plan_candidate *c = clv_plan_at(a->net->all, a->candidate);
    double idle_ms = frame->total_ms - frame->busy_ms;
    double heads = c->ships ? c->bytes - c->payload_bytes : 0;

    return (e->busy_watts * frame->busy_ms + e->idle_watts * idle_ms) / 1000 +
           e->joules_per_byte * (frame->bytes + heads);
}

/* The frames that began and ended in this phase, less the settling. */
static void take_phase(void *context, uint32_t cell, double from_s, double to_s)
{
    answers *a = context;
    split_measured m = {0};
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
        if (a->net->choice[cell][way] == a->candidate)
            a->net->measured[cell][way] = m;
}

static void note_phase(void *context, uint32_t cell, double from_s, double to_s)
{
    (void)cell;
    *(double *)context += to_s - from_s;
}

clv_status split_read_runs(split_net *net, uint32_t index, const char *dir, clv_error *err)
{
    answers a = {.net = net, .items = calloc(MAX_FRAMES, sizeof *a.items)};
    char path[4096];

    if (a.items == NULL)
        return clv_fail(err, CLV_ENOMEM, net->name, "out of memory");
    for (uint32_t i = 0; i < clv_plan_count(net->all); i++) {
        double seconds = 0;
        (void)walk(net, index, i, note_phase, &seconds);
        if (seconds <= 0)
            continue;
        a.candidate = i;
        a.count = 0;
        (void)snprintf(path, sizeof path, "%s/%s-%u.out", dir, net->name, i);
        read_answers(&a, path);
        (void)walk(net, index, i, take_phase, &a);
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

split_error split_error_of(const split_net *nets, uint32_t n, int only)
{
    static double errors[SPLIT_MAX_NETS * SPLIT_CELLS * SPLIT_N_WAYS];
    split_error e = {0};

    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t cell = 0; cell < SPLIT_CELLS; cell++) {
            for (int way = 0; way < SPLIT_N_WAYS; way++) {
                const split_measured *m = &nets[i].measured[cell][way];
                if (m->frames == 0 || (only >= 0 && way != only))
                    continue;
                double model = split_ms(&nets[i], cell, (split_way)way, false);
                e.bias += log(model / m->latency_ms);
                errors[e.count++] = fabs(model - m->latency_ms) / m->latency_ms;
            }
        }
    }
    if (e.count == 0)
        return e;
    qsort(errors, e.count, sizeof errors[0], by_size);
    e.median = errors[e.count / 2];
    e.p90 = errors[e.count * 9 / 10];
    e.bias = exp(e.bias / e.count);
    return e;
}
