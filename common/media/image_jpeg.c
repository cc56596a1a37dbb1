/* SPDX-License-Identifier: Apache-2.0 */
/* JPEG by libjpeg-turbo, with its defaults (accurate integer DCT, fancy upsampling): the pixels
 * are those of Pillow. Where libjpeg would go on and paint grey, decoding fails. */
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h> /* after jpeglib.h, on which its numbers depend */

#include "base/error.h"
#include "media/image_parts.h"

/* Real progressive files have about ten scans; each one costs a pass over the whole image. */
#define MAX_SCANS 100
/* Progressive files of CLV_IMAGE_MAX_PIXELS need 600 MiB of coefficients. */
#define MAX_DECODER_BYTES ((long)1 << 30)

typedef struct jpeg_job {
    struct jpeg_decompress_struct codec;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    clv_image *image;
    size_t bytes;
    jmp_buf on_failure;
    clv_status status;
    clv_error *err;
} jpeg_job;

static _Noreturn void give_up(jpeg_job *job, clv_status status)
{
    job->status = status;
    longjmp(job->on_failure, 1);
}

static clv_status status_of_code(int code)
{
    switch (code) {
    case JERR_OUT_OF_MEMORY:
        return CLV_ENOMEM;
    case JERR_NO_BACKING_STORE: /* more than MAX_DECODER_BYTES */
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
        return CLV_ELIMIT;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED:
        return CLV_EUNSUPPORTED;
    default:
        return CLV_EFORMAT;
    }
}

static void fail_with_message(j_common_ptr codec)
{
    jpeg_job *job = codec->client_data;
    char text[JMSG_LENGTH_MAX];
    char where[32];

    codec->err->format_message(codec, text);
    (void)snprintf(where, sizeof where, "byte %zu", job->bytes - job->source.bytes_in_buffer);
    give_up(job, clv_fail(job->err, status_of_code(codec->err->msg_code), where, "%s", text));
}

/* A warning means wrong pixels, unless it is one of these, which some cameras cause. */
static void on_message(j_common_ptr codec, int level)
{
    int code = codec->err->msg_code;
    bool harmless =
        code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM;

    if (level < 0 && !harmless)
        fail_with_message(codec);
}

static void keep_silent(j_common_ptr codec)
{
    (void)codec;
}

static void source_nothing(j_decompress_ptr codec)
{
    (void)codec;
}

static boolean source_is_empty(j_decompress_ptr codec)
{
    jpeg_job *job = codec->client_data;

    give_up(job,
            clv_fail(job->err, CLV_EFORMAT, NULL, "the file is cut off at byte %zu", job->bytes));
}

static void source_skip(j_decompress_ptr codec, long bytes)
{
    struct jpeg_source_mgr *source = codec->src;

    if (bytes <= 0)
        return;
    if ((size_t)bytes > source->bytes_in_buffer)
        (void)source_is_empty(codec);
    source->next_input_byte += bytes;
    source->bytes_in_buffer -= (size_t)bytes;
}

static void count_scans(j_common_ptr common)
{
    jpeg_job *job = common->client_data;

    if (job->codec.input_scan_number > MAX_SCANS)
        give_up(job, clv_fail(job->err, CLV_ELIMIT, NULL, "more than %d scans", MAX_SCANS));
}

static void open_codec(jpeg_job *job, const uint8_t *data)
{
    job->codec.err = jpeg_std_error(&job->errors);
    job->errors.error_exit = fail_with_message;
    job->errors.emit_message = on_message;
    job->errors.output_message = keep_silent;
    job->codec.client_data = job;
    jpeg_create_decompress(&job->codec);

    job->codec.mem->max_memory_to_use = MAX_DECODER_BYTES;
    job->progress.progress_monitor = count_scans;
    job->codec.progress = &job->progress;
    job->source = (struct jpeg_source_mgr){.next_input_byte = data,
                                           .bytes_in_buffer = job->bytes,
                                           .init_source = source_nothing,
                                           .fill_input_buffer = source_is_empty,
                                           .skip_input_data = source_skip,
                                           .resync_to_restart = jpeg_resync_to_restart,
                                           .term_source = source_nothing};
    job->codec.src = &job->source;
}

static uint8_t mul_255(unsigned a, unsigned b)
{
    unsigned t = a * b + 128;
    return (uint8_t)(((t >> 8) + t) >> 8);
}

/* CMYK JPEGs hold the inverse of each ink, as Adobe writes them. */
static void rgb_of_cmyk(uint8_t *rgb, const uint8_t *inverted, uint32_t width)
{
    for (uint32_t i = 0; i < width; i++) {
        unsigned not_black = inverted[4 * i + 3];
        for (uint32_t c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)(not_black - mul_255(255u - inverted[4 * i + c], not_black));
    }
}

static void read_rows(jpeg_job *job)
{
    j_decompress_ptr codec = &job->codec;
    size_t stride = (size_t)3 * job->image->width;
    bool cmyk = codec->out_color_space == JCS_CMYK;
    JSAMPARRAY inks = NULL;

    if (cmyk) /* freed with the codec */
        inks =
            codec->mem->alloc_sarray((j_common_ptr)codec, JPOOL_IMAGE, 4 * codec->output_width, 1);
    while (codec->output_scanline < codec->output_height) {
        JSAMPROW row = job->image->rgb.data + codec->output_scanline * stride;
        (void)jpeg_read_scanlines(codec, cmyk ? inks : &row, 1);
        if (cmyk)
            rgb_of_cmyk(row, inks[0], codec->output_width);
    }
}

static void decode(jpeg_job *job, const uint8_t *data)
{
    j_decompress_ptr codec = &job->codec;

    open_codec(job, data);
    (void)jpeg_read_header(codec, TRUE);
    clv_status status =
        clv_image_prepare(job->image, codec->image_width, codec->image_height, job->err);
    if (status != CLV_OK)
        give_up(job, status);
    bool inks = codec->jpeg_color_space == JCS_CMYK || codec->jpeg_color_space == JCS_YCCK;
    codec->out_color_space = inks ? JCS_CMYK : JCS_RGB;
    (void)jpeg_start_decompress(codec);
    read_rows(job);
    (void)jpeg_finish_decompress(codec);
}

clv_status clv_image_decode_jpeg(clv_image *image, const uint8_t *data, size_t bytes,
                                 clv_error *err)
{
    jpeg_job job = {.image = image, .bytes = bytes, .status = CLV_OK, .err = err};

    if (setjmp(job.on_failure) == 0)
        decode(&job, data);
    jpeg_destroy_decompress(&job.codec);
    return job.status;
}
