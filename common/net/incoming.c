/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "net/listener_parts.h"

/* A packed reply: five numbers. */
#define REPLY_HEADER_ROOM 64u
#define MAX_IDLE 64u

/* An answer can't be given: better no connection than a device that waits for it. */
static void refuse_device(clv_peer *peer, clv_status status)
{
    clv_error why = CLV_ERROR_INIT;
    (void)clv_fail(&why, status, NULL, "%s",
                   status == CLV_EAGAIN ? "it doesn't read its answers"
                                        : "the server is out of memory");
    clv_peer_refuse(peer, &why);
}

/* --- from the peer to the owner ----------------------------------------------------------- */

/* Memory for a request that holds its peer; NULL when out of memory. */
static clv_incoming *incoming_take(clv_peer *peer)
{
    clv_listener *listener = peer->listener;

    clv_listener_lock(listener);
    clv_incoming *request = listener->idle;
    if (request != NULL) {
        listener->idle = request->next;
        listener->n_idle--;
    } else {
        request = clv_calloc(1, sizeof *request);
    }
    if (request != NULL) {
        memcpy(request->device, peer->name, sizeof request->device);
        request->peer = peer;
        peer->refs++;
        peer->in_flight++;
    }
    clv_listener_unlock(listener);
    return request;
}

static void incoming_give_back(clv_incoming *request)
{
    clv_peer *peer = request->peer;
    clv_listener *listener = peer->listener;

    clv_frame_give_back(request->body);
    clv_frame_give_back(request->reply);
    *request = (clv_incoming){.next = NULL};
    clv_listener_lock(listener);
    peer->in_flight--;
    bool keep = listener->n_idle < MAX_IDLE;
    if (keep) {
        request->next = listener->idle;
        listener->idle = request;
        listener->n_idle++;
    }
    clv_listener_unlock(listener);
    if (!keep)
        clv_free(request);
    clv_peer_release(peer);
}

void clv_incoming_hand_on(clv_peer *peer, const clv_wire_request *header, const uint8_t *payload,
                          size_t payload_bytes)
{
    clv_listener *listener = peer->listener;
    clv_incoming *request = incoming_take(peer);
    if (request == NULL) {
        refuse_device(peer, CLV_ENOMEM);
        return;
    }
    request->bundle = header->bundle;
    request->header = (clv_link_request){.frame = header->frame,
                                         .bundle = &request->bundle,
                                         .cut = header->cut,
                                         .deadline_us = header->deadline_us,
                                         .prefix = header->prefix,
                                         .suffix = header->suffix,
                                         .payload = header->payload,
                                         .sequence = header->sequence};
    request->body = peer->body;
    peer->body = NULL;
    request->payload = payload;
    request->payload_bytes = payload_bytes;
    request->arrived_us = clv_clock_now_us();
    listener->options.on_request(listener->options.context, request);
}

void clv_incoming_free_idle(clv_listener *listener)
{
    while (listener->idle != NULL) {
        clv_incoming *next = listener->idle->next;
        clv_free(listener->idle);
        listener->idle = next;
    }
    listener->n_idle = 0;
}

/* --- what the owner asks ------------------------------------------------------------------ */

const char *clv_incoming_device(const clv_incoming *request)
{
    return request->device;
}

const clv_link_request *clv_incoming_header(const clv_incoming *request)
{
    return &request->header;
}

const uint8_t *clv_incoming_payload(const clv_incoming *request, size_t *bytes_out)
{
    *bytes_out = request->payload_bytes;
    return request->payload;
}

void **clv_incoming_session(clv_incoming *request)
{
    return &request->peer->session;
}

uint64_t clv_incoming_arrived_us(const clv_incoming *request)
{
    return request->arrived_us;
}

/* --- the answer --------------------------------------------------------------------------- */

clv_status clv_incoming_reserve(clv_incoming *request, uint8_t **payload_out, size_t payload_cap)
{
    if (payload_cap > CLV_WIRE_MAX_MESSAGE_BYTES - CLV_WIRE_PROLOGUE_BYTES - REPLY_HEADER_ROOM)
        return CLV_ELIMIT;
    clv_frame *reply =
        clv_frame_take(&request->peer->listener->frames, REPLY_HEADER_ROOM, payload_cap);
    if (reply == NULL)
        return CLV_ENOMEM;
    clv_frame_give_back(request->reply);
    request->reply = reply;
    *payload_out = clv_frame_payload(reply);
    return CLV_OK;
}

/* A device that has gone gets no answer; it knows best why. */
static void send_and_forget(clv_incoming *request, clv_frame *frame)
{
    clv_status status = CLV_ENOMEM;
    if (frame != NULL)
        status = clv_channel_send(request->peer->channel, frame);
    if (status == CLV_ENOMEM || status == CLV_EAGAIN)
        refuse_device(request->peer, status);
    incoming_give_back(request);
}

void clv_incoming_send(clv_incoming *request, size_t payload_bytes, const clv_server_times *times)
{
    clv_wire_header header;
    clv_frame *reply = request->reply;
    if (reply == NULL)
        reply = clv_frame_take(&request->peer->listener->frames, REPLY_HEADER_ROOM, 0);
    request->reply = NULL;

    header.type = CLV_WIRE_REPLY;
    header.reply = (clv_wire_reply){.frame = request->header.frame,
                                    .decode_us = times->decode_us,
                                    .queue_us = times->queue_us,
                                    .compute_us = times->compute_us,
                                    .load_permille = times->load_permille,
                                    .workers = times->workers};
    if (reply != NULL)
        clv_frame_seal(reply, &header, payload_bytes);
    send_and_forget(request, reply);
}

void clv_incoming_refuse(clv_incoming *request, clv_status status, const char *reason)
{
    clv_wire_header header;

    header.type = CLV_WIRE_REFUSAL;
    header.refusal =
        (clv_wire_refusal){.about_frame = true, .frame = request->header.frame, .status = status};
    (void)snprintf(header.refusal.reason, sizeof header.refusal.reason, "%.255s", reason);
    send_and_forget(request, clv_frame_of(&request->peer->listener->frames, &header));
}
