/* SPDX-License-Identifier: Apache-2.0 */
#include "support/server_process.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/pki.h"

#define PATIENCE_MS 60000 /* a sanitised build on a busy machine is slow */
#define MAX_FLAGS 32

extern char **environ;

static void path_of(char *dst, const server_process *server, const char *name)
{
    int n = snprintf(dst, SERVER_PATH_BYTES, "%s/%s", server->folder, name);
    assert_in_range(n, 1, SERVER_PATH_BYTES - 1);
}

/* --- the folder --------------------------------------------------------------------------- */

static void issue(const server_process *server, const char *name, clv_pki_role role)
{
    clv_error err = CLV_ERROR_INIT;
    if (clv_pki_issue(server->pki, name, role, 1, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
}

static int bind_notify_socket(const server_process *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", server->folder);
    assert_in_range(n, 1, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void server_process_init(server_process *server)
{
    clv_error err = CLV_ERROR_INIT;

    *server = (server_process){.folder = "/tmp/cleave-test.XXXXXX"};
    assert_non_null(mkdtemp(server->folder));
    path_of(server->bundles, server, "bundles");
    path_of(server->pki, server, "pki");
    path_of(server->log, server, "log");
    assert_int_equal(mkdir(server->bundles, 0700), 0);
    if (clv_pki_init(server->pki, 1, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    issue(server, "localhost", CLV_PKI_SERVER);
    issue(server, "device-1", CLV_PKI_DEVICE);
    issue(server, "device-2", CLV_PKI_DEVICE);
    server->notify_fd = bind_notify_socket(server);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void server_process_done(server_process *server)
{
    if (server->pid > 0) {
        (void)kill(server->pid, SIGKILL);
        (void)server_process_wait(server);
    }
    (void)close(server->notify_fd);
    (void)nftw(server->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- the process -------------------------------------------------------------------------- */

/* The environment of the test, with the notify socket in front. */
static char **make_environment(const server_process *server, char *notify)
{
    size_t n = 0;
    while (environ[n] != NULL)
        n++;
    char **copy = calloc(n + 2, sizeof *copy);
    assert_non_null(copy);
    (void)snprintf(notify, SERVER_PATH_BYTES, "NOTIFY_SOCKET=%s/notify", server->folder);
    copy[0] = notify;
    memcpy(copy + 1, environ, n * sizeof *copy);
    return copy;
}

static void spawn(server_process *server, const char *const *flags)
{
    char program[] = CLV_BINARY_DIR "/bin/cleave-server";
    char notify[SERVER_PATH_BYTES];
    char *argv[MAX_FLAGS + 2] = {program};
    char **environment = make_environment(server, notify);
    posix_spawn_file_actions_t actions;

    for (int i = 0; flags[i] != NULL; i++) {
        assert_true(i < MAX_FLAGS);
        argv[i + 1] = strdup(flags[i]);
    }
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, server->log,
                                                      O_WRONLY | O_CREAT | O_APPEND, 0600),
                     0);
    assert_int_equal(posix_spawn(&server->pid, program, &actions, NULL, argv, environment), 0);
    assert_int_equal(posix_spawn_file_actions_destroy(&actions), 0);
    for (int i = 1; argv[i] != NULL; i++)
        free(argv[i]);
    free(environment);
}

static uint16_t read_port(const char *path)
{
    unsigned port = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%u", &port), 1);
    assert_int_equal(fclose(file), 0);
    return (uint16_t)port;
}

void server_process_start(server_process *server, const char *const *flags)
{
    char ca[SERVER_PATH_BYTES], cert[SERVER_PATH_BYTES], key[SERVER_PATH_BYTES];
    char port_file[SERVER_PATH_BYTES];
    path_of(ca, server, "pki/ca.crt");
    path_of(cert, server, "pki/localhost.crt");
    path_of(key, server, "pki/localhost.key");
    path_of(port_file, server, "port");
    char listen[32];
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%u", server->port);
    const char *all[MAX_FLAGS + 1] = {
        "--listen", listen, "--bundles",   server->bundles, "--ca",        ca,     "--cert", cert,
        "--key",    key,    "--port-file", port_file,       "--log-level", "debug"};
    size_t n = 14;
    for (size_t i = 0; flags != NULL && flags[i] != NULL; i++) {
        assert_true(n < MAX_FLAGS);
        all[n++] = flags[i];
    }
    spawn(server, all);
    server_process_await(server, "READY=1");
    server->port = read_port(port_file);
}

int server_process_run(server_process *server, const char *const *flags)
{
    spawn(server, flags);
    return server_process_wait(server);
}

void server_process_signal(const server_process *server, int number)
{
    assert_int_equal(kill(server->pid, number), 0);
}

/* --- what it says ------------------------------------------------------------------------- */

static void print_log(const server_process *server)
{
    char line[1024];
    FILE *file = fopen(server->log, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        print_error("%s", line);
    if (file != NULL)
        (void)fclose(file);
}

bool server_process_logged(const server_process *server, const char *text)
{
    char line[4096];
    bool found = false;
    FILE *file = fopen(server->log, "r");
    assert_non_null(file);
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = strstr(line, text) != NULL;
    assert_int_equal(fclose(file), 0);
    if (!found)
        print_log(server);
    return found;
}

void server_process_await(server_process *server, const char *state)
{
    uint64_t until_us = clv_clock_now_us() + UINT64_C(1000) * PATIENCE_MS;
    char text[256];

    while (clv_clock_now_us() < until_us) {
        struct pollfd wanted = {.fd = server->notify_fd, .events = POLLIN};
        if (poll(&wanted, 1, 100) > 0) {
            ssize_t n = recv(server->notify_fd, text, sizeof text - 1, 0);
            assert_true(n > 0);
            text[n] = '\0';
            if (strncmp(text, state, strlen(state)) == 0)
                return;
        } else if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
            server->pid = 0;
            break;
        }
    }
    print_log(server);
    fail_msg("the server didn't say %s", state);
}

int server_process_wait(server_process *server)
{
    uint64_t until_us = clv_clock_now_us() + UINT64_C(1000) * PATIENCE_MS;
    int status = 0;
    pid_t pid;

    while ((pid = waitpid(server->pid, &status, WNOHANG)) == 0) {
        if (clv_clock_now_us() >= until_us) {
            print_log(server);
            (void)kill(server->pid, SIGKILL);
            fail_msg("the server doesn't end");
        }
        (void)poll(NULL, 0, 5);
    }
    assert_int_equal(pid, server->pid);
    server->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
