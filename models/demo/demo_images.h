/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DEMO_IMAGES_H
#define CLV_DEMO_IMAGES_H

/** @file demo_images.h: draws the pictures that the demo's two networks were trained on.
 *  Each picture shows one object of ten classes somewhere on a random background, with clutter,
 *  things in front of it, shadow, blur, haze and sensor noise. A picture is a pure function of its
 *  seed: integer arithmetic only, so every machine and compiler draws the same bytes.
 *  Which seeds are for what: models/demo/README.md. Thread-safe; allocates nothing. */
#include <stdint.h>

enum { CLV_DEMO_WIDTH = 96, CLV_DEMO_HEIGHT = 96, CLV_DEMO_CLASSES = 10 };

/** Bytes in a picture: [height, width, rgb]. */
enum { CLV_DEMO_BYTES = CLV_DEMO_HEIGHT * CLV_DEMO_WIDTH * 3 };

/** Draw the picture of @p seed. Every label is equally likely.
 *  @param[out] rgb        [CLV_DEMO_HEIGHT, CLV_DEMO_WIDTH, 3], 8 bits a channel.
 *  @param[out] label_out  0..CLV_DEMO_CLASSES - 1, the line in labels.txt. */
void clv_demo_draw(uint8_t rgb[CLV_DEMO_BYTES], uint32_t *label_out, uint64_t seed);

/** The name of a class, in lower case; static. "?" when @p label is out of range. */
const char *clv_demo_class_name(uint32_t label);

#endif
