/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_winograd.h"

#include "kernel/onednn/dn_dense_tile.h"

#if defined(__x86_64__)

/* Some rows of tiles of one image, and the memory to work in. */
typedef struct strip {
    const clv_dense *d;
    const uint8_t *image, *blank;
    int16_t *rows, *windows;
    int32_t *sums;
    clv_winograd_scratch extents;
    size_t first, n_rows, n_tiles; /* rows of tiles from first on; tiles in them */
    char *y;                       /* of the image; */
    const char *residual;          /* the same; NULL: none */
} strip;

/* --- windows ------------------------------------------------------------------------------- */

CLV_AVX2_INLINE __m256i load_wide(const uint8_t *x, bool is_signed)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)x);
    return is_signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
}

CLV_AVX2_INLINE void store_words(int16_t *out, __m256i words)
{
    _mm256_storeu_si256((__m256i *)(void *)out, words);
}

CLV_AVX2_INLINE __m256i load_words(const int16_t *x)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)x);
}

/* The transform of four numbers, which are @p step_out apart in @p out. */
CLV_AVX2_INLINE void transform(int16_t *out, size_t step_out, __m256i a, __m256i b, __m256i c,
                               __m256i d)
{
    store_words(out, _mm256_sub_epi16(a, c));
    store_words(out + step_out, _mm256_add_epi16(b, c));
    store_words(out + 2 * step_out, _mm256_sub_epi16(c, b));
    store_words(out + 3 * step_out, _mm256_sub_epi16(b, d));
}

/* Four rows of bytes less their zero point, downwards. Only one of the four has it left. */
CLV_AVX2_INLINE void transform_rows(int16_t *out, size_t step, const uint8_t *const x[4], size_t n,
                                    bool is_signed, int32_t zero)
{
    const __m256i zeros = _mm256_set1_epi16((short)zero);

    for (size_t i = 0; i < n; i += 16)
        transform(out + i, step, _mm256_sub_epi16(load_wide(x[0] + i, is_signed), zeros),
                  _mm256_sub_epi16(load_wide(x[1] + i, is_signed), zeros),
                  _mm256_sub_epi16(load_wide(x[2] + i, is_signed), zeros),
                  _mm256_sub_epi16(load_wide(x[3] + i, is_signed), zeros));
}

/* What the windows of tile row @p row lie in. */
CLV_AVX2 static void make_rows(const strip *s, size_t row)
{
    const clv_dense *d = s->d;
    size_t inside = d->w * d->channels, step = s->extents.columns * d->channels;
    int16_t *out = s->rows + d->pad_w * d->channels;
    const uint8_t *x[CLV_WINOGRAD_SIDE];

    for (size_t i = 0; i < CLV_WINOGRAD_SIDE; i++) {
        size_t y = 2 * row + i - d->pad_h; /* wraps round above the image */
        x[i] = y < d->h ? s->image + y * inside : s->blank;
    }
    if (d->x == CLV_DENSE_I8)
        transform_rows(out, step, x, inside, true, d->zero);
    else
        transform_rows(out, step, x, inside, false, d->zero);
}

/* Windows of one row of tiles, transformed sideways. @p at: the first one's tile in the strip. */
CLV_AVX2 static void make_windows(const strip *s, size_t at)
{
    const size_t channels = s->d->channels, step = s->n_tiles * channels;

    for (size_t side = 0; side < CLV_WINOGRAD_SIDE; side++) {
        const int16_t *x = s->rows + side * s->extents.columns * channels;
        int16_t *out = s->windows + side * CLV_WINOGRAD_SIDE * step + at * channels;
        for (size_t tile = 0; tile < s->extents.tiles_w; tile++, x += 2 * channels) {
            for (size_t c = 0; c < channels; c += 16, out += 16)
                transform(out, step, load_words(x + c), load_words(x + channels + c),
                          load_words(x + 2 * channels + c), load_words(x + 3 * channels + c));
        }
    }
}

/* --- sums ---------------------------------------------------------------------------------- */

CLV_AVX2_INLINE void sum_tiles(const strip *s, const int16_t *x, const int16_t *weights,
                               int32_t *out, size_t m)
{
    static const size_t start = 0;
    const clv_dense_window all = {&start, 1, s->d->channels / 2};
    const int16_t *from[CLV_DENSE_TILE];
    clv_dense_sums t;

    for (size_t i = 0; i < m; i++)
        from[i] = x + i * s->d->channels;
    clv_dense_sum_tile(&t, &all, from, weights, m, 2);
    for (size_t i = 0; i < m; i++) {
        _mm256_storeu_si256((__m256i *)(void *)(out + i * CLV_DENSE_PANEL), t.half[i][0]);
        _mm256_storeu_si256((__m256i *)(void *)(out + i * CLV_DENSE_PANEL + 8), t.half[i][1]);
    }
}

/* Of all windows, at one panel. */
CLV_AVX2 static void make_sums(const strip *s, size_t panel)
{
    const size_t channels = s->d->channels, n = s->n_tiles;
    const int16_t *weights = s->d->weights + panel * CLV_WINOGRAD_AREA * channels * CLV_DENSE_PANEL;
    const int16_t *x = s->windows;
    int32_t *out = s->sums;

    for (size_t k = 0; k < CLV_WINOGRAD_AREA; k++) {
        size_t i = 0;
        for (; i + CLV_DENSE_TILE <= n; i += CLV_DENSE_TILE)
            sum_tiles(s, x + i * channels, weights, out + i * CLV_DENSE_PANEL, CLV_DENSE_TILE);
        for (; i + 3 <= n; i += 3)
            sum_tiles(s, x + i * channels, weights, out + i * CLV_DENSE_PANEL, 3);
        for (; i < n; i++)
            sum_tiles(s, x + i * channels, weights, out + i * CLV_DENSE_PANEL, 1);
        x += n * channels;
        out += n * CLV_DENSE_PANEL;
        weights += channels * CLV_DENSE_PANEL;
    }
}

/* --- the output ---------------------------------------------------------------------------- */

typedef struct pair {
    __m256i first, second;
} pair;

/* Two of four, transformed back. */
CLV_AVX2_INLINE pair back(__m256i a, __m256i b, __m256i c, __m256i d)
{
    return (pair){_mm256_add_epi32(_mm256_add_epi32(a, b), c),
                  _mm256_sub_epi32(_mm256_sub_epi32(b, c), d)};
}

/* Eight channels from @p c on of the tile in row @p row and column @p column. */
CLV_AVX2_INLINE void store_tile(const strip *s, const int32_t *sum, size_t row, size_t column,
                                size_t c)
{
    const clv_dense *d = s->d;
    const size_t step = s->n_tiles * CLV_DENSE_PANEL, room = d->out_channels - c;
    pair across[CLV_WINOGRAD_SIDE];

    for (size_t i = 0; i < CLV_WINOGRAD_SIDE; i++) {
        const int32_t *four = sum + i * CLV_WINOGRAD_SIDE * step;
        across[i] = back(_mm256_loadu_si256((const __m256i *)(const void *)four),
                         _mm256_loadu_si256((const __m256i *)(const void *)(four + step)),
                         _mm256_loadu_si256((const __m256i *)(const void *)(four + 2 * step)),
                         _mm256_loadu_si256((const __m256i *)(const void *)(four + 3 * step)));
    }
    pair left = back(across[0].first, across[1].first, across[2].first, across[3].first);
    pair right = back(across[0].second, across[1].second, across[2].second, across[3].second);
    const __m256i outputs[4] = {left.first, right.first, left.second, right.second};
    for (size_t i = 0; i < 4; i++) {
        size_t y = 2 * row + i / 2, x = 2 * column + i % 2;
        size_t at = (y * d->out_w + x) * d->out_channels + c;
        if (y < d->out_h && x < d->out_w)
            clv_dense_store_eight(
                d, _mm256_srai_epi32(outputs[i], 2), c, s->y + at * clv_dense_bytes_each(d->y),
                s->residual == NULL ? NULL : s->residual + at * clv_dense_bytes_each(d->residual),
                room);
    }
}

CLV_AVX2 static void store_panel(const strip *s, size_t panel)
{
    const int32_t *sum = s->sums;
    size_t c = panel * CLV_DENSE_PANEL, last = s->first + s->n_rows;
    bool has_second = s->d->out_channels > c + CLV_DENSE_PANEL / 2;

    for (size_t row = s->first; row < last; row++) {
        for (size_t column = 0; column < s->extents.tiles_w; column++, sum += CLV_DENSE_PANEL) {
            store_tile(s, sum, row, column, c);
            if (has_second)
                store_tile(s, sum + 8, row, column, c + 8);
        }
    }
}

/* --- strips -------------------------------------------------------------------------------- */

static strip start_strip(const clv_dense *d, int16_t *scratch)
{
    clv_winograd_scratch extents = clv_winograd_scratch_of(d, d->strip);
    uint8_t *blank = (uint8_t *)(scratch + extents.blank);

    memset(blank, d->zero, d->w * d->channels);
    memset(scratch + extents.rows, 0, (extents.windows - extents.rows) * sizeof *scratch);
    return (strip){.d = d,
                   .blank = blank,
                   .rows = scratch + extents.rows,
                   .windows = scratch + extents.windows,
                   .sums = (int32_t *)(void *)(scratch + extents.sums),
                   .extents = extents};
}

void clv_winograd_avx2(const clv_dense *d, const void *x, void *y, const void *residual,
                       int16_t *scratch, size_t piece)
{
    strip s = start_strip(d, scratch);
    size_t n_panels = (d->out_channels + CLV_DENSE_PANEL - 1) / CLV_DENSE_PANEL;
    size_t rows = d->batch * s.extents.tiles_h, row = 0, end = rows, panel = 0,
           end_panel = n_panels;
    size_t each = d->out_h * d->out_w * d->out_channels;

    if (clv_dense_splits_rows(d, rows, n_panels)) {
        row = rows * piece / d->pieces;
        end = rows * (piece + 1) / d->pieces;
    } else {
        panel = n_panels * piece / d->pieces;
        end_panel = n_panels * (piece + 1) / d->pieces;
    }
    for (; row < end; row += s.n_rows) {
        size_t image = row / s.extents.tiles_h, left;
        s.first = row % s.extents.tiles_h;
        left = s.extents.tiles_h - s.first; /* no strip of two images */
        left = left > end - row ? end - row : left;
        s.n_rows = left > d->strip ? d->strip : left;
        s.n_tiles = s.n_rows * s.extents.tiles_w;
        s.image = (const uint8_t *)x + image * d->h * d->w * d->channels;
        s.y = (char *)y + image * each * clv_dense_bytes_each(d->y);
        s.residual = residual == NULL ? NULL
                                      : (const char *)residual +
                                            image * each * clv_dense_bytes_each(d->residual);
        for (size_t i = 0; i < s.n_rows; i++) {
            make_rows(&s, s.first + i);
            make_windows(&s, i * s.extents.tiles_w);
        }
        for (size_t p = panel; p < end_panel; p++) {
            make_sums(&s, p);
            store_panel(&s, p);
        }
    }
}

#else

void clv_winograd_avx2(const clv_dense *d, const void *x, void *y, const void *residual,
                       int16_t *scratch, size_t piece)
{
    (void)d, (void)x, (void)y, (void)residual, (void)scratch, (void)piece; /* !clv_cpu_has_avx2() */
}

#endif
