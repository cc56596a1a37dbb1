/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAB_DUTY_H
#define LAB_DUTY_H

/** @file lab_duty.h: makes a process of this machine as slow as another machine would be: when it
 *  may run and when it must stand still.
 *
 *  The process earns processor time at 1/slowdown of real time, at most two slices in advance, and
 *  runs while it has some. Its own processor clock is what counts, so late wake-ups even out and
 *  what it overdraws it pays back. Slices are short (a processor's caches are still warm), which is
 *  why this isn't a CPU quota of a cgroup: the kernel's least quota is 1 ms, at 64 times slower a
 *  step of 64 ms. Pure. */
#include <stdbool.h>
#include <stdint.h>

#define LAB_SLICE_US 250u

typedef struct lab_duty {
    double slowdown;  /* 1 or less: never stopped */
    double credit_us; /* of processor time; below 0: overdrawn */
    uint64_t seen_us, seen_cpu_us;
    bool running;
} lab_duty;

void lab_duty_init(lab_duty *duty, double slowdown, uint64_t now_us);
/** From now on; what was before counts as it was. */
void lab_duty_set(lab_duty *duty, double slowdown, uint64_t cpu_us, uint64_t now_us);

/** @param cpu_us      Processor time that the process has had so far.
 *  @param again_us    When to ask again; UINT64_MAX: never.
 *  @return Whether it may run until then. */
bool lab_duty_step(lab_duty *duty, uint64_t *again_us, uint64_t cpu_us, uint64_t now_us);

#endif
