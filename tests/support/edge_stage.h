/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_EDGE_STAGE_H
#define CLV_EDGE_STAGE_H

/** @file edge_stage.h: what a device under test needs around it: a folder with bundles and keys,
 *  the answers that its frames must get, and a server in this process that can be told to
 *  misbehave. What goes wrong fails the test. */

#include <cleave/edge.h>

#include "base/digest.h"
#include "media/image.h"

#define STAGE_PATH_BYTES 256
#define STAGE_SIDE 16u         /**< of the model's images; the student's are half as large */
#define STAGE_OUTPUT_FLOATS 5u /**< of the first output of each network */

typedef struct edge_stage {
    char dir[64];                   /**< removed by edge_stage_close() */
    char bundle[STAGE_PATH_BYTES];  /**< an image model and its student */
    char alone[STAGE_PATH_BYTES];   /**< the same model without a student */
    char tensors[STAGE_PATH_BYTES]; /**< a model that takes a tensor, with a student for it */
    char misfits[STAGE_PATH_BYTES]; /**< the same with a student that takes a smaller one */
    char ca[STAGE_PATH_BYTES], cert[STAGE_PATH_BYTES], key[STAGE_PATH_BYTES]; /**< a device's */
    char server_cert[STAGE_PATH_BYTES], server_key[STAGE_PATH_BYTES];
    char other_ca[STAGE_PATH_BYTES], other_cert[STAGE_PATH_BYTES],
        other_key[STAGE_PATH_BYTES]; /**< a device's of another CA */
} edge_stage;

void edge_stage_open(edge_stage *stage);
void edge_stage_close(edge_stage *stage);

/** Options for a device with @p bundle, and a server on @p port (0: none). @p server_text holds
 *  the address. */
clv_edge_options edge_stage_options(const edge_stage *stage, const char *bundle, uint16_t port,
                                    char server_text[32]);

/** Pixels of a made-up photograph. */
void edge_stage_photo(clv_image *image, uint32_t width, uint32_t height, uint32_t seed);

/** Write pixels as a binary file of @p frames raw frames, or the first of them as a PNG. */
void edge_stage_write_raw(const char *path, uint32_t side, uint32_t frames);
void edge_stage_write_png(const char *path, uint32_t side, uint32_t seed);

/** What the bundle's model (or its student) says of @p image, computed in one go. */
void edge_stage_expect(float out[STAGE_OUTPUT_FLOATS], const char *bundle, bool student,
                       const clv_image *image);

/** Nodes of the bundle's model. */
uint32_t edge_stage_nodes(const char *bundle);

/* --- a server ----------------------------------------------------------------------------- */

typedef enum server_mood {
    SERVER_ANSWERS,
    SERVER_HOLDS,   /**< keeps requests until edge_server_let_go() */
    SERVER_REFUSES, /**< "the server is having a bad day" */
    SERVER_BABBLES, /**< answers with bytes that are no answer */
    SERVER_BOASTS   /**< answers, with times that can't be */
} server_mood;

typedef struct edge_server edge_server;

/** Listen on @p port (0: any) for devices of the stage's CA, answering for @p bundle.
 *  @param named  The greeting names the bundle. */
edge_server *edge_server_start(const edge_stage *stage, const char *bundle, uint16_t port,
                               bool named);
void edge_server_stop(edge_server *server); /* connections drop; NULL is a no-op */
uint16_t edge_server_port(const edge_server *server);

void edge_server_set_mood(edge_server *server, server_mood mood);

/** How busy it says with echoes that it is; it has two workers. */
void edge_server_set_load(edge_server *server, uint32_t permille);

/** What greetings carry from now on as the server's profile of its bundle. */
void edge_server_set_profile(edge_server *server, const uint8_t *data, size_t bytes);

/** Wait until @p n requests are held. */
void edge_server_await_held(edge_server *server, uint32_t n);

/** Answer the requests that are held. */
void edge_server_let_go(edge_server *server);

/** Requests that have come, and the time that the last one left for its answer. */
uint32_t edge_server_requests(edge_server *server);
uint64_t edge_server_last_deadline_us(edge_server *server);

#endif
