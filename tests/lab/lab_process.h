/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAB_PROCESS_H
#define LAB_PROCESS_H

/** @file lab_process.h: a program that runs at one end of the link, and can be slowed down. */
#include <sys/types.h>
#include <time.h>

#include "base/error.h"
#include "lab_duty.h"

typedef struct lab_process {
    pid_t pid; /* 0: doesn't run; leads a process group of its own */
    clockid_t clock;
    int exit_code; /* once it has ended; 128 + signal where one killed it */
    lab_duty duty;
    bool stopped;
    uint64_t again_us; /* when the duty wants to be asked */
} lab_process;

typedef struct lab_start {
    char *const *argv;
    int namespace; /* an open file */
    int core;      /* that it is bound to, before others there; -1: any */
    int output;    /* its stdout; -1: ours */
} lab_start;

/** Its life is bound to that of the calling thread. A program that isn't there exits with 127.
 *  @return CLV_OK; CLV_EIO. */
CLV_NODISCARD clv_status lab_process_start(lab_process *process, const lab_start *start,
                                           clv_error *err);

/** Stop it or let it run, as its duty says. */
void lab_process_pace(lab_process *process, uint64_t now_us);
void lab_process_slow(lab_process *process, double slowdown, uint64_t now_us);

/** SIGTERM, say; wakes a stopped one first. */
void lab_process_signal(lab_process *process, int number);

/** Has it ended? Then its exit code is there, and its pid is 0. */
bool lab_process_reap(lab_process *process);

#endif
