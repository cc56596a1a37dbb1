/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "media/image_draw.h"

static const clv_colour white = {255, 255, 255};

static void start(clv_image *image, uint32_t width, uint32_t height)
{
    uint8_t *black = calloc((size_t)width * height, 3);
    clv_image_init(image);
    assert_non_null(black);
    assert_int_equal(clv_image_set_rgb(image, black, width, height), CLV_OK);
    free(black);
}

/* Rows of '#' (white) and '.' (black). */
static void expect_rows(const clv_image *image, const char *const *rows)
{
    for (uint32_t y = 0; y < image->height; y++) {
        char row[64] = "";
        for (uint32_t x = 0; x < image->width; x++)
            row[x] = image->rgb.data[3 * (y * image->width + x) + 1] != 0 ? '#' : '.';
        assert_string_equal(row, rows[y]);
    }
}

static void test_image_draw__rectangles_are_cut_off(void **state)
{
    static const char *const rows[] = {"##...#", "##...#", "....##", "......"};
    static const char *const frame[] = {".####.", ".#..#.", ".#..#.", ".####."};
    clv_image image;
    (void)state;

    start(&image, 6, 4);
    clv_image_fill(&image, (clv_rect){-5, -3, 7, 5}, white);
    clv_image_fill(&image, (clv_rect){5, -1, 100, 4}, white);
    clv_image_fill(&image, (clv_rect){4, 2, 1, 1}, white);
    clv_image_fill(&image, (clv_rect){6, 0, 5, 5}, white);
    clv_image_fill(&image, (clv_rect){0, 4, 5, 5}, white);
    clv_image_fill(&image, (clv_rect){0, 0, -5, 5}, white);
    clv_image_fill(&image, (clv_rect){-4000000000, 3, 3999999999, 1}, white);
    expect_rows(&image, rows);
    clv_image_fill(&image, (clv_rect){0, 0, 6, 4}, (clv_colour){0, 0, 0});
    clv_image_frame(&image, (clv_rect){1, 0, 4, 4}, 1, white);
    expect_rows(&image, frame);
    clv_image_done(&image);
}

static void test_image_draw__text(void **state)
{
    static const char *const rows[] = {"#...#...#..", "#...#..##..", "#...#...#..", "#####...#..",
                                       "#...#...#..", "#...#...#..", "#...#..###."};
    static const char *const twice[] = {"..##", "..##", "####", "####"};
    clv_image image;
    (void)state;

    start(&image, 11, 7);
    clv_image_text(&image, 0, 0, 1, "H1", white);
    expect_rows(&image, rows);
    clv_image_done(&image);
    start(&image, 4, 4); /* the upper left corner of a 1 at twice the size */
    clv_image_text(&image, -2, 0, 2, "1", white);
    expect_rows(&image, twice);
    clv_image_done(&image);
}

/* No two characters look the same, and what isn't known is shown as something. */
static void test_image_draw__every_character_has_its_own_look(void **state)
{
    static const char known[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.%-_ "
        "\x01";
    static uint8_t looks[sizeof known][3 * 5 * 7];
    (void)state;

    for (size_t i = 0; i + 1 < sizeof known; i++) {
        char text[2] = {known[i], '\0'};
        clv_image image;
        start(&image, 5, 7);
        clv_image_text(&image, 0, 0, 1, text, white);
        memcpy(looks[i], image.rgb.data, sizeof looks[i]);
        clv_image_done(&image);
        for (size_t j = 0; j < i; j++) {
            if (memcmp(looks[i], looks[j], sizeof looks[i]) == 0)
                fail_msg("'%c' and '%c' look the same", known[i], known[j]);
        }
    }
}

static void test_image_draw__png_comes_back(void **state)
{
    const char *path = "test_image_draw.png";
    clv_image image, back;
    clv_error err = CLV_ERROR_INIT;
    (void)state;

    start(&image, 37, 5);
    clv_image_init(&back);
    for (size_t i = 0; i < image.rgb.size; i++)
        image.rgb.data[i] = (uint8_t)(i * 7);
    assert_int_equal(clv_image_write_png(&image, path, &err), CLV_OK);
    assert_int_equal(clv_image_load(&back, path, &err), CLV_OK);
    assert_int_equal(back.width, 37);
    assert_int_equal(back.height, 5);
    assert_memory_equal(back.rgb.data, image.rgb.data, image.rgb.size);

    /* What fails leaves the old file as it was. */
    image.rgb.data[0] = 99;
    for (uint64_t n = 1; n < 8; n++) {
        clv_memory_fail_after(n);
        clv_status status = clv_image_write_png(&image, path, &err);
        clv_memory_fail_after(0);
        if (status == CLV_OK)
            break;
        assert_int_equal(clv_image_load(&back, path, NULL), CLV_OK);
        assert_int_equal(back.rgb.data[0], 0);
    }
    assert_int_equal(clv_image_write_png(&image, "no/such/folder.png", &err), CLV_ENOENT);
    assert_non_null(strstr(err.location, "no/such/folder.png"));
    clv_image_done(&image);
    assert_int_equal(clv_image_write_png(&image, path, &err), CLV_EINVAL);
    assert_int_equal(unlink(path), 0);
    clv_image_done(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_draw__rectangles_are_cut_off),
        cmocka_unit_test(test_image_draw__text),
        cmocka_unit_test(test_image_draw__every_character_has_its_own_look),
        cmocka_unit_test(test_image_draw__png_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
