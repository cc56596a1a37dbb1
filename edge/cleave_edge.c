/* SPDX-License-Identifier: Apache-2.0 */
/* cleave-edge: frames in, one line of JSON out for each. A shell around <cleave/edge.h>: this
 * thread reads and submits, another one prints the answers. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/notify.h"
#include "edge/answer_json.h"
#include "edge/edge_settings.h"
#include "edge/frame_source.h"

#define EXIT_OK 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_CONFIG 3

/* How often the printer looks at the link when no answers come. */
#define LOOK_US 500000u

/* How often the log hears another reason why the link is down. */
#define REASON_US 10000000u

/* Readable: stop taking frames. */
static int stop_fd = -1;

typedef struct program {
    clv_edge_settings settings;
    clv_edge *edge;
    clv_frame_source *source;
    atomic_bool failed; /* a frame has no answer */
} program;

static void stop(void)
{
    const uint64_t one = 1;
    ssize_t n = write(stop_fd, &one, sizeof one);
    (void)n; /* it is full: then it is readable already */
}

static void on_signal(int number)
{
    int saved = errno;
    (void)number;
    stop();
    errno = saved;
}

static clv_status catch_signals(void)
{
    /* A second one ends the program at once. */
    struct sigaction action = {.sa_handler = on_signal,
                               .sa_flags = (int)(SA_RESTART | SA_RESETHAND)};

    stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (stop_fd < 0 || sigaction(SIGTERM, &action, NULL) != 0 ||
        sigaction(SIGINT, &action, NULL) != 0)
        return CLV_EINTERNAL;
    action.sa_handler = SIG_IGN;
    return sigaction(SIGPIPE, &action, NULL) == 0 ? CLV_OK : CLV_EINTERNAL;
}

static void log_failure(const clv_error *err, clv_status status)
{
    clv_log_error("%s%s%s", err->location, err->location[0] != '\0' ? ": " : "",
                  err->message[0] != '\0' ? err->message : clv_status_text(status));
}

/* --- the printer -------------------------------------------------------------------------- */

/* What was logged of the link, and when. */
typedef struct link_log {
    clv_edge_link_state last;
    uint64_t at_us;
} link_log;

/* A line for each change; while it stays down, one for another reason now and then. */
static void log_link(clv_edge *edge, link_log *log)
{
    clv_edge_link_state now;
    uint64_t now_us = clv_clock_now_us();

    clv_edge_link_state_of(edge, &now);
    bool other_reason = strcmp(now.last_error, log->last.last_error) != 0 &&
                        (log->at_us == 0 || now_us - log->at_us > REASON_US);
    if (now.up == log->last.up && (now.up || !other_reason))
        return;
    if (now.up)
        clv_log_info("the link to %s is up", now.server_name);
    else
        clv_log_warn("the link is down: %s", now.last_error);
    log->last = now;
    log->at_us = now_us;
}

/* @return false: nobody reads the answers any more. */
static bool print(program *p, const clv_edge_answer *answer)
{
    const clv_answer_format format = {p->settings.top, p->settings.tensors};

    if (answer->source == CLV_SOURCE_NONE)
        p->failed = true;
    if (clv_answer_print(stdout, answer, answer->user, &format) == CLV_OK)
        return true;
    if (errno != EPIPE) {
        clv_log_error("the answers can't be written: %s", strerror(errno));
        p->failed = true;
    }
    return false;
}

static void *print_answers(void *context)
{
    program *p = context;
    link_log log = {.at_us = 0};
    clv_edge_answer answer;
    bool is_read = true;
    clv_status status;

    while ((status = clv_edge_next(&answer, p->edge, LOOK_US)) != CLV_ECLOSED) {
        log_link(p->edge, &log);
        if (status != CLV_OK)
            continue;
        if (is_read && !print(p, &answer)) {
            is_read = false;
            stop(); /* the frames that are on their way still go through */
        }
        clv_edge_release(p->edge, &answer);
    }
    return NULL;
}

/* --- the feeder --------------------------------------------------------------------------- */

static void submit(program *p, const clv_image *image, const clv_buffer *file, char *name)
{
    const clv_edge_picture picture = {image->rgb.data, image->width, image->height,
                                      file->size > 0 ? file->data : NULL, file->size};
    clv_status status = clv_edge_submit_picture(NULL, p->edge, &picture, name);
    if (status != CLV_OK) {
        clv_log_error("%s: the frame can't be taken: %s", name, clv_status_text(status));
        p->failed = true;
    }
}

/* Time that was lost waiting for a slot isn't made up for by a burst. */
static uint64_t next_due(uint64_t due_us, uint64_t frame_us)
{
    uint64_t now_us = clv_clock_now_us();
    return due_us + frame_us > now_us ? due_us + frame_us : now_us;
}

static void feed(program *p)
{
    uint64_t due_us = clv_clock_now_us();
    clv_status status = CLV_OK;
    clv_image image;
    clv_buffer file;

    clv_image_init(&image);
    clv_buffer_init(&file, CLV_IMAGE_MAX_FILE_BYTES);
    while (status != CLV_ECLOSED && status != CLV_EIO) {
        clv_error err = CLV_ERROR_INIT;
        char *name;
        status = clv_frame_source_next(&image, &file, &name, p->source, &err);
        if (status == CLV_OK && !clv_frame_source_wait(p->source, due_us))
            break;
        due_us = next_due(due_us, p->settings.frame_us);
        if (status == CLV_OK) {
            submit(p, &image, &file, name);
        } else if (status != CLV_ECLOSED) {
            log_failure(&err, status);
            p->failed = true;
        }
    }
    clv_image_done(&image);
    clv_buffer_done(&file);
}

static clv_status open_source(program *p, clv_error *err)
{
    clv_frame_source_options options = {.inputs = p->settings.input,
                                        .repeat = p->settings.repeat,
                                        .width = p->settings.width,
                                        .height = p->settings.height,
                                        .stop_fd = stop_fd};
    uint32_t width, height;

    if (clv_edge_image_size(&width, &height, p->edge) != CLV_OK)
        return clv_fail(err, CLV_EUNSUPPORTED, p->settings.edge.bundle,
                        "its model takes no images");
    if (options.width == 0) {
        options.width = width;
        options.height = height;
    }
    return clv_frame_source_open(&p->source, &options, err);
}

/* --- the program -------------------------------------------------------------------------- */

static void say_bound(const program *p)
{
    uint32_t max_cut = p->settings.edge.max_cut;

    if (max_cut >= clv_edge_cut_count(p->edge))
        return;
    if (clv_edge_has_student(p->edge))
        clv_log_info("nodes from %u on never run here: what the server doesn't answer is answered "
                     "by the student",
                     max_cut);
    else
        clv_log_warn("nodes from %u on never run here, and the bundle has no student: what the "
                     "server doesn't answer is not answered",
                     max_cut);
}

/* In short waits, to hear the signals. */
static void wait_for_link(program *p)
{
    uint64_t until_us = clv_clock_now_us() + p->settings.wait_link_us;

    if (p->settings.edge.server == NULL || p->settings.wait_link_us == 0)
        return;
    while (clv_edge_wait_link(p->edge, LOOK_US / 10) != CLV_OK) {
        if (!clv_frame_source_wait(p->source, 0))
            return;
        if (clv_clock_now_us() >= until_us) {
            clv_log_warn("the link isn't up yet: going on without it");
            return;
        }
    }
}

static int run(program *p)
{
    clv_error err = CLV_ERROR_INIT;
    pthread_t printer;

    clv_status status = clv_edge_create(&p->edge, &p->settings.edge, &err);
    if (status == CLV_OK)
        status = open_source(p, &err);
    if (status != CLV_OK) {
        log_failure(&err, status);
        return EXIT_CONFIG;
    }
    say_bound(p);
    clv_notify_ready();
    wait_for_link(p);
    if (pthread_create(&printer, NULL, print_answers, p) != 0) {
        clv_log_error("no thread can be started");
        return EXIT_FAILED;
    }
    feed(p);
    clv_notify_stopping();
    clv_edge_close(p->edge);
    (void)pthread_join(printer, NULL);
    return p->failed ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv)
{
    clv_error err = CLV_ERROR_INIT;
    clv_parsed parsed;
    program p = {0};
    int code = EXIT_OK;

    clv_log_setup("cleave-edge", CLV_LOG_INFO, false);
    clv_status status = clv_edge_settings_read(&p.settings, &parsed, argc, argv, &err);
    if (status != CLV_OK) {
        log_failure(&err, status);
        code = status == CLV_EINVAL ? EXIT_USAGE : EXIT_CONFIG;
    } else if (parsed.help) {
        clv_options_print_help(stdout, &clv_edge_option_set);
    } else if (parsed.version) {
        (void)puts("cleave-edge " CLEAVE_VERSION);
    } else if (catch_signals() != CLV_OK) {
        clv_log_error("signals can't be caught: %s", strerror(errno));
        code = EXIT_FAILED;
    } else {
        clv_log_setup("cleave-edge", p.settings.log_level, p.settings.log_json);
        code = run(&p);
    }
    clv_frame_source_free(p.source);
    clv_edge_free(p.edge);
    clv_parsed_done(&parsed);
    return code;
}
