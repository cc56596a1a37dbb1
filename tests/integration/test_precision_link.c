/* SPDX-License-Identifier: Apache-2.0 */
/* Law 1 for each precision, over the real link: a device that runs one form and a cleave-server
 * process that runs one give the bits of the same split in one process. What one of them doesn't
 * have is refused in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <cleave/edge.h>

#include "base/error.h"
#include "support/link_client.h"
#include "support/server_process.h"
#include "support/tiny_forms.h"
#include "support/tiny_run.h"

#define LINK_US 20000000u
#define SEED 5u

static const tiny_model_options model = TINY_MODEL_OPTIONS_INIT;

/* Paths and the address that options point to. */
typedef struct device_paths {
    char bundle[1024], url[64], ca[1024], cert[1024], key[1024];
} device_paths;

static clv_edge_options device_options(device_paths *paths, const server_process *server,
                                       const char *name, const tiny_split *split)
{
    clv_edge_options options = CLV_EDGE_OPTIONS_INIT;

    (void)snprintf(paths->bundle, sizeof paths->bundle, "%s/%s", server->bundles, name);
    (void)snprintf(paths->url, sizeof paths->url, "localhost:%u", server->port);
    (void)snprintf(paths->ca, sizeof paths->ca, "%s/ca.crt", server->pki);
    (void)snprintf(paths->cert, sizeof paths->cert, "%s/device-1.crt", server->pki);
    (void)snprintf(paths->key, sizeof paths->key, "%s/device-1.key", server->pki);
    options.bundle = paths->bundle;
    options.server = paths->url;
    options.ca = paths->ca;
    options.cert = paths->cert;
    options.key = paths->key;
    options.precision = clv_precision_name(split->prefix);
    options.suffix = clv_precision_name(split->suffix);
    return options;
}

static void check_outputs(const clv_edge_answer *answer, const tiny_split_result *expected)
{
    assert_int_equal(answer->n_outputs, expected->outputs.count);
    for (uint32_t i = 0; i < answer->n_outputs; i++) {
        const clv_tensor *a = &answer->outputs[i], *b = &expected->outputs.tensors[i];
        size_t bytes;
        assert_int_equal(a->dtype, b->dtype);
        assert_true(clv_shape_equal(&a->shape, &b->shape));
        assert_int_equal(clv_tensor_bytes(&bytes, b), CLV_OK);
        assert_memory_equal(a->data, b->data, bytes);
    }
}

static void ask(clv_edge *edge, const tiny_forms *forms, const tiny_split *split)
{
    clv_tensor input = forms->original->values[forms->original->inputs[0]].tensor;
    tiny_split_result expected = {0};
    clv_edge_answer answer;

    tiny_forms_run(&expected, forms, split, SEED);
    input.data = tiny_model_input(&model, SEED);
    assert_int_equal(clv_edge_set_cut(edge, split->cut), CLV_OK);
    assert_int_equal(clv_edge_submit_tensors(NULL, edge, &input, 1, NULL), CLV_OK);
    assert_int_equal(clv_edge_next(&answer, edge, LINK_US), CLV_OK);
    if (answer.error_text != NULL)
        fail_msg("cut %u: %s", split->cut, answer.error_text);
    assert_int_equal(answer.source, split->cut == 0                          ? CLV_SOURCE_SERVER
                                    : split->cut == forms->original->n_nodes ? CLV_SOURCE_LOCAL
                                                                             : CLV_SOURCE_SPLIT);
    check_outputs(&answer, &expected);
    clv_edge_release(edge, &answer);
    clv_free(input.data);
    tiny_split_result_done(&expected);
}

static void test_precision_link__forms_split_as_in_one_process(void **state)
{
    server_process *server = *state;
    char path[1024];
    tiny_forms forms;

    tiny_forms_init(&forms, &model, NULL);
    (void)snprintf(path, sizeof path, "%s/forms.clv", server->bundles);
    (void)tiny_forms_write(&forms, path);
    server_process_start(server, NULL);
    for (int pair = 0; pair < CLV_PRECISION_COUNT * CLV_PRECISION_COUNT; pair++) {
        tiny_split split = {(clv_precision)(pair / CLV_PRECISION_COUNT),
                            (clv_precision)(pair % CLV_PRECISION_COUNT), 0};
        device_paths paths;
        clv_edge_options options = device_options(&paths, server, "forms.clv", &split);
        clv_error err = CLV_ERROR_INIT;
        clv_edge *edge = NULL;
        if (clv_edge_create(&edge, &options, &err) != CLV_OK)
            fail_msg("%s: %s", err.location, err.message);
        assert_int_equal(clv_edge_wait_link(edge, LINK_US), CLV_OK);
        for (; split.cut <= forms.original->n_nodes; split.cut++)
            ask(edge, &forms, &split);
        clv_edge_free(edge);
    }
    tiny_forms_done(&forms);
}

/* A bundle with only one form, or a number that is no precision. */
static void test_precision_link__a_server_refuses_a_form_that_it_lacks(void **state)
{
    static const uint32_t wanted[][2] = {{0, 1}, {1, 0}, {0, 2}, {UINT32_MAX, 0}};
    server_process *server = *state;
    char path[1024];
    tiny_run run;

    (void)snprintf(path, sizeof path, "%s/float.clv", server->bundles);
    clv_digest id = tiny_model_write(path, &model);
    tiny_run_init(&run, &model, NULL, SEED);
    tiny_run_prefix(&run, 1);
    server_process_start(server, NULL);
    link_client *client = link_client_create(server, "device-1");
    for (uint64_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        clv_link_request request = {
            .frame = i, .bundle = &id, .cut = 1, .prefix = wanted[i][0], .suffix = wanted[i][1]};
        link_client_send(client, &request, run.payload, run.payload_bytes);
        const client_answer *answer = link_client_await(client, i);
        assert_int_equal(answer->refusals, 1);
        assert_non_null(strstr(answer->refusal.message, "precision"));
    }
    clv_link_request request = {.frame = 9, .bundle = &id, .cut = 1};
    link_client_send(client, &request, run.payload, run.payload_bytes);
    assert_int_equal(link_client_await(client, 9)->replies, 1); /* and goes on */
    link_client_free(client);
    tiny_run_done(&run);
}

static void test_precision_link__a_device_refuses_a_form_that_its_bundle_lacks(void **state)
{
    static const tiny_split int8 = {CLV_PRECISION_INT8, CLV_PRECISION_FLOAT, 0},
                            int8_behind = {CLV_PRECISION_FLOAT, CLV_PRECISION_INT8, 0};
    const tiny_split *const splits[] = {&int8, &int8_behind};
    server_process *server = *state;
    char path[1024];

    (void)snprintf(path, sizeof path, "%s/float.clv", server->bundles);
    (void)tiny_model_write(path, &model);
    for (size_t i = 0; i < 2; i++) {
        device_paths paths;
        clv_edge_options options = device_options(&paths, server, "float.clv", splits[i]);
        clv_error err = CLV_ERROR_INIT;
        clv_edge *edge = NULL;
        assert_int_equal(clv_edge_create(&edge, &options, &err), CLV_EUNSUPPORTED);
        assert_non_null(strstr(err.message, "isn't there in int8"));
        options.precision = "int4";
        assert_int_equal(clv_edge_create(&edge, &options, &err), CLV_EINVAL);
        assert_non_null(strstr(err.message, "'int4'"));
        assert_null(edge);
    }
}

static int setup(void **state)
{
    static server_process server;
    server_process_init(&server);
    *state = &server;
    return 0;
}

static int teardown(void **state)
{
    server_process_done(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_precision_link__forms_split_as_in_one_process, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_precision_link__a_server_refuses_a_form_that_it_lacks,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_precision_link__a_device_refuses_a_form_that_its_bundle_lacks, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
