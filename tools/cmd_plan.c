/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "tools/plan_page.h"
#include "tools/plan_view.h"
#include "tools/tool.h"
#include "tools/tool_json.h"
#include "tools/tool_model.h"
#include "tools/tool_profile.h"

typedef struct settings {
    const char *device, *server, *objective, *html, *before, *precision, *suffix;
    double mbps, rtt_ms, server_load, device_slowdown, fps;
    double deadline_ms, max_mj, min_agreement, max_mbps;
    double busy_watts, idle_watts, joules_per_mb, picojoules_per_mac;
    uint64_t memory_mib, min_depth, batch;
    bool json;
} settings;

#define SETTING(flag, type, member, low, high, word, text)                                         \
    {                                                                                              \
        flag, NULL, CLV_OPTION_##type, offsetof(settings, member), low, high, word, text           \
    }

static const clv_option options[] = {
    SETTING("device", STRING, device, 0, 0, "FILE", "the device's profile (cleave profile -o)"),
    SETTING("server", STRING, server, 0, 0, "FILE", "the server's (default: there is none)"),
    SETTING("mbps", DOUBLE, mbps, 0, 0, "N", "bandwidth of the link, Mbit/s (default: 10)"),
    SETTING("rtt-ms", DOUBLE, rtt_ms, 0, 0, "N", "its round trip (default: 20)"),
    SETTING("objective", STRING, objective, 0, 0, "NAME",
            "latency, throughput, energy or bytes (default: latency)"),
    SETTING("server-load", DOUBLE, server_load, 0, 0, "N",
            "the server's time over its profile's (default: 1)"),
    SETTING("device-slowdown", DOUBLE, device_slowdown, 0, 0, "N",
            "the device's time over its profile's (default: 1)"),
    SETTING("deadline-ms", DOUBLE, deadline_ms, 0, 0, "N", "limit: latency, with p95 bytes"),
    SETTING("max-mj", DOUBLE, max_mj, 0, 0, "N", "limit: the device's millijoules a frame"),
    SETTING("max-memory-mib", UINT, memory_mib, 1, 1u << 20, "N", "limit: the device's memory"),
    SETTING("max-mbps", DOUBLE, max_mbps, 0, 0, "N", "limit: Mbit/s at --fps frames a second"),
    SETTING("fps", DOUBLE, fps, 0, 0, "N", "frames a second for --max-mbps (default: 10)"),
    SETTING("min-agreement", DOUBLE, min_agreement, 0, 0, "P",
            "limit: agreement of lossy codecs; one that wasn't measured is 0 (default: 0.99)"),
    SETTING("min-depth", UINT, min_depth, 0, 100000, "N",
            "privacy: nothing is shipped from a cut before N"),
    SETTING("not-before", STRING, before, 0, 0, "NODE",
            "privacy: the node, by name or number, runs on the device"),
    SETTING("precision", STRING, precision, 0, 0, "NAME",
            "float or int8 on the device (default: what is best)"),
    SETTING("suffix", STRING, suffix, 0, 0, "NAME",
            "float or int8 on the server (default: what is best)"),
    SETTING("batch", UINT, batch, 1, 4096, "N",
            "frames that the server runs together; as in its profile (default: 1)"),
    SETTING("busy-watts", DOUBLE, busy_watts, 0, 0, "W", "of the device, computing (default: 6)"),
    SETTING("idle-watts", DOUBLE, idle_watts, 0, 0, "W", "of the device, waiting (default: 2.5)"),
    SETTING("joules-per-mb", DOUBLE, joules_per_mb, 0, 0, "J",
            "of the radio, 10^6 bytes (default: 0.4)"),
    SETTING("pj-per-mac", DOUBLE, picojoules_per_mac, 0, 0, "N",
            "picojoules of a MAC, besides the watts (default: 0)"),
    SETTING("json", FLAG, json, 0, 0, NULL, "print JSON"),
    SETTING("html", STRING, html, 0, 0, "FILE", "write a page with plots there"),
};

static const clv_option_set set = {
    "cleave plan",
    "BUNDLE",
    "Find where to split a network for a link, from the profiles of a device and a server.",
    "*  the best for this link   =  for comparison, what needs no split\n"
    "Watts and joules are declared, not measured. What is computed, and how: docs/planner.md.\n"
    "Example:\n  cleave plan net.clv --device device.json --server server.json --mbps 8 --html "
    "plan.html",
    options,
    sizeof options / sizeof options[0]};

static clv_status refuse(clv_error *err, const char *flag, const char *what)
{
    return clv_fail(err, CLV_EINVAL, flag, "%s", what);
}

static clv_status check_numbers(const settings *s, clv_error *err)
{
    const struct {
        const char *flag;
        double value, least;
    } numbers[] = {
        {"--mbps", s->mbps, 0.0},
        {"--rtt-ms", s->rtt_ms, 0.0},
        {"--server-load", s->server_load, 1e-3},
        {"--device-slowdown", s->device_slowdown, 1e-3},
        {"--deadline-ms", s->deadline_ms, 0.0},
        {"--max-mj", s->max_mj, 0.0},
        {"--max-mbps", s->max_mbps, 0.0},
        {"--fps", s->fps, 0.0},
        {"--min-agreement", s->min_agreement, 0.0},
        {"--busy-watts", s->busy_watts, s->idle_watts},
        {"--idle-watts", s->idle_watts, 0.0},
        {"--joules-per-mb", s->joules_per_mb, 0.0},
        {"--pj-per-mac", s->picojoules_per_mac, 0.0},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!(numbers[i].value >= numbers[i].least) || numbers[i].value > 1e9)
            return clv_fail(err, CLV_EINVAL, numbers[i].flag, "it is at least %g, and at most 1e9",
                            numbers[i].least);
    }
    if (s->min_agreement > 1.0)
        return refuse(err, "--min-agreement", "it is at most 1");
    return s->device != NULL ? CLV_OK : refuse(err, "--device", "it is needed: cleave profile -o");
}

/* The cut behind the node that @p text names. */
static clv_status cut_behind(uint32_t *out, const clv_graph *graph, const char *text,
                             clv_error *err)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        if (strcmp(graph->nodes[i].name, text) == 0) {
            *out = i + 1;
            return CLV_OK;
        }
    }
    if (*text < '0' || *text > '9' || *end != '\0' || number >= graph->n_nodes)
        return clv_fail(err, CLV_EINVAL, "--not-before", "no node is called or numbered '%s'",
                        text);
    *out = (uint32_t)number + 1;
    return CLV_OK;
}

static clv_status precision_bit(uint64_t *out, const char *flag, const char *name, clv_error *err)
{
    clv_precision precision;

    *out = 0;
    if (name == NULL)
        return CLV_OK;
    if (clv_precision_find(&precision, name) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, flag, "no precision is called '%s'", name);
    *out = (uint64_t)1 << precision;
    return CLV_OK;
}

static clv_status make_options(clv_plan_options *out, const settings *s, const clv_graph *graph,
                               clv_error *err)
{
    clv_plan_options o = CLV_PLAN_OPTIONS_INIT;
    uint32_t behind = 0;

    if (s->objective != NULL && clv_objective_find(&o.objective, s->objective) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, "--objective", "no objective is called '%s'",
                        s->objective);
    CLV_TRY(precision_bit(&o.device_precisions, "--precision", s->precision, err));
    CLV_TRY(precision_bit(&o.server_precisions, "--suffix", s->suffix, err));
    if (s->before != NULL)
        CLV_TRY(cut_behind(&behind, graph, s->before, err));
    o.limits.min_cut = behind > s->min_depth ? behind : (uint32_t)s->min_depth;
    o.limits.device_memory_bytes = s->memory_mib << 20;
    o.limits.min_agreement = s->min_agreement;
    o.limits.bytes_per_s = s->max_mbps * 125e3;
    o.limits.deadline_us = (uint64_t)(s->deadline_ms * 1e3);
    o.limits.device_mj = s->max_mj;
    o.energy = (clv_plan_energy){s->busy_watts, s->idle_watts, s->joules_per_mb * 1e-6,
                                 s->picojoules_per_mac * 1e-12};
    o.server_batch = (uint32_t)s->batch;
    o.frames_per_s = s->fps;
    *out = o;
    return CLV_OK;
}

static clv_status tell(const plan_view *view, const settings *s, clv_error *err)
{
    if (s->html != NULL)
        CLV_TRY(plan_page_write(s->html, view, err));
    if (s->json)
        return tool_json_print(plan_view_json(view), err);
    clv_status status = plan_view_print(view);
    return status == CLV_OK ? CLV_OK : clv_fail(err, status, NULL, "%s", clv_status_text(status));
}

static clv_status plan(const settings *s, const tool_model *model, clv_error *err)
{
    clv_profile *device = NULL, *server = NULL;
    clv_plan_options o;
    plan_view view = {.model = model->path, .graph = model->model.graph};

    view.world = (clv_world){s->mbps * 125e3, s->rtt_ms * 1e3, s->server_load, s->device_slowdown, NULL};
    view.from_bytes_per_s = 0.1 * 125e3;
    view.to_bytes_per_s = 1000 * 125e3;
    clv_status status = make_options(&o, s, view.graph, err);
    if (status == CLV_OK)
        status = tool_profile_read(&device, s->device, model->bundle, err);
    if (status == CLV_OK && s->server != NULL)
        status = tool_profile_read(&server, s->server, model->bundle, err);
    view.device = device;
    view.server = server;
    if (status == CLV_OK)
        status = plan_view_init(&view, &o, err);
    if (status == CLV_OK)
        status = tell(&view, s, err);
    plan_view_done(&view);
    clv_profile_free(device);
    clv_profile_free(server);
    return status;
}

static int run(const settings *s, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    tool_model_settings how = TOOL_MODEL_SETTINGS_INIT;
    tool_model model = {0};
    const char *const inputs[] = {path, s->device, s->server};

    clv_status status = check_numbers(s, &err);
    if (status == CLV_OK && s->html != NULL)
        status = tool_check_output("--html", s->html, inputs, 3, &err);
    if (status == CLV_OK)
        status = tool_model_open(&model, path, &how, &err);
    if (status == CLV_OK && model.bundle == NULL)
        status = clv_fail(&err, CLV_EINVAL, path, "it is no bundle: cleave build makes one of it");
    if (status == CLV_OK)
        status = plan(s, &model, &err);
    tool_model_done(&model);
    return status == CLV_OK ? TOOL_OK : tool_fail(set.program, &err);
}

int cmd_plan(int argc, char **argv)
{
    settings s = {.mbps = 10.0,
                  .rtt_ms = 20.0,
                  .server_load = 1.0,
                  .device_slowdown = 1.0,
                  .fps = 10.0,
                  .min_agreement = 0.99,
                  .busy_watts = 6.0,
                  .idle_watts = 2.5,
                  .joules_per_mb = 0.4,
                  .batch = 1};
    clv_parsed parsed;
    int code;

    if (tool_parse(&parsed, &s, &set, 1, argc, argv, &code))
        code = run(&s, parsed.positional.items[0]);
    clv_parsed_done(&parsed);
    return code;
}
