/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_LINK_CLIENT_H
#define CLV_LINK_CLIENT_H

/** @file link_client.h: a device without an agent: a link, and a record of what came back over it.
 *  What goes wrong fails the test. */

#include "net/link.h"
#include "support/server_process.h"

#define CLIENT_MAX_FRAMES 256u
#define CLIENT_MAX_ANSWER_BYTES 1024u

/** What became of one frame. */
typedef struct client_answer {
    uint32_t replies, refusals; /**< one of them is 1, once, in the end */
    clv_error refusal;
    uint8_t payload[CLIENT_MAX_ANSWER_BYTES];
    size_t payload_bytes;
    clv_server_times times;
} client_answer;

typedef struct link_client link_client;

/** Connect as @p device ("device-1") and wait until the link is up. */
link_client *link_client_create(const server_process *server, const char *device);
/** The same, asking for the server's profile of @p bundle. */
link_client *link_client_ask(const server_process *server, const char *device,
                             const clv_digest *bundle);

/** The profile that the greeting had, packed; borrowed. NULL: none. */
const uint8_t *link_client_profile(const link_client *client, size_t *bytes_out);

void link_client_free(link_client *client); /* NULL is a no-op */

/** The bundles of the greeting. @return How many. */
uint32_t link_client_bundles(link_client *client, clv_digest *ids, uint32_t cap);

/** Send a request with @p payload. request->frame is under CLIENT_MAX_FRAMES. */
void link_client_send(link_client *client, const clv_link_request *request, const uint8_t *payload,
                      size_t bytes);

/** Send an echo and wait until it is back. @return how busy the server says it is. */
clv_server_times link_client_echo(link_client *client, uint64_t number);

/** Wait for the answer to @p frame. Borrowed from the client. */
const client_answer *link_client_await(link_client *client, uint64_t frame);

#endif
