/* SPDX-License-Identifier: Apache-2.0 */
/* bench_split runs DIR MIN_AGREEMENT CELLS NET... > LIST: chooses, and writes what the laboratory
 * is to run, CELLS for each network. bench_split report DIR MIN_AGREEMENT CELLS JSON CSV HTML
 * MACHINE NET...: the results. A NET that begins with ":" is a graph with made-up weights.
 * DIR/NET.json is its profile, DIR/NET.fit what a JPEG that the device makes costs (bench_pictures
 * cost). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "split.h"

/* Mean of 100 of the zoo's photographs as they are, about 500 x 375 pixels. */
#define CAMERA_JPEG_BYTES 103094.0

static split_net nets[SPLIT_MAX_NETS];
static split_net camera[SPLIT_MAX_NETS]; /* the same where JPEGs have a camera's size */
static uint32_t n_nets;

static int complain(const clv_error *err)
{
    (void)fprintf(stderr, "bench_split: %s: %s\n", err->location, err->message);
    return 3;
}

/* DIR/sending, where it was measured. */
static void read_sending(split_rules *rules, const char *dir)
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/sending", dir);
    FILE *in = fopen(path, "r");
    if (in == NULL)
        return;
    if (fscanf(in, "%lf %lf", &rules->message_us, &rules->byte_ns) != 2)
        rules->message_us = rules->byte_ns = 0;
    (void)fclose(in);
}

/* DIR/NAME.fit, where there is a quality that agrees enough. */
static void read_fit(split_rules *rules, const char *dir, const char *name)
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%s.fit", dir, name);
    FILE *in = fopen(path, "r");
    if (in == NULL)
        return;
    if (fscanf(in, "%u %lf %lf %lf", &rules->fit_quality, &rules->fit_bytes, &rules->fit_device_ns,
               &rules->fit_server_ns) != 4)
        rules->fit_quality = 0;
    (void)fclose(in);
}

/* @param args  DIR, MIN_AGREEMENT, CELLS. */
static bool open_nets(char **args, char **names, int count, clv_error *err)
{
    const char *dir = args[0];

    for (int i = 0; i < count && n_nets < SPLIT_MAX_NETS; i++) {
        split_rules rules = {.graph_only = names[i][0] == ':',
                             .min_agreement = atof(args[1]),
                             .lab_cells = (uint32_t)atoi(args[2])};
        const char *name = names[i] + rules.graph_only;
        uint32_t index = n_nets++;
        read_sending(&rules, dir);
        read_fit(&rules, dir, name);
        if (split_net_open(&nets[index], dir, name, index, &rules, err) != CLV_OK)
            return false;
        rules.jpeg_bytes = CAMERA_JPEG_BYTES;
        if (split_net_open(&camera[index], dir, name, index, &rules, err) != CLV_OK)
            return false;
    }
    return true;
}

/* Two lists of answers to messages of two sizes, over a link that costs nothing, from a device that
 * is so slow that nothing else matters. */
static int sending(char **argv)
{
    double bytes[2], us[2], slowdown = atof(argv[4]);

    for (int i = 0; i < 2; i++)
        if (!split_network_time(&bytes[i], &us[i], argv[2 + i]))
            return 3;
    double each_ns = fmax((us[0] - us[1]) / (bytes[0] - bytes[1]), 0) * 1000 / slowdown;
    double message_us = fmax(us[1] / slowdown - each_ns * bytes[1] / 1000, 0);
    (void)printf("%.1f %.3f\n", message_us, each_ns);
    return 0;
}

static int runs(const char *dir, clv_error *err)
{
    double seconds = 0;

    for (uint32_t i = 0; i < n_nets; i++) {
        double more = split_write_runs(stdout, &nets[i], dir, err);
        if (more < 0)
            return complain(err);
        seconds += more;
    }
    (void)fprintf(stderr, "bench: %.0f seconds of links to run\n", seconds);
    return 0;
}

/* --- CSV -------------------------------------------------------------------------------------- */

static void write_row(FILE *out, const split_net *net, uint32_t cell, split_way way)
{
    const clv_plan_candidate *c = split_candidate(net, cell, way);
    const clv_plan_cost *cost = &net->cost[cell][way];
    const split_measured *m = &net->measured[cell][way];
    char text[96];

    (void)fprintf(out, "%s,%g,%g,%g,%s,%u,%s,\"%s\",%.3f,%.0f,%.4f,%.3f", net->name,
                  split_rate(cell), split_rtt(cell), split_slow(cell), split_way_names[way], c->cut,
                  c->ships ? c->codec : "", split_describe(text, net, cell, way),
                  cost->latency_us / 1000, cost->bytes, cost->device_mj / 1000,
                  split_frames_per_s(net, cell, way));
    if (m->frames > 0)
        (void)fprintf(out, ",%.3f,%.0f,%.4f,%u,%u,", m->latency_ms, m->bytes, m->joules, m->frames,
                      m->failed);
    else
        (void)fprintf(out, ",,,,,,");
    if (way == SPLIT_CLEAVE && m->frames_per_s > 0)
        (void)fprintf(out, "%.3f", m->frames_per_s);
    (void)fprintf(out, "\n");
}

void split_write_csv(FILE *out, const split_net *all, uint32_t n)
{
    (void)fprintf(out, "net,mbps,rtt_ms,slowdown,way,cut,codec,choice,latency_ms,bytes,joules,"
                       "frames_per_s,measured_latency_ms,measured_request_bytes,measured_joules,"
                       "measured_frames,failed_frames,measured_frames_per_s\n");
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t cell = 0; cell < SPLIT_CELLS; cell++)
            for (split_way way = SPLIT_DEVICE; way < SPLIT_N_WAYS; way++)
                if (split_way_is_there(&all[i], way))
                    write_row(out, &all[i], cell, way);
}

/* --- summary ---------------------------------------------------------------------------------- */

static void print_summary(const char *title, const split_summary *s)
{
    if (s->cells == 0)
        return;
    (void)printf("%s, %u cells: Cleave's latency is, in the geometric mean,\n", title, s->cells);
    for (split_way way = SPLIT_DEVICE; way < SPLIT_CLEAVE; way++)
        (void)printf("  %6.2f times better than %s\n", s->over[way], split_way_names[way]);
    (void)printf("  %6.2f times better than the best of device only, raw and JPEG\n"
                 "  %+6.1f%% against that best in its worst cell (%s, %g Mbit/s, %g ms, %g times "
                 "slower); %u cells are more than 2%% worse\n",
                 s->over_simple, (s->worst - 1) * 100, s->worst_net->name,
                 split_rate(s->worst_cell), split_rtt(s->worst_cell), split_slow(s->worst_cell),
                 s->behind);
}

static void add_criteria(bench_report *report, const char *title, const split_summary *s)
{
    static const struct {
        split_way way;
        const char *text;
    } overs[] = {{SPLIT_DEVICE, "3.1 / (latency of device only / Cleave's)"},
                 {SPLIT_RAW, "3.1 / (latency of raw to server / Cleave's)"},
                 {SPLIT_JPEG, "3.1 / (latency of JPEG to server / Cleave's)"}};
    char text[200];

    for (size_t i = 0; i < sizeof overs / sizeof overs[0]; i++) {
        (void)snprintf(text, sizeof text, "%s, %s", title, overs[i].text);
        bench_report_at_most(report, text, s->cells > 0 ? 3.1 / s->over[overs[i].way] : NAN, 1);
    }
    (void)snprintf(text, sizeof text, "%s, worst cell against the best simple way", title);
    bench_report_at_most(report, text, s->cells > 0 ? s->worst : NAN, 1.02);
}

static int report(char **paths, const char *machine, clv_error *err)
{
    split_summary model = split_summarise(nets, n_nets, false);
    split_summary real = split_summarise(nets, n_nets, true);
    split_error e = split_error_of(nets, n_nets, -1);
    split_error rate = split_rate_error(nets, n_nets);
    bench_report json;
    FILE *csv = fopen(paths[1], "w"), *page = fopen(paths[2], "w");

    if (csv == NULL || page == NULL) {
        err->code = CLV_EIO;
        (void)snprintf(err->location, sizeof err->location, "%s", paths[csv == NULL ? 1 : 2]);
        (void)snprintf(err->message, sizeof err->message, "cannot be written");
        return complain(err);
    }
    split_write_csv(csv, nets, n_nets);
    split_write_page(page, nets, camera, n_nets, machine);
    (void)fclose(csv);
    (void)fclose(page);
    print_summary("by the model", &model);
    split_summary large = split_summarise(camera, n_nets, false);
    print_summary("by the model, the camera's files as they are (103 kB)", &large);
    print_summary("measured", &real);
    (void)printf("the model is off by %.1f%% in the median, %.1f%% in 9 of 10; model / measured is "
                 "%.3f in the geometric mean, over %u ways of cells\n",
                 e.median * 100, e.p90 * 100, e.bias, e.count);
    if (rate.count > 0)
        (void)printf(
            "with %d frames on their way %.2f times the frames a second that the model says, "
            "in the geometric mean of %u cells\n",
            SPLIT_IN_FLIGHT, rate.bias, rate.count);
    bench_report_open(&json, "split", "./dev bench split");
    add_criteria(&json, "modelled", &model);
    add_criteria(&json, "measured", &real);
    return bench_report_close(&json, paths[0]);
}

int main(int argc, char **argv)
{
    clv_error err = CLV_ERROR_INIT;
    int code = 2;

    if (argc == 5 && strcmp(argv[1], "sending") == 0) {
        code = sending(argv);
    } else if (argc > 5 && strcmp(argv[1], "runs") == 0) {
        code = open_nets(argv + 2, argv + 5, argc - 5, &err) ? runs(argv[2], &err) : complain(&err);
    } else if (argc > 9 && strcmp(argv[1], "report") == 0) {
        bool good = open_nets(argv + 2, argv + 9, argc - 9, &err);
        for (uint32_t i = 0; i < n_nets && good; i++)
            good = split_read_runs(&nets[i], argv[2], &err) == CLV_OK;
        code = good ? report(argv + 5, argv[8], &err) : complain(&err);
    }
    for (uint32_t i = 0; i < n_nets; i++) {
        split_net_close(&nets[i]);
        split_net_close(&camera[i]);
    }
    return code;
}
