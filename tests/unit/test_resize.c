/* SPDX-License-Identifier: Apache-2.0 */
/* Resize, fit and normalise: what happens to pixels between the decoder and the network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/file.h"
#include "base/memory.h"
#include "media/image.h"

#define GOLDEN CLV_SOURCE_DIR "/tests/golden/resize/"

static uint32_t random_bits(void)
{
    static uint32_t seed = 1;
    seed = seed * 1664525u + 1013904223u;
    return seed ^ seed >> 15;
}

static clv_image random_image(uint32_t width, uint32_t height)
{
    clv_image image;
    size_t bytes = (size_t)3 * width * height;
    uint8_t *rgb = malloc(bytes);

    assert_non_null(rgb);
    for (size_t i = 0; i < bytes; i++)
        rgb[i] = (uint8_t)random_bits();
    clv_image_init(&image);
    assert_int_equal(clv_image_set_rgb(&image, rgb, width, height), CLV_OK);
    free(rgb);
    return image;
}

static clv_image resized(const clv_image *src, uint32_t width, uint32_t height)
{
    clv_image out;
    clv_image_init(&out);
    assert_int_equal(clv_image_resize(&out, src, width, height), CLV_OK);
    assert_true(out.width == width && out.height == height);
    assert_int_equal(out.rgb.size, (size_t)3 * width * height);
    return out;
}

static clv_input_spec spec_of(clv_fit fit, uint32_t width, uint32_t height, float crop_ratio)
{
    clv_input_spec spec;
    assert_int_equal(clv_input_spec_preset(&spec, "tf"), CLV_OK);
    spec.fit = fit;
    spec.width = width;
    spec.height = height;
    spec.crop_ratio = crop_ratio;
    return spec;
}

static clv_image fitted(const clv_image *src, const clv_input_spec *spec)
{
    clv_image out, scratch;
    clv_image_init(&out);
    clv_image_init(&scratch);
    assert_int_equal(clv_image_fit(&out, &scratch, src, spec), CLV_OK);
    assert_true(out.width == spec->width && out.height == spec->height);
    clv_image_done(&scratch);
    return out;
}

static const uint8_t *pixel(const clv_image *image, size_t x, size_t y)
{
    return image->rgb.data + (y * image->width + x) * 3;
}

static void test_resize__is_pillows_bilinear(void **state)
{
    static const uint32_t sizes[][2] = {{20, 16}, {53, 11}, {7, 37}, {60, 41}, {1, 1}, {5, 50}};
    enum { WIDTH = 53, HEIGHT = 37 };
    uint8_t rgb[3 * WIDTH * HEIGHT];
    clv_image src;

    (void)state;
    for (unsigned i = 0; i < sizeof rgb; i++) { /* as tests/golden/resize/make.py */
        unsigned c = i % 3, x = i / 3 % WIDTH, y = i / 3 / WIDTH;
        rgb[i] = (uint8_t)(x * x * 7 + y * 13 + c * x * y * 5 + (x / 9 + y / 7) % 2 * 128);
    }
    clv_image_init(&src);
    assert_int_equal(clv_image_set_rgb(&src, rgb, WIDTH, HEIGHT), CLV_OK);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char path[512];
        clv_mapping golden;
        (void)snprintf(path, sizeof path, GOLDEN "%ux%u.rgb", sizes[i][0], sizes[i][1]);
        assert_int_equal(clv_mapping_open(&golden, path, 65536, NULL), CLV_OK);
        clv_image out = resized(&src, sizes[i][0], sizes[i][1]);
        assert_int_equal(out.rgb.size, golden.size);
        assert_memory_equal(out.rgb.data, golden.data, golden.size);
        clv_image_done(&out);
        clv_mapping_done(&golden);
    }
    clv_image_done(&src);
}

static void test_resize__to_the_same_size_changes_nothing(void **state)
{
    (void)state;
    clv_image src = random_image(31, 17);
    clv_image out = resized(&src, 31, 17);
    assert_memory_equal(src.rgb.data, out.rgb.data, src.rgb.size);
    clv_image_done(&out);
    clv_image_done(&src);
}

static void test_resize__one_colour_stays_one_colour(void **state)
{
    static const uint32_t sizes[][4] = {{16384, 1, 1, 3}, {1, 16384, 3, 1}, {1, 1, 90, 70},
                                        {1000, 30, 3, 3}, {3, 5, 1000, 30}, {640, 480, 341, 256}};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        clv_image src = random_image(sizes[i][0], sizes[i][1]);
        memset(src.rgb.data, 255, src.rgb.size);
        clv_image out = resized(&src, sizes[i][2], sizes[i][3]);
        for (size_t k = 0; k < out.rgb.size; k++)
            assert_int_equal(out.rgb.data[k], 255);
        clv_image_done(&out);
        clv_image_done(&src);
    }
}

static void test_resize__refuses_what_is_no_size(void **state)
{
    clv_image src = random_image(4, 4), out, empty;

    (void)state;
    clv_image_init(&out);
    clv_image_init(&empty);
    assert_int_equal(clv_image_resize(&out, &src, 0, 5), CLV_EINVAL);
    assert_int_equal(clv_image_resize(&out, &src, 5, 0), CLV_EINVAL);
    assert_int_equal(clv_image_resize(&out, &empty, 5, 5), CLV_EINVAL);
    assert_int_equal(clv_image_resize(&out, &src, 16385, 1), CLV_ELIMIT);
    assert_int_equal(clv_image_resize(&out, &src, 16384, 16384), CLV_ELIMIT);
    assert_int_equal(out.width, 0);
    clv_image_done(&src);
    clv_image_done(&out);
}

/* The crop that is computed must be that of the whole image. */
static void check_crop(uint32_t width, uint32_t height, uint32_t full_width, uint32_t full_height,
                       const clv_input_spec *spec)
{
    clv_image src = random_image(width, height);
    clv_image whole = resized(&src, full_width, full_height);
    clv_image out = fitted(&src, spec);
    size_t left = (full_width - spec->width) / 2, top = (full_height - spec->height) / 2;

    for (size_t y = 0; y < spec->height; y++)
        assert_memory_equal(pixel(&out, 0, y), pixel(&whole, left, top + y), 3 * spec->width);
    clv_image_done(&src);
    clv_image_done(&whole);
    clv_image_done(&out);
}

static void test_resize__crop_is_the_centre_of_the_scaled_image(void **state)
{
    clv_input_spec s224 = spec_of(CLV_FIT_CROP, 224, 224, 0.875f);
    clv_input_spec s128 = spec_of(CLV_FIT_CROP, 128, 128, 0.875f);
    clv_input_spec s160 = spec_of(CLV_FIT_CROP, 160, 160, 0.875f);
    clv_input_spec all = spec_of(CLV_FIT_CROP, 60, 60, 1);
    clv_input_spec wide = spec_of(CLV_FIT_CROP, 80, 40, 0.5f);

    (void)state;
    check_crop(500, 375, 341, 256, &s224);
    check_crop(375, 500, 256, 341, &s224);
    check_crop(256, 256, 256, 256, &s224);
    check_crop(500, 375, 195, 146, &s128); /* 128 / 0.875 = 146.29, 194.67 */
    check_crop(500, 375, 244, 183, &s160); /* 160 / 0.875 = 182.86 */
    check_crop(30, 40, 60, 80, &all);
    check_crop(100, 100, 160, 160, &wide); /* the wide spec's width decides */
    check_crop(300, 100, 240, 80, &wide);  /* and here its height */
}

static void test_resize__crop_of_an_extreme_shape_needs_little_memory(void **state)
{
    clv_input_spec spec = spec_of(CLV_FIT_CROP, 224, 224, 0.01f);
    clv_image src = random_image(16383, 1);
    clv_image out, scratch;

    (void)state;
    clv_image_init(&out);
    clv_image_init(&scratch);
    scratch.rgb.cap_bytes = 1 << 20;
    assert_int_equal(clv_image_fit(&out, &scratch, &src, &spec), CLV_OK);
    for (int c = 0; c < 3;
         c++) /* each pixel becomes 22400 x 22400: this is within the middle one */
        assert_in_range(pixel(&out, 0, 0)[c] - pixel(&src, 8191, 0)[c] + 2, 0, 4);
    clv_image_done(&src);
    clv_image_done(&out);
    clv_image_done(&scratch);
}

static void test_resize__stretch_uses_the_whole_image(void **state)
{
    clv_input_spec spec = spec_of(CLV_FIT_STRETCH, 33, 48, 0.5f);

    (void)state;
    clv_image src = random_image(70, 50);
    clv_image out = fitted(&src, &spec), expected = resized(&src, 33, 48);
    assert_memory_equal(out.rgb.data, expected.rgb.data, out.rgb.size);
    clv_image_done(&src);
    clv_image_done(&out);
    clv_image_done(&expected);
}

static void check_letterbox(uint32_t width, uint32_t height, const clv_input_spec *spec,
                            uint32_t inner_width, uint32_t inner_height)
{
    clv_image src = random_image(width, height);
    clv_image inner = resized(&src, inner_width, inner_height);
    clv_image out = fitted(&src, spec);
    size_t left = (spec->width - inner_width) / 2, top = (spec->height - inner_height) / 2;

    for (size_t y = 0; y < spec->height; y++) {
        for (size_t x = 0; x < spec->width; x++) {
            static const uint8_t grey[3] = {114, 114, 114};
            bool inside = x - left < inner_width && y - top < inner_height;
            assert_memory_equal(pixel(&out, x, y), inside ? pixel(&inner, x - left, y - top) : grey,
                                3);
        }
    }
    clv_image_done(&src);
    clv_image_done(&inner);
    clv_image_done(&out);
}

static void test_resize__letterbox_is_centred_on_grey(void **state)
{
    clv_input_spec square = spec_of(CLV_FIT_LETTERBOX, 64, 64, 1);
    clv_input_spec wide = spec_of(CLV_FIT_LETTERBOX, 80, 40, 1);

    (void)state;
    check_letterbox(100, 50, &square, 64, 32);
    check_letterbox(50, 101, &square, 32, 64);
    check_letterbox(64, 64, &square, 64, 64);
    check_letterbox(10, 10, &wide, 40, 40);
    check_letterbox(3000, 1, &square, 64, 1); /* never nothing */
}

static void test_resize__fit_doesnt_allocate_after_warm_up(void **state)
{
    clv_image src = random_image(120, 90), out, scratch;

    (void)state;
    clv_image_init(&out);
    clv_image_init(&scratch);
    for (int fit = 0; fit < CLV_FIT_COUNT; fit++) {
        clv_input_spec spec = spec_of((clv_fit)fit, 64, 64, 0.875f);
        assert_int_equal(clv_image_fit(&out, &scratch, &src, &spec), CLV_OK);
        clv_memory_fail_after(1);
        assert_int_equal(clv_image_fit(&out, &scratch, &src, &spec), CLV_OK);
        clv_memory_fail_after(0);
    }
    clv_image_done(&src);
    clv_image_done(&out);
    clv_image_done(&scratch);
}

static void test_resize__survives_each_failing_allocation(void **state)
{
    clv_input_spec spec = spec_of(CLV_FIT_CROP, 64, 64, 0.875f);
    clv_image src = random_image(120, 90);

    (void)state;
    for (uint64_t n = 1; n <= 3; n++) {
        clv_image out, scratch;
        clv_image_init(&out);
        clv_image_init(&scratch);
        clv_memory_fail_after(n);
        clv_status fit = clv_image_fit(&out, &scratch, &src, &spec);
        clv_memory_fail_after(0);
        assert_int_equal(fit, n < 3 ? CLV_ENOMEM : CLV_OK);
        assert_int_equal(out.width, n < 3 ? 0 : 64);
        clv_image_done(&out);
        clv_memory_fail_after(n);
        assert_int_equal(clv_image_resize(&out, &src, 64, 64), n < 3 ? CLV_ENOMEM : CLV_OK);
        clv_memory_fail_after(0);
        clv_image_done(&out);
        clv_image_done(&scratch);
    }
    clv_image_done(&src);
}

static void expect_map(clv_input_spec spec, uint32_t width, uint32_t height, clv_fit_map want)
{
    clv_fit_map got;
    assert_int_equal(clv_image_fit_map(&got, width, height, &spec), CLV_OK);
    assert_float_equal((float)got.x_scale, (float)want.x_scale, 1e-6f);
    assert_float_equal((float)got.x_offset, (float)want.x_offset, 1e-6f);
    assert_float_equal((float)got.y_scale, (float)want.y_scale, 1e-6f);
    assert_float_equal((float)got.y_offset, (float)want.y_offset, 1e-6f);
}

static void test_resize__map_of_each_fit(void **state)
{
    clv_fit_map map = {7, 7, 7, 7};
    clv_input_spec bad = spec_of(CLV_FIT_CROP, 0, 10, 1);
    (void)state;

    expect_map(spec_of(CLV_FIT_STRETCH, 200, 100, 1), 400, 300, (clv_fit_map){2, 0, 3, 0});
    expect_map(spec_of(CLV_FIT_LETTERBOX, 100, 100, 1), 200, 100, (clv_fit_map){2, 0, 2, -50});
    expect_map(spec_of(CLV_FIT_LETTERBOX, 100, 100, 1), 100, 200, (clv_fit_map){2, -50, 2, 0});
    /* 300 x 200 becomes 192 x 128, of which 64 x 64 are cut out at 64, 32 */
    expect_map(spec_of(CLV_FIT_CROP, 64, 64, 0.5f), 300, 200,
               (clv_fit_map){1.5625, 100, 1.5625, 50});
    assert_int_equal(clv_image_fit_map(&map, 10, 10, &bad), CLV_EINVAL);
    assert_int_equal(clv_image_fit_map(&map, 10, 0, &bad), CLV_EINVAL);
    assert_float_equal((float)map.x_scale, 7.0f, 0.0f);
}

/* Where the bright pixels begin and end, half a level between neighbours. */
static void bright_ends(double *from, double *to, const uint8_t *rgb, uint32_t n, size_t step)
{
    uint32_t i = 0, j = n;
    while (i < n && rgb[3 * step * i] <= 160)
        i++;
    while (j > i && rgb[3 * step * (j - 1)] <= 160)
        j--;
    *from = i;
    *to = j;
}

/* A white box on black, fitted and mapped back: it is found where it was drawn, to a pixel of the
 * fitted image. */
static void test_resize__map_brings_a_box_back(void **state)
{
    enum { WIDTH = 401, HEIGHT = 303, X0 = 170, X1 = 240, Y0 = 120, Y1 = 200 };
    static uint8_t rgb[HEIGHT][WIDTH][3];
    clv_image src;
    (void)state;

    memset(rgb, 0, sizeof rgb);
    for (int y = Y0; y < Y1; y++)
        memset(rgb[y][X0], 255, (size_t)3 * (X1 - X0));
    clv_image_init(&src);
    assert_int_equal(clv_image_set_rgb(&src, rgb[0][0], WIDTH, HEIGHT), CLV_OK);
    for (int fit = 0; fit < CLV_FIT_COUNT; fit++) {
        clv_input_spec spec = spec_of((clv_fit)fit, 96, 128, 0.875f);
        clv_image out = fitted(&src, &spec);
        clv_fit_map map;
        double x0, x1, y0, y1;
        assert_int_equal(clv_image_fit_map(&map, WIDTH, HEIGHT, &spec), CLV_OK);
        uint32_t cx = (uint32_t)(((X0 + X1) / 2 - map.x_offset) / map.x_scale);
        uint32_t cy = (uint32_t)(((Y0 + Y1) / 2 - map.y_offset) / map.y_scale);
        bright_ends(&x0, &x1, out.rgb.data + (size_t)3 * 96 * cy, 96, 1);
        bright_ends(&y0, &y1, out.rgb.data + (size_t)3 * cx, 128, 96);
        assert_float_equal((float)(x0 * map.x_scale + map.x_offset), (float)X0, (float)map.x_scale);
        assert_float_equal((float)(x1 * map.x_scale + map.x_offset), (float)X1, (float)map.x_scale);
        assert_float_equal((float)(y0 * map.y_scale + map.y_offset), (float)Y0, (float)map.y_scale);
        assert_float_equal((float)(y1 * map.y_scale + map.y_offset), (float)Y1, (float)map.y_scale);
        clv_image_done(&out);
    }
    clv_image_done(&src);
}

static void test_resize__fit_refuses_bad_specs_and_empty_images(void **state)
{
    clv_input_spec good = spec_of(CLV_FIT_CROP, 8, 8, 1), bad = spec_of(CLV_FIT_CROP, 8, 8, 0);
    clv_image src = random_image(4, 4), out, scratch, empty;

    (void)state;
    clv_image_init(&out);
    clv_image_init(&scratch);
    clv_image_init(&empty);
    assert_int_equal(clv_image_fit(&out, &scratch, &src, &bad), CLV_EINVAL);
    assert_int_equal(clv_image_fit(&out, &scratch, &empty, &good), CLV_EINVAL);
    good.width = 16384;
    good.height = 16384;
    assert_int_equal(clv_image_fit(&out, &scratch, &src, &good), CLV_ELIMIT);
    clv_image_done(&src);
    clv_image_done(&out);
    clv_image_done(&scratch);
}

static void test_resize__normalise_orders_channels_and_layouts(void **state)
{
    const uint8_t rgb[6] = {0, 100, 200, 255, 50, 25};
    clv_input_spec s = spec_of(CLV_FIT_CROP, 2, 1, 1);
    float out[6];

    (void)state;
    for (int c = 0; c < 3; c++) {
        s.mean[c] = (float)(10 * c);
        s.std[c] = (float)(c + 1);
    }
    clv_image_normalise(out, rgb, &s);
    const float planar[6] = {0, 255, 45, 20, 60, 5.0f / 3};
    assert_memory_equal(out, planar, sizeof out);
    s.channels_last = true;
    clv_image_normalise(out, rgb, &s);
    const float last[6] = {0, 45, 60, 255, 20, 5.0f / 3};
    assert_memory_equal(out, last, sizeof out);
    s.channels = CLV_CHANNELS_BGR;
    clv_image_normalise(out, rgb, &s);
    const float bgr_last[6] = {200, 45, -20.0f / 3, 25, 20, 235.0f / 3};
    assert_memory_equal(out, bgr_last, sizeof out);
    s.channels_last = false;
    clv_image_normalise(out, rgb, &s);
    const float bgr[6] = {200, 25, 45, 20, -20.0f / 3, 235.0f / 3};
    assert_memory_equal(out, bgr, sizeof out);
}

static void test_resize__normalise_to_grey_is_luma(void **state)
{
    static const uint8_t rgb[15] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 20, 30};
    clv_input_spec s = spec_of(CLV_FIT_CROP, 5, 1, 1);
    float out[6] = {[5] = 7};

    (void)state;
    s.channels = CLV_CHANNELS_GRAY;
    s.mean[0] = 6;
    s.std[0] = 2;
    clv_image_normalise(out, rgb, &s);
    const float expected[6] = {(76 - 6) / 2.0f,  (150 - 6) / 2.0f, (29 - 6) / 2.0f,
                               (255 - 6) / 2.0f, (18 - 6) / 2.0f,  7};
    assert_memory_equal(out, expected, sizeof out);
}

/* Compare with an input that the zoo's makers fed to their reference. @return false: no zoo. */
static bool check_zoo_input(const char *golden_name, const char *preset, int64_t size)
{
    const char *zoo = getenv("CLEAVE_ZOO");
    char path[1024];
    clv_input_spec spec;
    clv_mapping golden;
    clv_image src;
    clv_tensor input = {CLV_F32, {4, {1, 3, size, size}}, NULL};

    if (zoo == NULL)
        zoo = CLV_SOURCE_DIR "/../shared/zoo";
    clv_image_init(&src);
    (void)snprintf(path, sizeof path, "%s/imagenet-sample/n01440764_tench.JPEG", zoo);
    if (clv_image_load(&src, path, NULL) != CLV_OK)
        return false;
    (void)snprintf(path, sizeof path, "%s/golden/%s", zoo, golden_name);
    assert_int_equal(clv_mapping_open(&golden, path, (size_t)1 << 24, NULL), CLV_OK);
    assert_int_equal(clv_input_spec_preset(&spec, preset), CLV_OK);
    assert_int_equal(clv_input_spec_fit_shape(&spec, &input, NULL), CLV_OK);

    clv_image out = fitted(&src, &spec);
    float *made = malloc(golden.size);
    assert_int_equal(golden.size, (size_t)(3 * size * size) * sizeof *made);
    clv_image_normalise(made, out.rgb.data, &spec);
    for (size_t i = 0; i < golden.size / sizeof *made; i++) {
        float expected;
        memcpy(&expected, golden.data + i * sizeof expected, sizeof expected);
        assert_true(fabsf(made[i] - expected) < 1e-6f);
    }
    free(made);
    clv_image_done(&out);
    clv_image_done(&src);
    clv_mapping_done(&golden);
    return true;
}

static void test_resize__makes_the_zoos_reference_inputs(void **state)
{
    (void)state;
    if (!check_zoo_input("mobilenetv1-0.25-128.0.in.input.f32", "tf", 128)) {
        print_message("skipped: no zoo (set CLEAVE_ZOO)\n");
        skip();
    }
    assert_true(check_zoo_input("mobilenetv1-0.5-160.0.in.input.f32", "tf", 160));
    assert_true(check_zoo_input("mobilenetv2-1.0-224.0.in.input.f32", "tf", 224));
    assert_true(check_zoo_input("squeezenet1.1-7.0.in.data.f32", "imagenet", 224));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize__is_pillows_bilinear),
        cmocka_unit_test(test_resize__to_the_same_size_changes_nothing),
        cmocka_unit_test(test_resize__one_colour_stays_one_colour),
        cmocka_unit_test(test_resize__refuses_what_is_no_size),
        cmocka_unit_test(test_resize__crop_is_the_centre_of_the_scaled_image),
        cmocka_unit_test(test_resize__crop_of_an_extreme_shape_needs_little_memory),
        cmocka_unit_test(test_resize__stretch_uses_the_whole_image),
        cmocka_unit_test(test_resize__letterbox_is_centred_on_grey),
        cmocka_unit_test(test_resize__fit_doesnt_allocate_after_warm_up),
        cmocka_unit_test(test_resize__survives_each_failing_allocation),
        cmocka_unit_test(test_resize__map_of_each_fit),
        cmocka_unit_test(test_resize__map_brings_a_box_back),
        cmocka_unit_test(test_resize__fit_refuses_bad_specs_and_empty_images),
        cmocka_unit_test(test_resize__normalise_orders_channels_and_layouts),
        cmocka_unit_test(test_resize__normalise_to_grey_is_luma),
        cmocka_unit_test(test_resize__makes_the_zoos_reference_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
