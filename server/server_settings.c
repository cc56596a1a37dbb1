/* SPDX-License-Identifier: Apache-2.0 */
#include "server/server_settings.h"

#include <sched.h>
#include <string.h>

#include "base/error.h"
#include "partitioner/profile.h"

#define MAX_WORKERS 1024

const clv_server_settings clv_server_defaults = {
    .listen = "0.0.0.0:7447",
    .backend = "auto",
    .threads_per_worker = 1,
    .queue = 64,
    .reference_bytes = (uint64_t)4 << 20,
    .drain_ms = 5000,
    .profile_ms = 300,
    .profile_batch = 1,
    .log_level = "info",
    .log_format = "text",
};

#define MEMBER(name) offsetof(clv_server_settings, name)

/* clang-format off */
static const clv_option options[] = {
    {"bundles", "server.bundles", CLV_OPTION_STRING, MEMBER(bundles), 0, 0, "DIR",
     "folder whose *.clv files are served; needed"},
    {"listen", "server.listen", CLV_OPTION_STRING, MEMBER(listen), 0, 0, "HOST:PORT",
     "where devices connect; port 0 picks a free one; default 0.0.0.0:7447"},
    {"ca", "tls.ca", CLV_OPTION_STRING, MEMBER(ca), 0, 0, "FILE",
     "certificate of the authority that devices are trusted by (PEM); needed"},
    {"cert", "tls.cert", CLV_OPTION_STRING, MEMBER(cert), 0, 0, "FILE",
     "own certificate (PEM); needed"},
    {"key", "tls.key", CLV_OPTION_STRING, MEMBER(key), 0, 0, "FILE",
     "own key (PEM), which nobody else may read; needed"},
    {"workers", "server.workers", CLV_OPTION_UINT, MEMBER(workers), 0, MAX_WORKERS, "N",
     "requests that run at once; default 0: one for each core"},
    {"threads-per-worker", "server.threads_per_worker", CLV_OPTION_UINT,
     MEMBER(threads_per_worker), 1, 256, "N",
     "threads that one request may use; default 1"},
    {"queue", "server.queue", CLV_OPTION_UINT, MEMBER(queue), 0, 65536, "N",
     "requests that may wait while all workers run, before new ones are refused; default 64"},
    {"reference-bytes", "server.reference_bytes_per_device", CLV_OPTION_UINT,
     MEMBER(reference_bytes), 0, (uint64_t)1 << 30, "BYTES",
     "memory for each device's last frames, which the next ones may be sent as differences to;\n"
     "default 4194304; 0: none"},
    {"backend", "server.backend", CLV_OPTION_STRING, MEMBER(backend), 0, 0, "NAME",
     "kernels: auto, onednn or ref; default auto"},
    {"drain-ms", "server.drain_ms", CLV_OPTION_UINT, MEMBER(drain_ms), 0, 3600000, "MS",
     "on SIGTERM, time to answer what was accepted; default 5000"},
    {"state", "server.state", CLV_OPTION_STRING, MEMBER(state), 0, 0, "DIR",
     "folder where profiles are kept between starts; default $STATE_DIRECTORY, or none"},
    {"profile-ms", "server.profile_ms", CLV_OPTION_UINT, MEMBER(profile_ms), 0, 60000, "MS",
     "time to measure each form of a new bundle, for devices' plans; 0: don't; default 300"},
    {"profile-batch", "server.profile_batch", CLV_OPTION_UINT, MEMBER(profile_batch), 1,
     CLV_PROFILE_MAX_BATCH, "N",
     "measure also what 2, 4, .. N frames take together, in as much time again; default 1: don't"},
    {"port-file", "server.port_file", CLV_OPTION_STRING, MEMBER(port_file), 0, 0, "FILE",
     "write the port here once devices can connect"},
    {"log-level", "log.level", CLV_OPTION_STRING, MEMBER(log_level), 0, 0, "LEVEL",
     "error, warn, info or debug; default info"},
    {"log-format", "log.format", CLV_OPTION_STRING, MEMBER(log_format), 0, 0, "FORMAT",
     "text or json, on stderr; default text"},
};
/* clang-format on */

const clv_option_set clv_server_option_set = {
    .program = "cleave-server",
    .summary = "Finish for devices what they have begun: run the rest of their models.",
    .epilogue =
        "Signals: SIGTERM and SIGINT answer what was accepted, then exit; SIGHUP loads the folder\n"
        "of bundles again.\n"
        "\n"
        "Exit codes: 0 ok; 1 failure; 2 usage; 3 the configuration or a file it names.\n"
        "\n"
        "Example:\n"
        "  cleave-server --bundles /var/lib/cleave/bundles --ca ca.crt --cert server.crt \\\n"
        "      --key server.key\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
};

static clv_status check_needed(const clv_server_settings *s, clv_error *err)
{
    const struct {
        const char *flag, *value;
    } needed[] = {
        {"--bundles", s->bundles}, {"--ca", s->ca}, {"--cert", s->cert}, {"--key", s->key}};

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (needed[i].value == NULL)
            return clv_fail(err, CLV_EINVAL, needed[i].flag, "is needed; see --help");
    }
    return CLV_OK;
}

static clv_status check_listen(const char *listen, clv_error *err)
{
    const char *colon = strrchr(listen, ':');
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;

    if (colon == NULL || colon == listen || digits == 0 || colon[1 + digits] != '\0' ||
        strstr(listen, "://") != NULL)
        return clv_fail(err, CLV_EINVAL, "--listen", "must be HOST:PORT, not '%s'", listen);
    return CLV_OK;
}

/* The cores that this process may use. */
static uint32_t core_count(void)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0)
        return 1;
    int n = CPU_COUNT(&cores);
    return n < 1 ? 1 : n > MAX_WORKERS ? MAX_WORKERS : (uint32_t)n;
}

clv_status clv_server_settings_check(clv_server_choices *out, const clv_server_settings *settings,
                                     clv_error *err)
{
    clv_server_choices choices = {
        .workers = settings->workers ? (uint32_t)settings->workers : core_count(),
        .log_json = strcmp(settings->log_format, "json") == 0,
    };

    CLV_TRY(check_needed(settings, err));
    CLV_TRY(check_listen(settings->listen, err));
    if (!choices.log_json && strcmp(settings->log_format, "text") != 0)
        return clv_fail(err, CLV_EINVAL, "--log-format", "must be text or json, not '%s'",
                        settings->log_format);
    if (clv_log_level_parse(&choices.log_level, settings->log_level) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, "--log-level",
                        "must be error, warn, info or debug, not '%s'", settings->log_level);
    if (clv_backend_find(&choices.backend, settings->backend) != CLV_OK)
        return clv_fail(err, CLV_EINVAL, "--backend",
                        "must be auto, or onednn or ref where built in, not '%s'",
                        settings->backend);
    *out = choices;
    return CLV_OK;
}
