/* SPDX-License-Identifier: Apache-2.0 */
#include "media/image.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "media/image_parts.h"

void clv_image_init(clv_image *image)
{
    image->width = 0;
    image->height = 0;
    clv_buffer_init(&image->rgb, 3 * CLV_IMAGE_MAX_PIXELS);
}

void clv_image_done(clv_image *image)
{
    clv_image_clear(image);
    clv_buffer_done(&image->rgb);
}

void clv_image_clear(clv_image *image)
{
    image->width = 0;
    image->height = 0;
    image->rgb.size = 0;
}

clv_status clv_image_prepare(clv_image *image, uint32_t width, uint32_t height, clv_error *err)
{
    if (width == 0 || height == 0)
        return clv_fail(err, CLV_EFORMAT, NULL, "the image is empty (%u x %u)", width, height);
    if (width > CLV_IMAGE_MAX_SIDE || height > CLV_IMAGE_MAX_SIDE)
        return clv_fail(err, CLV_ELIMIT, NULL, "%u x %u pixels; a side is at most %u", width,
                        height, CLV_IMAGE_MAX_SIDE);
    clv_status status = clv_buffer_resize(&image->rgb, (size_t)3 * width * height);
    if (status == CLV_ELIMIT)
        return clv_fail(err, status, NULL, "%u x %u pixels; at most %zu pixels are accepted", width,
                        height, image->rgb.cap_bytes / 3);
    if (status != CLV_OK)
        return clv_fail(err, status, NULL, "no memory for %u x %u pixels", width, height);
    image->width = width;
    image->height = height;
    return CLV_OK;
}

clv_status clv_image_decode(clv_image *image, const uint8_t *data, size_t bytes, clv_error *err)
{
    static const uint8_t jpeg_magic[] = {0xff, 0xd8, 0xff};
    static const uint8_t png_magic[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    clv_status status;

    clv_image_clear(image);
    if (bytes > CLV_IMAGE_MAX_FILE_BYTES)
        return clv_fail(err, CLV_ELIMIT, NULL, "%zu bytes; at most %zu are accepted", bytes,
                        CLV_IMAGE_MAX_FILE_BYTES);
    if (bytes >= sizeof jpeg_magic && memcmp(data, jpeg_magic, sizeof jpeg_magic) == 0)
        status = clv_image_decode_jpeg(image, data, bytes, err);
    else if (bytes >= sizeof png_magic && memcmp(data, png_magic, sizeof png_magic) == 0)
        status = clv_image_decode_png(image, data, bytes, err);
    else
        return clv_fail(err, CLV_EFORMAT, NULL, "neither a JPEG nor a PNG");
    if (status != CLV_OK)
        clv_image_clear(image);
    return status;
}

clv_status clv_image_load(clv_image *image, const char *path, clv_error *err)
{
    clv_mapping mapping;

    clv_image_clear(image);
    CLV_TRY(clv_mapping_open(&mapping, path, CLV_IMAGE_MAX_FILE_BYTES, err));
    clv_status status = clv_image_decode(image, mapping.data, mapping.size, err);
    clv_mapping_done(&mapping);
    return status == CLV_OK ? CLV_OK : clv_error_prefix(err, status, path);
}

clv_status clv_image_set_rgb(clv_image *image, const uint8_t *rgb, uint32_t width, uint32_t height)
{
    clv_image_clear(image);
    if (width == 0 || height == 0)
        return CLV_EINVAL;
    CLV_TRY(clv_image_prepare(image, width, height, NULL));
    memcpy(image->rgb.data, rgb, image->rgb.size);
    return CLV_OK;
}
