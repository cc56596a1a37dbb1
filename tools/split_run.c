/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/split_run.h"

#include "base/error.h"
#include "base/memory.h"
#include "runtime/tensor_set.h"

struct split_run {
    const clv_program *program, *suffix;
    uint32_t cut; /* or SPLIT_RUN_WHOLE */
    clv_codec codec;
    clv_exec *device, *server;
    clv_tensor_set inputs, frontier, outputs;
    uint8_t *payload;
    size_t payload_cap;
};

static clv_frontier frontier_of(const split_run *run)
{
    return clv_frontiers_at(clv_program_frontiers(run->program), run->cut);
}

static clv_status init_sets(split_run *run)
{
    const clv_graph *graph = clv_program_graph(run->program);

    CLV_TRY(clv_tensor_set_fit(&run->inputs, graph, graph->inputs, graph->n_inputs));
    CLV_TRY(clv_tensor_set_fit(&run->outputs, graph, graph->outputs, graph->n_outputs));
    if (run->cut == SPLIT_RUN_WHOLE)
        return CLV_OK;
    clv_frontier frontier = frontier_of(run);
    CLV_TRY(clv_tensor_set_fit(&run->frontier, graph, frontier.values, frontier.count));
    CLV_TRY(clv_activation_bound(&run->payload_cap, run->frontier.tensors, run->frontier.planned,
                                 frontier.count));
    run->payload = clv_calloc(run->payload_cap, 1);
    return run->payload != NULL ? CLV_OK : CLV_ENOMEM;
}

clv_status split_run_create(split_run **out, const clv_program *program, const clv_program *suffix,
                            uint32_t cut, clv_codec codec, clv_error *err)
{
    const clv_graph *graph = clv_program_graph(program);

    if (cut != SPLIT_RUN_WHOLE && cut > graph->n_nodes)
        return clv_fail(err, CLV_EINVAL, "--cut", "%u is none: the model's cuts are 0 to %u", cut,
                        graph->n_nodes);
    split_run *run = clv_calloc(1, sizeof *run);
    if (run == NULL)
        return clv_fail(err, CLV_ENOMEM, NULL, "out of memory");
    run->program = program;
    run->suffix = suffix != NULL ? suffix : program;
    run->cut = cut;
    run->codec = codec;
    clv_status status = init_sets(run);
    if (status != CLV_OK)
        (void)clv_fail(err, status, NULL, "no room for its tensors: %s", clv_status_text(status));
    if (status == CLV_OK)
        status = clv_exec_create(&run->device, program, err);
    if (status == CLV_OK && cut != SPLIT_RUN_WHOLE)
        status = clv_exec_create(&run->server, run->suffix, err);
    if (status == CLV_OK)
        *out = run;
    else
        split_run_free(run);
    return status;
}

void split_run_free(split_run *run)
{
    if (run == NULL)
        return;
    clv_exec_free(run->device);
    clv_exec_free(run->server);
    clv_tensor_set_done(&run->inputs);
    clv_tensor_set_done(&run->frontier);
    clv_tensor_set_done(&run->outputs);
    clv_free(run->payload);
    clv_free(run);
}

clv_tensor *split_run_inputs(split_run *run, uint32_t *n_out)
{
    *n_out = run->inputs.count;
    return run->inputs.tensors;
}

const clv_tensor *split_run_outputs(const split_run *run, uint32_t *n_out)
{
    *n_out = run->outputs.count;
    return run->outputs.tensors;
}

static void load(clv_exec *exec, const uint32_t *values, const clv_tensor_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        clv_exec_load(exec, values[i], &set->tensors[i]);
}

static void store(const clv_exec *exec, const uint32_t *values, const clv_tensor_set *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        clv_exec_store(exec, values[i], &set->tensors[i]);
}

static clv_status run_split(split_run *run, size_t *bytes_out, clv_error *err)
{
    const clv_graph *graph = clv_program_graph(run->program);
    const uint32_t *frontier = frontier_of(run).values;
    clv_tensor *tensors = run->frontier.tensors;
    const clv_planned *planned = run->frontier.planned;
    uint32_t count = run->frontier.count;

    CLV_TRY(clv_exec_run(run->device, 0, run->cut));
    store(run->device, frontier, &run->frontier);
    CLV_TRY(clv_activation_encode(bytes_out, run->codec, tensors, planned, count, run->payload,
                                  run->payload_cap));
    CLV_TRY(clv_activation_decode(tensors, planned, count, run->payload, *bytes_out, err));
    load(run->server, frontier, &run->frontier);
    CLV_TRY(clv_exec_run(run->server, run->cut, graph->n_nodes));
    store(run->server, graph->outputs, &run->outputs);
    return CLV_OK;
}

static clv_status run_whole(split_run *run)
{
    const clv_graph *graph = clv_program_graph(run->program);

    CLV_TRY(clv_exec_run(run->device, 0, graph->n_nodes));
    store(run->device, graph->outputs, &run->outputs);
    return CLV_OK;
}

clv_status split_run_go(split_run *run, size_t *bytes_out, clv_error *err)
{
    const clv_graph *graph = clv_program_graph(run->program);
    size_t bytes = 0;

    load(run->device, graph->inputs, &run->inputs);
    clv_status status = run->cut == SPLIT_RUN_WHOLE ? run_whole(run) : run_split(run, &bytes, err);
    if (status != CLV_OK)
        return clv_fail(err, status, NULL, "the run failed: %s", clv_status_text(status));
    if (bytes_out != NULL)
        *bytes_out = bytes;
    return CLV_OK;
}
