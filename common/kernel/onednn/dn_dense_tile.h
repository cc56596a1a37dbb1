/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DN_DENSE_TILE_H
#define CLV_DN_DENSE_TILE_H

/** @file dn_dense_tile.h: what AVX2 code for sums of products of 16 bits has in common. Six pixels
 * by 16 channels of sums stay in registers; VPMADDWD makes two products of each and their sum. */

#include "kernel/onednn/dn_dense.h"
#include "kernel/onednn/dn_simd.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define CLV_DENSE_TILE 6u /* pixels */

#define CLV_AVX2_INLINE CLV_AVX2 static inline __attribute__((always_inline))

/* --- sums ---------------------------------------------------------------------------------- */

typedef struct clv_dense_sums {
    __m256i half[CLV_DENSE_TILE][2];
} clv_dense_sums;

/* A window: runs of numbers that lie side by side, in pairs. */
typedef struct clv_dense_window {
    const size_t *runs; /* where each begins */
    size_t n_runs, run; /* run: pairs of one */
} clv_dense_window;

CLV_AVX2_INLINE void add(__m256i *sum, __m256i x, __m256i w)
{
    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(x, w));
    __asm__("" : "+x"(*sum)); /* regrouped, the sums would need more registers than there are */
}

/* Two numbers of pixel i times their weights. The sums have names because compilers leave an array
 * of them in memory. */
#define ADD_PIXEL(i)                                                                               \
    if (m > (i)) {                                                                                 \
        int32_t two;                                                                               \
        memcpy(&two, from##i + 2 * k, sizeof two);                                                 \
        __m256i pair = _mm256_set1_epi32(two);                                                     \
        add(&low##i, pair, _mm256_load_si256(w));                                                  \
        if (halves == 2)                                                                           \
            add(&high##i, pair, _mm256_load_si256(w + 1));                                         \
    }

#define FROM_PIXEL(i) const int16_t *from##i = x[m > (i) ? (i) : 0] + window->runs[r]
#define ZERO_PIXEL(i) __m256i low##i = _mm256_setzero_si256(), high##i = low##i
#define KEEP_PIXEL(i) (s->half[i][0] = low##i, s->half[i][1] = high##i)
#define EACH_PIXEL(do_it) do_it(0), do_it(1), do_it(2), do_it(3), do_it(4), do_it(5)

/* @p m pixels, @p halves of a panel: both are known when this is compiled. */
CLV_AVX2_INLINE void clv_dense_sum_tile(clv_dense_sums *s, const clv_dense_window *window,
                                        const int16_t *const *x, const int16_t *weights, size_t m,
                                        size_t halves)
{
    const __m256i *w = (const __m256i *)(const void *)weights;
    const size_t n_runs = window->n_runs, run = window->run;
    ZERO_PIXEL(0);
    ZERO_PIXEL(1);
    ZERO_PIXEL(2);
    ZERO_PIXEL(3);
    ZERO_PIXEL(4);
    ZERO_PIXEL(5);

    for (size_t r = 0; r < n_runs; r++) {
        FROM_PIXEL(0);
        FROM_PIXEL(1);
        FROM_PIXEL(2);
        FROM_PIXEL(3);
        FROM_PIXEL(4);
        FROM_PIXEL(5);
        for (size_t k = 0; k < run; k++, w += 2) {
            ADD_PIXEL(0)
            ADD_PIXEL(1)
            ADD_PIXEL(2)
            ADD_PIXEL(3)
            ADD_PIXEL(4)
            ADD_PIXEL(5)
        }
    }
    EACH_PIXEL(KEEP_PIXEL);
}

/* --- the output ---------------------------------------------------------------------------- */

/* Eight numbers of a residual. */
CLV_AVX2_INLINE __m256 load_numbers(const void *from, clv_dense_type type)
{
    if (type == CLV_DENSE_F32)
        return _mm256_loadu_ps(from);
    __m128i bytes = _mm_loadl_epi64(from);
    return _mm256_cvtepi32_ps(type == CLV_DENSE_I8 ? _mm256_cvtepi8_epi32(bytes)
                                                   : _mm256_cvtepu8_epi32(bytes));
}

static inline size_t clv_dense_bytes_each(clv_dense_type type)
{
    return type == CLV_DENSE_F32 ? sizeof(float) : 1;
}

/* @p n channels of a pixel, of which there is @p room in memory. */
CLV_AVX2_INLINE void clv_dense_store_eight(const clv_dense *d, __m256i sum, size_t channel, char *y,
                                           const char *residual, size_t room)
{
    char part[32] = {0};
    __m256 v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(d->scale + channel),
                               _mm256_loadu_ps(d->bias + channel));

    if (residual != NULL) {
        if (room < 8)
            memcpy(part, residual, room * clv_dense_bytes_each(d->residual));
        v = _mm256_fmadd_ps(load_numbers(room < 8 ? part : residual, d->residual),
                            _mm256_set1_ps(d->residual_scale), v);
    }
    if (clv_dn_curve_is_there(&d->curve))
        v = clv_dn_curve_eight(&d->curve, v);
    v = _mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(d->low)), _mm256_set1_ps(d->high));
    char *to = room < 8 ? part : y;
    if (d->y == CLV_DENSE_F32) {
        _mm256_storeu_ps((float *)(void *)to, v);
    } else {
        __m256i steps = _mm256_cvtps_epi32(v);
        __m128i words =
            _mm_packs_epi32(_mm256_castsi256_si128(steps), _mm256_extracti128_si256(steps, 1));
        words =
            d->y == CLV_DENSE_I8 ? _mm_packs_epi16(words, words) : _mm_packus_epi16(words, words);
        _mm_storel_epi64((__m128i *)(void *)to, words);
    }
    if (room < 8)
        memcpy(y, part, room * clv_dense_bytes_each(d->y));
}

/* Whether pieces are rows (of all images) or panels: what divides more evenly. */
static inline bool clv_dense_splits_rows(const clv_dense *d, size_t rows, size_t n_panels)
{
    size_t each = (rows + d->pieces - 1) / d->pieces;
    return n_panels < d->pieces || each * d->pieces * 8 <= rows * 9;
}

#endif
#endif
