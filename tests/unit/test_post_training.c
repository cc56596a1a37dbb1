/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "compress/bias_correct.h"
#include "compress/equalise.h"
#include "compress/post_training.h"
#include "compress/quant_search.h"
#include "runtime/tensor_set.h"
#include "support/graph_builder.h"

#define N_INPUT (3 * 8 * 8)

static const int64_t ones[4] = {1, 1, 1, 1};

/* A 3x3 convolution with a bias, then Relu or nothing. */
static void conv(clv_graph *g, const char *in, const char *out, int64_t from, int64_t to, bool relu)
{
    char w[32], b[32], inputs[96], plain[32];
    (void)snprintf(w, sizeof w, "%s_weights", out);
    (void)snprintf(b, sizeof b, "%s_bias", out);
    (void)snprintf(plain, sizeof plain, relu ? "%s_plain" : "%s", out);
    (void)gb_constant(g, w, (gb_dims){{to, from, 3, 3}});
    (void)gb_constant(g, b, (gb_dims){{to}});
    (void)snprintf(inputs, sizeof inputs, "%s %s %s", in, w, b);
    (void)gb_node(g, CLV_OP_CONV, inputs, plain);
    gb_attr_ints(g, "pads", ones, 4);
    if (relu)
        (void)gb_node(g, CLV_OP_RELU, plain, out);
}

static float *constant(clv_graph *g, const char *name)
{
    return g->values[clv_graph_find_value(g, name)].tensor.data;
}

/* Scale channel @p c between convolutions a and bb of net() as training never would. */
static void spoil_channel(clv_graph *g, int c, float factor)
{
    for (int i = 0; i < 3 * 9; i++)
        constant(g, "a_weights")[c * 27 + i] *= factor;
    constant(g, "a_bias")[c] *= factor;
    for (int o = 0; o < 6; o++) {
        for (int i = 0; i < 9; i++)
            constant(g, "bb_weights")[(o * 6 + c) * 9 + i] /= factor;
    }
}

/* x [1, 3, 8, 8] -> a -> bb -> ccc -> dddd [1, 4, 8, 8] */
static clv_graph *net(float spoil)
{
    clv_graph *g = gb_create();
    (void)gb_input(g, "x", (gb_dims){{1, 3, 8, 8}});
    conv(g, "x", "a", 3, 6, true);
    conv(g, "a", "bb", 6, 6, true);
    conv(g, "bb", "ccc", 6, 6, true);
    conv(g, "ccc", "dddd", 6, 4, false);
    gb_output(g, "dddd");
    spoil_channel(g, 2, spoil);
    gb_prepare(g);
    return g;
}

static clv_status read_noise(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    uint32_t state = (uint32_t)index * 7919u + 17u;
    (void)context;
    (void)err;
    for (int i = 0; i < N_INPUT; i++) {
        state = state * 1664525u + 1013904223u;
        ((float *)inputs[0].data)[i] = (float)(state >> 8) / (float)(1u << 23) - 0.7f;
    }
    return CLV_OK;
}

static clv_quantise_options options(void)
{
    clv_quantise_options o = CLV_QUANTISE_OPTIONS_INIT;
    o.samples = (clv_samples){16, NULL, read_noise};
    o.best_method = false;
    o.method = CLV_RANGE_MINMAX;
    o.equalise = CLV_CHOICE_NO;
    o.max_drop = INFINITY;
    return o;
}

/* --- equalisation --------------------------------------------------------------------------- */

static void run_both(const clv_graph *a, const clv_graph *b, bool same)
{
    float input[N_INPUT];
    clv_tensor t = {CLV_F32, {4, {1, 3, 8, 8}}, input};
    size_t n, m;
    (void)!read_noise(NULL, 5, &t, NULL);
    float *x = gb_run((clv_graph *)(uintptr_t)a, "ref", input, &n);
    float *y = gb_run((clv_graph *)(uintptr_t)b, "ref", input, &m);
    assert_int_equal(n, m);
    assert_int_equal(memcmp(x, y, n * sizeof *x) == 0, same);
    clv_free(x);
    clv_free(y);
}

static void test_post_training__equalisation_keeps_every_bit_of_the_function(void **state)
{
    (void)state;
    clv_graph *g = net(300.0f), *copy;
    uint32_t pairs = 0;
    assert_int_equal(clv_graph_copy(&copy, g, NULL), CLV_OK);
    assert_int_equal(clv_equalise(&pairs, copy, NULL, NULL), CLV_OK);
    assert_true(pairs >= 1);
    assert_true(copy->values[copy->nodes[0].inputs[1]].tensor.data !=
                g->values[g->nodes[0].inputs[1]].tensor.data); /* its own now */
    run_both(g, copy, true);
    clv_graph_free(copy);
    clv_graph_free(g);
}

static void test_post_training__equalisation_makes_channels_alike(void **state)
{
    (void)state;
    clv_graph *g = net(300.0f);
    float most = 0.0f, least = INFINITY;
    assert_int_equal(clv_equalise(NULL, g, NULL, NULL), CLV_OK);
    const float *w = g->values[g->nodes[0].inputs[1]].tensor.data;
    for (int c = 0; c < 6; c++) {
        float largest = 0.0f;
        for (int i = 0; i < 27; i++)
            largest = fmaxf(largest, fabsf(w[c * 27 + i]));
        most = fmaxf(most, largest);
        least = fminf(least, largest);
    }
    assert_true(most < 4.0f * least); /* it was 300 */
    clv_graph_free(g);
}

/* Relu6 and a second reader: dividing a channel would change the function. */
static void test_post_training__equalisation_leaves_what_it_would_change(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        clv_graph *g = gb_create();
        uint32_t pairs = 99;
        (void)gb_input(g, "x", (gb_dims){{1, 3, 8, 8}});
        conv(g, "x", "a", 3, 6, false);
        (void)gb_floats(g, "low", (float[]){0.0f}, 1);
        (void)gb_floats(g, "high", (float[]){6.0f}, 1);
        g->values[clv_graph_find_value(g, "low")].tensor.shape.rank = 0;
        g->values[clv_graph_find_value(g, "high")].tensor.shape.rank = 0;
        (void)gb_node(g, CLV_OP_CLIP, i == 0 ? "a low high" : "a", "clipped");
        conv(g, i == 0 ? "clipped" : "a", "bb", 6, 4, false);
        gb_output(g, "bb");
        if (i == 1)
            gb_output(g, "a");
        for (int w = 0; w < 27; w++)
            constant(g, "a_weights")[w] *= 100.0f;
        gb_prepare(g);
        assert_int_equal(clv_equalise(&pairs, g, NULL, NULL), CLV_OK);
        assert_int_equal(pairs, 0);
        clv_graph_free(g);
    }
}

/* --- bias correction ------------------------------------------------------------------------ */

/* The mean over samples and channels of |mean error of a channel| at the output. */
static double mean_shift(const clv_graph *plain, const clv_graph *quantised)
{
    clv_simulator *a, *b;
    clv_calibration x = {0}, y = {0};
    const clv_samples samples = {16, NULL, read_noise};
    const clv_sample_range all = {0, 1, 0};
    double shift = 0.0;
    uint32_t out = plain->outputs[0];
    assert_int_equal(clv_simulator_create(&a, plain, NULL, 1, NULL), CLV_OK);
    assert_int_equal(clv_simulator_create(&b, quantised, NULL, 1, NULL), CLV_OK);
    assert_int_equal(clv_calibration_init(&x, plain, false), CLV_OK);
    assert_int_equal(clv_calibration_init(&y, plain, false), CLV_OK);
    assert_int_equal(clv_calibrate(&x, a, plain, &samples, all, NULL, NULL), CLV_OK);
    assert_int_equal(clv_calibrate(&y, b, plain, &samples, all, NULL, NULL), CLV_OK);
    assert_int_equal(x.values[out].n_channels, 4);
    for (uint32_t c = 0; c < 4; c++)
        shift += fabs(clv_channel_mean(&x.values[out], c) - clv_channel_mean(&y.values[out], c));
    clv_simulator_free(a);
    clv_simulator_free(b);
    clv_calibration_done(&x);
    clv_calibration_done(&y);
    return shift;
}

/* Few levels, so that rounding weights moves the means much. */
static double shift_of(bool correct)
{
    clv_graph *g = net(1.0f);
    clv_quantise_options o = options();
    clv_quantise_report report;
    clv_quantised q = {0};
    o.weights.limit = 7;
    o.weights.method = CLV_WEIGHT_MINMAX;
    o.correct_bias = correct;
    assert_int_equal(clv_quantise(&q, g, &o, &report, NULL), CLV_OK);
    double shift = mean_shift(q.plain, q.int8);
    clv_quantise_report_done(&report);
    clv_quantised_done(&q);
    clv_graph_free(g);
    return shift;
}

static void test_post_training__bias_correction_brings_means_back(void **state)
{
    (void)state;
    assert_true(shift_of(true) < 0.5 * shift_of(false));
}

static void test_post_training__a_bias_is_given_where_there_was_none(void **state)
{
    (void)state;
    clv_graph *g = gb_create(), *copy;
    (void)gb_input(g, "x", (gb_dims){{1, 3, 8, 8}});
    (void)gb_constant(g, "w", (gb_dims){{4, 3, 3, 3}});
    (void)gb_node(g, CLV_OP_CONV, "x w", "y");
    gb_output(g, "y");
    gb_prepare(g);
    assert_int_equal(clv_graph_copy(&copy, g, NULL), CLV_OK);
    assert_int_equal(clv_give_biases(copy, NULL), CLV_OK);
    assert_int_equal(copy->n_values, g->n_values + 1);
    assert_int_equal(copy->nodes[0].inputs[2], g->n_values); /* old numbers stay */
    run_both(g, copy, true);
    clv_graph_free(copy);
    clv_graph_free(g);
}

/* --- weights -------------------------------------------------------------------------------- */

/* Neighbours are alike, as in pictures. */
static clv_status read_smooth(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    clv_status status = read_noise(context, index, inputs, err);
    float *x = inputs[0].data;
    for (int i = 1; i < N_INPUT; i++)
        x[i] = 0.9f * x[i - 1] + 0.3f * x[i];
    return status;
}

/* What all in int8 costs, with few levels. */
static double error_of(bool round_by_output)
{
    clv_graph *g = net(1.0f);
    clv_quantise_options o = options();
    clv_quantise_report report;
    clv_quantised q = {0};
    o.samples.read = read_smooth;
    o.weights.limit = 15;
    o.round_by_output = round_by_output;
    assert_int_equal(clv_quantise(&q, g, &o, &report, NULL), CLV_OK);
    double error = report.chosen.error;
    clv_quantise_report_done(&report);
    clv_quantised_done(&q);
    clv_graph_free(g);
    return error;
}

static void test_post_training__rounding_by_the_output_costs_less(void **state)
{
    (void)state;
    assert_true(error_of(true) < 0.75 * error_of(false));
}

/* However coarse the weights of int8 nodes are: a float node has bytes, and its own bias. */
static void test_post_training__float_nodes_store_bytes_of_8_bits(void **state)
{
    (void)state;
    clv_graph *g = net(1.0f);
    clv_quantise_options o = options();
    clv_quantise_report report;
    clv_quantised q = {0};
    uint32_t in_bytes = 0;
    o.weights.limit = 7;
    o.max_drop = 0.0005;
    assert_int_equal(clv_quantise(&q, g, &o, &report, NULL), CLV_OK);
    assert_int_equal(q.stored, CLV_WEIGHT_INT8);
    assert_true(report.chosen.drop <= o.max_drop);
    assert_int_equal(report.n_quantised, 0);
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        const clv_node *node = &q.int8->nodes[k];
        const clv_tensor *w = clv_node_input(q.int8, node, 1);
        const float *plain = clv_node_input(q.plain, node, 1)->data;
        const float *bias = clv_node_input(q.int8, node, 2)->data;
        const float *plain_bias = clv_node_input(q.plain, node, 2)->data;
        if (w->shape.dim[0] * w->shape.dim[1] * 9 < 256) {
            assert_memory_equal(w->data, plain, 4); /* small tensors stay as they are */
            continue;
        }
        in_bytes++;
        assert_true(bias[0] != plain_bias[0]);
        float largest = 0.0f;
        for (int i = 0; i < w->shape.dim[1] * 9; i++)
            largest = fmaxf(largest, fabsf(plain[i]));
        for (int i = 0; i < w->shape.dim[1] * 9; i++) {
            float byte = ((const float *)w->data)[i] / largest * 127.0f;
            assert_true(fabsf(byte - rintf(byte)) < 1e-3f);
        }
    }
    assert_int_equal(in_bytes, 2);
    clv_quantise_report_done(&report);
    clv_quantised_done(&q);
    clv_graph_free(g);
}

/* --- the whole ------------------------------------------------------------------------------ */

static void test_post_training__keeps_numbers_and_gives_types(void **state)
{
    (void)state;
    clv_graph *g = net(1.0f);
    clv_quantise_options o = options();
    clv_quantise_report report;
    clv_quantised q = {0};
    assert_int_equal(clv_quantise(&q, g, &o, &report, NULL), CLV_OK);
    assert_int_equal(q.int8->n_nodes, g->n_nodes);
    for (uint32_t v = 0; v < g->n_values; v++)
        assert_string_equal(q.int8->values[v].name, g->values[v].name);
    for (uint32_t k = 0; k < g->n_nodes; k++) {
        const clv_node *node = &q.int8->nodes[k];
        const clv_value *w = &q.int8->values[node->inputs[1]];
        assert_true(node->quantised);
        assert_int_equal(w->tensor.dtype, CLV_I8);
        assert_int_equal(w->quant->n_scales, w->tensor.shape.dim[0]);
        assert_int_equal(q.int8->values[node->outputs[0]].tensor.dtype,
                         k + 1 < g->n_nodes ? CLV_U8 : CLV_F32);
        assert_int_equal(q.plain->values[node->outputs[0]].tensor.dtype, CLV_F32);
        assert_int_equal(q.plain->values[node->outputs[0]].quant != NULL, k + 1 < g->n_nodes);
    }
    assert_int_equal(q.int8->values[q.int8->inputs[0]].tensor.dtype, CLV_F32);
    assert_non_null(q.int8->values[q.int8->inputs[0]].quant);
    assert_int_equal(q.int8->values[q.int8->nodes[0].outputs[0]].quant->zero_point, 0); /* Relu */
    assert_int_equal(report.n_quantised, 4);
    assert_true(clv_error_db(report.chosen.error) > 25.0);
    for (uint32_t k = 0; k < report.n_nodes; k++)
        assert_true(report.nodes[k].measured && report.nodes[k].snr_db > 20.0);
    clv_quantise_report_done(&report);
    clv_quantised_done(&q);
    clv_graph_free(g);
}

/* One channel is 3000 times as large as its neighbours, which share its scale: they drown. */
static clv_weight_form quantise_hostile(clv_quantise_report *report, clv_choice equalise,
                                        double max_drop)
{
    clv_graph *g = net(3000.0f);
    clv_quantise_options o = options();
    clv_quantised q = {0};
    o.equalise = equalise;
    o.max_drop = max_drop;
    assert_int_equal(clv_quantise(&q, g, &o, report, NULL), CLV_OK);
    clv_weight_form stored = q.stored;
    clv_quantised_done(&q);
    clv_graph_free(g);
    return stored;
}

static void test_post_training__search_gives_a_hostile_node_back_to_float(void **state)
{
    (void)state;
    clv_quantise_report report;
    (void)quantise_hostile(&report, CLV_CHOICE_NO, 0.01);
    assert_true(report.all.error > 0.01);
    assert_true(report.chosen.error <= 0.01);
    assert_true(report.n_quantised > 0 && report.n_quantised < 4);
    assert_true(report.nodes[0].quantised); /* its output, now float, is what hurt */
    assert_false(report.nodes[1].quantised);
    assert_non_null(report.nodes[1].why);
    assert_true(report.nodes[2].quantised && report.nodes[3].quantised);
    assert_true(report.nodes[1].output_snr_db < report.nodes[3].output_snr_db);
    assert_true(report.tries > 0);
    clv_quantise_report_done(&report);
}

static void test_post_training__what_stays_float_is_stored_as_fine_as_it_must(void **state)
{
    (void)state;
    clv_quantise_report report;
    assert_int_equal(quantise_hostile(&report, CLV_CHOICE_NO, 0.01), CLV_WEIGHT_FLOAT16);
    clv_quantise_report_done(&report);
    assert_int_equal(quantise_hostile(&report, CLV_CHOICE_BEST, 0.01), CLV_WEIGHT_INT8);
    clv_quantise_report_done(&report);
}

static void test_post_training__equalisation_saves_the_hostile_node(void **state)
{
    (void)state;
    clv_quantise_report report;
    (void)quantise_hostile(&report, CLV_CHOICE_BEST, 0.01);
    assert_true(report.equalised >= 1);
    assert_int_equal(report.n_quantised, 4);
    clv_quantise_report_done(&report);
}

static void test_post_training__same_samples_give_the_same_graph(void **state)
{
    (void)state;
    clv_graph *g = net(30.0f);
    clv_quantise_options o = CLV_QUANTISE_OPTIONS_INIT;
    clv_quantise_report report[2];
    clv_quantised q[2] = {{0}};
    o.samples = (clv_samples){12, NULL, read_noise};
    for (int i = 0; i < 2; i++)
        assert_int_equal(clv_quantise(&q[i], g, &o, &report[i], NULL), CLV_OK);
    assert_int_equal(report[0].method, report[1].method);
    for (uint32_t v = 0; v < q[0].int8->n_values; v++) {
        const clv_value *a = &q[0].int8->values[v], *b = &q[1].int8->values[v];
        size_t bytes;
        assert_int_equal(a->tensor.dtype, b->tensor.dtype);
        assert_int_equal(a->quant != NULL, b->quant != NULL);
        if (a->quant != NULL)
            assert_true(a->quant->scale == b->quant->scale &&
                        a->quant->zero_point == b->quant->zero_point);
        if (a->tensor.data != NULL && clv_tensor_bytes(&bytes, &a->tensor) == CLV_OK)
            assert_memory_equal(a->tensor.data, b->tensor.data, bytes);
    }
    for (int i = 0; i < 2; i++) {
        clv_quantise_report_done(&report[i]);
        clv_quantised_done(&q[i]);
    }
    clv_graph_free(g);
}

static void test_post_training__what_cannot_be_quantised_is_an_error(void **state)
{
    (void)state;
    clv_graph *g = gb_create();
    clv_quantise_options o = options();
    clv_quantise_report report;
    clv_quantised q = {0};
    clv_error err = CLV_ERROR_INIT;
    (void)gb_input(g, "x", (gb_dims){{1, 3, 8, 8}});
    (void)gb_node(g, CLV_OP_SIGMOID, "x", "y");
    gb_output(g, "y");
    gb_prepare(g);
    assert_int_equal(clv_quantise(&q, g, &o, &report, &err), CLV_EUNSUPPORTED);
    clv_quantise_report_done(&report);
    o.samples.count = 0;
    assert_int_equal(clv_quantise(&q, g, &o, &report, &err), CLV_EINVAL);
    clv_quantise_report_done(&report);
    assert_null(q.int8);
    clv_graph_free(g);
}

static clv_status read_nan(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    clv_status status = read_noise(context, index, inputs, err);
    ((float *)inputs[0].data)[7] = NAN;
    return status;
}

static void test_post_training__a_value_without_a_range_is_an_error(void **state)
{
    (void)state;
    clv_graph *g = net(1.0f);
    clv_quantise_options o = options();
    clv_quantise_report report;
    clv_quantised q = {0};
    clv_error err = CLV_ERROR_INIT;
    o.samples.read = read_nan;
    assert_int_equal(clv_quantise(&q, g, &o, &report, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "NaN"));
    clv_quantise_report_done(&report);
    clv_graph_free(g);
}

static void test_post_training__no_memory_is_an_error_that_leaks_nothing(void **state)
{
    (void)state;
    clv_graph *g = net(1.0f);
    clv_quantise_options o = options();
    o.samples.count = 2;
    for (uint64_t n = 1; n < 4000; n = n < 60 ? n + 1 : n + n / 3) {
        clv_quantise_report report;
        clv_quantised q = {0};
        clv_memory_fail_after(n);
        clv_status status = clv_quantise(&q, g, &o, &report, NULL);
        clv_memory_fail_after(0);
        assert_true(status == CLV_OK || status == CLV_ENOMEM);
        assert_true(status == CLV_OK || q.int8 == NULL);
        clv_quantise_report_done(&report);
        clv_quantised_done(&q);
    }
    clv_graph_free(g);
}

/* --- fidelity ------------------------------------------------------------------------------- */

/* Three scores; `swap` exchanges the first two. */
static clv_graph *scores(bool swap)
{
    clv_graph *g = gb_create();
    (void)gb_input(g, "x", (gb_dims){{1, 3}});
    (void)gb_constant(g, "w", (gb_dims){{3, 3}});
    for (int i = 0; i < 9; i++)
        constant(g, "w")[i] = i == (swap ? 1 : 0) || i == (swap ? 3 : 4) || i == 8 ? 1.0f : 0.0f;
    (void)gb_node(g, CLV_OP_MATMUL, "x w", "y");
    gb_output(g, "y");
    gb_prepare(g);
    return g;
}

/* One sample that is sure of class 2, one that is between 0 and 1. */
static clv_status read_scores(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    static const float numbers[2][3] = {{0.0f, 0.0f, 9.0f}, {2.0f, 1.0f, 0.0f}};
    (void)context;
    (void)err;
    memcpy(inputs[0].data, numbers[index], sizeof numbers[index]);
    return CLV_OK;
}

static void test_post_training__a_drop_is_the_confidence_that_is_lost(void **state)
{
    (void)state;
    const clv_samples samples = {2, NULL, read_scores};
    clv_graph *own = scores(false), *other = scores(true);
    clv_simulator *a, *b;
    clv_reference reference;
    clv_fidelity f;
    assert_int_equal(clv_simulator_create(&a, own, NULL, 1, NULL), CLV_OK);
    assert_int_equal(clv_simulator_create(&b, other, NULL, 1, NULL), CLV_OK);
    assert_int_equal(
        clv_reference_make(&reference, a, own, &samples, (clv_sample_range){0, 1, 0}, NULL, NULL),
        CLV_OK);
    assert_int_equal(clv_fidelity_measure(&f, a, &reference, NULL, NULL), CLV_OK);
    assert_true(f.agreement == 1.0 && f.drop == 0.0 && f.error == 0.0);
    assert_int_equal(clv_fidelity_measure(&f, b, &reference, NULL, NULL), CLV_OK);
    assert_true(f.agreement == 0.5);
    double sum = exp(2.0) + exp(1.0) + 1.0; /* class 1 instead of 0 in one of two samples */
    assert_true(fabs(f.drop - (exp(2.0) - exp(1.0)) / sum / 2.0) < 1e-6);
    clv_reference_done(&reference);
    clv_simulator_free(a);
    clv_simulator_free(b);
    clv_graph_free(own);
    clv_graph_free(other);
}

/* --- the search alone ----------------------------------------------------------------------- */

/* Good enough when the costs of what is in int8 are at most `limit`. */
typedef struct toy {
    const double *costs;
    uint32_t n, measured;
    double limit;
} toy;

static clv_status measure_toy(void *context, const bool *keep_float, bool *good)
{
    toy *t = context;
    double sum = 0.0;
    for (uint32_t i = 0; i < t->n; i++)
        sum += keep_float[i] ? 0.0 : t->costs[i];
    t->measured++;
    *good = sum <= t->limit;
    return CLV_OK;
}

static void test_post_training__search_keeps_costly_work_in_int8(void **state)
{
    (void)state;
    enum { N = 100 };
    double costs[N];
    clv_search_node nodes[N];
    bool keep[N] = {false};
    toy t = {costs, N, 0, 3.0};
    uint32_t in_float = 0;
    for (uint32_t i = 0; i < N; i++) {
        costs[i] = i == 40 || i == 70 ? 5.0 : 0.001 * i;
        nodes[i] = (clv_search_node){i, costs[i], i % 2 == 0 ? 100.0 : 1.0};
    }
    assert_int_equal(clv_quant_search(keep, nodes, N, 8, measure_toy, &t), CLV_OK);
    for (uint32_t i = 0; i < N; i++)
        in_float += keep[i];
    bool good;
    assert_int_equal(measure_toy(&t, keep, &good), CLV_OK);
    assert_true(good);
    assert_true(keep[40] && keep[70]);
    assert_true(keep[99] && !keep[98]); /* as bad, but saves a hundred times as much */
    assert_true(in_float < 50);
    assert_true(t.measured < 20);
}

/* --- other kinds of networks ---------------------------------------------------------------- */

static void hard_swish_conv(clv_graph *g, const char *in, const char *out, int64_t from, int64_t to,
                            int64_t kernel, int64_t group)
{
    char w[32], b[32], inputs[96], plain[32];
    (void)snprintf(w, sizeof w, "%s_weights", out);
    (void)snprintf(b, sizeof b, "%s_bias", out);
    (void)snprintf(plain, sizeof plain, "%s_plain", out);
    (void)gb_constant(g, w, (gb_dims){{to, from / group, kernel, kernel}});
    (void)gb_constant(g, b, (gb_dims){{to}});
    (void)snprintf(inputs, sizeof inputs, "%s %s %s", in, w, b);
    (void)gb_node(g, CLV_OP_CONV, inputs, plain);
    if (kernel == 3)
        gb_attr_ints(g, "pads", ones, 4);
    gb_attr_int(g, "group", group);
    (void)gb_node(g, CLV_OP_HARD_SWISH, plain, out);
}

/* Wide, depthwise, squeeze and excite, narrow, and around it: as in MobileNetV3. */
static void inverted_residual(clv_graph *g, const char *in, const char *name)
{
    char lines[512], wide[16], deep[16];
    (void)snprintf(wide, sizeof wide, "%swide", name);
    (void)snprintf(deep, sizeof deep, "%sdeep", name);
    hard_swish_conv(g, in, wide, 8, 24, 1, 1);
    hard_swish_conv(g, wide, deep, 24, 24, 3, 24);
    for (int i = 0; i < 4; i++) {
        static const gb_dims dims[4] = {{{8, 24, 1, 1}}, {{24, 8, 1, 1}}, {{8, 24, 1, 1}}, {{8}}};
        static const char *const names[4] = {"down", "up", "narrow", "bias"};
        (void)snprintf(lines, sizeof lines, "%s%s", name, names[i]);
        (void)gb_constant(g, lines, dims[i]);
    }
    (void)snprintf(lines, sizeof lines,
                   "%s1 = GlobalAveragePool %sdeep; %s2 = Conv %s1 %sdown; %s3 = Relu %s2; "
                   "%s4 = Conv %s3 %sup; %s5 = HardSigmoid %s4; %s6 = Mul %sdeep %s5; "
                   "%s7 = Conv %s6 %snarrow %sbias; %s = Add %s %s7",
                   name, name, name, name, name, name, name, name, name, name, name, name, name,
                   name, name, name, name, name, name, name, in, name);
    gb_lines(g, lines);
}

static void test_post_training__squeeze_and_excite_stays_within_the_limit(void **state)
{
    (void)state;
    clv_graph *g = gb_create();
    clv_quantise_options o = CLV_QUANTISE_OPTIONS_INIT;
    clv_quantise_report report;
    clv_quantised q = {0};
    float input[N_INPUT];
    clv_tensor t = {CLV_F32, {4, {1, 3, 8, 8}}, input};
    size_t n, m;
    double noise = 0.0, signal = 0.0;
    o.samples = (clv_samples){16, NULL, read_noise};
    o.max_drop = 0.0002;
    (void)gb_input(g, "x", (gb_dims){{1, 3, 8, 8}});
    hard_swish_conv(g, "x", "stem", 3, 8, 3, 1);
    inverted_residual(g, "stem", "p");
    inverted_residual(g, "p", "q");
    inverted_residual(g, "q", "r");
    hard_swish_conv(g, "r", "head", 8, 24, 1, 1);
    (void)gb_node(g, CLV_OP_GLOBAL_AVERAGE_POOL, "head", "pooled");
    (void)gb_node(g, CLV_OP_FLATTEN, "pooled", "flat");
    (void)gb_constant(g, "classes", (gb_dims){{24, 10}});
    (void)gb_node(g, CLV_OP_MATMUL, "flat classes", "scores");
    gb_output(g, "scores");
    gb_prepare(g);
    assert_int_equal(clv_quantise(&q, g, &o, &report, NULL), CLV_OK);
    assert_true(report.all.drop > o.max_drop); /* it was a task for the search */
    assert_true(report.chosen.drop <= o.max_drop);
    assert_true(report.n_quantised >= report.n_nodes / 4);
    assert_int_equal(q.stored, CLV_WEIGHT_INT8);
    (void)!read_noise(NULL, 40, &t, NULL); /* never seen, by the int8 kernels */
    float *x = gb_run(q.plain, "ref", input, &n), *y = gb_run(q.int8, "ref", input, &m);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) {
        noise += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        signal += (double)x[i] * (double)x[i];
    }
    assert_true(noise < 4.0 * o.max_drop * signal);
    clv_free(x);
    clv_free(y);
    clv_quantise_report_done(&report);
    clv_quantised_done(&q);
    clv_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_post_training__equalisation_keeps_every_bit_of_the_function),
        cmocka_unit_test(test_post_training__equalisation_makes_channels_alike),
        cmocka_unit_test(test_post_training__equalisation_leaves_what_it_would_change),
        cmocka_unit_test(test_post_training__bias_correction_brings_means_back),
        cmocka_unit_test(test_post_training__a_bias_is_given_where_there_was_none),
        cmocka_unit_test(test_post_training__rounding_by_the_output_costs_less),
        cmocka_unit_test(test_post_training__float_nodes_store_bytes_of_8_bits),
        cmocka_unit_test(test_post_training__keeps_numbers_and_gives_types),
        cmocka_unit_test(test_post_training__search_gives_a_hostile_node_back_to_float),
        cmocka_unit_test(test_post_training__what_stays_float_is_stored_as_fine_as_it_must),
        cmocka_unit_test(test_post_training__equalisation_saves_the_hostile_node),
        cmocka_unit_test(test_post_training__same_samples_give_the_same_graph),
        cmocka_unit_test(test_post_training__what_cannot_be_quantised_is_an_error),
        cmocka_unit_test(test_post_training__a_value_without_a_range_is_an_error),
        cmocka_unit_test(test_post_training__no_memory_is_an_error_that_leaks_nothing),
        cmocka_unit_test(test_post_training__a_drop_is_the_confidence_that_is_lost),
        cmocka_unit_test(test_post_training__search_keeps_costly_work_in_int8),
        cmocka_unit_test(test_post_training__squeeze_and_excite_stays_within_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
