/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/tool.h"

static volatile sig_atomic_t waiting_signal;

static void remember(int number)
{
    waiting_signal = number;
}

void tool_begin(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        /* open() takes the lowest that is free; reading only, so that writing still fails. */
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", O_RDONLY);
    }
}

void tool_hold_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction hold = {.sa_handler = remember, .sa_flags = SA_RESTART | (int)SA_RESETHAND};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction old;
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            (void)sigaction(numbers[i], &hold, NULL); /* not where nohup ignores it */
    }
}

clv_status tool_go_on(clv_error *err)
{
    return waiting_signal == 0 ? CLV_OK : clv_fail(err, CLV_ECLOSED, NULL, "interrupted");
}

int tool_end(int code)
{
    if (waiting_signal != 0)
        (void)raise(waiting_signal); /* its action is the default again */
    errno = 0;
    bool flushed = fflush(stdout) == 0;
    if (flushed && !ferror(stdout))
        return code;
    tool_line(stderr, "cleave: cannot write to standard output%s%s", errno != 0 ? ": " : "",
              errno != 0 ? strerror(errno) : "");
    return code == TOOL_OK ? TOOL_INPUT : code;
}
