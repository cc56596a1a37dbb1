/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DECODE_H
#define CLV_DECODE_H

/** @file decode.h: a detector's output tensors become boxes. Pure: no I/O, no allocation, no
 *  globals; one thread for each clv_boxes. The forms that are read: docs/detection.md. */

#include <cleave/tensor.h>

#include "media/input_spec.h"

/** Boxes that are kept before overlapping ones are suppressed: the best of an image. */
#define CLV_MAX_BOXES 4096u

/** One object. Pixels of the model's input, or, behind clv_boxes_place(), of the picture that it
 *  was made from; (0, 0) is the upper left corner of the first pixel, so a box as large as the
 *  picture ends at (width, height). */
typedef struct clv_box {
    float x0, y0, x1, y1;
    float score;
    uint32_t class_index;
} clv_box;

/** 96 KiB: not for small stacks. */
typedef struct clv_boxes {
    uint32_t count;
    clv_box items[CLV_MAX_BOXES];
} clv_boxes;

/** The words that choose a form where the shapes don't tell it: X(NAME, "word", help). */
#define CLV_DECODE_WORD_LIST(X)                                                                    \
    X(LOGITS, "logits", "scores are in front of their sigmoid or softmax")                         \
    X(OBJECTNESS, "objectness", "an objectness lies in front of the classes")                      \
    X(NO_OBJECTNESS, "no-objectness", "none does")                                                 \
    X(END2END, "end2end", "rows are x0 y0 x1 y1 score class")                                      \
    X(NORMALISED, "normalised", "coordinates are 0..1 of the input, not pixels")                   \
    X(PIXELS, "pixels", "coordinates are pixels of the input, not 0..1")                           \
    X(NO_BACKGROUND, "no-background", "the first class is no background")                          \
    X(YXYX, "yxyx", "boxes are y0 x0 y1 x1")                                                       \
    X(CENTRE, "centre", "boxes are centre x, centre y, width, height")                             \
    X(OFFSETS, "offsets",                                                                          \
      "boxes are offsets (variances 0.1, 0.2) from priors, a third output: cx cy w h, 0..1")

enum {
#define CLV_DECODE_WORD_BIT(name, word, help) CLV_DECODE_BIT_##name,
    CLV_DECODE_WORD_LIST(CLV_DECODE_WORD_BIT)
#undef CLV_DECODE_WORD_BIT
        CLV_DECODE_N_WORDS
};
#define CLV_DECODE_WORD(name) (1u << CLV_DECODE_BIT_##name)

/* clang-format off */
/** Every decoder: X(name, words it knows, the only class's name or NULL, what it takes). */
#define CLV_DECODER_LIST(X)                                                                        \
    X(yolo,                                                                                        \
      CLV_DECODE_WORD(LOGITS) | CLV_DECODE_WORD(OBJECTNESS) | CLV_DECODE_WORD(NO_OBJECTNESS) |     \
          CLV_DECODE_WORD(END2END) | CLV_DECODE_WORD(NORMALISED),                                  \
      NULL, "[1, N, 5+C] with objectness (YOLOv5, 7) or [1, 4+C, N] without (YOLOv8, 11)")         \
    X(ssd,                                                                                         \
      CLV_DECODE_WORD(LOGITS) | CLV_DECODE_WORD(PIXELS) | CLV_DECODE_WORD(NO_BACKGROUND) |         \
          CLV_DECODE_WORD(YXYX) | CLV_DECODE_WORD(CENTRE) | CLV_DECODE_WORD(OFFSETS),              \
      NULL, "boxes [1, N, 4], 0..1, and scores [1, N, 1+C], background first")                     \
    X(ultraface, CLV_DECODE_WORD(LOGITS), "face",                                                  \
      "scores [1, N, 2] and boxes [1, N, 4], 0..1")                                                \
    X(nanodet, CLV_DECODE_WORD(LOGITS), NULL,                                                      \
      "classes [1, n, C] and distances [1, n, 4*R] for each stride, or one [1, N, C+32] "          \
      "(NanoDet-Plus)")                                                                            \
    X(fastestdet, CLV_DECODE_WORD(LOGITS), NULL, "one grid [1, 5+C, H, W]")
/* clang-format on */

typedef struct clv_decoder clv_decoder;

typedef struct clv_decode_options {
    const clv_decoder *decoder;
    uint32_t words;         /**< CLV_DECODE_WORD()s */
    uint32_t width, height; /**< pixels of the model's input, 1 .. CLV_INPUT_MAX_SIDE */
    float score;            /**< boxes below it are left out; 0..1 */
    float iou;     /**< of two boxes of a class that overlap by more, the better stays; 0..1 */
    uint32_t most; /**< boxes, 1 .. CLV_MAX_BOXES */
} clv_decode_options;

#define CLV_DECODE_OPTIONS_INIT                                                                    \
    {                                                                                              \
        NULL, 0, 0, 0, 0.4f, 0.5f, 100                                                             \
    }

/** Set decoder and words by "NAME" or "NAME:WORD,WORD".
 *  @return CLV_OK; CLV_EINVAL with @p err saying what is known, @p options untouched. */
CLV_NODISCARD clv_status clv_decode_choose(clv_decode_options *options, const char *text,
                                           clv_error *err);

const char *clv_decoder_name(const clv_decoder *decoder);

/** The name of the only class of such a decoder ("face"), else NULL. */
const char *clv_decoder_only_class(const clv_decoder *decoder);

/** The boxes of one picture, best first (of equal scores: by class, then place), in pixels of the
 *  input, not cut off at its sides. One class for each place: the best. What isn't finite or has
 *  no area is left out. Of more than CLV_MAX_BOXES over the score the best are looked at.
 *  @param outputs  Of one picture, float32, in the model's order.
 *  @param[out] out  Left untouched on failure.
 *  @return CLV_OK; CLV_EINVAL for options out of range; CLV_ESHAPE with @p err where the outputs
 *          don't fit the decoder. */
CLV_NODISCARD clv_status clv_decode(clv_boxes *out, const clv_tensor *outputs, uint32_t n_outputs,
                                    const clv_decode_options *options, clv_error *err);

/** Intersection over union; 0 where either has no area. */
float clv_box_iou(const clv_box *a, const clv_box *b);

/** From pixels of the input to pixels of a picture of width x height, cut off at its sides; boxes
 *  that lie outside (on a letterbox's grey) go. @p map: clv_image_fit_map() for that picture. */
void clv_boxes_place(clv_boxes *boxes, const clv_fit_map *map, uint32_t width, uint32_t height);

#endif
