/* SPDX-License-Identifier: Apache-2.0 */
#include "lab_process.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

static void become(const lab_start *start)
{
    sigset_t none;

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpgid(0, 0);
    if (start->core >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((unsigned)start->core, &set);
        (void)sched_setaffinity(0, sizeof set, &set);
        /* Not by real-time priority: a SIGSTOP goes to one thread of the process, which would then
         * wait behind the thread that computes, for as long as that does. */
        (void)setpriority(PRIO_PROCESS, 0, -20);
    }
    if (setns(start->namespace, CLONE_NEWNET) == 0 &&
        (start->output < 0 || dup2(start->output, STDOUT_FILENO) >= 0))
        (void)execvp(start->argv[0], start->argv);
    (void)fprintf(stderr, "lab: %s: %s\n", start->argv[0], strerror(errno));
    _exit(127);
}

clv_status lab_process_start(lab_process *process, const lab_start *start, clv_error *err)
{
    pid_t pid = fork();

    if (pid < 0)
        return clv_fail(err, CLV_EIO, start->argv[0], "cannot be started: %s", strerror(errno));
    if (pid == 0)
        become(start);
    (void)setpgid(pid, pid); /* whoever of the two comes first */
    process->pid = pid;
    process->stopped = false;
    process->again_us = UINT64_MAX;
    (void)clock_getcpuclockid(pid, &process->clock);
    lab_duty_init(&process->duty, 1, clv_clock_now_us());
    return CLV_OK;
}

static uint64_t processor_us(const lab_process *process)
{
    struct timespec t;

    if (clock_gettime(process->clock, &t) != 0)
        return process->duty.seen_cpu_us; /* it has just ended */
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

void lab_process_pace(lab_process *process, uint64_t now_us)
{
    if (process->pid == 0)
        return;
    bool run = lab_duty_step(&process->duty, &process->again_us, processor_us(process), now_us);
    if (run == !process->stopped)
        return;
    (void)kill(-process->pid, run ? SIGCONT : SIGSTOP);
    process->stopped = !run;
}

void lab_process_slow(lab_process *process, double slowdown, uint64_t now_us)
{
    if (process->pid == 0)
        return;
    lab_duty_set(&process->duty, slowdown, processor_us(process), now_us);
    lab_process_pace(process, now_us);
}

void lab_process_signal(lab_process *process, int number)
{
    if (process->pid == 0)
        return;
    (void)kill(-process->pid, number);
    (void)kill(-process->pid, SIGCONT);
    process->stopped = false;
}

bool lab_process_reap(lab_process *process)
{
    int code;

    if (process->pid == 0 || waitpid(process->pid, &code, WNOHANG) != process->pid)
        return false;
    process->exit_code = WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
    process->pid = 0;
    process->again_us = UINT64_MAX;
    return true;
}
