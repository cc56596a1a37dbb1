/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "models/demo/demo_images.h"

/* The networks were trained on these bytes: another machine, compiler or edit must not change them.
 * The digest was made with three compilers (models/demo/README.md). */
static void test_demo_images__first_hundred_pictures_are_these(void **state)
{
    (void)state;
    static uint8_t rgb[CLV_DEMO_BYTES];
    clv_digest_context *pixels, *labels;
    clv_digest digest;
    char text[CLV_DIGEST_HEX_BYTES];

    assert_int_equal(clv_digest_start(&pixels), CLV_OK);
    assert_int_equal(clv_digest_start(&labels), CLV_OK);
    for (uint64_t seed = 0; seed < 100; seed++) {
        uint32_t label = 99;
        clv_demo_draw(rgb, &label, seed);
        uint8_t byte = (uint8_t)label;
        assert_int_equal(clv_digest_add(pixels, rgb, sizeof rgb), CLV_OK);
        assert_int_equal(clv_digest_add(labels, &byte, 1), CLV_OK);
    }
    assert_int_equal(clv_digest_finish(&digest, pixels), CLV_OK);
    assert_string_equal(clv_digest_format(text, &digest),
                        "fc4dd89a819d484b7a5707895ac5254bd27bc4086504d1860bb5f78a18c770f0");
    assert_int_equal(clv_digest_finish(&digest, labels), CLV_OK);
    assert_string_equal(clv_digest_format(text, &digest),
                        "a42a198d557aaf010bb5a688ef38fbaeb76f922334ee323f64b16fd44c7d73ed");
}

static void test_demo_images__every_class_has_a_name(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < CLV_DEMO_CLASSES; i++)
        assert_string_not_equal(clv_demo_class_name(i), "?");
    assert_string_equal(clv_demo_class_name(CLV_DEMO_CLASSES), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_demo_images__first_hundred_pictures_are_these),
        cmocka_unit_test(test_demo_images__every_class_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
