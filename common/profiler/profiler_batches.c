/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "profiler/profiler_parts.h"

/* Of an execution: larger batches aren't measured. */
#define MAX_ARENA_BYTES ((size_t)1 << 30)

/* Runs of the least that is measured: two to warm up, then passes, each with a clock and without.
 */
#define LEAST_RUNS (2 + 2 * CLV_PROFILER_MIN_PASSES)

/* One form for several frames. */
typedef struct batched {
    clv_graph *graph;
    clv_program *program;
    clv_exec *exec;
    clv_tensor_set inputs;
} batched;

static void batched_done(batched *b)
{
    clv_tensor_set_done(&b->inputs);
    clv_exec_free(b->exec);
    clv_program_free(b->program);
    clv_graph_free(b->graph);
}

/* Each frame is the first one that the network sees. */
static clv_status repeat_inputs(clv_tensor_set *out, const clv_graph *graph,
                                const clv_tensor_set *one, uint32_t batch)
{
    CLV_TRY(clv_tensor_set_fit(out, graph, graph->inputs, graph->n_inputs));
    for (uint32_t i = 0; i < one->count; i++) {
        size_t bytes = 0;
        CLV_TRY(clv_tensor_bytes(&bytes, &one->tensors[i]));
        for (uint32_t k = 0; k < batch; k++)
            memcpy((uint8_t *)out->tensors[i].data + k * bytes, one->tensors[i].data, bytes);
    }
    return CLV_OK;
}

static clv_status make(batched *out, const clv_profiler_options *options,
                       const clv_profiler_form *form, const clv_tensor_set *input, uint32_t batch,
                       clv_error *err)
{
    clv_program_options program = {.backend = options->backend, .threads = options->threads};

    if (clv_program_memory_of(form->program).arena_bytes > MAX_ARENA_BYTES / batch)
        return clv_fail(err, CLV_EUNSUPPORTED, NULL, "%u frames together take too much memory",
                        batch);
    CLV_TRY(clv_graph_batch(&out->graph, clv_program_graph(form->program), batch, err));
    CLV_TRY(clv_program_compile(&out->program, out->graph, &program, err));
    CLV_TRY(clv_exec_create(&out->exec, out->program, err));
    return repeat_inputs(&out->inputs, out->graph, input, batch);
}

static clv_status measure(clv_profile *profile, const clv_profiler_options *options,
                          const clv_profiler_form *form, batched *b, uint32_t batch, clv_error *err)
{
    const clv_profile_run *one = clv_profile_find_run(profile, form->precision, 1);
    const clv_profiler_form wide = {form->precision, b->program, b->exec, form->to, NULL};
    clv_profiler_inputs inputs = {.sets = &b->inputs, .count = 1};
    size_t cuts = (size_t)profile->n_nodes + 1;
    uint64_t *cut_bytes = one->cut_bytes; /* of a frame; adding a run moves the runs alone */
    uint32_t index;

    CLV_TRY(clv_profile_add_run(&index, profile, form->precision, batch));
    clv_profile_run *run = &profile->runs[index];
    memcpy(run->cut_bytes, cut_bytes, cuts * sizeof *cut_bytes);
    CLV_TRY(clv_program_prefix_memory(run->peak_bytes, b->program));
    return clv_profiler_nodes(run, options, &wide, &inputs, err);
}

/* What a batch takes at the least to be measured, if frames gain nothing by being together. */
static uint64_t least_us(const clv_profile *profile, const clv_profiler_form *form, uint32_t batch)
{
    const clv_profile_run *one = clv_profile_find_run(profile, form->precision, 1);
    return one->whole.min_ns / 1000 * batch * LEAST_RUNS;
}

/* @param[out] goes_out  false: so many frames can't run together, which is noted. */
static clv_status add_batch(bool *goes_out, clv_profile *profile,
                            const clv_profiler_options *options, const clv_profiler_form *form,
                            const clv_tensor_set *input, uint32_t batch, clv_error *err)
{
    clv_error why = CLV_ERROR_INIT;
    batched b = {0};

    clv_status status = make(&b, options, form, input, batch, &why);
    *goes_out = status == CLV_OK;
    if (status == CLV_OK)
        status = measure(profile, options, form, &b, batch, err);
    else if (status != CLV_ENOMEM)
        status = CLV_OK;
    batched_done(&b);
    if (!*goes_out && options->batch_note != NULL)
        *options->batch_note = why;
    return status;
}

clv_status clv_profiler_batches(clv_profile *profile, const clv_profiler_options *options,
                                const clv_profiler_form *form, const clv_profiler_inputs *inputs,
                                clv_error *err)
{
    clv_profiler_options some = *options;
    uint64_t start_us = clv_clock_now_us();

    for (uint32_t i = 0; i < options->n_batches; i++) {
        uint64_t spent_us = clv_clock_now_us() - start_us;
        uint32_t batch = options->batches[i];
        bool is_bounded = options->budget_us != UINT64_MAX;
        if (clv_profile_find_run(profile, form->precision, batch) != NULL)
            continue;
        if (is_bounded && spent_us + least_us(profile, form, batch) > options->budget_us)
            break;
        if (is_bounded)
            some.budget_us = (options->budget_us - spent_us) / (options->n_batches - i);
        bool goes;
        CLV_TRY(add_batch(&goes, profile, &some, form, &inputs->sets[0], batch, err));
        if (!goes) /* neither will more frames */
            break;
    }
    return CLV_OK;
}
