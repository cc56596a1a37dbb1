/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BOXES_DRAW_H
#define CLV_BOXES_DRAW_H

/** @file boxes_draw.h: boxes and their scores on a picture. */

#include "media/image.h"
#include "tools/detector.h"

/** Draw the detector's boxes on @p image, which has the size of its picture: lines and letters as
 *  large as the picture needs, a colour for each class, the name (or number) and score of each. */
void boxes_draw(clv_image *image, const detector *d);

#endif
