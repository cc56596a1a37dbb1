/* SPDX-License-Identifier: Apache-2.0 */

/* Bytes of two rows of the source are laid side by side, as 16-bit numbers; VPMADDWD then makes two
 * products of each channel and their sum, exactly. Where the kernel is 3x3 with stride 1, four rows
 * make two rows of the output and each column is unpacked once for all six sums that it is in. */
#include "kernel/onednn/dn_depthwise.h"

#include "kernel/onednn/dn_simd.h"

#define LANES CLV_DEPTHWISE_LANES
#define TILE_BYTES                                                                                 \
    12288u /* of the source: the channels of a tile come from the first-level cache */

static size_t n_blocks(const clv_depthwise *d)
{
    return (d->channels + LANES - 1) / LANES;
}

/* The last block overlaps the one before where channels are no multiple of it. */
static size_t first_channel(const clv_depthwise *d, size_t block)
{
    size_t first = block * LANES;
    return first + LANES <= d->channels ? first : d->channels - LANES;
}

static bool is_3x3(const clv_depthwise *d)
{
    return d->kernel_h == 3 && d->kernel_w == 3 && d->stride_h == 1 && d->stride_w == 1 &&
           d->dilation_h == 1 && d->dilation_w == 1;
}

size_t clv_depthwise_avx2_rows(const clv_depthwise *d)
{
    return is_3x3(d) ? 2 : 1;
}

/* The weights of rows @p ky and the next one in column @p kx; outside of the kernel they are 0. */
static int16_t *pack_pair(int16_t *out, const clv_depthwise *d, size_t c, int ky, size_t kx)
{
    for (size_t i = 0; i < LANES; i++) {
        for (int row = ky; row < ky + 2; row++) {
            bool inside = row >= 0 && row < (int)d->kernel_h;
            *out++ = inside ? d->weights[((size_t)row * d->kernel_w + kx) * d->channels + c + i]
                            : (int16_t)0;
        }
    }
    return out;
}

size_t clv_depthwise_avx2_pack(int16_t *out, const clv_depthwise *d)
{
    size_t rows = clv_depthwise_avx2_rows(d);
    size_t pairs = rows == 2 ? 4 : (d->kernel_h + 1) / 2;

    for (size_t block = 0; out != NULL && block < n_blocks(d); block++) {
        size_t c = first_channel(d, block);
        for (size_t kx = 0; kx < d->kernel_w; kx++) {
            for (size_t p = 0; p < pairs; p++) { /* 3x3: rows 0 1, 2 -; then - 0, 1 2 */
                int ky = rows == 2 && p >= 2 ? 2 * (int)p - 5 : 2 * (int)p;
                out = pack_pair(out, d, c, ky, kx);
            }
        }
    }
    return n_blocks(d) * d->kernel_w * pairs * 2 * LANES;
}

#if defined(__x86_64__)

#include <immintrin.h>

#define CLV_AVX2_INLINE CLV_AVX2 static inline __attribute__((always_inline))

/* A row of the source at some channel: pixel i is at data + i * step, or it is blank. */
typedef struct row {
    const uint8_t *data;
    size_t step;
} row;

/* What one block of channels needs throughout. */
typedef struct block {
    const __m256i *weights;
    __m256 scale[2], bias[2];
    __m256i flip, low, high, out_flip;
    __m256i zeros;             /* two blank rows, unpacked */
    const clv_dn_curve *curve; /* NULL: none */
    size_t channels, channel, w, pad_w;
} block;

/* Two rows of a block at one column, 16 bits each, side by side. */
typedef struct pair {
    __m256i half[2];
} pair;

CLV_AVX2_INLINE block block_of(const clv_depthwise *d, size_t index, size_t pairs)
{
    size_t c = first_channel(d, index);
    return (block){
        .weights = (const __m256i *)(const void *)d->pairs + index * pairs * 2,
        .scale = {_mm256_loadu_ps(d->scale + c), _mm256_loadu_ps(d->scale + c + 8)},
        .bias = {_mm256_loadu_ps(d->bias + c), _mm256_loadu_ps(d->bias + c + 8)},
        .flip = _mm256_set1_epi8((char)d->flip),
        .low = _mm256_set1_epi8((char)d->low),
        .high = _mm256_set1_epi8((char)d->high),
        .out_flip = _mm256_set1_epi8((char)d->out_flip),
        .zeros = _mm256_set1_epi16((short)d->zero),
        .curve = clv_dn_curve_is_there(&d->curve) ? &d->curve : NULL,
        .channels = d->channels,
        .channel = c,
        .w = d->w,
        .pad_w = d->pad_w,
    };
}

/* Both halves hold the same 16 bytes, so that no byte has to cross over: those moves are slow. */
CLV_AVX2_INLINE __m256i load(const block *b, const row *r, size_t x)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(r->data + x * r->step));
    return _mm256_xor_si256(_mm256_broadcastsi128_si256(bytes), b->flip);
}

CLV_AVX2_INLINE pair load_pair(const block *b, const row *rows, size_t x)
{
    const __m256i widen =
        _mm256_setr_epi8(0, -1, 1, -1, 2, -1, 3, -1, 4, -1, 5, -1, 6, -1, 7, -1, //
                         8, -1, 9, -1, 10, -1, 11, -1, 12, -1, 13, -1, 14, -1, 15, -1);
    __m256i first = load(b, &rows[0], x), second = load(b, &rows[1], x);

    return (pair){{_mm256_shuffle_epi8(_mm256_unpacklo_epi8(first, second), widen),
                   _mm256_shuffle_epi8(_mm256_unpackhi_epi8(first, second), widen)}};
}

CLV_AVX2_INLINE __m256i add_products(__m256i sums, __m256i x, const __m256i *weights)
{
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(x, _mm256_load_si256(weights)));
    __asm__("" : "+x"(sums)); /* regrouped, the sums would need more registers than there are */
    return sums;
}

/* Scaled and rounded. */
CLV_AVX2_INLINE __m256i to_steps(const block *b, __m256i sums, int half)
{
    __m256 v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums), b->scale[half], b->bias[half]);

    if (b->curve != NULL)
        v = clv_dn_curve_eight(b->curve, v);
    return _mm256_cvtps_epi32(v);
}

/* Sums of two pixels, as their halves, to the bytes of the first and then those of the second. */
CLV_AVX2_INLINE __m256i to_bytes(const block *b, __m256i first0, __m256i first1, __m256i second0,
                                 __m256i second1)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i first = _mm256_packs_epi32(to_steps(b, first0, 0), to_steps(b, first1, 1));
    __m256i second = _mm256_packs_epi32(to_steps(b, second0, 0), to_steps(b, second1, 1));
    __m256i y = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(first, second), order);

    y = _mm256_min_epu8(_mm256_max_epu8(y, b->low), b->high);
    return _mm256_xor_si256(y, b->out_flip);
}

CLV_AVX2_INLINE void store(uint8_t *y, __m128i bytes)
{
    _mm_storeu_si128((__m128i *)(void *)y, bytes);
}

/* Row @p y of an image (counted with its padding above) at the block's channels. */
CLV_AVX2_INLINE row row_of(const clv_depthwise *d, size_t channel, const uint8_t *image, size_t y)
{
    size_t inside = y - d->pad_h; /* wraps round above the image */

    if (inside >= d->h)
        return (row){d->blank + channel, 0};
    return (row){image + inside * d->w * d->channels + channel, d->channels};
}

/* Where the columns begin that a window needn't look for the image's end in: windows at [0, begin)
 * and from the end on meet padding. */
typedef struct span {
    size_t begin, end;
} span;

/* Of output columns [x, end). */
static span inner_span(const clv_depthwise *d, size_t x, size_t end)
{
    size_t begin = (d->pad_w + d->stride_w - 1) / d->stride_w;
    size_t reach = (d->kernel_w - 1) * d->dilation_w + 1, stop = 0;

    if (d->w + d->pad_w >= reach)
        stop = (d->w + d->pad_w - reach) / d->stride_w + 1;
    begin = begin < x ? x : begin > end ? end : begin;
    stop = stop > end ? end : stop;
    return (span){begin, stop < begin ? begin : stop};
}

/* --- 3x3, stride 1 ------------------------------------------------------------------------- */

/* Four rows at one column. */
typedef struct column {
    pair upper, lower;
} column;

/* @param x  Counted with the padding to the left. */
CLV_AVX2_INLINE column load_column(const block *b, const row *rows, size_t x, bool inside)
{
    x -= b->pad_w; /* wraps round left of the image */
    if (!inside && x >= b->w)
        return (column){{{b->zeros, b->zeros}}, {{b->zeros, b->zeros}}};
    return (column){load_pair(b, rows, x), load_pair(b, rows + 2, x)};
}

/* One half of an output pixel; @p w is its weights for the upper and the lower pair. */
CLV_AVX2_INLINE __m256i sum_columns(const __m256i *w, const column *left, const column *middle,
                                    const column *right, int half)
{
    __m256i sums = _mm256_madd_epi16(left->upper.half[half], _mm256_load_si256(w));

    sums = add_products(sums, left->lower.half[half], w + 2);
    sums = add_products(sums, middle->upper.half[half], w + 8);
    sums = add_products(sums, middle->lower.half[half], w + 10);
    sums = add_products(sums, right->upper.half[half], w + 16);
    return add_products(sums, right->lower.half[half], w + 18);
}

/* Columns [x, end) of two output rows, which begin at @p y and @p below (NULL: not wanted). */
CLV_AVX2_INLINE void make_two_rows(const block *b, const row rows[4], uint8_t *y, uint8_t *below,
                                   span columns, bool inside)
{
    column left, middle;

    if (columns.begin == columns.end)
        return;
    left = load_column(b, rows, columns.begin, false);
    middle = load_column(b, rows, columns.begin + 1, false);
    for (size_t x = columns.begin; x < columns.end; x++) {
        column right = load_column(b, rows, x + 2, inside);
        const __m256i *w = b->weights;
        __m256i bytes = to_bytes(b, sum_columns(w, &left, &middle, &right, 0),
                                 sum_columns(w + 1, &left, &middle, &right, 1),
                                 sum_columns(w + 4, &left, &middle, &right, 0),
                                 sum_columns(w + 5, &left, &middle, &right, 1));
        size_t at = x * b->channels + b->channel;
        store(y + at, _mm256_castsi256_si128(bytes));
        if (below != NULL)
            store(below + at, _mm256_extracti128_si256(bytes, 1));
        left = middle;
        middle = right;
    }
}

CLV_AVX2 static void make_3x3(const clv_depthwise *d, const uint8_t *image, uint8_t *y, size_t oy,
                              size_t x, size_t end)
{
    uint8_t *out = y + oy * d->out_w * d->channels;
    uint8_t *below = oy + 1 < d->out_h ? out + d->out_w * d->channels : NULL;
    span inner = inner_span(d, x, end);

    for (size_t i = 0; i < n_blocks(d); i++) {
        block b = block_of(d, i, 12);
        row rows[4];
        for (size_t k = 0; k < 4; k++)
            rows[k] = row_of(d, b.channel, image, oy + k);
        make_two_rows(&b, rows, out, below, (span){x, inner.begin}, false);
        make_two_rows(&b, rows, out, below, inner, true);
        make_two_rows(&b, rows, out, below, (span){inner.end, end}, false);
    }
}

/* --- any other window ---------------------------------------------------------------------- */

typedef struct window {
    size_t rows, columns, step; /* step: of dilation, between columns */
} window;

/* Both halves of an output pixel, the window's first column being @p x. */
CLV_AVX2_INLINE void sum_window(__m256i sums[2], const block *b, const row *rows,
                                const window *taps, size_t x, bool inside)
{
    const __m256i *w = b->weights;

    sums[0] = sums[1] = _mm256_setzero_si256();
    for (size_t kx = 0; kx < taps->columns; kx++) {
        size_t at = x + kx * taps->step - b->pad_w; /* wraps round left of the image */
        for (size_t ky = 0; ky < taps->rows; ky += 2) {
            pair p = {{b->zeros, b->zeros}};
            if (inside || at < b->w)
                p = load_pair(b, rows + ky, at);
            sums[0] = add_products(sums[0], p.half[0], w++);
            sums[1] = add_products(sums[1], p.half[1], w++);
        }
    }
}

CLV_AVX2_INLINE void make_row(const block *b, const row *rows, const window *taps, size_t stride,
                              uint8_t *y, span columns, bool inside)
{
    for (size_t x = columns.begin; x < columns.end; x++) {
        __m256i sums[2];
        sum_window(sums, b, rows, taps, x * stride, inside);
        store(y + x * b->channels + b->channel,
              _mm256_castsi256_si128(to_bytes(b, sums[0], sums[1], sums[0], sums[1])));
    }
}

/* @p taps says of @p d what is known when this is compiled. */
CLV_AVX2_INLINE void make_any(const clv_depthwise *d, const window *taps, const uint8_t *image,
                              uint8_t *y, size_t oy, span columns)
{
    uint8_t *out = y + oy * d->out_w * d->channels;
    span inner = inner_span(d, columns.begin, columns.end);
    row rows[CLV_DEPTHWISE_MAX_ROWS + 1];

    for (size_t i = 0; i < n_blocks(d); i++) {
        block b = block_of(d, i, taps->columns * ((taps->rows + 1) / 2));
        for (size_t k = 0; k < taps->rows; k++)
            rows[k] = row_of(d, b.channel, image, oy * d->stride_h + k * d->dilation_h);
        rows[taps->rows] = rows[taps->rows - 1]; /* with weights of 0 */
        make_row(&b, rows, taps, d->stride_w, out, (span){columns.begin, inner.begin}, false);
        make_row(&b, rows, taps, d->stride_w, out, inner, true);
        make_row(&b, rows, taps, d->stride_w, out, (span){inner.end, columns.end}, false);
    }
}

CLV_AVX2 static void make_other(const clv_depthwise *d, const uint8_t *image, uint8_t *y, size_t oy,
                                size_t x, size_t end)
{
    const window any = {d->kernel_h, d->kernel_w, d->dilation_w};
    const window three = {3, 3, 1}, five = {5, 5, 1};
    const span columns = {x, end};

    if (any.rows == 3 && any.columns == 3 && any.step == 1)
        make_any(d, &three, image, y, oy, columns);
    else if (any.rows == 5 && any.columns == 5 && any.step == 1)
        make_any(d, &five, image, y, oy, columns);
    else
        make_any(d, &any, image, y, oy, columns);
}

void clv_depthwise_avx2(const clv_depthwise *d, const uint8_t *x, uint8_t *y, size_t from,
                        size_t to)
{
    size_t rows = clv_depthwise_avx2_rows(d), strips = (d->out_h + rows - 1) / rows;
    size_t column_bytes = (d->kernel_h + rows - 1) * d->channels * d->stride_w;
    size_t tile = TILE_BYTES / column_bytes < 8 ? 8 : TILE_BYTES / column_bytes;

    for (size_t strip = from; strip < to; strip++) {
        const uint8_t *image = x + strip / strips * d->h * d->w * d->channels;
        uint8_t *out = y + strip / strips * d->out_h * d->out_w * d->channels;
        for (size_t ox = 0; ox < d->out_w; ox += tile) {
            size_t end = d->out_w - ox < tile ? d->out_w : ox + tile;
            (rows == 2 ? make_3x3 : make_other)(d, image, out, strip % strips * rows, ox, end);
        }
    }
}

#else

void clv_depthwise_avx2(const clv_depthwise *d, const uint8_t *x, uint8_t *y, size_t from,
                        size_t to)
{
    size_t rows = clv_depthwise_avx2_rows(d), strips = (d->out_h + rows - 1) / rows;

    for (size_t strip = from; strip < to; strip++) {
        size_t first = strip % strips * rows, image = strip / strips * d->out_h;
        size_t end = first + rows < d->out_h ? first + rows : d->out_h;
        clv_depthwise_plain(d, x, y, image + first, image + end);
    }
}

#endif
