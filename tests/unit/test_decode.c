/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "decode/decode.h"

static clv_boxes boxes;

static clv_tensor tensor(float *data, uint32_t rank, const int64_t *dims)
{
    clv_tensor t = {.dtype = CLV_F32, .shape.rank = rank, .data = data};
    memcpy(t.shape.dim, dims, rank * sizeof *dims);
    return t;
}
#define TENSOR(data, ...)                                                                          \
    tensor((data), sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

static clv_decode_options choose(const char *text, uint32_t width, uint32_t height)
{
    clv_decode_options o = CLV_DECODE_OPTIONS_INIT;
    assert_int_equal(clv_decode_choose(&o, text, NULL), CLV_OK);
    o.width = width;
    o.height = height;
    return o;
}

static void decode(const char *text, uint32_t width, uint32_t height, const clv_tensor *outputs,
                   uint32_t n)
{
    clv_error err = CLV_ERROR_INIT;
    clv_decode_options o = choose(text, width, height);
    if (clv_decode(&boxes, outputs, n, &o, &err) != CLV_OK)
        fail_msg("%s: %s", text, err.message);
}

static void expect_misfit(const char *text, const clv_tensor *outputs, uint32_t n, const char *word)
{
    clv_error err = CLV_ERROR_INIT;
    clv_decode_options o = choose(text, 16, 16);
    boxes.count = 77;
    assert_int_equal(clv_decode(&boxes, outputs, n, &o, &err), CLV_ESHAPE);
    if (strstr(err.message, word) == NULL)
        fail_msg("'%s' lacks '%s'", err.message, word);
    assert_int_equal(boxes.count, 77); /* untouched */
}

static void expect_box(uint32_t i, float x0, float y0, float x1, float y1, float score,
                       uint32_t class_index)
{
    assert_true(i < boxes.count);
    const clv_box *b = &boxes.items[i];
    assert_float_equal(b->x0, x0, 1e-4f);
    assert_float_equal(b->y0, y0, 1e-4f);
    assert_float_equal(b->x1, x1, 1e-4f);
    assert_float_equal(b->y1, y1, 1e-4f);
    assert_float_equal(b->score, score, 1e-5f);
    assert_int_equal(b->class_index, class_index);
}

/* What a sigmoid makes into p. */
static float logit(float p)
{
    return logf(p / (1.0f - p));
}

/* --- choosing ----------------------------------------------------------------------------- */

static void test_decode__names_and_words(void **state)
{
    static const char *const wrong[][2] = {
        {"yol", "'yol' is none of yolo, ssd, ultraface, nanodet, fastestdet"},
        {"", "'' is none of"},
        {"yolo:", "'' is none of the words of yolo"},
        {"yolo:pixels", "'pixels' is none of the words of yolo: logits, objectness"},
        {"ssd:pixels,", "'' is none of"},
        {"yolo:objectness,no-objectness", "only one"},
        {"ssd:offsets,pixels", "only one"},
        {"ssd:yxyx,centre", "only one"},
    };
    clv_decode_options o = choose("ssd:pixels,yxyx", 1, 1);
    (void)state;

    assert_string_equal(clv_decoder_name(o.decoder), "ssd");
    assert_int_equal(o.words, CLV_DECODE_WORD(PIXELS) | CLV_DECODE_WORD(YXYX));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        clv_error err = CLV_ERROR_INIT;
        assert_int_equal(clv_decode_choose(&o, wrong[i][0], &err), CLV_EINVAL);
        if (strstr(err.message, wrong[i][1]) == NULL)
            fail_msg("'%s' lacks '%s'", err.message, wrong[i][1]);
    }
    assert_string_equal(clv_decoder_name(o.decoder), "ssd");
    assert_null(clv_decoder_only_class(o.decoder));
    o = choose("ultraface", 1, 1);
    assert_string_equal(clv_decoder_only_class(o.decoder), "face");
}

static void test_decode__options_out_of_range(void **state)
{
    const clv_decode_options good = choose("fastestdet", 8, 8);
    float data[6] = {0};
    clv_tensor t = TENSOR(data, 1, 6, 1, 1);
    (void)state;

    for (int i = 0; i < 9; i++) {
        clv_decode_options o = good;
        o.decoder = i == 0 ? NULL : o.decoder;
        o.width = i == 1 ? 0 : i == 2 ? CLV_INPUT_MAX_SIDE + 1 : o.width;
        o.height = i == 3 ? 0 : o.height;
        o.score = i == 4 ? NAN : i == 5 ? -0.1f : o.score;
        o.iou = i == 6 ? 1.1f : o.iou;
        o.most = i == 7 ? 0 : i == 8 ? CLV_MAX_BOXES + 1 : o.most;
        assert_int_equal(clv_decode(&boxes, &t, 1, &o, NULL), CLV_EINVAL);
    }
    assert_int_equal(clv_decode(&boxes, &t, 1, &good, NULL), CLV_OK);
}

/* --- YOLO --------------------------------------------------------------------------------- */

/* centre 50, 40, size 20, 10; two classes; 8 rows, of which 3 are over 0.4 */
static void test_decode__yolo_with_objectness(void **state)
{
    float data[8][7] = {{50, 40, 20, 10, 0.9f, 0.2f, 0.8f},
                        {10, 10, 4, 4, 0.5f, 0.9f, 0.1f},
                        {10, 10, 4, 4, 0.5f, 0.7f, 0.1f}, /* 0.35 */
                        {80, 80, 4, 4, 0.3f, 1.0f, 1.0f}, /* 0.3 */
                        {90, 10, 2, 6, 1.0f, 1.0f, 0.0f}};
    clv_tensor t = TENSOR(data[0], 1, 8, 7);
    (void)state;

    decode("yolo", 100, 100, &t, 1);
    assert_int_equal(boxes.count, 3);
    expect_box(0, 89, 7, 91, 13, 1.0f, 0);
    expect_box(1, 40, 35, 60, 45, 0.72f, 1);
    expect_box(2, 8, 8, 12, 12, 0.45f, 0);
    /* Without one the fifth column is a class. */
    decode("yolo:no-objectness", 100, 100, &t, 1);
    expect_box(0, 89, 7, 91, 13, 1.0f, 0);
    expect_box(1, 78, 78, 82, 82, 1.0f, 1);
}

static void test_decode__yolo_transposed_has_no_objectness(void **state)
{
    float data[6][7] = {{50, 10, 0, 90}, {40, 10, 0, 10},       {20, 4, 0, 2},
                        {10, 4, 0, 6},   {0.2f, 0.9f, 0, 0.1f}, {0.8f, 0.1f, 0, 0.39f}};
    clv_tensor t = TENSOR(data[0], 1, 6, 7);
    (void)state;

    decode("yolo", 100, 100, &t, 1);
    assert_int_equal(boxes.count, 2);
    expect_box(0, 8, 8, 12, 12, 0.9f, 0);
    expect_box(1, 40, 35, 60, 45, 0.8f, 1);
    decode("yolo:objectness", 100, 100, &t, 1);
    assert_int_equal(boxes.count, 0); /* 0.2 * 0.8 */
}

static void test_decode__yolo_words(void **state)
{
    float end2end[2][6] = {{1, 2, 30, 40, 0.9f, 17}, {1, 2, 30, 40, 0.8f, -1}};
    float unit[7][6] = {{0.5f, 0.5f, 0.2f, 0.4f, logit(0.8f), logit(0.75f)}};
    clv_tensor a = TENSOR(end2end[0], 1, 2, 6), b = TENSOR(unit[0], 1, 7, 6);
    (void)state;

    decode("yolo:end2end", 100, 100, &a, 1);
    assert_int_equal(boxes.count, 1);
    expect_box(0, 1, 2, 30, 40, 0.9f, 17);
    decode("yolo:normalised,logits", 200, 100, &b, 1);
    assert_int_equal(boxes.count, 1);
    expect_box(0, 80, 30, 120, 70, 0.6f, 0);
}

static void test_decode__yolo_misfits(void **state)
{
    static float data[128];
    const clv_tensor square = TENSOR(data, 1, 6, 6), narrow = TENSOR(data, 1, 8, 5),
                     batch = TENSOR(data, 2, 8, 7), flat = TENSOR(data, 64),
                     with_masks[] = {TENSOR(data, 1, 8, 7), TENSOR(data, 1, 4, 2, 2)},
                     two[] = {TENSOR(data, 1, 8, 7), TENSOR(data, 1, 8, 7)},
                     heads[] = {TENSOR(data, 1, 8, 7), TENSOR(data, 1, 3, 1, 1, 7)};
    clv_tensor half = TENSOR(data, 1, 8, 7), negative = TENSOR(data, 1, -8, 7),
               none = TENSOR(data, 1, 0, 6);
    (void)state;

    half.dtype = CLV_F16;
    expect_misfit("yolo", &square, 1, "1x6x6: which side");
    expect_misfit("yolo", &narrow, 1, "class");
    expect_misfit("yolo", &batch, 1, "'yolo' takes [1, N, 5+C]");
    expect_misfit("yolo", &flat, 1, "outputs are 64");
    expect_misfit("yolo", with_masks, 2, "1x8x7, 1x4x2x2");
    expect_misfit("yolo", two, 2, "takes");
    expect_misfit("yolo", &half, 1, "float32");
    expect_misfit("yolo", &negative, 1, "shape");
    expect_misfit("yolo", NULL, 0, "none");
    expect_misfit("yolo:end2end", &heads[0], 1, "6 columns");
    decode("yolo", 16, 16, heads, 2); /* YOLOv5 adds its raw heads */
    assert_int_equal(boxes.count, 0);
    decode("yolo:end2end", 16, 16, &none, 1);
    assert_int_equal(boxes.count, 0);
}

/* --- SSD, UltraFace ----------------------------------------------------------------------- */

static void test_decode__ssd_background_and_order_of_outputs(void **state)
{
    float places[2][4] = {{0.1f, 0.2f, 0.5f, 0.6f}, {0.0f, 0.0f, 1.0f, 1.0f}};
    float scores[2][3] = {{0.1f, 0.2f, 0.7f}, {0.9f, 0.05f, 0.05f}};
    const clv_tensor ab[] = {TENSOR(places[0], 1, 2, 4), TENSOR(scores[0], 1, 2, 3)};
    const clv_tensor ba[] = {ab[1], ab[0]};
    (void)state;

    decode("ssd", 100, 50, ab, 2);
    assert_int_equal(boxes.count, 1);
    expect_box(0, 10, 10, 50, 30, 0.7f, 1);
    decode("ssd", 100, 50, ba, 2);
    expect_box(0, 10, 10, 50, 30, 0.7f, 1);
    decode("ssd:no-background", 100, 50, ab, 2);
    assert_int_equal(boxes.count, 2);
    expect_box(0, 0, 0, 100, 50, 0.9f, 0);
    expect_box(1, 10, 10, 50, 30, 0.7f, 2);
    decode("ssd:no-background,yxyx", 100, 50, ab, 2);
    expect_box(1, 20, 5, 60, 25, 0.7f, 2);
    decode("ssd:centre", 100, 50, ab, 2);
    expect_box(0, -15, -5, 35, 25, 0.7f, 1);
    decode("ssd:pixels", 100, 50, ab, 2);
    expect_box(0, 0.1f, 0.2f, 0.5f, 0.6f, 0.7f, 1);
}

static void test_decode__ssd_logits_and_priors(void **state)
{
    float offsets[1][4] = {{1.0f, -2.0f, 5.0f * logf(2.0f), 0.0f}};
    float priors[1][4] = {{0.5f, 0.5f, 0.2f, 0.4f}};
    float scores[1][3] = {{0.0f, logf(6.0f), 0.0f}}; /* softmax: 1/8, 6/8, 1/8 */
    const clv_tensor t[] = {TENSOR(offsets[0], 1, 1, 4), TENSOR(scores[0], 1, 1, 3),
                            TENSOR(priors[0], 1, 4)};
    (void)state;

    /* centre 0.5 + 0.1 * 0.2, 0.5 - 0.2 * 0.4; size 0.2 * 2, 0.4 */
    decode("ssd:offsets,logits", 100, 100, t, 3);
    assert_int_equal(boxes.count, 1);
    expect_box(0, 32, 22, 72, 62, 0.75f, 0);
}

static void test_decode__ssd_misfits(void **state)
{
    static float data[64];
    const clv_tensor n[] = {TENSOR(data, 1, 2, 4), TENSOR(data, 1, 3, 3)};
    const clv_tensor no_places[] = {TENSOR(data, 1, 2, 5), TENSOR(data, 1, 2, 3)};
    const clv_tensor one_class[] = {TENSOR(data, 1, 2, 4), TENSOR(data, 1, 2, 1)};
    const clv_tensor three[] = {TENSOR(data, 1, 2, 4), TENSOR(data, 1, 2, 3),
                                TENSOR(data, 1, 2, 10)};
    (void)state;

    expect_misfit("ssd", n, 2, "differ in N");
    expect_misfit("ssd", n, 1, "takes");
    expect_misfit("ssd", no_places, 2, "takes");
    expect_misfit("ssd", one_class, 2, "class");
    expect_misfit("ssd", three, 3, "takes");
    expect_misfit("ssd:offsets", three, 3, "takes");
    expect_misfit("ultraface", three, 2, "'ultraface' takes scores [1, N, 2]");
}

static void test_decode__ultraface(void **state)
{
    float scores[3][2] = {{0.1f, 0.9f}, {0.8f, 0.2f}, {0.3f, 0.7f}};
    float places[3][4] = {
        {0.1f, 0.1f, 0.2f, 0.3f}, {0.5f, 0.5f, 0.6f, 0.6f}, {-0.1f, 0.7f, 0.1f, 1.1f}};
    const clv_tensor t[] = {TENSOR(scores[0], 1, 3, 2), TENSOR(places[0], 1, 3, 4)};
    (void)state;

    decode("ultraface", 320, 240, t, 2);
    assert_int_equal(boxes.count, 2);
    expect_box(0, 32, 24, 64, 72, 0.9f, 0);
    expect_box(1, -32, 168, 32, 264, 0.7f, 0);
}

/* --- grids -------------------------------------------------------------------------------- */

/* 16 x 8 pixels: two cells of stride 8, one of 16. All weight on one distance. */
static void test_decode__nanodet_strides_in_any_order(void **state)
{
    float classes8[2][3] = {{0, 0, 0}, {0.1f, 0.9f, 0.2f}}, classes16[1][3] = {{0.6f, 0, 0}};
    float sides8[2][32] = {{0}}, sides16[1][32] = {{0}};
    const int at8[4] = {1, 0, 1, 2};
    const clv_tensor t[] = {TENSOR(classes16[0], 1, 1, 3), TENSOR(classes8[0], 1, 2, 3),
                            TENSOR(sides8[0], 1, 2, 32), TENSOR(sides16[0], 1, 1, 32)};
    (void)state;

    for (int side = 0; side < 4; side++) {
        sides8[1][8 * side + at8[side]] = 100;
        sides16[0][8 * side + 1] = 3; /* even weights elsewhere: a mean between 1 and 3.5 */
    }
    decode("nanodet", 16, 8, t, 4);
    assert_int_equal(boxes.count, 2);
    expect_box(0, 12 - 8, 4, 12 + 8, 4 + 16, 0.9f, 1);
    float e = expf(3), mean = (27 + e) / (7 + e); /* 0+2+3+4+5+6+7 = 27 */
    expect_box(1, 8 - 16 * mean, 8 - 16 * mean, 8 + 16 * mean, 8 + 16 * mean, 0.6f, 0);
    /* The distances may come first: theirs are the 32 columns. */
    const clv_tensor swapped[] = {t[2], t[1]};
    decode("nanodet", 16, 8, swapped, 2);
    assert_int_equal(boxes.count, 1);
    expect_box(0, 4, 4, 20, 20, 0.9f, 1);
}

/* NanoDet-Plus: 16 x 8 has 2 cells of stride 8 and 1 of stride 16; points in the corners. */
static void test_decode__nanodet_plus_in_one_output(void **state)
{
    float rows[3][34] = {{0}};
    clv_tensor t = TENSOR(rows[0], 1, 3, 34);
    (void)state;

    rows[1][1] = 0.9f;
    for (int side = 0; side < 4; side++)
        rows[1][2 + 8 * side + 1] = 100;
    decode("nanodet", 16, 8, &t, 1);
    assert_int_equal(boxes.count, 1);
    expect_box(0, 0, -8, 16, 8, 0.9f, 1);
    rows[1][1] = logit(0.8f);
    decode("nanodet:logits", 16, 8, &t, 1);
    expect_box(0, 0, -8, 16, 8, 0.8f, 1);
}

static void test_decode__nanodet_misfits(void **state)
{
    static float data[512];
    /* 16 x 16: 4 cells of stride 8, 1 of stride 16 and of all larger ones */
    const clv_tensor good[] = {TENSOR(data, 1, 4, 3), TENSOR(data, 1, 4, 32)};
    const clv_tensor cells[] = {TENSOR(data, 1, 5, 3), TENSOR(data, 1, 5, 32)};
    const clv_tensor pairs[] = {TENSOR(data, 1, 4, 3), TENSOR(data, 1, 1, 32)};
    const clv_tensor sides[] = {TENSOR(data, 1, 4, 3), TENSOR(data, 1, 4, 30)};
    const clv_tensor classes[] = {good[0], good[1], TENSOR(data, 1, 1, 2), TENSOR(data, 1, 1, 32)};
    const clv_tensor one = TENSOR(data, 1, 9, 35), narrow = TENSOR(data, 1, 5, 32);
    (void)state;

    decode("nanodet", 16, 16, good, 2);
    expect_misfit("nanodet", cells, 2, "cells of a stride");
    expect_misfit("nanodet", pairs, 2, "takes");
    expect_misfit("nanodet", sides, 2, "takes");
    expect_misfit("nanodet", classes, 4, "differ in C");
    expect_misfit("nanodet", classes, 3, "takes");
    expect_misfit("nanodet", &one, 1, "N is not");
    expect_misfit("nanodet", &narrow, 1, "takes");
}

/* A grid of 2 x 2 on 100 x 80, one class of two. */
static void test_decode__fastestdet(void **state)
{
    float data[7][4] = {{0.0f, 0.0f, 0.81f, 0.1f}, {0, 0, atanhf(0.5f)}, {0, 0, 0},
                        {0, 0, logit(0.2f)},       {0, 0, logit(0.5f)},  {0, 0, 0.3f, 0.5f},
                        {0, 0, 0.64f, 0.5f}};
    clv_tensor t = TENSOR(data[0], 1, 7, 2, 2);
    (void)state;

    decode("fastestdet", 100, 80, &t, 1);
    assert_int_equal(boxes.count, 1);
    /* cell (0, 1): centre 25, 40; size 20, 40 */
    expect_box(0, 15, 20, 35, 60, powf(0.81f, 0.6f) * powf(0.64f, 0.4f), 1);
    t = TENSOR(data[0], 1, 5, 2, 2);
    expect_misfit("fastestdet", &t, 1, "takes one grid [1, 5+C, H, W]");
    t = TENSOR(data[0], 1, 7, 4);
    expect_misfit("fastestdet", &t, 1, "takes");
}

/* --- which boxes are kept ----------------------------------------------------------------- */

static void test_decode__suppression_is_per_class(void **state)
{
    /* x0 y0 x1 y1: IoU of the first two 8/12, of the first and the third 6/14 */
    float data[5][6] = {{0, 0, 10, 1, 0.9f, 0},
                        {2, 0, 12, 1, 0.8f, 0},
                        {4, 0, 14, 1, 0.7f, 0},
                        {0, 0, 10, 1, 0.6f, 1},
                        {2, 0, 12, 1, 0.5f, 2}};
    clv_tensor t = TENSOR(data[0], 1, 5, 6);
    clv_decode_options o = choose("yolo:end2end", 16, 16);
    (void)state;

    assert_int_equal(clv_decode(&boxes, &t, 1, &o, NULL), CLV_OK);
    assert_int_equal(boxes.count, 4); /* the second goes, and so doesn't suppress the third */
    expect_box(1, 4, 0, 14, 1, 0.7f, 0);
    o.iou = 0.4f;
    assert_int_equal(clv_decode(&boxes, &t, 1, &o, NULL), CLV_OK);
    assert_int_equal(boxes.count, 3);
    o.iou = 1.0f;
    o.most = 2;
    assert_int_equal(clv_decode(&boxes, &t, 1, &o, NULL), CLV_OK);
    assert_int_equal(boxes.count, 2);
    expect_box(1, 2, 0, 12, 1, 0.8f, 0);
}

static void test_decode__iou(void **state)
{
    const clv_box a = {.x0 = 0, .y0 = 0, .x1 = 4, .y1 = 2},
                  b = {.x0 = 2, .y0 = 1, .x1 = 6, .y1 = 3},
                  beside = {.x0 = 4, .y0 = 0, .x1 = 8, .y1 = 2},
                  point = {.x0 = 1, .x1 = 1, .y1 = 2},
                  huge = {.x0 = -3e38f, .y0 = -3e38f, .x1 = 3e38f, .y1 = 3e38f};
    (void)state;

    assert_float_equal(clv_box_iou(&a, &b), 2.0f / 14.0f, 1e-6f);
    assert_float_equal(clv_box_iou(&a, &a), 1.0f, 0.0f);
    assert_float_equal(clv_box_iou(&a, &beside), 0.0f, 0.0f);
    assert_float_equal(clv_box_iou(&point, &a), 0.0f, 0.0f);
    assert_float_equal(clv_box_iou(&huge, &huge), 1.0f, 0.0f);
}

/* More than there is room for: the best stay, whatever the order. */
static void test_decode__the_best_of_too_many(void **state)
{
    enum { N = CLV_MAX_BOXES + 1000 };
    static float data[N][6];
    clv_tensor t = TENSOR(data[0], 1, N, 6);
    clv_decode_options o = choose("yolo:end2end", 16, 16);
    (void)state;

    for (uint32_t i = 0; i < N; i++) {
        uint32_t rank = i * 2039u % N; /* a permutation: 2039 is prime and no divisor of N */
        float row[6] = {(float)rank * 2, 0, (float)rank * 2 + 1, 1, 1.0f - (float)rank / N, 0};
        memcpy(data[i], row, sizeof row);
    }
    o.score = 0.0f;
    o.most = CLV_MAX_BOXES;
    assert_int_equal(clv_decode(&boxes, &t, 1, &o, NULL), CLV_OK);
    assert_int_equal(boxes.count, CLV_MAX_BOXES);
    for (uint32_t i = 0; i < boxes.count; i++)
        assert_float_equal(boxes.items[i].x0, 2.0f * (float)i, 0.0f);
}

/* Numbers of every bad kind in every place of every decoder: nothing is kept that isn't finite. */
static void test_decode__bad_numbers_are_left_out(void **state)
{
    static const char *const names[] = {"yolo",
                                        "yolo:end2end",
                                        "yolo:logits",
                                        "ssd",
                                        "ultraface",
                                        "ssd:offsets,logits",
                                        "ssd:logits,no-background",
                                        "nanodet",
                                        "fastestdet",
                                        "fastestdet:logits"};
    static const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 0.7f};
    static float data[64 * 6];
    uint32_t random = 1;
    (void)state;

    for (int round = 0; round < 2000; round++) {
        const char *name = names[round % 10];
        clv_tensor t[3] = {TENSOR(data, 1, 12, 6)};
        uint32_t n = 1;
        for (size_t i = 0; i < sizeof data / sizeof data[0]; i++) {
            random = random * 1664525u + 1013904223u;
            data[i] = (random >> 28) < 4 ? bad[(random >> 16) % 6] : (float)(random >> 20) / 4096;
        }
        if (name[0] == 's' || name[0] == 'u') {
            t[0] = TENSOR(data, 1, 12, 4);
            t[1] = TENSOR(data + 50, 1, 12, 2);
            t[2] = TENSOR(data + 90, 1, 12, 4);
            n = strstr(name, "offsets") != NULL ? 3 : 2;
        } else if (name[0] == 'n') {
            t[0] = TENSOR(data, 1, 4, 3);
            t[1] = TENSOR(data + 20, 1, 4, 32);
            n = 2;
        } else if (name[0] == 'f') {
            t[0] = TENSOR(data, 1, 6, 3, 4);
        }
        decode(name, 16, 16, t, n);
        for (uint32_t i = 0; i < boxes.count; i++) {
            const clv_box *b = &boxes.items[i];
            assert_true(isfinite(b->x0) && isfinite(b->y0) && isfinite(b->x1) && isfinite(b->y1));
            assert_true(b->x0 < b->x1 && b->y0 < b->y1);
            assert_true(isfinite(b->score) && b->score >= 0.4f);
            assert_true(i == 0 || b->score <= boxes.items[i - 1].score);
        }
    }
}

/* --- places ------------------------------------------------------------------------------- */

static void test_decode__placed_and_cut_off(void **state)
{
    /* a letterbox: 200 x 100 in 100 x 100, so 25 rows of grey above and below */
    const clv_fit_map map = {2.0, 0.0, 2.0, -50.0};
    (void)state;

    boxes = (clv_boxes){.count = 3,
                        .items = {{10, 30, 20, 40, 0.9f, 1},
                                  {-5, 20, 110, 80, 0.8f, 2},
                                  {10, 5, 20, 24, 0.7f, 3}}}; /* on the grey */
    clv_boxes_place(&boxes, &map, 200, 100);
    assert_int_equal(boxes.count, 2);
    expect_box(0, 20, 10, 40, 30, 0.9f, 1);
    expect_box(1, 0, 0, 200, 100, 0.8f, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode__names_and_words),
        cmocka_unit_test(test_decode__options_out_of_range),
        cmocka_unit_test(test_decode__yolo_with_objectness),
        cmocka_unit_test(test_decode__yolo_transposed_has_no_objectness),
        cmocka_unit_test(test_decode__yolo_words),
        cmocka_unit_test(test_decode__yolo_misfits),
        cmocka_unit_test(test_decode__ssd_background_and_order_of_outputs),
        cmocka_unit_test(test_decode__ssd_logits_and_priors),
        cmocka_unit_test(test_decode__ssd_misfits),
        cmocka_unit_test(test_decode__ultraface),
        cmocka_unit_test(test_decode__nanodet_strides_in_any_order),
        cmocka_unit_test(test_decode__nanodet_plus_in_one_output),
        cmocka_unit_test(test_decode__nanodet_misfits),
        cmocka_unit_test(test_decode__fastestdet),
        cmocka_unit_test(test_decode__suppression_is_per_class),
        cmocka_unit_test(test_decode__iou),
        cmocka_unit_test(test_decode__the_best_of_too_many),
        cmocka_unit_test(test_decode__bad_numbers_are_left_out),
        cmocka_unit_test(test_decode__placed_and_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
