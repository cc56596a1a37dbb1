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

/* The transform of four numbers for two outputs. Results are @p step apart. */
CLV_AVX2_INLINE void transform_two(int16_t *out, size_t step, __m256i a, __m256i b, __m256i c,
                                   __m256i d)
{
    store_words(out, _mm256_sub_epi16(a, c));
    store_words(out + step, _mm256_add_epi16(b, c));
    store_words(out + 2 * step, _mm256_sub_epi16(c, b));
    store_words(out + 3 * step, _mm256_sub_epi16(b, d));
}

/* The transform of six numbers, @p step_in apart, for four outputs. */
CLV_AVX2_INLINE void transform_four(int16_t *out, size_t step, const int16_t *x, size_t step_in)
{
    const __m256i a = load_words(x), b = load_words(x + step_in), c = load_words(x + 2 * step_in);
    const __m256i d = load_words(x + 3 * step_in), e = load_words(x + 4 * step_in);
    const __m256i f = load_words(x + 5 * step_in);
    const __m256i far_even = _mm256_sub_epi16(e, _mm256_slli_epi16(c, 2));
    const __m256i far_odd = _mm256_sub_epi16(d, _mm256_slli_epi16(b, 2));
    const __m256i even = _mm256_sub_epi16(e, c);
    const __m256i odd = _mm256_slli_epi16(_mm256_sub_epi16(d, b), 1);

    store_words(out, _mm256_add_epi16(even, _mm256_slli_epi16(_mm256_sub_epi16(a, c), 2)));
    store_words(out + step, _mm256_add_epi16(far_even, far_odd));
    store_words(out + 2 * step, _mm256_sub_epi16(far_even, far_odd));
    store_words(out + 3 * step, _mm256_add_epi16(even, odd));
    store_words(out + 4 * step, _mm256_sub_epi16(even, odd));
    store_words(out + 5 * step,
                _mm256_sub_epi16(_mm256_sub_epi16(f, d), _mm256_slli_epi16(odd, 1)));
}

/* Four rows of bytes less their zero point, downwards. */
CLV_AVX2_INLINE void transform_rows(int16_t *out, size_t step, const uint8_t *const x[4], size_t n,
                                    bool is_signed, int32_t zero)
{
    const __m256i zeros = _mm256_set1_epi16((short)zero);

    for (size_t i = 0; i < n; i += 16)
        transform_two(out + i, step, _mm256_sub_epi16(load_wide(x[0] + i, is_signed), zeros),
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
    const uint8_t *x[CLV_WINOGRAD_ROWS];

    for (size_t i = 0; i < CLV_WINOGRAD_ROWS; i++) {
        size_t y = 2 * row + i - d->pad_h; /* wraps round above the image */
        x[i] = y < d->h ? s->image + y * inside : s->blank;
    }
    if (d->x == CLV_DENSE_I8)
        transform_rows(out, step, x, inside, true, d->zero);
    else
        transform_rows(out, step, x, inside, false, d->zero);
}

/* Windows of one row of tiles, transformed across. @p at: the first one's tile in the strip. */
CLV_AVX2_INLINE void make_windows(const strip *s, size_t at, size_t width)
{
    const size_t n = s->d->channels, step = s->n_tiles * n;

    for (size_t side = 0; side < CLV_WINOGRAD_ROWS; side++) {
        const int16_t *x = s->rows + side * s->extents.columns * n;
        int16_t *out = s->windows + side * (width + 2) * step + at * n;
        for (size_t tile = 0; tile < s->extents.tiles_w; tile++, x += width * n) {
            for (size_t c = 0; c < n; c += 16, out += 16) {
                if (width == 4)
                    transform_four(out, step, x + c, n);
                else
                    transform_two(out, step, load_words(x + c), load_words(x + n + c),
                                  load_words(x + 2 * n + c), load_words(x + 3 * n + c));
            }
        }
    }
}

CLV_AVX2 static void make_strip(const strip *s)
{
    for (size_t i = 0; i < s->n_rows; i++) {
        make_rows(s, s->first + i);
        if (s->d->winograd == 4)
            make_windows(s, i * s->extents.tiles_w, 4);
        else
            make_windows(s, i * s->extents.tiles_w, 2);
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
    const int16_t *weights = s->d->weights + panel * s->extents.area * channels * CLV_DENSE_PANEL;
    const int16_t *x = s->windows;
    int32_t *out = s->sums;

    for (size_t k = 0; k < s->extents.area; k++) {
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

typedef struct tile {
    __m256i at[2][4]; /* row, column */
} tile;

CLV_AVX2_INLINE __m256i plus(__m256i a, __m256i b)
{
    return _mm256_add_epi32(a, b);
}

CLV_AVX2_INLINE __m256i minus(__m256i a, __m256i b)
{
    return _mm256_sub_epi32(a, b);
}

/* Four or six sums that are @p step apart, transformed back to two outputs or four. */
CLV_AVX2_INLINE void transform_back(__m256i *out, const int32_t *sum, size_t step, size_t width)
{
    __m256i in[6];

    for (size_t i = 0; i < width + 2; i++)
        in[i] = _mm256_loadu_si256((const __m256i *)(const void *)(sum + i * step));
    __m256i even = plus(in[1], in[2]), odd = minus(in[1], in[2]);
    if (width == 2) {
        out[0] = plus(in[0], even);
        out[1] = minus(odd, in[3]);
        return;
    }
    __m256i far_even = plus(in[3], in[4]);
    __m256i far_odd = _mm256_slli_epi32(minus(in[3], in[4]), 1);
    out[0] = plus(in[0], plus(even, far_even));
    out[1] = plus(odd, far_odd);
    out[2] = plus(even, _mm256_slli_epi32(far_even, 2));
    out[3] = plus(plus(odd, in[5]), _mm256_slli_epi32(far_odd, 2));
}

/* A sum from what it is 4 or 48 times of. */
CLV_AVX2_INLINE __m256i unscale(__m256i sum, size_t width)
{
    const __m256i third = _mm256_set1_epi32((int32_t)0xaaaaaaab); /* 3 * it is 1, modulo 2^32 */

    if (width == 2)
        return _mm256_srai_epi32(sum, 2);
    return _mm256_srai_epi32(_mm256_mullo_epi32(sum, third), 4);
}

/* Eight channels of a tile. */
CLV_AVX2_INLINE void finish_sums(tile *out, const strip *s, const int32_t *sum, size_t width)
{
    const size_t step = s->n_tiles * CLV_DENSE_PANEL;
    __m256i in[CLV_WINOGRAD_ROWS][4];

    for (size_t i = 0; i < CLV_WINOGRAD_ROWS; i++)
        transform_back(in[i], sum + i * (width + 2) * step, step, width);
    for (size_t x = 0; x < width; x++) {
        out->at[0][x] = unscale(plus(in[0][x], plus(in[1][x], in[2][x])), width);
        out->at[1][x] = unscale(minus(in[1][x], plus(in[2][x], in[3][x])), width);
    }
}

/* Eight channels from @p c on of the tile in row @p row and column @p column. */
CLV_AVX2_INLINE void store_tile(const strip *s, const tile *t, size_t row, size_t column, size_t c,
                                size_t width)
{
    const clv_dense *d = s->d;

    for (size_t i = 0; i < 2 * width; i++) {
        size_t y = 2 * row + i / width, x = width * column + i % width;
        size_t at = (y * d->out_w + x) * d->out_channels + c;
        if (y < d->out_h && x < d->out_w)
            clv_dense_store_eight(
                d, t->at[i / width][i % width], c, s->y + at * clv_dense_bytes_each(d->y),
                s->residual == NULL ? NULL : s->residual + at * clv_dense_bytes_each(d->residual),
                d->out_channels - c);
    }
}

CLV_AVX2_INLINE void store_panel(const strip *s, size_t panel, size_t width)
{
    const int32_t *sum = s->sums;
    size_t first = panel * CLV_DENSE_PANEL, end = first + CLV_DENSE_PANEL;
    tile t;

    end = end > s->d->out_channels ? s->d->out_channels : end;
    for (size_t row = s->first; row < s->first + s->n_rows; row++) {
        for (size_t column = 0; column < s->extents.tiles_w; column++, sum += CLV_DENSE_PANEL) {
            for (size_t c = first; c < end; c += 8) {
                finish_sums(&t, s, sum + (c - first), width);
                store_tile(s, &t, row, column, c, width);
            }
        }
    }
}

CLV_AVX2 static void make_panel(const strip *s, size_t panel)
{
    make_sums(s, panel);
    if (s->d->winograd == 4)
        store_panel(s, panel, 4);
    else
        store_panel(s, panel, 2);
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
        make_strip(&s);
        for (size_t p = panel; p < end_panel; p++)
            make_panel(&s, p);
    }
}

#else

void clv_winograd_avx2(const clv_dense *d, const void *x, void *y, const void *residual,
                       int16_t *scratch, size_t piece)
{
    (void)d, (void)x, (void)y, (void)residual, (void)scratch, (void)piece; /* !clv_cpu_has_avx2() */
}

#endif
