/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG by libjpeg-turbo into a buffer of ours: what a camera would send. */
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h> /* after jpeglib.h, on which its numbers depend */

#include "media/image.h"

#define FIRST_BYTES ((size_t)64 << 10)

typedef struct jpeg_writer {
    struct jpeg_compress_struct codec;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    clv_buffer *out;
    jmp_buf on_failure;
    clv_status status;
} jpeg_writer;

static _Noreturn void give_up(jpeg_writer *w, clv_status status)
{
    w->status = status;
    longjmp(w->on_failure, 1);
}

/* The arguments were checked: memory is all that it can lack. */
static void fail(j_common_ptr codec)
{
    bool memory = codec->err->msg_code == JERR_OUT_OF_MEMORY;
    give_up(codec->client_data, memory ? CLV_ENOMEM : CLV_EINTERNAL);
}

static void keep_silent(j_common_ptr codec)
{
    (void)codec;
}

/* Offer the memory behind @p used bytes, all there is. */
static void offer(jpeg_writer *w, size_t used)
{
    w->destination.next_output_byte = w->out->data + used;
    w->destination.free_in_buffer = w->out->size - used;
}

static void grow(jpeg_writer *w, size_t bytes)
{
    size_t most = w->out->cap_bytes;
    clv_status status = clv_buffer_resize(w->out, bytes < most ? bytes : most);
    if (status != CLV_OK)
        give_up(w, status);
}

static void begin(j_compress_ptr codec)
{
    jpeg_writer *w = codec->client_data;
    size_t kept = w->out->allocated;

    grow(w, kept > FIRST_BYTES ? kept : FIRST_BYTES);
    if (w->out->size == 0)
        give_up(w, CLV_ELIMIT);
    offer(w, 0);
}

static boolean more(j_compress_ptr codec)
{
    jpeg_writer *w = codec->client_data;
    size_t used = w->out->size; /* libjpeg calls when all of it is full */

    if (used == w->out->cap_bytes)
        give_up(w, CLV_ELIMIT);
    grow(w, 2 * used);
    offer(w, used);
    return TRUE;
}

static void end(j_compress_ptr codec)
{
    jpeg_writer *w = codec->client_data;
    w->out->size -= w->destination.free_in_buffer;
}

static void encode(jpeg_writer *w, const clv_image *image, int quality)
{
    j_compress_ptr codec = &w->codec;

    codec->err = jpeg_std_error(&w->errors);
    w->errors.error_exit = fail;
    w->errors.output_message = keep_silent;
    codec->client_data = w;
    jpeg_create_compress(codec);
    w->destination = (struct jpeg_destination_mgr){
        .init_destination = begin, .empty_output_buffer = more, .term_destination = end};
    codec->dest = &w->destination;
    codec->image_width = image->width;
    codec->image_height = image->height;
    codec->input_components = 3;
    codec->in_color_space = JCS_RGB;
    jpeg_set_defaults(codec);
    jpeg_set_quality(codec, quality, TRUE);
    codec->optimize_coding = TRUE;
    jpeg_start_compress(codec, TRUE);
    while (codec->next_scanline < codec->image_height) {
        JSAMPROW row = image->rgb.data + (size_t)3 * image->width * codec->next_scanline;
        (void)jpeg_write_scanlines(codec, &row, 1);
    }
    jpeg_finish_compress(codec);
}

clv_status clv_image_encode_jpeg(clv_buffer *out, const clv_image *image, unsigned quality)
{
    jpeg_writer w = {.out = out, .status = CLV_OK};

    if (image->width == 0 || quality < 1 || quality > CLV_JPEG_MAX_QUALITY)
        return CLV_EINVAL;
    if (setjmp(w.on_failure) == 0)
        encode(&w, image, (int)quality);
    else
        out->size = 0;
    jpeg_destroy_compress(&w.codec);
    return w.status;
}
