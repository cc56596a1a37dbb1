/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>

#include <png.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "media/image.h"

typedef struct png_output {
    png_structp codec;
    png_infop info;
    clv_file_writer *writer;
    const char *path;
    jmp_buf on_failure;
    clv_status status;
    clv_error *err;
} png_output;

static _Noreturn void on_error(png_structp codec, png_const_charp text)
{
    png_output *o = png_get_error_ptr(codec);

    o->status = clv_fail(o->err, CLV_EIO, o->path, "cannot be written as PNG: %s", text);
    longjmp(o->on_failure, 1);
}

static void on_warning(png_structp codec, png_const_charp text)
{
    (void)codec;
    (void)text;
}

static png_voidp allocate(png_structp codec, png_alloc_size_t bytes)
{
    (void)codec;
    return clv_calloc(bytes, 1);
}

static void release(png_structp codec, png_voidp ptr)
{
    (void)codec;
    clv_free(ptr);
}

/* Errors are kept by the writer until it is finished. */
static void put_bytes(png_structp codec, png_bytep data, size_t n)
{
    png_output *o = png_get_io_ptr(codec);
    (void)!clv_file_writer_put(o->writer, data, n);
}

static void flush(png_structp codec)
{
    (void)codec;
}

static void encode(png_output *o, const clv_image *image)
{
    o->codec = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, o, on_error, on_warning, NULL,
                                         allocate, release);
    if (o->codec != NULL)
        o->info = png_create_info_struct(o->codec);
    if (o->info == NULL) {
        o->status = clv_fail(o->err, CLV_ENOMEM, o->path, "out of memory");
        return;
    }
    png_set_write_fn(o->codec, o, put_bytes, flush);
    png_set_IHDR(o->codec, o->info, image->width, image->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(o->codec, o->info);
    for (uint32_t y = 0; y < image->height; y++)
        png_write_row(o->codec, image->rgb.data + (size_t)3 * image->width * y);
    png_write_end(o->codec, NULL);
}

clv_status clv_image_write_png(const clv_image *image, const char *path, clv_error *err)
{
    png_output o = {.path = path, .status = CLV_OK, .err = err};

    if (image->width == 0 || image->height == 0)
        return clv_fail(err, CLV_EINVAL, path, "the image is empty");
    CLV_TRY(clv_file_writer_open(&o.writer, path, 0644, err));
    if (setjmp(o.on_failure) == 0)
        encode(&o, image);
    png_destroy_write_struct(&o.codec, &o.info);
    clv_status written =
        clv_file_writer_finish(o.writer, o.status == CLV_OK, o.status == CLV_OK ? err : NULL);
    return o.status == CLV_OK ? written : o.status;
}
