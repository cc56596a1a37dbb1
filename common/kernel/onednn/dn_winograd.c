/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_winograd.h"

#include <assert.h>

#define WINDOWS_BYTES 262144u /* of a strip: a part of the second-level cache */
#define LEAST_CHANNELS 16u    /* of the output: fewer leave a panel half empty */
#define LEAST_PIXELS 96u      /* for each time that weights, which are large, are read */
#define LANES 16u             /* of the code for AVX2 */
#define WIDE_CHANNELS 128u /* of the source: with more, reading weights takes what products save   \
                            */

/* The largest sum of one channel, scaled as it is before the last shift. */
#define SUM(scale) ((int64_t)(scale)*9 * UINT8_MAX * -INT8_MIN)
#define MOST_CHANNELS (INT32_MAX / SUM(4))
static_assert(WIDE_CHANNELS * SUM(16) <= INT32_MAX, "48 is 3 * 16; thirds are taken modulo 2^32");

bool clv_winograd_suits(const clv_dense *d)
{
    return d->kernel_h == 3 && d->kernel_w == 3 && d->stride_h == 1 && d->stride_w == 1 &&
           d->dilation_h == 1 && d->dilation_w == 1 && d->channels % LANES == 0 &&
           d->channels <= MOST_CHANNELS && d->out_channels >= LEAST_CHANNELS &&
           d->h <= UINT16_MAX && d->w <= UINT16_MAX && d->out_h <= UINT16_MAX &&
           d->out_w <= UINT16_MAX && d->out_h * d->out_w >= LEAST_PIXELS;
}

static size_t round_up(size_t n, size_t step)
{
    return (n + step - 1) / step * step;
}

clv_winograd_scratch clv_winograd_scratch_of(const clv_dense *d, size_t strip)
{
    clv_winograd_scratch s = {.tiles_h = (d->out_h + 1) / 2,
                              .tiles_w = round_up(d->out_w, d->winograd) / d->winograd,
                              .area = CLV_WINOGRAD_ROWS * (d->winograd + 2)};
    size_t n_tiles = strip * s.tiles_w, right = d->pad_w + d->w;

    s.columns = d->winograd * s.tiles_w + 2;
    s.columns = s.columns < right ? right : s.columns;
    s.rows = s.blank + round_up(d->w * d->channels / 2, 32);
    s.windows = s.rows + round_up(CLV_WINOGRAD_ROWS * s.columns * d->channels, 32);
    s.sums = s.windows + round_up(s.area * n_tiles * d->channels, 32);
    s.n = s.sums + round_up(s.area * n_tiles * CLV_DENSE_PANEL * 2, 32);
    return s;
}

void clv_winograd_plan(clv_dense *d)
{
    size_t tiles_h = (d->out_h + 1) / 2, most, n;

    /* windows have 6 columns for 4 of the output, or 4 for 2 */
    bool pays = round_up(d->out_w, 4) * 6 / 4 < round_up(d->out_w, 2) * 4 / 2;
    d->winograd = pays && d->channels <= WIDE_CHANNELS ? 4 : 2;
    clv_winograd_scratch row = clv_winograd_scratch_of(d, 1);
    most = WINDOWS_BYTES / (row.area * row.tiles_w * d->channels * sizeof(int16_t));
    most = most < 1 ? 1 : most;
    n = (tiles_h + most - 1) / most;  /* strips, */
    d->strip = (tiles_h + n - 1) / n; /* of much the same height */
    d->strip_elems = clv_winograd_scratch_of(d, d->strip).n;
}

/* --- weights ------------------------------------------------------------------------------- */

static size_t area_of(const clv_dense *d)
{
    return CLV_WINOGRAD_ROWS * (d->winograd + 2);
}

size_t clv_winograd_n_weights(const clv_dense *d)
{
    return round_up(d->out_channels, CLV_DENSE_PANEL) * area_of(d) * d->channels;
}

/* Transforms of three numbers for tiles of 2 (twice it) and of 4 (24 times it). */
static void transform_two(int32_t *out, int32_t a, int32_t b, int32_t c)
{
    out[0] = 2 * a;
    out[1] = a + b + c;
    out[2] = a - b + c;
    out[3] = 2 * c;
}

static void transform_four(int32_t *out, int32_t a, int32_t b, int32_t c)
{
    out[0] = 6 * a;
    out[1] = -4 * (a + b + c);
    out[2] = -4 * (a - b + c);
    out[3] = a + 2 * b + 4 * c;
    out[4] = a - 2 * b + 4 * c;
    out[5] = 24 * c;
}

/* 3x3 weights, transformed; the results are @p step apart. */
static void pack_kernel(int16_t *out, size_t step, size_t winograd, const int8_t w[9])
{
    int32_t down[3][CLV_WINOGRAD_ROWS], across[6];

    for (size_t x = 0; x < 3; x++)
        transform_two(down[x], w[x], w[3 + x], w[6 + x]);
    for (size_t y = 0; y < CLV_WINOGRAD_ROWS; y++) {
        if (winograd == 2)
            transform_two(across, down[0][y], down[1][y], down[2][y]);
        else
            transform_four(across, down[0][y], down[1][y], down[2][y]);
        for (size_t x = 0; x < winograd + 2; x++, out += step)
            *out = (int16_t)across[x];
    }
}

/* As [panel, area, pair of channels, output channel of the panel, 2]. */
void clv_winograd_pack(int16_t *out, const clv_dense *d, const int8_t *data, size_t step,
                       size_t step_each)
{
    size_t between = d->channels * CLV_DENSE_PANEL;

    for (size_t o = 0; o < d->out_channels; o++) {
        int16_t *panel = out + o / CLV_DENSE_PANEL * area_of(d) * between;
        for (size_t c = 0; c < d->channels; c++) {
            const int8_t *from = data + o * step + c * 9 * step_each;
            int8_t kernel[9];
            for (size_t i = 0; i < 9; i++)
                kernel[i] = from[i * step_each];
            pack_kernel(panel + (c / 2 * CLV_DENSE_PANEL + o % CLV_DENSE_PANEL) * 2 + c % 2,
                        between, d->winograd, kernel);
        }
    }
}
