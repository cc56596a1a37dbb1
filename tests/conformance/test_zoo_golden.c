/* SPDX-License-Identifier: Apache-2.0 */
/* Each network of the zoo that imports gives ONNX Runtime's outputs, on every backend. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "runtime/program.h"
#include "support/zoo.h"

#define TOLERANCE 1e-4

/* golden/NAME.0.DIRECTION.VALUE.f32, where '_' stands for what is no letter or digit. */
static clv_mapping golden(const char *model, const char *direction, const char *name)
{
    clv_mapping file = {NULL, 0};
    char value[256];

    (void)snprintf(value, sizeof value, "%s", name);
    for (char *p = value; *p != '\0'; p++) {
        if (strchr(".:/", *p) != NULL)
            *p = '_';
    }
    assert_int_equal(clv_mapping_open(&file,
                                      zoo_path("golden/%s.0.%s.%s.f32", model, direction, value),
                                      (size_t)1 << 30, NULL),
                     CLV_OK);
    return file;
}

/* An input: golden/'s floats, or the sample rate, which is no float. */
static void load_input(clv_exec *exec, const clv_graph *graph, const char *model, uint32_t value)
{
    clv_tensor tensor = graph->values[value].tensor;
    clv_mapping file = {NULL, 0};
    int64_t sample_rate = 16000;

    if (tensor.dtype == CLV_I64) {
        assert_string_equal(graph->values[value].name, "sr");
        tensor.data = &sample_rate;
    } else {
        file = golden(model, "in", graph->values[value].name);
        tensor.data = (void *)(uintptr_t)file.data;
    }
    clv_exec_load(exec, value, &tensor);
    clv_mapping_done(&file);
}

static double relative_rms(const float *got, const float *want, size_t n)
{
    double error = 0.0, power = 0.0;

    for (size_t i = 0; i < n; i++) {
        double d = (double)got[i] - (double)want[i];
        error += d * d;
        power += (double)want[i] * (double)want[i];
    }
    return sqrt(error / power);
}

static void check(const char *model, const char *backend)
{
    clv_graph *graph = zoo_open(model);
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_program *program;
    clv_exec *exec;

    assert_int_equal(clv_backend_find(&options.backend, backend), CLV_OK);
    assert_int_equal(clv_program_compile(&program, graph, &options, NULL), CLV_OK);
    assert_int_equal(clv_exec_create(&exec, program, NULL), CLV_OK);
    clv_exec_poison(exec);
    for (uint32_t i = 0; i < graph->n_inputs; i++)
        load_input(exec, graph, model, graph->inputs[i]);
    assert_int_equal(clv_exec_run(exec, 0, graph->n_nodes), CLV_OK);
    for (uint32_t i = 0; i < graph->n_outputs; i++) {
        const clv_value *value = &graph->values[graph->outputs[i]];
        clv_mapping want = golden(model, "out", value->name);
        size_t bytes;
        assert_int_equal(clv_tensor_bytes(&bytes, &value->tensor), CLV_OK);
        assert_int_equal(bytes, want.size);
        float *got = clv_alloc_aligned(bytes);
        clv_tensor tensor = {value->tensor.dtype, value->tensor.shape, got};
        clv_exec_store(exec, graph->outputs[i], &tensor);
        double error = relative_rms(got, (const float *)(const void *)want.data, bytes / 4);
        (void)printf("%-36s %-7s %-36s %.2e\n", model, backend, value->name, error);
        assert_true(error < TOLERANCE);
        clv_free(got);
        clv_mapping_done(&want);
    }
    clv_exec_free(exec);
    clv_program_free(program);
    clv_graph_free(graph);
}

static void test_zoo_golden__outputs_agree_with_onnx_runtime(void **state)
{
    (void)state;
    for (unsigned b = 0; b < zoo_n_backends(); b++) {
        for (unsigned i = 0; i < zoo_n_classifiers; i++)
            check(zoo_classifiers[i].name, zoo_backends[b]);
        for (unsigned i = 0; i < zoo_n_others; i++)
            check(zoo_others[i], zoo_backends[b]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zoo_golden__outputs_agree_with_onnx_runtime),
    };
    if (zoo_folder() == NULL)
        return ZOO_SKIP;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
