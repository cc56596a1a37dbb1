/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/temporal.h"

#define MAX_GROUPS 3u

static uint32_t random_bits(void)
{
    static uint32_t seed = 11;
    seed = seed * 1664525u + 1013904223u;
    return seed ^ seed >> 15;
}

/* Two frames of a tensor, with memory of exactly what is needed, so that a sanitizer sees any byte
 * beyond. */
typedef struct frames {
    clv_plane_model model;
    clv_plane_group *groups;
    uint8_t *group_of, *symbols, *reference, *scratch;
    size_t n;
} frames;

/* Of @p rare symbols one differs from the reference's, by anything: 1 is all. */
static void frames_make(frames *f, uint32_t planes, uint32_t rows, uint32_t cols, uint32_t levels,
                        uint32_t rare)
{
    size_t each = (size_t)rows * cols;

    f->n = planes * each;
    f->groups = calloc(MAX_GROUPS, sizeof *f->groups);
    f->group_of = malloc(planes ? planes : 1);
    f->symbols = malloc(f->n ? f->n : 1);
    f->reference = malloc(f->n ? f->n : 1);
    for (uint32_t g = 0; g < MAX_GROUPS; g++) {
        f->groups[g].levels = g == 0 ? levels : 2 + random_bits() % (levels - 1);
        f->groups[g].zero = (uint8_t)(random_bits() % f->groups[g].levels);
    }
    for (uint32_t p = 0; p < planes; p++) {
        const clv_plane_group *g = &f->groups[f->group_of[p] = (uint8_t)(random_bits() % 3)];
        for (size_t k = p * each; k < (p + 1) * each; k++) {
            f->reference[k] = (uint8_t)(random_bits() % 2 ? g->zero : random_bits() % g->levels);
            f->symbols[k] =
                (uint8_t)(random_bits() % rare == 0 ? random_bits() % g->levels : f->reference[k]);
        }
    }
    f->model = (clv_plane_model){planes, rows, cols, f->group_of, f->groups, MAX_GROUPS};
    size_t scratch_bytes = clv_temporal_scratch_bytes(&f->model);
    f->scratch = malloc(scratch_bytes ? scratch_bytes : 1);
}

static void frames_done(frames *f)
{
    free(f->groups);
    free(f->group_of);
    free(f->symbols);
    free(f->reference);
    free(f->scratch);
}

static uint8_t *encode(size_t *bytes_out, const frames *f)
{
    size_t cap = 64 + 4 * f->n;
    uint8_t *dst = malloc(cap);
    assert_int_equal(
        clv_temporal_encode(bytes_out, &f->model, f->symbols, f->reference, f->scratch, dst, cap),
        CLV_OK);
    uint8_t *exact = realloc(dst, *bytes_out);
    assert_non_null(exact);
    return exact;
}

static clv_status decode(uint8_t *back, const frames *f, const uint8_t *src, size_t bytes)
{
    return clv_temporal_decode(back, &f->model, f->reference, f->scratch, src, bytes);
}

static void test_temporal__frames_of_every_kind_come_back(void **state)
{
    static const struct {
        uint32_t planes, rows, cols;
    } sizes[] = {{0, 3, 3}, {1, 1, 1}, {3, 1, 1}, {8, 1, 1},    {9, 2, 1},  {17, 1, 7},  {5, 4, 0},
                 {5, 0, 4}, {7, 5, 3}, {6, 9, 9}, {64, 14, 14}, {2, 60, 1}, {200, 1, 13}};
    static const uint32_t levels[] = {2, 3, 8, 10, 11, 16, 17, 33, 100, 255, 256};
    frames f;

    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t l = 0; l < sizeof levels / sizeof levels[0]; l++) {
            frames_make(&f, sizes[s].planes, sizes[s].rows, sizes[s].cols, levels[l],
                        1u << l % 3 * 3);
            size_t bytes;
            uint8_t *coded = encode(&bytes, &f), *back = malloc(f.n + 1);
            back[f.n] = 0xee;
            assert_int_equal(decode(back, &f, coded, bytes), CLV_OK);
            assert_memory_equal(back, f.symbols, f.n);
            assert_int_equal(back[f.n], 0xee);
            free(coded);
            free(back);
            frames_done(&f);
        }
    }
}

/* Every pair of symbol and reference: ranks are a permutation. */
static void test_temporal__any_symbol_can_follow_any(void **state)
{
    static const uint32_t levels[] = {2, 3, 4, 7, 12, 13, 40, 256};
    frames f;

    (void)state;
    for (size_t l = 0; l < sizeof levels / sizeof levels[0]; l++) {
        uint32_t n = levels[l];
        frames_make(&f, 3, n, n, n, 1);
        for (uint32_t zero = 0; zero < 3; zero++) {
            f.groups[zero] = (clv_plane_group){.levels = n, .zero = (uint8_t)(zero * (n - 1) / 2)};
            f.group_of[zero] = (uint8_t)zero;
            for (size_t k = 0; k < (size_t)n * n; k++) {
                f.symbols[zero * n * n + k] = (uint8_t)(k % n);
                f.reference[zero * n * n + k] = (uint8_t)(k / n);
            }
        }
        size_t bytes;
        uint8_t *coded = encode(&bytes, &f), *back = malloc(f.n);
        assert_int_equal(decode(back, &f, coded, bytes), CLV_OK);
        assert_memory_equal(back, f.symbols, f.n);
        free(coded);
        free(back);
        frames_done(&f);
    }
}

static void test_temporal__a_still_scene_costs_next_to_nothing(void **state)
{
    size_t still, few, all;
    frames f;

    (void)state;
    frames_make(&f, 64, 14, 14, 12, UINT32_MAX);
    free(encode(&still, &f));
    frames_done(&f);
    frames_make(&f, 64, 14, 14, 12, 100);
    free(encode(&few, &f));
    frames_done(&f);
    frames_make(&f, 64, 14, 14, 12, 1);
    free(encode(&all, &f));
    frames_done(&f);
    /* 12544 symbols; one in a hundred is a bit each of 0.08, and what it became. */
    assert_true(still < 16 + 40);
    assert_true((double)few < 16 + 12544 * (0.081 + 0.01 * 5.5) / 8);
    assert_true((double)all < 16 + 12544 * 3.6 / 8);
}

static void test_temporal__a_cap_that_is_too_small_is_told(void **state)
{
    size_t bytes, unused = 12345;
    frames f;

    (void)state;
    frames_make(&f, 9, 5, 5, 16, 2);
    free(encode(&bytes, &f));
    for (size_t cap = 0; cap < bytes; cap++) {
        uint8_t *dst = malloc(cap ? cap : 1);
        assert_int_equal(
            clv_temporal_encode(&unused, &f.model, f.symbols, f.reference, f.scratch, dst, cap),
            CLV_ENOSPC);
        assert_int_equal(unused, 12345);
        free(dst);
    }
    frames_done(&f);
}

/* Every prefix, something behind, each bit flipped, and another reference: never other symbols. */
static void test_temporal__damage_is_told(void **state)
{
    static const uint32_t levels[] = {6, 25, 200};
    size_t bytes;
    frames f;

    (void)state;
    for (int i = 0; i < 3; i++) {
        frames_make(&f, 11, 4, 6, levels[i], 3);
        uint8_t *coded = encode(&bytes, &f), *back = malloc(f.n), *longer = calloc(bytes + 2, 1);
        for (size_t n = 0; n < bytes; n++) {
            uint8_t *cut = malloc(n ? n : 1);
            memcpy(cut, coded, n);
            assert_int_equal(decode(back, &f, cut, n), CLV_EFORMAT);
            free(cut);
        }
        memcpy(longer, coded, bytes);
        assert_int_equal(decode(back, &f, longer, bytes + 2), CLV_EFORMAT);
        for (size_t bit = 0; bit < 8 * bytes; bit++) {
            coded[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(decode(back, &f, coded, bytes), CLV_EFORMAT);
            coded[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t k = 0; k < 24; k++) { /* of one symbol the same may follow by chance */
            uint32_t most = f.groups[f.group_of[0]].levels - 1;
            f.reference[k] = (uint8_t)(f.reference[k] == most ? 0 : f.reference[k] + 1);
        }
        assert_int_equal(decode(back, &f, coded, bytes), CLV_EFORMAT);
        free(longer);
        free(coded);
        free(back);
        frames_done(&f);
    }
}

static void test_temporal__any_bytes_give_symbols_in_range_or_an_error(void **state)
{
    uint8_t noise[300], back[12 * 9];
    frames f;

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        frames_make(&f, 12, 3, 3, 2 + random_bits() % 255, 4);
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)random_bits();
        memset(back, 0, sizeof back);
        assert_int_equal(decode(back, &f, noise, random_bits() % sizeof noise), CLV_EFORMAT);
        for (size_t i = 0; i < sizeof back; i++)
            assert_true(back[i] < f.groups[f.group_of[i / 9]].levels);
        frames_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_temporal__frames_of_every_kind_come_back),
        cmocka_unit_test(test_temporal__any_symbol_can_follow_any),
        cmocka_unit_test(test_temporal__a_still_scene_costs_next_to_nothing),
        cmocka_unit_test(test_temporal__a_cap_that_is_too_small_is_told),
        cmocka_unit_test(test_temporal__damage_is_told),
        cmocka_unit_test(test_temporal__any_bytes_give_symbols_in_range_or_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
