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
    if (clv_point_encode(&coded, point, tensor->data, tables->scratch, body,
                         bytes - POINT_BYTES - CLV_LENGTH_BYTES) != CLV_OK)
        return SIZE_MAX;
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
    if (clv_point_decode(tensor->data, point, tables->scratch, src + head, coded) != CLV_OK) {
        *why = "it is damaged, or was made with other tables";
        return SIZE_MAX;
    }
    return head + coded;
}
