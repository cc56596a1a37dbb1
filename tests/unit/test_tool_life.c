/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/tool.h"

/* Run @p body in a process of its own. @return as waitpid() gives it. */
static int in_child(void (*body)(void))
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        body();
        _exit(99); /* the body ends the process */
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void close_and_begin(void)
{
    for (int fd = 0; fd <= 2; fd++)
        (void)close(fd);
    tool_begin();
    int next = open("/dev/null", O_RDONLY);
    bool refused = write(STDOUT_FILENO, "x", 1) < 0 && errno == EBADF;
    _exit(next > STDERR_FILENO && refused ? 0 : 1);
}

static void test_tool_life__closed_descriptors_are_taken(void **state)
{
    (void)state;
    int status = in_child(close_and_begin);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void hold_and_end(void)
{
    clv_error err = CLV_ERROR_INIT;
    tool_hold_signals();
    bool before = tool_go_on(&err) == CLV_OK;
    (void)raise(SIGTERM);
    bool after = tool_go_on(&err) == CLV_ECLOSED && strcmp(err.message, "interrupted") == 0;
    if (before && after)
        (void)tool_end(TOOL_OK);
    _exit(1);
}

static void test_tool_life__a_signal_waits_for_the_end(void **state)
{
    (void)state;
    int status = in_child(hold_and_end);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void hold_and_insist(void)
{
    tool_hold_signals();
    (void)raise(SIGTERM);
    (void)raise(SIGTERM);
    _exit(1);
}

static void test_tool_life__a_second_signal_does_not_wait(void **state)
{
    (void)state;
    int status = in_child(hold_and_insist);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void ignore_and_hold(void)
{
    (void)signal(SIGHUP, SIG_IGN);
    tool_hold_signals();
    (void)raise(SIGHUP);
    _exit(tool_go_on(NULL) == CLV_OK ? 0 : 1);
}

static void test_tool_life__ignored_signals_stay_ignored(void **state)
{
    (void)state;
    int status = in_child(ignore_and_hold);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tool_life__closed_descriptors_are_taken),
        cmocka_unit_test(test_tool_life__a_signal_waits_for_the_end),
        cmocka_unit_test(test_tool_life__a_second_signal_does_not_wait),
        cmocka_unit_test(test_tool_life__ignored_signals_stay_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
