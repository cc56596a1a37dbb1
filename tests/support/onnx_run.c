/* SPDX-License-Identifier: Apache-2.0 */
#include "support/onnx_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "graph/prepare.h"
#include "kernel/ref/ref.h"
#include "runtime/program.h"
#include "support/graph_builder.h"

const clv_onnx_options onnx_evaluates = {.batch = 1, .evaluate = clv_ref_evaluate};

static clv_graph *open_prepared(onnx_builder *b)
{
    clv_graph *graph = onnx_import_good(b, NULL, &onnx_evaluates);
    clv_error err = CLV_ERROR_INIT;

    if (clv_graph_prepare(graph, &(clv_prepare_options){.evaluate = clv_ref_evaluate}, NULL, NULL,
                          &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    return graph;
}

clv_graph *onnx_run(onnx_builder *b, const void *const *inputs, void *out, size_t bytes)
{
    clv_graph *graph = open_prepared(b);
    clv_program_options options = CLV_PROGRAM_OPTIONS_INIT;
    clv_program *program;
    clv_exec *exec;
    size_t needed;

    assert_int_equal(clv_backend_find(&options.backend, "ref"), CLV_OK);
    assert_int_equal(clv_program_compile(&program, graph, &options, NULL), CLV_OK);
    assert_int_equal(clv_exec_create(&exec, program, NULL), CLV_OK);
    for (uint32_t i = 0; i < graph->n_inputs; i++) {
        clv_tensor tensor = graph->values[graph->inputs[i]].tensor;
        tensor.data = (void *)(uintptr_t)inputs[i];
        clv_exec_load(exec, graph->inputs[i], &tensor);
    }
    assert_int_equal(clv_exec_run(exec, 0, graph->n_nodes), CLV_OK);
    clv_tensor result = graph->values[graph->outputs[0]].tensor;
    assert_int_equal(clv_tensor_bytes(&needed, &result), CLV_OK);
    assert_int_equal(needed, bytes);
    result.data = out;
    clv_exec_store(exec, graph->outputs[0], &result);
    clv_exec_free(exec);
    clv_program_free(program);
    return graph;
}

const char *onnx_operators(onnx_builder *b)
{
    clv_graph *graph = open_prepared(b);
    const char *text = gb_describe(graph);

    clv_graph_free(graph);
    return text;
}
