/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/notify.h"
#include "server/server.h"
#include "server/server_settings.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 3 };

#define SHORT_DIGEST 12 /* of 64 hexadecimal digits: enough to tell bundles apart */

/* --- the log ------------------------------------------------------------------------------ */

/* "location: message" */
typedef struct error_text {
    char text[sizeof(clv_error)];
} error_text;

static const char *describe(error_text *out, const clv_error *error)
{
    (void)snprintf(out->text, sizeof out->text, "%s%s%s", error->location,
                   error->location[0] ? ": " : "", error->message);
    return out->text;
}

/* How many of the nodes the wanted backend runs; `ref` runs the others. */
static uint32_t count_steps(const clv_served_form *form, const char *backend)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < form->graph->n_nodes; i++)
        n += strcmp(clv_program_step_backend(form->program, i), backend) == 0;
    return n;
}

static void log_forms(const char *path, const clv_served *served, const char *backend)
{
    char hex[CLV_DIGEST_HEX_BYTES];

    for (uint32_t i = 0; i < CLV_PRECISION_COUNT; i++) {
        const clv_served_form *form = clv_served_find_form(served, i);
        if (form != NULL)
            clv_log_info("serving %.*s from %s in %s: %u nodes, %u of them on %s", SHORT_DIGEST,
                         clv_digest_format(hex, &served->id), path,
                         clv_precision_name((clv_precision)i), served->n_nodes,
                         count_steps(form, backend), backend);
    }
}

static void log_profile(const clv_served *served)
{
    const clv_error *note = &served->profiled.note;
    error_text why;

    if (served->profile != NULL && served->profiled.kept)
        clv_log_debug("its profile was kept from an earlier start");
    if (note->code != CLV_OK)
        clv_log_warn(served->profile != NULL ? "its profile can't be kept: %s"
                                             : "it can't be measured: %s",
                     describe(&why, note));
}

static void log_file(void *context, const char *path, const clv_served *served,
                     const clv_error *error)
{
    const clv_server_choices *choices = context;
    error_text why;

    if (served == NULL)
        clv_log_error("left out %s: %s", path, describe(&why, error));
    else
        log_forms(path, served, choices->backend->name);
    if (served != NULL)
        log_profile(served);
}

static void log_device(void *context, const char *device, const char *what, const clv_error *error)
{
    error_text why;
    (void)context;
    if (error == NULL)
        clv_log_info("device '%s' %s", device, what);
    else
        clv_log_warn("device '%s' %s: %s", device, what, describe(&why, error));
}

/* --- start, signals, end ------------------------------------------------------------------ */

static const int daemon_signals[] = {SIGTERM, SIGINT, SIGHUP};

/* Before any thread starts, so that all of them have these blocked and sigwait() gets them. */
static sigset_t block_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof daemon_signals / sizeof daemon_signals[0]; i++)
        (void)sigaddset(&set, daemon_signals[i]);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return set;
}

static clv_status write_port(const char *path, uint16_t port, clv_error *err)
{
    char text[8];
    int n = snprintf(text, sizeof text, "%u\n", port);
    return clv_file_write(path, text, (size_t)n, 0644, err);
}

static void warn_if_empty(clv_server *server, const char *folder)
{
    clv_digest id;
    if (clv_registry_list(clv_server_registry(server), &id, 1) == 0)
        clv_log_warn("no bundle is served: put *" CLV_BUNDLE_SUFFIX
                     " files into %s and send SIGHUP",
                     folder);
}

static void reload(clv_server *server, const char *folder)
{
    clv_error err = CLV_ERROR_INIT;
    error_text why;

    clv_notify_reloading();
    clv_log_info("loading %s again", folder);
    if (clv_server_reload(server, &err) != CLV_OK)
        clv_log_error("the bundles stay as they were: %s", describe(&why, &err));
    warn_if_empty(server, folder);
    clv_notify_ready();
}

static void serve_until_told(clv_server *server, const clv_server_settings *settings,
                             const sigset_t *signals)
{
    int number;

    while (sigwait(signals, &number) == 0 && number == SIGHUP)
        reload(server, settings->bundles);
    clv_notify_stopping();
    clv_log_info("closing");
    clv_server_counts counts = clv_server_drain(server, settings->drain_ms * 1000);
    clv_log_info("closed: %" PRIu64 " requests answered, %" PRIu64 " refused", counts.answered,
                 counts.refused);
}

static clv_status load(clv_server **out, const clv_server_settings *settings,
                       clv_server_choices *choices, clv_error *err)
{
    static char folder[4096]; /* reloads read it as well */
    clv_profile_cache profiles = {
        .folder = clv_profile_cache_folder(settings->state, folder, sizeof folder),
        .backend = choices->backend->name,
        .form_us = settings->profile_ms * 1000,
    };
    clv_server_options options = {
        .profiles = profiles,
        .profile_batch = (uint32_t)settings->profile_batch,
        .bundles = settings->bundles,
        .backend = choices->backend,
        .workers = choices->workers,
        .queue = (uint32_t)settings->queue,
        .reference_bytes = (size_t)settings->reference_bytes,
        .threads_per_worker = (unsigned)settings->threads_per_worker,
        .on_file = log_file,
        .on_device = log_device,
        .context = choices,
    };
    return clv_server_create(out, &options, err);
}

static clv_status listen_and_say_so(clv_server *server, const clv_server_settings *settings,
                                    const clv_server_choices *choices, const clv_identity *identity,
                                    clv_error *err)
{
    CLV_TRY(clv_server_listen(server, settings->listen, identity, err));
    uint16_t port = clv_server_port(server);
    clv_log_info("'%s' listens on %s (port %u): %u workers, queue of %" PRIu64 ", backend %s",
                 clv_identity_name(identity), settings->listen, port, choices->workers,
                 settings->queue, choices->backend->name);
    warn_if_empty(server, settings->bundles);
    if (settings->port_file != NULL)
        CLV_TRY(write_port(settings->port_file, port, err));
    clv_notify_ready();
    return CLV_OK;
}

/* Whose fault it is: the settings' and the files' that they name, or the world's. A port that is
 * taken is free later, a file that can't be read stays so. */
static int exit_code_of(clv_status status, bool loaded)
{
    bool of_settings = status == CLV_ENOENT || status == CLV_EFORMAT || status == CLV_EAUTH ||
                       status == CLV_EINVAL || (status == CLV_EIO && !loaded);
    return of_settings ? EXIT_CONFIG : EXIT_FAILED;
}

static int run(const clv_server_settings *settings, clv_server_choices *choices)
{
    const clv_identity_paths paths = {settings->ca, settings->cert, settings->key};
    sigset_t signals = block_signals();
    clv_identity *identity = NULL;
    clv_server *server = NULL;
    clv_error err = CLV_ERROR_INIT;
    error_text why;

    clv_status status = clv_identity_load(&identity, &paths, &err);
    if (status == CLV_OK)
        status = load(&server, settings, choices, &err);
    if (status == CLV_OK)
        status = listen_and_say_so(server, settings, choices, identity, &err);
    int code = status == CLV_OK ? EXIT_OK : exit_code_of(status, server != NULL);
    if (status == CLV_OK)
        serve_until_told(server, settings, &signals);
    else
        clv_log_error("%s", describe(&why, &err));
    clv_server_free(server);
    clv_identity_free(identity);
    return code;
}

static int fail_usage(const clv_error *error, int code)
{
    error_text why;
    (void)fprintf(stderr, "cleave-server: %s\n", describe(&why, error));
    return code;
}

int main(int argc, char **argv)
{
    clv_server_settings settings = clv_server_defaults;
    clv_server_choices choices;
    clv_error err = CLV_ERROR_INIT;
    clv_parsed parsed;
    int code = EXIT_OK;

    clv_status status =
        clv_options_parse(&parsed, &settings, &clv_server_option_set, argc, argv, &err);
    if (status != CLV_OK) {
        code = fail_usage(&err, status == CLV_EINVAL ? EXIT_USAGE : EXIT_CONFIG);
    } else if (parsed.help) {
        clv_options_print_help(stdout, &clv_server_option_set);
    } else if (parsed.version) {
        (void)printf("cleave-server %s\n", CLEAVE_VERSION);
    } else if (clv_server_settings_check(&choices, &settings, &err) != CLV_OK) {
        code = fail_usage(&err, EXIT_USAGE);
    } else {
        clv_log_setup("cleave-server", choices.log_level, choices.log_json);
        code = run(&settings, &choices);
    }
    clv_parsed_done(&parsed);
    return code;
}
