/* SPDX-License-Identifier: Apache-2.0 */
#include "support/tiny_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/activation.h"

#define MAX_VALUES 8u

/* Take @p values out of the execution, encoded. */
static uint8_t *encode_values(const tiny_run *run, const uint32_t *values, uint32_t count,
                              size_t *bytes_out)
{
    clv_tensor tensors[MAX_VALUES];
    size_t bytes, bound;

    assert_in_range(count, 1, MAX_VALUES);
    for (uint32_t i = 0; i < count; i++) {
        tensors[i] = run->graph->values[values[i]].tensor;
        assert_int_equal(clv_tensor_bytes(&bytes, &tensors[i]), CLV_OK);
        tensors[i].data = clv_alloc_aligned(bytes);
        assert_non_null(tensors[i].data);
        clv_exec_store(run->exec, values[i], &tensors[i]);
    }
    assert_int_equal(clv_activation_bound(&bound, tensors, NULL, count), CLV_OK);
    uint8_t *encoded = clv_calloc(bound, 1);
    assert_non_null(encoded);
    assert_int_equal(
        clv_activation_encode(bytes_out, CLV_CODEC_FLOAT, tensors, NULL, count, encoded, bound),
        CLV_OK);
    for (uint32_t i = 0; i < count; i++)
        clv_free(tensors[i].data);
    return encoded;
}

static void run_nodes(tiny_run *run, uint32_t to)
{
    clv_tensor input = run->graph->values[run->graph->inputs[0]].tensor;
    input.data = run->input;
    clv_exec_load(run->exec, run->graph->inputs[0], &input);
    assert_int_equal(clv_exec_run(run->exec, 0, to), CLV_OK);
}

void tiny_run_init(tiny_run *run, const tiny_model_options *options, const clv_backend *backend,
                   uint64_t input_seed)
{
    clv_program_options program_options = {backend, 1, 0, 0};
    clv_error err = CLV_ERROR_INIT;

    *run = (tiny_run){.options = *options, .graph = tiny_model_create(options)};
    run->input = tiny_model_input(options, input_seed);
    if (clv_program_compile(&run->program, run->graph, &program_options, &err) != CLV_OK ||
        clv_exec_create(&run->exec, run->program, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
    run_nodes(run, run->graph->n_nodes);
    run->answer =
        encode_values(run, run->graph->outputs, run->graph->n_outputs, &run->answer_bytes);
}

void tiny_run_prefix(tiny_run *run, uint32_t cut)
{
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(run->program), cut);
    run_nodes(run, cut);
    clv_free(run->payload);
    run->payload = encode_values(run, frontier.values, frontier.count, &run->payload_bytes);
}

void tiny_run_done(tiny_run *run)
{
    clv_free(run->answer);
    clv_free(run->payload);
    clv_free(run->input);
    clv_exec_free(run->exec);
    clv_program_free(run->program);
    clv_graph_free(run->graph);
    *run = (tiny_run){0};
}
