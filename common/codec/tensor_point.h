/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_TENSOR_POINT_H
#define CLV_TENSOR_POINT_H

/** @file tensor_point.h: one operating point of the codec `rans` for one tensor of a cut: how its
 *  numbers become planes of few symbols (plane_coder.h) and back. compress/ designs points from
 *  calibration images; they travel in the bundle, as bytes whose layout is in
 *  docs/activation-format.md, and both ends parse them once.
 *
 *  float32: the channels of a tensor [1, channels, rows, cols], or with a transform some linear
 *  combinations of them, are the planes; each is rounded to multiples of its step and comes back as
 *  the mean of what was rounded to it. uint8, lossless: the bytes themselves are the symbols; else
 *  they are taken as numbers 0..255, and come back as the nearest ones.
 *  A point is immutable once made; threads share it. */

#include <cleave/tensor.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "codec/plane_choice.h"

#define CLV_POINT_MAX_CHANNELS 4096u
#define CLV_POINT_MAX_ELEMS (UINT32_C(1) << 26)
#define CLV_POINT_MAX_BYTES (UINT32_C(1) << 24)

/** Rounding alone moves a number by up to 0.66 steps. */
#define CLV_POINT_KEEP_STEPS 0.75f

/** How an encoder rounds the planes of a group: where no group has a price a number v, in steps,
 *  becomes zero + sign(v) * floor(|v| + rounding / 256), clipped to the group's levels; else what
 *  plane_choice.h says. */
typedef struct clv_point_quantiser {
    uint8_t rounding; /**< 128: to nearest; less: a dead zone */
    uint8_t price;    /**< squared steps that a bit may cost, in 256ths; 0: none */
    /** What symbol s comes back as: s - zero + centre[s] / 128, in steps. */
    int8_t centre[CLV_PLANE_MAX_LEVELS];
} clv_point_quantiser;

typedef struct clv_point {
    bool lossless; /**< of a uint8 tensor: planes are channels, and there is nothing below groups */
    bool transform; /**< planes are combinations of channels */
    bool bytes;     /**< of a uint8 tensor; true with lossless */
    bool priced;    /**< some group has a price; of clv_point_price() */
    uint32_t channels, rows, cols, planes, n_groups;
    uint8_t *group_of;               /**< [planes] */
    clv_plane_group *groups;         /**< [n_groups] */
    clv_point_quantiser *quantisers; /**< [n_groups] */
    clv_plane_choice *choices;       /**< [n_groups] of clv_point_price(); not lossless */
    float *step;                     /**< [planes], > 0 */
    float *offset;                   /**< [channels]: a channel that isn't coded is this */
    uint16_t *source;                /**< [planes]: its channel, ascending; no transform */
    /** With a transform: plane p is sum_c forward[p, c] * forward_scale[p] * (x[c] - offset[c]),
     *  and x[c] comes back as offset[c] + sum_p inverse[c, p] * inverse_scale[p] * plane[p]. */
    int8_t *forward;      /**< [planes, channels] */
    float *forward_scale; /**< [planes] */
    int16_t *inverse;     /**< [channels, planes] */
    float *inverse_scale; /**< [planes] */
    clv_arena memory;
} clv_point;

/** A point with zeroed memory for everything above, for who designs one.
 *  @param like  lossless, transform and the counts; the rest is not read.
 *  @return CLV_OK; CLV_ELIMIT (counts that no point has); CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_point_create(clv_point **out, const clv_point *like);
void clv_point_free(clv_point *point); /* NULL is a no-op */

/** Find what encoding by prices needs, once tables and quantisers are there. clv_point_parse()
 *  does so itself. */
void clv_point_price(clv_point *point);

/** Append @p point as bytes. @return CLV_OK; CLV_ENOMEM, CLV_ELIMIT. */
CLV_NODISCARD clv_status clv_point_write(clv_buffer *out, const clv_point *point);

/** The point that @p src holds, all of it. Any bytes may come.
 *  @return CLV_OK; CLV_EFORMAT, CLV_ELIMIT with @p err; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_point_parse(clv_point **out, const uint8_t *src, size_t bytes,
                                         clv_error *err);

/** Whether @p point is for tensors like this: type, and shape [1, channels, ...] with rows * cols
 *  elements a channel, or [channels] or [1, channels] where that is 1. */
bool clv_point_fits(const clv_point *point, const clv_tensor *tensor);

/** Scratch memory that encoding and decoding need, aligned for floats. */
size_t clv_point_scratch_bytes(const clv_point *point);

/** Most bytes that a tensor takes: a head of 5 and its symbols in whole bits. */
size_t clv_point_bound(const clv_point *point);

/** Symbols of a tensor, one byte each: what a later frame can be coded against. */
size_t clv_point_symbols(const clv_point *point);

/** How a tensor lies in a sequence of frames. */
typedef struct clv_point_frames {
    const uint8_t *reference; /**< an earlier frame's symbols, by this point; NULL: none */
    uint8_t *symbols;         /**< where this frame's go, not the reference's; NULL: nowhere */
} clv_point_frames;

/** Encode a tensor that fits, dense. Floats are finite: others become any symbol. With a reference
 *  a number that is less than CLV_POINT_KEEP_STEPS from what the reference's symbol stands for
 *  keeps that symbol, so that a camera's noise costs nothing; and what takes fewer bytes, the
 *  difference or the frame alone (without keeping), is taken. clv_point_encode() is without frames.
 *  @return CLV_OK; CLV_ENOSPC when it takes more than @p cap bytes, never with the bound. */
CLV_NODISCARD clv_status clv_point_encode_frame(size_t *bytes_out, const clv_point *point,
                                                const clv_point_frames *frames, const void *data,
                                                void *scratch, uint8_t *dst, size_t cap);
CLV_NODISCARD clv_status clv_point_encode(size_t *bytes_out, const clv_point *point,
                                          const void *data, void *scratch, uint8_t *dst,
                                          size_t cap);

/** Decode into a tensor that fits. Any @p src may come.
 *  @return CLV_OK; CLV_EFORMAT: damaged (there is a checksum), or made with another point;
 *          @p data and frames->symbols are undefined then. A difference without its reference is
 *          malformed. */
CLV_NODISCARD clv_status clv_point_decode_frame(void *data, const clv_point *point,
                                                const clv_point_frames *frames, void *scratch,
                                                const uint8_t *src, size_t bytes);
CLV_NODISCARD clv_status clv_point_decode(void *data, const clv_point *point, void *scratch,
                                          const uint8_t *src, size_t bytes);

#endif
