/* SPDX-License-Identifier: Apache-2.0 */
#include "support/tiny_forms.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "codec/activation.h"

#define N_SAMPLES 16u

static void must(clv_status status, const clv_error *err)
{
    if (status != CLV_OK)
        fail_msg("%s: %s: %s", clv_status_text(status), err->location, err->message);
}

static clv_status read_sample(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    const tiny_model_options *options = context;
    float *data = tiny_model_input(options, 1000 + index);
    size_t bytes;

    (void)err;
    assert_int_equal(clv_tensor_bytes(&bytes, &inputs[0]), CLV_OK);
    memcpy(inputs[0].data, data, bytes);
    clv_free(data);
    return CLV_OK;
}

void tiny_forms_init(tiny_forms *forms, const tiny_model_options *options,
                     const clv_backend *backend)
{
    clv_quantise_options quantise = CLV_QUANTISE_OPTIONS_INIT;
    const clv_program_options compile = {backend, 1, 0, 0};
    clv_quantise_report report;
    clv_error err = CLV_ERROR_INIT;

    *forms = (tiny_forms){.options = *options, .original = tiny_model_create(options)};
    quantise.samples = (clv_samples){N_SAMPLES, &forms->options, read_sample};
    quantise.best_method = false;
    quantise.method = CLV_RANGE_MINMAX;
    quantise.max_drop = INFINITY;
    must(clv_quantise(&forms->both, forms->original, &quantise, &report, &err), &err);
    assert_true(report.n_quantised >= 4);
    clv_quantise_report_done(&report);
    forms->graphs[CLV_PRECISION_FLOAT] = forms->both.plain;
    forms->graphs[CLV_PRECISION_INT8] = forms->both.int8;
    forms->model = (clv_model){.graph = forms->both.plain, .int8 = forms->both.int8};
    for (int p = 0; p < CLV_PRECISION_COUNT; p++)
        must(clv_program_compile(&forms->programs[p], forms->graphs[p], &compile, &err), &err);
}

void tiny_forms_done(tiny_forms *forms)
{
    for (int p = 0; p < CLV_PRECISION_COUNT; p++)
        clv_program_free(forms->programs[p]);
    clv_quantised_done(&forms->both);
    clv_graph_free(forms->original);
    *forms = (tiny_forms){0};
}

clv_digest tiny_forms_write(const tiny_forms *forms, const char *path)
{
    clv_error err = CLV_ERROR_INIT;
    clv_digest id;

    must(clv_bundle_write(path, &forms->model, NULL, &id, &err), &err);
    return id;
}

static clv_exec *make_exec(const clv_program *program)
{
    clv_error err = CLV_ERROR_INIT;
    clv_exec *exec = NULL;

    must(clv_exec_create(&exec, program, &err), &err);
    clv_exec_poison(exec);
    return exec;
}

static void load_input(clv_exec *exec, const tiny_forms *forms, uint64_t seed)
{
    uint32_t x = forms->original->inputs[0];
    clv_tensor input = forms->original->values[x].tensor;

    input.data = tiny_model_input(&forms->options, seed);
    clv_exec_load(exec, x, &input);
    clv_free(input.data);
}

static void store(clv_tensor_set *set, const clv_exec *exec, const clv_graph *graph,
                  const uint32_t *values, uint32_t count)
{
    assert_int_equal(clv_tensor_set_fit(set, graph, values, count), CLV_OK);
    for (uint32_t i = 0; i < count; i++)
        clv_exec_store(exec, values[i], &set->tensors[i]);
}

void tiny_forms_run(tiny_split_result *result, const tiny_forms *forms, const tiny_split *split,
                    uint64_t input_seed)
{
    const clv_graph *graph = forms->graphs[split->prefix];
    const clv_program *program = forms->programs[split->prefix];
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(program), split->cut);
    clv_exec *device = make_exec(program), *server = make_exec(forms->programs[split->suffix]);
    clv_exec *last = split->cut == graph->n_nodes ? device : server;

    load_input(device, forms, input_seed);
    assert_int_equal(clv_exec_run(device, 0, split->cut), CLV_OK);
    store(&result->frontier, device, graph, frontier.values, frontier.count);
    if (last == server) {
        for (uint32_t i = 0; i < frontier.count; i++)
            clv_exec_load(server, frontier.values[i], &result->frontier.tensors[i]);
        assert_int_equal(clv_exec_run(server, split->cut, graph->n_nodes), CLV_OK);
    }
    store(&result->outputs, last, graph, graph->outputs, graph->n_outputs);
    clv_exec_free(device);
    clv_exec_free(server);
}

void tiny_forms_finish(tiny_split_result *result, const tiny_forms *forms, const tiny_split *split)
{
    const clv_graph *graph = forms->graphs[split->prefix];
    clv_frontier frontier =
        clv_frontiers_at(clv_program_frontiers(forms->programs[split->prefix]), split->cut);
    clv_exec *server = make_exec(forms->programs[split->suffix]);

    for (uint32_t i = 0; i < frontier.count; i++)
        clv_exec_load(server, frontier.values[i], &result->frontier.tensors[i]);
    assert_int_equal(clv_exec_run(server, split->cut, graph->n_nodes), CLV_OK);
    store(&result->outputs, server, graph, graph->outputs, graph->n_outputs);
    clv_exec_free(server);
}

void tiny_split_result_done(tiny_split_result *result)
{
    clv_tensor_set_done(&result->frontier);
    clv_tensor_set_done(&result->outputs);
}

uint8_t *tiny_forms_encode(const clv_tensor_set *set, size_t *bytes_out)
{
    size_t bound;

    assert_int_equal(clv_activation_bound(&bound, set->tensors, set->planned, set->count), CLV_OK);
    uint8_t *encoded = clv_calloc(bound, 1);
    assert_non_null(encoded);
    assert_int_equal(clv_activation_encode(bytes_out, CLV_CODEC_FLOAT, set->tensors, set->planned,
                                           set->count, encoded, bound),
                     CLV_OK);
    return encoded;
}
