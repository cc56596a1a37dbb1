/* SPDX-License-Identifier: Apache-2.0 */
#include "net/gate.h"

#include <string.h>

#include "base/error.h"

clv_status clv_gate_admit(clv_gate_phase phase, const clv_wire_prologue *prologue, clv_error *err)
{
    clv_wire_type type = prologue->type;
    bool welcome = false;

    switch (phase) {
    case CLV_GATE_SHAKING:
        break;
    case CLV_GATE_GREETING:
        welcome = type == CLV_WIRE_HELLO;
        break;
    case CLV_GATE_UP:
        welcome = type == CLV_WIRE_REQUEST || type == CLV_WIRE_PING || type == CLV_WIRE_ECHO;
        break;
    case CLV_GATE_LEAVING:
        return clv_fail(err, CLV_ECLOSED, NULL, "the device was refused");
    }
    if (!welcome)
        return clv_fail(err, CLV_EFORMAT, NULL, "a %s %s", clv_wire_type_name(type),
                        phase == CLV_GATE_UP ? "is not for a server" : "before the greeting");
    return CLV_OK;
}

clv_status clv_gate_check_hello(uint32_t protocol, const char *claimed_name,
                                const char *proved_name, uint64_t heartbeat_us, clv_error *err)
{
    if (protocol != CLV_WIRE_PROTOCOL)
        return clv_fail(err, CLV_EVERSION, NULL,
                        "it speaks protocol %u, this server %u: update the older one", protocol,
                        CLV_WIRE_PROTOCOL);
    if (strcmp(proved_name, "?") == 0)
        return clv_fail(err, CLV_EAUTH, NULL,
                        "the common name of its certificate is no name (letters, digits, . - _ :)");
    if (strcmp(claimed_name, proved_name) != 0)
        return clv_fail(err, CLV_EAUTH, NULL,
                        "it claims to be '%s' but its certificate is for '%s'", claimed_name,
                        proved_name);
    if (heartbeat_us < CLV_GATE_MIN_HEARTBEAT_US || heartbeat_us > CLV_GATE_MAX_HEARTBEAT_US)
        return clv_fail(err, CLV_EINVAL, NULL, "a heartbeat of %llu us is out of range",
                        (unsigned long long)heartbeat_us);
    return CLV_OK;
}

static clv_gate_verdict look_up(const clv_gate_times *t, uint64_t now_us)
{
    if (now_us > t->heard_us + t->heartbeat_us * CLV_GATE_SILENT_HEARTBEATS)
        return CLV_GATE_SILENT;
    if (!t->sending && now_us >= t->sent_us + t->heartbeat_us)
        return CLV_GATE_PING;
    return CLV_GATE_STAY;
}

clv_gate_verdict clv_gate_look(const clv_gate_times *t, uint64_t now_us)
{
    switch (t->phase) {
    case CLV_GATE_SHAKING:
    case CLV_GATE_GREETING:
        return now_us > t->since_us + CLV_GATE_GREETING_US ? CLV_GATE_SLOW : CLV_GATE_STAY;
    case CLV_GATE_UP:
        return look_up(t, now_us);
    case CLV_GATE_LEAVING:
        if (t->disconnected || now_us > t->since_us + CLV_GATE_LEAVING_US)
            return CLV_GATE_CLOSE;
        return CLV_GATE_STAY;
    }
    return CLV_GATE_CLOSE;
}
