/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/error.h"
#include "compress/codec_ladder.h"
#include "compress/linear_algebra.h"
#include "support/graph_builder.h"
#include "support/tiny_forms.h"

#define SIDE 8u
#define IMAGES 24u

static void assert_near(double a, double b, double by)
{
    assert_true(fabs(a - b) <= by);
}

/* Image @p index: smooth noise of [1, 3, 8, 8]; zeros where the context says so of its parity. */
static clv_status read_image(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    const int *empty = context; /* parity of images that are zeros; NULL: none */
    uint32_t seed = (uint32_t)index * 7919u + 1;
    float *x = inputs[0].data;

    (void)err;
    for (size_t i = 0; i < 3 * SIDE * SIDE; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)((double)(seed >> 8) / (1 << 24)) * 2 - 1 + (i > 0 ? 0.6f * x[i - 1] : 0);
    }
    if (empty != NULL && (int)(index % 2) == *empty)
        memset(x, 0, 3 * SIDE * SIDE * sizeof *x);
    return CLV_OK;
}

/* Two convolutions and the scores of 3 classes; cut 1 lies between the convolutions. */
static clv_graph *net(void)
{
    clv_graph *g = gb_create();
    const int64_t shape[] = {1, 3};
    (void)gb_input(g, "x", (gb_dims){{1, 3, SIDE, SIDE}});
    (void)gb_ints(g, "shape", shape, 2);
    gb_conv(g, "x", "a");
    gb_conv(g, "a", "b");
    gb_lines(g, "c = GlobalAveragePool b; y = Reshape c shape");
    gb_output(g, "y");
    gb_prepare(g);
    return g;
}

static clv_ladder_options options_for(const clv_graph *g, int *empty)
{
    return (clv_ladder_options){
        .samples = {IMAGES, empty, read_image}, .plain = g, .keeps_float = true};
}

static void make(clv_codec_ladders *out, const clv_ladder_options *o, const uint32_t *cuts,
                 uint32_t n_cuts)
{
    clv_error err = CLV_ERROR_INIT;
    if (clv_codec_ladders_make(out, o, cuts, n_cuts, &err) != CLV_OK)
        fail_msg("%s: %s", err.location, err.message);
}

static void test_codec_ladder__bytes_buy_fidelity(void **state)
{
    const uint32_t cut = 1;
    clv_graph *g = net();
    clv_ladder_options o = options_for(g, NULL);
    clv_codec_ladders ladders;

    (void)state;
    make(&ladders, &o, &cut, 1);
    assert_int_equal(ladders.count, 1);
    assert_int_equal(ladders.designed_on, IMAGES / 2);
    assert_int_equal(ladders.measured_on, IMAGES / 2);
    const clv_cut_ladder *l = clv_cut_ladder_find(ladders.items, 1, 1, CLV_PRECISION_FLOAT);
    assert_true(l != NULL && l->n_rungs >= 4 && l->n_tensors == 1);
    for (uint32_t i = 0; i < l->n_rungs; i++) {
        const clv_rung *r = &l->rungs[i];
        assert_true(r->bytes_mean > 0 && r->bytes_mean < 3 * SIDE * SIDE * sizeof(float));
        assert_true(r->bytes_p95 >= r->bytes_mean * 0.9);
        assert_true(i == 0 || (r->bytes_mean < r[-1].bytes_mean && r->snr_db < r[-1].snr_db));
        assert_true(r->points == l->rungs[0].points + i && r->points[0] != NULL);
        assert_true(clv_point_scratch_bytes(r->points[0]) <= l->scratch_bytes);
        assert_true(isnan(r->box_error) && isnan(r->score_error));
    }
    assert_true(l->rungs[0].agreement > 0.9);
    assert_int_equal(clv_cut_ladder_pick(l, 0, 0), l->n_rungs - 1);
    assert_int_equal(clv_cut_ladder_pick(l, 1.01, 0), CLV_NO_RUNG);
    clv_codec_ladders_done(&ladders);
    clv_graph_free(g);
}

/* Images 1, 3, ... are measured on, and what 0, 2, ... are like is all that a design knows. */
static void test_codec_ladder__measures_what_it_was_not_designed_on(void **state)
{
    static int odd = 1, even = 0;
    int *const empty[] = {NULL, &odd, &even};
    const uint32_t cut = 1;
    clv_graph *g = net();
    clv_rung finest[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        clv_codec_ladders ladders;
        clv_ladder_options o = options_for(g, empty[i]);
        make(&ladders, &o, &cut, 1);
        assert_true(i == 0 || ladders.items[0].n_rungs == 1); /* none is of use */
        finest[i] = ladders.items[0].rungs[0];
        clv_codec_ladders_done(&ladders);
    }
    assert_true(finest[0].snr_db > 20);
    assert_true(finest[1].snr_db < -100);                        /* against outputs of 0 alone */
    assert_true(finest[2].snr_db > -30 && finest[2].snr_db < 3); /* unheard of */
    clv_graph_free(g);
}

typedef struct judged {
    uint32_t n;
    bool same;
} judged;

static clv_status judge(void *context, clv_box_errors *sum, const clv_tensor *then,
                        const clv_tensor *now, uint32_t n_outputs, clv_error *err)
{
    judged *j = context;

    (void)err;
    assert_int_equal(n_outputs, 1);
    assert_true(clv_shape_equal(&then->shape, &now->shape));
    j->n++;
    j->same &= memcmp(then->data, now->data, 3 * sizeof(float)) == 0;
    sum->box += 0.25;
    sum->boxes += 2;
    sum->score += 0.5;
    sum->scores += 5;
    return CLV_OK;
}

static void test_codec_ladder__boxes_are_compared(void **state)
{
    const uint32_t cut = 1;
    clv_graph *g = net();
    judged seen = {0, true};
    clv_ladder_options o = options_for(g, NULL);
    clv_codec_ladders ladders;

    (void)state;
    o.samples.count = 5; /* too few to be split */
    o.compare_boxes = judge;
    o.context = &seen;
    make(&ladders, &o, &cut, 1);
    assert_int_equal(ladders.designed_on, 5);
    assert_int_equal(ladders.measured_on, 5);
    assert_int_equal(seen.n % 5, 0);
    assert_true(seen.n >= 5 * ladders.items[0].n_rungs && !seen.same);
    assert_near(ladders.items[0].rungs[0].box_error, 0.125, 1e-9);
    assert_near(ladders.items[0].rungs[0].score_error, 0.1, 1e-9);
    clv_codec_ladders_done(&ladders);
    o.samples.count = 0;
    assert_int_equal(clv_codec_ladders_make(&ladders, &o, &cut, 1, NULL), CLV_EINVAL);
    clv_codec_ladders_done(&ladders);
    clv_graph_free(g);
}

/* --- both forms ----------------------------------------------------------------------------- */

static clv_status read_tiny(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    float *data = tiny_model_input(context, 500 + index);
    size_t bytes;

    (void)err;
    assert_int_equal(clv_tensor_bytes(&bytes, &inputs[0]), CLV_OK);
    memcpy(inputs[0].data, data, bytes);
    clv_free(data);
    return CLV_OK;
}

static void assert_points(const clv_cut_ladder *l, const clv_tensor_set *frontier)
{
    for (uint32_t r = 0; r < l->n_rungs; r++) {
        for (uint32_t i = 0; i < l->n_tensors; i++) {
            const clv_point *p = l->rungs[r].points[i];
            assert_true(p != NULL || frontier->tensors[i].dtype != CLV_U8);
            assert_true(p == NULL || clv_point_fits(p, &frontier->tensors[i]));
            assert_true(p == NULL || r > 0 || p->lossless == p->bytes);
        }
    }
}

static void test_codec_ladder__for_each_form_and_several_tensors(void **state)
{
    const uint32_t cuts[] = {1, 2};
    const tiny_model_options options = TINY_MODEL_OPTIONS_INIT;
    clv_codec_ladders ladders;
    tiny_forms forms;
    uint32_t several = 0, lossless = 0;

    (void)state;
    tiny_forms_init(&forms, &options, &clv_backend_ref);
    clv_ladder_options o = {.samples = {IMAGES, &forms.options, read_tiny},
                            .plain = forms.both.plain,
                            .int8 = forms.both.int8,
                            .keeps_float = true,
                            .backend = &clv_backend_ref};
    make(&ladders, &o, cuts, 2);
    assert_int_equal(ladders.count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        const clv_cut_ladder *l = &ladders.items[i];
        tiny_split_result result = {0};
        assert_int_equal(l->cut, cuts[i / 2]);
        assert_int_equal(l->prefix, i % 2 ? CLV_PRECISION_INT8 : CLV_PRECISION_FLOAT);
        tiny_forms_run(&result, &forms, &(tiny_split){l->prefix, CLV_PRECISION_FLOAT, l->cut}, 1);
        assert_int_equal(result.frontier.count, l->n_tensors);
        assert_points(l, &result.frontier);
        assert_true(l->n_rungs >= 3 && l->rungs[0].snr_db > 15);
        several += l->n_tensors > 1;
        lossless += l->rungs[0].points[l->n_tensors - 1]->lossless;
        tiny_split_result_done(&result);
    }
    assert_true(several >= 2 && lossless == 2);
    clv_codec_ladders_done(&ladders);
    o.keeps_float = false;
    make(&ladders, &o, cuts, 1);
    assert_int_equal(ladders.count, 1);
    assert_int_equal(ladders.items[0].prefix, CLV_PRECISION_INT8);
    clv_codec_ladders_done(&ladders);
    tiny_forms_done(&forms);
}

/* --- cuts ----------------------------------------------------------------------------------- */

static void test_codec_ladder__cuts_ship_less_and_less(void **state)
{
    clv_graph *g = gb_create();
    uint32_t cuts[CLV_LADDER_MAX_CUTS], n;

    (void)state;
    (void)gb_input(g, "x", (gb_dims){{1, 3, 8, 8}});
    gb_lines(g, "a = Relu x; b = MaxPool a {kernel_shape=2,2 strides=2,2}; c = Relu b; d = "
                "Concat b c {axis=1}; e = MaxPool d {kernel_shape=2,2 strides=2,2}; "
                "f = GlobalAveragePool e; y = Flatten f");
    gb_output(g, "y");
    gb_prepare(g);
    assert_int_equal(clv_ladder_cuts(cuts, &n, g), CLV_OK);
    /* 768, 768, 192, 384 (two tensors), 384, 96, 24 bytes: behind b, e, f */
    const uint32_t expected[] = {2, 5, 6};
    assert_int_equal(n, 3);
    assert_memory_equal(cuts, expected, sizeof expected);
    clv_graph_free(g);
}

static void test_codec_ladder__of_many_cuts_the_great_steps_stay(void **state)
{
    clv_graph *g = gb_create();
    uint32_t cuts[CLV_LADDER_MAX_CUTS], n;
    char line[96];

    (void)state;
    (void)gb_input(g, "v0", (gb_dims){{1, 1, 100, 1}});
    for (int i = 1; i <= 20; i++) { /* 99, 98, ..., but the tenth halves it */
        int size = i == 10 ? 46 : 2;
        (void)snprintf(line, sizeof line, "v%d = MaxPool v%d {kernel_shape=%d,1 strides=1,1}", i,
                       i - 1, size);
        gb_lines(g, line);
    }
    gb_output(g, "v20");
    gb_prepare(g);
    assert_int_equal(clv_ladder_cuts(cuts, &n, g), CLV_OK);
    assert_int_equal(n, CLV_LADDER_MAX_CUTS);
    assert_int_equal(cuts[0], 1);
    bool tenth = false;
    for (uint32_t i = 0; i < n; i++) {
        tenth |= cuts[i] == 10;
        assert_true(i == 0 || cuts[i] > cuts[i - 1]);
    }
    assert_true(tenth);
    clv_graph_free(g);
}

/* At the last cut but one the answer is the frontier's means: what a channel moves is known. */
static void test_cut_probe__the_metric_sees_what_the_outputs_mind(void **state)
{
    clv_graph *g = gb_create();
    const float weights[] = {4, 1, 0};
    clv_cut_probe probe;
    clv_samples samples = {IMAGES, NULL, read_image};
    double metric[9];
    clv_error err = CLV_ERROR_INIT;

    (void)state;
    (void)gb_input(g, "x", (gb_dims){{1, 3, SIDE, SIDE}});
    (void)gb_floats(g, "flat", weights, 3);
    const int64_t shape[] = {1, 3, 1, 1};
    (void)gb_ints(g, "shape", shape, 4);
    gb_lines(g, "a = Relu x; w = Reshape flat shape; y = Mul a w");
    gb_output(g, "y");
    gb_prepare(g);
    assert_int_equal(clv_cut_probe_init(&probe, g, 1, NULL, 1, &err), CLV_OK);
    assert_int_equal(clv_cut_probe_metric(metric, &probe, 0, &samples, IMAGES, NULL, &err), CLV_OK);
    /* 16 : 1 : 0, and half of the mean, 17 / 6, for what wasn't seen */
    double unit = metric[0] / (16 + 17.0 / 6);
    assert_near(metric[4] / unit, 1 + 17.0 / 6, 0.01);
    assert_near(metric[8] / unit, 17.0 / 6, 0.01);
    assert_near(metric[1] / unit, 0, 0.01);
    assert_near(metric[1], metric[3], 0);
    clv_cut_probe_done(&probe);
    clv_graph_free(g);
}

static void test_linear_algebra__factors_and_eigenvectors(void **state)
{
    const double a[9] = {4, 1, -2, 1, 3, 0.5, -2, 0.5, 5};
    double l[9], x[3] = {1, 2, 3}, e[9], values[3], vectors[9];

    (void)state;
    memcpy(l, a, sizeof l);
    clv_cholesky(l, 3);
    clv_cholesky_solve(x, l, 3);
    for (int i = 0; i < 3; i++)
        assert_near(a[3 * i] * x[0] + a[3 * i + 1] * x[1] + a[3 * i + 2] * x[2], i + 1, 1e-9);
    memcpy(e, a, sizeof e);
    clv_eigen_symmetric(values, vectors, e, 3);
    for (int k = 0; k < 3; k++) {
        const double *v = vectors + 3 * k;
        assert_true(k == 0 || values[k] <= values[k - 1]);
        for (int i = 0; i < 3; i++)
            assert_near(a[3 * i] * v[0] + a[3 * i + 1] * v[1] + a[3 * i + 2] * v[2],
                        values[k] * v[i], 1e-9);
    }
    assert_near(values[0] + values[1] + values[2], 12, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_ladder__bytes_buy_fidelity),
        cmocka_unit_test(test_codec_ladder__measures_what_it_was_not_designed_on),
        cmocka_unit_test(test_codec_ladder__boxes_are_compared),
        cmocka_unit_test(test_codec_ladder__for_each_form_and_several_tensors),
        cmocka_unit_test(test_codec_ladder__cuts_ship_less_and_less),
        cmocka_unit_test(test_codec_ladder__of_many_cuts_the_great_steps_stay),
        cmocka_unit_test(test_cut_probe__the_metric_sees_what_the_outputs_mind),
        cmocka_unit_test(test_linear_algebra__factors_and_eigenvectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
