/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_BOXES_PRINT_H
#define CLV_BOXES_PRINT_H

/** @file boxes_print.h: a detector's boxes in words (docs/detection.md). */

#include <jansson.h>
#include <stdio.h>

#include "tools/detector.h"

/** [{"box": [x0, y0, x1, y1], "score", "class", "label"}]; NULL when out of memory. */
json_t *boxes_json(const detector *d);

/** A table with a line of titles; nothing where there is no box. @return CLV_OK, CLV_ENOMEM. */
CLV_NODISCARD clv_status boxes_print(FILE *out, const detector *d);

#endif
