/* SPDX-License-Identifier: Apache-2.0 */
/** @file lab.c: the link laboratory: a server and a device with a bad link between them, see
 *  docs/lab.md. One thread moves packets, plays the script and slows the two programs down. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "lab_answers.h"
#include "lab_net.h"
#include "lab_pipe.h"
#include "lab_process.h"
#include "lab_script.h"

#define MAX_SCRIPT_BYTES (16u << 20)
#define READ_AT_ONCE 64
#define READY_TIMEOUT_US 60000000u
#define GRACE_US 8000000u /* between SIGTERM and SIGKILL */
#define TICK_US 20000u    /* of looking whether the server is ready */

enum { EXIT_SETTINGS = 3, EXIT_USAGE = 2, EXIT_SKIPPED = 77 };

typedef struct settings {
    const char *script, *ready;
    uint64_t seed;
    double seconds;
    bool report, stamp, from_output, pin;
} settings;

static const clv_option options[] = {
    {"script", NULL, CLV_OPTION_STRING, offsetof(settings, script), 0, 0, "FILE",
     "what happens to the link and when (default: nothing ever)"},
    {"ready", NULL, CLV_OPTION_STRING, offsetof(settings, ready), 0, 0, "FILE",
     "start the device when this file is there (default: at once)"},
    {"seconds", NULL, CLV_OPTION_DOUBLE, offsetof(settings, seconds), 0, 0, "S",
     "tell the device to end (SIGTERM) after so long; 0: never (default)"},
    {"seed", NULL, CLV_OPTION_UINT, offsetof(settings, seed), 0, UINT64_MAX, "N",
     "of loss, jitter and reordering (default: 1)"},
    {"report", NULL, CLV_OPTION_FLAG, offsetof(settings, report), 0, 0, NULL,
     "a table of the device's answers by phase instead of its output"},
    {"stamp", NULL, CLV_OPTION_FLAG, offsetof(settings, stamp), 0, 0, NULL,
     "before each line of the device's output: seconds since the script's start, and a tab"},
    {"from-output", NULL, CLV_OPTION_FLAG, offsetof(settings, from_output), 0, 0, NULL,
     "the script's time counts from the device's first output instead of its start"},
    {"pin", NULL, CLV_OPTION_FLAG, offsetof(settings, pin), 0, 0, NULL,
     "bind the device to core 0 and the server to core 1, with the least niceness"},
};

static const clv_option_set set = {
    "clv_lab",
    "-- SERVER... -- DEVICE...",
    "Run two programs in network namespaces of their own, with a link between them that is as "
    "slow, "
    "far and bad as a script says. The device is at " LAB_DEVICE_ADDRESS
    ", the server at " LAB_SERVER_ADDRESS ".",
    "Exit code: the device's; 2 usage; 3 the script; 77 where it isn't root, or namespaces are "
    "forbidden.",
    options,
    sizeof options / sizeof options[0]};

typedef struct lab {
    const settings *s;
    lab_net net;
    lab_script script;
    uint32_t played;
    lab_impairment link[2]; /* [0] device to server, [1] back */
    lab_pipe *pipes[2];
    uint8_t (*bytes[2])[LAB_MTU]; /* of their slots */
    lab_process server, device;
    lab_answers *answers;
    int signals, output; /* signalfd; the device's stdout, or -1 */
    uint64_t start_us;   /* of the script's time; 0: not yet */
    bool mid_line;       /* of the output that is stamped */
    uint64_t kill_us;    /* when patience ends; UINT64_MAX: nobody was told to end */
} lab;

/* --- packets ---------------------------------------------------------------------------------- */

static void take_in(lab *l, int way)
{
    uint8_t packet[LAB_MTU];
    uint32_t slot;

    for (int i = 0; i < READ_AT_ONCE; i++) {
        ssize_t n = read(l->net.tun[way], packet, sizeof packet);
        if (n <= 0)
            return;
        if (lab_pipe_offer(l->pipes[way], &slot, (uint32_t)n, clv_clock_now_us()))
            memcpy(l->bytes[way][slot], packet, (size_t)n);
    }
}

static void give_out(lab *l, int way)
{
    uint32_t slot, bytes;

    while (lab_pipe_take(l->pipes[way], &slot, &bytes, clv_clock_now_us())) {
        /* What the other end can't take is lost, as on any link. */
        ssize_t written = write(l->net.tun[1 - way], l->bytes[way][slot], bytes);
        (void)written;
    }
}

/* --- the script ------------------------------------------------------------------------------- */

static void play_event(lab *l, const lab_event *event, uint64_t now_us)
{
    if (event->what == LAB_DEVICE)
        lab_process_slow(&l->device, event->value, now_us);
    if (event->what == LAB_SERVER)
        lab_process_slow(&l->server, event->value, now_us);
    lab_event_apply(l->link, event);
    for (int way = 0; way < 2; way++)
        lab_pipe_set(l->pipes[way], &l->link[way], now_us);
}

/* The link's state of the beginning, before anybody has sent anything. */
static void play_start(lab *l)
{
    for (uint32_t i = 0; i < l->script.count && l->script.events[i].at_us == 0; i++)
        play_event(l, &l->script.events[i], clv_clock_now_us());
}

static void play_due(lab *l, uint64_t now_us)
{
    while (l->played < l->script.count && l->script.events[l->played].at_us <= now_us - l->start_us)
        play_event(l, &l->script.events[l->played++], now_us);
}

/* --- the two programs ------------------------------------------------------------------------- */

static clv_status start(lab *l, lab_process *process, char *const *argv, int end, int output,
                        clv_error *err)
{
    lab_start how = {argv, l->net.namespace[end], l -> s -> pin ? end : -1, output};
    return lab_process_start(process, &how, err);
}

/* A pipe that the device writes its answers into. */
static clv_status start_device(lab *l, char *const *argv, clv_error *err)
{
    int ends[2] = {-1, -1};

    bool piped = l->s->report || l->s->stamp || l->s->from_output;
    if (piped && pipe(ends) != 0)
        return clv_fail(err, CLV_EIO, "pipe", "%s", strerror(errno));
    l->output = ends[0];
    clv_status status = start(l, &l->device, argv, LAB_DEVICE_END, ends[1], err);
    if (ends[1] >= 0)
        (void)close(ends[1]);
    l->start_us = l->s->from_output ? 0 : clv_clock_now_us();
    return status;
}

static void ask_to_end(lab *l, lab_process *process)
{
    lab_process_signal(process, SIGTERM);
    l->kill_us = clv_clock_now_us() + GRACE_US;
}

static void pass_on(lab *l, const char *bytes, size_t count, uint64_t at_us)
{
    for (size_t i = 0; i < count; i++) {
        if (l->s->stamp && !l->mid_line)
            (void)printf("%.6f\t", (double)at_us / 1e6);
        (void)putchar(bytes[i]);
        l->mid_line = bytes[i] != '\n';
    }
}

/* False: the pipe is at its end. */
static bool read_answers(lab *l)
{
    char bytes[4096];
    ssize_t n = read(l->output, bytes, sizeof bytes);
    uint64_t now_us = clv_clock_now_us();

    if (n > 0 && l->start_us == 0)
        l->start_us = now_us;
    if (n > 0 && l->answers != NULL)
        lab_answers_add(l->answers, bytes, (size_t)n, now_us - l->start_us);
    else if (n > 0)
        pass_on(l, bytes, (size_t)n, now_us - l->start_us);
    return n > 0 || (n < 0 && errno == EINTR);
}

/* --- the loop --------------------------------------------------------------------------------- */

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_us(const lab *l)
{
    uint64_t due_us = earliest(lab_pipe_due_us(l->pipes[0]), lab_pipe_due_us(l->pipes[1]));

    due_us = earliest(due_us, earliest(l->device.again_us, l->server.again_us));
    due_us = earliest(due_us, l->kill_us);
    if (l->start_us == 0)
        return earliest(due_us, clv_clock_now_us() + TICK_US);
    if (l->played < l->script.count)
        due_us = earliest(due_us, l->start_us + l->script.events[l->played].at_us);
    if (l->s->seconds > 0 && l->kill_us == UINT64_MAX)
        due_us = earliest(due_us, l->start_us + (uint64_t)(l->s->seconds * 1e6));
    return due_us;
}

static void wait_until(lab *l, uint64_t due_us)
{
    struct pollfd fds[4] = {{l->net.tun[0], POLLIN, 0},
                            {l->net.tun[1], POLLIN, 0},
                            {l->signals, POLLIN, 0},
                            {l->output, POLLIN, 0}};
    uint64_t now_us = clv_clock_now_us();
    uint64_t wait_us = due_us > now_us ? due_us - now_us : 0;
    struct timespec timeout = {(time_t)(wait_us / 1000000u), (long)(wait_us % 1000000u) * 1000};

    if (ppoll(fds, 4, due_us == UINT64_MAX ? NULL : &timeout, NULL) <= 0)
        return;
    struct signalfd_siginfo info;
    if ((fds[2].revents & POLLIN) && read(l->signals, &info, sizeof info) == sizeof info &&
        info.ssi_signo != SIGCHLD)
        ask_to_end(l, l->device.pid != 0 ? &l->device : &l->server);
    if (fds[3].revents != 0 && !read_answers(l)) {
        (void)close(l->output);
        l->output = -1;
    }
}

static void turn(lab *l)
{
    uint64_t now_us = clv_clock_now_us();

    if (l->start_us > 0)
        play_due(l, now_us);
    for (int way = 0; way < 2; way++) {
        take_in(l, way);
        give_out(l, way);
    }
    if (l->device.again_us <= now_us)
        lab_process_pace(&l->device, now_us);
    if (l->server.again_us <= now_us)
        lab_process_pace(&l->server, now_us);
    bool over = l->start_us > 0 && l->s->seconds > 0 && l->kill_us == UINT64_MAX &&
                now_us >= l->start_us + (uint64_t)(l->s->seconds * 1e6);
    if (over)
        ask_to_end(l, &l->device);
    if (now_us >= l->kill_us) {
        lab_process_signal(&l->device, SIGKILL);
        lab_process_signal(&l->server, SIGKILL);
        l->kill_us = UINT64_MAX;
    }
    wait_until(l, next_us(l));
}

static clv_status wait_ready(lab *l, clv_error *err)
{
    uint64_t until_us = clv_clock_now_us() + READY_TIMEOUT_US;

    while (l->s->ready != NULL && access(l->s->ready, F_OK) != 0) {
        turn(l);
        if (lab_process_reap(&l->server))
            return clv_fail(err, CLV_EIO, "server", "it has ended, with code %d",
                            l->server.exit_code);
        if (clv_clock_now_us() > until_us)
            return clv_fail(err, CLV_ETIMEDOUT, l->s->ready, "the server isn't ready");
    }
    return CLV_OK;
}

static void end_server(lab *l)
{
    if (l->server.pid == 0)
        return;
    ask_to_end(l, &l->server);
    while (!lab_process_reap(&l->server))
        turn(l);
}

static clv_status run_both(lab *l, char *const *server, char *const *device, clv_error *err)
{
    CLV_TRY(start(l, &l->server, server, LAB_SERVER_END, STDERR_FILENO, err));
    play_start(l);
    CLV_TRY(wait_ready(l, err));
    CLV_TRY(start_device(l, device, err));
    while (!lab_process_reap(&l->device)) {
        turn(l);
        if (lab_process_reap(&l->server))
            (void)fprintf(stderr, "lab: the server has ended, with code %d\n", l->server.exit_code);
    }
    while (l->output >= 0 && read_answers(l)) {
    }
    end_server(l);
    return CLV_OK;
}

/* --- setting up ------------------------------------------------------------------------------- */

/* What is late here would look like delay and slowness there. Children don't inherit it. */
static void hurry(void)
{
    struct sched_param param = {.sched_priority = 10};

    if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) != 0)
        (void)fprintf(stderr, "lab: no real-time priority: times will be less exact\n");
}

static clv_status catch_signals(lab *l, clv_error *err)
{
    sigset_t caught;

    (void)sigemptyset(&caught);
    (void)sigaddset(&caught, SIGCHLD);
    (void)sigaddset(&caught, SIGINT);
    (void)sigaddset(&caught, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &caught, NULL);
    l->signals = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
    return l->signals >= 0 ? CLV_OK : clv_fail(err, CLV_EIO, "signals", "%s", strerror(errno));
}

static clv_status read_script(lab *l, clv_error *err)
{
    clv_mapping file;

    if (l->s->script == NULL)
        return CLV_OK;
    CLV_TRY(clv_mapping_open(&file, l->s->script, MAX_SCRIPT_BYTES, err));
    clv_status status =
        lab_script_parse(&l->script, (const char *)file.data, file.size, l->s->script, err);
    clv_mapping_done(&file);
    return status;
}

static clv_status open_lab(lab *l, clv_error *err)
{
    CLV_TRY(read_script(l, err));
    if (l->s->report)
        CLV_TRY(lab_answers_create(&l->answers, &l->script, err));
    for (int way = 0; way < 2; way++) {
        l->link[way] = (lab_impairment)LAB_IMPAIRMENT_INIT;
        l->pipes[way] = clv_calloc(1, sizeof *l->pipes[way]);
        l->bytes[way] = clv_calloc(LAB_PIPE_SLOTS, LAB_MTU);
        if (l->pipes[way] == NULL || l->bytes[way] == NULL)
            return clv_fail(err, CLV_ENOMEM, "packets", "out of memory");
        lab_pipe_init(l->pipes[way], l->s->seed * 2 + (unsigned)way);
    }
    CLV_TRY(catch_signals(l, err));
    return lab_net_create(&l->net, err);
}

static void close_lab(lab *l)
{
    lab_process_signal(&l->device, SIGKILL);
    lab_process_signal(&l->server, SIGKILL);
    for (int way = 0; way < 2; way++) {
        clv_free(l->pipes[way]);
        clv_free(l->bytes[way]);
    }
    if (l->signals >= 0)
        (void)close(l->signals);
    if (l->output >= 0)
        (void)close(l->output);
    lab_answers_free(l->answers);
    lab_script_done(&l->script);
    lab_net_done(&l->net);
}

static void print_counts(const lab *l)
{
    for (int way = 0; way < 2; way++) {
        const lab_pipe_counts *c = &l->pipes[way]->counts;
        (void)fprintf(stderr,
                      "lab: %s: %llu packets (%llu bytes) sent, %llu arrived; dropped: %llu queue "
                      "full, %llu lost, %llu in an outage\n",
                      way == 0 ? "device to server" : "server to device",
                      (unsigned long long)c->offered, (unsigned long long)c->offered_bytes,
                      (unsigned long long)c->delivered, (unsigned long long)c->full,
                      (unsigned long long)c->lost, (unsigned long long)c->cut);
    }
}

static int run(const settings *s, char *const *server, char *const *device)
{
    clv_error err = CLV_ERROR_INIT;
    lab l = {.s = s, .net = LAB_NET_INIT, .signals = -1, .output = -1, .kill_us = UINT64_MAX};

    l.device.again_us = l.server.again_us = UINT64_MAX;
    clv_status status = open_lab(&l, &err);
    if (status == CLV_OK) {
        hurry();
        status = run_both(&l, server, device, &err);
    }
    int code = l.device.exit_code;
    if (status == CLV_OK) {
        print_counts(&l);
        if (l.answers != NULL)
            lab_answers_print(stdout, l.answers);
    } else {
        code = status == CLV_EAUTH ? EXIT_SKIPPED : EXIT_SETTINGS;
        (void)fprintf(stderr, "lab: %s%s: %s\n", status == CLV_EAUTH ? "skipped: " : "",
                      err.location, err.message);
    }
    close_lab(&l);
    return code;
}

/* The words of argv behind the Nth "--", up to the next one, which becomes their end. */
static char **words_behind(char **argv, int argc, int nth)
{
    int from = 0;

    for (int i = 1; i < argc; i++)
        if (argv[i] != NULL && strcmp(argv[i], "--") == 0 && --nth == 0)
            from = i + 1;
    if (from == 0 || from >= argc || strcmp(argv[from], "--") == 0)
        return NULL;
    return argv + from;
}

int main(int argc, char **argv)
{
    settings s = {.seed = 1};
    clv_parsed parsed;
    clv_error err = CLV_ERROR_INIT;
    int own = 1, code = EXIT_USAGE;
    char **server = words_behind(argv, argc, 1), **device = words_behind(argv, argc, 2);

    while (own < argc && strcmp(argv[own], "--") != 0)
        own++;
    clv_status status = clv_options_parse(&parsed, &s, &set, own, argv, &err);
    if (status == CLV_OK && parsed.help) {
        clv_options_print_help(stdout, &set);
        code = 0;
    } else if (status != CLV_OK || parsed.positional.count > 0) {
        (void)fprintf(stderr, "lab: %s: %s\n", status != CLV_OK ? err.location : "flags",
                      status != CLV_OK ? err.message : "a word that is no flag");
    } else if (server == NULL || device == NULL) {
        (void)fprintf(stderr, "lab: usage: clv_lab [flags] -- SERVER... -- DEVICE...\n");
    } else {
        device[-1] = NULL;
        code = run(&s, server, device);
    }
    clv_parsed_done(&parsed);
    return code;
}
