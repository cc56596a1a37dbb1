/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/picture_codec.h"

static void test_picture_codec__names_and_qualities(void **state)
{
    static const struct {
        const char *text;
        clv_wire_payload payload;
        unsigned quality;
    } good[] = {{"jpeg", CLV_PAYLOAD_IMAGE, 0},
                {"jpeg:1", CLV_PAYLOAD_IMAGE, 1},
                {"jpeg:85", CLV_PAYLOAD_IMAGE, 85},
                {"jpeg:100", CLV_PAYLOAD_IMAGE, 100},
                {"jpeg-fit", CLV_PAYLOAD_FITTED, CLV_PICTURE_QUALITY},
                {"jpeg-fit:7", CLV_PAYLOAD_FITTED, 7}};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        clv_picture_codec codec = {CLV_PAYLOAD_TENSORS, 0};
        assert_int_equal(clv_picture_codec_parse(&codec, good[i].text), CLV_OK);
        assert_int_equal(codec.payload, good[i].payload);
        assert_int_equal(codec.quality, good[i].quality);
    }
}

static void test_picture_codec__what_it_is_not(void **state)
{
    static const char *const others[] = {"",      ":",         "float", "jpe", "jpegs",
                                         "jpeg-", "jpeg-fits", "JPEG",  ":80"};
    static const char *const bad[] = {"jpeg:",     "jpeg:0",   "jpeg:101", "jpeg:-1",
                                      "jpeg:080",  "jpeg:8x",  "jpeg:+8",  "jpeg: 8",
                                      "jpeg:1000", "jpeg:8:9", "jpeg-fit:"};
    clv_picture_codec codec = {CLV_PAYLOAD_FITTED, 42};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(clv_picture_codec_parse(&codec, others[i]), CLV_ENOENT);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(clv_picture_codec_parse(&codec, bad[i]), CLV_EINVAL);
    assert_int_equal(codec.payload, CLV_PAYLOAD_FITTED); /* left untouched */
    assert_int_equal(codec.quality, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picture_codec__names_and_qualities),
        cmocka_unit_test(test_picture_codec__what_it_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
