/* SPDX-License-Identifier: Apache-2.0 */
#include "lab_duty.h"

#define LEAST_WAIT_US 20.0 /* shorter ones cost more than they tell */

void lab_duty_init(lab_duty *duty, double slowdown, uint64_t now_us)
{
    *duty = (lab_duty){.slowdown = slowdown, .seen_us = now_us, .running = true};
}

/* Credit as of now. Who stands still is looked at a little late; what it earned by then is its own,
 * so the limit lies above the slice that it waits for. */
static void settle(lab_duty *duty, uint64_t cpu_us, uint64_t now_us)
{
    double earned = (double)(now_us - duty->seen_us) / duty->slowdown;
    double used = (double)(cpu_us - duty->seen_cpu_us);

    duty->seen_us = now_us;
    duty->seen_cpu_us = cpu_us;
    duty->credit_us += earned - used;
    if (duty->credit_us > 2 * LAB_SLICE_US)
        duty->credit_us = 2 * LAB_SLICE_US;
}

void lab_duty_set(lab_duty *duty, double slowdown, uint64_t cpu_us, uint64_t now_us)
{
    settle(duty, cpu_us, now_us);
    duty->slowdown = slowdown;
}

bool lab_duty_step(lab_duty *duty, uint64_t *again_us, uint64_t cpu_us, uint64_t now_us)
{
    settle(duty, cpu_us, now_us);
    if (duty->slowdown <= 1) {
        duty->credit_us = 0;
        duty->running = true;
        *again_us = UINT64_MAX;
        return true;
    }
    /* Stopping has a price of its own, so who stands still waits for a whole slice. A rounding
     * error of the sum must not cost it another turn. */
    if (duty->credit_us >= LAB_SLICE_US - 0.5)
        duty->running = true;
    else if (duty->credit_us <= 0)
        duty->running = false;
    double wait_us =
        duty->running ? duty->credit_us : (LAB_SLICE_US - duty->credit_us) * duty->slowdown;
    if (wait_us < LEAST_WAIT_US)
        wait_us = LEAST_WAIT_US;
    *again_us = now_us + (uint64_t)wait_us;
    return duty->running;
}
