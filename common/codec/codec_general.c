/* SPDX-License-Identifier: Apache-2.0 */
/* zstd and lz4: a length, and what the library makes of the tensor's bytes. To compare with. */
#include "codec/activation_codecs.h"

#include <limits.h>
#include <lz4.h>
#include <string.h>
#include <zstd.h>

#define ZSTD_LEVEL 1

size_t clv_write_length(uint8_t *dst, size_t length)
{
    size_t n = 0;

    for (; length >= 0x80; length >>= 7)
        dst[n++] = (uint8_t)(length | 0x80u);
    dst[n++] = (uint8_t)length;
    return n;
}

size_t clv_read_length(size_t *out, const uint8_t *src, size_t left, const char **why)
{
    uint64_t length = 0;

    for (size_t n = 0; n < CLV_LENGTH_BYTES && n < left; n++) {
        length |= (uint64_t)(src[n] & 0x7fu) << 7 * n;
        if (src[n] >= 0x80)
            continue;
        if (length > left - n - 1)
            break;
        *out = (size_t)length;
        return n + 1;
    }
    *why = "the payload is cut off, or a length is wrong";
    return SIZE_MAX;
}

/* Put the length before @p packed bytes, which lie behind room for the longest one. */
static size_t close_up(uint8_t *dst, size_t packed)
{
    size_t head = clv_write_length(dst, packed);
    memmove(dst + head, dst + CLV_LENGTH_BYTES, packed);
    return head + packed;
}

size_t clv_encode_zstd(uint8_t *dst, const clv_tensor *tensor, size_t bytes,
                       const clv_codec_tables *tables, uint32_t index)
{
    (void)tables;
    (void)index;
    if (bytes <= CLV_LENGTH_BYTES || bytes >> 7 * CLV_LENGTH_BYTES != 0)
        return SIZE_MAX;
    size_t packed = ZSTD_compress(dst + CLV_LENGTH_BYTES, bytes - CLV_LENGTH_BYTES, tensor->data,
                                  bytes, ZSTD_LEVEL);
    return ZSTD_isError(packed) ? SIZE_MAX : close_up(dst, packed);
}

size_t clv_encode_lz4(uint8_t *dst, const clv_tensor *tensor, size_t bytes,
                      const clv_codec_tables *tables, uint32_t index)
{
    (void)tables;
    (void)index;
    if (bytes <= CLV_LENGTH_BYTES || bytes > LZ4_MAX_INPUT_SIZE)
        return SIZE_MAX;
    int packed = LZ4_compress_default(tensor->data, (char *)dst + CLV_LENGTH_BYTES, (int)bytes,
                                      (int)(bytes - CLV_LENGTH_BYTES));
    return packed <= 0 ? SIZE_MAX : close_up(dst, (size_t)packed);
}

/* @return the head's bytes and @p packed; SIZE_MAX when the tensor can't have been packed so. */
static size_t open_up(size_t *packed, const clv_tensor *tensor, const uint8_t *src, size_t left,
                      const char **why)
{
    if (tensor->dtype == CLV_BOOL) { /* only 0 and 1 are: it travels as it is */
        *why = "a bool isn't packed";
        return SIZE_MAX;
    }
    return clv_read_length(packed, src, left, why);
}

size_t clv_decode_zstd(clv_tensor *tensor, size_t bytes, const uint8_t *src, size_t left,
                       const clv_codec_tables *tables, uint32_t index, const char **why)
{
    size_t packed, head = open_up(&packed, tensor, src, left, why);

    (void)tables;
    (void)index;
    if (head == SIZE_MAX)
        return SIZE_MAX;
    if (ZSTD_decompress(tensor->data, bytes, src + head, packed) != bytes) {
        *why = "zstd finds it damaged, or of another size";
        return SIZE_MAX;
    }
    return head + packed;
}

size_t clv_decode_lz4(clv_tensor *tensor, size_t bytes, const uint8_t *src, size_t left,
                      const clv_codec_tables *tables, uint32_t index, const char **why)
{
    size_t packed, head = open_up(&packed, tensor, src, left, why);

    (void)tables;
    (void)index;
    if (head == SIZE_MAX)
        return SIZE_MAX;
    if (bytes > INT_MAX || packed > INT_MAX ||
        LZ4_decompress_safe((const char *)src + head, tensor->data, (int)packed, (int)bytes) !=
            (int)bytes) {
        *why = "lz4 finds it damaged, or of another size";
        return SIZE_MAX;
    }
    return head + packed;
}
