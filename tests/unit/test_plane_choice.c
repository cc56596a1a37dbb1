/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "codec/plane_choice.h"
#include "codec/plane_context.h"

#define PLANES 19u /* two batches of the coder and a part of one */
#define ROWS 40u
#define COLS 70u
#define ELEMS (ROWS * COLS)
#define GROUPS 3u
#define PRICE 0.12

static uint32_t random_bits(void)
{
    static uint32_t seed = 11;
    seed = seed * 1664525u + 1013904223u;
    return seed ^ seed >> 15;
}

static float random_normal(void)
{
    float sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (float)((double)random_bits() / UINT32_MAX) - 0.5f;
    return sum * 1.7f;
}

/* A tensor whose groups are alike but for their levels, few, escaped and wide: symbols are the
 * rarer the further they are from zero. */
typedef struct fixture {
    clv_plane_group groups[GROUPS];
    int8_t centre[CLV_PLANE_MAX_LEVELS];
    clv_plane_choice choices[GROUPS];
    uint8_t group_of[PLANES], symbols[PLANES * ELEMS], nearest[PLANES * ELEMS];
    uint8_t parts[PLANES * ELEMS];
    float numbers[PLANES * ELEMS];
    clv_plane_model model;
    uint8_t *scratch;
} fixture;

static void fit(clv_frequencies *out, int first, unsigned n, double spread)
{
    uint64_t seen[CLV_RANS_LEVELS];
    for (unsigned i = 0; i < n; i++)
        seen[i] = 1 + (uint64_t)(4000 * exp(-abs(first + (int)i) / spread));
    clv_frequencies_fit(out, seen, n);
}

static void make_group(clv_plane_group *g, uint32_t levels, uint8_t zero)
{
    memset(g, 0, sizeof *g);
    g->levels = levels;
    g->zero = zero;
    g->outside = 0;
    g->contexts = CLV_PLANE_CONTEXTS;
    g->empty = 500;
    for (unsigned s = 0; s < levels; s++) {
        int n = (int)s - zero, far = abs(n) < 7 ? abs(n) : 7;
        g->classes[s] = (uint8_t)((n < -7 ? 0 : n > 8 ? 15 : n + 7) | far << 4);
    }
    for (unsigned i = 0; i < sizeof g->mean_of; i++)
        g->mean_of[i] = (uint8_t)(CLV_PLANE_SPREADS * (i / 11 < 15 ? i / 11 : 15));
    for (unsigned i = 0; i < sizeof g->spread_of; i++)
        g->spread_of[i] = (uint8_t)(i / 16 < 3 ? i / 16 : 3);
    for (unsigned k = 0; k < CLV_PLANE_CONTEXTS; k++) {
        double spread = 0.3 + k % 4 * 0.6 + k / 4 * 0.1;
        if (levels <= 16)
            fit(&g->high[k], -zero, levels, spread);
        else if (levels <= CLV_PLANE_MAX_ESCAPED)
            fit(&g->high[k], -7, 16, spread);
        else
            fit(&g->high[k], -(zero >> 4), (levels + 15) / 16, spread / 16 + 0.3);
    }
    fit(&g->low[0], 0, levels > 16 && levels <= CLV_PLANE_MAX_ESCAPED ? levels - 15 : 16, 9);
    for (unsigned i = 1; i < CLV_RANS_LEVELS; i++)
        fit(&g->low[i], 0, 16, 9);
}

static fixture *setup(double price)
{
    fixture *f = calloc(1, sizeof *f);

    make_group(&f->groups[0], 9, 4);
    make_group(&f->groups[1], 25, 9);
    make_group(&f->groups[2], 256, 128);
    for (unsigned s = 0; s < CLV_PLANE_MAX_LEVELS; s++)
        f->centre[s] = (int8_t)((int)(random_bits() % 41) - 20);
    for (unsigned g = 0; g < GROUPS; g++)
        clv_plane_choice_make(&f->choices[g], &f->groups[g], f->centre, price);
    f->model = (clv_plane_model){PLANES, ROWS, COLS, f->group_of, f->groups, GROUPS};
    for (unsigned p = 0; p < PLANES; p++) {
        float *v = f->numbers + p * ELEMS, size = p % 5 == 4 ? 0.1f : 0.5f + (float)(p % 4);
        f->group_of[p] = (uint8_t)(p % GROUPS);
        for (unsigned i = 0; i < ELEMS; i++)
            v[i] = size * random_normal() + (i > 0 ? 0.6f * v[i - 1] : 0);
        clv_plane_nearest(f->nearest + p * ELEMS, f->parts + p * ELEMS, v, ELEMS,
                          &f->groups[p % GROUPS]);
    }
    memcpy(f->symbols, f->nearest, sizeof f->symbols);
    f->scratch = malloc(clv_plane_scratch_bytes(&f->model));
    clv_planes_choose(f->symbols, f->parts, &f->model, f->choices, f->scratch);
    return f;
}

static void done(fixture *f)
{
    free(f->scratch);
    free(f);
}

static void test_plane_choice__nearest_is_nearest(void **state)
{
    fixture *f = setup(0);

    (void)state;
    for (unsigned i = 0; i < PLANES * ELEMS; i++) {
        const clv_plane_group *g = &f->groups[f->group_of[i / ELEMS]];
        int n = f->nearest[i] - g->zero, highest = (int)g->levels - 1 - g->zero;
        float off = fabsf(f->numbers[i] - (float)n);
        bool clipped = n == -g->zero || n == highest;
        assert_true(off <= 0.5f || (clipped && (f->numbers[i] < 0) == (n < 0)));
        float over = (fabsf(f->numbers[i]) - (float)abs(n) + 1) * 64;
        assert_int_equal(f->parts[i], over < 255 ? (int)over : 255);
    }
    done(f);
}

static void test_plane_choice__any_number_has_a_symbol(void **state)
{
    float odd[] = {NAN, -NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 0.0f, -0.0f};
    uint8_t symbols[8], parts[8];
    clv_plane_group g;

    (void)state;
    make_group(&g, 9, 4);
    clv_plane_nearest(symbols, parts, odd, 8, &g);
    for (unsigned i = 0; i < 8; i++)
        assert_true(symbols[i] < 9);
    assert_int_equal(symbols[2], 8);
    assert_int_equal(symbols[3], 0);
    assert_int_equal(symbols[6], 4);
    assert_int_equal(symbols[7], 4);
}

static void test_plane_choice__free_bits_change_nothing(void **state)
{
    fixture *f = setup(0);

    (void)state;
    assert_memory_equal(f->symbols, f->nearest, sizeof f->symbols);
    done(f);
}

/* --- against the definition ------------------------------------------------------------------- */

static double bits_of(const clv_plane_group *g, unsigned context, unsigned s)
{
    const clv_frequencies *high = &g->high[context];
    int near = (int)s - g->zero + 7;
    double p;

    if (g->levels <= 16)
        p = high->count[s] / 4096.0;
    else if (g->levels > 31)
        p = high->count[s / 16] / 4096.0 * g->low[s / 16].count[s % 16] / 4096.0;
    else if (near >= 0 && near < 15)
        p = high->count[near] / 4096.0;
    else
        p = high->count[15] / 4096.0 * g->low[0].count[near < 0 ? s : s - 15] / 4096.0;
    return -log2(p);
}

static uint8_t class_at(const fixture *f, unsigned p, int y, int x)
{
    const clv_plane_group *g = &f->groups[f->group_of[p]];
    bool inside = y >= 0 && x >= 0 && x < (int)COLS;
    return g
        ->classes[inside ? f->symbols[p * ELEMS + (unsigned)y * COLS + (unsigned)x] : g->outside];
}

/* What symbol @p s costs for the number at @p at: squared steps, and bits at their price. */
static double cost_of(const fixture *f, size_t at, unsigned context, int s)
{
    const clv_plane_group *g = &f->groups[f->group_of[at / ELEMS]];
    double error = f->numbers[at] - (s - g->zero + f->centre[s] / 128.0);
    return error * error + PRICE * bits_of(g, context, (unsigned)s);
}

/* Every symbol of a plane is the cheaper one of the nearest and the one before it, or they cost
 * almost the same. @return how many aren't the nearest. */
static unsigned check_plane(const fixture *f, unsigned p, const uint8_t *activity)
{
    const clv_plane_group *g = &f->groups[f->group_of[p]];
    unsigned changed = 0;

    for (unsigned i = 0; i < ELEMS; i++) {
        int y = (int)(i / COLS), x = (int)(i % COLS);
        size_t at = p * ELEMS + i;
        int chosen = f->symbols[at], nearest = f->nearest[at], n = nearest - g->zero;
        unsigned sums =
            clv_plane_sums(class_at(f, p, y, x - 1), class_at(f, p, y - 1, x),
                           class_at(f, p, y - 1, x - 1), class_at(f, p, y - 1, x + 1), activity[i]);
        unsigned context = clv_plane_context(g, sums);
        int before = n == 0 || abs(n) > 15 ? nearest : nearest - (n < 0 ? -1 : 1);
        double stays = cost_of(f, at, context, nearest), goes = cost_of(f, at, context, before);
        assert_true(chosen == nearest || chosen == before);
        if (fabs(stays - goes) > 0.03)
            assert_int_equal(chosen, goes < stays ? before : nearest);
        changed += chosen != nearest;
    }
    return changed;
}

static bool is_empty(const fixture *f, unsigned p)
{
    for (unsigned i = 0; i < ELEMS; i++) {
        if (f->nearest[p * ELEMS + i] != f->groups[f->group_of[p]].zero)
            return false;
    }
    return true;
}

static void test_plane_choice__the_cheaper_one_of_two(void **state)
{
    fixture *f = setup(PRICE);
    uint8_t activity[ELEMS];
    unsigned batch[CLV_PLANE_LANES], count = 0, changed = 0, empty = 0;

    (void)state;
    memset(f->numbers, 0, ELEMS * sizeof *f->numbers); /* and one plane that is empty */
    clv_plane_nearest(f->nearest, f->parts, f->numbers, ELEMS, &f->groups[0]);
    memcpy(f->symbols, f->nearest, sizeof f->symbols);
    clv_planes_choose(f->symbols, f->parts, &f->model, f->choices, f->scratch);
    memset(activity, CLV_PLANE_FIRST_ACTIVITY, sizeof activity);
    for (unsigned p = 0; p < PLANES; p++) {
        changed += check_plane(f, p, activity);
        empty += is_empty(f, p);
        if (!is_empty(f, p))
            batch[count++] = p;
        for (unsigned i = 0; i < ELEMS && count == CLV_PLANE_LANES; i++) {
            unsigned sum = 0;
            for (unsigned k = 0; k < count; k++)
                sum += clv_plane_deviation(class_at(f, batch[k], (int)(i / COLS), (int)(i % COLS)));
            activity[i] = clv_plane_activity(activity[i], sum);
        }
        count = count == CLV_PLANE_LANES ? 0 : count;
    }
    assert_true(empty > 0);
    assert_in_range(changed, PLANES * ELEMS / 50, PLANES * ELEMS / 3);
    done(f);
}

/* What it is for: coded, error and bytes at their price are less than the nearest symbols'. */
static void test_plane_choice__it_pays(void **state)
{
    fixture *f = setup(PRICE);
    const uint8_t *both[] = {f->nearest, f->symbols};
    double cost[2], error[2] = {0, 0};
    size_t bytes[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t *coded = malloc(PLANES * ELEMS * 3);
        assert_int_equal(
            clv_planes_encode(&bytes[i], &f->model, both[i], f->scratch, coded, PLANES * ELEMS * 3),
            CLV_OK);
        for (unsigned k = 0; k < PLANES * ELEMS; k++) {
            int s = both[i][k], zero = f->groups[f->group_of[k / ELEMS]].zero;
            double off = f->numbers[k] - (s - zero + f->centre[s] / 128.0);
            error[i] += off * off;
        }
        cost[i] = error[i] + PRICE * 8 * (double)bytes[i];
        free(coded);
    }
    assert_true(bytes[1] < bytes[0]);
    assert_true(error[1] > error[0]);
    assert_true(cost[1] < cost[0]);
    done(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plane_choice__nearest_is_nearest),
        cmocka_unit_test(test_plane_choice__any_number_has_a_symbol),
        cmocka_unit_test(test_plane_choice__free_bits_change_nothing),
        cmocka_unit_test(test_plane_choice__the_cheaper_one_of_two),
        cmocka_unit_test(test_plane_choice__it_pays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
