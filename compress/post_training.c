/* SPDX-License-Identifier: Apache-2.0 */
#include "compress/post_training.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "compress/bias_correct.h"
#include "compress/equalise.h"
#include "compress/quant_search.h"
#include "compress/sensitivity.h"
#include "compress/stored_weights.h"
#include "compress/weight_rounding.h"

#define NODE_RUNS 512u /* nodes times samples, when each node is measured alone */
#define MOST_NODE_SAMPLES 8u
#define RETURNS 8u     /* nodes that the search tries in int8 again */
#define HALVES_FROM 8u /* samples, of which then only every second one makes the ranges */

/* One quantisation. */
typedef struct job {
    const clv_quantise_options *o;
    clv_graph *work; /* float: the copy, equalised */
    clv_graph *int8; /* at the end */
    clv_sample_range measuring, comparing;
    clv_calibration calibration;
    clv_simulator *plain; /* of work */
    clv_reference reference;
    clv_int8_weights *weights;
    clv_int8_weights *fine; /* what nodes that stay float store: of 8 bits whatever weights are */
    clv_quant_plan plan;
    clv_quant *quants;          /* n_values */
    const float **bias;         /* n_nodes; all NULL: as they are */
    clv_weight_form form;       /* of the next */
    const float *const *stored; /* n_values: weights of nodes in float; NULL: as they are */
    clv_range_method method;
    clv_node_noise *noise; /* n_nodes */
    bool *keep_float;      /* n_nodes */
    uint32_t tries, equalised;
    clv_fidelity all; /* with every node in int8 that can be */
    clv_arena memory;
    clv_error *err;
} job;

static clv_status out_of_memory(job *j)
{
    return clv_fail(j->err, CLV_ENOMEM, j->work != NULL ? j->work->name : NULL, "out of memory");
}

/* --- parts ---------------------------------------------------------------------------------- */

static void divide_samples(job *j)
{
    bool halves = j->o->samples.count >= HALVES_FROM;

    j->measuring = (clv_sample_range){0, halves ? 2 : 1, 0};
    j->comparing = (clv_sample_range){0, 1, 0};
}

static clv_status store(job *j, clv_weight_form form)
{
    j->form = form;
    if (clv_stored_weights_make(&j->stored, &j->memory, j->work, form, j->fine) != CLV_OK)
        return out_of_memory(j);
    return CLV_OK;
}

static clv_status make_plain(job *j)
{
    clv_simulator_free(j->plain);
    j->plain = NULL;
    return clv_simulator_create(&j->plain, j->work, j->o->backend, j->o->threads, j->err);
}

static clv_status calibrate(job *j, bool histograms)
{
    clv_calibration_done(&j->calibration);
    if (clv_calibration_init(&j->calibration, j->work, histograms) != CLV_OK)
        return out_of_memory(j);
    CLV_TRY(make_plain(j));
    return clv_calibrate(&j->calibration, j->plain, j->work, &j->o->samples, j->measuring,
                         &j->o->watcher, j->err);
}

static clv_status equalise(job *j)
{
    CLV_TRY(calibrate(j, false));
    return clv_equalise(&j->equalised, j->work, &j->calibration, j->err);
}

static clv_status round_weights(job *j, clv_int8_weights **out, const clv_moments *moments,
                                const clv_weight_options *options)
{
    clv_int8_weights *weights = NULL;

    if (clv_int8_weights_make(&weights, &j->memory, j->work, &j->plan, options) != CLV_OK)
        return out_of_memory(j);
    for (uint32_t k = 0; k < j->work->n_nodes && j->o->round_by_output; k++) {
        const clv_tensor *tensor = clv_node_input(j->work, &j->work->nodes[k], 1);
        if (weights[k].bytes != NULL &&
            clv_round_weights(&weights[k], tensor, &moments[k], options->limit) != CLV_OK)
            return out_of_memory(j);
    }
    *out = weights;
    return CLV_OK;
}

/* The weights of every product, for nodes in int8 and for those that stay float. */
static clv_status make_weights(job *j)
{
    const clv_weight_options fine = {CLV_WEIGHT_MINMAX, 127};
    const clv_weight_options *o = &j->o->weights;
    clv_status status = CLV_OK;
    clv_arena memory = {0};
    clv_moments *moments = NULL;

    if (j->o->round_by_output)
        status = clv_moments_collect(&moments, &memory, j->work, &j->plan, j->plain, &j->o->samples,
                                     j->measuring, &j->o->watcher, j->err);
    if (status == CLV_OK)
        status = round_weights(j, &j->weights, moments, o);
    j->fine = j->weights;
    if (status == CLV_OK && (o->method != fine.method || o->limit != fine.limit))
        status = round_weights(j, &j->fine, moments, &fine);
    clv_arena_done(&memory);
    return status;
}

/* Plan, quants and biases for the nodes that aren't kept in float. */
static clv_status choose(job *j, clv_range_method method)
{
    if (clv_quant_plan_make(&j->plan, j->work, j->keep_float) != CLV_OK ||
        clv_quants_of_plan(j->quants, &j->plan, &j->calibration, method) != CLV_OK)
        return out_of_memory(j);
    j->method = method;
    if (j->o->correct_bias && clv_bias_correct(j->bias, &j->memory, j->work, &j->plan, j->weights,
                                               j->stored, &j->calibration) != CLV_OK)
        return out_of_memory(j);
    return CLV_OK;
}

static clv_status compare(job *j, clv_fidelity *out)
{
    clv_graph *graph = NULL;
    clv_simulator *simulator = NULL;

    clv_status status = clv_quant_graph_make(&graph, j->work, &j->plan, j->quants, j->weights,
                                             j->bias, j->stored, j->err);
    if (status == CLV_OK)
        status = clv_simulator_create(&simulator, graph, j->o->backend, j->o->threads, j->err);
    if (status == CLV_OK)
        status = clv_fidelity_measure(out, simulator, &j->reference, &j->o->watcher, j->err);
    clv_simulator_free(simulator);
    clv_graph_free(graph);
    return status;
}

/* The method of least error, by the samples that the ranges weren't made from. */
static clv_status choose_method(job *j, clv_fidelity *out)
{
    clv_range_method best = j->o->method;
    clv_fidelity least = {0};

    for (int m = 0; m < CLV_RANGE_METHOD_COUNT && j->o->best_method; m++) {
        clv_fidelity f;
        CLV_TRY(choose(j, (clv_range_method)m));
        CLV_TRY(compare(j, &f));
        if (m == 0 || f.error < least.error) {
            best = (clv_range_method)m;
            least = f;
        }
    }
    if (!j->o->best_method || best != j->method)
        CLV_TRY(choose(j, best));
    if (!j->o->best_method)
        CLV_TRY(compare(j, &least));
    *out = least;
    return CLV_OK;
}

static clv_status measure_nodes(job *j)
{
    clv_sample_range range = j->comparing;
    clv_graph *graph = NULL;
    uint32_t n = 0;

    for (uint32_t k = 0; k < j->work->n_nodes; k++)
        n += j->plan.quantised[k] && j->plan.roles[k] != CLV_ROLE_MOVE;
    range.limit = NODE_RUNS / (n + 1);
    range.limit = range.limit > MOST_NODE_SAMPLES ? MOST_NODE_SAMPLES : range.limit;
    range.limit = range.limit < 2 ? 2 : range.limit;
    CLV_TRY(clv_quant_graph_make(&graph, j->work, &j->plan, j->quants, j->weights, j->bias,
                                 j->stored, j->err));
    clv_status status =
        clv_sensitivity_measure(j->noise, j->work, graph, &j->plan, j->quants, &j->o->samples,
                                range, j->o->backend, j->o->threads, &j->o->watcher, j->err);
    clv_graph_free(graph);
    return status;
}

/* --- the search ----------------------------------------------------------------------------- */

static clv_status try_assignment(void *context, const bool *keep_float, bool *good)
{
    job *j = context;
    clv_fidelity f;

    (void)keep_float; /* it is the job's own */
    CLV_TRY(choose(j, j->method));
    CLV_TRY(compare(j, &f));
    j->tries++;
    *good = f.drop <= j->o->max_drop;
    return CLV_OK;
}

/* What int8 saves: products, and bytes that aren't moved. */
static double gain_of(const clv_graph *graph, uint32_t k)
{
    size_t out = 0;
    const clv_tensor *t = clv_node_output(graph, &graph->nodes[k], 0);

    if (clv_shape_elems(&out, &t->shape) != CLV_OK)
        out = 0;
    return (double)clv_node_macs(graph, &graph->nodes[k]) + 8.0 * (double)out + 1.0;
}

static clv_status search(job *j, clv_fidelity *chosen)
{
    clv_search_node *nodes = clv_arena_alloc(&j->memory, j->work->n_nodes, sizeof *nodes);
    uint32_t n = 0;

    if (nodes == NULL)
        return out_of_memory(j);
    for (uint32_t k = 0; k < j->work->n_nodes; k++) {
        if (j->plan.quantised[k] && j->plan.roles[k] != CLV_ROLE_MOVE)
            nodes[n++] = (clv_search_node){k, j->noise[k].output, gain_of(j->work, k)};
    }
    CLV_TRY(clv_quant_search(j->keep_float, nodes, n, RETURNS, try_assignment, j));
    CLV_TRY(choose(j, j->method));
    return compare(j, chosen);
}

/* --- the report ----------------------------------------------------------------------------- */

static void report_node(clv_quantise_node *out, const job *j, const clv_graph *graph, uint32_t k,
                        const bool *measured)
{
    const clv_node *node = &graph->nodes[k];
    uint32_t v = node->outputs[0];

    *out = (clv_quantise_node){.name = node->name,
                               .op = node->op,
                               .quantised = j->plan.quantised[k],
                               .why = j->plan.quantised[k] ? NULL : j->plan.why[k],
                               .macs = clv_node_macs(graph, node),
                               .measured = measured[k],
                               .snr_db = clv_error_db(j->noise[k].local),
                               .output_snr_db = clv_error_db(j->noise[k].output),
                               .has_range = v != CLV_NO_VALUE && j->plan.ranged[v]};
    if (out->has_range)
        out->quant = j->quants[v];
}

static clv_status fill_report(clv_quantise_report *r, job *j, const clv_graph *graph,
                              const bool *measured)
{
    size_t all = j->o->samples.count;

    r->n_nodes = graph->n_nodes;
    r->nodes = clv_arena_alloc(&r->memory, r->n_nodes, sizeof *r->nodes);
    if (r->nodes == NULL)
        return out_of_memory(j);
    for (uint32_t k = 0; k < r->n_nodes; k++) {
        report_node(&r->nodes[k], j, graph, k, measured);
        r->n_quantised += r->nodes[k].quantised;
        r->macs += r->nodes[k].macs;
        r->quantised_macs += r->nodes[k].quantised ? r->nodes[k].macs : 0;
    }
    r->method = j->method;
    r->classifier = j->reference.classifier;
    r->calibrated_on = (all + j->measuring.step - 1) / j->measuring.step;
    r->compared_on = j->reference.count;
    r->tries = j->tries;
    return CLV_OK;
}

void clv_quantise_report_done(clv_quantise_report *report)
{
    clv_arena_done(&report->memory);
    *report = (clv_quantise_report){0};
}

/* --- all of it ------------------------------------------------------------------------------ */

static clv_status allocate(job *j)
{
    uint32_t n = j->work->n_nodes;

    j->quants = clv_arena_alloc(&j->memory, j->work->n_values, sizeof *j->quants);
    j->bias = clv_arena_alloc(&j->memory, n, sizeof *j->bias);
    j->noise = clv_arena_alloc(&j->memory, n, sizeof *j->noise);
    j->keep_float = clv_arena_alloc(&j->memory, n, sizeof *j->keep_float);
    if (j->quants == NULL || j->bias == NULL || j->noise == NULL || j->keep_float == NULL)
        return out_of_memory(j);
    return CLV_OK;
}

static clv_status check_plan(const job *j)
{
    for (uint32_t k = 0; k < j->work->n_nodes; k++) {
        if (j->plan.quantised[k])
            return CLV_OK;
    }
    return clv_fail(j->err, CLV_EUNSUPPORTED, j->work->name,
                    "no node of it can compute in int8: it has no convolution or matrix product "
                    "with constant weights");
}

/* All up to the comparison with float of a network that is in int8 wherever it can be. */
static clv_status prepare(job *j, const clv_graph *graph, bool equalised)
{
    divide_samples(j);
    CLV_TRY(clv_graph_copy(&j->work, graph, j->err));
    if (j->o->correct_bias)
        CLV_TRY(clv_give_biases(j->work, j->err));
    CLV_TRY(allocate(j));
    if (equalised)
        CLV_TRY(equalise(j));
    CLV_TRY(calibrate(j, true));
    CLV_TRY(clv_reference_make(&j->reference, j->plain, j->work, &j->o->samples, j->comparing,
                               &j->o->watcher, j->err));
    if (clv_quant_plan_make(&j->plan, j->work, NULL) != CLV_OK)
        return out_of_memory(j);
    CLV_TRY(check_plan(j));
    CLV_TRY(make_weights(j));
    CLV_TRY(store(j, j->o->stored));
    return choose_method(j, &j->all);
}

static void done(job *j)
{
    clv_simulator_free(j->plain);
    clv_reference_done(&j->reference);
    clv_calibration_done(&j->calibration);
    clv_quant_plan_done(&j->plan);
    clv_arena_done(&j->memory);
    clv_graph_free(j->int8);
    clv_graph_free(j->work);
}

/* As it is, equalised, or the better of both. */
static clv_status prepare_best(job *j, const clv_graph *graph)
{
    job other = *j;

    CLV_TRY(prepare(j, graph, j->o->equalise == CLV_CHOICE_YES));
    if (j->o->equalise != CLV_CHOICE_BEST)
        return CLV_OK;
    clv_status status = prepare(&other, graph, true);
    if (status == CLV_OK && other.equalised > 0 && other.all.error < j->all.error) {
        job swapped = *j;
        *j = other;
        other = swapped;
    }
    done(&other);
    return status;
}

static clv_status make_forms(job *j)
{
    CLV_TRY(clv_quant_graph_make(&j->int8, j->work, &j->plan, j->quants, j->weights, j->bias,
                                 j->stored, j->err));
    for (uint32_t v = 0; v < j->work->n_values; v++) {
        if (j->plan.ranged[v] && clv_graph_set_quant(j->work, v, &j->quants[v]) != CLV_OK)
            return out_of_memory(j);
    }
    return CLV_OK;
}

static clv_status run(job *j, const clv_graph *graph, clv_quantise_report *report)
{
    bool *measured = clv_arena_alloc(&j->memory, graph->n_nodes, sizeof *measured);

    if (measured == NULL)
        return out_of_memory(j);
    report->all = report->chosen = j->all;
    report->equalised = j->equalised;
    CLV_TRY(measure_nodes(j));
    for (uint32_t k = 0; k < graph->n_nodes; k++)
        measured[k] = j->plan.quantised[k] && j->plan.roles[k] != CLV_ROLE_MOVE;
    if (report->all.drop > j->o->max_drop)
        CLV_TRY(search(j, &report->chosen));
    if (report->chosen.drop > j->o->max_drop && j->form > CLV_WEIGHT_FLOAT16) {
        CLV_TRY(store(j, CLV_WEIGHT_FLOAT16)); /* what stays float needs more than bytes */
        memset(j->keep_float, 0, graph->n_nodes * sizeof *j->keep_float);
        CLV_TRY(choose(j, j->method));
        CLV_TRY(search(j, &report->chosen));
    }
    CLV_TRY(fill_report(report, j, graph, measured));
    return make_forms(j);
}

void clv_quantised_done(clv_quantised *quantised)
{
    clv_graph_free(quantised->int8);
    clv_graph_free(quantised->plain);
    *quantised = (clv_quantised){0};
}

static clv_status check_options(const clv_graph *graph, const clv_quantise_options *o,
                                clv_error *err)
{
    if (o->samples.count == 0)
        return clv_fail(err, CLV_EINVAL, graph->name, "there is nothing to calibrate with");
    if (o->weights.limit < 1 || o->weights.limit > 127 || !(o->max_drop >= 0.0))
        return clv_fail(err, CLV_EINVAL, graph->name, "an option is out of range");
    for (uint32_t k = 0; k < graph->n_nodes; k++) {
        if (graph->nodes[k].quantised)
            return clv_fail(err, CLV_EINVAL, graph->name, "it is quantised already");
    }
    return CLV_OK;
}

clv_status clv_quantise(clv_quantised *out, const clv_graph *graph,
                        const clv_quantise_options *options, clv_quantise_report *report,
                        clv_error *err)
{
    job j = {.o = options, .err = err};

    *report = (clv_quantise_report){0};
    if (graph->packed != NULL)
        return clv_fail(err, CLV_EUNSUPPORTED, graph->name,
                        "its weights are packed: quantise the model that the bundle is made of");
    CLV_TRY(check_options(graph, options, err));
    clv_status status = prepare_best(&j, graph);
    if (status == CLV_OK)
        status = run(&j, graph, report);
    if (status == CLV_OK) {
        *out = (clv_quantised){j.work, j.int8, j.form};
        j.work = j.int8 = NULL;
    }
    done(&j);
    return status;
}
