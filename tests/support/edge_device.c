/* SPDX-License-Identifier: Apache-2.0 */
#include "support/edge_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

clv_edge *device_start(const clv_edge_options *options)
{
    clv_error err = CLV_ERROR_INIT;
    clv_edge *edge = NULL;

    if (clv_edge_create(&edge, options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    return edge;
}

void device_await_link(clv_edge *edge)
{
    clv_edge_link_state link;

    if (clv_edge_wait_link(edge, LONG_US) == CLV_OK)
        return;
    clv_edge_link_state_of(edge, &link);
    fail_msg("the link doesn't come up: %s", link.last_error);
}

clv_edge *device_start_linked(const edge_stage *stage, edge_server *server, const char *bundle,
                              uint32_t cut, uint64_t deadline_us)
{
    char address[32];
    clv_edge_options options = edge_stage_options(stage, bundle, edge_server_port(server), address);
    options.cut = cut;
    options.deadline_us = deadline_us;
    clv_edge *edge = device_start(&options);
    device_await_link(edge);
    return edge;
}

uint16_t device_dead_port(const edge_stage *stage)
{
    edge_server *server = edge_server_start(stage, stage->bundle, 0, true);
    uint16_t port = edge_server_port(server);
    edge_server_stop(server);
    return port;
}

void device_submit(clv_edge *edge, uint32_t seed)
{
    clv_image photo;

    clv_image_init(&photo);
    edge_stage_photo(&photo, 40, 30, seed);
    assert_int_equal(clv_edge_submit(NULL, edge, photo.rgb.data, photo.width, photo.height,
                                     (void *)(uintptr_t)seed),
                     CLV_OK);
    clv_image_done(&photo);
}

/* The outputs are, bit for bit, what the network of the answer's source says of the frame. */
static void check_outputs(const clv_edge_answer *answer, const char *bundle)
{
    float expected[STAGE_OUTPUT_FLOATS];
    bool by_student = answer->source == CLV_SOURCE_STUDENT;
    clv_image photo;

    clv_image_init(&photo);
    edge_stage_photo(&photo, 40, 30, (uint32_t)(uintptr_t)answer->user);
    edge_stage_expect(expected, bundle, by_student, &photo);
    clv_image_done(&photo);
    assert_int_equal(answer->error, CLV_OK);
    assert_int_equal(answer->n_outputs, 2);
    assert_string_equal(answer->output_names[0], "classes");
    assert_memory_equal(answer->outputs[0].data, expected, sizeof expected);
    assert_int_equal(answer->n_labels, 5);
    assert_string_equal(answer->labels[4], "eel");
}

device_answer device_take(clv_edge *edge, const char *bundle)
{
    clv_edge_answer answer;
    assert_int_equal(clv_edge_next(&answer, edge, LONG_US), CLV_OK);
    if (bundle != NULL)
        check_outputs(&answer, bundle);
    device_answer g = {.source = answer.source,
                       .frame = answer.frame,
                       .late = answer.late,
                       .cut = answer.cut,
                       .sent_bytes = answer.sent_bytes,
                       .times = answer.times};
    (void)snprintf(g.text, sizeof g.text, "%s", answer.error_text ? answer.error_text : "");
    clv_edge_release(edge, &answer);
    return g;
}

device_answer device_ask(clv_edge *edge, const char *bundle, uint32_t seed)
{
    device_submit(edge, seed);
    return device_take(edge, bundle);
}

void device_expect_text(const device_answer *g, const char *part)
{
    if (strstr(g->text, part) == NULL)
        fail_msg("'%s' doesn't say '%s'", g->text, part);
}
