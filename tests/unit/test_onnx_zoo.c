/* SPDX-License-Identifier: Apache-2.0 */
/* Real models, whole and broken. Skipped where the zoo ($CLEAVE_ZOO) is not there. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "onnx/onnx_import.h"
#include "support/zoo.h"

static const char *zoo(void)
{
    const char *path = getenv("CLEAVE_ZOO");
    return path ? path : CLV_SOURCE_DIR "/../shared/zoo";
}

static const char *path_of(char dst[1024], const char *name)
{
    (void)snprintf(dst, 1024, "%s/models/%s", zoo(), name);
    return dst;
}

/* The networks that must run: nodes as in the file, less its Constant nodes; a Sum of two is one.
 */
static const struct {
    const char *name, *input;
    uint32_t n_nodes;
    clv_shape shape;
} classifiers[] = {
    {"kws-dscnn-mlperftiny.onnx", "input", 22, {4, {1, 1, 49, 10}}},
    {"mnist-8.onnx", "Input3", 12, {4, {1, 1, 28, 28}}},
    {"mobilenetv1-0.25-128.onnx", "input", 58, {4, {1, 3, 128, 128}}},
    {"mobilenetv1-0.5-160.onnx", "input", 58, {4, {1, 3, 160, 160}}},
    {"mobilenetv2-1.0-224.onnx", "input", 101, {4, {1, 3, 224, 224}}},
    {"resnet20-cifar10.onnx", "input", 75, {4, {1, 3, 32, 32}}},
    {"resnet8-cifar10-mlperftiny.onnx", "input", 23, {4, {1, 3, 32, 32}}},
    {"squeezenet1.1-7.onnx", "data", 66, {4, {1, 3, 224, 224}}},
    {"super-resolution-10.onnx", "input", 10, {4, {1, 1, 224, 224}}},
    {"vww96-mobilenetv1-0.25-mlperftiny.onnx", "input", 58, {4, {1, 3, 96, 96}}},
    {"structure/light-resnet50.onnx", "gpu_0/data_0", 415, {4, {1, 3, 224, 224}}},
    {"structure/light-squeezenet.onnx", "data_0", 105, {4, {1, 3, 224, 224}}},
};

static void test_onnx_zoo__imports_the_classifiers(void **state)
{
    char path[1024];
    (void)state;

    for (size_t i = 0; i < sizeof classifiers / sizeof classifiers[0]; i++) {
        clv_graph *graph = NULL;
        clv_error err = CLV_ERROR_INIT;
        if (clv_onnx_import(&graph, path_of(path, classifiers[i].name), NULL, &err) != CLV_OK)
            fail_msg("%s: %s", err.location, err.message);
        assert_int_equal(graph->n_nodes, classifiers[i].n_nodes);
        assert_int_equal(graph->n_inputs, 1);
        assert_int_equal(graph->n_outputs, 1);
        const clv_value *input = &graph->values[graph->inputs[0]];
        assert_string_equal(input->name, classifiers[i].input);
        assert_int_equal(input->tensor.dtype, CLV_F32);
        assert_true(clv_shape_equal(&input->tensor.shape, &classifiers[i].shape));
        clv_graph_free(graph);
    }
}

static void import_or_list(const char *path)
{
    clv_onnx_options options;
    clv_graph *graph = NULL;
    clv_error err = CLV_ERROR_INIT;

    zoo_options(&options, path);
    clv_status status = clv_onnx_import(&graph, path, &options, &err);

    if (status == CLV_OK) {
        assert_true(graph->n_nodes > 0);
        clv_graph_free(graph);
        return;
    }
    print_message("%s: %s\n", err.location, err.message);
    assert_int_equal(status, CLV_EUNSUPPORTED);
    assert_string_equal(err.location, path);
    assert_non_null(strstr(err.message, " not supported: "));
}

static void test_onnx_zoo__imports_every_model_or_lists_its_operators(void **state)
{
    static const char *const folders[] = {"", "structure/"};
    char path[1024], name[512];
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        DIR *dir = opendir(path_of(path, folders[i]));
        assert_non_null(dir);
        for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
            if (strstr(entry->d_name, ".onnx") == NULL)
                continue;
            (void)snprintf(name, sizeof name, "%s%s", folders[i], entry->d_name);
            import_or_list(path_of(path, name));
        }
        (void)closedir(dir);
    }
}

/* 12 Ifs on shapes, some with others inside: only the branches for this input are there. */
static void test_onnx_zoo__resolves_the_branches_of_voice_activity(void **state)
{
    clv_onnx_options options;
    clv_graph *graph = NULL;
    clv_error err = CLV_ERROR_INIT;
    char path[1024];
    (void)state;

    zoo_options(&options, "silero-vad");
    if (clv_onnx_import(&graph, path_of(path, "silero-vad-16k-op15.onnx"), &options, &err) !=
        CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    assert_int_equal(graph->n_inputs, 3);
    assert_int_equal(graph->n_outputs, 2);
    uint32_t lstms = 0;
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        lstms += graph->nodes[i].op == CLV_OP_LSTM;
        assert_int_not_equal(graph->nodes[i].op, CLV_OP_WHERE);
    }
    assert_int_equal(lstms, 1); /* the other one is in a branch for state of rank 2 */
    clv_graph_free(graph);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 4;
}

/* Import @p bytes; a graph or an error with words, never a crash. */
static void import_broken(const char *name, const uint8_t *data, size_t bytes)
{
    clv_onnx_options options;
    clv_graph *graph = NULL;
    clv_error err = CLV_ERROR_INIT;

    zoo_options(&options, name);
    clv_status status = clv_onnx_import_memory(&graph, data, bytes, NULL, &options, &err);
    assert_int_equal(err.code, status);
    assert_true(status == CLV_OK || err.message[0] != '\0');
    clv_graph_free(graph);
}

static void test_onnx_zoo__survives_broken_models(void **state)
{
    static const char *const names[] = {"mnist-8.onnx", "kws-dscnn-mlperftiny.onnx",
                                        "silero-vad-16k-op15.onnx",
                                        "structure/light-squeezenet.onnx"};
    char path[1024];
    uint32_t seed = 7;
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        clv_mapping model;
        assert_int_equal(clv_mapping_open(&model, path_of(path, names[i]), SIZE_MAX, NULL), CLV_OK);
        uint8_t *copy = malloc(model.size);
        assert_non_null(copy);
        for (unsigned round = 0; round < 200; round++)
            import_broken(names[i], model.data, next_random(&seed) % model.size);
        for (unsigned round = 0; round < 400; round++) {
            memcpy(copy, model.data, model.size);
            for (unsigned flips = 1 + round % 8; flips > 0; flips--)
                copy[next_random(&seed) % model.size] ^= (uint8_t)(1u << next_random(&seed) % 8);
            import_broken(names[i], copy, model.size);
        }
        free(copy);
        clv_mapping_done(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_onnx_zoo__imports_the_classifiers),
        cmocka_unit_test(test_onnx_zoo__imports_every_model_or_lists_its_operators),
        cmocka_unit_test(test_onnx_zoo__resolves_the_branches_of_voice_activity),
        cmocka_unit_test(test_onnx_zoo__survives_broken_models),
    };
    if (access(zoo(), R_OK) != 0) {
        (void)printf("skipped: there is no zoo at %s\n", zoo());
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
