/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ACTIVATION_H
#define CLV_ACTIVATION_H

/** @file activation.h: the tensors of a frontier <-> the bytes that cross a cut.
 *
 *  Layout: docs/activation-format.md. `float` is lossless. `uint8` is affine per tensor: every
 *  float comes back within (max - min) / 510 of itself (plus float rounding); a tensor that isn't
 *  float32, holds a NaN or an infinity, or wouldn't shrink travels as it is. `rans` is our own: by
 *  operating points (tensor_point.h), which both ends have from the bundle; a tensor without one
 *  travels as it is. `zstd` and `lz4` are lossless, for bytes. Pure functions, no allocation (but
 *  for what zstd allocates).
 *
 *  Both ends know what was planned for each tensor. Where its shape depends on data it may be
 *  smaller, and its true shape travels with it. @p planned is the list of that everywhere below;
 *  NULL: every tensor has exactly its own shape. */

#include <cleave/tensor.h>

#include "codec/tensor_point.h"

/** What is known of a tensor before there is one. */
typedef struct clv_planned {
    clv_shape shape;
    bool bounded; /**< the true shape may be smaller, dimension by dimension */
} clv_planned;

/** X(NAME, "name"). The numbers are part of the wire format: only append. */
#define CLV_CODEC_LIST(X)                                                                          \
    X(FLOAT, "float")                                                                              \
    X(UINT8, "uint8")                                                                              \
    X(ZSTD, "zstd")                                                                                \
    X(LZ4, "lz4")                                                                                  \
    X(RANS, "rans")

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

/** The symbols of all of a frontier's tensors, one tensor's behind another's: what a later frame of
 *  the same cut and point can be coded against. */
typedef struct clv_symbols {
    uint8_t *data; /**< owner's; room for cap bytes */
    size_t cap;
    size_t bytes;   /**< of all tensors of the point; 0: not known yet, or they have no room */
    size_t held;    /**< of those that are there: some travelled as they are, when under bytes */
    uint32_t point; /**< which of the cut's points */
} clv_symbols;

/** Whether a later frame can be coded against them. */
bool clv_symbols_whole(const clv_symbols *symbols);

/** What `rans` works by. Whoever decodes on several threads gives each a scratch of its own. */
typedef struct clv_codec_tables {
    const clv_point *const *points; /**< [n_points, n_tensors]; NULL: that tensor has none */
    uint32_t n_points, n_tensors;   /**< at most 256 points of the cut; tensors of its frontier */
    uint32_t use;                   /**< the point to encode with; a payload says which it was */
    void *scratch;                  /**< aligned for floats */
    size_t scratch_bytes;           /**< the most that clv_point_scratch_bytes() asks for */
    const clv_symbols *reference;   /**< whole, of an earlier frame of this cut; NULL: none */
    clv_symbols *keep; /**< data and cap in, the rest out: this frame's; NULL: nobody wants it */
} clv_codec_tables;

/** Bytes of a frame's symbols by point @p point: what clv_symbols needs room for. */
size_t clv_codec_symbol_bytes(const clv_codec_tables *tables, uint32_t point);

/** Most tensors in one payload. */
#define CLV_ACTIVATION_MAX_TENSORS 1024u

/** Worst-case bytes of a payload, with any codec and any true shapes.
 *  @return CLV_OK; CLV_ELIMIT; errors of clv_tensor_bytes(). */
CLV_NODISCARD clv_status clv_activation_bound(size_t *out, const clv_tensor *tensors,
                                              const clv_planned *planned, uint32_t n_tensors);

/** Encode tensors in order. The memory of a float32 tensor is aligned for floats.
 *  @param tables      NULL: there are none. clv_activation_encode() is without.
 *  @param[out] bytes_out  Bytes written to @p dst.
 *  @return CLV_OK; CLV_EINVAL (no such codec); CLV_ESHAPE when a tensor has a shape that isn't
 *          planned; CLV_ENOSPC when @p cap is under the bound; errors of clv_activation_bound(). */
CLV_NODISCARD clv_status clv_activation_encode_by(size_t *bytes_out, clv_codec codec,
                                                  const clv_codec_tables *tables,
                                                  const clv_tensor *tensors,
                                                  const clv_planned *planned, uint32_t n_tensors,
                                                  uint8_t *dst, size_t cap);
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
CLV_NODISCARD clv_status clv_activation_decode_by(clv_tensor *tensors, const clv_planned *planned,
                                                  uint32_t n_tensors,
                                                  const clv_codec_tables *tables,
                                                  const uint8_t *src, size_t bytes, clv_error *err);
CLV_NODISCARD clv_status clv_activation_decode(clv_tensor *tensors, const clv_planned *planned,
                                               uint32_t n_tensors, const uint8_t *src, size_t bytes,
                                               clv_error *err);

#endif
