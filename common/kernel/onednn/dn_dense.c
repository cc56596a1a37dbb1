/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_dense.h"

#define STRIP_BYTES 131072u /* of the widened source: a part of the second-level cache */
#define SLACK 64u           /* numbers that vector code touches behind the last one */

static size_t panels(const clv_dense *d)
{
    return (d->out_channels + CLV_DENSE_PANEL - 1) / CLV_DENSE_PANEL;
}

static size_t reach(size_t kernel, size_t dilation)
{
    return (kernel - 1) * dilation + 1;
}

/* Rows of the source that @p rows rows of the output need. */
static size_t source_rows(const clv_dense *d, size_t rows)
{
    return (rows - 1) * d->stride_h + reach(d->kernel_h, d->dilation_h);
}

bool clv_dense_plan(clv_dense *d)
{
    const size_t most = (size_t)1 << 20; /* of any extent: products stay in 64 bits */
    size_t row;

    if (d->w > most || d->channels > most || d->out_w > most || d->kernel_w > most ||
        d->dilation_w > most || d->stride_w > most)
        return false;
    d->padded_w = (d->out_w - 1) * d->stride_w + reach(d->kernel_w, d->dilation_w);
    if (d->padded_w < d->w + d->pad_w)
        d->padded_w = d->w + d->pad_w;
    row = d->padded_w * d->channels * sizeof(int16_t);
    bool in_rows = d->dilation_w == 1; /* a row of the window is one run */
    d->n_runs = d->kernel_h * (in_rows ? 1 : d->kernel_w);
    d->run = (d->channels * (in_rows ? d->kernel_w : 1) + 1) / 2;
    d->strip = 1;
    while (d->strip < d->out_h && source_rows(d, d->strip + 1) * row <= STRIP_BYTES)
        d->strip++;
    d->strip_elems = (source_rows(d, d->strip) * d->padded_w * d->channels + SLACK) / 32 * 32 + 32;
    return true;
}

void clv_dense_fill_runs(size_t *out, const clv_dense *d)
{
    size_t each = d->n_runs / d->kernel_h;

    for (size_t i = 0; i < d->n_runs; i++)
        out[i] = (i / each * d->dilation_h * d->padded_w + i % each * d->dilation_w) * d->channels;
}

size_t clv_dense_n_weights(const clv_dense *d)
{
    return panels(d) * d->n_runs * d->run * 2 * CLV_DENSE_PANEL;
}

void clv_dense_pack(int16_t *out, const clv_dense *d, const int8_t *data, size_t step,
                    size_t step_each)
{
    size_t taps = d->kernel_h * d->kernel_w, n = d->n_runs * d->run * 2 * CLV_DENSE_PANEL;
    size_t columns = d->kernel_h * d->kernel_w / d->n_runs; /* of the window, in a run */

    for (size_t o = 0; o < d->out_channels; o++) {
        int16_t *panel = out + o / CLV_DENSE_PANEL * n + o % CLV_DENSE_PANEL * 2;
        for (size_t tap = 0; tap < taps; tap++) {
            for (size_t c = 0; c < d->channels; c++) {
                size_t k = tap % columns * d->channels + c; /* in its run */
                size_t pair = tap / columns * d->run + k / 2;
                panel[pair * 2 * CLV_DENSE_PANEL + k % 2] =
                    data[o * step + (c * taps + tap) * step_each];
            }
        }
    }
}
