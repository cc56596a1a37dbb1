/* SPDX-License-Identifier: Apache-2.0 */
#include "edge/network.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

/* --- making it ---------------------------------------------------------------------------- */

static bool keeps_constant(const void *program, uint32_t value)
{
    return clv_program_keeps_constant(program, value);
}

static clv_status name_outputs(clv_network *network)
{
    const clv_graph *graph = network->graph;

    network->output_names = clv_calloc(graph->n_outputs, sizeof *network->output_names);
    if (network->output_names == NULL)
        return CLV_ENOMEM;
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        network->output_names[i] = graph->values[graph->outputs[i]].name;
    return CLV_OK;
}

/* The second of two runs: the first one pays for pages and caches. */
static clv_status measure(clv_network *network, uint32_t n_nodes, clv_error *err)
{
    const clv_graph *graph = network->graph;
    clv_tensor_set inputs = {0};
    clv_status status = clv_network_fit_inputs(&inputs, network);

    for (int i = 0; i < 2 && n_nodes > 0 && status == CLV_OK; i++) {
        uint32_t reached;
        uint64_t start_us = clv_clock_now_us();
        clv_network_load_inputs(network, &inputs);
        status = clv_network_run(&reached, network, 0, n_nodes, UINT64_MAX);
        network->run_us = clv_clock_now_us() - start_us;
    }
    clv_tensor_set_done(&inputs);
    if (status != CLV_OK)
        return clv_fail(err, status, graph->name, "a first run failed: %s",
                        clv_status_text(status));
    return CLV_OK;
}

clv_status clv_network_init(clv_network *network, const clv_bundle *bundle, const clv_model *model,
                            clv_precision precision, const clv_program_options *options,
                            clv_error *err)
{
    network->graph = clv_model_graph(model, precision);
    if (model->graph->n_nodes == 0)
        return clv_fail(err, CLV_EUNSUPPORTED, model->graph->name, "the model has no nodes");
    network->model = model;
    if (name_outputs(network) != CLV_OK)
        return clv_fail(err, CLV_ENOMEM, model->graph->name, "out of memory");
    CLV_TRY(clv_program_compile(&network->program, network->graph, options, err));
    CLV_TRY(clv_exec_create(&network->exec, network->program, err));
    clv_bundle_drop_packed(bundle, network->graph, keeps_constant, network->program);
    uint32_t n_nodes = options->to > 0 ? options->to : network->graph->n_nodes;
    return measure(network, n_nodes - options->from, err);
}

void clv_network_done(clv_network *network)
{
    clv_exec_free(network->exec);
    clv_program_free(network->program);
    clv_free(network->output_names);
    *network = (clv_network){0};
}

/* --- its inputs and outputs --------------------------------------------------------------- */

bool clv_network_takes_images(const clv_network *network)
{
    return network->model != NULL && network->model->has_input_spec &&
           network->graph->n_inputs == 1;
}

static bool same_spec(const clv_input_spec *a, const clv_input_spec *b)
{
    return a->width == b->width && a->height == b->height && a->channels_last == b->channels_last &&
           a->channels == b->channels && a->fit == b->fit &&
           memcmp(&a->crop_ratio, &b->crop_ratio, sizeof a->crop_ratio) == 0 &&
           memcmp(a->mean, b->mean, sizeof a->mean) == 0 &&
           memcmp(a->std, b->std, sizeof a->std) == 0;
}

static const clv_tensor *input_of(const clv_network *network, uint32_t i)
{
    const clv_graph *graph = network->graph;
    return &graph->values[graph->inputs[i]].tensor;
}

bool clv_network_same_inputs(const clv_network *a, const clv_network *b)
{
    if (a->model == NULL || b->model == NULL ||
        a->model->has_input_spec != b->model->has_input_spec ||
        a->graph->n_inputs != b->graph->n_inputs)
        return false;
    for (uint32_t i = 0; i < a->graph->n_inputs; i++) {
        const clv_tensor *left = input_of(a, i);
        const clv_tensor *right = input_of(b, i);
        if (left->dtype != right->dtype || !clv_shape_equal(&left->shape, &right->shape))
            return false;
    }
    return !a->model->has_input_spec || same_spec(&a->model->input, &b->model->input);
}

clv_status clv_network_fit_inputs(clv_tensor_set *out, const clv_network *network)
{
    const clv_graph *graph = network->graph;
    return clv_tensor_set_fit(out, graph, graph->inputs, graph->n_inputs);
}

clv_status clv_network_fit_outputs(clv_tensor_set *out, const clv_network *network)
{
    const clv_graph *graph = network->graph;
    return clv_tensor_set_fit(out, graph, graph->outputs, graph->n_outputs);
}

void clv_network_load_inputs(clv_network *network, const clv_tensor_set *inputs)
{
    for (uint32_t i = 0; i < inputs->count; i++)
        clv_exec_load(network->exec, network->graph->inputs[i], &inputs->tensors[i]);
}

void clv_network_store_outputs(const clv_network *network, clv_tensor_set *outputs)
{
    for (uint32_t i = 0; i < outputs->count; i++)
        clv_exec_store(network->exec, network->graph->outputs[i], &outputs->tensors[i]);
}

/* Copy the input tensor that is @p value. */
static void copy_input(clv_tensor *out, const clv_graph *graph, uint32_t value,
                       const clv_tensor_set *inputs)
{
    size_t bytes = 0;

    for (uint32_t i = 0; i < inputs->count; i++) {
        if (graph->inputs[i] == value && clv_tensor_bytes(&bytes, out) == CLV_OK)
            memcpy(out->data, inputs->tensors[i].data, bytes);
    }
}

clv_status clv_network_take_frontier(clv_tensor_set *out, const clv_network *network, uint32_t cut,
                                     const clv_tensor_set *inputs)
{
    const clv_graph *graph = network->graph;
    clv_frontier frontier = clv_frontiers_at(clv_program_frontiers(network->program), cut);

    CLV_TRY(clv_tensor_set_fit(out, graph, frontier.values, frontier.count));
    for (uint32_t i = 0; i < frontier.count; i++) {
        if (cut == 0)
            copy_input(&out->tensors[i], graph, frontier.values[i], inputs);
        else
            clv_exec_store(network->exec, frontier.values[i], &out->tensors[i]);
    }
    return CLV_OK;
}

/* --- running it --------------------------------------------------------------------------- */

clv_status clv_network_run(uint32_t *reached, clv_network *network, uint32_t from, uint32_t to,
                           uint64_t slice_us)
{
    uint64_t start_us = clv_clock_now_us();

    *reached = from;
    do {
        CLV_TRY(clv_exec_run(network->exec, *reached, *reached + 1));
        (*reached)++;
    } while (*reached < to && clv_clock_now_us() - start_us < slice_us);
    return CLV_OK;
}
