/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_EDGE_DEVICE_H
#define CLV_EDGE_DEVICE_H

/** @file edge_device.h: an agent under test on an edge_stage: photographs in, checked answers out.
 *  What goes wrong fails the test. */

#include "support/edge_stage.h"

#define LONG_US 60000000u /**< longer than anything takes */

/** What is kept of an answer. */
typedef struct device_answer {
    clv_source source;
    uint64_t frame;
    bool late;
    uint32_t cut;
    size_t sent_bytes;
    clv_edge_times times;
    char text[640]; /**< its error_text, or empty */
} device_answer;

clv_edge *device_start(const clv_edge_options *options);

/** A device of @p server's with a link that is up. */
clv_edge *device_start_linked(const edge_stage *stage, edge_server *server, const char *bundle,
                              uint32_t cut, uint64_t deadline_us);

void device_await_link(clv_edge *edge);

/** A port where nobody listens. */
uint16_t device_dead_port(const edge_stage *stage);

/** Submit the photograph of that seed. */
void device_submit(clv_edge *edge, uint32_t seed);

/** Take the next answer, to a frame of device_submit(). Its outputs are, bit for bit, what the
 *  network of its source in @p bundle says of the frame (NULL: not checked). */
device_answer device_take(clv_edge *edge, const char *bundle);

/** Submit, and take the answer. */
device_answer device_ask(clv_edge *edge, const char *bundle, uint32_t seed);

/** The answer's text has @p part in it. */
void device_expect_text(const device_answer *answer, const char *part);

#endif
