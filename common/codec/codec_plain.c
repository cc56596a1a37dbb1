/* SPDX-License-Identifier: Apache-2.0 */
/* A tensor as it lies in memory. */
#include "codec/activation_codecs.h"

#include <string.h>

size_t clv_encode_plain(uint8_t *dst, const clv_tensor *tensor, size_t bytes,
                        const clv_codec_tables *tables, uint32_t index)
{
    (void)tables;
    (void)index;
    if (bytes > 0)
        memcpy(dst, tensor->data, bytes);
    return bytes;
}

/* A bool that is neither 0 nor 1 is undefined behaviour for whoever reads it. */
static bool are_bools(const uint8_t *src, size_t n)
{
    uint8_t seen = 0;

    for (size_t i = 0; i < n; i++)
        seen |= src[i];
    return seen <= 1;
}

size_t clv_decode_plain(clv_tensor *tensor, size_t bytes, const uint8_t *src, size_t left,
                        const clv_codec_tables *tables, uint32_t index, const char **why)
{
    (void)tables;
    (void)index;
    if (left < bytes) {
        *why = "the payload is cut off";
        return SIZE_MAX;
    }
    if (tensor->dtype == CLV_BOOL && !are_bools(src, bytes)) {
        *why = "a bool is neither 0 nor 1";
        return SIZE_MAX;
    }
    if (bytes > 0)
        memcpy(tensor->data, src, bytes);
    return bytes;
}
