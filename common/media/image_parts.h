/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_IMAGE_PARTS_H
#define CLV_IMAGE_PARTS_H

/** @file image_parts.h: what the files of this folder share. */

#include "media/image.h"

/** Give @p image its size and memory; the pixels are undefined. Call it when a header is known
 *  and before anything else of that size is allocated.
 *  @return CLV_OK; CLV_EFORMAT (a side of 0), CLV_ELIMIT, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_image_prepare(clv_image *image, uint32_t width, uint32_t height,
                                           clv_error *err);

/** Forget the pixels, keep the memory. */
void clv_image_clear(clv_image *image);

CLV_NODISCARD clv_status clv_image_decode_jpeg(clv_image *image, const uint8_t *data, size_t bytes,
                                               clv_error *err);
CLV_NODISCARD clv_status clv_image_decode_png(clv_image *image, const uint8_t *data, size_t bytes,
                                              clv_error *err);

/** One axis of a resampling: @c in samples become @c full, of which [from, from + count) are
 *  computed. */
typedef struct clv_resample_axis {
    uint32_t in;
    uint64_t full;
    uint64_t from;
    uint32_t count;
} clv_resample_axis;

/** Resample @p src into rows of x->count pixels, @p stride bytes apart.
 *  @param x,y   x->in and y->in are the source's sides; x->count and y->count are at least 1.
 *  @param work  Tables and rows in between; its content is lost, its memory kept.
 *  @return CLV_OK; CLV_ELIMIT, CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_resample(uint8_t *dst, size_t stride, clv_buffer *work,
                                      const uint8_t *src, const clv_resample_axis *x,
                                      const clv_resample_axis *y);

#endif
