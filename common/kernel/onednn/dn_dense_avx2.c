/* SPDX-License-Identifier: Apache-2.0 */
/* Three pixels by 16 channels of sums stay in registers, in 32 bits and in 16. */
#include "kernel/onednn/dn_dense.h"

#include "kernel/onednn/dn_simd.h"

#define TILE 3u /* pixels */

#if defined(__x86_64__)

#include <immintrin.h>

#define CLV_AVX2_INLINE CLV_AVX2 static inline __attribute__((always_inline))

/* A strip of output rows of one image, with the source that it needs. */
typedef struct strip {
    const clv_dense *d;
    const uint8_t *source;
    char *y;              /* of the strip's first pixel, channel 0; */
    const char *residual; /* the same; NULL: none */
    size_t n_pixels;
} strip;

/* --- the source ---------------------------------------------------------------------------- */

CLV_AVX2_INLINE void copy_flipped(uint8_t *out, const uint8_t *x, size_t n, uint8_t flip)
{
    if (flip == 0) {
        memcpy(out, x, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = x[i] ^ flip;
}

/* Rows [first, first + n) of an image, counted with its padding above. */
CLV_AVX2 static void copy_rows(const clv_dense *d, uint8_t *out, const uint8_t *image, size_t first,
                               size_t n)
{
    size_t row = d->padded_w * d->channels, left = d->pad_w * d->channels;
    size_t inside = d->w * d->channels;

    for (size_t i = 0; i < n; i++, out += row) {
        size_t y = first + i - d->pad_h; /* wraps round above the image */
        if (y >= d->h) {
            memset(out, d->zero, row);
            continue;
        }
        memset(out, d->zero, left);
        copy_flipped(out + left, image + y * inside, inside, d->flip);
        memset(out + left + inside, d->zero, row - left - inside);
    }
    memset(out, 0, 4); /* the last four numbers of a run may reach too far */
}

/* --- the output ---------------------------------------------------------------------------- */

/* What the channels of one panel have in common. Bytes are made as unsigned ones and flipped. */
typedef struct output {
    __m256i start[2];
    __m256 scale[2], bias[2], low, high, residual_scale;
    __m128i low_bytes, flip;
    clv_dense_type type, residual;
    size_t step, residual_step; /* bytes from a pixel to the next */
    size_t n;                   /* channels; at most a panel's */
} output;

static inline size_t bytes_each(clv_dense_type type)
{
    return type == CLV_DENSE_F32 ? sizeof(float) : 1;
}

CLV_AVX2_INLINE output output_of(const clv_dense *d, size_t panel)
{
    size_t c = panel * CLV_DENSE_PANEL, left = d->out_channels - c;
    const __m256i *start = (const __m256i *)(const void *)(d->start + c);
    const float shift = d->y == CLV_DENSE_I8 ? 128.0f : 0.0f;
    const __m256 shifts = _mm256_set1_ps(shift);

    return (output){
        .start = {_mm256_load_si256(start), _mm256_load_si256(start + 1)},
        .scale = {_mm256_loadu_ps(d->scale + c), _mm256_loadu_ps(d->scale + c + 8)},
        .bias = {_mm256_add_ps(_mm256_loadu_ps(d->bias + c), shifts),
                 _mm256_add_ps(_mm256_loadu_ps(d->bias + c + 8), shifts)},
        .low = _mm256_set1_ps(d->low + shift),
        .high = _mm256_set1_ps(d->high + shift),
        .residual_scale = _mm256_set1_ps(d->residual_scale),
        .low_bytes = _mm_set1_epi8(d->y == CLV_DENSE_F32 ? 0 : (char)(int)(d->low + shift)),
        .flip = _mm_set1_epi8(d->y == CLV_DENSE_I8 ? (char)0x80 : 0),
        .type = d->y,
        .residual = d->residual,
        .step = d->out_channels * bytes_each(d->y),
        .residual_step = d->out_channels * bytes_each(d->residual),
        .n = left < CLV_DENSE_PANEL ? left : CLV_DENSE_PANEL,
    };
}

/* Where a panel of a strip goes on. */
typedef struct cursor {
    size_t index, column;   /* of the pixel */
    const uint8_t *x, *row; /* its window; that of its row's first pixel */
    char *y;
    const char *residual;
} cursor;

/* Of eight channels. */
CLV_AVX2_INLINE __m256 scale_sums(const output *o, __m256i sum, size_t half)
{
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), o->scale[half], o->bias[half]);
}

/* What is below the bytes' numbers becomes the least of them by itself. */
CLV_AVX2_INLINE void store_bytes(const output *o, __m256 first, __m256 second, char *y)
{
    __m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(_mm256_min_ps(first, o->high)),
                                       _mm256_cvtps_epi32(_mm256_min_ps(second, o->high)));
    words = _mm256_permute4x64_epi64(words, 0xd8);
    __m128i bytes = _mm_max_epu8(
        _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)),
        o->low_bytes);
    _mm_storeu_si128((__m128i *)(void *)y, _mm_xor_si128(bytes, o->flip));
}

/* Eight numbers of a residual. */
CLV_AVX2_INLINE __m256 load_numbers(const void *from, clv_dense_type type)
{
    if (type == CLV_DENSE_F32)
        return _mm256_loadu_ps(from);
    __m128i bytes = _mm_loadl_epi64(from);
    return _mm256_cvtepi32_ps(type == CLV_DENSE_I8 ? _mm256_cvtepi8_epi32(bytes)
                                                   : _mm256_cvtepu8_epi32(bytes));
}

/* All channels of a panel, of any types. @p residual may be NULL. */
CLV_AVX2_INLINE void store_any(const output *o, __m256i low, __m256i high, char *y,
                               const char *residual)
{
    __m256 first = scale_sums(o, low, 0), second = scale_sums(o, high, 1);

    if (residual != NULL) {
        const char *more = residual + 8 * bytes_each(o->residual);
        first = _mm256_fmadd_ps(load_numbers(residual, o->residual), o->residual_scale, first);
        second = _mm256_fmadd_ps(load_numbers(more, o->residual), o->residual_scale, second);
    }
    if (o->type != CLV_DENSE_F32) {
        store_bytes(o, first, second, y);
        return;
    }
    _mm256_storeu_ps((float *)(void *)y, _mm256_min_ps(_mm256_max_ps(first, o->low), o->high));
    _mm256_storeu_ps((float *)(void *)y + 8, _mm256_min_ps(_mm256_max_ps(second, o->low), o->high));
}

CLV_AVX2 static __attribute__((noinline)) void store_part(const output *o, const __m256i *halves,
                                                          char *y, const char *residual)
{
    char in[64] = {0}, out[64];

    if (residual != NULL)
        memcpy(in, residual, o->n * bytes_each(o->residual));
    store_any(o, halves[0], halves[1], out, residual == NULL ? NULL : in);
    memcpy(y, out, o->n * bytes_each(o->type));
}

/* What is known when a panel's code is compiled. */
typedef struct panel_kind {
    size_t halves;
    bool is_plain; /* whole, bytes, no residual */
} panel_kind;

/* Pixel @p i from the cursor on. */
CLV_AVX2_INLINE void store_pixel(const output *o, __m256i low, __m256i high, const cursor *at,
                                 size_t i, panel_kind kind)
{
    char *y = at->y + i * o->step;
    const char *residual = at->residual == NULL ? NULL : at->residual + i * o->residual_step;

    if (kind.is_plain) {
        store_bytes(o, scale_sums(o, low, 0), scale_sums(o, high, 1), y);
    } else if (o->n == CLV_DENSE_PANEL) {
        store_any(o, low, high, y, residual);
    } else {
        const __m256i halves[2] = {low, high};
        store_part(o, halves, y, residual);
    }
}

/* --- sums ---------------------------------------------------------------------------------- */

/* Registers have names because compilers leave an array of them in memory. The empty assembly
 * keeps sums from being regrouped: that would need more registers than there are. */
#define FIRST(sum, products) (sum = (products))
#define NEXT(sum, products)                                                                        \
    do {                                                                                           \
        sum = _mm256_add_epi16(sum, products);                                                     \
        __asm__("" : "+x"(sum));                                                                   \
    } while (0)

/* Four numbers of pixel i times their weights. */
#define ADD_PIXEL(i, put)                                                                          \
    if (m > (i)) {                                                                                 \
        int32_t four;                                                                              \
        memcpy(&four, x##i + offset, sizeof four);                                                 \
        __m256i bytes = _mm256_set1_epi32(four);                                                   \
        put(words_low##i, _mm256_maddubs_epi16(bytes, w_low));                                     \
        if (kind.halves == 2)                                                                      \
            put(words_high##i, _mm256_maddubs_epi16(bytes, w_high));                               \
    }

#define ADD_STEP(k, put)                                                                           \
    do {                                                                                           \
        const size_t offset = offsets[k];                                                          \
        const __m256i w_low = _mm256_load_si256(w + 2 * (k));                                      \
        const __m256i w_high = _mm256_load_si256(w + 2 * (k) + 1);                                 \
        ADD_PIXEL(0, put)                                                                          \
        ADD_PIXEL(1, put)                                                                          \
        ADD_PIXEL(2, put)                                                                          \
    } while (0)

#define WIDEN_PIXEL(i)                                                                             \
    if (m > (i)) {                                                                                 \
        low##i = _mm256_add_epi32(low##i, _mm256_madd_epi16(words_low##i, ones));                  \
        __asm__("" : "+x"(low##i));                                                                \
        if (kind.halves == 2) {                                                                    \
            high##i = _mm256_add_epi32(high##i, _mm256_madd_epi16(words_high##i, ones));           \
            __asm__("" : "+x"(high##i));                                                           \
        }                                                                                          \
    }

#define END_GROUP(n_steps)                                                                         \
    WIDEN_PIXEL(0)                                                                                 \
    WIDEN_PIXEL(1)                                                                                 \
    WIDEN_PIXEL(2)                                                                                 \
    offsets += (n_steps);                                                                          \
    w += 2 * (n_steps)

#define WINDOW_OF_PIXEL(i) const uint8_t *const x##i = x[m > (i) ? (i) : 0]
#define START_PIXEL(i)                                                                             \
    __m256i low##i = o->start[0], high##i = o->start[1], words_low##i = low##i,                    \
            words_high##i = low##i
#define STORE_PIXEL(i)                                                                             \
    if (m > (i))                                                                                   \
    store_pixel(o, low##i, high##i, at, i, kind)

/* @p m pixels from @p at on. */
CLV_AVX2_INLINE void make_tile(const clv_dense *d, size_t panel, const output *o, const cursor *at,
                               const uint8_t *const *x, size_t m, panel_kind kind)
{
    const clv_dense_panel p = d->panels[panel];
    const uint32_t *offsets = d->offsets + p.first;
    const __m256i *w = (const __m256i *)(const void *)d->weights + 2 * p.first;
    const __m256i ones = _mm256_set1_epi16(1);
    WINDOW_OF_PIXEL(0);
    WINDOW_OF_PIXEL(1);
    WINDOW_OF_PIXEL(2);
    START_PIXEL(0);
    START_PIXEL(1);
    START_PIXEL(2);

    for (size_t i = 0; i < p.n_fours; i++) {
        ADD_STEP(0, FIRST);
        ADD_STEP(1, NEXT);
        ADD_STEP(2, NEXT);
        ADD_STEP(3, NEXT);
        END_GROUP(4);
    }
    for (size_t i = 0; i < p.n_twos; i++) {
        ADD_STEP(0, FIRST);
        ADD_STEP(1, NEXT);
        END_GROUP(2);
    }
    for (size_t i = 0; i < p.n_singles; i++) {
        ADD_STEP(0, FIRST);
        END_GROUP(1);
    }
    STORE_PIXEL(0);
    STORE_PIXEL(1);
    STORE_PIXEL(2);
}

/* --- strips -------------------------------------------------------------------------------- */

CLV_AVX2_INLINE void start_row(cursor *at, const clv_dense *d)
{
    at->column = 0;
    at->x = at->row += d->stride_h * d->padded_w * d->channels;
}

/* The next @p m pixels at the channels of @p panel. */
CLV_AVX2_INLINE void make_pixels(const clv_dense *d, size_t panel, const output *o, cursor *at,
                                 size_t m, panel_kind kind)
{
    size_t step = d->stride_w * d->channels;
    const uint8_t *x[TILE];

    if (at->column + m < d->out_w) {
        for (size_t i = 0; i < m; i++)
            x[i] = at->x + i * step;
        at->x += m * step;
        at->column += m;
    } else {
        for (size_t i = 0; i < m; i++) {
            x[i] = at->x;
            at->x += step;
            if (++at->column == d->out_w)
                start_row(at, d);
        }
    }
    make_tile(d, panel, o, at, x, m, kind);
    at->index += m;
    at->y += m * o->step;
    if (at->residual != NULL)
        at->residual += m * o->residual_step;
}

CLV_AVX2_INLINE void make_panel(const strip *s, size_t panel, panel_kind kind)
{
    const clv_dense *d = s->d;
    const output o = output_of(d, panel);
    size_t c = panel * CLV_DENSE_PANEL;
    cursor at = {
        .x = s->source,
        .row = s->source,
        .y = s->y + c * bytes_each(d->y),
        .residual = s->residual == NULL ? NULL : s->residual + c * bytes_each(d->residual),
    };

    while (at.index + TILE <= s->n_pixels)
        make_pixels(d, panel, &o, &at, TILE, kind);
    while (at.index < s->n_pixels)
        make_pixels(d, panel, &o, &at, 1, kind);
}

CLV_AVX2 static void make_strip(const strip *s, size_t from, size_t to)
{
    bool is_bytes = s->d->y != CLV_DENSE_F32 && s->residual == NULL;

    for (size_t panel = from; panel < to; panel++) {
        size_t left = s->d->out_channels - panel * CLV_DENSE_PANEL;
        if (left >= CLV_DENSE_PANEL && is_bytes)
            make_panel(s, panel, (panel_kind){2, true});
        else if (left > CLV_DENSE_PANEL / 2)
            make_panel(s, panel, (panel_kind){2, false});
        else
            make_panel(s, panel, (panel_kind){1, false});
    }
}

/* Whether pieces are rows (of all images) or panels: what divides more evenly. */
static bool splits_rows(const clv_dense *d, size_t n_panels)
{
    size_t rows = d->batch * d->out_h, each = (rows + d->pieces - 1) / d->pieces;
    return n_panels < d->pieces || each * d->pieces * 8 <= rows * 9;
}

void clv_dense_avx2(const clv_dense *d, const uint8_t *x, void *y, const void *residual,
                    uint8_t *scratch, size_t piece)
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
        const uint8_t *image = x + row / d->out_h * d->h * d->w * d->channels;
        strip s = {d, scratch, (char *)y + at * bytes_each(d->y),
                   residual == NULL ? NULL : (const char *)residual + at * bytes_each(d->residual),
                   n * d->out_w};
        if (d->direct)
            s.source = image + first * d->stride_h * d->w * d->channels;
        else
            copy_rows(d, scratch, image, first * d->stride_h,
                      (n - 1) * d->stride_h + (d->kernel_h - 1) * d->dilation_h + 1);
        make_strip(&s, panel, end_panel);
        row += n;
    }
}

#else

void clv_dense_avx2(const clv_dense *d, const uint8_t *x, void *y, const void *residual,
                    uint8_t *scratch, size_t piece)
{
    (void)d, (void)x, (void)y, (void)residual, (void)scratch, (void)piece; /* !clv_cpu_has_avx2() */
}

#endif
