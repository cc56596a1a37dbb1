/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "models/demo/demo_images.h"
#include "runtime/topk.h"
#include "tools/demo_processes.h"
#include "tools/demo_report.h"
#include "tools/tool.h"
#include "tools/tool_model.h"

#define MAX_ACTS 8u
#define IN_FLIGHT 4u
#define DEADLINE_US 250000u
#define OUTAGE_PERIOD_US 20000u /* between frames of the outage act: 50 a second */
#define FIRST_SEED 0u           /* nothing was trained or chosen on these: models/demo/README.md */

typedef struct settings {
    const char *models;
    uint64_t frames;
} settings;

static const clv_option options[] = {
    {"frames", NULL, CLV_OPTION_UINT, offsetof(settings, frames), 20, DEMO_MAX_FRAMES, "N",
     "frames in each act (default: 200)"},
    {"models", NULL, CLV_OPTION_STRING, offsetof(settings, models), 0, 0, "DIR",
     "the folder of teacher.onnx and student.onnx (default: the shipped one)"},
};

static const clv_option_set set = {
    "cleave demo",
    NULL,
    "A server and a device on this machine: a network split between them at several cuts, then the "
    "server killed and brought back in the middle of a stream.",
    "Everything happens on 127.0.0.1, with certificates made for the occasion. Exit code 1: a "
    "frame "
    "was lost.",
    options,
    sizeof options / sizeof options[0]};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

typedef struct demo {
    const settings *s;
    demo_stage stage;
    clv_edge *edge;
    uint32_t n_nodes;
    uint32_t early_cut, late_cut; /* the narrowest cuts of either half */
    demo_act acts[MAX_ACTS];
    uint32_t n_acts;
    uint32_t labels[DEMO_MAX_FRAMES];
    uint32_t waiting; /* submitted, not answered */
    uint8_t rgb[CLV_DEMO_BYTES];
} demo;

/* --- setting the stage ------------------------------------------------------------------------ */

static const char *models_dir(const settings *s)
{
    if (s->models != NULL)
        return s->models;
    return access(CLV_DEMO_SOURCE_DIR "/teacher.onnx", R_OK) == 0 ? CLV_DEMO_SOURCE_DIR
                                                                  : CLV_DEMO_INSTALL_DIR;
}

static clv_status open_model(tool_model *model, char *path, size_t cap, const settings *s,
                             const char *name, clv_error *err)
{
    tool_model_settings flags = TOOL_MODEL_SETTINGS_INIT;
    flags.input.preset = "tf";
    (void)snprintf(path, cap, "%s/%s", models_dir(s), name);
    return tool_model_open(model, path, &flags, err);
}

/* The cut in [from, to) that ships least; of equal ones the first. */
static uint32_t narrowest_cut(const clv_graph *graph, const clv_frontiers *frontiers, uint32_t from,
                              uint32_t to)
{
    uint32_t best = from;
    size_t best_bytes = SIZE_MAX;

    for (uint32_t cut = from; cut < to; cut++) {
        clv_frontier frontier = clv_frontiers_at(frontiers, cut);
        size_t total = 0;
        for (uint32_t i = 0; i < frontier.count; i++) {
            size_t bytes = 0;
            if (clv_tensor_bytes(&bytes, &graph->values[frontier.values[i]].tensor) == CLV_OK)
                total += bytes;
        }
        if (total < best_bytes) {
            best_bytes = total;
            best = cut;
        }
    }
    return best;
}

static clv_status choose_cuts(demo *d, const clv_graph *graph, clv_error *err)
{
    clv_frontiers *frontiers;
    if (clv_frontiers_create(&frontiers, graph) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, "teacher", "out of memory");
    d->n_nodes = graph->n_nodes;
    d->early_cut = narrowest_cut(graph, frontiers, 1, d->n_nodes / 2);
    d->late_cut = narrowest_cut(graph, frontiers, d->n_nodes / 2, d->n_nodes * 3 / 4);
    clv_frontiers_free(frontiers);
    return CLV_OK;
}

static clv_status build_bundle(demo *d, clv_error *err)
{
    char path[128], teacher_path[4096], student_path[4096];
    tool_model teacher = {0}, student = {0};

    if (mkdir(demo_stage_path(path, sizeof path, &d->stage, "bundles"), 0700) != 0)
        return clv_fail(err, CLV_EIO, path, "cannot be created: %s", strerror(errno));
    clv_status status =
        open_model(&teacher, teacher_path, sizeof teacher_path, d->s, "teacher.onnx", err);
    if (status == CLV_OK)
        status = open_model(&student, student_path, sizeof student_path, d->s, "student.onnx", err);
    if (status == CLV_OK)
        status = choose_cuts(d, teacher.model.graph, err);
    if (status == CLV_OK)
        status = clv_bundle_write(demo_stage_path(path, sizeof path, &d->stage, "bundles/demo.clv"),
                                  &teacher.model, &student.model, NULL, err);
    tool_model_done(&teacher);
    tool_model_done(&student);
    return status;
}

static clv_status start_device(demo *d, clv_error *err)
{
    char bundle[128], ca[128], cert[128], key[128], server[64];
    clv_edge_options device = CLV_EDGE_OPTIONS_INIT;

    (void)snprintf(server, sizeof server, "127.0.0.1:%u", d->stage.port);
    device.server = server;
    device.bundle = demo_stage_path(bundle, sizeof bundle, &d->stage, "bundles/demo.clv");
    device.ca = demo_stage_path(ca, sizeof ca, &d->stage, "pki/ca.crt");
    device.cert = demo_stage_path(cert, sizeof cert, &d->stage, "pki/demo-device.crt");
    device.key = demo_stage_path(key, sizeof key, &d->stage, "pki/demo-device.key");
    device.codec = "uint8";
    device.in_flight = IN_FLIGHT;
    device.deadline_us = DEADLINE_US;
    CLV_TRY(clv_edge_create(&d->edge, &device, err));
    if (clv_edge_wait_link(d->edge, 10000000u) != CLV_OK) {
        clv_edge_link_state state;
        clv_edge_link_state_of(d->edge, &state);
        return clv_fail(err, CLV_ETIMEDOUT, server, "no connection: %s", state.last_error);
    }
    return CLV_OK;
}

/* --- playing ---------------------------------------------------------------------------------- */

static clv_status take_answer(demo *d, demo_act *act, uint64_t timeout_us)
{
    clv_edge_answer answer;
    clv_top top;

    CLV_TRY(clv_edge_next(&answer, d->edge, timeout_us));
    uint32_t index = (uint32_t)(uintptr_t)answer.user;
    bool right = answer.n_outputs > 0 && clv_topk(&top, 1, &answer.outputs[0]) == 1 &&
                 top.index == d->labels[index];
    demo_act_count(act, &answer, index, right);
    clv_edge_release(d->edge, &answer);
    d->waiting--;
    return CLV_OK;
}

static clv_status submit(demo *d, demo_act *act, clv_error *err)
{
    uint32_t index = act->submitted;

    clv_demo_draw(d->rgb, &d->labels[index], FIRST_SEED + index);
    while (d->waiting == IN_FLIGHT)
        CLV_TRY(take_answer(d, act, UINT64_MAX));
    clv_status status = clv_edge_submit(NULL, d->edge, d->rgb, CLV_DEMO_WIDTH, CLV_DEMO_HEIGHT,
                                        (void *)(uintptr_t)index);
    if (status != CLV_OK)
        return clv_fail(err, status, "device", "a frame was not taken: %s",
                        clv_status_text(status));
    d->waiting++;
    act->submitted++;
    return CLV_OK;
}

static clv_status drain(demo *d, demo_act *act)
{
    while (d->waiting > 0)
        CLV_TRY(take_answer(d, act, UINT64_MAX));
    return CLV_OK;
}

static demo_act *begin_act(demo *d, uint32_t cut, const char *title)
{
    demo_act *act = &d->acts[d->n_acts++];
    act->title = title;
    act->cut = cut;
    tool_progress(title, 0, (size_t)d->s->frames);
    return act;
}

static clv_status play_cut(demo *d, uint32_t cut, const char *title, clv_error *err)
{
    demo_act *act = begin_act(d, cut, title);

    CLV_TRY(clv_edge_set_cut(d->edge, cut));
    while (act->submitted < d->s->frames && !interrupted) {
        tool_progress(title, act->submitted + 1, (size_t)d->s->frames);
        CLV_TRY(submit(d, act, err));
    }
    return drain(d, act);
}

/* Take answers until it is time for the next frame. */
static clv_status pace(demo *d, demo_act *act, uint64_t until_us)
{
    for (uint64_t now = clv_clock_now_us(); now < until_us; now = clv_clock_now_us()) {
        if (d->waiting > 0) {
            clv_status status = take_answer(d, act, until_us - now);
            if (status != CLV_OK && status != CLV_ETIMEDOUT)
                return status;
        } else {
            (void)usleep((useconds_t)(until_us - now));
        }
    }
    return CLV_OK;
}

/* A camera at 50 frames a second; the server dies after a quarter of them and is back after half.
 */
static clv_status play_outage(demo *d, uint32_t cut, clv_error *err)
{
    demo_act *act = begin_act(d, cut, "server killed after 1/4 of the frames, back after 1/2");
    uint32_t kill_at = (uint32_t)d->s->frames / 4, back_at = (uint32_t)d->s->frames / 2;
    uint64_t start_us = clv_clock_now_us();

    CLV_TRY(clv_edge_set_cut(d->edge, cut));
    while (act->submitted < d->s->frames && !interrupted) {
        tool_progress("frame", act->submitted + 1, (size_t)d->s->frames);
        if (act->submitted == kill_at)
            demo_server_kill(&d->stage);
        if (act->submitted == back_at && d->stage.server == 0)
            CLV_TRY(demo_server_start(&d->stage, err));
        CLV_TRY(submit(d, act, err));
        CLV_TRY(pace(d, act, start_us + act->submitted * (uint64_t)OUTAGE_PERIOD_US));
    }
    return drain(d, act);
}

static clv_status play(demo *d, clv_error *err)
{
    CLV_TRY(play_cut(d, 0, "everything on the server", err));
    CLV_TRY(play_cut(d, d->early_cut, "split early", err));
    CLV_TRY(play_cut(d, d->late_cut, "split late", err));
    CLV_TRY(play_cut(d, d->n_nodes, "everything on the device", err));
    return play_outage(d, d->late_cut, err);
}

static clv_status run_demo(demo *d, clv_error *err)
{
    CLV_TRY(demo_stage_open(&d->stage, err));
    CLV_TRY(build_bundle(d, err));
    CLV_TRY(demo_server_start(&d->stage, err));
    CLV_TRY(start_device(d, err));
    (void)printf(
        "A device and a server on 127.0.0.1:%u, mutual TLS, a network of %u nodes, %llu frames an "
        "act, deadline %u ms.\n",
        d->stage.port, d->n_nodes, (unsigned long long)d->s->frames, DEADLINE_US / 1000u);
    (void)fflush(stdout);
    clv_status status = play(d, err);
    tool_progress("", 0, 0);
    if (status != CLV_OK && err->code == CLV_OK)
        return clv_fail(err, status, "device", "%s", clv_status_text(status));
    return status;
}

static int run(const settings *s)
{
    clv_error err = CLV_ERROR_INIT;
    int code = TOOL_OK;
    demo *d = clv_calloc(1, sizeof *d);
    if (d == NULL)
        return TOOL_INPUT;

    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGPIPE, SIG_IGN);
    d->s = s;
    clv_status status = run_demo(d, &err);
    clv_edge_free(d->edge);
    demo_stage_close(&d->stage);
    if (status != CLV_OK) {
        code = tool_fail(set.program, &err);
    } else {
        demo_print_table(stdout, d->acts, d->n_acts);
        if (!demo_print_verdict(stdout, d->acts, d->n_acts))
            code = TOOL_FAILED;
        if (interrupted)
            (void)fprintf(stderr, "%s: interrupted\n", set.program);
    }
    clv_free(d);
    return interrupted ? 130 : code;
}

int cmd_demo(int argc, char **argv)
{
    settings s = {.frames = 200};
    clv_parsed parsed;
    int code;

    if (tool_parse(&parsed, &s, &set, 0, argc, argv, &code))
        code = run(&s);
    clv_parsed_done(&parsed);
    return code;
}
