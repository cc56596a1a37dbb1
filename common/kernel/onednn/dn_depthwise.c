/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/onednn/dn_depthwise.h"

#include <math.h>
#include <string.h>

#define CHUNK 64u /* channels whose sums stay in registers and in the first-level cache */

static uint8_t to_byte(const clv_depthwise *d, float v)
{
    float r = rintf(v);
    r = r > (float)d->low ? r : (float)d->low;
    r = r < (float)d->high ? r : (float)d->high;
    return (uint8_t)r ^ d->out_flip;
}

/* Add up tap (ky, kx) for the channels [c, c + n). */
static void add_tap(int32_t *sums, const clv_depthwise *d, const uint8_t *x, const int8_t *w,
                    size_t n)
{
    if (x == NULL) {
        for (size_t i = 0; i < n; i++)
            sums[i] += d->zero * w[i];
        return;
    }
    for (size_t i = 0; i < n; i++)
        sums[i] += (x[i] ^ d->flip) * w[i];
}

/* Where the source pixel lies that tap (ky, kx) of output pixel (oy, ox) reads; NULL: padding. */
static const uint8_t *pixel(const clv_depthwise *d, const uint8_t *image, size_t row, size_t col)
{
    size_t y = row - d->pad_h, x = col - d->pad_w; /* wraps round above and left of the image */
    return y < d->h && x < d->w ? image + (y * d->w + x) * d->channels : NULL;
}

static void make_pixel(const clv_depthwise *d, const uint8_t *image, uint8_t *y, size_t oy,
                       size_t ox)
{
    int32_t sums[CHUNK];
    float scaled[CHUNK];

    for (size_t c = 0; c < d->channels; c += CHUNK) {
        size_t n = d->channels - c < CHUNK ? d->channels - c : CHUNK;
        memset(sums, 0, sizeof sums);
        for (size_t ky = 0; ky < d->kernel_h; ky++) {
            for (size_t kx = 0; kx < d->kernel_w; kx++) {
                const uint8_t *x = pixel(d, image, oy * d->stride_h + ky * d->dilation_h,
                                         ox * d->stride_w + kx * d->dilation_w);
                add_tap(sums, d, x == NULL ? NULL : x + c,
                        d->weights + (ky * d->kernel_w + kx) * d->channels + c, n);
            }
        }
        for (size_t i = 0; i < n; i++)
            scaled[i] = fmaf((float)sums[i], d->scale[c + i], d->bias[c + i]);
        if (clv_dn_curve_is_there(&d->curve))
            clv_dn_curve_apply(&d->curve, scaled, n);
        for (size_t i = 0; i < n; i++)
            y[c + i] = to_byte(d, scaled[i]);
    }
}

void clv_depthwise_plain(const clv_depthwise *d, const uint8_t *x, uint8_t *y, size_t from,
                         size_t to)
{
    for (size_t row = from; row < to; row++) {
        const uint8_t *image = x + row / d->out_h * d->h * d->w * d->channels;
        for (size_t ox = 0; ox < d->out_w; ox++)
            make_pixel(d, image, y + (row * d->out_w + ox) * d->channels, row % d->out_h, ox);
    }
}
