/* SPDX-License-Identifier: Apache-2.0 */
/* Law 1 where shapes depend on data, over the real link: whatever a frame finds, a device and a
 * cleave-server process give the tensors of a local run at every cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <cleave/edge.h>

#include "base/error.h"
#include "base/memory.h"
#include "runtime/bundle.h"
#include "support/dynamic_nets.h"
#include "support/server_process.h"

#define LINK_US 20000000u
#define MAX_INPUT 96
#define MAX_OUTPUTS 8
#define MAX_OUTPUT_BYTES 2048

static const dynamic_find frames[] = {DYNAMIC_SOME, DYNAMIC_NOTHING, DYNAMIC_ALL};
#define N_FRAMES (sizeof frames / sizeof frames[0])

/* What a local run says of each frame. */
typedef struct answer {
    clv_tensor outputs[MAX_OUTPUTS];
    uint8_t data[MAX_OUTPUTS][MAX_OUTPUT_BYTES];
    uint32_t n;
} answer;

static void keep_answer(answer *out, const clv_edge_answer *got)
{
    size_t bytes;

    assert_in_range(got->n_outputs, 1, MAX_OUTPUTS);
    out->n = got->n_outputs;
    for (uint32_t i = 0; i < out->n; i++) {
        out->outputs[i] = got->outputs[i];
        assert_int_equal(clv_tensor_bytes(&bytes, &got->outputs[i]), CLV_OK);
        assert_true(bytes <= MAX_OUTPUT_BYTES);
        memcpy(out->data[i], got->outputs[i].data, bytes);
    }
}

static void check_answer(const answer *expected, const clv_edge_answer *got)
{
    size_t bytes;

    assert_int_equal(got->n_outputs, expected->n);
    for (uint32_t i = 0; i < expected->n; i++) {
        assert_true(clv_shape_equal(&got->outputs[i].shape, &expected->outputs[i].shape));
        assert_int_equal(clv_tensor_bytes(&bytes, &got->outputs[i]), CLV_OK);
        if (bytes > 0)
            assert_memory_equal(got->outputs[i].data, expected->data[i], bytes);
    }
}

/* Submit each frame at @p cut and compare, or keep, the answers. */
static void run_cut(clv_edge *edge, const clv_graph *graph, uint32_t cut, answer *answers,
                    bool keep)
{
    float data[MAX_INPUT];
    clv_tensor input = graph->values[graph->inputs[0]].tensor;
    input.data = data;

    assert_int_equal(clv_edge_set_cut(edge, cut), CLV_OK);
    for (size_t f = 0; f < N_FRAMES; f++) {
        clv_edge_answer got;
        (void)dynamic_input(data, graph, frames[f]);
        assert_int_equal(clv_edge_submit_tensors(NULL, edge, &input, 1, NULL), CLV_OK);
        assert_int_equal(clv_edge_next(&got, edge, LINK_US), CLV_OK);
        assert_int_equal(got.source, keep       ? CLV_SOURCE_LOCAL
                                     : cut == 0 ? CLV_SOURCE_SERVER
                                                : CLV_SOURCE_SPLIT);
        if (keep)
            keep_answer(&answers[f], &got);
        else
            check_answer(&answers[f], &got);
        clv_edge_release(edge, &got);
    }
}

static void check(const server_process *server, const char *name, clv_graph *graph)
{
    static answer answers[N_FRAMES];
    char bundle[1024], url[64], ca[1024], cert[1024], key[1024];
    clv_edge_options options = CLV_EDGE_OPTIONS_INIT;
    clv_edge *edge;

    (void)snprintf(bundle, sizeof bundle, "%s/%s.clv", server->bundles, name);
    (void)snprintf(url, sizeof url, "localhost:%u", server->port);
    (void)snprintf(ca, sizeof ca, "%s/ca.crt", server->pki);
    (void)snprintf(cert, sizeof cert, "%s/device-1.crt", server->pki);
    (void)snprintf(key, sizeof key, "%s/device-1.key", server->pki);
    options.bundle = bundle;
    options.server = url;
    options.ca = ca;
    options.cert = cert;
    options.key = key;
    assert_int_equal(clv_edge_create(&edge, &options, NULL), CLV_OK);
    assert_int_equal(clv_edge_wait_link(edge, LINK_US), CLV_OK);
    uint32_t n = clv_edge_cut_count(edge);
    run_cut(edge, graph, n, answers, true);
    assert_int_equal(answers[1].outputs[0].shape.dim[0], 0); /* nothing was found */
    assert_true(answers[0].outputs[0].shape.dim[0] < answers[2].outputs[0].shape.dim[0]);
    for (uint32_t cut = 0; cut < n; cut++)
        run_cut(edge, graph, cut, answers, false);
    clv_edge_free(edge);
}

static void write_bundle(const server_process *server, const char *name, clv_graph *graph)
{
    clv_model model = {.graph = graph};
    char path[1024];

    (void)snprintf(path, sizeof path, "%s/%s.clv", server->bundles, name);
    assert_int_equal(clv_bundle_write(path, &model, NULL, NULL, NULL), CLV_OK);
}

static void test_dynamic_link__answers_have_the_true_shapes(void **state)
{
    clv_graph *points = dynamic_points_create(), *detector = dynamic_detector_create();
    server_process server;
    (void)state;

    server_process_init(&server);
    write_bundle(&server, "points", points);
    write_bundle(&server, "detector", detector);
    server_process_start(&server, NULL);
    check(&server, "points", points);
    check(&server, "detector", detector);
    server_process_done(&server);
    clv_graph_free(points);
    clv_graph_free(detector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dynamic_link__answers_have_the_true_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
