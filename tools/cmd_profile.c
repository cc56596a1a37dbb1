/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "profiler/profiler.h"
#include "tools/text_table.h"
#include "tools/tool.h"
#include "tools/tool_json.h"
#include "tools/tool_model.h"
#include "tools/tool_profile.h"

#define MAX_PICTURE_BYTES ((size_t)64 << 20)
#define MAX_BATCHES 16u

typedef struct settings {
    tool_model_settings model;
    clv_string_list inputs;
    uint64_t runs, codec_runs, cuts;
    const char *output, *batch;
    bool json;
} settings;

static const clv_option options[] = {
    {"runs", NULL, CLV_OPTION_UINT, offsetof(settings, runs), CLV_PROFILER_MIN_PASSES,
     CLV_PROFILER_MAX_PASSES, "N", "passes through the network (default: 30)"},
    {"codec-runs", NULL, CLV_OPTION_UINT, offsetof(settings, codec_runs), 0, 100, "N",
     "runs of each codec at each cut and for each image; 0: none (default: 5)"},
    {"cuts", NULL, CLV_OPTION_UINT, offsetof(settings, cuts), 1, 100000, "N",
     "cuts at which codecs are measured; others follow from those (default: all)"},
    {"batch", NULL, CLV_OPTION_STRING, offsetof(settings, batch), 0, 0, "N[,N]",
     "measure also what N frames take together (default: 1)"},
    {"input", NULL, CLV_OPTION_LIST, offsetof(settings, inputs), 0, 0, "FILE",
     "images (JPEG, PNG) as the device sees them: what lossless codecs ship depends on them "
     "(default: a made-up one)"},
    {"output", NULL, CLV_OPTION_STRING, offsetof(settings, output), 0, 0, "FILE",
     "write the profile there, for cleave plan; also -o"},
    {"json", NULL, CLV_OPTION_FLAG, offsetof(settings, json), 0, 0, NULL, "print JSON"},
    TOOL_OPTION_(settings, "backend", CLV_OPTION_STRING, backend, 0, 0, "NAME",
                 "auto, onednn or ref (default: auto)"),
    TOOL_OPTION_(settings, "precision", CLV_OPTION_STRING, precision, 0, 0, "NAME",
                 "float or int8 (default: all that the bundle holds)"),
    TOOL_OPTION_(settings, "threads", CLV_OPTION_UINT, threads, 1, 256, "N",
                 "threads of one run (default: 1)"),
};

static const clv_option_set set = {
    "cleave profile",
    "BUNDLE",
    "Measure each node of a bundle's network and each cut's codecs on this machine.",
    "Times are of nodes in sequence, warm, in whole passes. sum / whole says how well the nodes'\n"
    "times add up to that of a run without a clock in it. What the figures mean: docs/profile.md.\n"
    "Example:\n  cleave profile net.clv --input street.jpg -o device.json",
    options,
    sizeof options / sizeof options[0]};

/* One command at work. */
typedef struct job {
    const settings *s;
    tool_model model;
    clv_program *programs[CLV_PRECISION_COUNT];
    clv_exec *execs[CLV_PRECISION_COUNT];
    /* By run, first one frame in each form; NULL: several frames together. */
    uint64_t *medians[CLV_PROFILE_MAX_RUNS];
    uint32_t batches[MAX_BATCHES], n_batches;
    clv_profiler_form forms[CLV_PRECISION_COUNT];
    uint32_t n_forms;
    clv_mapping files[CLV_PROFILER_MAX_PICTURES];
    clv_profiler_picture pictures[CLV_PROFILER_MAX_PICTURES];
    uint32_t n_pictures;
    clv_profile *profile;
} job;

static void job_done(job *j)
{
    for (uint32_t i = 0; i < CLV_PRECISION_COUNT; i++) {
        clv_exec_free(j->execs[i]);
        clv_program_free(j->programs[i]);
        clv_free(j->medians[i]);
    }
    for (uint32_t i = 0; i < j->n_pictures; i++)
        clv_mapping_done(&j->files[i]);
    clv_profile_free(j->profile);
    tool_model_done(&j->model);
}

/* --- what is printed ------------------------------------------------------------------------ */

static double us(uint64_t ns)
{
    return (double)ns / 1000.0;
}

static clv_status add_times(text_table *table, const job *j, uint32_t node)
{
    for (uint32_t r = 0; r < j->n_forms; r++) {
        const clv_profile_time *t = &j->profile->runs[r].nodes[node];
        CLV_TRY(text_table_cell(table, "%.1f", us(t->min_ns)));
        CLV_TRY(text_table_cell(table, "%.1f", us(j->medians[r][node])));
        CLV_TRY(text_table_cell(table, "%.1f", us(t->spread_ns)));
        CLV_TRY(text_table_cell(
            table, "%llu", (unsigned long long)j->profile->runs[r].peak_bytes[node + 1] / 1024));
    }
    return CLV_OK;
}

static clv_status add_row(text_table *table, const job *j, uint32_t node)
{
    const clv_profile *p = j->profile;

    CLV_TRY(text_table_row(table));
    CLV_TRY(text_table_cell(table, "%u", node));
    CLV_TRY(text_table_cell(table, "%s", p->nodes[node].op));
    CLV_TRY(add_times(table, j, node));
    CLV_TRY(text_table_cell(table, "%.2f", (double)p->nodes[node].macs / 1e6));
    return text_table_cell(table, "%s", p->nodes[node].name);
}

static clv_status print_nodes(const job *j)
{
    static const text_column one[] = {
        {"node", true, 0},   {"operator", false, 0}, {"min us", true, 0}, {"median", true, 0},
        {"spread", true, 0}, {"peak KiB", true, 0},  {"MMACs", true, 0},  {"name", false, 32}};
    static const text_column two[] = {
        {"node", true, 0},        {"operator", false, 0}, {"float min us", true, 0},
        {"median", true, 0},      {"spread", true, 0},    {"peak KiB", true, 0},
        {"int8 min us", true, 0}, {"median", true, 0},    {"spread", true, 0},
        {"peak KiB", true, 0},    {"MMACs", true, 0},     {"name", false, 32}};
    bool both = j->n_forms == 2;
    text_table *table;
    clv_status status = CLV_OK;

    CLV_TRY(text_table_create(&table, both ? two : one,
                              both ? sizeof two / sizeof two[0] : sizeof one / sizeof one[0]));
    for (uint32_t i = 0; i < j->profile->n_nodes && status == CLV_OK; i++)
        status = add_row(table, j, i);
    if (status == CLV_OK)
        text_table_print(table, stdout);
    text_table_free(table);
    return status;
}

/* Sums of the minima and of the medians, each over the same of the whole. */
static void print_sums(const job *j)
{
    uint32_t n = j->profile->n_nodes;

    for (uint32_t r = 0; r < j->n_forms; r++) {
        const clv_profile_run *run = &j->profile->runs[r];
        const uint64_t *medians = j->medians[r];
        double sum = 0.0;
        for (uint32_t i = 0; i < n; i++)
            sum += (double)medians[i];
        double ratio = medians[n] > 0 ? sum / (double)medians[n] : 0.0;
        tool_line(stdout,
                  "%s: whole %.3f ms, median %.3f ms, spread %.3f ms; sum / whole %.3f of medians, "
                  "%.3f of minima",
                  clv_precision_name((clv_precision)run->precision), us(run->whole.min_ns) / 1000.0,
                  us(medians[n]) / 1000.0, us(run->whole.spread_ns) / 1000.0, ratio,
                  clv_profile_sum_ratio(run, n));
    }
}

static void print_batches(const job *j)
{
    for (uint32_t r = j->n_forms; r < j->profile->n_runs; r++) {
        const clv_profile_run *run = &j->profile->runs[r];
        const clv_profile_run *one = clv_profile_find_run(j->profile, run->precision, 1);
        double each_ms = us(run->whole.min_ns) / 1000.0 / run->batch;
        double one_ms = us(one->whole.min_ns) / 1000.0;
        tool_line(stdout, "%s, %u frames together: %.3f ms, %.3f ms a frame, %.2f of one alone",
                  clv_precision_name((clv_precision)run->precision), run->batch,
                  us(run->whole.min_ns) / 1000.0, each_ms, one_ms > 0.0 ? each_ms / one_ms : 0.0);
    }
}

/* Of one codec over all cuts that were measured: bytes shipped for a byte of the frontier, and
 * nanoseconds for it. */
typedef struct codec_rate {
    double raw, bytes, encode_ns, decode_ns;
    uint32_t cuts;
} codec_rate;

static codec_rate rate_of(const clv_profile *p, const clv_profile_run *run, const char *codec)
{
    codec_rate rate = {0};

    for (uint32_t i = 0; i < p->n_points; i++) {
        const clv_profile_point *point = &p->points[i];
        if (point->precision != run->precision || strcmp(point->codec, codec) != 0)
            continue;
        rate.raw += (double)run->cut_bytes[point->cut];
        rate.bytes += point->mean_bytes;
        rate.encode_ns += (double)point->encode.min_ns;
        rate.decode_ns += (double)point->decode.min_ns;
        rate.cuts++;
    }
    return rate;
}

static void print_codecs(const job *j)
{
    for (uint32_t r = 0; r < j->n_forms; r++) {
        const clv_profile_run *run = &j->profile->runs[r];
        for (unsigned c = 0; c < CLV_CODEC_COUNT; c++) {
            const char *codec = clv_codec_name((clv_codec)c);
            codec_rate rate = rate_of(j->profile, run, codec);
            if (rate.raw > 0.0)
                tool_line(
                    stdout, "%s, %s: %u points; encode %.3f ns a byte, decode %.3f, ships %.3f",
                    clv_precision_name((clv_precision)run->precision), codec, rate.cuts,
                    rate.encode_ns / rate.raw, rate.decode_ns / rate.raw, rate.bytes / rate.raw);
        }
    }
}

static clv_status print_text(const job *j, clv_error *err)
{
    const clv_profile *p = j->profile;
    clv_status status = print_nodes(j);

    if (status != CLV_OK)
        return clv_fail(err, status, j->model.path, "%s", clv_status_text(status));
    tool_line(stdout, "%s, %u thread%s", p->processor, p->threads, p->threads == 1 ? "" : "s");
    if (p->preprocess.min_ns > 0)
        tool_line(stdout, "preprocess %.3f ms, spread %.3f ms", us(p->preprocess.min_ns) / 1000.0,
                  us(p->preprocess.spread_ns) / 1000.0);
    print_sums(j);
    print_batches(j);
    print_codecs(j);
    return CLV_OK;
}

static clv_status tell(const job *j, clv_error *err)
{
    json_t *root = tool_profile_json(j->profile, (const uint64_t *const *)j->medians);
    clv_status status = root != NULL ? CLV_OK : clv_fail(err, CLV_ENOMEM, NULL, "out of memory");

    if (status == CLV_OK && j->s->output != NULL)
        status = tool_profile_write(j->s->output, root, err);
    if (status == CLV_OK && j->s->json)
        return tool_json_print(root, err);
    json_decref(root);
    return status == CLV_OK ? print_text(j, err) : status;
}

/* --- what is measured ----------------------------------------------------------------------- */

static clv_status add_form(job *j, clv_precision precision, const clv_graph *graph, clv_error *err)
{
    uint32_t i = j->n_forms;

    CLV_TRY(tool_model_compile(&j->programs[i], &j->model, graph, &j->s->model, err));
    CLV_TRY(clv_exec_create(&j->execs[i], j->programs[i], err));
    j->medians[i] = clv_calloc((size_t)graph->n_nodes + 1, sizeof *j->medians[i]);
    if (j->medians[i] == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    j->forms[i] =
        (clv_profiler_form){precision, j->programs[i], j->execs[i], graph->n_nodes, j->medians[i]};
    j->n_forms++;
    return CLV_OK;
}

static clv_status add_forms(job *j, clv_error *err)
{
    for (unsigned p = 0; p < CLV_PRECISION_COUNT; p++) {
        const clv_graph *graph = clv_model_graph(&j->model.model, (clv_precision)p);
        bool wanted = j->s->model.precision == NULL || j->model.precision == p;
        if (graph != NULL && wanted)
            CLV_TRY(add_form(j, (clv_precision)p, graph, err));
    }
    return CLV_OK;
}

static clv_status open_pictures(job *j, clv_error *err)
{
    const clv_string_list *inputs = &j->s->inputs;

    if (inputs->count > CLV_PROFILER_MAX_PICTURES)
        return clv_fail(err, CLV_EINVAL, "--input", "at most %u images are taken",
                        CLV_PROFILER_MAX_PICTURES);
    for (; j->n_pictures < inputs->count; j->n_pictures++) {
        clv_mapping *file = &j->files[j->n_pictures];
        CLV_TRY(clv_mapping_open(file, inputs->items[j->n_pictures], MAX_PICTURE_BYTES, err));
        j->pictures[j->n_pictures] = (clv_profiler_picture){file->data, file->size};
    }
    return CLV_OK;
}

static bool go_on(void *context, size_t done, size_t total)
{
    (void)context;
    tool_progress("measuring", done, total);
    return tool_go_on(NULL) == CLV_OK;
}

static clv_status open_model(job *j, const char *path, clv_error *err)
{
    CLV_TRY(tool_model_open(&j->model, path, &j->s->model, err));
    if (j->model.bundle == NULL)
        return clv_fail(err, CLV_EINVAL, path, "it is no bundle: cleave build makes one of it");
    if (j->model.model.graph->n_nodes == 0)
        return clv_fail(err, CLV_EUNSUPPORTED, path, "the network has no nodes");
    return CLV_OK;
}

/* The numbers of --batch; one frame alone is measured anyway. */
static clv_status read_batches(job *j, clv_error *err)
{
    const char *text = j->s->batch;

    while (text != NULL) {
        char *end = NULL;
        unsigned long n = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
        if (n == 0 || n > CLV_PROFILE_MAX_BATCH || (*end != '\0' && *end != ',') ||
            j->n_batches == MAX_BATCHES)
            return clv_fail(err, CLV_EINVAL, "--batch",
                            "up to %u numbers of frames, 1 to %u, with commas between them",
                            MAX_BATCHES, CLV_PROFILE_MAX_BATCH);
        if (n > 1)
            j->batches[j->n_batches++] = (uint32_t)n;
        text = *end == ',' ? end + 1 : NULL;
    }
    return CLV_OK;
}

/* What was asked for is there, or it is said why not. */
static clv_status check_batches(const job *j, const clv_error *note, const char *path,
                                clv_error *err)
{
    for (uint32_t r = 0; r < j->n_forms; r++) {
        for (uint32_t i = 0; i < j->n_batches; i++) {
            if (clv_profile_find_run(j->profile, j->forms[r].precision, j->batches[i]) == NULL)
                return clv_fail(err, CLV_EUNSUPPORTED, path, "%s", note->message);
        }
    }
    return CLV_OK;
}

static clv_status profile(job *j, const char *path, clv_error *err)
{
    const settings *s = j->s;
    clv_error batch_note = CLV_ERROR_INIT;

    if (s->output != NULL)
        CLV_TRY(tool_check_output("--output", s->output, &path, 1, err));
    CLV_TRY(read_batches(j, err));
    CLV_TRY(open_model(j, path, err));
    CLV_TRY(open_pictures(j, err));
    CLV_TRY(add_forms(j, err));
    const clv_backend *backend;
    CLV_TRY(clv_backend_find(&backend, s->model.backend));
    clv_profiler_options profiler = {.model = &j->model.model,
                                     .bundle = clv_bundle_id(j->model.bundle),
                                     .threads = (unsigned)s->model.threads,
                                     .forms = j->forms,
                                     .n_forms = j->n_forms,
                                     .pictures = j->pictures,
                                     .n_pictures = j->n_pictures,
                                     .passes = (uint32_t)s->runs,
                                     .budget_us = UINT64_MAX,
                                     .max_cuts = (uint32_t)s->cuts,
                                     .codec_runs = (uint32_t)s->codec_runs,
                                     .codec_us = UINT64_MAX,
                                     .batches = j->batches,
                                     .n_batches = j->n_batches,
                                     .backend = backend,
                                     .batch_note = &batch_note,
                                     .go_on = go_on};
    tool_hold_signals();
    clv_status status = clv_profiler_measure(&j->profile, &profiler, err);
    tool_progress("measuring", 0, 0);
    if (status != CLV_OK)
        return clv_error_prefix(err, status, path);
    CLV_TRY(check_batches(j, &batch_note, path, err));
    if (s->codec_runs > 0 && s->cuts < j->profile->n_nodes) {
        clv_profile *filled;
        CLV_TRY(clv_profile_fill(&filled, j->profile));
        clv_profile_free(j->profile);
        j->profile = filled;
    }
    return tell(j, err);
}

int cmd_profile(int argc, char **argv)
{
    settings s = {
        .model = TOOL_MODEL_SETTINGS_INIT, .runs = 30, .codec_runs = 5, .cuts = UINT32_MAX};
    clv_error err = CLV_ERROR_INIT;
    job j = {.s = &s};
    clv_parsed parsed;
    int code;

    for (int i = 1; i < argc; i++) { /* the one short flag that everybody types */
        static char output[] = "--output";
        if (strcmp(argv[i], "-o") == 0)
            argv[i] = output;
    }
    if (tool_parse(&parsed, &s, &set, 1, argc, argv, &code)) {
        clv_status status = profile(&j, parsed.positional.items[0], &err);
        code = status == CLV_OK ? TOOL_OK : tool_fail(set.program, &err);
        job_done(&j);
    }
    clv_parsed_done(&parsed);
    return code;
}
