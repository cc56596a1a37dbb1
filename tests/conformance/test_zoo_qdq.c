/* SPDX-License-Identifier: Apache-2.0 */
/* Real networks, quantised here, written as ONNX models that are quantised already, and read again:
 * the same nodes and the same bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"
#include "compress/post_training.h"
#include "graph/quant.h"
#include "support/qdq_export.h"
#include "support/qdq_model.h"
#include "support/zoo.h"

static const char *const networks[] = {"mobilenetv2-1.0-224", "squeezenet1.1-7",
                                       "resnet8-cifar10-mlperftiny", "kws-dscnn-mlperftiny"};

static clv_status read_noise(void *graph, size_t index, clv_tensor *inputs, clv_error *err)
{
    uint32_t state = (uint32_t)index * 7919u + 17u;
    size_t n;
    (void)graph;

    if (clv_shape_elems(&n, &inputs[0].shape) != CLV_OK)
        return clv_fail(err, CLV_ESHAPE, "input", "too large");
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        ((float *)inputs[0].data)[i] = (float)((state >> 8) % 60013) / 10000.0f - 3.0f;
    }
    return CLV_OK;
}

static void quantise(clv_quantised *out, const clv_graph *graph)
{
    clv_quantise_options options = CLV_QUANTISE_OPTIONS_INIT;
    clv_quantise_report report;
    clv_error err = CLV_ERROR_INIT;

    options.samples = (clv_samples){.context = NULL, .count = 2, .read = read_noise};
    options.best_method = false;
    options.equalise = CLV_CHOICE_NO;
    options.correct_bias = false;
    options.max_drop = 1.0;
    if (clv_quantise(out, graph, &options, &report, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    clv_quantise_report_done(&report);
}

/* For a look from outside: $CLEAVE_QDQ_DIR gets the models and what they must give. */
static void keep(const char *name, onnx_builder *b, const void *output, size_t bytes)
{
    const char *folder = getenv("CLEAVE_QDQ_DIR");
    char path[512];
    size_t n;

    if (folder == NULL)
        return;
    const uint8_t *model = onnx_pack(b, &n);
    (void)snprintf(path, sizeof path, "%s/%s.qdq.onnx", folder, name);
    assert_int_equal(clv_file_write(path, model, n, 0644, NULL), CLV_OK);
    (void)snprintf(path, sizeof path, "%s/%s.qdq.output", folder, name);
    assert_int_equal(clv_file_write(path, output, bytes, 0644, NULL), CLV_OK);
}

static void check_network(const char *name)
{
    clv_graph *graph = zoo_open(name);
    clv_quantised both = {0};
    onnx_builder b;
    size_t n, m;

    quantise(&both, graph);
    onnx_builder_init(&b, 21);
    qdq_export(&b, both.int8);
    void *want = qdq_run(&n, both.int8, "ref", 5);
    keep(name, &b, want, n);
    clv_graph *read = qdq_open(&b, NULL);
    char *nodes = clv_strdup(qdq_describe(both.int8));
    assert_string_equal(qdq_describe(read), nodes);
    clv_free(nodes);
    void *got = qdq_run(&m, read, "ref", 5);
    assert_int_equal(n, m);
    assert_memory_equal(got, want, n);
    clv_free(got);
    clv_free(want);
    clv_graph_free(read);
    clv_quantised_done(&both);
    clv_graph_free(graph);
}

static void test_zoo_qdq__what_was_quantised_here_comes_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        check_network(networks[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zoo_qdq__what_was_quantised_here_comes_back),
    };
    if (zoo_folder() == NULL)
        return ZOO_SKIP;
    return cmocka_run_group_tests_name("zoo_qdq", tests, NULL, NULL);
}
