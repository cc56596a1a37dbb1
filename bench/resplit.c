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
/* Each round of the pipeline takes about so long, whatever the network. */
#define PIPELINE_MS 3000.0

typedef struct stage {
    char folder[MAX_PATH / 2], ca[MAX_PATH], cert[MAX_PATH], key[MAX_PATH];
    clv_identity *identity;
    clv_server *server;
    paced_relay *relay;
    clv_edge *edge;
    clv_bundle *bundle;
    clv_tensor input;
    const char *codec;
    void *expected; /* the first output of the unsplit network */
    size_t expected_bytes;
    uint32_t n_nodes;
    uint32_t *cuts; /* that are changed between */
    uint32_t n_cuts;
    uint32_t *modest; /* worth a thought: those that ship no more than the input, and all here */
    uint32_t n_modest;
    uint32_t *all;
    uint32_t largest; /* the cut that ships the most */
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
    options.codec = s->codec;
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
    size_t most = 0;

    check(clv_frontiers_create(&frontiers, graph), NULL, "the cuts");
    s->modest = malloc((graph->n_nodes + 1) * sizeof *s->modest);
    s->all = malloc((graph->n_nodes + 1) * sizeof *s->all);
    if (s->modest == NULL || s->all == NULL)
        check(CLV_ENOMEM, NULL, "the cuts");
    for (uint32_t cut = 0; cut <= graph->n_nodes; cut++) {
        size_t bytes = frontier_bytes(graph, frontiers, cut);
        s->all[cut] = cut;
        if (bytes <= frontier_bytes(graph, frontiers, 0))
            s->modest[s->n_modest++] = cut;
        if (bytes > most) {
            most = bytes;
            s->largest = cut;
        }
    }
    s->cuts = s->modest;
    s->n_cuts = s->n_modest;
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
           (strcmp(s->codec, "float") != 0 ||
            memcmp(answer->outputs[0].data, s->expected, s->expected_bytes) == 0);
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

typedef struct memory {
    double before_mib; /* at one cut */
    double during_mib; /* right after 1000 changes */
    double after_mib;  /* at the first cut again */
} memory;

static memory change(stage *s, uint32_t home)
{
    uint32_t random = 11;
    memory m;

    (void)stream(s, 200, home, NULL);
    m.before_mib = resident_mib();
    (void)stream(s, CHANGES, 0, &random);
    m.during_mib = resident_mib();
    (void)stream(s, 200, home, NULL);
    m.after_mib = resident_mib();
    (void)printf("%d changes between %u cuts, %d frames on their way: %.1f MiB before, %.1f after, "
                 "%.1f when back at cut %u (both ends)\n",
                 CHANGES, s->n_cuts, WINDOW, m.before_mib, m.during_mib, m.after_mib, home);
    return m;
}

static void note_memory(bench_report *report, const char *cuts, const memory *m)
{
    bench_report_row(report, json_pack("{s:s, s:s, s:i, s:f, s:f, s:f}", "what", "memory", "cuts",
                                       cuts, "changes", CHANGES, "before_mib", m->before_mib,
                                       "after_mib", m->during_mib, "back_mib", m->after_mib));
}

/* Between the cuts that ship no more than the input, then between all. Where the largest are among
 * them they need more than another cut, however often it changes: what that is shows a stream at
 * the largest cut alone. What was for them must be gone when they are. */
static void bench_memory(stage *s, bench_report *report)
{
    uint32_t middle = s->modest[s->n_modest / 2];

    (void)stream(s, 200, 0, NULL); /* the server has run all nodes, as the device has */
    memory modest = change(s, 0);
    s->cuts = s->all;
    s->n_cuts = s->n_nodes + 1;
    memory all = change(s, middle);
    (void)stream(s, 200, s->largest, NULL);
    double largest_mib = resident_mib();
    s->cuts = s->modest;
    s->n_cuts = s->n_modest;
    (void)printf("%.1f MiB where every frame is at the largest cut, %u; %llu frames wrong, %llu "
                 "missing\n",
                 largest_mib, s->largest, (unsigned long long)s->wrong,
                 (unsigned long long)s->missing);
    note_memory(report, "no larger than the input", &modest);
    note_memory(report, "all", &all);
    bench_report_row(report, json_pack("{s:s, s:i, s:f}", "what", "memory at the largest cut",
                                       "cut", (int)s->largest, "mib", largest_mib));
    bench_report_at_most(report, "frames lost or wrong over 2000 changes",
                         (double)(s->wrong + s->missing), 0.0);
    bench_report_at_most(report, "resident memory, after over before",
                         modest.during_mib / modest.before_mib, 1.1);
    bench_report_at_most(report, "resident memory, all cuts: back over before",
                         all.after_mib / all.before_mib, 1.1);
    bench_report_at_most(report, "resident memory, all cuts: after over the largest alone",
                         all.during_mib / largest_mib, 1.1);
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

/* One round: the stages by themselves, frames one by one, frames behind each other. */
static void pipeline_round(stage *s, bench_report *report, const char *network, uint32_t cut,
                           double *gain, double *share)
{
    paced_relay_set_rate(s->relay, 0.0);
    stages alone = look(s, cut, 33);
    double link_ms = slower(&alone);
    uint32_t n = (uint32_t)fmin(STREAM, fmax(40, PIPELINE_MS / link_ms));
    paced_relay_set_rate(s->relay, alone.bytes / link_ms * 1e3);
    (void)look(s, cut, 5);
    uint64_t start_us = clv_clock_now_us();
    for (uint32_t i = 0; i < n / 4; i++)
        (void)ask(s, cut);
    double one_ms = (double)(clv_clock_now_us() - start_us) * 1e-3 / (n / 4);
    (void)stream(s, 2 * WINDOW, cut, NULL);
    s->n_taken = 0;
    double before_ms = processor_ms();
    double piped_ms = stream(s, n, cut, NULL) * 1e3 / n;
    double cores = (processor_ms() - before_ms) / n / piped_ms;
    /* The stages while all of them run: on few cores they slow each other down. */
    stages busy = {.device_ms = bench_median(s->device_ms, n),
                   .server_ms = bench_median(s->server_ms, n)};
    double slowest_ms = fmax(slower(&busy), link_ms);
    *gain = one_ms / piped_ms;
    *share = slowest_ms / piped_ms;
    (void)printf("%s, cut %u: device %.2f ms, link %.2f ms, server %.2f ms (busy: %.2f, %.2f), "
                 "%.0f bytes; a frame every %.2f ms one by one, %.2f pipelined: %.2f times, %.0f%% "
                 "of 1 / slowest stage; %.2f cores were had\n",
                 network, cut, alone.device_ms, link_ms, alone.server_ms, busy.device_ms,
                 busy.server_ms, alone.bytes, one_ms, piped_ms, *gain, 100.0 * *share, cores);
    bench_report_row(report,
                     json_pack("{s:s, s:s, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "what",
                               "pipeline", "network", network, "cut", (int)cut, "device_ms",
                               alone.device_ms, "link_ms", link_ms, "server_ms", alone.server_ms,
                               "bytes", alone.bytes, "one_by_one_ms", one_ms, "pipelined_ms",
                               piped_ms, "cores", cores, "slowest_busy_ms", slowest_ms));
}

static void bench_pipeline(stage *s, bench_report *report, const char *network)
{
    double gain[ROUNDS], share[ROUNDS];
    uint32_t cut = balanced_cut(s);
    char what[128];

    for (int round = 0; round < ROUNDS; round++)
        pipeline_round(s, report, network, cut, &gain[round], &share[round]);
    paced_relay_set_rate(s->relay, 0.0);
    (void)snprintf(what, sizeof what, "%s: pipelined time a frame over one by one (1 / 2.1)",
                   network);
    bench_report_at_most(report, what, 1.0 / bench_median(gain, ROUNDS), 1.0 / 2.1);
    (void)snprintf(what, sizeof what, "%s: pipelined time a frame over the slowest stage (1 / 0.9)",
                   network);
    bench_report_at_most(report, what, 1.0 / bench_median(share, ROUNDS), 1.0 / 0.9);
}

/* --- both networks -------------------------------------------------------------------------- */

static void open_stage(stage *s, const char *folder, const char *bundles, const char *codec)
{
    char bundle[MAX_PATH];

    *s = (stage){.codec = codec};
    (void)snprintf(s->folder, sizeof s->folder, "%s", folder);
    (void)snprintf(bundle, sizeof bundle, "%s/net.clv", bundles);
    make_input(s, bundle);
    start_server(s, bundles);
    start_device(s, bundle);
    find_cuts(s);
    (void)ask(s, s->n_nodes);
}

static void close_stage(stage *s)
{
    clv_edge_free(s->edge);
    (void)clv_server_drain(s->server, 0);
    clv_server_free(s->server);
    paced_relay_stop(s->relay);
    clv_identity_free(s->identity);
    clv_bundle_free(s->bundle);
    free(s->input.data);
    free(s->expected);
    free(s->modest);
    free(s->all);
}

int main(int argc, char **argv)
{
    static stage s;
    bench_report report;

    if (argc != 6) {
        (void)fprintf(stderr,
                      "usage: bench_resplit KEYS BUNDLES HEAVY-KEYS HEAVY-BUNDLES OUT.json\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    bench_report_open(&report, "resplit", "./dev bench resplit");
    open_stage(&s, argv[1], argv[2], "float");
    bench_memory(&s, &report);
    bench_gap(&s, &report);
    bench_pipeline(&s, &report, "MobileNetV2");
    close_stage(&s);
    /* Stages of which what a frame costs besides, on the two cores of all of them, is a small part:
     * so few bytes cross as a codec leaves, or TLS would be a stage. */
    open_stage(&s, argv[3], argv[4], "uint8");
    bench_pipeline(&s, &report, "ResNet-50");
    close_stage(&s);
    return bench_report_close(&report, argv[5]);
}
