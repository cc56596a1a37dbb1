/* SPDX-License-Identifier: Apache-2.0 */
/* bench_accuracy REPORT.json PAGE.md <LIST: docs/accuracy.md from what `cleave eval --precisions
 * float,int8 --json` said. A line of the list has tabs between model, images, weight bits,
 * calibration images, most points lost, least agreement in percent (-: no limit), and the file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define FIELDS 7
#define MAX_ROWS 128
#define MOST_WEIGHTS 0.27 /* of the float form's bytes */

typedef struct row {
    const char *model, *set, *bits, *calibration, *points, *agreement;
    json_t *root;
    const json_t *plain, *int8; /* borrowed from root */
} row;

static double number(const json_t *form, const char *key)
{
    const json_t *value = json_object_get(form, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool is_detector(const row *r)
{
    return json_object_get(r->plain, "ap50") != NULL;
}

/* In percent: top-1, or AP50. */
static double quality(const row *r, const json_t *form)
{
    return 100.0 * number(form, is_detector(r) ? "ap50" : "top1");
}

/* @return false: it is no such line, or its file can't be read. */
static bool read_row(row *r, char *line)
{
    char *fields[FIELDS] = {NULL}, *rest = line;
    json_error_t error;

    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < FIELDS; i++)
        fields[i] = strsep(&rest, "\t");
    if (fields[FIELDS - 1] == NULL)
        return false;
    json_t *root = json_load_file(fields[FIELDS - 1], 0, &error);
    if (root == NULL)
        return false;
    const json_t *forms = json_object_get(root, "forms");
    *r = (row){fields[0],
               fields[1],
               fields[2],
               fields[3],
               fields[4],
               fields[5],
               root,
               json_array_get(forms, 0),
               json_array_get(forms, 1)};
    return r->int8 != NULL;
}

static void print_head(FILE *page)
{
    (void)fputs(
        "# What int8 costs\n\n"
        "Written by `./dev bench accuracy`: the networks of the zoo, float and int8, by `cleave "
        "eval --precisions float,int8`.\nEach was quantised by `cleave build --calibrate IMAGES "
        "--weight-bits BITS`; *all* is with\n`--max-drop 1`: nothing "
        "stays float for accuracy, otherwise everything is as by default.\nNo image that is "
        "evaluated was calibrated with. *Agreement* is with the float form's best class; *SNR* is "
        "of the first output\nagainst the float form's; *ms* is the median image's on the machine "
        "below, one thread; *weights* are stored bytes with the biases, *scales* what\nthe int8 "
        "ones stand for, *memory* is the arena and scratch of one "
        "execution.\n",
        page);
}

static void print_machine(FILE *page, const bench_report *report)
{
    const json_t *machine = json_object_get(report->root, "machine");
    (void)fprintf(page, "\nMachine: %s, %lld cores, %s.\n",
                  json_string_value(json_object_get(machine, "cpu")),
                  (long long)json_integer_value(json_object_get(machine, "cores")),
                  json_string_value(json_object_get(machine, "date")));
}

static void print_cost(FILE *page, const row *r)
{
    (void)fprintf(
        page, " %.1f | %.2f -> %.2f | %.0f kB, %.3f | %.0f kB | %.0f -> %.0f kB | %s |\n",
        number(r->int8, "snr_db"), number(r->plain, "run_us_median") / 1000.0,
        number(r->int8, "run_us_median") / 1000.0, number(r->int8, "weight_bytes") / 1000.0,
        number(r->int8, "weight_bytes") / number(r->plain, "weight_bytes"),
        number(r->int8, "scale_bytes") / 1000.0, number(r->plain, "activation_bytes") / 1000.0,
        number(r->int8, "activation_bytes") / 1000.0, r->calibration);
}

static void print_classifier(FILE *page, const row *r)
{
    (void)fprintf(page, "| %s | %s, %lld | %s | %.2f -> %.2f | %.2f -> %.2f | %.2f |", r->model,
                  r->set, (long long)json_integer_value(json_object_get(r->root, "images")),
                  r->bits, quality(r, r->plain), quality(r, r->int8),
                  100.0 * number(r->plain, "top5"), 100.0 * number(r->int8, "top5"),
                  100.0 * number(r->int8, "agreement"));
    print_cost(page, r);
}

static void print_detector(FILE *page, const row *r)
{
    (void)fprintf(page, "| %s | %s, %lld | %s | %.2f -> %.2f | %.2f px | %.4f |", r->model, r->set,
                  (long long)json_integer_value(json_object_get(r->root, "images")), r->bits,
                  quality(r, r->plain), quality(r, r->int8), number(r->int8, "box_error"),
                  number(r->int8, "score_error"));
    print_cost(page, r);
}

static void print_tables(FILE *page, const row *rows, size_t n)
{
    (void)fputs(
        "\n## Classifiers, float -> int8\n\n"
        "| network | images | weight bits | top-1 % | top-5 % | agreement % | SNR dB | ms | "
        "weights, of float's | scales | memory | calibrated with |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        page);
    for (size_t i = 0; i < n; i++) {
        if (!is_detector(&rows[i]))
            print_classifier(page, &rows[i]);
    }
    (void)fputs(
        "\n## Detectors, float -> int8\n\nErrors are means over the boxes that both find.\n\n"
        "| network | images | weight bits | AP50 % | box error | score error | SNR dB | ms "
        "| weights, of float's | scales | memory | calibrated with |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        page);
    for (size_t i = 0; i < n; i++) {
        if (is_detector(&rows[i]))
            print_detector(page, &rows[i]);
    }
}

static bool same_bundle(const row *a, const row *b)
{
    return strcmp(a->model, b->model) == 0 && strcmp(a->bits, b->bits) == 0;
}

/* A part of the images in percent, over all sets of the bundle of @p r: in whole images, so that
 * rounding decides nothing. */
typedef struct pool {
    long images, plain, int8, agreed; /* right in float, in int8; of the same class */
} pool;

static pool pool_of(const row *rows, size_t n, const row *r)
{
    pool p = {0};

    for (size_t i = 0; i < n; i++) {
        double images = number(rows[i].root, "images");
        if (!same_bundle(&rows[i], r))
            continue;
        p.images += lround(images);
        p.plain += lround(images * number(rows[i].plain, "top1"));
        p.int8 += lround(images * number(rows[i].int8, "top1"));
        p.agreed += lround(images * number(rows[i].int8, "agreement"));
    }
    return p;
}

static void judge_classes(bench_report *report, const row *rows, size_t n, const row *r)
{
    pool p = pool_of(rows, n, r);
    char name[256];

    (void)snprintf(name, sizeof name, "%s, %s bits: points of top-1 lost, %ld images", r->model,
                   r->bits, p.images);
    bench_report_at_most(report, name, 100.0 * (double)(p.plain - p.int8) / (double)p.images,
                         atof(r->points));
    if (strcmp(r->agreement, "-") == 0)
        return;
    (void)snprintf(name, sizeof name, "%s, %s bits: %% of images with another class", r->model,
                   r->bits);
    bench_report_at_most(report, name, 100.0 * (double)(p.images - p.agreed) / (double)p.images,
                         100.0 - atof(r->agreement));
}

/* What is demanded of the bundle of row @p r. */
static void judge(bench_report *report, const row *rows, size_t n, const row *r)
{
    char name[256];

    if (is_detector(r)) {
        (void)snprintf(name, sizeof name, "%s, %s bits: points of AP50 lost", r->model, r->bits);
        bench_report_at_most(report, name, quality(r, r->plain) - quality(r, r->int8),
                             atof(r->points));
    } else {
        judge_classes(report, rows, n, r);
    }
    (void)snprintf(name, sizeof name, "%s, %s bits: weights, of the float form's", r->model,
                   r->bits);
    bench_report_at_most(report, name,
                         number(r->int8, "weight_bytes") / number(r->plain, "weight_bytes"),
                         MOST_WEIGHTS);
}

/* Whether row @p n is the first of its bundle. */
static bool is_first(const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (same_bundle(&rows[i], &rows[n]))
            return false;
    }
    return true;
}

static void print_criteria(FILE *page, const bench_report *report)
{
    const json_t *item;
    size_t i;

    (void)fputs("\n## Criteria\n\nOf all images of a network together.\n\n| criterion | measured | "
                "at most | |\n|---|---|---|---|\n",
                page);
    json_array_foreach(report->criteria, i, item)
    {
        (void)fprintf(page, "| %s | %.3f | %.3g | %s |\n",
                      json_string_value(json_object_get(item, "name")), number(item, "value"),
                      number(item, "goal"),
                      json_is_true(json_object_get(item, "holds")) ? "holds" : "**missed**");
    }
}

static int write_page(const char *path, const bench_report *report, const row *rows, size_t n)
{
    FILE *page = fopen(path, "w");
    if (page == NULL) {
        perror(path);
        return 1;
    }
    print_head(page);
    print_machine(page, report);
    print_tables(page, rows, n);
    print_criteria(page, report);
    return fclose(page) != 0;
}

int main(int argc, char **argv)
{
    static char lines[MAX_ROWS][4096];
    row rows[MAX_ROWS] = {{0}};
    bench_report report;
    size_t n = 0;

    if (argc != 3)
        return 2;
    bench_report_open(&report, "accuracy", "./dev bench accuracy");
    for (; n < MAX_ROWS && fgets(lines[n], sizeof lines[n], stdin) != NULL; n++) {
        if (!read_row(&rows[n], lines[n])) {
            (void)fprintf(stderr, "bench_accuracy: line %zu of the list can't be used\n", n + 1);
            return 1;
        }
        bench_report_row(&report, json_deep_copy(rows[n].root));
    }
    for (size_t i = 0; i < n; i++) {
        if (is_first(rows, i))
            judge(&report, rows, n, &rows[i]);
    }
    int failed = write_page(argv[2], &report, rows, n);
    failed |= bench_report_close(&report, argv[1]);
    for (size_t i = 0; i < n; i++)
        json_decref(rows[i].root);
    return failed;
}
