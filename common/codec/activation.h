/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ACTIVATION_H
#define CLV_ACTIVATION_H

/** @file activation.h: the tensors of a frontier <-> the bytes that cross a cut.
 *
 *  Layout: docs/activation-format.md. `float` is lossless. `uint8` is affine per tensor: every
 *  float comes back within (max - min) / 510 of itself (plus float rounding); a tensor that isn't
 *  float32, holds a NaN or an infinity, or wouldn't shrink travels as it is. Pure functions, no
 *  allocation. */

#include <cleave/tensor.h>

/** X(NAME, "name"). The numbers are part of the wire format: only append. */
#define CLV_CODEC_LIST(X)                                                                          \
    X(FLOAT, "float")                                                                              \
    X(UINT8, "uint8")

typedef enum clv_codec {
#define CLV_CODEC_ENUM(name, text) CLV_CODEC_##name,
    CLV_CODEC_LIST(CLV_CODEC_ENUM)
#undef CLV_CODEC_ENUM
        CLV_CODEC_COUNT
} clv_codec;

/** Static; "invalid" for a value that is none. */
const char *clv_codec_name(clv_codec codec);

/** @return CLV_OK; CLV_ENOENT. */
CLV_NODISCARD clv_status clv_codec_find(clv_codec *out, const char *name);

/** Most tensors in one payload. */
#define CLV_ACTIVATION_MAX_TENSORS 1024u

/** Worst-case bytes of a payload, with any codec.
 *  @return CLV_OK; CLV_ELIMIT; errors of clv_tensor_bytes(). */
CLV_NODISCARD clv_status clv_activation_bound(size_t *out, const clv_tensor *tensors,
                                              uint32_t n_tensors);

/** Encode tensors in order. The memory of a float32 tensor is aligned for floats.
 *  @param[out] bytes_out  Bytes written to @p dst.
 *  @return CLV_OK; CLV_EINVAL (no such codec); CLV_ENOSPC when @p cap is under the bound; errors
 *          of clv_activation_bound(). */
CLV_NODISCARD clv_status clv_activation_encode(size_t *bytes_out, clv_codec codec,
                                               const clv_tensor *tensors, uint32_t n_tensors,
                                               uint8_t *dst, size_t cap);

/** Decode into @p tensors, whose types, shapes and memory are the caller's: a payload that was
 *  made for other ones is refused. Hostile input is expected; what comes out of it is values of
 *  the right type, nothing more: indices still need their range checked where they are used.
 *  @return CLV_OK; otherwise the tensors' content is undefined: CLV_EVERSION, CLV_EFORMAT,
 *          CLV_ESHAPE with @p err (tensor and byte offset); errors of clv_activation_bound(). */
CLV_NODISCARD clv_status clv_activation_decode(clv_tensor *tensors, uint32_t n_tensors,
                                               const uint8_t *src, size_t bytes, clv_error *err);

#endif
