/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_LINK_CORE_H
#define CLV_LINK_CORE_H

/** @file link_core.h: when a device dials, greets, sends a heartbeat and gives up: the states of
 *  its link, as a function of (state, what happened, now). Pure; link.c does what it says.
 *
 *      SEEKING --connected--> GREETING --welcome--> UP
 *         ^------ lost, refused, silent -----'------'
 *
 *  While it seeks, a dial that nobody answers doesn't hold up the next one: another starts every
 *  sixth of a second or so beside it, and the first to connect wins. So when a network comes back,
 *  the next attempt is never more than a third of the longest pause away, however long a patient
 *  dial may take on a slow path. A host that answers "nobody listens" is asked at the ordinary
 *  pauses, one that refuses us at long ones. */

#include <stdbool.h>

#include "net/backoff.h"

#define CLV_LINK_MAX_DIALS 16u

typedef enum clv_link_phase {
    CLV_LINK_SEEKING,
    CLV_LINK_GREETING,
    CLV_LINK_GREETED
} clv_link_phase;

typedef enum clv_link_happening {
    CLV_LINK_TIME_PASSED, /**< maybe it is clv_link_core.wake_us */
    CLV_LINK_CONNECTED,   /**< a dial made a TCP connection */
    CLV_LINK_UNANSWERED,  /**< a dial ended with no word of the host: timeout, no route */
    CLV_LINK_TURNED_AWAY, /**< a dial ended because the host answered: nobody listens */
    CLV_LINK_WELCOMED,    /**< the server's welcome came */
    CLV_LINK_REJECTED,    /**< one side refuses the other: certificate, name, version */
    CLV_LINK_LOST         /**< the connection ended */
} clv_link_happening;

typedef struct clv_link_input {
    clv_link_happening what;
    uint64_t now_us;
    uint64_t heard_us; /**< when the connection was made, or bytes came last */
    uint64_t sent_us;  /**< when bytes left last */
    bool sending;      /**< more are on their way */
} clv_link_input;

/** What is to be done: bits, in the order in which to do them. */
typedef enum clv_link_action {
    CLV_LINK_DO_DROP_DIALS = 1 << 0,
    CLV_LINK_DO_CLOSE = 1 << 1, /**< close the connection */
    CLV_LINK_DO_GREET = 1 << 2, /**< start TLS on the new connection */
    CLV_LINK_DO_PING = 1 << 3,
    CLV_LINK_SAY_UP = 1 << 4,
    CLV_LINK_SAY_DOWN = 1 << 5,
    CLV_LINK_SAY_FAILED = 1 << 6,
    CLV_LINK_DO_DIAL = 1 << 7
} clv_link_action;

typedef struct clv_link_core {
    clv_link_phase phase;
    clv_backoff backoff;
    uint64_t timeout_us; /**< silence that ends a connection; a dial's patience */
    unsigned dials;      /**< under way */
    uint64_t next_dial_us;
    uint64_t patience_us; /**< silence that ends a greeting; grows while servers are slow */
    uint64_t up_us;       /**< when it was welcomed */
    uint64_t said_us;     /**< when a failed dial was told last */
    bool said;
    uint64_t wake_us; /**< step again at this time */
} clv_link_core;

/** @param redial_us   Longest pause between attempts.
 *  @param timeout_us  Silence after which a connection counts as dead. */
void clv_link_core_init(clv_link_core *core, uint64_t redial_us, uint64_t timeout_us, uint64_t seed,
                        uint64_t now_us);

/** @return clv_link_action bits. */
unsigned clv_link_core_step(clv_link_core *core, const clv_link_input *input);

/** Each side sends something at least this often. */
uint64_t clv_link_core_heartbeat_us(const clv_link_core *core);

#endif
