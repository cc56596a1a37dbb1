/* SPDX-License-Identifier: Apache-2.0 */
/* Detectors whose boxes hang on the cells of a grid, without anchors.
 *
 * NanoDet (Generalized Focal Loss, Li et al. 2020): the distances from a cell's point to the four
 * sides are the means of distributions over 0 .. reg_max, in strides. The point is the cell's
 * centre in NanoDet and its upper left corner in NanoDet-Plus.
 *
 * FastestDet: one grid; objectness, tanh and sigmoid of place and size, class probabilities; the
 * score is objectness^0.6 * class^0.4. */
#include <math.h>

#include "base/error.h"
#include "decode/decode_parts.h"

#define MAX_LEVELS 5u
#define USUAL_DISTANCES 32u /* 4 sides of reg_max 7 + 1 */

/* One stride's rows of classes and distances. */
typedef struct level {
    clv_decode_matrix classes, distances;
    uint32_t stride;
    float shift; /* of the point within its cell */
} level;

/* --- NanoDet ------------------------------------------------------------------------------ */

static size_t cells(const clv_decode_options *o, uint32_t stride)
{
    return (size_t)((o->width + stride - 1) / stride) * ((o->height + stride - 1) / stride);
}

/* The mean of the softmax of @p bins numbers. */
static float distance(const clv_decode_matrix *m, size_t row, size_t from, size_t bins)
{
    float largest = clv_decode_at(m, row, from), sum = 0.0f, mean = 0.0f;

    for (size_t i = 1; i < bins; i++)
        largest = fmaxf(largest, clv_decode_at(m, row, from + i));
    for (size_t i = 0; i < bins; i++) {
        float weight = expf(clv_decode_at(m, row, from + i) - largest);
        sum += weight;
        mean += weight * (float)i;
    }
    return mean / sum;
}

static void offer_level(clv_boxes *out, const level *v, const clv_decode_job *job)
{
    uint32_t width = (job->options->width + v->stride - 1) / v->stride;
    size_t bins = v->distances.columns / 4;
    float stride = (float)v->stride;

    for (size_t r = 0; r < v->classes.rows; r++) {
        size_t best = clv_decode_best(&v->classes, r, 0, v->classes.columns);
        if (best == v->classes.columns)
            continue;
        float score = clv_decode_score(job, clv_decode_at(&v->classes, r, best));
        if (!(score >= job->options->score)) /* saves the distances of nearly all cells */
            continue;
        float x = (float)(r % width) + v->shift, y = (float)(r / width) + v->shift;
        clv_box box = {.x0 = stride * (x - distance(&v->distances, r, 0, bins)),
                       .y0 = stride * (y - distance(&v->distances, r, bins, bins)),
                       .x1 = stride * (x + distance(&v->distances, r, 2 * bins, bins)),
                       .y1 = stride * (y + distance(&v->distances, r, 3 * bins, bins)),
                       .score = score,
                       .class_index = (uint32_t)best};
        clv_boxes_offer(out, &box, job->options);
    }
}

/* NanoDet-Plus: all strides below each other, distances beside the classes. */
static clv_status split_rows(level *levels, uint32_t *n_out, const clv_decode_job *job)
{
    static const uint32_t strides[] = {8, 16, 32, 64, 128};
    clv_decode_matrix m;
    size_t rows = 0;
    uint32_t n = 0;

    if (!clv_decode_as_matrix(&m, job, 0) || m.columns <= USUAL_DISTANCES)
        return clv_decode_misfit(job, NULL);
    for (; n < MAX_LEVELS && rows < m.rows; n++) {
        size_t count = cells(job->options, strides[n]), classes = m.columns - USUAL_DISTANCES;
        const float *from = m.data + rows * m.row_step;
        levels[n] = (level){{from, count, classes, m.row_step, 1},
                            {from + classes, count, USUAL_DISTANCES, m.row_step, 1},
                            strides[n],
                            0.0f};
        rows += count;
    }
    if (rows != m.rows)
        return clv_decode_misfit(job, "N is not the number of cells of strides 8, 16, 32, ...");
    *n_out = n;
    return CLV_OK;
}

/* The stride whose cells are @p rows; 0: none. */
static uint32_t stride_of(const clv_decode_options *o, size_t rows)
{
    for (uint32_t stride = 4; stride <= 128; stride *= 2) {
        if (cells(o, stride) == rows)
            return stride;
    }
    return 0;
}

/* Of the two outputs of a stride the one with 32 columns has the distances; else the second. */
static clv_status make_level(level *v, clv_decode_matrix first, clv_decode_matrix second,
                             const clv_decode_job *job)
{
    bool swapped = first.columns == USUAL_DISTANCES && second.columns != USUAL_DISTANCES;

    *v = (level){.classes = swapped ? second : first,
                 .distances = swapped ? first : second,
                 .stride = stride_of(job->options, first.rows),
                 .shift = 0.5f};
    if (v->stride == 0)
        return clv_decode_misfit(job, "n is not the number of cells of a stride");
    if (v->distances.columns % 4 != 0 || v->distances.columns < 8 || v->classes.columns < 1)
        return clv_decode_misfit(job, NULL);
    return CLV_OK;
}

/* NanoDet: two outputs for each stride, in any order of the strides. */
static clv_status pair_outputs(level *levels, uint32_t *n_out, const clv_decode_job *job)
{
    clv_decode_matrix m[2 * MAX_LEVELS];
    uint32_t n = 0;

    if (job->n_outputs < 2 || job->n_outputs % 2 != 0 || job->n_outputs > 2 * MAX_LEVELS)
        return clv_decode_misfit(job, NULL);
    for (uint32_t i = 0; i < job->n_outputs; i++) {
        if (!clv_decode_as_matrix(&m[i], job, i))
            return clv_decode_misfit(job, NULL);
    }
    for (uint32_t i = 0; i < job->n_outputs; i++) {
        uint32_t earlier = 0, later = 0, partner = i;
        for (uint32_t j = 0; j < job->n_outputs; j++) {
            bool same = j != i && m[j].rows == m[i].rows;
            earlier += same && j < i;
            later += same && j > i;
            partner = same ? j : partner;
        }
        if (earlier + later != 1)
            return clv_decode_misfit(job, NULL);
        if (later == 1)
            CLV_TRY(make_level(&levels[n++], m[i], m[partner], job));
    }
    for (uint32_t i = 1; i < n; i++) {
        if (levels[i].classes.columns != levels[0].classes.columns)
            return clv_decode_misfit(job, "the strides differ in C");
    }
    *n_out = n;
    return CLV_OK;
}

clv_status clv_decode_nanodet(clv_boxes *out, const clv_decode_job *job)
{
    level levels[MAX_LEVELS];
    uint32_t n = 0;

    CLV_TRY(job->n_outputs == 1 ? split_rows(levels, &n, job) : pair_outputs(levels, &n, job));
    out->count = 0;
    for (uint32_t i = 0; i < n; i++)
        offer_level(out, &levels[i], job);
    return CLV_OK;
}

/* --- FastestDet --------------------------------------------------------------------------- */

clv_status clv_decode_fastestdet(clv_boxes *out, const clv_decode_job *job)
{
    if (job->n_outputs != 1)
        return clv_decode_misfit(job, NULL);
    const clv_shape *shape = &job->outputs[0].shape;
    if (shape->rank != 4 || shape->dim[0] != 1 || shape->dim[1] < 6)
        return clv_decode_misfit(job, NULL);

    size_t height = (size_t)shape->dim[2], width = (size_t)shape->dim[3], n = height * width;
    clv_decode_matrix m = {job->outputs[0].data, n, (size_t)shape->dim[1], 1, n};
    float cell_width = (float)job->options->width / (float)width;
    float cell_height = (float)job->options->height / (float)height;
    out->count = 0;
    for (size_t r = 0; r < n; r++) {
        size_t best = clv_decode_best(&m, r, 5, m.columns);
        if (best == m.columns)
            continue;
        clv_box box = clv_box_centred(
            ((float)(r % width) + tanhf(clv_decode_at(&m, r, 1))) * cell_width,
            ((float)(r / width) + tanhf(clv_decode_at(&m, r, 2))) * cell_height,
            clv_decode_sigmoid(clv_decode_at(&m, r, 3)) * (float)job->options->width,
            clv_decode_sigmoid(clv_decode_at(&m, r, 4)) * (float)job->options->height);
        box.score = powf(clv_decode_score(job, clv_decode_at(&m, r, 0)), 0.6f) *
                    powf(clv_decode_score(job, clv_decode_at(&m, r, best)), 0.4f);
        box.class_index = (uint32_t)(best - 5);
        clv_boxes_offer(out, &box, job->options);
    }
    return CLV_OK;
}
