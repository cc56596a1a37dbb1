/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_IMAGE_H
#define CLV_IMAGE_H

/** @file image.h: pixels in: decode, resize, normalise. One owner for each clv_image; no globals. */

#include "base/buffer.h"
#include "media/input_spec.h"

#define CLV_IMAGE_MAX_SIDE 16384u
#define CLV_IMAGE_MAX_PIXELS ((size_t)100 << 20)   /**< 100 Mi pixels */
#define CLV_IMAGE_MAX_FILE_BYTES ((size_t)64 << 20) /**< of an encoded image */

/** 8-bit RGB, rows from the top, no padding: 3 * width * height bytes. Memory is kept when an
 *  image is decoded into it again. */
typedef struct clv_image {
    uint32_t width, height;
    clv_buffer rgb;
} clv_image;

void clv_image_init(clv_image *image);
void clv_image_done(clv_image *image); /* idempotent */

/** Decode a JPEG or PNG, told by its first bytes. Grey, palette, CMYK, alpha (over black) and
 *  16-bit PNGs become 8-bit RGB. Orientation tags are not applied.
 *  @return CLV_OK; CLV_EFORMAT, CLV_ELIMIT, CLV_EUNSUPPORTED, CLV_ENOMEM with @p err. */
CLV_NODISCARD clv_status clv_image_decode(clv_image *image, const uint8_t *data, size_t bytes,
                                          clv_error *err);

/** Read and decode a file; @p err names it. */
CLV_NODISCARD clv_status clv_image_load(clv_image *image, const char *path, clv_error *err);

/** Copy @p rgb, width * height * 3 bytes. */
CLV_NODISCARD clv_status clv_image_set_rgb(clv_image *image, const uint8_t *rgb, uint32_t width,
                                           uint32_t height);

/** Bilinear with the filter widened when shrinking (as Pillow's BILINEAR: triangle filter, 8-bit
 *  result of each of the two passes). */
CLV_NODISCARD clv_status clv_image_resize(clv_image *out, const clv_image *src, uint32_t width,
                                          uint32_t height);

/** Bring @p src to the spec's width x height by its fit rule.
 *  @param scratch  Memory that is kept between calls. */
CLV_NODISCARD clv_status clv_image_fit(clv_image *out, clv_image *scratch, const clv_image *src,
                                       const clv_input_spec *spec);

/** Normalise pixels that fit the spec into @p tensor: float32, 3 or 1 channels.
 *  @param pixels  width * height * 3 bytes RGB. */
void clv_image_normalise(float *tensor, const uint8_t *pixels, const clv_input_spec *spec);

#endif
