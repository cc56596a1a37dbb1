/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "codec/plane_coder.h"

#define MAX_GROUPS 4u

static uint32_t random_bits(void)
{
    static uint32_t seed = 7;
    seed = seed * 1664525u + 1013904223u;
    return seed ^ seed >> 15;
}

/* Frequencies of n symbols: any. */
static void random_table(clv_frequencies *f, unsigned n)
{
    uint64_t seen[CLV_RANS_LEVELS];
    for (unsigned i = 0; i < n; i++)
        seen[i] = random_bits() % 7 == 0 ? 0 : random_bits() >> random_bits() % 28;
    clv_frequencies_fit(f, seen, n);
}

static void random_group(clv_plane_group *g, uint32_t levels, uint32_t contexts)
{
    unsigned high = levels <= 16 ? levels : levels <= 31 ? 16 : (levels + 15) / 16;
    unsigned lower = levels <= 16 ? 0 : levels <= 31 ? 1 : high;

    memset(g, 0, sizeof *g);
    g->levels = levels;
    g->contexts = contexts;
    g->zero = (uint8_t)(random_bits() % levels);
    if (lower == 1)
        g->zero = (uint8_t)(7 + random_bits() % (levels - 14));
    g->empty = (uint16_t)(1 + random_bits() % 4095);
    g->outside = (uint8_t)(random_bits() % levels);
    for (unsigned i = 0; contexts > 1 && i < levels; i++)
        g->classes[i] = (uint8_t)(random_bits() % 128);
    for (unsigned i = 0; contexts > 1 && i < sizeof g->mean_of; i++)
        g->mean_of[i] = (uint8_t)(CLV_PLANE_SPREADS * (random_bits() % CLV_PLANE_MEANS));
    for (unsigned i = 0; contexts > 1 && i < sizeof g->spread_of; i++)
        g->spread_of[i] = (uint8_t)(random_bits() % CLV_PLANE_SPREADS);
    for (unsigned i = 0; i < contexts; i++)
        random_table(&g->high[i], high);
    for (unsigned i = 0; i < lower; i++)
        random_table(&g->low[i], lower == 1             ? levels - 15
                                 : levels - 16 * i < 16 ? levels - 16 * i
                                                        : 16);
}

/* A tensor: its model with memory of exactly what is needed, so that a sanitizer sees any byte
 * beyond. */
typedef struct planes {
    clv_plane_model model;
    clv_plane_group *groups;
    uint8_t *group_of, *symbols, *scratch;
    size_t n;
} planes;

static void planes_make(planes *p, uint32_t count, uint32_t rows, uint32_t cols, uint32_t levels,
                        uint32_t contexts)
{
    p->n = (size_t)count * rows * cols;
    p->groups = calloc(MAX_GROUPS, sizeof *p->groups);
    p->group_of = malloc(count ? count : 1);
    p->symbols = malloc(p->n ? p->n : 1);
    for (unsigned i = 0; i < MAX_GROUPS; i++) /* groups of a tensor may differ */
        random_group(&p->groups[i], i == 3 ? 2 + random_bits() % levels % 15 : levels,
                     i == 2 ? 1 : contexts);
    for (uint32_t i = 0; i < count; i++) {
        const clv_plane_group *g = &p->groups[p->group_of[i] = (uint8_t)(random_bits() % 4)];
        bool empty = random_bits() % 4 == 0;
        for (size_t k = 0; k < (size_t)rows * cols; k++)
            p->symbols[i * (size_t)rows * cols + k] =
                (uint8_t)(empty ? g->zero : random_bits() % g->levels >> random_bits() % 4);
    }
    p->model = (clv_plane_model){count, rows, cols, p->group_of, p->groups, MAX_GROUPS};
    p->scratch = malloc(clv_plane_scratch_bytes(&p->model) + 1);
}

static void planes_done(planes *p)
{
    free(p->groups);
    free(p->group_of);
    free(p->symbols);
    free(p->scratch);
}

static uint8_t *encode(size_t *bytes_out, const planes *p)
{
    size_t cap = 64 + 4 * p->n + p->model.planes;
    uint8_t *dst = malloc(cap);
    assert_int_equal(clv_planes_encode(bytes_out, &p->model, p->symbols, p->scratch, dst, cap),
                     CLV_OK);
    uint8_t *exact = realloc(dst, *bytes_out);
    assert_non_null(exact);
    return exact;
}

static void check_round_trip(const planes *p)
{
    size_t bytes;
    uint8_t *coded = encode(&bytes, p), *back = malloc(p->n + 1);

    memset(back, 0xee, p->n + 1);
    assert_int_equal(clv_planes_decode(back, &p->model, p->scratch, coded, bytes), CLV_OK);
    assert_memory_equal(back, p->symbols, p->n);
    assert_int_equal(back[p->n], 0xee);
    free(coded);
    free(back);
}

static void test_plane_coder__planes_of_every_kind_come_back(void **state)
{
    static const struct {
        uint32_t planes, rows, cols;
    } sizes[] = {{0, 3, 3}, {1, 1, 1}, {3, 1, 1},  {8, 1, 1},    {9, 2, 1},  {17, 1, 7}, {5, 4, 0},
                 {5, 0, 4}, {7, 5, 3}, {16, 3, 5}, {64, 14, 14}, {2, 60, 1}, {1, 1, 300}};
    static const uint32_t levels[] = {2, 3, 8, 15, 16, 17, 18, 30, 31, 32, 33, 100, 255, 256};
    planes p;

    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t l = 0; l < sizeof levels / sizeof levels[0]; l++) {
            for (uint32_t contexts = 1; contexts <= CLV_PLANE_CONTEXTS; contexts += 63) {
                planes_make(&p, sizes[s].planes, sizes[s].rows, sizes[s].cols, levels[l], contexts);
                check_round_trip(&p);
                planes_done(&p);
            }
        }
    }
}

static void test_plane_coder__a_tensor_of_empty_planes_costs_next_to_nothing(void **state)
{
    size_t bytes;
    planes p;

    (void)state;
    planes_make(&p, 200, 7, 7, 8, CLV_PLANE_CONTEXTS);
    for (uint32_t i = 0; i < 200; i++) {
        p.group_of[i] = 0;
        memset(p.symbols + i * 49, p.groups[0].zero, 49);
    }
    p.groups[0].empty = 4000;
    free(encode(&bytes, &p));
    assert_true((double)bytes <= 32 + 200.0 * 0.035 / 8 + 16);
    check_round_trip(&p);
    planes_done(&p);
}

static void test_plane_coder__a_cap_that_is_too_small_is_told(void **state)
{
    size_t bytes, unused = 12345;
    planes p;

    (void)state;
    planes_make(&p, 9, 5, 5, 16, CLV_PLANE_CONTEXTS);
    free(encode(&bytes, &p));
    for (size_t cap = 0; cap < bytes; cap++) {
        uint8_t *dst = malloc(cap ? cap : 1);
        assert_int_equal(clv_planes_encode(&unused, &p.model, p.symbols, p.scratch, dst, cap),
                         CLV_ENOSPC);
        assert_int_equal(unused, 12345);
        free(dst);
    }
    planes_done(&p);
}

/* Every prefix, and something behind. */
static void test_plane_coder__what_is_cut_off_is_refused(void **state)
{
    static const uint32_t levels[] = {6, 25, 40};
    size_t bytes;
    planes p;

    (void)state;
    for (int i = 0; i < 3; i++) {
        planes_make(&p, 11, 4, 6, levels[i], CLV_PLANE_CONTEXTS);
        uint8_t *coded = encode(&bytes, &p), *back = malloc(p.n);
        for (size_t n = 0; n < bytes; n++) {
            uint8_t *cut = malloc(n ? n : 1);
            memcpy(cut, coded, n);
            assert_int_equal(clv_planes_decode(back, &p.model, p.scratch, cut, n), CLV_EFORMAT);
            free(cut);
        }
        uint8_t *longer = calloc(bytes + 2, 1);
        memcpy(longer, coded, bytes);
        assert_int_equal(clv_planes_decode(back, &p.model, p.scratch, longer, bytes + 2),
                         CLV_EFORMAT);
        free(longer);
        free(coded);
        free(back);
        planes_done(&p);
    }
}

/* Each bit of a message flipped in turn: never other symbols. */
static void test_plane_coder__damage_is_told(void **state)
{
    size_t bytes;
    planes p;

    (void)state;
    planes_make(&p, 19, 6, 6, 12, CLV_PLANE_CONTEXTS);
    uint8_t *coded = encode(&bytes, &p), *back = malloc(p.n);
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        coded[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(clv_planes_decode(back, &p.model, p.scratch, coded, bytes), CLV_EFORMAT);
        coded[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(clv_planes_decode(back, &p.model, p.scratch, coded, bytes), CLV_OK);
    free(coded);
    free(back);
    planes_done(&p);
}

static void test_plane_coder__any_bytes_give_symbols_in_range_or_an_error(void **state)
{
    uint8_t noise[300], back[12 * 9];
    planes p;

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        planes_make(&p, 12, 3, 3, 2 + random_bits() % 255, round % 2 ? 1 : CLV_PLANE_CONTEXTS);
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)random_bits();
        memset(back, 0, sizeof back);
        assert_int_equal(
            clv_planes_decode(back, &p.model, p.scratch, noise, random_bits() % sizeof noise),
            CLV_EFORMAT);
        for (size_t i = 0; i < sizeof back; i++)
            assert_true(back[i] < p.groups[p.group_of[i / 9]].levels);
        planes_done(&p);
    }
}

/* A source that follows its tables is coded within 1% of its entropy, and so are its contexts. */
static void test_plane_coder__the_size_is_that_of_the_entropy(void **state)
{
    uint64_t seen[CLV_PLANE_CONTEXTS][8] = {{0}};
    double bits = 0;
    size_t bytes, n = 64 * 64;
    planes p;

    (void)state;
    planes_make(&p, 16, 64, 64, 8, 1);
    for (size_t i = 0; i < p.n; i++)
        seen[0][p.symbols[i] = (uint8_t)__builtin_ctz(random_bits() | 0x80u)]++;
    memset(p.group_of, 0, 16);
    clv_frequencies_fit(&p.groups[0].high[0], seen[0], 8);
    for (unsigned s = 0; s < 8; s++)
        bits -= (double)seen[0][s] * log2((double)seen[0][s] / (16.0 * (double)n));
    free(encode(&bytes, &p));
    assert_true((double)bytes < bits / 8 * 1.005 + 64);
    assert_true((double)bytes > bits / 8 * 0.999);
    planes_done(&p);
}

static void test_frequencies__fit_leaves_none_out_and_adds_up(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        unsigned n = 1 + random_bits() % 16, sum = 0;
        clv_frequencies f;
        random_table(&f, n);
        for (unsigned i = 0; i < CLV_RANS_LEVELS; i++) {
            assert_int_equal(f.start[i], sum);
            assert_true(i < n ? f.count[i] > 0 : f.count[i] == 0);
            sum += f.count[i];
        }
        assert_int_equal(sum, CLV_RANS_TOTAL);
    }
    uint64_t even[4] = {5, 5, 5, 5}, one[3] = {0, 1000000, 0};
    clv_frequencies f;
    clv_frequencies_fit(&f, even, 4);
    assert_int_equal(f.count[3], 1024);
    clv_frequencies_fit(&f, one, 3);
    assert_int_equal(f.count[1], 4094);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plane_coder__planes_of_every_kind_come_back),
        cmocka_unit_test(test_plane_coder__a_tensor_of_empty_planes_costs_next_to_nothing),
        cmocka_unit_test(test_plane_coder__a_cap_that_is_too_small_is_told),
        cmocka_unit_test(test_plane_coder__what_is_cut_off_is_refused),
        cmocka_unit_test(test_plane_coder__damage_is_told),
        cmocka_unit_test(test_plane_coder__any_bytes_give_symbols_in_range_or_an_error),
        cmocka_unit_test(test_plane_coder__the_size_is_that_of_the_entropy),
        cmocka_unit_test(test_frequencies__fit_leaves_none_out_and_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
