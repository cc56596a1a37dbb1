/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "media/input_spec.h"

static clv_input_spec preset(const char *name)
{
    clv_input_spec spec;
    assert_int_equal(clv_input_spec_preset(&spec, name), CLV_OK);
    return spec;
}

static clv_tensor input_of(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (clv_tensor){CLV_F32, {4, {a, b, c, d}}, NULL};
}

static void test_input_spec__presets(void **state)
{
    (void)state;
    clv_input_spec s = preset("imagenet");
    assert_true(s.channels == CLV_CHANNELS_RGB && s.fit == CLV_FIT_CROP && s.crop_ratio == 0.875f);
    assert_true(s.mean[0] == 123.675f && s.mean[2] == 103.53f && s.std[1] == 57.12f);
    s = preset("tf");
    assert_true(s.mean[1] == 127.5f && s.std[2] == 127.5f && s.crop_ratio == 0.875f);
    s = preset("caffe");
    assert_true(s.channels == CLV_CHANNELS_BGR && s.mean[0] == 103.939f && s.std[0] == 1);
    s = preset("raw");
    assert_true(s.fit == CLV_FIT_STRETCH && s.mean[0] == 0 && s.std[0] == 1);
    assert_int_equal(clv_input_spec_preset(&s, "torch"), CLV_ENOENT);
    assert_string_equal(clv_input_spec_preset_names(), "imagenet, tf, caffe, raw");
    assert_string_equal(clv_fit_name(CLV_FIT_LETTERBOX), "letterbox");
    assert_string_equal(clv_channels_name(CLV_CHANNELS_BGR), "bgr");
    assert_string_equal(clv_fit_name(CLV_FIT_COUNT), "invalid");
}

static void test_input_spec__takes_size_and_layout_from_the_model(void **state)
{
    static const struct {
        int64_t dim[4];
        uint32_t width, height;
        bool last;
        clv_channels channels;
    } cases[] = {
        {{1, 3, 240, 320}, 320, 240, false, CLV_CHANNELS_RGB},
        {{1, 257, 255, 3}, 255, 257, true, CLV_CHANNELS_RGB},
        {{1, 1, 28, 30}, 30, 28, false, CLV_CHANNELS_GRAY},
        {{1, 28, 30, 1}, 30, 28, true, CLV_CHANNELS_GRAY},
        {{1, 3, 16, 3}, 3, 16, false, CLV_CHANNELS_RGB}, /* both fit: channels first */
        {{1, 3, 16384, 1}, 1, 16384, false, CLV_CHANNELS_RGB},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int64_t *d = cases[i].dim;
        clv_tensor input = input_of(d[0], d[1], d[2], d[3]);
        clv_input_spec s = preset("imagenet");
        assert_int_equal(clv_input_spec_fit_shape(&s, &input, NULL), CLV_OK);
        assert_true(s.width == cases[i].width && s.height == cases[i].height);
        assert_true(s.channels_last == cases[i].last && s.channels == cases[i].channels);
        assert_int_equal(clv_input_spec_check(&s, NULL), CLV_OK);
    }
}

static void refuse_shape(const char *fragment, clv_tensor input)
{
    clv_error err = CLV_ERROR_INIT;
    clv_input_spec s = preset("imagenet"), before = s;

    assert_int_equal(clv_input_spec_fit_shape(&s, &input, &err), CLV_ESHAPE);
    assert_non_null(strstr(err.message, fragment));
    assert_memory_equal(&s, &before, sizeof s);
}

static void test_input_spec__says_what_the_models_input_is(void **state)
{
    clv_error err = CLV_ERROR_INIT;

    (void)state;
    refuse_shape("float32 1x576", (clv_tensor){CLV_F32, {2, {1, 576}}, NULL});
    refuse_shape("1x4x224x224", input_of(1, 4, 224, 224));
    refuse_shape("2x3x224x224", input_of(2, 3, 224, 224));
    refuse_shape("uint8", (clv_tensor){CLV_U8, {4, {1, 3, 8, 8}}, NULL});
    refuse_shape("1x3x0x8", input_of(1, 3, 0, 8));
    refuse_shape("16384", input_of(1, 3, 8, 16385));

    clv_input_spec gray = preset("raw");
    clv_tensor colour = input_of(1, 3, 8, 8);
    gray.channels = CLV_CHANNELS_GRAY;
    assert_int_equal(clv_input_spec_fit_shape(&gray, &colour, &err), CLV_ESHAPE);
    assert_non_null(strstr(err.message, "gray"));
}

static void refuse_spec(clv_input_spec spec)
{
    assert_int_equal(clv_input_spec_check(&spec, NULL), CLV_EFORMAT);
}

static void test_input_spec__check_refuses_each_member(void **state)
{
    clv_input_spec good = preset("imagenet"), s;
    clv_error err = CLV_ERROR_INIT;

    (void)state;
    refuse_spec(good); /* no size yet */
    good.width = 224;
    good.height = 16384;
    assert_int_equal(clv_input_spec_check(&good, NULL), CLV_OK);
#define REFUSE(member, value)                                                                      \
    s = good;                                                                                      \
    s.member = value;                                                                              \
    refuse_spec(s)
    REFUSE(width, 0);
    REFUSE(width, 16385);
    REFUSE(height, 0);
    REFUSE(height, UINT32_MAX);
    REFUSE(channels, CLV_CHANNELS_COUNT);
    REFUSE(fit, CLV_FIT_COUNT);
    REFUSE(crop_ratio, 0);
    REFUSE(crop_ratio, 0.009f);
    REFUSE(crop_ratio, 1.01f);
    REFUSE(crop_ratio, NAN);
    REFUSE(mean[2], NAN);
    REFUSE(mean[0], INFINITY);
    REFUSE(std[1], 0);
    REFUSE(std[2], -INFINITY);
#undef REFUSE
    s = good;
    s.std[0] = 0;
    assert_int_equal(clv_input_spec_check(&s, &err), CLV_EFORMAT);
    assert_string_equal(err.message, "a std is 0 or not finite");
}

static void test_input_spec__override_changes_what_is_named(void **state)
{
    clv_input_spec s = preset("imagenet"), before = s;
    const clv_input_texts nothing = {.channels = NULL};
    const clv_input_texts all = {"bgr", "1,2.5,-3", "4", "letterbox", "1"};

    (void)state;
    assert_int_equal(clv_input_spec_override(&s, &nothing, NULL), CLV_OK);
    assert_memory_equal(&s, &before, sizeof s);
    assert_int_equal(clv_input_spec_override(&s, &all, NULL), CLV_OK);
    assert_true(s.channels == CLV_CHANNELS_BGR && s.fit == CLV_FIT_LETTERBOX);
    assert_true(s.mean[0] == 1 && s.mean[1] == 2.5f && s.mean[2] == -3);
    assert_true(s.std[0] == 4 && s.std[1] == 4 && s.std[2] == 4);
    assert_true(s.crop_ratio == 1);
}

static void refuse_texts(const char *location, const char *fragment, clv_input_texts texts)
{
    clv_error err = CLV_ERROR_INIT;
    clv_input_spec s = preset("imagenet"), before = s;

    assert_int_equal(clv_input_spec_override(&s, &texts, &err), CLV_EINVAL);
    assert_string_equal(err.location, location);
    assert_non_null(strstr(err.message, fragment));
    assert_memory_equal(&s, &before, sizeof s);
}

static void test_input_spec__override_says_what_is_accepted(void **state)
{
    static const char *const bad_threes[] = {"",    "x",     "1,2",    "1,2,3,4", "1,,3", "1,2,",
                                             "nan", "1;2;3", "1,2,3x", "inf",     ","};

    (void)state;
    refuse_texts("channels", "rgb, bgr, gray", (clv_input_texts){.channels = "RGBA"});
    refuse_texts("fit", "crop, stretch, letterbox", (clv_input_texts){.fit = "pad"});
    for (size_t i = 0; i < sizeof bad_threes / sizeof bad_threes[0]; i++) {
        refuse_texts("mean", "three with commas", (clv_input_texts){.mean = bad_threes[i]});
        refuse_texts("std", "three with commas", (clv_input_texts){.std = bad_threes[i]});
    }
    refuse_texts("std", "none of them 0", (clv_input_texts){.std = "1,0,1"});
    refuse_texts("crop_ratio", "0.01..1", (clv_input_texts){.crop_ratio = "1.5"});
    refuse_texts("crop_ratio", "0.01..1", (clv_input_texts){.crop_ratio = "0"});
    refuse_texts("crop_ratio", "0.01..1", (clv_input_texts){.crop_ratio = "nan"});
    refuse_texts("crop_ratio", "0.01..1", (clv_input_texts){.crop_ratio = "0.8 "});
    refuse_texts("crop_ratio", "0.01..1", (clv_input_texts){.crop_ratio = ""});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_input_spec__presets),
        cmocka_unit_test(test_input_spec__takes_size_and_layout_from_the_model),
        cmocka_unit_test(test_input_spec__says_what_the_models_input_is),
        cmocka_unit_test(test_input_spec__check_refuses_each_member),
        cmocka_unit_test(test_input_spec__override_changes_what_is_named),
        cmocka_unit_test(test_input_spec__override_says_what_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
