/* SPDX-License-Identifier: Apache-2.0 */
/* float32 as bytes: x = min + q * step. The loops are plain so that compilers vectorise them. */
#include "codec/activation_codecs.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/bytes.h"

#define HEAD_BYTES (2 * sizeof(float)) /* min, step */

/* The bits of a float as an integer of the same order: -inf < ... < -0 < 0 < ... < inf, and NaNs
 * outside of both; its own inverse. Integers may be compared in any order, so that the loop below
 * is vectorised; floats, because of NaNs, may not. */
static int32_t key_of(int32_t bits)
{
    return bits ^ (int32_t)((uint32_t)(bits >> 31) >> 1);
}

static float float_of(int32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The range of n > 0 floats. A NaN or an infinity among them becomes min or max. */
static void range_of(float *min_out, float *max_out, const float *x, size_t n)
{
    int32_t low = INT32_MAX, high = INT32_MIN;

    for (size_t i = 0; i < n; i++) {
        int32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        int32_t key = key_of(bits);
        low = key < low ? key : low;
        high = key > high ? key : high;
    }
    *min_out = float_of(key_of(low));
    *max_out = float_of(key_of(high));
}

/* What every decoder accepts: none of the 256 values is a NaN or an infinity. */
static bool are_usable(float min, float step)
{
    return step >= 0 && isfinite(min + 255 * step);
}

/* No clipping: (max - min) * inverse_step is off 255 by three roundings, far less than half. */
static void quantise(uint8_t *restrict dst, const float *restrict x, size_t n, float min,
                     float inverse_step)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (uint8_t)(int32_t)((x[i] - min) * inverse_step + 0.5f);
}

size_t clv_encode_uint8(uint8_t *dst, const clv_tensor *tensor, size_t bytes,
                        const clv_codec_tables *tables, uint32_t index)
{
    (void)tables;
    (void)index;
    size_t n = bytes / sizeof(float);
    float min, max;

    if (tensor->dtype != CLV_F32 || bytes < HEAD_BYTES + n)
        return SIZE_MAX;
    range_of(&min, &max, tensor->data, n);
    float step = min == max ? 0 : (max - min) / 255;
    bool has_inverse = step >= FLT_MIN; /* as a float */
    if (!are_usable(min, step) || (min != max && !has_inverse))
        return SIZE_MAX;

    clv_write_f32(dst, min);
    clv_write_f32(dst + sizeof min, step);
    if (min == max)
        return HEAD_BYTES;
    quantise(dst + HEAD_BYTES, tensor->data, n, min, 1 / step);
    return HEAD_BYTES + n;
}

static void fill(float *x, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        x[i] = value;
}

static void dequantise(float *restrict x, const uint8_t *restrict src, size_t n, float min,
                       float step)
{
    for (size_t i = 0; i < n; i++)
        x[i] = min + (float)src[i] * step;
}

static size_t refuse(const char **why, const char *text)
{
    *why = text;
    return SIZE_MAX;
}

size_t clv_decode_uint8(clv_tensor *tensor, size_t bytes, const uint8_t *src, size_t left,
                        const clv_codec_tables *tables, uint32_t index, const char **why)
{
    (void)tables;
    (void)index;
    size_t n = bytes / sizeof(float);

    if (tensor->dtype != CLV_F32)
        return refuse(why, "uint8 is for float32 only");
    if (left < HEAD_BYTES)
        return refuse(why, "the payload is cut off");
    float min = clv_read_f32(src);
    float step = clv_read_f32(src + sizeof min);
    if (!are_usable(min, step))
        return refuse(why, "min or step is out of range");
    if (step == 0) {
        fill(tensor->data, n, min);
        return HEAD_BYTES;
    }
    if (left - HEAD_BYTES < n)
        return refuse(why, "the payload is cut off");
    dequantise(tensor->data, src + HEAD_BYTES, n, min, step);
    return HEAD_BYTES + n;
}
