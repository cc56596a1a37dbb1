/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ACTIVATION_H
#define CLV_ACTIVATION_H

/** @file activation.h: the tensors of a frontier <-> the bytes that cross a cut.
 *
 *  Layout: docs/activation-format.md. `float` is lossless. `uint8` is affine per tensor: every
 *  float comes back within (max - min) / 510 of itself (plus float rounding); a tensor that isn't
 *  float32, holds a NaN or an infinity, or wouldn't shrink travels as it is. Pure functions, no
 *  allocation.
 *
 *  Both ends know what was planned for each tensor. Where its shape depends on data it may be
 *  smaller, and its true shape travels with it. @p planned is the list of that everywhere below;
 *  NULL: every tensor has exactly its own shape. */

#include <cleave/tensor.h>

/** What is known of a tensor before there is one. */
typedef struct clv_planned {
    clv_shape shape;
    bool bounded; /**< the true shape may be smaller, dimension by dimension */
} clv_planned;

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

/** Worst-case bytes of a payload, with any codec and any true shapes.
 *  @return CLV_OK; CLV_ELIMIT; errors of clv_tensor_bytes(). */
CLV_NODISCARD clv_status clv_activation_bound(size_t *out, const clv_tensor *tensors,
                                              const clv_planned *planned, uint32_t n_tensors);

/** Encode tensors in order. The memory of a float32 tensor is aligned for floats.
 *  @param[out] bytes_out  Bytes written to @p dst.
 *  @return CLV_OK; CLV_EINVAL (no such codec); CLV_ESHAPE when a tensor has a shape that isn't
 *          planned; CLV_ENOSPC when @p cap is under the bound; errors of clv_activation_bound(). */
CLV_NODISCARD clv_status clv_activation_encode(size_t *bytes_out, clv_codec codec,
                                               const clv_tensor *tensors,
                                               const clv_planned *planned, uint32_t n_tensors,
                                               uint8_t *dst, size_t cap);

/** Decode into @p tensors, whose types and memory, for the planned shapes, are the caller's: a
 *  payload that was made for other ones is refused. Shapes become the true ones, which
 *  are as planned. Hostile input is expected; what comes out of it is values of the right
 *  type, nothing more: indices still need their range checked where they are used, and shapes
 *  may not fit together.
 *  @return CLV_OK; otherwise the tensors' content and shapes are undefined: CLV_EVERSION,
 * CLV_EFORMAT, CLV_ESHAPE with @p err (tensor and byte offset); errors of clv_activation_bound().
 */
CLV_NODISCARD clv_status clv_activation_decode(clv_tensor *tensors, const clv_planned *planned,
                                               uint32_t n_tensors, const uint8_t *src, size_t bytes,
                                               clv_error *err);

#endif
