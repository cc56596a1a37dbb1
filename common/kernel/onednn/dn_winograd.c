/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_winograd.h"

#define WINDOWS_BYTES 262144u /* of a strip: a part of the second-level cache */
#define LEAST_CHANNELS 16u    /* of the output: fewer leave a panel half empty */
#define LEAST_TILES 24u       /* for each time that weights, which are large, are read */
#define LANES 16u

bool clv_winograd_suits(const clv_dense *d)
{
    const size_t most = INT32_MAX / (4 * 9 * UINT8_MAX * -INT8_MIN); /* channels: sums fit */

    return d->kernel_h == 3 && d->kernel_w == 3 && d->stride_h == 1 && d->stride_w == 1 &&
           d->dilation_h == 1 && d->dilation_w == 1 && d->channels % LANES == 0 &&
           d->channels <= most && d->out_channels >= LEAST_CHANNELS && d->h <= UINT16_MAX &&
           d->w <= UINT16_MAX && d->out_h <= UINT16_MAX && d->out_w <= UINT16_MAX &&
           d->out_h * d->out_w >= 4 * LEAST_TILES;
}

static size_t whole_lines(size_t n)
{
    return (n + 31) / 32 * 32;
}

clv_winograd_scratch clv_winograd_scratch_of(const clv_dense *d, size_t strip)
{
    clv_winograd_scratch s = {.tiles_h = (d->out_h + 1) / 2, .tiles_w = (d->out_w + 1) / 2};
    size_t n_tiles = strip * s.tiles_w, right = d->pad_w + d->w;

    s.columns = 2 * s.tiles_w + 2;
    s.columns = s.columns < right ? right : s.columns;
    s.rows = s.blank + whole_lines(d->w * d->channels / 2);
    s.windows = s.rows + whole_lines(CLV_WINOGRAD_SIDE * s.columns * d->channels);
    s.sums = s.windows + whole_lines(CLV_WINOGRAD_AREA * n_tiles * d->channels);
    s.n = s.sums + whole_lines(CLV_WINOGRAD_AREA * n_tiles * CLV_DENSE_PANEL * 2);
    return s;
}

void clv_winograd_plan(clv_dense *d)
{
    size_t row = CLV_WINOGRAD_AREA * ((d->out_w + 1) / 2) * d->channels * sizeof(int16_t);
    size_t tiles_h = (d->out_h + 1) / 2, most = WINDOWS_BYTES / row, n;

    most = most < 1 ? 1 : most;
    n = (tiles_h + most - 1) / most;  /* strips, */
    d->strip = (tiles_h + n - 1) / n; /* of much the same height */
    d->strip_elems = clv_winograd_scratch_of(d, d->strip).n;
}

/* --- weights ------------------------------------------------------------------------------- */

size_t clv_winograd_n_weights(const clv_dense *d)
{
    size_t n_panels = (d->out_channels + CLV_DENSE_PANEL - 1) / CLV_DENSE_PANEL;
    return n_panels * CLV_WINOGRAD_AREA * d->channels * CLV_DENSE_PANEL;
}

/* Twice the transform of three numbers that are @p step apart. */
static void transform(int32_t out[4], const int32_t *w, size_t step)
{
    int32_t ends = w[0] + w[2 * step];

    out[0] = 2 * w[0];
    out[1] = ends + w[step];
    out[2] = ends - w[step];
    out[3] = 2 * w[2 * step];
}

/* The 3x3 weights at @p data for one place of [panel, 16, channels / 2, channel of the panel, 2].
 */
static void pack_kernel(int16_t *out, size_t step_out, const int8_t *data, size_t step)
{
    int32_t w[9], columns[12], all[4]; /* columns: [column, row] */

    for (size_t i = 0; i < 9; i++)
        w[i] = data[i * step];
    for (size_t x = 0; x < 3; x++)
        transform(columns + 4 * x, w + x, 3);
    for (size_t y = 0; y < 4; y++) {
        transform(all, columns + y, 4);
        for (size_t x = 0; x < 4; x++)
            out[(4 * y + x) * step_out] = (int16_t)all[x];
    }
}

void clv_winograd_pack(int16_t *out, const clv_dense *d, const int8_t *data, size_t step,
                       size_t step_each)
{
    size_t step_out = d->channels * CLV_DENSE_PANEL;

    for (size_t o = 0; o < d->out_channels; o++) {
        int16_t *panel = out + o / CLV_DENSE_PANEL * CLV_WINOGRAD_AREA * step_out;
        for (size_t c = 0; c < d->channels; c++) {
            size_t at = (c / 2 * CLV_DENSE_PANEL + o % CLV_DENSE_PANEL) * 2 + c % 2;
            pack_kernel(panel + at, step_out, data + o * step + c * 9 * step_each, step_each);
        }
    }
}
