/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/error.h"
#include "compress/codec_ladder.h"
#include "compress/linear_algebra.h"
#include "support/graph_builder.h"

#define SIDE 8u
#define IMAGES 24u

static void assert_near(double a, double b, double by)
{
    assert_true(fabs(a - b) <= by);
}

/* Image @p index: smooth noise of [1, 3, 8, 8]. */
static clv_status read_image(void *context, size_t index, clv_tensor *inputs, clv_error *err)
{
    uint32_t seed = (uint32_t)index * 7919u + 1;
    float *x = inputs[0].data;

    (void)context;
    (void)err;
    for (size_t i = 0; i < 3 * SIDE * SIDE; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)((double)(seed >> 8) / (1 << 24)) * 2 - 1 + (i > 0 ? 0.6f * x[i - 1] : 0);
    }
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

static void test_codec_ladder__bytes_buy_fidelity(void **state)
{
    clv_graph *g = net();
    clv_cut_probe probe;
    clv_codec_ladder ladder;
    clv_samples samples = {IMAGES, NULL, read_image};
    clv_error err = CLV_ERROR_INIT;

    (void)state;
    assert_int_equal(clv_cut_probe_init(&probe, g, 1, NULL, 1, &err), CLV_OK);
    assert_int_equal(clv_codec_ladder_make(&ladder, &probe, &samples, NULL, &err), CLV_OK);
    assert_true(ladder.count >= 4);
    for (uint32_t i = 0; i < ladder.count; i++) {
        const clv_codec_rung *r = &ladder.rungs[i];
        assert_true(r->bytes_mean > 0 && r->bytes_mean < 3 * SIDE * SIDE * sizeof(float));
        assert_true(r->bytes_p95 >= r->bytes_mean * 0.9);
        assert_true(i == 0 || (r->bytes_mean < r[-1].bytes_mean && r->error > r[-1].error));
    }
    assert_true(ladder.rungs[0].agreement > 0.9);
    const clv_codec_rung *all = clv_codec_ladder_pick(&ladder, 0);
    assert_ptr_equal(all, &ladder.rungs[ladder.count - 1]);
    assert_null(clv_codec_ladder_pick(&ladder, 1.01));
    const clv_codec_rung *good = clv_codec_ladder_pick(&ladder, 0.9);
    assert_true(good != NULL && good->agreement >= 0.9);
    clv_codec_ladder_done(&ladder);
    clv_cut_probe_done(&probe);
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
        cmocka_unit_test(test_cut_probe__the_metric_sees_what_the_outputs_mind),
        cmocka_unit_test(test_linear_algebra__factors_and_eigenvectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
