/* SPDX-License-Identifier: Apache-2.0 */
/* A tensor by one of its operating points: the point's number, a length, what it takes. */
#include "codec/activation_codecs.h"

#include <math.h>
#include <string.h>

#define POINT_BYTES 1u

/* What tensor @p index has as point @p number; NULL: nothing. */
static const clv_point *find_point(const clv_codec_tables *tables, uint32_t number, uint32_t index,
                                   const clv_tensor *tensor)
{
    if (tables == NULL || number >= tables->n_points || index >= tables->n_tensors)
        return NULL;
    const clv_point *point = tables->points[(size_t)number * tables->n_tensors + index];
    if (point == NULL || !clv_point_fits(point, tensor) ||
        clv_point_scratch_bytes(point) > tables->scratch_bytes)
        return NULL;
    return point;
}

/* Bytes of the symbols of the first @p n_tensors tensors. */
static size_t symbols_before(const clv_codec_tables *tables, uint32_t number, uint32_t n_tensors)
{
    const clv_point *const *points = tables->points + (size_t)number * tables->n_tensors;
    size_t bytes = 0;

    for (uint32_t i = 0; i < n_tensors; i++)
        bytes += points[i] != NULL ? clv_point_symbols(points[i]) : 0;
    return bytes;
}

size_t clv_codec_symbol_bytes(const clv_codec_tables *tables, uint32_t point)
{
    return point < tables->n_points ? symbols_before(tables, point, tables->n_tensors) : 0;
}

bool clv_symbols_whole(const clv_symbols *symbols)
{
    return symbols->bytes > 0 && symbols->held == symbols->bytes;
}

/* Where the symbols of tensor @p index by point @p number go; NULL: nowhere. */
static uint8_t *place_of(clv_symbols *keep, const clv_codec_tables *tables, uint32_t number,
                         uint32_t index)
{
    if (keep == NULL)
        return NULL;
    if (keep->held == 0) {
        size_t bytes = clv_codec_symbol_bytes(tables, number);
        keep->bytes = bytes <= keep->cap ? bytes : 0;
        keep->point = number;
    }
    if (keep->bytes == 0 || keep->point != number)
        return NULL;
    return keep->data + symbols_before(tables, number, index);
}

static clv_point_frames frames_of(const clv_codec_tables *tables, uint32_t number, uint32_t index)
{
    const clv_symbols *reference = tables->reference;
    clv_point_frames frames = {NULL, place_of(tables->keep, tables, number, index)};

    if (reference != NULL && reference->point == number && clv_symbols_whole(reference) &&
        reference->bytes == clv_codec_symbol_bytes(tables, number))
        frames.reference = reference->data + symbols_before(tables, number, index);
    return frames;
}

static bool all_finite(const float *x, size_t n)
{
    uint32_t broken = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        broken |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return broken == 0;
}

size_t clv_encode_rans(uint8_t *dst, const clv_tensor *tensor, size_t bytes,
                       const clv_codec_tables *tables, uint32_t index)
{
    const clv_point *point = tables ? find_point(tables, tables->use, index, tensor) : NULL;
    size_t coded;

    if (point == NULL || bytes <= POINT_BYTES + CLV_LENGTH_BYTES)
        return SIZE_MAX;
    if (!point->bytes && !all_finite(tensor->data, bytes / sizeof(float)))
        return SIZE_MAX;
    uint8_t *body = dst + POINT_BYTES + CLV_LENGTH_BYTES;
    clv_point_frames frames = frames_of(tables, tables->use, index);
    if (clv_point_encode_frame(&coded, point, &frames, tensor->data, tables->scratch, body,
                               bytes - POINT_BYTES - CLV_LENGTH_BYTES) != CLV_OK)
        return SIZE_MAX;
    if (frames.symbols != NULL)
        tables->keep->held += clv_point_symbols(point);
    dst[0] = (uint8_t)tables->use;
    size_t head = POINT_BYTES + clv_write_length(dst + POINT_BYTES, coded);
    memmove(dst + head, body, coded);
    return head + coded;
}

size_t clv_decode_rans(clv_tensor *tensor, size_t bytes, const uint8_t *src, size_t left,
                       const clv_codec_tables *tables, uint32_t index, const char **why)
{
    size_t coded, head;

    (void)bytes;
    if (left < POINT_BYTES) {
        *why = "the payload is cut off";
        return SIZE_MAX;
    }
    const clv_point *point = find_point(tables, src[0], index, tensor);
    if (point == NULL) {
        *why = "there is no such operating point";
        return SIZE_MAX;
    }
    head = clv_read_length(&coded, src + POINT_BYTES, left - POINT_BYTES, why);
    if (head == SIZE_MAX)
        return SIZE_MAX;
    head += POINT_BYTES;
    clv_point_frames frames = frames_of(tables, src[0], index);
    if (clv_point_decode_frame(tensor->data, point, &frames, tables->scratch, src + head, coded) !=
        CLV_OK) {
        *why = "it is damaged, or was made with other tables or another reference";
        return SIZE_MAX;
    }
    if (frames.symbols != NULL)
        tables->keep->held += clv_point_symbols(point);
    return head + coded;
}
