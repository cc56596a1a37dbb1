/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLV_DECODE_PARTS_H
#define CLV_DECODE_PARTS_H

/** @file decode_parts.h: what the files of this folder share. */

#include "decode/decode.h"

/** Outputs to decode. */
typedef struct clv_decode_job {
    const clv_tensor *outputs;
    uint32_t n_outputs;
    const clv_decode_options *options;
    clv_error *err;
} clv_decode_job;

/** @param out  Empty it and fill it by clv_boxes_offer() once the shapes fit. */
typedef clv_status (*clv_decode_fn)(clv_boxes *out, const clv_decode_job *job);

#define CLV_DECODER_FUNCTION(name, words, only, takes)                                             \
    CLV_NODISCARD clv_status clv_decode_##name(clv_boxes *out, const clv_decode_job *job);
CLV_DECODER_LIST(CLV_DECODER_FUNCTION)
#undef CLV_DECODER_FUNCTION

/** A tensor as a matrix: element (r, c) is data[r * row_step + c * column_step]. */
typedef struct clv_decode_matrix {
    const float *data;
    size_t rows, columns;
    size_t row_step, column_step;
} clv_decode_matrix;

/** The last two dimensions of output @p i; false unless those in front of them are 1. */
bool clv_decode_as_matrix(clv_decode_matrix *out, const clv_decode_job *job, uint32_t i);

static inline float clv_decode_at(const clv_decode_matrix *m, size_t row, size_t column)
{
    return m->data[row * m->row_step + column * m->column_step];
}

/** The best of columns [from, to) of a row, which aren't NaN; @p to where there is none. */
size_t clv_decode_best(const clv_decode_matrix *m, size_t row, size_t from, size_t to);

/** CLV_ESHAPE with what the decoder takes, what the outputs are, and @p why. */
clv_status clv_decode_misfit(const clv_decode_job *job, const char *why);

bool clv_decode_has(const clv_decode_job *job, uint32_t word);

float clv_decode_sigmoid(float x);

/** x, or its sigmoid where the words say that scores are logits. */
float clv_decode_score(const clv_decode_job *job, float x);

/** Add a candidate, if it is one: finite, over the score, with an area. A heap whose root is the
 *  worst; when it is full the worst one goes. */
void clv_boxes_offer(clv_boxes *boxes, const clv_box *box, const clv_decode_options *options);

/** Sort what was offered, best first, suppress what overlaps, keep the first options->most. */
void clv_boxes_finish(clv_boxes *boxes, const clv_decode_options *options);

/** The box around a centre. */
clv_box clv_box_centred(float cx, float cy, float width, float height);

#endif
