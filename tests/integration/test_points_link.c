/* SPDX-License-Identifier: Apache-2.0 */
/* Codec rans over the real link: a device that encodes by a point of its bundle and a cleave-server
 * process that decodes by it give the bits, in the bytes, of the same in one process. Where the
 * bundle has no point that is good enough the device says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <cleave/edge.h>

#include "base/error.h"
#include "support/server_process.h"
#include "support/tiny_ladders.h"

#define LINK_US 20000000u
#define SEED 5u
#define MAX_HEADER_BYTES 160u /* of a request */

static const tiny_model_options model = {2, 6, 12};

typedef struct stage {
    server_process server;
    tiny_forms forms;
    tiny_ladders ladders;
    char bundle[1024], plain[1024], url[64], ca[1024], cert[1024], key[1024];
} stage;

static clv_edge_options options_for(stage *s, clv_precision prefix)
{
    clv_edge_options options = CLV_EDGE_OPTIONS_INIT;

    (void)snprintf(s->url, sizeof s->url, "localhost:%u", s->server.port);
    options.bundle = s->bundle;
    options.server = s->url;
    options.ca = s->ca;
    options.cert = s->cert;
    options.key = s->key;
    options.codec = "rans";
    options.precision = clv_precision_name(prefix);
    return options;
}

static clv_edge *start(const clv_edge_options *options)
{
    clv_error err = CLV_ERROR_INIT;
    clv_edge *edge = NULL;

    if (clv_edge_create(&edge, options, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(clv_edge_wait_link(edge, LINK_US), CLV_OK);
    return edge;
}

static void check(const clv_edge_answer *answer, const tiny_split_result *expected)
{
    assert_int_equal(answer->n_outputs, expected->outputs.count);
    for (uint32_t i = 0; i < answer->n_outputs; i++) {
        const clv_tensor *a = &answer->outputs[i], *b = &expected->outputs.tensors[i];
        size_t bytes;
        assert_int_equal(a->dtype, b->dtype);
        assert_int_equal(clv_tensor_bytes(&bytes, b), CLV_OK);
        assert_memory_equal(a->data, b->data, bytes);
    }
}

/* @return bytes that were sent. */
static size_t ask(clv_edge *edge, const stage *s, const tiny_split *split, uint32_t rung)
{
    clv_tensor input = s->forms.original->values[s->forms.original->inputs[0]].tensor;
    tiny_split_result expected = {0};
    clv_edge_answer answer;

    size_t bytes = tiny_ladders_run(&expected, &s->ladders, &s->forms, split, rung, SEED);
    input.data = tiny_model_input(&model, SEED);
    assert_int_equal(clv_edge_set_cut(edge, split->cut), CLV_OK);
    assert_int_equal(clv_edge_submit_tensors(NULL, edge, &input, 1, NULL), CLV_OK);
    assert_int_equal(clv_edge_next(&answer, edge, LINK_US), CLV_OK);
    if (answer.error_text != NULL)
        fail_msg("cut %u: %s", split->cut, answer.error_text);
    assert_int_equal(answer.source, split->cut == 0 ? CLV_SOURCE_SERVER : CLV_SOURCE_SPLIT);
    assert_true(answer.sent_bytes > bytes && answer.sent_bytes <= bytes + MAX_HEADER_BYTES);
    check(&answer, &expected);
    size_t sent = answer.sent_bytes;
    clv_edge_release(edge, &answer);
    clv_free(input.data);
    tiny_split_result_done(&expected);
    return sent;
}

static void test_points_link__a_point_as_in_one_process(void **state)
{
    static const double agreements[TINY_LADDER_RUNGS] = {1, 0.98, 0.95};
    stage *s = *state;

    server_process_start(&s->server, NULL);
    for (int p = 0; p < CLV_PRECISION_COUNT; p++) {
        size_t sent[TINY_LADDER_RUNGS] = {0};
        for (uint32_t rung = 0; rung < TINY_LADDER_RUNGS; rung++) {
            clv_edge_options options = options_for(s, (clv_precision)p);
            options.min_agreement = agreements[rung];
            clv_edge *edge = start(&options);
            tiny_split split = {(clv_precision)p, CLV_PRECISION_FLOAT, 0};
            for (; split.cut < s->forms.original->n_nodes - 1; split.cut++)
                sent[rung] += ask(edge, s, &split, rung);
            assert_int_equal(clv_edge_set_cut(edge, split.cut), CLV_EUNSUPPORTED);
            clv_edge_free(edge);
        }
        assert_true(sent[1] < sent[0] && sent[2] < sent[1]);
    }
}

static void test_points_link__no_good_point_is_an_error(void **state)
{
    stage *s = *state;
    clv_edge_options options = options_for(s, CLV_PRECISION_INT8);
    clv_error err = CLV_ERROR_INIT;
    clv_edge *edge = NULL;

    options.min_snr_db = 60; /* the best have 40 */
    assert_int_equal(clv_edge_create(&edge, &options, &err), CLV_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "as good as it was asked for"));
    assert_non_null(strstr(err.message, "agree on 1 of the images, with 40.0 dB"));
    options.min_agreement = 1.5;
    assert_int_equal(clv_edge_create(&edge, &options, &err), CLV_EINVAL);
    options = options_for(s, CLV_PRECISION_INT8);
    options.cut = s->forms.original->n_nodes - 1; /* without a ladder */
    assert_int_equal(clv_edge_create(&edge, &options, &err), CLV_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "--codec-points"));
    options.cut = 1;
    options.bundle = s->plain; /* without any */
    assert_int_equal(clv_edge_create(&edge, &options, &err), CLV_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "behind its int8 form"));
    assert_null(edge);
    options.server = NULL; /* nothing is encoded */
    assert_int_equal(clv_edge_create(&edge, &options, &err), CLV_OK);
    clv_edge_free(edge);
}

static int setup(void **state)
{
    static stage s;

    server_process_init(&s.server);
    tiny_forms_init(&s.forms, &model, NULL);
    (void)snprintf(s.plain, sizeof s.plain, "%s/plain.clv", s.server.bundles);
    (void)tiny_forms_write(&s.forms, s.plain);
    tiny_ladders_init(&s.ladders, &s.forms);
    (void)snprintf(s.bundle, sizeof s.bundle, "%s/points.clv", s.server.bundles);
    (void)tiny_forms_write(&s.forms, s.bundle);
    (void)snprintf(s.ca, sizeof s.ca, "%s/ca.crt", s.server.pki);
    (void)snprintf(s.cert, sizeof s.cert, "%s/device-1.crt", s.server.pki);
    (void)snprintf(s.key, sizeof s.key, "%s/device-1.key", s.server.pki);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    stage *s = *state;

    server_process_done(&s->server);
    tiny_ladders_done(&s->ladders);
    tiny_forms_done(&s->forms);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_points_link__a_point_as_in_one_process, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_points_link__no_good_point_is_an_error, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
