/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_GATE_H
#define CLV_GATE_H

/** @file gate.h: what a server takes from a device, and when it gives it up: the states of a
 *  device's connection. Pure; device.c and listener.c do what it says. Private to common/net.
 *
 *      SHAKING --TLS done--> GREETING --hello--> UP --'
 *         '------ refused ------'--------------'----> LEAVING --> closed
 *
 *  Requests are taken in UP and nowhere else; UP is reached by a hello on a TLS session that has
 *  proved the device's name. */

#include <stdbool.h>

#include "net/wire.h"

/** How long a device may take to be greeted, from the connection on. */
#define CLV_GATE_GREETING_US 10000000u
/** How long the reason of a refusal may take to reach it. */
#define CLV_GATE_LEAVING_US 1000000u
/** Heartbeats that may be missing before a device counts as gone. */
#define CLV_GATE_SILENT_HEARTBEATS 16u
#define CLV_GATE_MIN_HEARTBEAT_US 20000u
#define CLV_GATE_MAX_HEARTBEAT_US 20000000u

typedef enum clv_gate_phase {
    CLV_GATE_SHAKING,  /**< TLS isn't done */
    CLV_GATE_GREETING, /**< TLS has proved a name */
    CLV_GATE_UP,       /**< requests are taken */
    CLV_GATE_LEAVING   /**< refused: only the reason still goes out */
} clv_gate_phase;

/** Whether a message may come now; whatever comes from a device that is LEAVING is thrown away.
 *  @return CLV_OK; CLV_EFORMAT, CLV_ELIMIT with @p err. */
CLV_NODISCARD clv_status clv_gate_admit(clv_gate_phase phase, const clv_wire_prologue *prologue,
                                        clv_error *err);

/** A hello is in order: the device is who its certificate says, and speaks our protocol.
 *  @param proved_name  By TLS.
 *  @return CLV_OK; CLV_EAUTH, CLV_EVERSION, CLV_EINVAL (heartbeat) with @p err. */
CLV_NODISCARD clv_status clv_gate_check_hello(uint32_t protocol, const char *claimed_name,
                                              const char *proved_name, uint64_t heartbeat_us,
                                              clv_error *err);

typedef struct clv_gate_times {
    clv_gate_phase phase;
    uint64_t since_us; /**< of the connection; of leaving */
    uint64_t heard_us, sent_us;
    uint64_t heartbeat_us;
    bool sending;
    bool disconnected; /**< counts when it is LEAVING: its end makes it so */
} clv_gate_times;

typedef enum clv_gate_verdict {
    CLV_GATE_STAY,
    CLV_GATE_PING,  /**< say that the server is alive */
    CLV_GATE_CLOSE, /**< it has left, or had its time */
    CLV_GATE_SLOW,  /**< close: it didn't greet in time */
    CLV_GATE_SILENT /**< close: nothing was heard of it */
} clv_gate_verdict;

clv_gate_verdict clv_gate_look(const clv_gate_times *times, uint64_t now_us);

#endif
