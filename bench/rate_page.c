/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of bench_rate for several networks as one page, one CSV file and the criteria.
 * Usage: bench_rate_page PAGE.md TABLE.csv REPORT.json ROWS.json... */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define MAX_CUTS 64
#define GOAL 0.97

static const double goals[] = {0.99, 0.97, 0.95};

#define N_GOALS (sizeof goals / sizeof goals[0])

typedef struct network {
    json_t *root, *rows;
    const char *title;
    bool detector;
    int cuts[MAX_CUTS];
    int n_cuts;
} network;

static const char head[] =
    "# Rate and fidelity\n\n"
    "Written by `./dev bench codec rate`: `cleave build --codec-points` for some cuts of each "
    "network, "
    "then what\n[`cleave eval --codec-sweep`](codec-sweep.md) measures, on pictures that no point, "
    "table "
    "or order comes from, and the\nplain scheme beside it. Points and tables come from 64 COCO "
    "photographs; of the detector, which is measured on COCO,\nfrom 64 of ImageNet's. Every row: "
    "[rate-fidelity.csv](benchmarks/rate-fidelity.csv).\n\n"
    "- **Bytes** are those of a whole request: prologue, header, payload. TLS adds 21 to 29 bytes "
    "for "
    "each 16 KiB.\n"
    "- **Agreement**: the part of pictures with the float network's best class; of a detector the "
    "part "
    "of its and the float\n  network's boxes of 0.4 and more that the other has too (same class, "
    "IoU "
    "0.5, 0.2 and more). One of 250 pictures\n  is 0.4%: read it as +- 1%.\n"
    "- **Bytes at an agreement** lie on the line between the two points around it; \"<\" where the "
    "coarsest point agrees\n  better still, \"-\" where the finest doesn't.\n"
    "- **plain**: a uniform quantiser per channel with a perfect entropy coder behind static "
    "tables "
    "(16, 12, 8, 6, 4\n  levels): a yardstick that nobody could quite send.\n"
    "- **jpeg** is the picture in the camera's size, encoded again; **jpeg-fit** is brought to the "
    "network's size first.\n  **JPEG** is the cheaper of the two. ResNet-20's pictures are JPEGs "
    "of "
    "quality 75 already, 32 x 32: encoding them\n  again at just that quality costs nothing, and "
    "no "
    "other JPEG of them would be so good.\n";

static double number(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *codec_of(const json_t *row)
{
    return json_string_value(json_object_get(row, "codec"));
}

static bool is_of(const json_t *row, int cut, const char *codec)
{
    return (int)number(row, "cut") == cut && strcmp(codec_of(row), codec) == 0;
}

/* --- bytes at an agreement ------------------------------------------------------------------ */

typedef struct bytes_at {
    double bytes; /* NAN: the finest point doesn't agree so well */
    bool at_most; /* the coarsest point agrees better */
} bytes_at;

/* Finer rows come first. The last crossing counts: agreement isn't quite monotonic. */
static bytes_at find_bytes(const network *n, int cut, const char *codec, double goal)
{
    bytes_at best = {NAN, false};
    double bytes = NAN, agreement = NAN;
    size_t i;
    json_t *row;

    json_array_foreach(n->rows, i, row)
    {
        if (!is_of(row, cut, codec))
            continue;
        double b = number(row, "bytes_mean"), a = number(row, "agreement");
        if (agreement >= goal && a < goal)
            best = (bytes_at){bytes + (agreement - goal) / (agreement - a) * (b - bytes), false};
        bytes = b;
        agreement = a;
    }
    if (agreement >= goal)
        best = (bytes_at){bytes, true};
    return best;
}

static bytes_at cheaper(bytes_at a, bytes_at b)
{
    return isnan(b.bytes) || a.bytes <= b.bytes ? a : b;
}

static bytes_at jpeg_bytes(const network *n, double goal)
{
    return cheaper(find_bytes(n, 0, "jpeg", goal), find_bytes(n, 0, "jpeg-fit", goal));
}

static void put_bytes(FILE *page, bytes_at b)
{
    if (isnan(b.bytes))
        (void)fprintf(page, " - |");
    else
        (void)fprintf(page, " %s%.0f |", b.at_most ? "< " : "", b.bytes);
}

static double share_of(const network *n, int cut)
{
    size_t i;
    json_t *row;
    json_array_foreach(n->rows, i, row)
    {
        if ((int)number(row, "cut") == cut)
            return number(row, "macs_fraction");
    }
    return NAN;
}

/* --- tables --------------------------------------------------------------------------------- */

/* Bytes and agreement of the one row of a codec. */
static void put_single(FILE *page, const network *n, int cut, const char *codec)
{
    size_t i;
    json_t *row;
    json_array_foreach(n->rows, i, row)
    {
        if (is_of(row, cut, codec))
            (void)fprintf(page, " %.0f (%.1f%%) |", number(row, "bytes_mean"),
                          100 * number(row, "agreement"));
    }
}

static bool has(const network *n, int cut, const char *codec)
{
    size_t i;
    json_t *row;
    json_array_foreach(n->rows, i, row)
    {
        if (is_of(row, cut, codec))
            return true;
    }
    return false;
}

static void put_pictures(FILE *page, const network *n)
{
    static const char *const codecs[] = {"jpeg", "jpeg-fit"};

    (void)fprintf(page, "| the picture | at 99%% | at 97%% | at 95%% |\n|---|---|---|---|\n");
    for (size_t c = 0; c < 2; c++) {
        (void)fprintf(page, "| %s |", codecs[c]);
        for (size_t g = 0; g < N_GOALS; g++)
            put_bytes(page, find_bytes(n, 0, codecs[c], goals[g]));
        (void)fprintf(page, "\n");
    }
    (void)fprintf(page, "\n| as it is | bytes (agreement) |\n|---|---|\n| the file |");
    put_single(page, n, 0, "camera");
    (void)fprintf(page, "\n| 8-bit numbers of the input |");
    put_single(page, n, 0, "uint8");
    (void)fprintf(page, "\n\n");
}

static void put_cuts(FILE *page, const network *n)
{
    double jpeg = jpeg_bytes(n, GOAL).bytes;

    (void)fprintf(page,
                  "| cut | MACs | float (agreement) | uint8 | rans at 99%% | at 97%% | at 95%% | "
                  "plain at 97%% | of plain | of JPEG |\n|---|---|---|---|---|---|---|---|---|---|"
                  "\n");
    for (int i = 0; i < n->n_cuts; i++) {
        int cut = n->cuts[i];
        if (!has(n, cut, "rans"))
            continue;
        (void)fprintf(page, "| %d | %.0f%% |", cut, 100 * share_of(n, cut));
        put_single(page, n, cut, "float");
        put_single(page, n, cut, "uint8");
        for (size_t g = 0; g < N_GOALS; g++)
            put_bytes(page, find_bytes(n, cut, "rans", goals[g]));
        bytes_at ours = find_bytes(n, cut, "rans", GOAL), plain = find_bytes(n, cut, "plain", GOAL);
        put_bytes(page, plain);
        (void)fprintf(page, isnan(ours.bytes / plain.bytes) ? " - |" : " %.2f |",
                      ours.bytes / plain.bytes);
        (void)fprintf(page, isnan(ours.bytes / jpeg) ? " - |\n" : " %.3f |\n", ours.bytes / jpeg);
    }
}

/* The cut between 25 and 75% of the MACs where @p codec takes the fewest bytes at @p goal; -1: none
 * reaches it. */
static int best_cut(const network *n, const char *codec, double goal)
{
    double least = INFINITY;
    int best = -1;

    for (int i = 0; i < n->n_cuts; i++) {
        double share = share_of(n, n->cuts[i]);
        double bytes = find_bytes(n, n->cuts[i], codec, goal).bytes;
        if (share < 0.25 || share > 0.755 || isnan(bytes) || bytes >= least)
            continue;
        least = bytes;
        best = n->cuts[i];
    }
    return best;
}

/* Bytes of jpeg-fit at its best quality. */
static double finest_jpeg(const network *n)
{
    size_t i;
    json_t *row;
    json_array_foreach(n->rows, i, row)
    {
        if (is_of(row, 0, "jpeg-fit"))
            return number(row, "bytes_mean");
    }
    return NAN;
}

/* No point of any ladder agrees so well: what there is at 95%. */
static void put_miss(FILE *page, const network *n)
{
    const double lower = 0.95;
    int cut = best_cut(n, "rans", lower);
    double ours = cut >= 0 ? find_bytes(n, cut, "rans", lower).bytes : NAN;

    (void)fprintf(
        page, "\nNo ladder of a cut between 25 and 75%% of the MACs reaches 97%%: **missed**. ");
    if (cut >= 0)
        (void)fprintf(page, "At 95%%: cut %d, %.0f bytes, %.3f of JPEG's %.0f.", cut, ours,
                      ours / jpeg_bytes(n, lower).bytes, jpeg_bytes(n, lower).bytes);
    (void)fprintf(page, "\n");
}

/* Each at the cut that is the best for it. */
static void put_plain(FILE *page, const network *n, double ours, bench_report *report)
{
    int cut = best_cut(n, "plain", GOAL);
    char name[160];

    if (cut < 0) {
        (void)fprintf(page, "The plain scheme reaches 97%% at none of these cuts.\n");
        return;
    }
    double plain = find_bytes(n, cut, "plain", GOAL).bytes;
    (void)fprintf(
        page,
        "Of the plain scheme's %.0f at its own best cut, %d: **%.2f** (goal 0.75: %s). Its "
        "symbols there take %.0f with tables of these very images: less no static table "
        "can do.\n",
        plain, cut, ours / plain, ours / plain <= 0.75 ? "reached" : "missed",
        find_bytes(n, cut, "plain-bound", GOAL).bytes);
    (void)snprintf(name, sizeof name, "%s: bytes at 97%% against the plain scheme", n->title);
    bench_report_at_most(report, name, ours / plain, 0.75);
}

static void put_verdict(FILE *page, const network *n, bench_report *report)
{
    int cut = best_cut(n, "rans", GOAL);
    double ours = cut >= 0 ? find_bytes(n, cut, "rans", GOAL).bytes : NAN;
    double jpeg = jpeg_bytes(n, GOAL).bytes;
    bool unreached = isnan(jpeg); /* more than the finest of the cheaper kind takes */
    char name[160];

    if (unreached)
        jpeg = finest_jpeg(n);
    (void)snprintf(name, sizeof name, "%s: bytes at 97%% against JPEG", n->title);
    bench_report_at_most(report, name, ours / jpeg, 0.25);
    if (cut < 0) {
        put_miss(page, n);
        return;
    }
    (void)fprintf(page,
                  "\nBest cut between 25 and 75%% of the MACs at 97%%: %d, %.0f bytes. Of JPEG's "
                  "%s%.0f: **%.3f** (goal 0.25: %s). ",
                  cut, ours, unreached ? "more than " : "", jpeg, ours / jpeg,
                  ours / jpeg <= 0.25 ? "reached" : "missed");
    put_plain(page, n, ours, report);
}

/* --- the files ------------------------------------------------------------------------------ */

static void put_table(FILE *table, const network *n)
{
    static const char *const keys[] = {"bits_per_element", "bytes_mean", "bytes_p95",
                                       "agreement",        "top1",       "ap50",
                                       "box_error",        "score_error"};
    size_t i;
    json_t *row;

    json_array_foreach(n->rows, i, row)
    {
        (void)fprintf(table, "%s,%d,%.4f,%s,", n->title, (int)number(row, "cut"),
                      number(row, "macs_fraction"), codec_of(row));
        if (!isnan(number(row, "point")))
            (void)fprintf(table, "%g", number(row, "point"));
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            double value = number(row, keys[k]);
            (void)fprintf(table, isnan(value) ? "," : value >= 100 ? ",%.1f" : ",%.4f", value);
        }
        (void)fprintf(table, "\n");
    }
}

static network open_network(const char *path)
{
    json_error_t error;
    network n = {.root = json_load_file(path, 0, &error)};
    size_t i;
    json_t *row;

    n.rows = json_object_get(n.root, "rows");
    n.title = json_string_value(json_object_get(n.root, "title"));
    if (n.rows == NULL || n.title == NULL) {
        (void)fprintf(stderr, "bench_rate_page: %s: %s\n", path, error.text);
        exit(1);
    }
    n.detector = json_is_true(json_object_get(n.root, "detector"));
    json_array_foreach(n.rows, i, row)
    {
        int cut = (int)number(row, "cut");
        /* in order, but for the bounds' rows at the end */
        if (n.n_cuts < MAX_CUTS && (n.n_cuts == 0 || n.cuts[n.n_cuts - 1] < cut))
            n.cuts[n.n_cuts++] = cut;
    }
    return n;
}

static void put_network(FILE *page, FILE *table, const network *n, bench_report *report)
{
    const char *svg = json_string_value(json_object_get(n->root, "svg"));
    const char *in_docs = strstr(svg, "docs/");

    (void)fprintf(page, "\n## %s\n\n%d images.\n\n", n->title,
                  (int)json_integer_value(json_object_get(n->root, "images")));
    (void)fprintf(page, "![bytes against agreement](%s)\n\n", in_docs ? in_docs + 5 : svg);
    put_pictures(page, n);
    put_cuts(page, n);
    put_verdict(page, n, report);
    put_table(table, n);
}

int main(int argc, char **argv)
{
    bench_report report;

    if (argc < 5) {
        (void)fputs("bench_rate_page PAGE.md TABLE.csv REPORT.json ROWS.json...\n", stderr);
        return 2;
    }
    FILE *page = fopen(argv[1], "w"), *table = fopen(argv[2], "w");
    if (page == NULL || table == NULL) {
        perror("bench_rate_page");
        return 1;
    }
    bench_report_open(&report, "codec-rate", "./dev bench codec");
    (void)fputs(head, page);
    (void)fputs("network,cut,macs_fraction,codec,point,bits_per_element,bytes_mean,bytes_p95,"
                "agreement,top1,ap50,box_error,score_error\n",
                table);
    for (int i = 4; i < argc; i++) {
        network n = open_network(argv[i]);
        put_network(page, table, &n, &report);
        json_decref(n.root);
    }
    bool written = fclose(page) == 0;
    written &= fclose(table) == 0;
    return bench_report_close(&report, argv[3]) != 0 || !written;
}
