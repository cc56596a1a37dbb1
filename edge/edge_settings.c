/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/edge_settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define MAX_MS (24u * 3600u * 1000u)
#define MAX_SIDE 16384u

#define AT(member) offsetof(clv_edge_texts, member)
#define TEXT(flag, ini, member, value, help)                                                       \
    {                                                                                              \
        flag, ini, CLV_OPTION_STRING, AT(member), 0, 0, value, help                                \
    }
#define UINT(flag, ini, member, min, max, value, help)                                             \
    {                                                                                              \
        flag, ini, CLV_OPTION_UINT, AT(member), min, max, value, help                              \
    }

#define REAL(flag, ini, member, value, help)                                                       \
    {                                                                                              \
        flag, ini, CLV_OPTION_DOUBLE, AT(member), 0, 0, value, help                                \
    }

static const clv_option options[] = {
    TEXT("bundle", "edge.bundle", bundle, "FILE", "the bundle to run (.clv); needed"),
    {"input", "edge.input", CLV_OPTION_LIST, AT(input), 0, 0, "FILE",
     "images, directories of images (in order of names), a FIFO or - for raw RGB24 frames; needed"},
    TEXT("size", "edge.size", size, "WxH", "size of raw frames (default: the model's input)"),
    UINT("repeat", "edge.repeat", repeat, 0, UINT64_MAX, "N",
         "go through the images N times; 0: for ever (default 1)"),
    {"fps", "edge.fps", CLV_OPTION_DOUBLE, AT(fps), 0, 0, "N",
     "frames a second at most; 0: as fast as it goes (default 0)"},
    TEXT("cut", "edge.cut", cut, "K",
         "nodes [0, K) run here, the rest on the server; `all`: all of them here; `auto`: what is "
         "best for each frame, and its codec (default 0)"),
    TEXT("objective", "edge.objective", objective, "NAME",
         "what is best, for `auto`: latency, throughput, energy or bytes (default latency)"),
    REAL("busy-watts", "edge.busy_watts", busy_watts, "W",
         "objective energy, which needs it: what the device draws, computing"),
    REAL("idle-watts", "edge.idle_watts", idle_watts, "W",
         "the same, waiting for an answer (default 0: not counted)"),
    REAL("joules-per-mb", "edge.joules_per_mb", joules_per_mb, "J",
         "of the radio, 10^6 bytes sent or received (default 0: not counted)"),
    REAL("pj-per-mac", "edge.pj_per_mac", picojoules_per_mac, "N",
         "picojoules of a MAC, besides the watts (default 0: not counted)"),
    UINT("min-depth", "edge.min_depth", min_depth, 0, 100000, "K",
         "privacy: nothing is shipped from a cut before K (default 0)"),
    TEXT("max-cut", "edge.max_cut", max_cut, "K",
         "nodes from K on never run here and their weights are not read; `all`: no bound (default "
         "all)"),
    TEXT(
        "codec", "edge.codec", codec, "NAME",
        "how the cut travels: float, zstd, lz4 (lossless), uint8, or rans, by the bundle's points; "
        "jpeg[:QUALITY], jpeg-fit[:QUALITY]: images at cut 0 as JPEGs, in the camera's size or the "
        "network's (default float)"),
    {"min-agreement", "edge.min_agreement", CLV_OPTION_DOUBLE, AT(min_agreement), 0, 0, "PART",
     "codec rans: of the calibration images, the part whose class has to stay (default 0.99)"},
    {"min-snr", "edge.min_snr", CLV_OPTION_DOUBLE, AT(min_snr_db), 0, 0, "DB",
     "codec rans: of the outputs (default: any; 20 where they are no classes)"},
    TEXT("temporal", "edge.temporal", temporal, "on|off",
         "codec rans: whether frames are sent as differences to earlier ones (default on)"),
    TEXT(
        "precision", "edge.precision", precision, "NAME",
        "float or int8: what runs here; `auto`, with that cut: what is best for each frame, in the "
        "memory of both (default: int8 if the bundle has it)"),
    TEXT("suffix", "edge.suffix", suffix, "NAME",
         "float or int8: what the server runs; `auto`, with that cut: what is best for each frame "
         "(default: float if the bundle has it)"),
    UINT("deadline-ms", "edge.deadline_ms", deadline_ms, 0, MAX_MS, "MS",
         "every frame is answered this long after it came; 0: no deadline (default 0)"),
    UINT("in-flight", "edge.in_flight", in_flight, 1, 64, "N",
         "frames on their way at once (default 4)"),
    TEXT("backend", "edge.backend", backend, "NAME", "auto, onednn or ref (default auto)"),
    UINT("threads", "edge.threads", threads, 1, 256, "N", "for kernels (default 1)"),
    TEXT("state", "edge.state", state, "DIR",
         "folder where the device's profile is kept (default: $STATE_DIRECTORY, or none)"),
    UINT("profile-ms", "edge.profile_ms", profile_ms, 0, 60000, "MS",
         "time to measure the model in at the start; 0: it isn't measured (default 300)"),
    TEXT("server", "server.address", server, "HOST:PORT",
         "the server (default: none, the whole model runs here)"),
    TEXT("server-name", "server.name", server_name, "NAME",
         "name in the server's certificate (default: the host)"),
    TEXT("ca", "tls.ca", ca, "FILE", "certificate of the CA (PEM); needed with a server"),
    TEXT("cert", "tls.cert", cert, "FILE", "own certificate (PEM); needed with a server"),
    TEXT("key", "tls.key", key, "FILE", "own key (PEM, mode 0600); needed with a server"),
    UINT("wait-link-ms", "server.wait_ms", wait_link_ms, 0, MAX_MS, "MS",
         "wait for the link before the first frame, at most (default 0)"),
    UINT("top", "output.top", top, 1, 1000, "N", "classes printed for a frame (default 5)"),
    {"tensors", "output.tensors", CLV_OPTION_FLAG, AT(tensors), 0, 0, NULL,
     "print the output tensors instead of the best classes"},
    TEXT("log-format", "log.format", log_format, "FORM", "text or json (default text)"),
    TEXT("log-level", "log.level", log_level, "LEVEL", "error, warn, info or debug (default info)"),
};

const clv_option_set clv_edge_option_set = {
    .program = "cleave-edge",
    .summary = "Answer frames with a split model: one line of JSON a frame on stdout.",
    .epilogue = "Examples:\n"
                "  cleave-edge --bundle model.clv --input photos/\n"
                "  cleave-edge --bundle model.clv --input - --size 640x480 \\\n"
                "      --server gpu.example:7447 --ca ca.crt --cert cam1.crt --key cam1.key \\\n"
                "      --cut 12 --deadline-ms 100 < frames.rgb\n"
                "\n"
                "Exit codes: 0 all frames are answered (also after SIGTERM or SIGINT),\n"
                "1 a frame is not, 2 wrong usage, 3 configuration, bundle or keys.\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
};

static clv_status bad(clv_error *err, const char *flag, const char *text, const char *accepted)
{
    return clv_fail(err, CLV_EINVAL, flag, "'%s' is not %s", text, accepted);
}

/* Digits of at most @p max, up to @p end. */
static bool parse_number(uint32_t *out, const char *text, char end, const char **rest, uint32_t max)
{
    char *stop;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long number = strtoull(text, &stop, 10);
    if (errno != 0 || number > max || *stop != end)
        return false;
    *out = (uint32_t)number;
    if (rest != NULL)
        *rest = stop + 1;
    return true;
}

static clv_status parse_cut(uint32_t *out, const char *flag, const char *text, clv_error *err)
{
    bool may_be_auto = strcmp(flag, "--cut") == 0;

    if (strcmp(text, "all") == 0)
        *out = CLV_CUT_ALL;
    else if (may_be_auto && strcmp(text, "auto") == 0)
        *out = CLV_CUT_AUTO;
    else if (!parse_number(out, text, '\0', NULL, CLV_CUT_AUTO - 1))
        return bad(err, flag, text,
                   may_be_auto ? "a number of nodes, `all` or `auto`"
                               : "a number of nodes or `all`");
    return CLV_OK;
}

static clv_status parse_size(uint32_t *width, uint32_t *height, const char *text, clv_error *err)
{
    const char *rest;
    uint32_t w, h;

    if (text == NULL)
        return CLV_OK;
    if (!parse_number(&w, text, 'x', &rest, MAX_SIDE) || w == 0 ||
        !parse_number(&h, rest, '\0', NULL, MAX_SIDE) || h == 0)
        return bad(err, "--size", text, "a size such as 640x480");
    *width = w;
    *height = h;
    return CLV_OK;
}

static clv_status parse_log(clv_edge_settings *out, const clv_edge_texts *texts, clv_error *err)
{
    out->log_json = strcmp(texts->log_format, "json") == 0;
    if (!out->log_json && strcmp(texts->log_format, "text") != 0)
        return bad(err, "--log-format", texts->log_format, "text or json");
    if (clv_log_level_parse(&out->log_level, texts->log_level) != CLV_OK)
        return bad(err, "--log-level", texts->log_level, "error, warn, info or debug");
    return CLV_OK;
}

static clv_status check_energy(const clv_edge_texts *texts, clv_error *err)
{
    const struct {
        const char *flag;
        double value;
    } numbers[] = {{"--busy-watts", texts->busy_watts},
                   {"--idle-watts", texts->idle_watts},
                   {"--joules-per-mb", texts->joules_per_mb},
                   {"--pj-per-mac", texts->picojoules_per_mac}};
    bool is_wanted = texts->objective != NULL && strcmp(texts->objective, "energy") == 0;

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!(numbers[i].value >= 0 && numbers[i].value <= 1e9))
            return clv_fail(err, CLV_EINVAL, numbers[i].flag, "must be from 0 to 1e9");
    }
    if (is_wanted && !(texts->busy_watts > 0))
        return clv_fail(err, CLV_EINVAL, "--objective",
                        "energy needs --busy-watts, what the device draws as it computes");
    if (texts->busy_watts < texts->idle_watts)
        return clv_fail(err, CLV_EINVAL, "--busy-watts", "must be at least --idle-watts");
    return CLV_OK;
}

static clv_status check(const clv_edge_texts *texts, clv_error *err)
{
    if (texts->bundle == NULL)
        return clv_fail(err, CLV_EINVAL, "--bundle", "a bundle is needed");
    if (texts->input.count == 0)
        return clv_fail(err, CLV_EINVAL, "--input", "at least one input is needed");
    if (!(texts->fps >= 0 && texts->fps <= 1e6))
        return clv_fail(err, CLV_EINVAL, "--fps", "must be from 0 to 1000000");
    if (!(texts->min_agreement >= 0 && texts->min_agreement <= 1))
        return clv_fail(err, CLV_EINVAL, "--min-agreement", "must be from 0 to 1");
    if (!(texts->min_snr_db >= 0 && texts->min_snr_db <= 200))
        return clv_fail(err, CLV_EINVAL, "--min-snr", "must be from 0 to 200");
    if (texts->temporal != NULL && strcmp(texts->temporal, "on") != 0 &&
        strcmp(texts->temporal, "off") != 0)
        return clv_fail(err, CLV_EINVAL, "--temporal", "must be on or off, not '%s'",
                        texts->temporal);
    if (texts->server != NULL && (texts->ca == NULL || texts->cert == NULL || texts->key == NULL))
        return clv_fail(err, CLV_EINVAL, "--server", "needs --ca, --cert and --key");
    return check_energy(texts, err);
}

static clv_status understand(clv_edge_settings *out, const clv_edge_texts *texts, clv_error *err)
{
    CLV_TRY(check(texts, err));
    out->edge = (clv_edge_options){.bundle = texts->bundle,
                                   .server = texts->server,
                                   .server_name = texts->server_name,
                                   .ca = texts->ca,
                                   .cert = texts->cert,
                                   .key = texts->key,
                                   .backend = texts->backend,
                                   .codec = texts->codec,
                                   .threads = (unsigned)texts->threads,
                                   .in_flight = (unsigned)texts->in_flight,
                                   .deadline_us = texts->deadline_ms * 1000,
                                   .precision = texts->precision,
                                   .suffix = texts->suffix,
                                   .min_agreement = texts->min_agreement,
                                   .min_snr_db = texts->min_snr_db,
                                   .state = texts->state,
                                   .objective = texts->objective,
                                   .min_depth = (uint32_t)texts->min_depth,
                                   .profile_ms = (unsigned)texts->profile_ms,
                                   .key_frames_only = texts->temporal != NULL &&
                                                      strcmp(texts->temporal, "off") == 0,
                                   .busy_watts = texts->busy_watts,
                                   .idle_watts = texts->idle_watts,
                                   .joules_per_byte = texts->joules_per_mb * 1e-6,
                                   .joules_per_mac = texts->picojoules_per_mac * 1e-12};
    CLV_TRY(parse_cut(&out->edge.cut, "--cut", texts->cut, err));
    CLV_TRY(parse_cut(&out->edge.max_cut, "--max-cut", texts->max_cut, err));
    CLV_TRY(parse_size(&out->width, &out->height, texts->size, err));
    CLV_TRY(parse_log(out, texts, err));
    out->input = texts->input;
    out->repeat = texts->repeat;
    out->frame_us = texts->fps > 0 ? (uint64_t)(1e6 / texts->fps) : 0;
    out->wait_link_us = texts->wait_link_ms * 1000;
    out->top = (uint32_t)texts->top;
    out->tensors = texts->tensors;
    return CLV_OK;
}

clv_status clv_edge_settings_read(clv_edge_settings *out, clv_parsed *parsed, int argc,
                                  char *const *argv, clv_error *err)
{
    clv_edge_texts texts = {.cut = "0",
                            .max_cut = "all",
                            .log_format = "text",
                            .log_level = "info",
                            .in_flight = 4,
                            .threads = 1,
                            .profile_ms = 300,
                            .top = 5,
                            .repeat = 1};
    clv_edge_settings settings = {0};

    CLV_TRY(clv_options_parse(parsed, &texts, &clv_edge_option_set, argc, argv, err));
    if (parsed->help || parsed->version)
        return CLV_OK;
    CLV_TRY(understand(&settings, &texts, err));
    *out = settings;
    return CLV_OK;
}
