/* SPDX-License-Identifier: Apache-2.0 */
/* PNG by libpng. Gamma and colour profiles are not applied (nor does Pillow). */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "base/error.h"
#include "base/memory.h"
#include "media/image_parts.h"

#define MAX_CHUNK_BYTES ((png_alloc_size_t)8 << 20) /* of text and profiles; not of pixels */

typedef struct png_job {
    png_structp codec;
    png_infop info;
    const uint8_t *data;
    size_t bytes, at;
    clv_image *image;
    bool out_of_memory;
    jmp_buf on_failure;
    clv_status status;
    clv_error *err;
} png_job;

static _Noreturn void give_up(png_job *job, clv_status status)
{
    job->status = status;
    longjmp(job->on_failure, 1);
}

static _Noreturn void on_error(png_structp codec, png_const_charp text)
{
    png_job *job = png_get_error_ptr(codec);
    char where[32];

    (void)snprintf(where, sizeof where, "byte %zu", job->at);
    give_up(job,
            clv_fail(job->err, job->out_of_memory ? CLV_ENOMEM : CLV_EFORMAT, where, "%s", text));
}

static void on_warning(png_structp codec, png_const_charp text)
{
    (void)codec;
    (void)text;
}

static png_voidp allocate(png_structp codec, png_alloc_size_t bytes)
{
    png_job *job = png_get_mem_ptr(codec);
    void *ptr = clv_calloc(bytes, 1);

    if (ptr == NULL)
        job->out_of_memory = true;
    return ptr;
}

static void release(png_structp codec, png_voidp ptr)
{
    (void)codec;
    clv_free(ptr);
}

static void read_bytes(png_structp codec, png_bytep dst, size_t n)
{
    png_job *job = png_get_io_ptr(codec);

    if (n > job->bytes - job->at)
        give_up(job, clv_fail(job->err, CLV_EFORMAT, NULL, "the file is cut off at byte %zu",
                              job->bytes));
    memcpy(dst, job->data + job->at, n);
    job->at += n;
}

static void open_codec(png_job *job)
{
    job->codec = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, job, on_error, on_warning, job,
                                          allocate, release);
    if (job->codec != NULL)
        job->info = png_create_info_struct(job->codec);
    if (job->info == NULL)
        give_up(job, clv_fail(job->err, CLV_ENOMEM, NULL, "out of memory"));
    png_set_read_fn(job->codec, job, read_bytes);
    png_set_user_limits(job->codec, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* ours are stricter */
    png_set_chunk_malloc_max(job->codec, MAX_CHUNK_BYTES);
}

/* Every kind of PNG to 8-bit RGB over black; of 16 bits the upper 8 are kept. */
static void set_transforms(png_job *job)
{
    const png_color_16 black = {0};

    png_set_expand(job->codec);
    png_set_strip_16(job->codec);
    png_set_gray_to_rgb(job->codec);
    png_set_background_fixed(job->codec, &black, PNG_BACKGROUND_GAMMA_SCREEN, 0, PNG_FP_1);
}

static void decode(png_job *job)
{
    open_codec(job);
    png_read_info(job->codec, job->info);
    uint32_t height = png_get_image_height(job->codec, job->info);
    clv_status status =
        clv_image_prepare(job->image, png_get_image_width(job->codec, job->info), height, job->err);
    if (status != CLV_OK)
        give_up(job, status);

    set_transforms(job);
    int passes = png_set_interlace_handling(job->codec);
    png_read_update_info(job->codec, job->info);
    size_t stride = (size_t)3 * job->image->width;
    if (png_get_rowbytes(job->codec, job->info) != stride)
        give_up(job, clv_fail(job->err, CLV_EUNSUPPORTED, NULL, "this kind of PNG is not read"));
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t y = 0; y < height; y++)
            png_read_row(job->codec, job->image->rgb.data + y * stride, NULL);
    }
    png_read_end(job->codec, NULL);
}

clv_status clv_image_decode_png(clv_image *image, const uint8_t *data, size_t bytes, clv_error *err)
{
    png_job job = {.data = data, .bytes = bytes, .image = image, .status = CLV_OK, .err = err};

    if (setjmp(job.on_failure) == 0)
        decode(&job);
    png_destroy_read_struct(&job.codec, &job.info, NULL);
    return job.status;
}
