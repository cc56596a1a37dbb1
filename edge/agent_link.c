/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/agent.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* --- the link itself ---------------------------------------------------------------------- */

static void set_link(clv_edge *edge, bool up)
{
    edge->link_state.up = up;
    clv_agent_set_link(&edge->agent, up);
    clv_frame_sequence_forget(&edge->sequence);
    (void)pthread_cond_broadcast(&edge->changed);
}

static bool has_bundle(const clv_edge *edge, const clv_link_event *event)
{
    const clv_digest *wanted = clv_bundle_id(edge->bundle);

    for (uint32_t i = 0; i < event->n_bundles; i++) {
        if (memcmp(event->bundles[i].bytes, wanted->bytes, sizeof wanted->bytes) == 0)
            return true;
    }
    return false;
}

/* A server that can't answer for the bundle is of as much use as none. */
static void link_is_up(clv_edge *edge, const clv_link_event *event)
{
    clv_edge_link_state *state = &edge->link_state;
    const char *name = event->server_name != NULL ? event->server_name : "";
    bool served = has_bundle(edge, event);

    (void)snprintf(state->server_name, sizeof state->server_name, "%s", name);
    if (!served) {
        char id[CLV_DIGEST_HEX_BYTES];
        (void)snprintf(state->last_error, sizeof state->last_error,
                       "server '%s' doesn't have the bundle %.16s...", name,
                       clv_digest_format(id, clv_bundle_id(edge->bundle)));
    }
    clv_agent_take_server_profile(edge, event);
    edge->server_load_permille = 0;
    set_link(edge, served);
    clv_agent_plan_link(edge, event);
}

static void link_is_down(clv_edge *edge, const clv_link_event *event)
{
    const clv_error *error = event->error;

    if (error != NULL)
        (void)snprintf(edge->link_state.last_error, sizeof edge->link_state.last_error,
                       "%.120s%s%.380s", error->location, error->location[0] != '\0' ? ": " : "",
                       error->message);
    set_link(edge, false);
    clv_agent_plan_link(edge, event);
}

/* --- frames ------------------------------------------------------------------------------- */

static uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

/* The server's own figures are outside bytes: together they are no more than what we waited. */
static void note_times(clv_edge_slot *slot, const clv_server_times *server)
{
    uint64_t left = slot->sent_us > 0 ? clv_clock_now_us() - slot->sent_us : 0;
    uint64_t decode_us = at_most(server->decode_us, left);

    slot->times.server_us = decode_us + at_most(server->compute_us, left - decode_us);
    left -= slot->times.server_us;
    slot->times.queue_us = at_most(server->queue_us, left);
    slot->times.network_us = left - slot->times.queue_us;
}

static void take_reply(clv_edge *edge, uint32_t index, const clv_link_event *event)
{
    clv_edge_slot *slot = &edge->slots[index];
    clv_tensor_set *outputs = &slot->outputs[CLV_AGENT_MODEL];
    clv_error err = CLV_ERROR_INIT;

    clv_status status = clv_activation_decode(outputs->tensors, outputs->planned, outputs->count,
                                              event->payload, event->payload_bytes, &err);
    if (status != CLV_OK) {
        clv_agent_explain(slot, status, "its reply is malformed: %.160s", err.message);
        clv_agent_refused(&edge->agent, index);
        return;
    }
    note_times(slot, &event->server);
    if (slot->on_its_way) /* a server may be mad, and answer what isn't sent */
        clv_frame_sequence_answered(&edge->sequence, slot->frame,
                                    clv_agent_place_of(slot, edge->agent.slots[index].cut),
                                    slot->was_after, &slot->symbols);
    slot->on_its_way = false;
    clv_agent_plan_replied(edge, slot, event);
    clv_agent_replied(&edge->agent, index);
}

static void take_refusal(clv_edge *edge, uint32_t index, const clv_link_event *event)
{
    clv_status status = event->error != NULL ? event->error->code : CLV_EINTERNAL;
    const char *reason = event->error != NULL ? event->error->message : "";

    if (status == CLV_EKEYFRAME && edge->slots[index].on_its_way) {
        edge->slots[index].on_its_way = false;
        clv_frame_sequence_missed(&edge->sequence);
        clv_agent_needs_key(&edge->agent, index);
        return;
    }
    clv_agent_explain(&edge->slots[index], status, "%s",
                      reason[0] != '\0' ? reason : clv_status_text(status));
    clv_agent_refused(&edge->agent, index);
}

void clv_agent_on_link(void *context, const clv_link_event *event)
{
    clv_edge *edge = context;

    clv_agent_lock(edge);
    uint32_t slot = clv_agent_awaits(&edge->agent, event->frame);
    switch (event->type) {
    case CLV_LINK_UP:
        link_is_up(edge, event);
        break;
    case CLV_LINK_DOWN:
    case CLV_LINK_FAILED:
        link_is_down(edge, event);
        break;
    case CLV_LINK_REPLY:
        edge->server_load_permille = event->server.load_permille;
        if (slot != CLV_AGENT_NO_SLOT)
            take_reply(edge, slot, event);
        break;
    case CLV_LINK_REFUSED:
        if (slot != CLV_AGENT_NO_SLOT)
            take_refusal(edge, slot, event);
        break;
    case CLV_LINK_ECHOED:
        if (event->server.workers > 0)
            edge->server_load_permille = event->server.load_permille;
        clv_agent_plan_echoed(edge, event);
        break;
    }
    (void)pthread_cond_signal(&edge->work);
    clv_agent_unlock(edge);
}
