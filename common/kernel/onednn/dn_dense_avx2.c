/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_dense.h"

#include "kernel/onednn/dn_dense_tile.h"

#if defined(__x86_64__)

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

/* --- strips -------------------------------------------------------------------------------- */

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
    const int16_t *x[CLV_DENSE_TILE];
    const clv_dense_window window = {d->runs, d->n_runs, d->run};
    clv_dense_sums t;

    for (size_t i = 0; i < m; i++)
        x[i] = next_window(next, d);
    clv_dense_sum_tile(&t, &window, x,
                       d->weights + panel * d->n_runs * d->run * 2 * CLV_DENSE_PANEL, m, halves);
    for (size_t i = 0; i < m; i++, at += d->out_channels) {
        for (size_t half = 0; half < halves; half++) {
            size_t from = at + 8 * half;
            clv_dense_store_eight(
                d, t.half[i][half], c + 8 * half, s->y + from * clv_dense_bytes_each(d->y),
                s->residual == NULL ? NULL : s->residual + from * clv_dense_bytes_each(d->residual),
                n - 8 * half);
        }
    }
}

CLV_AVX2_INLINE void make_panel(const strip *s, size_t panel, size_t halves)
{
    cursor next = {0, 0, s->source, s->source};

    while (next.index + CLV_DENSE_TILE <= s->n_pixels)
        make_tile(s, panel, &next, CLV_DENSE_TILE, halves);
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

void clv_dense_avx2(const clv_dense *d, const void *x, void *y, const void *residual,
                    int16_t *scratch, size_t piece)
{
    size_t n_panels = (d->out_channels + CLV_DENSE_PANEL - 1) / CLV_DENSE_PANEL, end;
    size_t rows = d->batch * d->out_h, row = 0, panel = 0, end_panel = n_panels;

    end = rows;
    if (clv_dense_splits_rows(d, rows, n_panels)) {
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
        strip s = {d, scratch, (char *)y + at * clv_dense_bytes_each(d->y),
                   residual == NULL
                       ? NULL
                       : (const char *)residual + at * clv_dense_bytes_each(d->residual),
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
