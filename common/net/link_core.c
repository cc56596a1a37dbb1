/* SPDX-License-Identifier: Apache-2.0 */
#include "net/link_core.h"

#include <stddef.h>

#define FIRST_PAUSE_US 50000u
#define HEARTBEATS_PER_TIMEOUT 4u
/* Of a pause: dials that nobody answers follow each other this much faster ... */
#define UNANSWERED_SHARE 3u
/* ... and a refusal, which doesn't pass by itself, is followed by a pause this much longer. */
#define REJECTED_FACTOR 8u
#define MAX_PATIENCE_FACTOR 8u

void clv_link_core_init(clv_link_core *core, uint64_t redial_us, uint64_t timeout_us, uint64_t seed,
                        uint64_t now_us)
{
    uint64_t first_us = redial_us < FIRST_PAUSE_US ? redial_us : FIRST_PAUSE_US;
    *core = (clv_link_core){.phase = CLV_LINK_SEEKING,
                            .timeout_us = timeout_us,
                            .patience_us = timeout_us,
                            .next_dial_us = now_us,
                            .wake_us = now_us};
    clv_backoff_init(&core->backoff, first_us, redial_us, seed);
}

uint64_t clv_link_core_heartbeat_us(const clv_link_core *core)
{
    return core->timeout_us / HEARTBEATS_PER_TIMEOUT;
}

static unsigned seek(clv_link_core *core, uint64_t at_us)
{
    core->phase = CLV_LINK_SEEKING;
    core->dials = 0;
    core->next_dial_us = at_us;
    return CLV_LINK_DO_CLOSE;
}

static unsigned say_failed(clv_link_core *core, uint64_t now_us)
{
    core->said = true;
    core->said_us = now_us;
    return CLV_LINK_SAY_FAILED;
}

static unsigned step_seeking(clv_link_core *core, const clv_link_input *input)
{
    uint64_t now = input->now_us;

    switch (input->what) {
    case CLV_LINK_TIME_PASSED:
        if (now < core->next_dial_us)
            return 0;
        core->next_dial_us = now + clv_backoff_next_us(&core->backoff) / UNANSWERED_SHARE;
        if (core->dials == CLV_LINK_MAX_DIALS)
            return 0;
        core->dials++;
        return CLV_LINK_DO_DIAL;
    case CLV_LINK_CONNECTED:
        core->phase = CLV_LINK_GREETING;
        core->dials = 0;
        return CLV_LINK_DO_DROP_DIALS | CLV_LINK_DO_GREET;
    case CLV_LINK_UNANSWERED: /* one line for each timeout, not for each dial */
        core->dials--;
        return core->said && now - core->said_us < core->timeout_us ? 0 : say_failed(core, now);
    case CLV_LINK_TURNED_AWAY:
        core->dials--;
        core->next_dial_us = now + clv_backoff_next_us(&core->backoff);
        return say_failed(core, now);
    case CLV_LINK_WELCOMED:
    case CLV_LINK_REJECTED:
    case CLV_LINK_LOST: /* of a connection that is closed already */
        break;
    }
    return 0;
}

static unsigned fail_greeting(clv_link_core *core, uint64_t now_us, uint64_t pause_factor)
{
    uint64_t pause_us = clv_backoff_next_us(&core->backoff) * pause_factor;
    return seek(core, now_us + pause_us) | say_failed(core, now_us);
}

static unsigned step_greeting(clv_link_core *core, const clv_link_input *input)
{
    switch (input->what) {
    case CLV_LINK_TIME_PASSED:
        if (input->now_us < input->heard_us + core->patience_us)
            return 0;
        if (core->patience_us < core->timeout_us * MAX_PATIENCE_FACTOR)
            core->patience_us *= 2;
        return fail_greeting(core, input->now_us, 1);
    case CLV_LINK_WELCOMED:
        core->phase = CLV_LINK_GREETED;
        core->patience_us = core->timeout_us;
        core->up_us = input->now_us;
        core->said = false;
        return CLV_LINK_SAY_UP;
    case CLV_LINK_REJECTED:
        return fail_greeting(core, input->now_us, REJECTED_FACTOR);
    case CLV_LINK_LOST:
        return fail_greeting(core, input->now_us, 1);
    case CLV_LINK_CONNECTED:
    case CLV_LINK_UNANSWERED:
    case CLV_LINK_TURNED_AWAY: /* of dials that are dropped already */
        break;
    }
    return 0;
}

static unsigned lose(clv_link_core *core, uint64_t now_us)
{
    /* A server that welcomes and then drops at once is not asked as fast as one that worked. */
    if (now_us - core->up_us >= core->timeout_us)
        clv_backoff_reset(&core->backoff);
    return seek(core, now_us + clv_backoff_next_us(&core->backoff)) | CLV_LINK_SAY_DOWN;
}

static unsigned step_greeted(clv_link_core *core, const clv_link_input *input)
{
    uint64_t now = input->now_us;

    if (input->what == CLV_LINK_LOST || input->what == CLV_LINK_REJECTED)
        return lose(core, now);
    if (input->what != CLV_LINK_TIME_PASSED)
        return 0;
    if (now >= input->heard_us + core->timeout_us)
        return lose(core, now);
    if (!input->sending && now >= input->sent_us + clv_link_core_heartbeat_us(core))
        return CLV_LINK_DO_PING;
    return 0;
}

static uint64_t next_wake(const clv_link_core *core, const clv_link_input *input, unsigned actions)
{
    if (core->phase == CLV_LINK_SEEKING)
        return core->next_dial_us;
    /* Of a connection that was made just now, the input says nothing yet. */
    bool is_new = (actions & (CLV_LINK_DO_GREET | CLV_LINK_SAY_UP)) != 0;
    uint64_t heard = is_new ? input->now_us : input->heard_us;
    if (core->phase == CLV_LINK_GREETING)
        return heard + core->patience_us;
    bool sends = is_new || input->sending || (actions & CLV_LINK_DO_PING) != 0;
    uint64_t ping = (sends ? input->now_us : input->sent_us) + clv_link_core_heartbeat_us(core);
    uint64_t dead = heard + core->timeout_us;
    return ping < dead ? ping : dead;
}

unsigned clv_link_core_step(clv_link_core *core, const clv_link_input *input)
{
    unsigned actions = 0;

    switch (core->phase) {
    case CLV_LINK_SEEKING:
        actions = step_seeking(core, input);
        break;
    case CLV_LINK_GREETING:
        actions = step_greeting(core, input);
        break;
    case CLV_LINK_GREETED:
        actions = step_greeted(core, input);
        break;
    }
    core->wake_us = next_wake(core, input, actions);
    return actions;
}
