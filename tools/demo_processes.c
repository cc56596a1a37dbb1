/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/demo_processes.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/pki.h"

#define START_LIMIT_US 10000000u
#define POLL_US 2000u

char *demo_stage_path(char *dst, size_t cap, const demo_stage *stage, const char *name)
{
    (void)snprintf(dst, cap, "%s/%s", stage->dir, name);
    return dst;
}

/* cleave-server lies where cleave lies: in the build's bin/ as in an installation. */
static clv_status find_server(demo_stage *stage, clv_error *err)
{
    char self[sizeof stage->program - 16];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash = NULL;

    if (n > 0) {
        self[n] = '\0';
        slash = strrchr(self, '/');
    }
    if (slash == NULL)
        return clv_fail(err, CLV_EIO, "/proc/self/exe", "cannot tell where this program lies");
    *slash = '\0';
    (void)snprintf(stage->program, sizeof stage->program, "%s/cleave-server", self);
    if (access(stage->program, X_OK) != 0)
        return clv_fail(err, CLV_ENOENT, stage->program, "the demo needs it: build or install it");
    return CLV_OK;
}

clv_status demo_stage_open(demo_stage *stage, clv_error *err)
{
    char pki[128];

    *stage = (demo_stage){0};
    CLV_TRY(find_server(stage, err));
    (void)snprintf(stage->dir, sizeof stage->dir, "%s/cleave-demo.XXXXXX",
                   access("/tmp", W_OK) == 0 ? "/tmp" : ".");
    if (mkdtemp(stage->dir) == NULL) {
        stage->dir[0] = '\0';
        return clv_fail(err, CLV_EIO, "/tmp", "no folder can be made: %s", strerror(errno));
    }
    (void)demo_stage_path(pki, sizeof pki, stage, "pki");
    CLV_TRY(clv_pki_init(pki, 1, err));
    CLV_TRY(clv_pki_issue(pki, "127.0.0.1", CLV_PKI_SERVER, 1, err));
    return clv_pki_issue(pki, "demo-device", CLV_PKI_DEVICE, 1, err);
}

/* The child: cleave-server, which dies with us, its log in the folder. */
static void exec_server(const demo_stage *stage)
{
    char listen[64], bundles[128], ca[128], cert[128], key[128], port_file[128], log[128];

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(demo_stage_path(log, sizeof log, stage, "server.log"),
                  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0)
        (void)dup2(fd, STDERR_FILENO);
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%u", stage->port);
    (void)execl(stage->program, "cleave-server", "--listen", listen, "--bundles",
                demo_stage_path(bundles, sizeof bundles, stage, "bundles"), "--ca",
                demo_stage_path(ca, sizeof ca, stage, "pki/ca.crt"), "--cert",
                demo_stage_path(cert, sizeof cert, stage, "pki/127.0.0.1.crt"), "--key",
                demo_stage_path(key, sizeof key, stage, "pki/127.0.0.1.key"), "--workers", "1",
                "--port-file", demo_stage_path(port_file, sizeof port_file, stage, "port"),
                (char *)NULL);
    _exit(127);
}

/* The port that the server wrote, or 0. */
static unsigned read_port(const char *path)
{
    char text[16] = "";
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    bool whole = fgets(text, sizeof text, file) != NULL && strchr(text, '\n') != NULL;
    (void)fclose(file);
    return whole ? (unsigned)strtoul(text, NULL, 10) : 0;
}

clv_status demo_server_start(demo_stage *stage, clv_error *err)
{
    char path[128], log[128];

    (void)unlink(demo_stage_path(path, sizeof path, stage, "port"));
    pid_t child = fork();
    if (child < 0)
        return clv_fail(err, CLV_EIO, stage->program, "cannot be started: %s", strerror(errno));
    if (child == 0)
        exec_server(stage);
    stage->server = child;
    uint64_t limit_us = clv_clock_now_us() + START_LIMIT_US;
    while (clv_clock_now_us() < limit_us) {
        unsigned port = read_port(path);
        if (port != 0) {
            stage->port = port;
            return CLV_OK;
        }
        if (waitpid(child, NULL, WNOHANG) == child) {
            stage->server = 0;
            break;
        }
        (void)usleep(POLL_US);
    }
    demo_server_kill(stage);
    return clv_fail(err, CLV_EIO, demo_stage_path(log, sizeof log, stage, "server.log"),
                    "cleave-server did not start");
}

void demo_server_kill(demo_stage *stage)
{
    if (stage->server <= 0)
        return;
    (void)kill(stage->server, SIGKILL);
    (void)waitpid(stage->server, NULL, 0);
    stage->server = 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

void demo_stage_close(demo_stage *stage)
{
    demo_server_kill(stage);
    if (stage->dir[0] != '\0')
        (void)nftw(stage->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    stage->dir[0] = '\0';
}
