/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ACTIVATION_CODECS_H
#define CLV_ACTIVATION_CODECS_H

/** @file activation_codecs.h: what a codec gives to activation_format.c: one encoder and one
 *  decoder for one tensor, without its tag. */

#include "codec/activation.h"

/** Write @p tensor, of @p bytes bytes, to @p dst.
 *  @return Bytes written, at most @p bytes; SIZE_MAX when this codec can't carry the tensor in
 *          that: then it travels as it is. */
typedef size_t (*clv_tensor_encoder)(uint8_t *dst, const clv_tensor *tensor, size_t bytes);

/** Fill @p tensor, of @p bytes bytes, from what is left of a payload. Any input may come.
 *  @param[out] why  What is wrong with the input.
 *  @return Bytes used, at most @p left; SIZE_MAX when the input is malformed. */
typedef size_t (*clv_tensor_decoder)(clv_tensor *tensor, size_t bytes, const uint8_t *src,
                                     size_t left, const char **why);

size_t clv_encode_plain(uint8_t *dst, const clv_tensor *tensor, size_t bytes);
size_t clv_decode_plain(clv_tensor *tensor, size_t bytes, const uint8_t *src, size_t left,
                        const char **why);

size_t clv_encode_uint8(uint8_t *dst, const clv_tensor *tensor, size_t bytes);
size_t clv_decode_uint8(clv_tensor *tensor, size_t bytes, const uint8_t *src, size_t left,
                        const char **why);

#endif
