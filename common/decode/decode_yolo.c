/* SPDX-License-Identifier: Apache-2.0 */
/* The YOLO family as it is exported with its grid already applied: rows of centre, size and
 * scores in pixels of the input. YOLOv5 and 7 put an objectness in front of the classes; YOLOv8 and
 * later don't, and have their rows as columns. */
#include <math.h>

#include "base/error.h"
#include "decode/decode_parts.h"

/* The one matrix among the outputs. Older YOLOv5 exports add their raw heads, of rank 5; what else
 * lies beside it (the masks of a segmentation) changes what the columns mean. */
static clv_status find_matrix(clv_decode_matrix *out, const clv_decode_job *job)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < job->n_outputs; i++) {
        if (job->outputs[i].shape.rank == 5)
            continue;
        if (!clv_decode_as_matrix(out, job, i))
            return clv_decode_misfit(job, NULL);
        found++;
    }
    return found == 1 ? CLV_OK : clv_decode_misfit(job, NULL);
}

/* Rows are boxes: there are more of them than of columns. */
static clv_status orient(clv_decode_matrix *m, bool *transposed_out, const clv_decode_job *job)
{
    if (clv_decode_has(job, CLV_DECODE_WORD(END2END))) {
        *transposed_out = false;
        return CLV_OK;
    }
    if (m->rows == m->columns)
        return clv_decode_misfit(job, "which side counts the boxes can't be told");
    *transposed_out = m->rows < m->columns;
    if (*transposed_out)
        *m = (clv_decode_matrix){m->data, m->columns, m->rows, 1, m->columns};
    return CLV_OK;
}

static clv_box scaled(clv_box box, const clv_decode_job *job)
{
    if (clv_decode_has(job, CLV_DECODE_WORD(NORMALISED))) {
        box.x0 *= (float)job->options->width;
        box.x1 *= (float)job->options->width;
        box.y0 *= (float)job->options->height;
        box.y1 *= (float)job->options->height;
    }
    return box;
}

static void offer_rows(clv_boxes *out, const clv_decode_matrix *m, bool objectness,
                       const clv_decode_job *job)
{
    size_t first = objectness ? 5 : 4;

    for (size_t r = 0; r < m->rows; r++) {
        float object = objectness ? clv_decode_score(job, clv_decode_at(m, r, 4)) : 1.0f;
        if (!(object >= job->options->score)) /* no class can lift it */
            continue;
        size_t best = clv_decode_best(m, r, first, m->columns);
        if (best == m->columns)
            continue;
        clv_box box = clv_box_centred(clv_decode_at(m, r, 0), clv_decode_at(m, r, 1),
                                      clv_decode_at(m, r, 2), clv_decode_at(m, r, 3));
        box.score = object * clv_decode_score(job, clv_decode_at(m, r, best));
        box.class_index = (uint32_t)(best - first);
        box = scaled(box, job);
        clv_boxes_offer(out, &box, job->options);
    }
}

static void offer_end2end(clv_boxes *out, const clv_decode_matrix *m, const clv_decode_job *job)
{
    for (size_t r = 0; r < m->rows; r++) {
        float class_index = clv_decode_at(m, r, 5);
        if (!(class_index >= 0 && class_index < 1e6f))
            continue;
        clv_box box = {.x0 = clv_decode_at(m, r, 0),
                       .y0 = clv_decode_at(m, r, 1),
                       .x1 = clv_decode_at(m, r, 2),
                       .y1 = clv_decode_at(m, r, 3),
                       .score = clv_decode_score(job, clv_decode_at(m, r, 4)),
                       .class_index = (uint32_t)lrintf(class_index)};
        box = scaled(box, job);
        clv_boxes_offer(out, &box, job->options);
    }
}

clv_status clv_decode_yolo(clv_boxes *out, const clv_decode_job *job)
{
    clv_decode_matrix m = {0};
    bool transposed = false;

    CLV_TRY(find_matrix(&m, job));
    CLV_TRY(orient(&m, &transposed, job));
    if (clv_decode_has(job, CLV_DECODE_WORD(END2END))) {
        if (m.columns != 6)
            return clv_decode_misfit(job, "'end2end' means 6 columns");
        out->count = 0;
        offer_end2end(out, &m, job);
        return CLV_OK;
    }
    bool objectness = clv_decode_has(job, CLV_DECODE_WORD(OBJECTNESS)) ||
                      (!transposed && !clv_decode_has(job, CLV_DECODE_WORD(NO_OBJECTNESS)));
    if (m.columns < (objectness ? 6u : 5u))
        return clv_decode_misfit(job, "no column is left for a class");
    out->count = 0;
    offer_rows(out, &m, objectness, job);
    return CLV_OK;
}
