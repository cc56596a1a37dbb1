/* SPDX-License-Identifier: Apache-2.0 */
/* What a change of the cut costs while frames run, and what it brings that several are on their
 * way: a device and a server in this process, over TLS and a link of a given rate. Called by
 * bench/resplit.sh. */
#include <cleave/cleave.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "net/pki.h"
#include "paced_relay.h"
#include "report.h"
#include "runtime/bundle.h"
#include "server/server.h"

enum { CHANGES = 1000, CUTS = 8, GROUP = 5, WINDOW = 8, ROUNDS = 5, STREAM = 300, MAX_PATH = 512 };

typedef struct stage {
    char folder[MAX_PATH / 2], ca[MAX_PATH], cert[MAX_PATH], key[MAX_PATH];
    clv_identity *identity;
    clv_server *server;
    paced_relay *relay;
    clv_edge *edge;
    clv_bundle *bundle;
    clv_tensor input;
    void *expected; /* the first output of the unsplit network */
    size_t expected_bytes;
    uint32_t n_nodes;
    uint32_t *cuts; /* worth a thought: those that ship no more than the input, and all here */
    uint32_t n_cuts;
    uint64_t wrong, missing;
    double device_ms[STREAM], server_ms[STREAM]; /* of the last frames that were taken */
    size_t n_taken;
} stage;

static void check(clv_status status, const clv_error *err, const char *what)
{
    if (status == CLV_OK)
        return;
    (void)fprintf(stderr, "bench: %s: %s %s\n", what, clv_status_text(status),
                  err != NULL ? err->message : "");
    exit(1);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* --- the stage ------------------------------------------------------------------------------ */

static void path_of(char dst[MAX_PATH], const stage *s, const char *name)
{
    (void)snprintf(dst, MAX_PATH, "%s/pki/%s", s->folder, name);
}

static void on_file(void *context, const char *path, const clv_served *served,
                    const clv_error *error)
{
    (void)context;
    (void)served;
    check(error == NULL ? CLV_OK : error->code, error, path);
}

static void on_device(void *context, const char *device, const char *what, const clv_error *error)
{
    (void)context;
    if (error != NULL)
        (void)fprintf(stderr, "bench: %s %s: %s\n", device, what, error->message);
}

static void start_server(stage *s, const char *bundles)
{
    clv_error err = CLV_ERROR_INIT;
    char pki[MAX_PATH], ca[MAX_PATH], cert[MAX_PATH], key[MAX_PATH];

    path_of(pki, s, "");
    check(clv_pki_init(pki, 1, &err), &err, "keys");
    check(clv_pki_issue(pki, "localhost", CLV_PKI_SERVER, 1, &err), &err, "keys");
    check(clv_pki_issue(pki, "device", CLV_PKI_DEVICE, 1, &err), &err, "keys");
    path_of(ca, s, "ca.crt");
    path_of(cert, s, "localhost.crt");
    path_of(key, s, "localhost.key");
    const clv_identity_paths paths = {ca, cert, key};
    check(clv_identity_load(&s->identity, &paths, &err), &err, "the server's keys");
    const clv_server_options options = {
        .bundles = bundles, .workers = 1, .queue = 64, .on_file = on_file, .on_device = on_device};
    check(clv_server_create(&s->server, &options, &err), &err, "the server");
    check(clv_server_listen(s->server, "127.0.0.1:0", s->identity, &err), &err, "the server");
    s->relay = paced_relay_start(clv_server_port(s->server));
}

static void start_device(stage *s, const char *bundle)
{
    clv_error err = CLV_ERROR_INIT;
    clv_edge_options options = CLV_EDGE_OPTIONS_INIT;
    char address[64];

    path_of(s->ca, s, "ca.crt");
    path_of(s->cert, s, "device.crt");
    path_of(s->key, s, "device.key");
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", paced_relay_port(s->relay));
    options.bundle = bundle;
    options.server = address;
    options.server_name = "localhost";
    options.ca = s->ca;
    options.cert = s->cert;
    options.key = s->key;
    options.in_flight = WINDOW;
    options.profile_ms = 0;
    check(clv_edge_create(&s->edge, &options, &err), &err, "the device");
    check(clv_edge_wait_link(s->edge, 10000000), NULL, "the link");
    s->n_nodes = clv_edge_cut_count(s->edge);
}

static void make_input(stage *s, const char *bundle)
{
    clv_error err = CLV_ERROR_INIT;
    uint32_t random = 5;
    size_t bytes = 0;

    check(clv_bundle_open(&s->bundle, bundle, &err), &err, "the bundle");
    const clv_graph *graph = clv_bundle_main(s->bundle)->graph;
    s->input = graph->values[graph->inputs[0]].tensor;
    check(clv_tensor_bytes(&bytes, &s->input), NULL, "the input");
    float *data = malloc(bytes);
    if (data == NULL || s->input.dtype != CLV_F32 || graph->n_inputs != 1)
        check(CLV_EUNSUPPORTED, NULL, "the input");
    for (size_t i = 0; i < bytes / sizeof *data; i++)
        data[i] = (float)(next_random(&random) % 2000) / 1000.0F - 1.0F;
    s->input.data = data;
}

static size_t frontier_bytes(const clv_graph *graph, const clv_frontiers *frontiers, uint32_t cut)
{
    clv_frontier frontier = clv_frontiers_at(frontiers, cut);
    size_t total = 0, bytes;

    for (uint32_t i = 0; i < frontier.count; i++) {
        check(clv_tensor_bytes(&bytes, &graph->values[frontier.values[i]].tensor), NULL, "a cut");
        total += bytes;
    }
    return total;
}

static void find_cuts(stage *s)
{
    const clv_graph *graph = clv_bundle_main(s->bundle)->graph;
    clv_frontiers *frontiers;

    check(clv_frontiers_create(&frontiers, graph), NULL, "the cuts");
    s->cuts = malloc((graph->n_nodes + 1) * sizeof *s->cuts);
    if (s->cuts == NULL)
        check(CLV_ENOMEM, NULL, "the cuts");
    for (uint32_t cut = 0; cut <= graph->n_nodes; cut++) {
        if (frontier_bytes(graph, frontiers, cut) <= frontier_bytes(graph, frontiers, 0))
            s->cuts[s->n_cuts++] = cut;
    }
    clv_frontiers_free(frontiers);
}

/* --- frames --------------------------------------------------------------------------------- */

static void submit(stage *s, uint32_t cut)
{
    check(clv_edge_set_cut(s->edge, cut), NULL, "the cut");
    check(clv_edge_submit_tensors(NULL, s->edge, &s->input, 1, (void *)(uintptr_t)cut), NULL,
          "a frame");
}

/* Its answer's bytes are those of the network that isn't split, and it went the way it should. */
static bool is_right(const stage *s, const clv_edge_answer *answer)
{
    uint32_t cut = (uint32_t)(uintptr_t)answer->user;
    clv_source wanted = cut == 0            ? CLV_SOURCE_SERVER
                        : cut == s->n_nodes ? CLV_SOURCE_LOCAL
                                            : CLV_SOURCE_SPLIT;
    return answer->error == CLV_OK && answer->source == wanted && answer->cut == cut &&
           memcmp(answer->outputs[0].data, s->expected, s->expected_bytes) == 0;
}

static clv_edge_answer take(stage *s)
{
    clv_edge_answer answer = {.source = CLV_SOURCE_NONE};

    if (clv_edge_next(&answer, s->edge, 30000000) != CLV_OK) {
        s->missing++;
        return answer;
    }
    if (s->expected == NULL) {
        check(clv_tensor_bytes(&s->expected_bytes, &answer.outputs[0]), NULL, "the output");
        s->expected = malloc(s->expected_bytes);
        if (s->expected == NULL)
            check(CLV_ENOMEM, NULL, "the output");
        memcpy(s->expected, answer.outputs[0].data, s->expected_bytes);
    }
    const clv_edge_times *t = &answer.times;
    s->wrong += !is_right(s, &answer);
    s->device_ms[s->n_taken % STREAM] =
        (double)(t->preprocess_us + t->device_us + t->encode_us) * 1e-3;
    s->server_ms[s->n_taken++ % STREAM] = (double)t->server_us * 1e-3;
    clv_edge_release(s->edge, &answer); /* what is read of it from here on is no pointer */
    return answer;
}

static clv_edge_answer ask(stage *s, uint32_t cut)
{
    submit(s, cut);
    return take(s);
}

/* @p n frames, WINDOW of them on their way. @return seconds. */
static double stream(stage *s, uint32_t n, uint32_t fixed_cut, uint32_t *random)
{
    uint64_t start_us = clv_clock_now_us();
    uint32_t at = 0;

    for (uint32_t i = 0; i < n + WINDOW; i++) {
        if (random != NULL) /* any other */
            at = (at + 1 + next_random(random) % (s->n_cuts - 1)) % s->n_cuts;
        if (i >= WINDOW)
            (void)take(s);
        if (i < n)
            submit(s, random != NULL ? s->cuts[at] : fixed_cut);
    }
    return (double)(clv_clock_now_us() - start_us) * 1e-6;
}

/* --- memory --------------------------------------------------------------------------------- */

static double resident_mib(void)
{
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%lu %lu", &size, &resident) != 2)
        check(CLV_EIO, NULL, "/proc/self/statm");
    (void)fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576.0;
}

static void bench_memory(stage *s, bench_report *report)
{
    uint32_t random = 11;

    (void)stream(s, 200, 0, NULL);
    double before = resident_mib();
    (void)stream(s, CHANGES, 0, &random);
    double after = resident_mib();
    bench_report_row(report,
                     json_pack("{s:s, s:i, s:f, s:f, s:I, s:I}", "what", "memory", "changes",
                               CHANGES, "before_mib", before, "after_mib", after, "wrong",
                               (json_int_t)s->wrong, "missing", (json_int_t)s->missing));
    (void)printf("%d changes of the cut, %d frames on their way: %.1f MiB before, %.1f after (both "
                 "ends); %llu wrong, %llu missing\n",
                 CHANGES, WINDOW, before, after, (unsigned long long)s->wrong,
                 (unsigned long long)s->missing);
    bench_report_at_most(report, "frames lost or wrong over 1000 changes",
                         (double)(s->wrong + s->missing), 0.0);
    bench_report_at_most(report, "resident memory, after over before", after / before, 1.1);
}

/* --- the gap -------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile_99(double *values, size_t n)
{
    qsort(values, n, sizeof *values, ascending);
    return values[(n * 99 + 99) / 100 - 1];
}

typedef struct samples {
    double ms[CHANGES];
    uint32_t cut[CHANGES]; /* index of it */
    size_t n;
} samples;

static uint32_t cut_at(const stage *s, uint32_t i)
{
    return s->cuts[i * (s->n_cuts - 2) / (CUTS - 1)]; /* all but the last, which ships nothing */
}

static void measure(stage *s, samples *out, uint32_t i, bool counts)
{
    double ms = (double)ask(s, cut_at(s, i)).times.total_us * 1e-3;
    if (!counts || out->n == CHANGES)
        return;
    out->ms[out->n] = ms;
    out->cut[out->n++] = i;
}

/* What frames took over the median of their cut where it isn't changed. */
static void subtract_medians(samples *changed, samples *steady)
{
    for (uint32_t cut = 0; cut < CUTS; cut++) {
        double values[CHANGES];
        size_t n = 0;
        for (size_t i = 0; i < steady->n; i++) {
            if (steady->cut[i] == cut)
                values[n++] = steady->ms[i];
        }
        double median = bench_median(values, n);
        for (size_t i = 0; i < steady->n; i++)
            steady->ms[i] -= steady->cut[i] == cut ? median : 0.0;
        for (size_t i = 0; i < changed->n; i++)
            changed->ms[i] -= changed->cut[i] == cut ? median : 0.0;
    }
}

/* The same frames in two orders, by turns: each at another cut than the one before it, and in
 * groups at the same cut, whose first doesn't count. */
static void bench_gap(stage *s, bench_report *report)
{
    static samples changed, steady;
    uint32_t random = 3, cut = 0;

    while (changed.n < CHANGES) {
        for (uint32_t i = 0; i < CUTS * GROUP; i++) {
            cut = (cut + 1 + next_random(&random) % (CUTS - 1)) % CUTS;
            measure(s, &changed, cut, true);
        }
        for (uint32_t i = 0; i < CUTS * (GROUP + 1); i++)
            measure(s, &steady, i / (GROUP + 1), i % (GROUP + 1) > 0);
    }
    subtract_medians(&changed, &steady);
    double of_changed = percentile_99(changed.ms, changed.n);
    double of_steady = percentile_99(steady.ms, steady.n);
    double median = bench_median(changed.ms, changed.n) - bench_median(steady.ms, steady.n);
    bench_report_row(report,
                     json_pack("{s:s, s:f, s:f, s:f}", "what", "gap", "changed_p99_ms", of_changed,
                               "steady_p99_ms", of_steady, "median_ms", median));
    (void)printf("latency over the median of the cut, 99th percentile: %.3f ms where every frame "
                 "has another cut, %.3f where none has; medians differ by %.3f ms\n",
                 of_changed, of_steady, median);
    bench_report_at_most(report, "gap of a change of the cut, p99 (ms)", of_changed - of_steady,
                         1.0);
}

/* --- the pipeline --------------------------------------------------------------------------- */

typedef struct stages {
    double device_ms, server_ms, total_ms;
    double bytes;
} stages;

static stages look(stage *s, uint32_t cut, uint32_t n)
{
    double device[64], server[64], total[64];
    stages out = {0};

    for (uint32_t i = 0; i < n && i < 64; i++) {
        clv_edge_answer a = ask(s, cut);
        const clv_edge_times *t = &a.times;
        device[i] = (double)(t->preprocess_us + t->device_us + t->encode_us) * 1e-3;
        server[i] = (double)t->server_us * 1e-3;
        total[i] = (double)t->total_us * 1e-3;
        out.bytes = (double)a.sent_bytes;
    }
    out.device_ms = bench_median(device, n);
    out.server_ms = bench_median(server, n);
    out.total_ms = bench_median(total, n);
    return out;
}

static double slower(const stages *a)
{
    return a->device_ms > a->server_ms ? a->device_ms : a->server_ms;
}

/* The cut at which device and server take most nearly the same. */
static uint32_t balanced_cut(stage *s)
{
    uint32_t best = 1;
    double least = INFINITY;

    for (uint32_t i = 1; i < 40; i++) {
        uint32_t cut = 1 + i * (s->n_nodes - 2) / 40;
        stages seen = look(s, cut, 9);
        if (slower(&seen) < least) {
            least = slower(&seen);
            best = cut;
        }
    }
    return best;
}

/* Of all threads. */
static double processor_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void bench_pipeline(stage *s, bench_report *report)
{
    double gain[ROUNDS], share[ROUNDS];
    uint32_t cut = balanced_cut(s);

    for (int round = 0; round < ROUNDS; round++) {
        paced_relay_set_rate(s->relay, 0.0);
        stages alone = look(s, cut, 33);
        double link_ms = slower(&alone);
        paced_relay_set_rate(s->relay, alone.bytes / link_ms * 1e3);
        (void)look(s, cut, 5);
        uint64_t start_us = clv_clock_now_us();
        for (int i = 0; i < 60; i++)
            (void)ask(s, cut);
        double one_ms = (double)(clv_clock_now_us() - start_us) * 1e-3 / 60.0;
        (void)stream(s, 40, cut, NULL);
        double before_ms = processor_ms();
        double piped_ms = stream(s, STREAM, cut, NULL) * 1e3 / STREAM;
        double cores = (processor_ms() - before_ms) / STREAM / piped_ms;
        /* The stages while all of them run: on few cores they slow each other down. */
        stages busy = {.device_ms = bench_median(s->device_ms, STREAM),
                       .server_ms = bench_median(s->server_ms, STREAM)};
        double slowest_ms = slower(&busy) > link_ms ? slower(&busy) : link_ms;
        gain[round] = one_ms / piped_ms;
        share[round] = slowest_ms / piped_ms;
        (void)printf(
            "cut %u: device %.2f ms, link %.2f ms, server %.2f ms (busy: %.2f, %.2f); a frame "
            "every "
            "%.2f ms one by one, %.2f pipelined: %.2f times, %.0f%% of 1 / slowest stage; %.2f "
            "cores were had\n",
            cut, alone.device_ms, link_ms, alone.server_ms, busy.device_ms, busy.server_ms, one_ms,
            piped_ms, gain[round], 100.0 * share[round], cores);
        bench_report_row(
            report, json_pack("{s:s, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "what", "pipeline",
                              "cut", (int)cut, "device_ms", alone.device_ms, "link_ms", link_ms,
                              "server_ms", alone.server_ms, "one_by_one_ms", one_ms, "pipelined_ms",
                              piped_ms, "cores", cores, "slowest_busy_ms", slowest_ms));
    }
    paced_relay_set_rate(s->relay, 0.0);
    bench_report_at_most(report, "pipelined time a frame over one by one (1 / 2.1)",
                         1.0 / bench_median(gain, ROUNDS), 1.0 / 2.1);
    bench_report_at_most(report, "pipelined time a frame over the slowest stage (1 / 0.9)",
                         1.0 / bench_median(share, ROUNDS), 1.0 / 0.9);
}

int main(int argc, char **argv)
{
    stage s = {0};
    bench_report report;
    char bundle[MAX_PATH];

    if (argc != 4) {
        (void)fprintf(stderr, "usage: bench_resplit FOLDER BUNDLES OUT.json\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(s.folder, sizeof s.folder, "%s", argv[1]);
    (void)snprintf(bundle, sizeof bundle, "%s/net.clv", argv[2]);
    bench_report_open(&report, "resplit", "./dev bench resplit");
    make_input(&s, bundle);
    start_server(&s, argv[2]);
    start_device(&s, bundle);
    find_cuts(&s);
    (void)ask(&s, s.n_nodes);
    bench_memory(&s, &report);
    bench_gap(&s, &report);
    bench_pipeline(&s, &report);
    clv_edge_free(s.edge);
    (void)clv_server_drain(s.server, 0);
    clv_server_free(s.server);
    paced_relay_stop(s.relay);
    clv_identity_free(s.identity);
    clv_bundle_free(s.bundle);
    free(s.input.data);
    free(s.expected);
    free(s.cuts);
    return bench_report_close(&report, argv[3]);
}
