/* SPDX-License-Identifier: Apache-2.0 */
#include "media/image.h"

/* What each byte becomes, for each channel: a division for each pixel would cost more. */
typedef struct tables {
    float of[3][256];
} tables;

static void fill_tables(tables *t, const clv_input_spec *spec)
{
    for (unsigned c = 0; c < 3; c++) {
        for (unsigned v = 0; v < 256; v++)
            t->of[c][v] = ((float)v - spec->mean[c]) / spec->std[c];
    }
}

/* ITU-R 601 luma, with Pillow's weights: 0.299, 0.587 and 0.114 of 2^16. */
static uint8_t luma(const uint8_t *rgb)
{
    return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

static void normalise_gray(float *dst, const uint8_t *rgb, size_t n, const tables *t)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = t->of[0][luma(rgb + 3 * i)];
}

/* @p src points at the byte of each channel in the first pixel, @p dst at its first float;
 * @p step is between the floats of one channel. */
static void normalise_colour(float *const dst[3], const uint8_t *const src[3], size_t n,
                             size_t step, const tables *t)
{
    float *restrict a = dst[0], *restrict b = dst[1], *restrict c = dst[2];

    for (size_t i = 0; i < n; i++) {
        a[i * step] = t->of[0][src[0][3 * i]];
        b[i * step] = t->of[1][src[1][3 * i]];
        c[i * step] = t->of[2][src[2][3 * i]];
    }
}

void clv_image_normalise(float *tensor, const uint8_t *pixels, const clv_input_spec *spec)
{
    size_t n = (size_t)spec->width * spec->height;
    unsigned first = spec->channels == CLV_CHANNELS_BGR ? 2 : 0; /* channel's byte in a pixel */
    size_t plane = spec->channels_last ? 1 : n;
    tables t;

    fill_tables(&t, spec);
    if (spec->channels == CLV_CHANNELS_GRAY) {
        normalise_gray(tensor, pixels, n, &t);
        return;
    }
    normalise_colour((float *const[3]){tensor, tensor + plane, tensor + 2 * plane},
                     (const uint8_t *const[3]){pixels + first, pixels + 1, pixels + 2 - first}, n,
                     spec->channels_last ? 3 : 1, &t);
}
