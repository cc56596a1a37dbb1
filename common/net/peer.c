/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "net/listener_parts.h"

/* --- telling ------------------------------------------------------------------------------ */

void clv_peer_tell(clv_peer *peer, const char *what, const clv_error *why)
{
    const clv_listener_options *options = &peer->listener->options;
    clv_error located;
    const char *device = peer->name[0] != '\0' ? peer->name : peer->address;

    if (options->on_device == NULL)
        return;
    if (why != NULL) {
        located = *why;
        (void)snprintf(located.location, sizeof located.location, "%s", peer->address);
    }
    options->on_device(options->context, device, what, why != NULL ? &located : NULL);
}

static void send_header(clv_peer *peer, const clv_wire_header *header)
{
    clv_frame *frame = clv_frame_of(&peer->listener->frames, header);
    if (frame != NULL)
        (void)!clv_channel_send(peer->channel, frame); /* its end is heard of elsewhere */
}

void clv_peer_ping(clv_peer *peer)
{
    clv_wire_header header = {.type = CLV_WIRE_PING};
    send_header(peer, &header);
}

/* From now on only the reason goes out, if TLS lets it; the keeper closes the connection.
 * @return false: it was leaving already. */
static bool start_leaving(clv_peer *peer, const clv_error *why)
{
    clv_listener *listener = peer->listener;

    clv_listener_lock(listener);
    bool first = peer->phase != CLV_GATE_LEAVING;
    if (first) {
        peer->phase = CLV_GATE_LEAVING;
        peer->since_us = clv_clock_now_us();
        peer->why = *why;
        clv_listener_wake_keeper(listener);
    }
    clv_listener_unlock(listener);
    return first;
}

void clv_peer_refuse(clv_peer *peer, const clv_error *why)
{
    clv_wire_header header = {.type = CLV_WIRE_REFUSAL};

    header.refusal.status = why->code;
    (void)snprintf(header.refusal.reason, sizeof header.refusal.reason, "%.255s", why->message);
    send_header(peer, &header);
    if (start_leaving(peer, why) && !peer->was_up)
        clv_peer_tell(peer, "refused", why);
}

/* --- the channel's callbacks -------------------------------------------------------------- */

static clv_gate_phase phase_of(clv_peer *peer)
{
    clv_listener_lock(peer->listener);
    clv_gate_phase phase = peer->phase;
    clv_listener_unlock(peer->listener);
    return phase;
}

static void on_ready(void *owner)
{
    clv_peer *peer = owner;
    const char *name = clv_channel_peer_name(peer->channel);

    clv_listener_lock(peer->listener);
    if (peer->phase == CLV_GATE_SHAKING) {
        peer->phase = CLV_GATE_GREETING;
        (void)snprintf(peer->name, sizeof peer->name, "%s", name);
    }
    clv_listener_unlock(peer->listener);
}

static bool on_prologue(void *owner, const clv_wire_prologue *prologue, uint8_t **body_out,
                        clv_error *err)
{
    clv_peer *peer = owner;

    if (clv_gate_admit(phase_of(peer), prologue, err) != CLV_OK)
        return false;
    *body_out = peer->control;
    if (prologue->type != CLV_WIRE_REQUEST && prologue->type != CLV_WIRE_ECHO)
        return true;
    clv_frame_give_back(peer->body);
    peer->body = clv_frame_take(&peer->listener->frames, 0, clv_wire_body_bytes(prologue));
    if (peer->body == NULL) {
        (void)clv_fail(err, CLV_ENOMEM, NULL, "the server is out of memory");
        return false;
    }
    *body_out = clv_frame_payload(peer->body);
    return true;
}

/* The profile of the bundle that the device runs, or NULL. With the listener's lock held. */
static const clv_listener_profile *find_profile(const clv_listener *listener,
                                                const clv_wire_hello *hello)
{
    for (uint32_t i = 0; hello->has_bundle && i < listener->n_profiles; i++) {
        const clv_listener_profile *profile = &listener->profiles[i];
        if (memcmp(&profile->bundle, &hello->bundle, sizeof hello->bundle) == 0)
            return profile->bytes <= CLV_WIRE_MAX_PROFILE_BYTES ? profile : NULL;
    }
    return NULL;
}

/* With the listener's lock held. NULL when out of memory. */
static clv_frame *make_welcome(clv_listener *listener, const clv_wire_hello *hello)
{
    clv_wire_header header = {.type = CLV_WIRE_WELCOME};
    const clv_listener_profile *profile = find_profile(listener, hello);
    size_t bytes = profile != NULL ? profile->bytes : 0;

    header.welcome.protocol = CLV_WIRE_PROTOCOL;
    (void)snprintf(header.welcome.software, sizeof header.welcome.software,
                   "cleave " CLEAVE_VERSION);
    header.welcome.n_bundles = listener->n_bundles;
    memcpy(header.welcome.bundles, listener->bundles, sizeof header.welcome.bundles);
    clv_frame *frame = clv_frame_take(&listener->frames, clv_wire_packed_bytes(&header), bytes);
    if (frame == NULL)
        return NULL;
    if (bytes > 0)
        memcpy(clv_frame_payload(frame), profile->data, bytes);
    clv_frame_seal(frame, &header, bytes);
    return frame;
}

static void welcome(clv_peer *peer, const clv_wire_hello *hello)
{
    clv_listener *listener = peer->listener;
    clv_frame *frame = NULL;

    clv_listener_lock(listener);
    bool go = peer->phase == CLV_GATE_GREETING;
    if (go) {
        peer->phase = CLV_GATE_UP;
        peer->was_up = true;
        peer->heartbeat_us = hello->heartbeat_us;
        frame = make_welcome(listener, hello);
    }
    clv_listener_unlock(listener);
    if (go)
        clv_peer_tell(peer, "connected", NULL);
    if (frame != NULL)
        (void)!clv_channel_send(peer->channel, frame); /* its end is heard of elsewhere */
}

static void take_hello(clv_peer *peer, const clv_wire_hello *hello)
{
    clv_error why = CLV_ERROR_INIT;
    if (clv_gate_check_hello(hello->protocol, hello->device_name, peer->name, hello->heartbeat_us,
                             &why) != CLV_OK)
        clv_peer_refuse(peer, &why);
    else
        welcome(peer, hello);
}

static void take_request(clv_peer *peer, const clv_wire_request *request, const uint8_t *payload,
                         size_t payload_bytes)
{
    clv_error why = CLV_ERROR_INIT;

    clv_listener_lock(peer->listener);
    bool up = peer->phase == CLV_GATE_UP;
    bool room = peer->in_flight < CLV_LINK_MAX_IN_FLIGHT;
    clv_listener_unlock(peer->listener);
    if (up && room) {
        clv_incoming_hand_on(peer, request, payload, payload_bytes);
    } else if (up) {
        (void)clv_fail(&why, CLV_ELIMIT, NULL, "more than %u requests at once",
                       CLV_LINK_MAX_IN_FLIGHT);
        clv_peer_refuse(peer, &why);
    }
}

/* At once, and without the workers: it measures the way here. */
static void take_echo(clv_peer *peer, const clv_wire_echo *echo)
{
    const clv_listener_options *options = &peer->listener->options;
    clv_wire_header header = {.type = CLV_WIRE_ECHOED, .echo = {.number = echo->number}};

    if (options->load != NULL)
        header.echo.workers = options->load(options->context, &header.echo.load_permille);
    clv_frame_give_back(peer->body);
    peer->body = NULL;
    send_header(peer, &header);
}

static void on_message(void *owner, const clv_wire_header *header, const uint8_t *payload,
                       size_t payload_bytes)
{
    clv_peer *peer = owner;

    if (header->type == CLV_WIRE_HELLO)
        take_hello(peer, &header->hello);
    else if (header->type == CLV_WIRE_REQUEST)
        take_request(peer, &header->request, payload, payload_bytes);
    else if (header->type == CLV_WIRE_ECHO)
        take_echo(peer, &header->echo);
    /* a ping has done its work by coming; the gate lets nothing else pass */
}

static void on_end(void *owner, const clv_error *why)
{
    clv_peer *peer = owner;
    clv_channel_state state = clv_channel_look(peer->channel);
    clv_gate_phase phase = phase_of(peer);

    if (!state.disconnected && (phase == CLV_GATE_GREETING || phase == CLV_GATE_UP)) {
        clv_peer_refuse(peer, why);
        return;
    }
    bool first = start_leaving(peer, why);
    /* One who connects and closes without a word is a health check, not a device. */
    if (first && !peer->was_up && state.heard_any)
        clv_peer_tell(peer, "refused", why);
}

/* --- lifetime ----------------------------------------------------------------------------- */

static void format_address(char dst[CLV_PEER_MAX_ADDRESS], nng_stream *stream)
{
    nng_sockaddr address;
    char text[INET6_ADDRSTRLEN] = "";

    (void)snprintf(dst, CLV_PEER_MAX_ADDRESS, "unknown address");
    if (nng_stream_get_addr(stream, NNG_OPT_REMADDR, &address) != 0)
        return;
    if (address.s_family == NNG_AF_INET &&
        inet_ntop(AF_INET, &address.s_in.sa_addr, text, sizeof text) != NULL)
        (void)snprintf(dst, CLV_PEER_MAX_ADDRESS, "%s:%u", text, ntohs(address.s_in.sa_port));
    else if (address.s_family == NNG_AF_INET6 &&
             inet_ntop(AF_INET6, address.s_in6.sa_addr, text, sizeof text) != NULL)
        (void)snprintf(dst, CLV_PEER_MAX_ADDRESS, "[%s]:%u", text, ntohs(address.s_in6.sa_port));
}

clv_peer *clv_peer_create(clv_listener *listener, nng_stream *stream)
{
    clv_peer *peer = clv_calloc(1, sizeof *peer);
    if (peer == NULL) {
        nng_stream_free(stream);
        return NULL;
    }
    clv_channel_options options = {.tls = listener->tls,
                                   .max_message_bytes = listener->options.max_message_bytes,
                                   .on_ready = on_ready,
                                   .on_prologue = on_prologue,
                                   .on_message = on_message,
                                   .on_end = on_end,
                                   .owner = peer};
    format_address(peer->address, stream);
    if (clv_channel_create(&peer->channel, &options, stream, NULL) != CLV_OK) {
        clv_free(peer);
        return NULL;
    }
    peer->listener = listener;
    peer->refs = 1;
    peer->phase = CLV_GATE_SHAKING;
    peer->since_us = clv_clock_now_us();
    return peer;
}

void clv_peer_release(clv_peer *peer)
{
    clv_listener *listener = peer->listener;

    clv_listener_lock(listener);
    bool last = --peer->refs == 0;
    clv_listener_unlock(listener);
    if (!last)
        return;
    clv_channel_free(peer->channel);
    clv_frame_give_back(peer->body);
    if (peer->session != NULL && listener->options.free_session != NULL)
        listener->options.free_session(peer->session);
    clv_free(peer);
    clv_listener_release(listener);
}
