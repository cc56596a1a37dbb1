/* SPDX-License-Identifier: Apache-2.0 */
/* Law 1 over the real link: a device and a cleave-server process, mutual TLS between them, give the
 * bits of a local run at several cuts of real networks. */
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
#include "support/server_process.h"
#include "support/zoo.h"

#define CUTS 5u
#define LINK_US 20000000u

static const char *const networks[] = {"mobilenetv2-1.0-224", "squeezenet1.1-7",
                                       "resnet20-cifar10"};

/* What a local run says, and the input that it was given. */
typedef struct answer {
    float *data;
    size_t bytes;
} answer;

static void write_bundle(const char *path, const char *name)
{
    clv_graph *graph = zoo_open(name);
    clv_model model = {.graph = graph};
    assert_int_equal(clv_bundle_write(path, &model, NULL, NULL, NULL), CLV_OK);
    clv_graph_free(graph);
}

static clv_tensor make_input(const clv_graph *graph)
{
    clv_tensor input = graph->values[graph->inputs[0]].tensor;
    size_t bytes;
    assert_int_equal(clv_tensor_bytes(&bytes, &input), CLV_OK);
    float *data = input.data = clv_alloc_aligned(bytes);
    for (size_t i = 0; i < bytes / sizeof *data; i++)
        data[i] = (float)(i * 7919 % 511) / 255.5f - 1.0f;
    return input;
}

/* Answer one frame at @p cut; the output is compared with, or becomes, @p expected. */
static void run_cut(clv_edge *edge, const clv_tensor *input, uint32_t cut, answer *expected)
{
    clv_edge_answer got;
    size_t bytes;

    assert_int_equal(clv_edge_set_cut(edge, cut), CLV_OK);
    assert_int_equal(clv_edge_submit_tensors(NULL, edge, input, 1, NULL), CLV_OK);
    assert_int_equal(clv_edge_next(&got, edge, LINK_US), CLV_OK);
    assert_int_equal(got.source, cut == 0                          ? CLV_SOURCE_SERVER
                                 : cut == clv_edge_cut_count(edge) ? CLV_SOURCE_LOCAL
                                                                   : CLV_SOURCE_SPLIT);
    assert_int_equal(clv_tensor_bytes(&bytes, &got.outputs[0]), CLV_OK);
    if (expected->data == NULL) {
        expected->data = clv_alloc_aligned(bytes);
        expected->bytes = bytes;
        memcpy(expected->data, got.outputs[0].data, bytes);
    }
    assert_int_equal(bytes, expected->bytes);
    assert_memory_equal(got.outputs[0].data, expected->data, bytes);
    clv_edge_release(edge, &got);
}

static void check(const server_process *server, const char *name)
{
    char bundle[1024], url[64], ca[1024], cert[1024], key[1024];
    clv_edge_options options = CLV_EDGE_OPTIONS_INIT;
    clv_edge *edge;
    answer expected = {0};

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
    clv_graph *graph = zoo_open(name);
    clv_tensor input = make_input(graph);
    assert_int_equal(clv_edge_create(&edge, &options, NULL), CLV_OK);
    assert_int_equal(clv_edge_wait_link(edge, LINK_US), CLV_OK);
    uint32_t n = clv_edge_cut_count(edge);
    run_cut(edge, &input, n, &expected); /* local */
    for (uint32_t i = 0; i < CUTS; i++)
        run_cut(edge, &input, i * n / CUTS, &expected);
    (void)printf("%-24s cuts 0, %u, %u, %u, %u over the link: the same bits\n", name, n / CUTS,
                 2 * n / CUTS, 3 * n / CUTS, 4 * n / CUTS);
    clv_edge_free(edge);
    clv_free(expected.data);
    clv_free(input.data);
    clv_graph_free(graph);
}

static void test_zoo_link__cuts_over_the_link_give_the_bits_of_a_local_run(void **state)
{
    server_process server;
    (void)state;

    server_process_init(&server);
    for (unsigned i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/%s.clv", server.bundles, networks[i]);
        write_bundle(path, networks[i]);
    }
    server_process_start(&server, NULL);
    for (unsigned i = 0; i < sizeof networks / sizeof networks[0]; i++)
        check(&server, networks[i]);
    server_process_done(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zoo_link__cuts_over_the_link_give_the_bits_of_a_local_run),
    };
    if (zoo_folder() == NULL)
        return ZOO_SKIP;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
