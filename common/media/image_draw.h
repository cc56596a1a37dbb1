/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_IMAGE_DRAW_H
#define CLV_IMAGE_DRAW_H

/** @file image_draw.h: rectangles and text on an image. What lies outside of it is left out.
 *  Nothing here can fail or allocates. */

#include "media/image.h"

/** Characters are CLV_GLYPH_WIDTH x CLV_GLYPH_HEIGHT at scale 1, CLV_GLYPH_ADVANCE apart. */
#define CLV_GLYPH_WIDTH 5
#define CLV_GLYPH_HEIGHT 7
#define CLV_GLYPH_ADVANCE 6

/** Pixels from the upper left corner; sides and corners within +-2^32. */
typedef struct clv_rect {
    int64_t x, y, width, height;
} clv_rect;

typedef struct clv_colour {
    uint8_t r, g, b;
} clv_colour;

void clv_image_fill(clv_image *image, clv_rect rect, clv_colour colour);

/** The inside of @p rect along its sides. */
void clv_image_frame(clv_image *image, clv_rect rect, uint32_t thickness, clv_colour colour);

/** One line, its upper left corner at (x, y). Known are A-Z a-z 0-9 . % - _ and the space; anything
 *  else is an empty frame. */
void clv_image_text(clv_image *image, int64_t x, int64_t y, uint32_t scale, const char *text,
                    clv_colour colour);

#endif
