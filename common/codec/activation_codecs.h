/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ACTIVATION_CODECS_H
#define CLV_ACTIVATION_CODECS_H

/** @file activation_codecs.h: what a codec gives to activation_format.c: one encoder and one
 *  decoder for one tensor, without its tag. */

#include "codec/activation.h"

/** Most bytes of a length: seven bits in each, the lowest first, the highest bit while more follow.
 */
#define CLV_LENGTH_BYTES 5u

/** Write @p tensor, of @p bytes bytes, to @p dst. @p tables may be NULL; @p index is the tensor's
 *  place in them.
 *  @return Bytes written, at most @p bytes; SIZE_MAX when this codec can't carry the tensor in
 *          that: then it travels as it is. */
typedef size_t (*clv_tensor_encoder)(uint8_t *dst, const clv_tensor *tensor, size_t bytes,
                                     const clv_codec_tables *tables, uint32_t index);

/** Fill @p tensor, of @p bytes bytes, from what is left of a payload. Any input may come.
 *  @param[out] why  What is wrong with the input.
 *  @return Bytes used, at most @p left; SIZE_MAX when the input is malformed. */
typedef size_t (*clv_tensor_decoder)(clv_tensor *tensor, size_t bytes, const uint8_t *src,
                                     size_t left, const clv_codec_tables *tables, uint32_t index,
                                     const char **why);

/** @return Bytes written, at most CLV_LENGTH_BYTES. */
size_t clv_write_length(uint8_t *dst, size_t length);

/** A length that @p left bytes hold, itself included.
 *  @return Bytes of it; SIZE_MAX and @p why when there is none. */
size_t clv_read_length(size_t *out, const uint8_t *src, size_t left, const char **why);

#define CLV_TENSOR_CODEC(name)                                                                     \
    size_t clv_encode_##name(uint8_t *dst, const clv_tensor *tensor, size_t bytes,                 \
                             const clv_codec_tables *tables, uint32_t index);                      \
    size_t clv_decode_##name(clv_tensor *tensor, size_t bytes, const uint8_t *src, size_t left,    \
                             const clv_codec_tables *tables, uint32_t index, const char **why)

CLV_TENSOR_CODEC(plain);
CLV_TENSOR_CODEC(uint8);
CLV_TENSOR_CODEC(zstd);
CLV_TENSOR_CODEC(lz4);
CLV_TENSOR_CODEC(rans);

#endif
