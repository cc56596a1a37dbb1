/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jpeglib.h>
#include <png.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "media/image.h"

#define WIDTH 37
#define HEIGHT 29

/* A smooth picture, so that JPEG at quality 100 hardly changes it. */
static uint8_t smooth(unsigned x, unsigned y, unsigned c)
{
    return (uint8_t)(c == 0 ? 20 + 5 * x : c == 1 ? 30 + 6 * y : 200 - 2 * x - 2 * y);
}

/* An encoded file in memory. */
typedef struct file {
    uint8_t *data;
    size_t bytes;
} file;

static void file_append(file *f, const void *data, size_t bytes)
{
    f->data = realloc(f->data, f->bytes + bytes);
    assert_non_null(f->data);
    memcpy(f->data + f->bytes, data, bytes);
    f->bytes += bytes;
}

typedef struct jpeg_kind {
    J_COLOR_SPACE in, stored;
    int components;
    bool progressive;
    const jpeg_scan_info *scans; /* NULL: the usual ones */
    int n_scans;
} jpeg_kind;

static const jpeg_kind rgb_jpeg = {.in = JCS_RGB, .stored = JCS_YCbCr, .components = 3};

static file make_jpeg(const jpeg_kind *kind)
{
    struct jpeg_compress_struct codec = {0};
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long bytes = 0;

    codec.err = jpeg_std_error(&errors);
    jpeg_create_compress(&codec);
    jpeg_mem_dest(&codec, &data, &bytes);
    codec.image_width = WIDTH;
    codec.image_height = HEIGHT;
    codec.input_components = kind->components;
    codec.in_color_space = kind->in;
    jpeg_set_defaults(&codec);
    jpeg_set_colorspace(&codec, kind->stored);
    jpeg_set_quality(&codec, 100, TRUE);
    for (int i = 0; i < kind->components; i++)
        codec.comp_info[i].h_samp_factor = codec.comp_info[i].v_samp_factor = 1;
    if (kind->progressive)
        jpeg_simple_progression(&codec);
    if (kind->scans != NULL) {
        codec.scan_info = kind->scans;
        codec.num_scans = kind->n_scans;
    }
    jpeg_start_compress(&codec, TRUE);
    for (unsigned y = 0; y < HEIGHT; y++) {
        uint8_t row[WIDTH * 4];
        for (unsigned x = 0; x < WIDTH; x++) {
            for (int c = 0; c < kind->components; c++)
                row[x * (unsigned)kind->components + (unsigned)c] =
                    c == 3 ? 230 : smooth(x, y, (unsigned)c);
        }
        JSAMPROW rows[1] = {row};
        (void)jpeg_write_scanlines(&codec, rows, 1);
    }
    jpeg_finish_compress(&codec);
    jpeg_destroy_compress(&codec);
    return (file){data, bytes};
}

static void assert_near(const clv_image *image, unsigned x, unsigned y, unsigned c, int expected)
{
    int value = image->rgb.data[(y * image->width + x) * 3 + c];
    assert_in_range(value - expected + 4, 0, 8);
}

static void test_image__jpegs_of_all_kinds(void **state)
{
    static const jpeg_kind kinds[] = {
        {.in = JCS_RGB, .stored = JCS_YCbCr, .components = 3},
        {.in = JCS_RGB, .stored = JCS_RGB, .components = 3},
        {.in = JCS_RGB, .stored = JCS_YCbCr, .components = 3, .progressive = true},
        {.in = JCS_GRAYSCALE, .stored = JCS_GRAYSCALE, .components = 1},
        {.in = JCS_CMYK, .stored = JCS_CMYK, .components = 4},
        {.in = JCS_CMYK, .stored = JCS_YCCK, .components = 4},
    };
    clv_image image;
    clv_error err = CLV_ERROR_INIT;

    (void)state;
    clv_image_init(&image);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        file f = make_jpeg(&kinds[k]);
        assert_int_equal(clv_image_decode(&image, f.data, f.bytes, &err), CLV_OK);
        assert_true(image.width == WIDTH && image.height == HEIGHT);
        assert_int_equal(image.rgb.size, WIDTH * HEIGHT * 3);
        for (unsigned i = 0; i < WIDTH * HEIGHT * 3; i++) {
            unsigned x = i / 3 % WIDTH, y = i / 3 / WIDTH, c = i % 3;
            int expected = smooth(x, y, kinds[k].components == 1 ? 0 : c);
            if (kinds[k].components == 4) /* stored inverted: 255 is no ink; black is 230 */
                expected = expected * 230 / 255;
            assert_near(&image, x, y, c, expected);
        }
        free(f.data);
    }
    clv_image_done(&image);
}

/* Each cut of the file must be refused; memory of its exact size shows reads beyond it. */
static void refuse_every_cut(const file *f)
{
    clv_image image;
    clv_error err = CLV_ERROR_INIT;

    clv_image_init(&image);
    for (size_t n = 0; n < f->bytes; n++) {
        uint8_t *cut = malloc(n ? n : 1);
        memcpy(cut, f->data, n);
        assert_int_equal(clv_image_decode(&image, cut, n, &err), CLV_EFORMAT);
        assert_true(image.width == 0 && image.height == 0 && image.rgb.size == 0);
        free(cut);
        if (n > 8)
            assert_non_null(strstr(err.message, "cut off"));
    }
    assert_int_equal(clv_image_decode(&image, f->data, f->bytes, &err), CLV_OK);
    clv_image_done(&image);
}

static void test_image__jpeg_that_is_cut_off_is_refused(void **state)
{
    const jpeg_kind progressive = {
        .in = JCS_RGB, .stored = JCS_YCbCr, .components = 3, .progressive = true};

    (void)state;
    file f = make_jpeg(&rgb_jpeg);
    refuse_every_cut(&f);
    free(f.data);
    f = make_jpeg(&progressive);
    refuse_every_cut(&f);
    free(f.data);
}

/* The end-of-image marker too early: libjpeg would only warn and paint grey. */
static void test_image__jpeg_with_missing_rows_is_refused(void **state)
{
    clv_image image;
    clv_error err = CLV_ERROR_INIT;

    (void)state;
    clv_image_init(&image);
    file f = make_jpeg(&rgb_jpeg);
    memcpy(f.data + f.bytes / 2, "\xff\xd9", 2);
    assert_int_equal(clv_image_decode(&image, f.data, f.bytes / 2 + 2, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.message, "premature end"));
    assert_non_null(strstr(err.location, "byte"));
    free(f.data);
    clv_image_done(&image);
}

static void set_jpeg_size(file *f, unsigned width, unsigned height)
{
    size_t at = 0;
    while (memcmp(f->data + at, "\xff\xc0", 2) != 0)
        at++;
    const uint8_t size[] = {(uint8_t)(height >> 8), (uint8_t)height, (uint8_t)(width >> 8),
                            (uint8_t)width};
    memcpy(f->data + at + 5, size, sizeof size);
}

static void test_image__jpeg_of_too_many_pixels_is_refused_before_allocating(void **state)
{
    static const unsigned sizes[][2] = {{16385, 1}, {1, 16385}, {65500, 65500}, {16384, 16384}};
    clv_image image;
    clv_error err = CLV_ERROR_INIT;

    (void)state;
    clv_image_init(&image);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        file f = make_jpeg(&rgb_jpeg);
        set_jpeg_size(&f, sizes[i][0], sizes[i][1]);
        clv_memory_fail_after(1);
        assert_int_equal(clv_image_decode(&image, f.data, f.bytes, &err), CLV_ELIMIT);
        clv_memory_fail_after(0);
        assert_non_null(strstr(err.message, "pixels"));
        free(f.data);
    }
    image.rgb.cap_bytes = WIDTH * HEIGHT * 3 - 1; /* a caller's own limit */
    file f = make_jpeg(&rgb_jpeg);
    assert_int_equal(clv_image_decode(&image, f.data, f.bytes, &err), CLV_ELIMIT);
    free(f.data);
    clv_image_done(&image);
}

static void test_image__jpeg_of_hundreds_of_scans_is_refused(void **state)
{
    jpeg_scan_info scans[1 + 2 * 63];
    clv_image image;
    clv_error err = CLV_ERROR_INIT;
    int n = 0;

    (void)state;
    scans[n++] = (jpeg_scan_info){.comps_in_scan = 1};
    for (int k = 1; k < 64; k++) {
        scans[n++] = (jpeg_scan_info){.comps_in_scan = 1, .Ss = k, .Se = k, .Ah = 0, .Al = 1};
        scans[n++] = (jpeg_scan_info){.comps_in_scan = 1, .Ss = k, .Se = k, .Ah = 1, .Al = 0};
    }
    jpeg_kind kind = {.in = JCS_GRAYSCALE,
                      .stored = JCS_GRAYSCALE,
                      .components = 1,
                      .scans = scans,
                      .n_scans = n};
    clv_image_init(&image);
    file f = make_jpeg(&kind);
    assert_int_equal(clv_image_decode(&image, f.data, f.bytes, &err), CLV_ELIMIT);
    assert_non_null(strstr(err.message, "scans"));
    free(f.data);
    kind.n_scans = 99;
    f = make_jpeg(&kind);
    assert_int_equal(clv_image_decode(&image, f.data, f.bytes, &err), CLV_OK);
    free(f.data);
    clv_image_done(&image);
}

typedef struct png_kind {
    int depth, colour;
    bool interlaced;
    bool transparent; /* a tRNS chunk: the value of the first pixel, or of each palette entry */
} png_kind;

static void png_put(png_structp codec, png_bytep data, size_t bytes)
{
    file_append(png_get_io_ptr(codec), data, bytes);
}

static const png_color palette[4] = {{10, 20, 30}, {40, 250, 60}, {255, 0, 128}, {1, 2, 3}};
static const uint8_t palette_alpha[4] = {255, 128, 0, 7};

static int png_channels(int colour)
{
    return (colour & PNG_COLOR_MASK_COLOR && colour != PNG_COLOR_TYPE_PALETTE ? 3 : 1) +
           (colour & PNG_COLOR_MASK_ALPHA ? 1 : 0);
}

/* The sample of a test PNG, of kind->depth bits. */
static unsigned png_sample(const png_kind *kind, unsigned x, unsigned y, unsigned c)
{
    unsigned v = x * 2654435761u + y * 40503u + c * 97u;
    v = (v ^ v >> 13) * 2246822519u;
    return (v >> 7) & ((1u << (kind->colour == PNG_COLOR_TYPE_PALETTE ? 2 : kind->depth)) - 1);
}

static void png_fill_row(uint8_t *row, const png_kind *kind, unsigned y)
{
    unsigned channels = (unsigned)png_channels(kind->colour), depth = (unsigned)kind->depth;

    memset(row, 0, WIDTH * 8);
    for (unsigned i = 0; i < WIDTH * channels; i++) {
        unsigned v = png_sample(kind, i / channels, y, i % channels);
        if (depth == 16) {
            row[2 * i] = (uint8_t)(v >> 8);
            row[2 * i + 1] = (uint8_t)v;
        } else {
            row[i * depth / 8] |= (uint8_t)(v << (8 - depth - i * depth % 8));
        }
    }
}

static file make_png(const png_kind *kind)
{
    file f = {NULL, 0};
    png_structp codec = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(codec);
    png_color_16 first = {
        0, (png_uint_16)png_sample(kind, 0, 0, 0), (png_uint_16)png_sample(kind, 0, 0, 1),
        (png_uint_16)png_sample(kind, 0, 0, 2), (png_uint_16)png_sample(kind, 0, 0, 0)};

    png_set_write_fn(codec, &f, png_put, NULL);
    png_set_IHDR(codec, info, WIDTH, HEIGHT, kind->depth, kind->colour,
                 kind->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (kind->colour == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(codec, info, palette, 4);
    if (kind->transparent && kind->colour == PNG_COLOR_TYPE_PALETTE)
        png_set_tRNS(codec, info, palette_alpha, 4, NULL);
    else if (kind->transparent)
        png_set_tRNS(codec, info, NULL, 0, &first);
    png_write_info(codec, info);
    int passes = png_set_interlace_handling(codec);
    for (int pass = 0; pass < passes; pass++) {
        for (unsigned y = 0; y < HEIGHT; y++) {
            uint8_t row[WIDTH * 8];
            png_fill_row(row, kind, y);
            png_write_row(codec, row);
        }
    }
    png_write_end(codec, NULL);
    png_destroy_write_struct(&codec, &info);
    return f;
}

/* What a pixel of a test PNG is over black, of channel c. */
static int png_expected(const png_kind *kind, unsigned x, unsigned y, unsigned c)
{
    double scale = 255.0 / ((1u << kind->depth) - 1);
    bool colour = kind->colour & PNG_COLOR_MASK_COLOR, same = kind->transparent;
    unsigned last = (unsigned)png_channels(kind->colour) - 1;

    if (kind->colour == PNG_COLOR_TYPE_PALETTE) {
        unsigned v = png_sample(kind, x, y, 0);
        int byte = c == 0 ? palette[v].red : c == 1 ? palette[v].green : palette[v].blue;
        return kind->transparent ? (byte * palette_alpha[v] + 127) / 255 : byte;
    }
    double alpha = 1;
    if (kind->colour & PNG_COLOR_MASK_ALPHA)
        alpha = png_sample(kind, x, y, last) * scale / 255;
    for (unsigned i = 0; i <= last; i++)
        same = same && png_sample(kind, x, y, i) == png_sample(kind, 0, 0, i);
    if (same)
        return 0;
    return (int)(png_sample(kind, x, y, colour ? c : 0) * scale * alpha + 0.5);
}

static void check_png(const png_kind *kind)
{
    clv_image image;
    clv_error err = CLV_ERROR_INIT;
    file f = make_png(kind);

    clv_image_init(&image);
    assert_int_equal(clv_image_decode(&image, f.data, f.bytes, &err), CLV_OK);
    assert_true(image.width == WIDTH && image.height == HEIGHT);
    for (unsigned i = 0; i < WIDTH * HEIGHT * 3; i++) {
        unsigned x = i / 3 % WIDTH, y = i / 3 / WIDTH;
        int tolerance = kind->depth == 16; /* the lower byte is dropped, not rounded */
        assert_in_range(image.rgb.data[i] - png_expected(kind, x, y, i % 3) + tolerance, 0,
                        2 * tolerance);
    }
    free(f.data);
    clv_image_done(&image);
}

static void test_image__pngs_of_all_kinds(void **state)
{
    static const int kinds[][2] = {
        {1, PNG_COLOR_TYPE_GRAY},       {2, PNG_COLOR_TYPE_GRAY},
        {4, PNG_COLOR_TYPE_GRAY},       {8, PNG_COLOR_TYPE_GRAY},
        {16, PNG_COLOR_TYPE_GRAY},      {2, PNG_COLOR_TYPE_PALETTE},
        {4, PNG_COLOR_TYPE_PALETTE},    {8, PNG_COLOR_TYPE_PALETTE},
        {8, PNG_COLOR_TYPE_RGB},        {16, PNG_COLOR_TYPE_RGB},
        {8, PNG_COLOR_TYPE_GRAY_ALPHA}, {16, PNG_COLOR_TYPE_GRAY_ALPHA},
        {8, PNG_COLOR_TYPE_RGBA},       {16, PNG_COLOR_TYPE_RGBA},
    };

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        png_kind kind = {.depth = kinds[i][0], .colour = kinds[i][1]};
        check_png(&kind);
        kind.interlaced = true;
        check_png(&kind);
        kind.transparent = !(kind.colour & PNG_COLOR_MASK_ALPHA);
        check_png(&kind);
        kind.interlaced = false;
        check_png(&kind);
    }
}

static void test_image__png_that_is_cut_off_is_refused(void **state)
{
    const png_kind plain = {.depth = 8, .colour = PNG_COLOR_TYPE_RGB};
    const png_kind interlaced = {.depth = 4, .colour = PNG_COLOR_TYPE_PALETTE, .interlaced = true};

    (void)state;
    file f = make_png(&plain);
    refuse_every_cut(&f);
    free(f.data);
    f = make_png(&interlaced);
    refuse_every_cut(&f);
    free(f.data);
}

static void test_image__png_with_a_flipped_bit_is_refused(void **state)
{
    const png_kind kind = {.depth = 8, .colour = PNG_COLOR_TYPE_RGB};
    clv_image image;
    clv_error err = CLV_ERROR_INIT;

    (void)state;
    clv_image_init(&image);
    file f = make_png(&kind);
    for (size_t at = 0; at < f.bytes; at += 5) { /* every chunk of this file is a critical one */
        f.data[at] ^= 0x20;
        clv_status status = clv_image_decode(&image, f.data, f.bytes, &err);
        assert_true(status == CLV_EFORMAT || status == CLV_ELIMIT);
        f.data[at] ^= 0x20;
    }
    free(f.data);
    clv_image_done(&image);
}

static uint32_t crc_of(const uint8_t *data, size_t bytes)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes * 8; i++) {
        crc ^= (uint32_t)(data[i / 8] >> i % 8 & 1);
        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void put_be32(uint8_t *dst, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        dst[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void test_image__png_of_too_many_pixels_is_refused(void **state)
{
    static const uint32_t sizes[][2] = {{16385, 1}, {1, 16385}, {0x7fffffff, 1}, {16384, 16384}};
    const png_kind kind = {.depth = 8, .colour = PNG_COLOR_TYPE_RGB};
    clv_image image;
    clv_error err = CLV_ERROR_INIT;

    (void)state;
    clv_image_init(&image);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        file f = make_png(&kind);
        put_be32(f.data + 16, sizes[i][0]); /* 8 of signature, 8 of the chunk's length and name */
        put_be32(f.data + 20, sizes[i][1]);
        put_be32(f.data + 29, crc_of(f.data + 12, 17));
        assert_int_equal(clv_image_decode(&image, f.data, f.bytes, &err), CLV_ELIMIT);
        assert_non_null(strstr(err.message, "pixels"));
        assert_int_equal(image.rgb.allocated, 0);
        free(f.data);
    }
    clv_image_done(&image);
}

static void test_image__png_survives_each_failing_allocation(void **state)
{
    const png_kind kind = {.depth = 8, .colour = PNG_COLOR_TYPE_RGBA, .interlaced = true};
    clv_status status = CLV_ENOMEM;
    uint64_t n;

    (void)state;
    file f = make_png(&kind);
    for (n = 1; status == CLV_ENOMEM && n < 1000; n++) {
        clv_image image;
        clv_error err = CLV_ERROR_INIT;
        clv_image_init(&image);
        clv_memory_fail_after(n);
        status = clv_image_decode(&image, f.data, f.bytes, &err);
        clv_memory_fail_after(0);
        assert_int_equal(status, err.code);
        clv_image_done(&image);
    }
    assert_int_equal(status, CLV_OK);
    assert_true(n > 4);
    free(f.data);
}

static void test_image__jpeg_into_used_memory_allocates_no_pixels(void **state)
{
    clv_image image;

    (void)state;
    clv_image_init(&image);
    file f = make_jpeg(&rgb_jpeg);
    assert_int_equal(clv_image_decode(&image, f.data, f.bytes, NULL), CLV_OK);
    clv_memory_fail_after(1);
    assert_int_equal(clv_image_decode(&image, f.data, f.bytes, NULL), CLV_OK);
    clv_memory_fail_after(0);
    free(f.data);
    clv_image_done(&image);
}

static void test_image__load_names_the_file(void **state)
{
    char path[] = "/tmp/clv_image_XXXXXX";
    clv_image image;
    clv_error err = CLV_ERROR_INIT;

    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    clv_image_init(&image);
    file f = make_jpeg(&rgb_jpeg);
    assert_int_equal(clv_file_write(path, f.data, f.bytes, 0600, NULL), CLV_OK);
    assert_int_equal(clv_image_load(&image, path, &err), CLV_OK);
    assert_int_equal(image.width, WIDTH);
    assert_int_equal(clv_file_write(path, f.data, f.bytes - 9, 0600, NULL), CLV_OK);
    assert_int_equal(clv_image_load(&image, path, &err), CLV_EFORMAT);
    assert_non_null(strstr(err.location, path));
    assert_int_equal(clv_file_write(path, "GIF89a", 6, 0600, NULL), CLV_OK);
    assert_int_equal(clv_image_load(&image, path, &err), CLV_EFORMAT);
    assert_string_equal(err.message, "neither a JPEG nor a PNG");
    assert_int_equal(clv_file_write(path, "", 0, 0600, NULL), CLV_OK);
    assert_int_equal(clv_image_load(&image, path, &err), CLV_EFORMAT);
    (void)unlink(path);
    assert_int_equal(clv_image_load(&image, path, &err), CLV_ENOENT);
    assert_int_equal(image.width, 0);
    free(f.data);
    clv_image_done(&image);
}

static void test_image__set_rgb_copies(void **state)
{
    const uint8_t rgb[] = {1, 2, 3, 4, 5, 6};
    clv_image image;

    (void)state;
    clv_image_init(&image);
    assert_int_equal(clv_image_set_rgb(&image, rgb, 2, 1), CLV_OK);
    assert_true(image.width == 2 && image.height == 1);
    assert_memory_equal(image.rgb.data, rgb, sizeof rgb);
    assert_int_equal(clv_image_set_rgb(&image, rgb, 0, 1), CLV_EINVAL);
    assert_int_equal(image.width, 0);
    assert_int_equal(clv_image_set_rgb(&image, rgb, 1, 16385), CLV_ELIMIT);
    assert_int_equal(clv_image_set_rgb(&image, rgb, 16384, 16384), CLV_ELIMIT);
    clv_image_done(&image);
    clv_image_done(&image);
}

/* --- JPEG out ----------------------------------------------------------------------------- */

static void fill_smooth(clv_image *image, uint32_t width, uint32_t height)
{
    assert_int_equal(CLV_OK, clv_buffer_resize(&image->rgb, (size_t)3 * width * height));
    image->width = width;
    image->height = height;
    for (size_t i = 0; i < image->rgb.size; i++)
        image->rgb.data[i] = smooth((unsigned)(i / 3 % width) % WIDTH,
                                    (unsigned)(i / 3 / width) % HEIGHT, (unsigned)(i % 3));
}

static void test_image__a_jpeg_comes_back(void **state)
{
    clv_image image, back;
    clv_buffer jpeg;
    size_t fine;

    (void)state;
    clv_image_init(&image);
    clv_image_init(&back);
    clv_buffer_init(&jpeg, 1 << 20);
    fill_smooth(&image, WIDTH, HEIGHT);
    assert_int_equal(CLV_OK, clv_image_encode_jpeg(&jpeg, &image, 100));
    fine = jpeg.size;
    assert_int_equal(CLV_OK, clv_image_decode(&back, jpeg.data, jpeg.size, NULL));
    assert_int_equal(WIDTH, back.width);
    assert_int_equal(HEIGHT, back.height);
    for (unsigned c = 0; c < 3; c++)
        assert_near(&back, 20, 15, c, smooth(20, 15, c));
    assert_int_equal(CLV_OK, clv_image_encode_jpeg(&jpeg, &image, 1));
    assert_true(jpeg.size < fine);
    assert_int_equal(CLV_OK, clv_image_decode(&back, jpeg.data, jpeg.size, NULL));
    clv_buffer_done(&jpeg);
    clv_image_done(&image);
    clv_image_done(&back);
}

/* More than the first piece of memory, and the memory of the one before. */
static void test_image__jpegs_grow_into_a_kept_buffer(void **state)
{
    clv_image image, back;
    clv_buffer jpeg;

    (void)state;
    clv_image_init(&image);
    clv_image_init(&back);
    clv_buffer_init(&jpeg, 1 << 22);
    for (uint32_t side = 100; side <= 1100; side += 500) {
        fill_smooth(&image, side, side);
        for (size_t i = 0; i < image.rgb.size; i++) /* noise, so that it is large */
            image.rgb.data[i] ^= (uint8_t)(i * 2654435761u >> 13);
        assert_int_equal(CLV_OK, clv_image_encode_jpeg(&jpeg, &image, 95));
        assert_int_equal(CLV_OK, clv_image_decode(&back, jpeg.data, jpeg.size, NULL));
        assert_int_equal(side, back.height);
    }
    assert_true(jpeg.size > 300000);
    clv_buffer_done(&jpeg);
    clv_image_done(&image);
    clv_image_done(&back);
}

static void test_image__a_jpeg_that_does_not_fit_is_refused(void **state)
{
    clv_image image;
    clv_buffer jpeg;

    (void)state;
    clv_image_init(&image);
    clv_buffer_init(&jpeg, 1 << 20);
    assert_int_equal(CLV_EINVAL, clv_image_encode_jpeg(&jpeg, &image, 80));
    fill_smooth(&image, WIDTH, HEIGHT);
    assert_int_equal(CLV_EINVAL, clv_image_encode_jpeg(&jpeg, &image, 0));
    assert_int_equal(CLV_EINVAL, clv_image_encode_jpeg(&jpeg, &image, 101));
    clv_memory_fail_after(1);
    assert_int_equal(CLV_ENOMEM, clv_image_encode_jpeg(&jpeg, &image, 80));
    clv_memory_fail_after(0);
    assert_int_equal(CLV_OK, clv_image_encode_jpeg(&jpeg, &image, 80));
    size_t bytes = jpeg.size;
    for (size_t cap = 0; cap < bytes; cap += bytes / 5) {
        clv_buffer small;
        clv_buffer_init(&small, cap);
        assert_int_equal(CLV_ELIMIT, clv_image_encode_jpeg(&small, &image, 80));
        assert_int_equal(0, small.size);
        clv_buffer_done(&small);
    }
    clv_buffer_done(&jpeg);
    clv_image_done(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image__a_jpeg_comes_back),
        cmocka_unit_test(test_image__jpegs_grow_into_a_kept_buffer),
        cmocka_unit_test(test_image__a_jpeg_that_does_not_fit_is_refused),
        cmocka_unit_test(test_image__jpegs_of_all_kinds),
        cmocka_unit_test(test_image__jpeg_that_is_cut_off_is_refused),
        cmocka_unit_test(test_image__jpeg_with_missing_rows_is_refused),
        cmocka_unit_test(test_image__jpeg_of_too_many_pixels_is_refused_before_allocating),
        cmocka_unit_test(test_image__jpeg_of_hundreds_of_scans_is_refused),
        cmocka_unit_test(test_image__pngs_of_all_kinds),
        cmocka_unit_test(test_image__png_that_is_cut_off_is_refused),
        cmocka_unit_test(test_image__png_with_a_flipped_bit_is_refused),
        cmocka_unit_test(test_image__png_of_too_many_pixels_is_refused),
        cmocka_unit_test(test_image__png_survives_each_failing_allocation),
        cmocka_unit_test(test_image__jpeg_into_used_memory_allocates_no_pixels),
        cmocka_unit_test(test_image__load_names_the_file),
        cmocka_unit_test(test_image__set_rgb_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
