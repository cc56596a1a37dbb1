/* SPDX-License-Identifier: Apache-2.0 */
#include "lab_answers.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/memory.h"

#define MAX_LINE 65536u
#define MAX_FRAMES (1u << 20)

static const char *const sources[] = {"split", "server", "local", "student", "none"};
enum { N_SOURCES = sizeof sources / sizeof sources[0] };

typedef struct phase {
    char name[32];
    uint64_t from_us;
    uint32_t by[N_SOURCES];
    uint32_t late;
    double bytes;
} phase;

typedef struct frame {
    uint32_t phase;
    double total_ms;
} frame;

struct lab_answers {
    phase phases[LAB_MAX_PHASES];
    uint32_t n_phases;
    frame *frames;
    uint32_t n_frames;
    uint32_t other; /* lines that are no answers */
    char line[MAX_LINE];
    size_t length;
};

static clv_status add_phase(lab_answers *answers, const char *name, uint64_t from_us)
{
    phase *last = &answers->phases[answers->n_phases];

    if (answers->n_phases == LAB_MAX_PHASES)
        return CLV_ELIMIT;
    (void)snprintf(last->name, sizeof last->name, "%s", name);
    last->from_us = from_us;
    answers->n_phases++;
    return CLV_OK;
}

clv_status lab_answers_create(lab_answers **out, const lab_script *script, clv_error *err)
{
    lab_answers *answers = clv_calloc(1, sizeof *answers);
    clv_status status = CLV_ENOMEM;

    if (answers != NULL)
        answers->frames = clv_calloc(MAX_FRAMES, sizeof *answers->frames);
    if (answers != NULL && answers->frames != NULL)
        status = add_phase(answers, "start", 0);
    for (uint32_t i = 0; i < script->count && status == CLV_OK; i++)
        if (script->events[i].what == LAB_PHASE)
            status = add_phase(answers, script->events[i].name, script->events[i].at_us);
    if (status == CLV_OK) {
        *out = answers;
        return CLV_OK;
    }
    lab_answers_free(answers);
    return clv_fail(err, status, "script", "%s",
                    status == CLV_ELIMIT ? "too many phases" : "out of memory");
}

void lab_answers_free(lab_answers *answers)
{
    if (answers == NULL)
        return;
    clv_free(answers->frames);
    clv_free(answers);
}

static void count_answer(lab_answers *answers, const json_t *line, uint64_t at_us)
{
    const char *source = json_string_value(json_object_get(line, "source"));
    uint32_t i = answers->n_phases - 1;
    int by = 0;

    while (source != NULL && by < N_SOURCES && strcmp(source, sources[by]) != 0)
        by++;
    if (source == NULL || by == N_SOURCES || answers->n_frames == MAX_FRAMES) {
        answers->other++;
        return;
    }
    while (answers->phases[i].from_us > at_us)
        i--;
    phase *p = &answers->phases[i];
    p->by[by]++;
    p->late += json_is_true(json_object_get(line, "late"));
    p->bytes += json_number_value(json_object_get(line, "bytes"));
    answers->frames[answers->n_frames++] =
        (frame){i, json_number_value(json_object_get(json_object_get(line, "us"), "total")) / 1000};
}

static void end_line(lab_answers *answers, uint64_t at_us)
{
    json_t *line = json_loadb(answers->line, answers->length, 0, NULL);

    if (json_is_object(line))
        count_answer(answers, line, at_us);
    else
        answers->other++;
    json_decref(line);
    answers->length = 0;
}

void lab_answers_add(lab_answers *answers, const char *bytes, size_t count, uint64_t at_us)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\n')
            end_line(answers, at_us);
        else if (answers->length < MAX_LINE)
            answers->line[answers->length++] = bytes[i];
    }
}

/* --- the table -------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median, 95th percentile and largest time; all phases: UINT32_MAX. */
static void times_of(double out[3], const lab_answers *answers, uint32_t phase_index)
{
    double *times = clv_calloc((size_t)answers->n_frames + 1, sizeof *times);
    size_t n = 0;

    out[0] = out[1] = out[2] = 0;
    if (times == NULL)
        return;
    for (uint32_t i = 0; i < answers->n_frames; i++)
        if (phase_index == UINT32_MAX || answers->frames[i].phase == phase_index)
            times[n++] = answers->frames[i].total_ms;
    qsort(times, n, sizeof *times, by_size);
    if (n > 0) {
        out[0] = times[n / 2];
        out[1] = times[n * 95 / 100];
        out[2] = times[n - 1];
    }
    clv_free(times);
}

static uint32_t answered(const phase *p)
{
    uint32_t sum = 0;
    for (int by = 0; by < N_SOURCES; by++)
        sum += p->by[by];
    return sum;
}

static void print_row(FILE *out, const lab_answers *answers, const phase *p, uint32_t index)
{
    double times[3];
    uint32_t n = answered(p);

    times_of(times, answers, index);
    (void)fprintf(out, "%-20s %6.1f %7u", p->name, (double)p->from_us / 1e6, n);
    for (int by = 0; by < N_SOURCES; by++)
        (void)fprintf(out, " %7u", p->by[by]);
    (void)fprintf(out, " %6u %9.1f %9.1f %9.1f %10.0f\n", p->late, times[0], times[1], times[2],
                  n > 0 ? p->bytes / n : 0);
}

void lab_answers_print(FILE *out, lab_answers *answers)
{
    phase all = {.name = "all"};

    (void)fprintf(out, "%-20s %6s %7s", "phase", "from s", "frames");
    for (int by = 0; by < N_SOURCES; by++)
        (void)fprintf(out, " %7s", sources[by]);
    (void)fprintf(out, " %6s %9s %9s %9s %10s\n", "late", "median ms", "p95 ms", "max ms",
                  "bytes each");
    for (uint32_t i = 0; i < answers->n_phases; i++) {
        const phase *p = &answers->phases[i];
        if (answered(p) > 0)
            print_row(out, answers, p, i);
        for (int by = 0; by < N_SOURCES; by++)
            all.by[by] += p->by[by];
        all.late += p->late;
        all.bytes += p->bytes;
    }
    print_row(out, answers, &all, UINT32_MAX);
    if (answers->other > 0)
        (void)fprintf(out, "%u lines were no answers\n", answers->other);
}
