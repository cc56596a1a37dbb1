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
#include "compress/range.h"

static clv_histogram *histogram_of(const float *x, size_t n)
{
    clv_histogram *h = clv_calloc(1, sizeof *h);
    assert_non_null(h);
    clv_histogram_add(h, x, n);
    return h;
}

static uint64_t sum_of(const clv_histogram *h)
{
    uint64_t sum = 0;
    for (int i = 0; i < CLV_HISTOGRAM_BINS; i++)
        sum += h->bins[i];
    return sum;
}

/* Numbers in the bins from @p low on. */
static uint64_t count_from(const clv_histogram *h, double low)
{
    uint64_t sum = 0;
    for (int i = 0; i < CLV_HISTOGRAM_BINS; i++)
        sum += clv_histogram_middle(h, i) > low ? h->bins[i] : 0;
    return sum;
}

/* Numbers of a fixed sequence, evenly in [0, 1). */
static float uniform(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / (float)(1u << 24);
}

static float bell(uint32_t *state)
{
    float sum = -6.0f;
    for (int i = 0; i < 12; i++)
        sum += uniform(state);
    return sum; /* mean 0, variance 1 */
}

static void test_range__histogram_grows_without_losing_a_count(void **state)
{
    (void)state;
    clv_histogram *h = clv_calloc(1, sizeof *h);
    uint32_t seed = 1;
    size_t n = 0;
    for (float scale = 1e-3f; scale < 1e6f; scale *= -7.0f) { /* wider each time, to both sides */
        float x[100];
        for (int i = 0; i < 100; i++)
            x[i] = scale * uniform(&seed);
        clv_histogram_add(h, x, 100);
        n += 100;
        assert_int_equal(sum_of(h), n);
        assert_int_equal(h->count, n);
        if (scale < 0.0f)
            scale = -scale;
        scale = -scale;
        if (n > 2000)
            break;
    }
    clv_free(h);
}

static void test_range__every_number_lies_in_its_bin(void **state)
{
    (void)state;
    const float x[] = {-3.0f, 0.5f, 100.0f, -0.25f};
    clv_histogram *h = histogram_of(x, 1);
    for (int i = 1; i < 4; i++)
        clv_histogram_add(h, &x[i], 1);
    for (int i = 0; i < 4; i++) {
        int64_t bin = (int64_t)floor((double)x[i] / h->width) - h->first;
        assert_true(bin >= 0 && bin < CLV_HISTOGRAM_BINS);
        assert_true(h->bins[bin] >= 1);
    }
    clv_free(h);
}

static void test_range__merged_histograms_are_that_of_all_numbers(void **state)
{
    (void)state;
    float a[500], b[500];
    uint32_t seed = 3;
    for (int i = 0; i < 500; i++) {
        a[i] = uniform(&seed) - 0.5f;
        b[i] = i % 10 == 0 ? 0.0f : 40.0f * uniform(&seed);
    }
    clv_histogram *all = histogram_of(a, 500), *one = histogram_of(a, 500),
                  *two = histogram_of(b, 500);
    clv_histogram_add(all, b, 500);
    clv_histogram_merge(one, two);
    assert_int_equal(sum_of(one), sum_of(all));
    assert_int_equal(one->zeros, 50);
    assert_true(one->min == all->min && one->max == all->max);
    for (double low = -0.5; low < 40.0; low += 0.5) /* edges of bins, however wide they are */
        assert_int_equal(count_from(one, low), count_from(all, low));
    clv_free(all);
    clv_free(one);
    clv_free(two);
}

static void test_range__minmax_holds_zero_and_all_numbers(void **state)
{
    (void)state;
    const float x[] = {2.0f, 5.0f, 3.0f}, y[] = {-4.0f, -1.0f};
    clv_histogram *h = histogram_of(x, 3), *g = histogram_of(y, 2);
    clv_range r = clv_range_of(h, CLV_RANGE_MINMAX), s = clv_range_of(g, CLV_RANGE_MINMAX);
    assert_true(r.min == 0.0f && r.max == 5.0f);
    assert_true(s.min == -4.0f && s.max == 0.0f);
    clv_free(h);
    clv_free(g);
}

static void test_range__nothing_and_zeros_have_a_quant(void **state)
{
    (void)state;
    const float zeros[4] = {0.0f};
    clv_histogram *h = histogram_of(zeros, 4);
    for (int m = 0; m < CLV_RANGE_METHOD_COUNT; m++) {
        clv_quant q = clv_quant_of_range(clv_range_of(h, (clv_range_method)m));
        assert_true(q.scale > 0.0f);
        assert_int_equal(q.zero_point, 0);
    }
    clv_free(h);
}

static void test_range__not_a_number_is_counted_apart(void **state)
{
    (void)state;
    const float x[] = {1.0f, NAN, INFINITY, -INFINITY};
    clv_histogram *h = histogram_of(x, 4);
    assert_int_equal(h->not_finite, 3);
    assert_int_equal(h->count, 1);
    assert_true(h->max == 1.0f);
    clv_free(h);
}

/* A hundred thousand numbers of [0, 1) and five of 50: what is cut off is the five. */
static void test_range__outliers_are_cut_off(void **state)
{
    (void)state;
    clv_histogram *h = clv_calloc(1, sizeof *h);
    uint32_t seed = 7;
    for (int i = 0; i < 100000; i++) {
        float x = uniform(&seed);
        clv_histogram_add(h, &x, 1);
    }
    for (int i = 0; i < 5; i++)
        clv_histogram_add(h, &(float){50.0f}, 1);
    assert_true(clv_range_of(h, CLV_RANGE_MINMAX).max == 50.0f);
    assert_in_range((int)(clv_range_of(h, CLV_RANGE_PERCENTILE).max * 100.0f), 95, 110);
    assert_true(clv_range_of(h, CLV_RANGE_ENTROPY).max < 25.0f);
    for (int m = 0; m < CLV_RANGE_METHOD_COUNT; m++)
        assert_true(clv_range_of(h, (clv_range_method)m).min == 0.0f);
    clv_free(h);
}

static double squared_error(const float *x, size_t n, clv_range range)
{
    clv_quant q = clv_quant_of_range(range);
    double error = 0.0;
    for (size_t i = 0; i < n; i++) {
        float y = x[i];
        clv_fake_quantise(&y, 1, &q);
        error += (double)(x[i] - y) * (double)(x[i] - y);
    }
    return error;
}

/* Of the numbers themselves, not of bins: no range close by is much better. */
static void test_range__mse_is_the_least_squared_error(void **state)
{
    (void)state;
    enum { N = 40000 };
    float *x = clv_calloc(N, sizeof *x);
    uint32_t seed = 11;
    for (int i = 0; i < N; i++) {
        x[i] = bell(&seed);
        x[i] *= fabsf(x[i]); /* heavy tails */
    }
    clv_histogram *h = histogram_of(x, N);
    clv_range best = clv_range_of(h, CLV_RANGE_MSE), all = clv_range_of(h, CLV_RANGE_MINMAX);
    double least = squared_error(x, N, best);
    assert_true(least < 0.97 * squared_error(x, N, all));
    for (float part = 0.1f; part <= 1.0f; part += 0.05f) {
        clv_range r = {all.min * part, all.max * part};
        assert_true(least < 1.03 * squared_error(x, N, r));
    }
    clv_free(x);
    clv_free(h);
}

static void test_range__zero_is_exact_and_relu_has_zero_point_zero(void **state)
{
    (void)state;
    const clv_range ranges[] = {{0.0f, 6.0f}, {-1.0f, 3.0f}, {-0.03f, 7.0f}, {-9.0f, 0.0f}};
    const int zero_points[] = {0, 64, 1, 255};
    for (int i = 0; i < 4; i++) {
        clv_quant q = clv_quant_of_range(ranges[i]);
        float zero = 0.0f;
        clv_fake_quantise(&zero, 1, &q);
        assert_true(zero == 0.0f);
        assert_int_equal(q.zero_point, zero_points[i]);
    }
}

static void test_range__fake_quantise_rounds_half_to_even_and_saturates(void **state)
{
    (void)state;
    const clv_quant q = {.scale = 0.5f, .zero_point = 10};
    float x[] = {0.25f, 0.75f, 1.25f, -0.25f, 1000.0f, -1000.0f, NAN};
    const float y[] = {0.0f, 1.0f, 1.0f, 0.0f, 122.5f, -5.0f, 0.0f};
    clv_fake_quantise(x, 7, &q);
    for (int i = 0; i < 7; i++)
        assert_true(x[i] == y[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range__histogram_grows_without_losing_a_count),
        cmocka_unit_test(test_range__every_number_lies_in_its_bin),
        cmocka_unit_test(test_range__merged_histograms_are_that_of_all_numbers),
        cmocka_unit_test(test_range__minmax_holds_zero_and_all_numbers),
        cmocka_unit_test(test_range__nothing_and_zeros_have_a_quant),
        cmocka_unit_test(test_range__not_a_number_is_counted_apart),
        cmocka_unit_test(test_range__outliers_are_cut_off),
        cmocka_unit_test(test_range__mse_is_the_least_squared_error),
        cmocka_unit_test(test_range__zero_is_exact_and_relu_has_zero_point_zero),
        cmocka_unit_test(test_range__fake_quantise_rounds_half_to_even_and_saturates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
