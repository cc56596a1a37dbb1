/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_ANSWER_JSON_H
#define CLV_ANSWER_JSON_H

/** @file answer_json.h: an answer as one line of JSON (docs/edge.md). */

#include <stdio.h>

#include <cleave/edge.h>

typedef struct clv_answer_format {
    uint32_t top; /**< classes */
    bool tensors; /**< the output tensors instead of the classes */
} clv_answer_format;

/** Write the line and flush it.
 *  @param file  What the frame was read from.
 *  @return CLV_OK; CLV_EIO (errno says why), CLV_ENOMEM. */
CLV_NODISCARD clv_status clv_answer_print(FILE *out, const clv_edge_answer *answer,
                                          const char *file, const clv_answer_format *format);

#endif
