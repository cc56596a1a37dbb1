/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_IMAGE_H
#define CLV_IMAGE_H

/** @file image.h: pixels in: decode, resize, normalise; pixels out as PNG or JPEG. One owner for
 * each clv_image; no globals. What is computed, exactly: docs/preprocessing.md. */

#include "base/buffer.h"
#include "media/input_spec.h"

#define CLV_IMAGE_MAX_SIDE CLV_INPUT_MAX_SIDE
#define CLV_IMAGE_MAX_PIXELS ((size_t)100 << 20)    /**< 100 Mi pixels */
#define CLV_IMAGE_MAX_FILE_BYTES ((size_t)64 << 20) /**< of an encoded image */

/** 8-bit RGB, rows from the top, no padding: 3 * width * height bytes. Memory is kept when an
 *  image is decoded into it again. Functions that fill an image leave it empty (0 x 0) when they
 *  fail. Who accepts only smaller images lowers rgb.cap_bytes after clv_image_init(). */
typedef struct clv_image {
    uint32_t width, height;
    clv_buffer rgb;
} clv_image;

void clv_image_init(clv_image *image);
void clv_image_done(clv_image *image); /* idempotent */

/** Decode a JPEG or PNG, told by its first bytes. Grey, palette, CMYK, alpha (over black) and
 *  16-bit PNGs become 8-bit RGB. Orientation tags are not applied. A file that is cut off or has
 *  damaged pixels is an error, never a half-grey image. Pixels are those of Pillow.
 *  @return CLV_OK; CLV_EFORMAT, CLV_ELIMIT, CLV_EUNSUPPORTED, CLV_ENOMEM with @p err. */
CLV_NODISCARD clv_status clv_image_decode(clv_image *image, const uint8_t *data, size_t bytes,
                                          clv_error *err);

/** Read and decode a file; @p err names it. */
CLV_NODISCARD clv_status clv_image_load(clv_image *image, const char *path, clv_error *err);

/** Write @p image as a PNG, through a temporary and a rename.
 *  @return CLV_OK; CLV_EINVAL (an empty image); CLV_ENOENT (no such folder), CLV_EIO, CLV_ENOMEM;
 *          with @p err naming the file. */
CLV_NODISCARD clv_status clv_image_write_png(const clv_image *image, const char *path,
                                             clv_error *err);

#define CLV_JPEG_MAX_QUALITY 100u

/** Encode @p image as a baseline JPEG: 4:2:0, Huffman tables made for it.
 *  @param out      Filled from its start; its memory is kept. Empty on failure.
 *  @param quality  1..100, on libjpeg's scale.
 *  @return CLV_OK; CLV_EINVAL (an empty image, no such quality); CLV_ELIMIT (more than out's cap);
 *          CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_image_encode_jpeg(clv_buffer *out, const clv_image *image,
                                               unsigned quality);

/** Copy @p rgb, width * height * 3 bytes.
 *  @return CLV_OK; CLV_EINVAL (a side of 0); CLV_ELIMIT; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_image_set_rgb(clv_image *image, const uint8_t *rgb, uint32_t width,
                                           uint32_t height);

/** Bilinear with the filter widened when shrinking, bit for bit as Pillow's BILINEAR (triangle
 *  filter, 8-bit result of each of the two passes). Allocates its tables; clv_image_fit() keeps
 *  them.
 *  @param out  Not @p src.
 *  @return CLV_OK; CLV_EINVAL (a side of 0); CLV_ELIMIT; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_image_resize(clv_image *out, const clv_image *src, uint32_t width,
                                          uint32_t height);

/** Bring @p src to the spec's width x height by its fit rule. Only the pixels that are kept are
 *  computed. Doesn't allocate when it has handled images of this size before.
 *  @param scratch  Memory that is kept between calls; an image of its own.
 *  @return CLV_OK; CLV_EINVAL (an empty image, a spec that clv_input_spec_check() refuses);
 *          CLV_ELIMIT; CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_image_fit(clv_image *out, clv_image *scratch, const clv_image *src,
                                       const clv_input_spec *spec);

/** The way back from what clv_image_fit() makes of a width x height image, which goes to the same
 *  plan. Pure.
 *  @return CLV_OK; CLV_EINVAL as clv_image_fit(); @p out is left untouched then. */
CLV_NODISCARD clv_status clv_image_fit_map(clv_fit_map *out, uint32_t width, uint32_t height,
                                           const clv_input_spec *spec);

/** Normalise pixels that fit the spec into @p tensor: float32, 3 or 1 channels. Cannot fail.
 *  @param pixels  width * height * 3 bytes RGB. */
void clv_image_normalise(float *tensor, const uint8_t *pixels, const clv_input_spec *spec);

#endif
