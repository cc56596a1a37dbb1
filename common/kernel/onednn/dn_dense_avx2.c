/* SPDX-License-Identifier: Apache-2.0 */
/* Six pixels by 16 channels of sums stay in registers; VPMADDWD makes two products of each and
 * their sum. */
#include "kernel/onednn/dn_dense.h"

#include "kernel/onednn/dn_simd.h"

#define TILE 6u /* pixels */

#if defined(__x86_64__)

#include <immintrin.h>

#define CLV_AVX2_INLINE CLV_AVX2 static inline __attribute__((always_inline))

/* A strip of output rows of one image, with the source that it needs. */
typedef struct strip {
    const clv_dense *d;
    const int16_t *source;
    char *y;              /* of the strip's first pixel, channel 0; */
    const char *residual; /* the same; NULL: none */
    size_t n_pixels;
} strip;

/* --- widening ------------------------------------------------------------------------------ */

CLV_AVX2_INLINE void widen(int16_t *out, const uint8_t *x, size_t n, bool is_signed, int32_t zero)
{
    const __m256i zeros = _mm256_set1_epi16((short)zero);
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(x + i));
        __m256i wide = is_signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
        _mm256_storeu_si256((__m256i *)(void *)(out + i), _mm256_sub_epi16(wide, zeros));
    }
    for (; i < n; i++)
        out[i] = (int16_t)((is_signed ? (int8_t)x[i] : x[i]) - zero);
}

/* Rows [first, first + n) of an image, counted with its padding above. */
CLV_AVX2 static void widen_rows(const clv_dense *d, int16_t *out, const uint8_t *image,
                                size_t first, size_t n)
{
    size_t row = d->padded_w * d->channels, left = d->pad_w * d->channels, inside;

    inside = d->w * d->channels;
    for (size_t i = 0; i < n; i++, out += row) {
        size_t y = first + i - d->pad_h; /* wraps round above the image */
        if (y >= d->h) {
            memset(out, 0, row * sizeof *out);
            continue;
        }
        memset(out, 0, left * sizeof *out);
        if (d->x == CLV_DENSE_I8)
            widen(out + left, image + y * inside, inside, true, d->zero);
        else
            widen(out + left, image + y * inside, inside, false, d->zero);
        memset(out + left + inside, 0, (row - left - inside) * sizeof *out);
    }
    memset(out, 0, 16 * sizeof *out); /* an odd run's last pair reaches one number too far */
}

/* --- sums ---------------------------------------------------------------------------------- */

typedef struct sums {
    __m256i half[TILE][2];
} sums;

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

#define FROM_PIXEL(i) const int16_t *from##i = x[m > (i) ? (i) : 0] + d->runs[r]
#define ZERO_PIXEL(i) __m256i low##i = _mm256_setzero_si256(), high##i = low##i
#define KEEP_PIXEL(i) (s->half[i][0] = low##i, s->half[i][1] = high##i)
#define EACH_PIXEL(do_it) do_it(0), do_it(1), do_it(2), do_it(3), do_it(4), do_it(5)

/* @p m pixels, @p halves of a panel: both are known when this is compiled. */
CLV_AVX2_INLINE void sum_tile(sums *s, const clv_dense *d, const int16_t *const *x,
                              const int16_t *weights, size_t m, size_t halves)
{
    const __m256i *w = (const __m256i *)(const void *)weights;
    const size_t n_runs = d->n_runs, run = d->run;
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

static inline size_t bytes_each(clv_dense_type type)
{
    return type == CLV_DENSE_F32 ? sizeof(float) : 1;
}

/* @p n channels of a pixel, of which there is @p room in memory. */
CLV_AVX2_INLINE void store_eight(const clv_dense *d, __m256i sum, size_t channel, char *y,
                                 const char *residual, size_t room)
{
    char part[32] = {0};
    __m256 v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(d->scale + channel),
                               _mm256_loadu_ps(d->bias + channel));

    if (residual != NULL) {
        if (room < 8)
            memcpy(part, residual, room * bytes_each(d->residual));
        v = _mm256_fmadd_ps(load_numbers(room < 8 ? part : residual, d->residual),
                            _mm256_set1_ps(d->residual_scale), v);
    }
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
        memcpy(y, part, room * bytes_each(d->y));
}

/* Where the next pixel of a strip is. */
typedef struct cursor {
    size_t index, column;
    const int16_t *x, *row; /* its window; that of its row's first pixel */
} cursor;

CLV_AVX2_INLINE const int16_t *next_window(cursor *at, const clv_dense *d)
{
    const int16_t *x = at->x;

    at->index++;
    at->x += d->stride_w * d->channels;
    if (++at->column == d->out_w) {
        at->column = 0;
        at->x = at->row += d->stride_h * d->padded_w * d->channels;
    }
    return x;
}

/* The next @p m pixels at the channels of @p panel. */
CLV_AVX2_INLINE void make_tile(const strip *s, size_t panel, cursor *next, size_t m, size_t halves)
{
    const clv_dense *d = s->d;
    size_t c = panel * CLV_DENSE_PANEL, n = d->out_channels - c;
    size_t at = next->index * d->out_channels + c;
    const int16_t *x[TILE];
    sums t;

    for (size_t i = 0; i < m; i++)
        x[i] = next_window(next, d);
    sum_tile(&t, d, x, d->weights + panel * d->n_runs * d->run * 2 * CLV_DENSE_PANEL, m, halves);
    for (size_t i = 0; i < m; i++, at += d->out_channels) {
        for (size_t half = 0; half < halves; half++) {
            size_t from = at + 8 * half;
            store_eight(d, t.half[i][half], c + 8 * half, s->y + from * bytes_each(d->y),
                        s->residual == NULL ? NULL : s->residual + from * bytes_each(d->residual),
                        n - 8 * half);
        }
    }
}

CLV_AVX2_INLINE void make_panel(const strip *s, size_t panel, size_t halves)
{
    cursor next = {0, 0, s->source, s->source};

    while (next.index + TILE <= s->n_pixels)
        make_tile(s, panel, &next, TILE, halves);
    while (next.index + 3 <= s->n_pixels)
        make_tile(s, panel, &next, 3, halves);
    while (next.index < s->n_pixels)
        make_tile(s, panel, &next, 1, halves);
}

CLV_AVX2 static void make_strip(const strip *s, size_t from, size_t to)
{
    for (size_t panel = from; panel < to; panel++) {
        if (s->d->out_channels - panel * CLV_DENSE_PANEL > 8)
            make_panel(s, panel, 2);
        else
            make_panel(s, panel, 1);
    }
}

/* Whether pieces are rows (of all images) or panels: what divides more evenly. */
static bool splits_rows(const clv_dense *d, size_t n_panels)
{
    size_t rows = d->batch * d->out_h, each = (rows + d->pieces - 1) / d->pieces;
    return n_panels < d->pieces || each * d->pieces * 8 <= rows * 9;
}

void clv_dense_avx2(const clv_dense *d, const void *x, void *y, const void *residual,
                    int16_t *scratch, size_t piece)
{
    size_t n_panels = (d->out_channels + CLV_DENSE_PANEL - 1) / CLV_DENSE_PANEL, end;
    size_t rows = d->batch * d->out_h, row = 0, panel = 0, end_panel = n_panels;

    end = rows;
    if (splits_rows(d, n_panels)) {
        row = rows * piece / d->pieces;
        end = rows * (piece + 1) / d->pieces;
    } else {
        panel = n_panels * piece / d->pieces;
        end_panel = n_panels * (piece + 1) / d->pieces;
    }
    while (row < end) {
        size_t first = row % d->out_h, n = d->out_h - first; /* no strip of two images */
        n = n > d->strip ? d->strip : n;
        n = n > end - row ? end - row : n;
        size_t at = row * d->out_w * d->out_channels;
        strip s = {d, scratch, (char *)y + at * bytes_each(d->y),
                   residual == NULL ? NULL : (const char *)residual + at * bytes_each(d->residual),
                   n * d->out_w};
        widen_rows(d, scratch, (const uint8_t *)x + row / d->out_h * d->h * d->w * d->channels,
                   first * d->stride_h,
                   (n - 1) * d->stride_h + (d->kernel_h - 1) * d->dilation_h + 1);
        make_strip(&s, panel, end_panel);
        row += n;
    }
}

#else

void clv_dense_avx2(const clv_dense *d, const void *x, void *y, const void *residual,
                    int16_t *scratch, size_t piece)
{
    (void)d, (void)x, (void)y, (void)residual, (void)scratch, (void)piece; /* !clv_cpu_has_avx2() */
}

#endif
