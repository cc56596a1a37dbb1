/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/profiler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "profiler/processor.h"
#include "profiler/profiler_parts.h"

#define WARM_PASSES 2u
#define CLOCK_READINGS 64u

/* --- samples -------------------------------------------------------------------------------- */

static int compare_u64(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

clv_profile_time clv_time_samples_sum_up(clv_time_samples *samples, uint64_t *median_out)
{
    uint32_t n = samples->count;

    if (n == 0)
        return (clv_profile_time){0, 0};
    qsort(samples->ns, n, sizeof *samples->ns, compare_u64);
    if (median_out != NULL)
        *median_out = samples->ns[n / 2];
    uint64_t least = samples->ns[0], most = samples->ns[(uint64_t)n * 9 / 10];
    return (clv_profile_time){at_most(least, CLV_PROFILE_MAX_VALUE),
                              at_most(most - least, CLV_PROFILE_MAX_VALUE)};
}

clv_stopwatch clv_stopwatch_for(unsigned threads)
{
    clv_stopwatch watch = {threads <= 1 ? clv_clock_thread_ns : clv_clock_now_ns, UINT64_MAX};
    uint64_t before = watch.now_ns();

    for (uint32_t i = 0; i < CLOCK_READINGS; i++) {
        uint64_t now = watch.now_ns();
        watch.cost_ns = at_most(now - before, watch.cost_ns);
        before = now;
    }
    return watch;
}

uint64_t clv_stopwatch_between(const clv_stopwatch *watch, uint64_t before, uint64_t after)
{
    return after - before > watch->cost_ns ? after - before - watch->cost_ns : 0;
}

/* --- passes --------------------------------------------------------------------------------- */

/* All of one form's times: [n_nodes + 1][cap], the last row for the whole. */
typedef struct pass_times {
    const clv_profiler_form *form;
    uint32_t n_nodes, cap, count;
    clv_stopwatch watch;
    uint64_t *ns;
} pass_times;

static uint64_t *row(const pass_times *t, uint32_t node)
{
    return t->ns + (size_t)node * t->cap;
}

void clv_profiler_load(const clv_profiler_form *form, const clv_tensor_set *inputs)
{
    const clv_graph *graph = clv_program_graph(form->program);

    for (uint32_t i = 0; i < inputs->count; i++)
        clv_exec_load(form->exec, graph->inputs[i], &inputs->tensors[i]);
}

/* One pass node by node, and one as a whole. */
static clv_status time_pass(pass_times *t, const clv_tensor_set *inputs)
{
    const clv_profiler_form *form = t->form;
    const clv_stopwatch *watch = &t->watch;

    clv_profiler_load(form, inputs);
    uint64_t before = watch->now_ns();
    for (uint32_t k = 0; k < form->to; k++) {
        CLV_TRY(clv_exec_run(form->exec, k, k + 1));
        uint64_t now = watch->now_ns();
        row(t, k)[t->count] = clv_stopwatch_between(watch, before, now);
        before = now;
    }
    clv_profiler_load(form, inputs);
    before = watch->now_ns();
    CLV_TRY(clv_exec_run(form->exec, 0, form->to));
    row(t, t->n_nodes)[t->count] = clv_stopwatch_between(watch, before, watch->now_ns());
    t->count++;
    return CLV_OK;
}

static bool may_go_on(const clv_profiler_options *options, size_t done, size_t total)
{
    return options->go_on == NULL || options->go_on(options->context, done, total);
}

static clv_status time_passes(pass_times *t, const clv_profiler_options *options,
                              const clv_profiler_inputs *inputs)
{
    for (uint32_t i = 0; i < WARM_PASSES; i++) {
        clv_profiler_load(t->form, &inputs->sets[0]);
        CLV_TRY(clv_exec_run(t->form->exec, 0, t->form->to));
    }
    uint64_t start_us = clv_clock_now_us();
    for (uint32_t i = 0; i < t->cap; i++) {
        if (i >= CLV_PROFILER_MIN_PASSES && clv_clock_now_us() - start_us >= options->budget_us)
            break;
        if (!may_go_on(options, i, t->cap))
            return CLV_ECLOSED;
        CLV_TRY(time_pass(t, &inputs->sets[i % inputs->count]));
    }
    return CLV_OK;
}

static void sum_up(clv_profile_run *run, const pass_times *t)
{
    uint64_t *medians = t->form->median_ns;

    for (uint32_t k = 0; k < t->form->to; k++) {
        clv_time_samples samples = {row(t, k), t->count};
        run->nodes[k] = clv_time_samples_sum_up(&samples, medians != NULL ? &medians[k] : NULL);
    }
    clv_time_samples whole = {row(t, t->n_nodes), t->count};
    run->whole = clv_time_samples_sum_up(&whole, medians != NULL ? &medians[t->n_nodes] : NULL);
}

clv_status clv_profiler_nodes(clv_profile_run *run, const clv_profiler_options *options,
                              const clv_profiler_form *form, const clv_profiler_inputs *inputs,
                              clv_error *err)
{
    uint32_t n_nodes = clv_program_graph(form->program)->n_nodes;
    pass_times t = {.form = form,
                    .n_nodes = n_nodes,
                    .cap = options->passes,
                    .watch = clv_stopwatch_for(options->threads)};

    t.ns = clv_calloc(((size_t)n_nodes + 1) * t.cap, sizeof *t.ns);
    clv_status status = t.ns != NULL ? time_passes(&t, options, inputs) : CLV_ENOMEM;
    if (status == CLV_OK)
        sum_up(run, &t);
    clv_free(t.ns);
    if (status != CLV_OK)
        return clv_fail(err, status, clv_program_graph(form->program)->name, "%s",
                        status == CLV_ECLOSED ? "stopped" : clv_status_text(status));
    return CLV_OK;
}

/* --- what is known without measuring --------------------------------------------------------- */

static void describe_nodes(clv_profile *profile, const clv_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const clv_node *node = &graph->nodes[i];
        clv_profile_node *out = &profile->nodes[i];
        (void)snprintf(out->name, sizeof out->name, "%s", node->name);
        (void)snprintf(out->op, sizeof out->op, "%s", clv_op_describe(node->op)->name);
        out->macs = at_most(clv_node_macs(graph, node), CLV_PROFILE_MAX_VALUE);
    }
}

static uint64_t frontier_bytes(const clv_graph *graph, const clv_frontier *frontier)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < frontier->count; i++) {
        size_t bytes = 0;
        if (clv_tensor_bytes(&bytes, &graph->values[frontier->values[i]].tensor) == CLV_OK)
            total += bytes;
    }
    return at_most(total, CLV_PROFILE_MAX_VALUE);
}

static clv_status describe_cuts(clv_profile_run *run, const clv_graph *graph)
{
    clv_frontiers *frontiers;

    CLV_TRY(clv_frontiers_create(&frontiers, graph));
    for (uint32_t k = 0; k <= graph->n_nodes; k++) {
        clv_frontier frontier = clv_frontiers_at(frontiers, k);
        run->cut_bytes[k] = frontier_bytes(graph, &frontier);
    }
    clv_frontiers_free(frontiers);
    return CLV_OK;
}

clv_status clv_profile_describe(clv_profile *profile, const clv_model *model)
{
    if (model->graph->n_nodes != profile->n_nodes)
        return CLV_EFORMAT;
    for (uint32_t i = 0; i < profile->n_runs; i++) {
        if (profile->runs[i].precision >= CLV_PRECISION_COUNT)
            return CLV_EFORMAT;
        const clv_graph *graph = clv_model_graph(model, (clv_precision)profile->runs[i].precision);
        if (graph == NULL)
            return CLV_EFORMAT;
        CLV_TRY(describe_cuts(&profile->runs[i], graph));
    }
    describe_nodes(profile, model->graph);
    return CLV_OK;
}

double clv_profile_sum_ratio(const clv_profile_run *run, uint32_t n_nodes)
{
    double sum = 0.0;

    for (uint32_t i = 0; i < n_nodes; i++)
        sum += (double)run->nodes[i].min_ns;
    return run->whole.min_ns > 0 ? sum / (double)run->whole.min_ns : 0.0;
}

/* --- all of it ------------------------------------------------------------------------------ */

static clv_status measure_form(clv_profile *profile, clv_point_list *points,
                               const clv_profiler_options *options, const clv_profiler_form *form,
                               const clv_profiler_inputs *inputs, clv_error *err)
{
    uint32_t index;

    CLV_TRY(clv_profile_add_run(&index, profile, form->precision, 1));
    clv_profile_run *run = &profile->runs[index];
    CLV_TRY(describe_cuts(run, clv_program_graph(form->program)));
    run->peak_bytes[0] = run->cut_bytes[0];
    CLV_TRY(clv_profiler_nodes(run, options, form, inputs, err));
    CLV_TRY(clv_program_prefix_memory(run->peak_bytes, form->program));
    return options->codec_runs > 0 ? clv_profiler_points(points, options, form, inputs, err)
                                   : CLV_OK;
}

/* The frame itself: the camera's pixels, or a JPEG, the camera's or ours. What ours does to the
 * answers nobody has measured. */
static clv_status add_frame_points(clv_point_list *points, const clv_profiler_form *form,
                                   const clv_profiler_inputs *inputs)
{
    clv_profile_point pixels = {.precision = form->precision,
                                .codec = "pixels",
                                .mean_bytes = inputs->mean_pixel_bytes,
                                .p95_bytes = inputs->p95_pixel_bytes,
                                .lossless = true,
                                .agreement = 1.0};
    clv_profile_point jpeg = {.precision = form->precision,
                              .codec = "jpeg",
                              .mean_bytes = inputs->mean_file_bytes,
                              .p95_bytes = inputs->p95_file_bytes,
                              .encode = inputs->encode,
                              .decode = inputs->decode,
                              .lossless = inputs->all_jpeg,
                              .agreement = inputs->all_jpeg ? 1.0 : 0.0};

    if (!inputs->has_frames)
        return CLV_OK;
    CLV_TRY(clv_point_list_add(points, &pixels));
    return clv_point_list_add(points, &jpeg);
}

static clv_status measure(clv_profile *profile, clv_point_list *points,
                          const clv_profiler_options *options, clv_profiler_inputs *inputs,
                          clv_error *err)
{
    CLV_TRY(clv_profiler_inputs_init(inputs, options, err));
    describe_nodes(profile, options->model->graph);
    (void)clv_processor_name(profile->processor, sizeof profile->processor);
    profile->bundle = *options->bundle;
    profile->threads = options->threads;
    profile->preprocess = inputs->preprocess;
    for (uint32_t i = 0; i < options->n_forms; i++) {
        CLV_TRY(add_frame_points(points, &options->forms[i], inputs));
        CLV_TRY(measure_form(profile, points, options, &options->forms[i], inputs, err));
    }
    for (uint32_t i = 0; i < options->n_forms; i++)
        CLV_TRY(clv_profiler_batches(profile, options, &options->forms[i], inputs, err));
    CLV_TRY(clv_point_list_give(profile, points));
    return clv_profile_check(profile, err);
}

static bool are_possible(const clv_profiler_options *o)
{
    uint32_t n_nodes = o->model->graph->n_nodes;

    for (uint32_t i = 0; i < o->n_forms; i++) {
        if (clv_program_graph(o->forms[i].program)->n_nodes != n_nodes || o->forms[i].to > n_nodes)
            return false;
    }
    for (uint32_t i = 0; i < o->n_batches; i++) {
        if (o->batches[i] == 0 || o->batches[i] > CLV_PROFILE_MAX_BATCH)
            return false;
    }
    return o->n_forms > 0 && o->passes > 0 && o->passes <= CLV_PROFILER_MAX_PASSES &&
           o->n_pictures <= CLV_PROFILER_MAX_PICTURES;
}

clv_status clv_profiler_measure(clv_profile **out, const clv_profiler_options *options,
                                clv_error *err)
{
    clv_profile *profile = NULL;
    clv_point_list points = {0};
    clv_profiler_inputs inputs = {0};

    if (!are_possible(options))
        return clv_fail(err, CLV_EINVAL, NULL, "impossible options of the profiler");
    clv_status status = clv_profile_create(&profile, options->model->graph->n_nodes);
    if (status == CLV_OK)
        status = measure(profile, &points, options, &inputs, err);
    if (status != CLV_OK && (err == NULL || err->code == CLV_OK))
        (void)clv_fail(err, status, options->model->graph->name, "%s", clv_status_text(status));
    clv_profiler_inputs_done(&inputs);
    clv_free(points.items);
    if (status != CLV_OK) {
        clv_profile_free(profile);
        return status;
    }
    *out = profile;
    return CLV_OK;
}
